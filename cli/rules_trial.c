/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a recording through the code of the packet path (diet/iipc.h), there and back. */
#include "cli/rules_trial.h"

#include "base/buf.h"
#include "diet/iipc.h"
#include "ip/packet.h"
#include "ip/ts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS_MAX = 16, PORT_MAX = 65535, PROTO_ANY = 0 };

/* Sender and receiver of one kind of packet. */
struct way {
	uint8_t version, proto; /* of derived rules; 0 with a set */
	enum schc_di di;
	struct diet_context out, in;
};

struct trial {
	struct diet_attrs attrs;
	struct trial_ends ends;
	struct buf *pkt, *back;
	size_t n;
	struct way ways[WAYS_MAX];
};

static struct ts any(uint8_t version, uint8_t proto)
{
	struct ts ts = {.ip_proto = proto, .port_end = PORT_MAX};

	ts.addr_start.family = ts.addr_end.family = version;
	memset(ts.addr_end.bytes, 0xff, version == 6 ? 16 : 4);
	return ts;
}

/* The selectors of one side: its only address, or any. Returns how many. */
static uint8_t side(const struct ip_addr *only, uint8_t version, uint8_t proto, struct ts out[2])
{
	out[0] = any(version ? version : 4, proto);
	out[1] = any(6, proto);
	if (!only)
		return version ? 1 : 2;
	out[0].addr_start = out[0].addr_end = *only;
	return 1;
}

void trial_sides(
	const struct trial_ends *ends, uint8_t version, uint8_t proto, struct trial_sides *out)
{
	if (ends->sides) {
		*out = *ends->sides;
		return;
	}
	out->n_dev = side(ends->dev, version, proto, out->dev);
	out->n_app = side(ends->app, version, proto, out->app);
}

struct diet_sa trial_sa(const struct trial_sides *sides, enum schc_di di)
{
	bool up = di == SCHC_DI_UP;

	return (struct diet_sa){.mode = SA_TUNNEL,
		.out = true,
		.src = up ? sides->dev : sides->app,
		.dst = up ? sides->app : sides->dev,
		.n_src = up ? sides->n_dev : sides->n_app,
		.n_dst = up ? sides->n_app : sides->n_dev};
}

static int add_way(struct trial *trial, uint8_t version, uint8_t proto, enum schc_di di)
{
	struct diet_attrs attrs = trial->attrs;
	struct way way = {.version = version, .proto = proto, .di = di};
	struct trial_sides sides;
	struct diet_sa sa;
	int err;

	if (trial->n == WAYS_MAX)
		return -E2BIG;
	trial_sides(&trial->ends, version, proto, &sides);
	sa = trial_sa(&sides, di);
	attrs.device = di == SCHC_DI_UP;
	err = diet_context_init(&way.out, &attrs, &sa);
	if (err)
		return err;
	sa.out = false;
	attrs.device = di != SCHC_DI_UP;
	err = diet_context_init(&way.in, &attrs, &sa);
	if (err)
		diet_context_fini(&way.out);
	else
		trial->ways[trial->n++] = way;
	return err;
}

/* The ways do not depend on the packet. */
static bool is_fixed(const struct trial *trial)
{
	return trial->attrs.rules || trial->ends.sides;
}

static const char *reason(int err)
{
	return err == -E2BIG    ? "a rule has more parts than the engine takes"
	       : err == -ENOMEM ? "out of memory"
				: "the set begins without an IP header, or needs --dev and --app";
}

struct trial *trial_open(
	const struct diet_attrs *attrs, const struct trial_ends *ends, const char **why)
{
	struct trial *trial = calloc(1, sizeof *trial);
	int err = trial ? 0 : -ENOMEM;

	if (trial) {
		trial->attrs = *attrs;
		trial->ends = *ends;
		trial->pkt = buf_alloc(BUF_MAX);
		trial->back = buf_alloc(BUF_MAX);
		err = trial->pkt && trial->back ? 0 : -ENOMEM;
	}
	if (!err && is_fixed(trial))
		err = add_way(trial, 0, PROTO_ANY, SCHC_DI_UP);
	if (!err && is_fixed(trial))
		err = add_way(trial, 0, PROTO_ANY, SCHC_DI_DOWN);
	if (!err)
		return trial;
	*why = reason(err);
	trial_close(trial);
	return NULL;
}

void trial_close(struct trial *trial)
{
	if (!trial)
		return;
	for (size_t i = 0; i < trial->n; i++) {
		diet_context_fini(&trial->ways[i].out);
		diet_context_fini(&trial->ways[i].in);
	}
	buf_free(trial->pkt);
	buf_free(trial->back);
	free(trial);
}

/* The SA's selectors admit no packet of the other family. */
static bool is_foreign(const struct trial *trial, const struct ip_packet *ip)
{
	return (trial->ends.dev && trial->ends.dev->family != ip->version) ||
	       (trial->ends.app && trial->ends.app->family != ip->version);
}

