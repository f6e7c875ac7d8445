/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device: persistence and takeover, super-packets, wrong devices. */
#include "io/tun.h"

#include "base/buf.h"
#include "io/coalesce.h"
#include "io/segment.h"
#include "ipsec/ipsec.h"
#include "fakes/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { PAYLOAD = 28 /* of an IPv4 packet with UDP */ };

static uint8_t room[TUN_READ_MAX];

/* The next packet, which is whole and finished. */
static ssize_t read_plain(const struct tun *tun)
{
	struct virtio_net_hdr vnet;
	ssize_t n = tun_read(tun, &vnet, room);

	if (n > 0)
		cr_assert(vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE && vnet.flags == 0);
	return n;
}

static void enter(void)
{
	netns_new();
	netns_need_tun();
}

static struct sockaddr_in inside(const char *addr)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(9999)};

	inet_pton(AF_INET, addr, &sin.sin_addr);
	return sin;
}

static int bound(const char *addr)
{
	struct sockaddr_in sin = inside(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	cr_assert(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	return fd;
}

static void send_to(int fd, const char *addr, const void *data, size_t len)
{
	struct sockaddr_in sin = inside(addr);

	cr_assert_eq(sendto(fd, data, len, 0, (struct sockaddr *)&sin, sizeof(sin)), (ssize_t)len,
		"%s", strerror(errno));
}

Test(tun, persistent_outlives_and_is_taken_over)
{
	struct tun tun, other;
	char text[1024];
	int index;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_PERSISTENT), 0);
	cr_assert_str_eq(tun.name, "diet7");
	index = tun.ifindex;
	cr_assert(index > 0 && index == (int)if_nametoindex("diet7"));
	cr_assert(fcntl(tun.fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(tun.fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(tun_open(&other, "diet7", -1, TUN_PERSISTENT), -EBUSY);
	cr_assert(sh("ip link set diet7 up && ip addr add 10.9.0.1/24 dev diet7 && "
		     "ip route add 10.77.0.0/16 dev diet7"));
	tun_close(&tun);
	cr_assert_eq(tun.fd, -1);
	/* Nobody reads now: the routes stay, and hold the packets. */
	sh_read("ip -o link show diet7; ip route", text, sizeof(text));
	cr_assert(strstr(text, "NO-CARRIER") && strstr(text, "10.77.0.0/16 dev diet7"), "%s", text);
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_PERSISTENT), 0);
	cr_assert_eq(tun.ifindex, index);
	sh_read("ip addr show diet7", text, sizeof(text));
	cr_assert(strstr(text, "10.9.0.1/24"), "%s", text);
	cr_assert_eq(tun_remove(&tun), 0);
	cr_assert_eq(if_nametoindex("diet7"), 0);
}

Test(tun, a_plain_one_goes_with_its_descriptor)
{
	struct tun tun;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_PERSISTENT), 0);
	tun_close(&tun);
	/* Opened anew without persistence, it loses what the earlier life asked for. */
	cr_assert_eq(tun_open(&tun, "diet7", -1, 0), 0);
	tun_close(&tun);
	cr_assert_eq(if_nametoindex("diet7"), 0);
	tun_close(&tun);
}

Test(tun, an_open_descriptor_is_adopted)
{
	struct tun first, tun;
	int null;

	enter();
	cr_assert_eq(tun_open(&first, "diet7", -1, 0), 0);
	cr_assert(fcntl(first.fd, F_SETFL, 0) == 0);
	cr_assert_eq(tun_open(&tun, "diet8", first.fd, 0), -EINVAL);
	cr_assert_eq(tun_open(&tun, "diet7", first.fd, 0), 0);
	cr_assert_eq(tun.fd, first.fd);
	cr_assert_eq(tun.ifindex, first.ifindex);
	cr_assert(fcntl(tun.fd, F_GETFL) & O_NONBLOCK);
	null = open("/dev/null", O_RDWR);
	cr_assert_lt(tun_open(&first, "diet7", null, 0), 0);
	cr_assert(fcntl(null, F_GETFD) >= 0, "a refused descriptor stays the caller's");
	close(null);
	tun_close(&tun);
}

Test(tun, refuses_what_is_no_tun)
{
	struct tun tun;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7890123456789", -1, 0), -ENAMETOOLONG);
	cr_assert(sh("ip tuntap add dev tap7 mode tap"));
	cr_assert_eq(tun_open(&tun, "tap7", -1, 0), -EINVAL);
	cr_assert_lt(tun_open(&tun, "lo", -1, 0), 0);
}

/* An earlier life with offloads must not bring us what we did not ask for. */
Test(tun, offloads_of_an_earlier_life_are_gone)
{
	struct tun tun;
	int fd;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_PERSISTENT | TUN_OFFLOAD), 0);
	cr_assert(tun.offload & TUN_TSO, "Linux has had it since 2.6.27");
	tun_close(&tun);
	cr_assert_eq(tun_open(&tun, "diet7", -1, 0), 0);
	cr_assert_eq(tun.offload, 0);
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	send_to(fd, "10.9.0.2", "x", 1);
	cr_assert_eq(read_plain(&tun), PAYLOAD + 1);
	cr_assert_eq(room[0], 0x45);
	close(fd);
	tun_close(&tun);
}

