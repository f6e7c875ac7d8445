/* SPDX-License-Identifier: Apache-2.0 */
/* Batches out of what a TUN gives, and back; virtio 1.2 5.1.6, datapath.md 6.2, 6.3 and 6.6. */
#include "io/dataplane_inner.h"

#define LOG_TAG "dataplane"

#include "base/buf.h"
#include "base/log.h"
#include "ipsec/ipsec.h"

#include <errno.h>
#include <string.h>

/* The next packet, to be cut. Its length; 0: nothing waits; or negative errno. */
static ssize_t read_super(struct inner *in, const struct tun *tun, uint16_t tunnel)
{
	struct virtio_net_hdr vnet;
	ssize_t n = tun_read(tun, &vnet, in->super);

	if (n <= 0)
		return n;
	in->from = tunnel;
	if (segment_begin(&in->segmenter, &vnet, in->super, (size_t)n) != DROP_NONE) {
		in->ipsec->taken++;
		in->ipsec->drops[DROP_TUN_SEGMENT]++;
	}
	return n;
}

static void take_segment(struct inner *in, const struct tun *tun, struct batch *batch)
{
	struct batch_item *item = &batch->items[batch->n];
	enum drop drop = DROP_NO_BUFFER;

	in->ipsec->taken++;
	memset(item, 0, sizeof(*item));
	item->pkt = buf_pool_get(in->pool);
	item->tunnel = in->from;
	item->run = tun->offload != 0;
	if (item->pkt != NULL)
		drop = segment_next(&in->segmenter, item);
	/* The item before may be of the batch before. */
	item->alike = item->alike && batch->n > 0;
	if (drop == DROP_NONE) {
		batch->n++;
		return;
	}
	/* The segments behind would take another packet's item for that of this one. */
	in->segmenter.at = in->segmenter.len;
	in->ipsec->drops[drop]++;
	buf_pool_put(in->pool, item->pkt);
}

static void take_rest(struct inner *in, const struct tun *tun, struct batch *batch)
{
	while (segment_left(&in->segmenter) && batch->n < BATCH_MAX)
		take_segment(in, tun, batch);
}

size_t inner_rest(struct inner *in, const struct tun *tun, struct batch *batch)
{
	batch->n = 0;
	take_rest(in, tun, batch);
	return batch->n;
}

/* What is dropped here takes no place in the batch: it must not keep us reading, either. */
size_t inner_read(
	struct inner *in, const struct tun *tun, uint16_t tunnel, struct batch *batch, int *error)
{
	ssize_t n = 1;

	inner_rest(in, tun, batch);
	for (int reads = 0; n > 0 && reads < BATCH_MAX && batch->n < BATCH_MAX; reads++) {
		n = read_super(in, tun, tunnel);
		take_rest(in, tun, batch);
	}
	*error = n < 0 ? (int)n : 0;
	return batch->n;
}

void inner_forget(struct inner *in, uint16_t tunnel)
{
	if (in->from == tunnel)
		in->segmenter = (struct segmenter){0};
}

unsigned inner_kinds(const struct tun *tun)
{
	return (tun->offload & TUN_TSO ? COALESCE_TCP : 0u) |
	       (tun->offload & TUN_USO ? COALESCE_UDP : 0u);
}

/* One by one, in order. */
static unsigned write_singly(const struct inner *in, const struct tun *tun,
	const struct coalesce_run *run, const struct batch *batch)
{
	struct coalesce_run single;
	uint8_t i = run->first;
	unsigned lost = 0;

	for (unsigned left = run->n; left > 0; left--, i = in->coalescer.next[i]) {
		coalesce_single(&single, batch, i);
		lost += tun_write_run(tun, &in->coalescer, &single, batch) != 0;
	}
	return lost;
}

unsigned inner_write(struct inner *in, const struct tun *tun, const struct coalesce_run *run,
	const struct batch *batch, unsigned *kinds)
{
	int err = tun_write_run(tun, &in->coalescer, run, batch);

	if (err != -EINVAL || run->n == 1)
		return err != 0 ? run->n : 0;
	*kinds &= run->udp ? ~(unsigned)COALESCE_UDP : ~(unsigned)COALESCE_TCP;
	log_info("%s: this kernel takes no %s super-packets", tun->name, run->udp ? "UDP" : "TCP");
	return write_singly(in, tun, run, batch);
}