bool trial_admits(const struct trial_sides *sides, enum schc_di di, const struct ip_packet *ip)
{
	struct diet_sa sa = trial_sa(sides, di);

	return ts_match_packet(sa.src, sa.n_src, sa.dst, sa.n_dst, ip);
}

/* The way of this version and protocol, made when needed. */
static struct way *derived_way(struct trial *trial, const struct ip_packet *ip)
{
	for (size_t i = 0; i < trial->n; i++)
		if (trial->ways[i].version == ip->version && trial->ways[i].proto == ip->proto)
			return &trial->ways[i];
	return add_way(trial, ip->version, ip->proto, SCHC_DI_UP) ? NULL
								  : &trial->ways[trial->n - 1];
}

/* Of the ways that the packet may take the one that leaves least. */
static struct way *choose(struct trial *trial, const struct ip_packet *ip)
{
	struct way *best = NULL;
	size_t least = SIZE_MAX;

	if (!is_fixed(trial)) {
		best = derived_way(trial, ip);
		return best && iipc_fits(&best->out, ip) ? best : NULL;
	}
	for (size_t i = 0; i < trial->n; i++) {
		struct way *way = &trial->ways[i];
		size_t len;

		if (trial->ends.sides && !trial_admits(trial->ends.sides, way->di, ip))
			continue;
		if (!iipc_fits(&way->out, ip))
			continue;
		len = iipc_compressed_len(&way->out, ip);
		if (len < least) {
			least = len;
			best = way;
		}
	}
	return best;
}

/* Which rule's RuleID the octet begins with. */
static int find_rule(const struct schc_rule_set *set, uint8_t octet)
{
	for (unsigned i = 0; set && i < set->n; i++) {
		const struct schc_rule *rule = &set->rule[i];

		if (rule->nature == SCHC_COMPRESSION && octet >> (8 - rule->id_bits) == rule->id)
			return (int)i;
	}
	return TRIAL_NO_RULE;
}

/* What a flow label or Identification "generated" anew leaves of the header. */
static void blank_generated(uint8_t *packet, size_t len)
{
	if (packet[0] >> 4 == 6 && len >= IPV6_HEADER) {
		packet[1] &= 0xf0;
		packet[2] = packet[3] = 0;
	} else if (len >= IPV4_HEADER) {
		packet[4] = packet[5] = packet[10] = packet[11] = 0;
	}
}

static bool generates(const struct diet_attrs *attrs)
{
	const struct schc_rule_set *set = attrs->rules;

	for (unsigned i = 0; set && i < set->n; i++)
		for (unsigned k = 0; k < set->rule[i].n; k++)
			if (set->rule[i].field[k].cda == SCHC_CDA_GENERATED)
				return true;
	return !set && attrs->flow_label_cda == FLOW_LABEL_GENERATED;
}

static enum trial_verdict compare(
	const struct trial *trial, uint8_t *original, size_t len, struct buf *back)
{
	if (back->len == len && memcmp(back->data, original, len) == 0)
		return TRIAL_RESTORED;
	if (!generates(&trial->attrs) || back->len != len)
		return TRIAL_LOST;
	blank_generated(original, len);
	blank_generated(back->data, len);
	return memcmp(back->data, original, len) == 0 ? TRIAL_ALLOWED : TRIAL_LOST;
}

struct trial_result trial_run(struct trial *trial, const uint8_t *packet, size_t len)
{
	struct trial_result result = {.verdict = TRIAL_NOT_IP, .rule = TRIAL_NO_RULE};
	struct outer outer = {0};
	struct ip_packet ip;
	struct way *way;
	uint8_t version;

	if (buf_set(trial->pkt, packet, len) || ip_packet_parse(&ip, trial->pkt) ||
		buf_set(trial->back, ip.data, ip.len))
		return result;
	result.before = result.after = ip.len;
	result.verdict = TRIAL_UNFIT;
	way = is_foreign(trial, &ip) ? NULL : choose(trial, &ip);
	if (!way)
		return result;
	version = ip.version;
	ip.data = trial->back->data;
	result.verdict = TRIAL_LOST;
	result.di = way->di;
	if (ip_packet_parse(&ip, trial->back) || iipc_compress(&way->out, &ip, trial->back, &outer))
		return result;
	result.after = trial->back->len;
	if (trial->back->len)
		result.rule = find_rule(trial->attrs.rules, trial->back->data[0]);
	if (iipc_decompress(
		    &way->in, version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4, trial->back, &outer))
		return result;
	result.verdict = compare(trial, trial->pkt->data, trial->pkt->len, trial->back);
	if (trial->attrs.rules && result.rule == TRIAL_NO_RULE && result.verdict == TRIAL_RESTORED)
		result.verdict = TRIAL_UNFIT;
	return result;
}
