/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device: open, read a batch, write a batch. */
#ifndef DIETVPN_IO_TUN_H
#define DIETVPN_IO_TUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct buf_pool;

struct tun {
	int fd;
	int ifindex;
	char name[16];
};

/*
 * Opens or takes over the device; persistent: it outlives us (TUNSETPERSIST), so that its routes go
 * on to hold packets back. fd >= 0: an already open descriptor of it, ours on success only. 0 or
 * negative errno: -EBUSY another process has it, -EINVAL it is no TUN or has another name.
 */
int tun_open(struct tun *tun, const char *name, int fd, bool persistent);
void tun_close(struct tun *tun); /* the device stays if persistent */
int tun_remove(
	struct tun *tun); /* takes persistence away and closes: device, addresses and routes go */
/*
 * Up to n packets into buffers from the pool; returns how many (0: nothing waits) or negative
 * errno: -ENOBUFS the pool is empty, -EBADFD the device is gone. A packet longer than a buffer is
 * cut, and its own length field then fails the parser.
 */
int tun_read(const struct tun *tun, struct buf_pool *pool, struct buf **pkts, size_t n);
int tun_write(const struct tun *tun, const struct buf *pkt); /* 0 or negative errno */

#endif
