/* SPDX-License-Identifier: Apache-2.0 */
/* Joins what arrived into super-packets for the TUN (virtio 1.2 section 5.1.6): the mirror of
 * segment.h. */
#ifndef DIETVPN_IO_COALESCE_H
#define DIETVPN_IO_COALESCE_H

#include "io/segment.h"
#include "ipsec/ipsec.h"

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	COALESCE_OPEN = 8,     /* flows that can grow at a time */
	COALESCE_HEADER = 120, /* IPv6 and TCP with all options are 100 */
	COALESCE_TCP = 1,      /* kinds */
	COALESCE_UDP = 2,
};

/* Packets that become one write: the items first, next[first], ... of the batch. */
struct coalesce_run {
	struct virtio_net_hdr vnet;
	uint16_t header_len; /* of header[]; 0: one packet, written as it is */
	uint8_t n;           /* packets */
	uint8_t first, last; /* items */
	bool open;
	/* of the first packet and what the next one has to be; valid while open */
	bool udp;
	uint8_t version;
	uint16_t l4; /* offset of the transport header */
	uint16_t payload_at;
	uint16_t gso_size;
	uint32_t sequence;
	size_t len; /* octets with the header once */
	uint8_t header[COALESCE_HEADER];
};

struct coalescer {
	size_t n_runs, n_open;
	uint8_t open[COALESCE_OPEN];         /* runs that can grow, the oldest first */
	uint8_t next[BATCH_MAX];             /* the item behind this one in its run */
	struct coalesce_run runs[BATCH_MAX]; /* in the order in which they began */
};

void coalesce_begin(struct coalescer *coalescer);
/*
 * Item i of the batch, at most once; kinds: COALESCE_TCP, COALESCE_UDP, what may be joined. It
 * joins the run of its flow only where segmentation by the kernel gives back exactly these octets:
 * datapath.md 6.6. A packet whose transport checksum is wrong stays alone and unchanged. The order
 * within a flow stays.
 */
void coalesce_add(
	struct coalescer *coalescer, const struct batch *batch, uint8_t i, unsigned kinds);
/* After the last: makes the headers of all runs. */
void coalesce_end(struct coalescer *coalescer, const struct batch *batch);
/* A run of this item alone: where the kernel has refused a longer one. */
void coalesce_single(struct coalesce_run *run, const struct batch *batch, uint8_t i);

#endif
