/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN device with its virtio header: open, read one packet, write one run of packets. */
#ifndef DIETVPN_IO_TUN_H
#define DIETVPN_IO_TUN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct batch;
struct buf;
struct coalesce_run;
struct coalescer;
struct virtio_net_hdr;

enum tun_flag {
	TUN_PERSISTENT = 1, /* outlives us (TUNSETPERSIST), so that its routes go on to hold
			       packets back */
	TUN_OFFLOAD = 2,    /* super-packets and unfinished checksums are welcome */
};

/* What the kernel hands over in super-packets, or unfinished; bits. */
enum tun_offload { TUN_CSUM = 1, TUN_TSO = 2, TUN_USO = 4 };

enum { TUN_READ_MAX = 65535 }; /* octets of one packet */

struct tun {
	int fd;
	int ifindex;
	char name[16];
	unsigned offload; /* enum tun_offload, decided when it was opened */
};

/*
 * Opens or takes over the device. fd >= 0: an already open descriptor of it, ours on success only.
 * flags: enum tun_flag. 0 or negative errno: -EBUSY another process has it, -EINVAL it is no TUN,
 * has another name or no virtio header.
 */
int tun_open(struct tun *tun, const char *name, int fd, unsigned flags);
void tun_close(struct tun *tun); /* the device stays if persistent */
int tun_remove(
	struct tun *tun); /* takes persistence away and closes: device, addresses and routes go */
/*
 * One packet of up to TUN_READ_MAX octets and what the kernel says of it. Its length; 0: nothing
 * waits; or negative errno: -EBADFD the device is gone.
 */
ssize_t tun_read(const struct tun *tun, struct virtio_net_hdr *vnet, uint8_t *room);
int tun_write(const struct tun *tun, const struct buf *pkt); /* 0 or negative errno */
/* One run of the batch in one write; -EINVAL: the kernel does not take this kind. */
int tun_write_run(const struct tun *tun, const struct coalescer *coalescer,
	const struct coalesce_run *run, const struct batch *batch);

#endif
