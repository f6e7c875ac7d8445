/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device through /dev/net/tun, Linux's Documentation/networking/tuntap, with the virtio
 * header of 10 octets (virtio 1.2 5.1.6) that says what a packet still needs. */
#include "io/tun.h"

#include "base/buf.h"
#include "io/coalesce.h"
#include "ipsec/ipsec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TUN_FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, RUN_IOVECS = BATCH_MAX + 2 };

/* Linux 6.2; older headers lack them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Creates the device, or attaches to a persistent one that an earlier life left. */
static int attach(int fd, const char *name, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	if (strlen(name) >= sizeof(ifr->ifr_name))
		return -ENAMETOOLONG;
	strcpy(ifr->ifr_name, name);
	ifr->ifr_flags = TUN_FLAGS;
	return ioctl(fd, TUNSETIFF, ifr) < 0 ? -errno : 0;
}

/* A descriptor that came from outside has to be what it is said to be. */
static int adopt(int fd, const char *name, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	if (ioctl(fd, TUNGETIFF, ifr) < 0)
		return -errno;
	if ((ifr->ifr_flags & (TUN_FLAGS | IFF_TAP)) != TUN_FLAGS)
		return -EINVAL;
	return *name != '\0' && strcmp(name, ifr->ifr_name) != 0 ? -EINVAL : 0;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/*
 * The most that this kernel takes. Offloads of an earlier life are taken back where none are
 * wanted: the setting stays with the device.
 */
static int set_offload(struct tun *tun, int fd, bool wanted)
{
	static const struct {
		unsigned long kernel;
		unsigned ours;
	} choices[] = {
		{TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
			TUN_CSUM | TUN_TSO | TUN_USO},
		{TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN, TUN_CSUM | TUN_TSO},
		{TUN_F_CSUM, TUN_CSUM},
	};

	for (size_t i = 0; wanted && i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, choices[i].kernel) == 0) {
			tun->offload = choices[i].ours;
			return 0;
		}
		if (errno != EINVAL)
			return -errno;
	}
	tun->offload = 0;
	return ioctl(fd, TUNSETOFFLOAD, 0UL) < 0 ? -errno : 0;
}

static int set_header(int fd)
{
	int size = sizeof(struct virtio_net_hdr);
	int little = 0;

	/* Of the machine's own byte order, whatever an earlier life had chosen. */
	(void)ioctl(fd, TUNSETVNETLE, &little);
	return ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ? -errno : 0;
}

static int set_up(struct tun *tun, int fd, const struct ifreq *ifr, unsigned flags)
{
	unsigned index = if_nametoindex(ifr->ifr_name);
	int err;

	if (index == 0)
		return -errno;
	err = set_header(fd);
	if (err == 0)
		err = set_offload(tun, fd, (flags & TUN_OFFLOAD) != 0);
	if (err == 0 && ioctl(fd, TUNSETPERSIST, flags & TUN_PERSISTENT ? 1UL : 0UL) < 0)
		err = -errno;
	if (err != 0)
		return err;
	tun->fd = fd;
	tun->ifindex = (int)index;
	memcpy(tun->name, ifr->ifr_name, sizeof(tun->name));
	return 0;
}

int tun_open(struct tun *tun, const char *name, int fd, unsigned flags)
{
	struct ifreq ifr;
	int own = -1;
	int err;

	if (fd < 0) {
		own = fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		err = attach(fd, name, &ifr);
	} else {
		err = adopt(fd, name, &ifr);
		if (err == 0)
			err = set_nonblocking(fd);
	}
	if (err == 0)
		err = set_up(tun, fd, &ifr, flags);
	if (err != 0 && own >= 0)
		close(own);
	return err;
}

void tun_close(struct tun *tun)
{
	if (tun->fd >= 0)
		close(tun->fd);
	tun->fd = -1;
}

int tun_remove(struct tun *tun)
{
	int err = ioctl(tun->fd, TUNSETPERSIST, 0UL) < 0 ? -errno : 0;

	tun_close(tun);
	return err;
}

ssize_t tun_read(const struct tun *tun, struct virtio_net_hdr *vnet, uint8_t *room)
{
	struct iovec iov[2] = {{vnet, sizeof(*vnet)}, {room, TUN_READ_MAX}};
	ssize_t got;

	do {
		got = readv(tun->fd, iov, 2);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	return got > (ssize_t)sizeof(*vnet) ? got - (ssize_t)sizeof(*vnet) : 0;
}

static int write_all(int fd, const struct iovec *iov, int n)
{
	ssize_t put;

	do {
		put = writev(fd, iov, n);
	} while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : 0;
}

int tun_write(const struct tun *tun, const struct buf *pkt)
{
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	const struct iovec iov[2] = {{&vnet, sizeof(vnet)}, {pkt->data, pkt->len}};

	return write_all(tun->fd, iov, 2);
}

int tun_write_run(const struct tun *tun, const struct coalescer *co, const struct coalesce_run *run,
	const struct batch *batch)
{
	struct coalesce_run *r = (struct coalesce_run *)(uintptr_t)run; /* an iovec has no const */
	struct iovec iov[RUN_IOVECS] = {{&r->vnet, sizeof(r->vnet)}, {r->header, r->header_len}};
	int n = run->header_len > 0 ? 2 : 1;
	uint8_t i = run->first;

	for (unsigned left = run->n; left > 0; left--, i = co->next[i]) {
		const struct buf *pkt = batch->items[i].pkt;

		iov[n].iov_base = pkt->data + run->header_len;
		iov[n++].iov_len = pkt->len - run->header_len;
	}
	return write_all(tun->fd, iov, n);
}
