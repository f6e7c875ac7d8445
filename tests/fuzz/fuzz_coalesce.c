/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a few flows with octets changed at will: whatever is joined comes apart as it was. */
#include "io/coalesce.h"

#include "fakes/offload.h"
#include "fuzz/must.h"

#include <stdlib.h>

enum { FLOWS = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *at, *end;
};

static unsigned take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* What: flow, size, how many octets change, and whether the sums follow. */
static void fill(struct input *in, struct offload_flow *flows, struct batch_item *item)
{
	unsigned what = take(in);
	unsigned size = take(in);
	struct offload_flow *flow = &flows[what % FLOWS];

	offload_next(flow, item->pkt, what & 0x80 ? size : 100);
	item->tunnel = (uint16_t)(what % FLOWS % 3 == 2);
	for (unsigned n = size >> 6; n > 0; n--) {
		size_t at = take(in);

		if (at < item->pkt->len)
			item->pkt->data[at] ^= (uint8_t)take(in);
	}
	if ((what & 0x40) && item->pkt->len > 60 &&
		(item->pkt->data[0] >> 4 == 4 || item->pkt->data[0] >> 4 == 6))
		offload_sums(item->pkt->data, item->pkt->len);
}

static void check(const struct coalescer *co, const struct batch *batch)
{
	uint64_t seen = 0;
	unsigned n = 0;

	for (size_t r = 0; r < co->n_runs; r++) {
		const struct coalesce_run *run = &co->runs[r];
		uint8_t i = run->first;

		for (unsigned left = run->n; left > 0; left--, i = co->next[i]) {
			must(i < batch->n && !(seen >> i & 1));
			must(batch->items[i].tunnel == batch->items[run->first].tunnel);
			/* Behind each other as they came. */
			must(i == run->first || i > run->first);
			seen |= (uint64_t)1 << i;
			n++;
		}
		must(run->n == 1 || offload_restores(co, run, batch));
	}
	must(n == batch->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct coalescer co;
	static struct batch batch;
	struct input in = {data, data + len};
	struct offload_flow flows[FLOWS];

	for (unsigned i = 0; i < FLOWS; i++)
		flows[i] = (struct offload_flow){.version = i & 1 ? 6 : 4,
			.proto = i & 2 ? IP_PROTO_UDP : IP_PROTO_TCP,
			.port = (uint16_t)(1000 + i / 4),
			.id = (uint16_t)(65530 + i),
			.sequence = UINT32_MAX - 300};
	for (batch.n = 0; batch.n < BATCH_MAX && in.at < in.end; batch.n++) {
		struct batch_item *item = &batch.items[batch.n];

		memset(item, 0, sizeof(*item));
		item->pkt = buf_alloc(OFFLOAD_ROOM);
		must(item->pkt != NULL);
		fill(&in, flows, item);
	}
	coalesce_begin(&co);
	for (uint8_t i = 0; i < batch.n; i++)
		coalesce_add(&co, &batch, i, COALESCE_TCP | COALESCE_UDP);
	coalesce_end(&co, &batch);
	check(&co, &batch);
	for (size_t i = 0; i < batch.n; i++)
		buf_free(batch.items[i].pkt);
	return 0;
}
