/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device through /dev/net/tun, Linux's Documentation/networking/tuntap; one IP packet per
 * read and write, no virtio header yet (house.md 4: the batch is the seam for it). */
#include "io/tun.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TUN_FLAGS = IFF_TUN | IFF_NO_PI };

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
	if ((ifr->ifr_flags & (TUN_FLAGS | IFF_TAP | IFF_VNET_HDR)) != TUN_FLAGS)
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

static int set_up(struct tun *tun, int fd, const struct ifreq *ifr, bool persistent)
{
	unsigned index = if_nametoindex(ifr->ifr_name);

	if (index == 0)
		return -errno;
	/* Offloads of an earlier life would bring super-packets that we cannot tell apart. */
	if (ioctl(fd, TUNSETOFFLOAD, 0UL) < 0 ||
		ioctl(fd, TUNSETPERSIST, persistent ? 1UL : 0UL) < 0)
		return -errno;
	tun->fd = fd;
	tun->ifindex = (int)index;
	memcpy(tun->name, ifr->ifr_name, sizeof(tun->name));
	return 0;
}

int tun_open(struct tun *tun, const char *name, int fd, bool persistent)
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
		err = set_up(tun, fd, &ifr, persistent);
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

/* 1: a packet; 0: nothing waits. */
static int read_one(int fd, struct buf *pkt)
{
	size_t room = buf_tailroom(pkt) - BUF_TAILROOM;
	ssize_t got;

	do {
		got = read(fd, pkt->data, room);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	buf_put(pkt, (size_t)got);
	return got > 0;
}

int tun_read(const struct tun *tun, struct buf_pool *pool, struct buf **pkts, size_t n)
{
	size_t done = 0;
	int got = 0;

	while (done < n) {
		struct buf *pkt = buf_pool_get(pool);

		if (pkt == NULL) {
			got = -ENOBUFS;
			break;
		}
		got = read_one(tun->fd, pkt);
		if (got <= 0) {
			buf_pool_put(pool, pkt);
			break;
		}
		pkts[done++] = pkt;
	}
	return done > 0 ? (int)done : got;
}

int tun_write(const struct tun *tun, const struct buf *pkt)
{
	ssize_t put;

	do {
		put = write(tun->fd, pkt->data, pkt->len);
	} while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : 0;
}
