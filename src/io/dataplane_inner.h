/* SPDX-License-Identifier: Apache-2.0 */
/* Between a TUN and a batch: what is read is cut, what is written is joined. */
#ifndef DIETVPN_IO_DATAPLANE_INNER_H
#define DIETVPN_IO_DATAPLANE_INNER_H

#include "io/coalesce.h"
#include "io/segment.h"
#include "io/tun.h"

#include <stddef.h>
#include <stdint.h>

struct batch;
struct buf_pool;
struct ipsec;

struct inner {
	struct ipsec *ipsec; /* whose counters; borrowed, like the pool */
	struct buf_pool *pool;
	struct segmenter segmenter; /* of the packet in super; what is left of it goes first */
	uint16_t from;              /* the tunnel that it came from */
	struct coalescer coalescer;
	uint8_t super[TUN_READ_MAX]; /* touched only by who offloads, or sends long packets */
};

/*
 * Fills the batch, whose n was anything: first with what is left of the packet under way, then with
 * what the TUN has, in at most BATCH_MAX reads. Buffers are of the pool. How many; *error: 0 or the
 * TUN's negative errno. A batch that is not full says nothing of what still waits. Counts what is
 * dropped here.
 */
size_t inner_read(struct inner *inner, const struct tun *tun, uint16_t tunnel, struct batch *batch,
	int *error);
/* The same with nothing but what is left of the packet under way. */
size_t inner_rest(struct inner *inner, const struct tun *tun, struct batch *batch);
/* Forgets what is left of a packet of this tunnel. */
void inner_forget(struct inner *inner, uint16_t tunnel);

/* The kinds of coalesce.h that this device takes. */
unsigned inner_kinds(const struct tun *tun);
/*
 * Writes a run of the coalescer. A kind that the kernel turns out not to take leaves *kinds, and
 * the run goes packet by packet. How many packets did not go.
 */
unsigned inner_write(struct inner *inner, const struct tun *tun, const struct coalesce_run *run,
	const struct batch *batch, unsigned *kinds);

#endif
