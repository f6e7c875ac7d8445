/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device: persistence and takeover, batches, wrong devices. */
#include "io/tun.h"

#include "base/buf.h"
#include "fakes/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { PAYLOAD = 28 /* of an IPv4 packet with UDP */ };

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
	cr_assert_eq(tun_open(&tun, "diet7", -1, true), 0);
	cr_assert_str_eq(tun.name, "diet7");
	index = tun.ifindex;
	cr_assert(index > 0 && index == (int)if_nametoindex("diet7"));
	cr_assert(fcntl(tun.fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(tun.fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(tun_open(&other, "diet7", -1, true), -EBUSY);
	cr_assert(sh("ip link set diet7 up && ip addr add 10.9.0.1/24 dev diet7 && "
		     "ip route add 10.77.0.0/16 dev diet7"));
	tun_close(&tun);
	cr_assert_eq(tun.fd, -1);
	/* Nobody reads now: the routes stay, and hold the packets. */
	sh_read("ip -o link show diet7; ip route", text, sizeof(text));
	cr_assert(strstr(text, "NO-CARRIER") && strstr(text, "10.77.0.0/16 dev diet7"), "%s", text);
	cr_assert_eq(tun_open(&tun, "diet7", -1, true), 0);
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
	cr_assert_eq(tun_open(&tun, "diet7", -1, true), 0);
	tun_close(&tun);
	/* Opened anew without persistence, it loses what the earlier life asked for. */
	cr_assert_eq(tun_open(&tun, "diet7", -1, false), 0);
	tun_close(&tun);
	cr_assert_eq(if_nametoindex("diet7"), 0);
	tun_close(&tun);
}

Test(tun, an_open_descriptor_is_adopted)
{
	struct tun first, tun;
	int null;

	enter();
	cr_assert_eq(tun_open(&first, "diet7", -1, false), 0);
	cr_assert(fcntl(first.fd, F_SETFL, 0) == 0);
	cr_assert_eq(tun_open(&tun, "diet8", first.fd, false), -EINVAL);
	cr_assert_eq(tun_open(&tun, "diet7", first.fd, false), 0);
	cr_assert_eq(tun.fd, first.fd);
	cr_assert_eq(tun.ifindex, first.ifindex);
	cr_assert(fcntl(tun.fd, F_GETFL) & O_NONBLOCK);
	null = open("/dev/null", O_RDWR);
	cr_assert_lt(tun_open(&first, "diet7", null, false), 0);
	cr_assert(fcntl(null, F_GETFD) >= 0, "a refused descriptor stays the caller's");
	close(null);
	tun_close(&tun);
}

Test(tun, refuses_what_is_no_tun)
{
	struct tun tun;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7890123456789", -1, false), -ENAMETOOLONG);
	cr_assert(sh("ip tuntap add dev tap7 mode tap"));
	cr_assert_eq(tun_open(&tun, "tap7", -1, false), -EINVAL);
	cr_assert_lt(tun_open(&tun, "lo", -1, false), 0);
}

/* An earlier life with offloads must not bring us headers that we do not know. */
Test(tun, offloads_of_an_earlier_life_are_gone)
{
	struct ifreq ifr = {.ifr_name = "diet7", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	struct buf_pool *pool = buf_pool_create(4, 2048);
	struct buf *pkt;
	struct tun tun;
	int fd;

	enter();
	fd = open("/dev/net/tun", O_RDWR);
	cr_assert(ioctl(fd, TUNSETIFF, &ifr) == 0);
	cr_assert(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) == 0);
	cr_assert(ioctl(fd, TUNSETPERSIST, 1) == 0);
	close(fd);
	cr_assert_eq(tun_open(&tun, "diet7", -1, false), 0);
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	send_to(fd, "10.9.0.2", "x", 1);
	cr_assert_eq(tun_read(&tun, pool, &pkt, 1), 1);
	cr_assert_eq(pkt->len, PAYLOAD + 1);
	cr_assert_eq(pkt->data[0], 0x45);
	buf_pool_put(pool, pkt);
	close(fd);
	tun_close(&tun);
	buf_pool_destroy(pool);
}

static void swap_addresses(struct buf *pkt)
{
	uint8_t src[4];

	memcpy(src, pkt->data + 12, 4);
	memcpy(pkt->data + 12, pkt->data + 16, 4);
	memcpy(pkt->data + 16, src, 4);
}

Test(tun, batches_keep_order_and_come_back)
{
	struct buf_pool *pool = buf_pool_create(16, 9000);
	struct buf *pkts[16];
	uint8_t big[8000] = {0};
	struct tun tun;
	uint8_t got[2];
	int expect = 0;
	int fd;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, false), 0);
	cr_assert_eq(tun_read(&tun, pool, pkts, 16), 0, "nothing waits");
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 mtu 9000 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	for (uint8_t i = 0; i < 10; i++)
		send_to(fd, "10.9.0.2", &i, 1);
	for (int want = 4; expect < 10; want = expect == 8 ? 2 : 4) {
		int n = tun_read(&tun, pool, pkts, 4);

		cr_assert_eq(n, want);
		for (int i = 0; i < n; i++) {
			cr_assert_eq(pkts[i]->len, PAYLOAD + 1);
			cr_assert_eq(pkts[i]->data[PAYLOAD], expect++);
			swap_addresses(pkts[i]);
			cr_assert_eq(tun_write(&tun, pkts[i]), 0);
			buf_pool_put(pool, pkts[i]);
		}
	}
	for (uint8_t i = 0; i < 10; i++) {
		cr_assert_eq(recv(fd, got, sizeof(got), 0), 1);
		cr_assert_eq(got[0], i);
	}
	send_to(fd, "10.9.0.2", big, sizeof(big));
	cr_assert_eq(tun_read(&tun, pool, pkts, 16), 1);
	cr_assert_eq(pkts[0]->len, sizeof(big) + PAYLOAD);
	pkts[0]->data[0] = 0xf0;
	cr_assert_lt(tun_write(&tun, pkts[0]), 0, "no IP packet");
	buf_pool_put(pool, pkts[0]);
	close(fd);
	tun_close(&tun);
	buf_pool_destroy(pool);
}

Test(tun, an_empty_pool_leaves_packets_in_the_device)
{
	struct buf_pool *pool = buf_pool_create(2, 2048);
	struct buf *pkts[8];
	struct tun tun;
	int fd;

	enter();
	cr_assert_eq(tun_open(&tun, "diet7", -1, false), 0);
	cr_assert(sh("ip link set diet7 addrgenmode none && ip link set diet7 up && "
		     "ip addr add 10.9.0.1/24 dev diet7"));
	fd = bound("10.9.0.1");
	for (uint8_t i = 0; i < 3; i++)
		send_to(fd, "10.9.0.2", &i, 1);
	cr_assert_eq(tun_read(&tun, pool, pkts, 8), 2);
	cr_assert_eq(tun_read(&tun, pool, pkts + 2, 6), -ENOBUFS);
	buf_pool_put(pool, pkts[0]);
	cr_assert_eq(tun_read(&tun, pool, pkts, 8), 1);
	cr_assert_eq(pkts[0]->data[PAYLOAD], 2);
	cr_assert(sh("ip link del diet7"));
	buf_pool_put(pool, pkts[0]);
	cr_assert_lt(tun_read(&tun, pool, pkts, 8), 0, "the device is gone");
	cr_assert_lt(tun_write(&tun, pkts[1]), 0);
	buf_pool_put(pool, pkts[1]);
	close(fd);
	tun_close(&tun);
	buf_pool_destroy(pool);
}