/* Of another program, or of a version of ours that had none. */
Test(tun, a_descriptor_without_virtio_header_is_refused)
{
	struct ifreq ifr = {.ifr_name = "diet7", .ifr_flags = IFF_TUN | IFF_NO_PI};
	struct tun tun;
	int fd;

	enter();
	fd = open("/dev/net/tun", O_RDWR);
	cr_assert(ioctl(fd, TUNSETIFF, &ifr) == 0);
	cr_assert_eq(tun_open(&tun, "diet7", fd, 0), -EINVAL);
	cr_assert(ioctl(fd, TUNSETPERSIST, 1) == 0);
	close(fd);
	/* The device itself can be taken over. */
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_OFFLOAD), 0);
	tun_close(&tun);
}

static struct buf *as_buf(size_t len)
{
	struct buf *pkt = buf_alloc(TUN_READ_MAX);

	cr_assert(pkt != NULL && buf_set(pkt, room, len) == 0);
	return pkt;
}

/* Back to where it came from. */
static void reflect(const struct tun *tun, size_t len)
{
	struct buf *pkt = as_buf(len);
	uint8_t src[4];

	memcpy(src, pkt->data + 12, 4);
	memcpy(pkt->data + 12, pkt->data + 16, 4);
	memcpy(pkt->data + 16, src, 4);
	cr_assert_eq(tun_write(tun, pkt), 0);
	buf_free(pkt);
}

Test(tun, packets_keep_order_and_come_back)
{
	uint8_t big[8000] = {0};
	struct buf *pkt;
	struct tun tun;
	uint8_t got[2];
	int fd;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, 0), 0);
	cr_assert_eq(read_plain(&tun), 0, "nothing waits");
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 mtu 9000 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	for (uint8_t i = 0; i < 10; i++)
		send_to(fd, "10.9.0.2", &i, 1);
	for (uint8_t i = 0; i < 10; i++) {
		cr_assert_eq(read_plain(&tun), PAYLOAD + 1);
		cr_assert_eq(room[PAYLOAD], i);
		reflect(&tun, PAYLOAD + 1);
	}
	cr_assert_eq(read_plain(&tun), 0);
	for (uint8_t i = 0; i < 10; i++) {
		cr_assert_eq(recv(fd, got, sizeof(got), 0), 1);
		cr_assert_eq(got[0], i);
	}
	send_to(fd, "10.9.0.2", big, sizeof(big));
	cr_assert_eq(read_plain(&tun), (ssize_t)sizeof(big) + PAYLOAD);
	room[0] = 0xf0;
	pkt = as_buf(sizeof(big) + PAYLOAD);
	cr_assert_lt(tun_write(&tun, pkt), 0, "no IP packet");
	cr_assert(sh("ip link del diet7"));
	cr_assert_lt(read_plain(&tun), 0, "the device is gone");
	cr_assert_lt(tun_write(&tun, pkt), 0);
	buf_free(pkt);
	close(fd);
	tun_close(&tun);
}

/* A real super-packet of the kernel, cut by us, joined by us, written: the datagrams come back as
 * they went. */
Test(tun, a_super_packet_goes_there_and_back)
{
	static struct coalescer co;
	static struct batch batch;
	struct virtio_net_hdr vnet;
	struct segmenter segmenter;
	struct sockaddr_in to = inside("10.9.0.2");
	uint8_t data[4100];
	uint8_t got[2048];
	struct tun tun;
	ssize_t n;
	int size = 1000;
	int fd;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, TUN_OFFLOAD), 0);
	if (!(tun.offload & TUN_USO))
		cr_skip_test("this kernel has no UDP segmentation offload on TUNs (Linux 6.2)");
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	cr_assert(setsockopt(fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)) == 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	cr_assert_eq(send(fd, data, sizeof(data), 0), (ssize_t)sizeof(data));
	n = tun_read(&tun, &vnet, room);
	cr_assert_eq(n, (ssize_t)sizeof(data) + PAYLOAD, "%zd", n);
	cr_assert_eq(vnet.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	/* The way back goes the other way round; both sums stay what they are. */
	for (size_t i = 0; i < 4; i++) {
		uint8_t octet = room[12 + i];

		room[12 + i] = room[16 + i];
		room[16 + i] = octet;
	}
	for (size_t i = 0; i < 2; i++) {
		uint8_t octet = room[20 + i];

		room[20 + i] = room[22 + i];
		room[22 + i] = octet;
	}
	cr_assert_eq(segment_begin(&segmenter, &vnet, room, (size_t)n), DROP_NONE);
	for (; segment_left(&segmenter); batch.n++) {
		struct batch_item *item = &batch.items[batch.n];

		item->pkt = buf_alloc(2048);
		cr_assert_eq(segment_next(&segmenter, item), DROP_NONE);
	}
	cr_assert_eq(batch.n, 5);
	coalesce_begin(&co);
	for (uint8_t i = 0; i < batch.n; i++)
		coalesce_add(&co, &batch, i, COALESCE_UDP);
	coalesce_end(&co, &batch);
	cr_assert_eq(co.n_runs, 1);
	cr_assert_eq(tun_write_run(&tun, &co, &co.runs[0], &batch), 0);
	to = inside("10.9.0.1");
	for (size_t at = 0; at < sizeof(data); at += (size_t)size) {
		size_t want = sizeof(data) - at < (size_t)size ? sizeof(data) - at : (size_t)size;

		cr_assert_eq(recv(fd, got, sizeof(got), 0), (ssize_t)want);
		cr_assert(memcmp(got, data + at, want) == 0);
	}
	for (size_t i = 0; i < batch.n; i++)
		buf_free(batch.items[i].pkt);
	close(fd);
	tun_close(&tun);
}
