/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a recording: the reader stays inside it, and the rules that are learned of its
 * packets are legal, prefix-free, and give every packet back.
 */
#include "cli/learn.h"

#include "base/buf.h"
#include "cli/pcap.h"
#include "cli/rules_trial.h"
#include "fuzz/must.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct state {
	struct pcap pcap;
	struct learn learn;
	struct buf *pkt;
	struct trial *trial;
};

typedef void each_packet(struct state *state, const struct ip_packet *ip);

static void count(struct state *state, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(&state->learn, ip, true);

	learn_vote(&state->learn, ip);
	if (flow)
		flow->packets++;
}

static void gather(struct state *state, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(&state->learn, ip, false);

	if (flow)
		must(learn_gather(&state->learn, flow, ip) == 0);
}

static void carry(struct state *state, const struct ip_packet *ip)
{
	must(trial_run(state->trial, ip->data, ip->len).verdict != TRIAL_LOST);
}

static void read_all(struct state *state, const uint8_t *data, size_t len, each_packet *each)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, len, "rb");
	const uint8_t *packet;
	long n;

	if (!file || pcap_open_stream(&state->pcap, file))
		return;
	for (unsigned i = 0; i < PACKETS_MAX && (n = pcap_next(&state->pcap, &packet)) > 0; i++) {
		struct ip_packet ip;

		must(n <= PCAP_BLOCK_MAX);
		if (buf_set(state->pkt, packet, (size_t)n) == 0 &&
			ip_packet_parse(&ip, state->pkt) == DROP_NONE)
			each(state, &ip);
	}
	pcap_close(&state->pcap);
}

static void learn(struct state *state, const uint8_t *data, size_t len)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct trial_ends ends = {0};
	struct learn_rules rules;
	const char *why;

	if (learn_rules_make(&state->learn, &rules))
		return;
	must(rules.set.n <= SCHC_SET_RULES && schc_set_check(&rules.set, NULL));
	attrs.rules = &rules.set;
	state->trial = trial_open(&attrs, &ends, &why);
	must(state->trial != NULL);
	read_all(state, data, len, carry);
	trial_close(state->trial);
	learn_rules_free(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct state *state = calloc(1, sizeof *state);

	must(state && (state->pkt = buf_alloc(BUF_MAX)));
	if (len) {
		read_all(state, data, len, count);
		read_all(state, data, len, gather);
		learn(state, data, len);
	}
	learn_fini(&state->learn);
	buf_free(state->pkt);
	free(state);
	return 0;
}
