/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles a rule of RFC 8724 into masked words, merged copies and fix-ups. */
#include "schc/plan.h"

#include "schc/set.h"
#include "ip/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_OCTET = 8, ENTRY_LEN = 8, DSCP_BITS = 6 };

/* The parts while it is not known how many there will be. */
struct draft {
	uint64_t value[SCHC_PLAN_WORDS], mask[SCHC_PLAN_WORDS];
	struct schc_op copy[SCHC_PLAN_COPIES], lower[SCHC_PLAN_LOWERS];
	struct schc_map map[SCHC_PLAN_MAPS];
	uint8_t mapping[SCHC_PLAN_MAPPING];
	uint16_t n_mapping, residue_bits;
	uint8_t n_copies, n_lowers, n_maps;
	uint8_t header_len, version, proto, l4_offset, fixes, lowered; /* as in struct schc_plan */
};

/* Bits first..first+bits-1 of the header, counted from its most significant bit. */
struct span {
	unsigned first, bits;
};

static uint64_t tv_bit(const struct schc_field_desc *desc, unsigned bit)
{
	unsigned lead = (8u - desc->fl % 8u) % 8u;
	unsigned at = lead + bit;

	return desc->tv[at / 8] >> (7 - at % 8) & 1;
}

/* The first n bits of the target value become template and compare. */
static void require(
	struct draft *draft, const struct schc_field_desc *desc, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned at = first + i;
		uint64_t bit = (uint64_t)1 << (63 - at % 64);

		draft->mask[at / 64] |= bit;
		if (tv_bit(desc, i))
			draft->value[at / 64] |= bit;
	}
}

static struct schc_op op_of(struct span span, unsigned arg)
{
	return (struct schc_op){.word = (uint8_t)(span.first / 64),
		.shift = (uint8_t)(64 - span.first % 64 - span.bits),
		.bits = (uint8_t)span.bits,
		.arg = (uint8_t)arg};
}

/* Widens the last copy when these bits follow it in the same word. */
static bool merge_copy(struct draft *draft, const struct schc_op *op)
{
	struct schc_op *last = draft->n_copies ? &draft->copy[draft->n_copies - 1] : NULL;

	if (!last || last->arg || op->arg || last->word != op->word ||
		last->shift != op->shift + op->bits || last->bits + op->bits > SCHC_COPY_BITS)
		return false;
	last->shift = op->shift;
	last->bits = (uint8_t)(last->bits + op->bits);
	return true;
}

static int add_copy(struct draft *draft, struct span span, unsigned arg)
{
	while (span.bits) {
		unsigned bits = 64 - span.first % 64;
		struct schc_op op;

		if (bits > span.bits)
			bits = span.bits;
		if (bits > SCHC_COPY_BITS)
			bits = SCHC_COPY_BITS;
		op = op_of((struct span){span.first, bits}, arg);
		if (!merge_copy(draft, &op)) {
			if (draft->n_copies == SCHC_PLAN_COPIES)
				return -E2BIG;
			draft->copy[draft->n_copies++] = op;
		}
		span.first += bits;
		span.bits -= bits;
	}
	return 0;
}

/* False: no room. */
static bool add_entry(struct draft *draft, const uint8_t *value, size_t len, bool wide)
{
	size_t need = wide ? ENTRY_LEN : 1;

	if (need > (size_t)SCHC_PLAN_MAPPING - draft->n_mapping)
		return false;
	memset(draft->mapping + draft->n_mapping, 0, need);
	draft->n_mapping = (uint16_t)(draft->n_mapping + need);
	memcpy(draft->mapping + draft->n_mapping - len, value, len);
	return true;
}

/* The copy's width is that of the index; the field's own is kept with the list. */
static int add_map(struct draft *draft, const struct schc_rule *rule,
	const struct schc_field_desc *desc, unsigned first)
{
	struct schc_op op = op_of((struct span){first, desc->fl}, draft->n_maps + 1u);
	struct schc_map map = {draft->n_mapping, desc->mapping_n, desc->fl};

	if (draft->n_maps == SCHC_PLAN_MAPS || draft->n_copies == SCHC_PLAN_COPIES)
		return -E2BIG;
	for (unsigned i = 0; i < desc->mapping_n; i++) {
		size_t len;
		const uint8_t *value = schc_rule_value(rule, desc, i, &len);

		if (!add_entry(draft, value, len, desc->fl > ENTRY_OCTET))
			return -E2BIG;
	}
	op.bits = (uint8_t)schc_field_sent_bits(desc);
	draft->map[draft->n_maps++] = map;
	draft->copy[draft->n_copies++] = op;
	return 0;
}

/* A list of one entry costs no bits: it is the same as equal. */
static void require_only_entry(struct draft *draft, const struct schc_rule *rule,
	const struct schc_field_desc *desc, unsigned first)
{
	struct schc_field_desc equal = *desc;
	size_t len;
	const uint8_t *value = schc_rule_value(rule, desc, 0, &len);

	memcpy(equal.tv, value, len);
	require(draft, &equal, first, desc->fl);
}

static int require_iid(struct draft *draft, const struct schc_field_desc *desc,
	const struct schc_end *end, unsigned first)
{
	bool dev = desc->cda == SCHC_CDA_DEVIID;
	struct schc_field_desc equal = *desc;

	if (!end || !(dev ? end->has_dev_iid : end->has_app_iid))
		return -EINVAL;
	memcpy(equal.tv, dev ? end->dev_iid : end->app_iid, SCHC_IID_LEN);
	require(draft, &equal, first, desc->fl);
	return 0;
}

static enum schc_lower lower_kind(enum schc_fid fid)
{
	switch (fid) {
	case SCHC_IPV6_DSCP:
	case SCHC_IPV4_DSCP:
		return SCHC_LOWER_DSCP;
	case SCHC_IPV6_ECN:
	case SCHC_IPV4_ECN:
		return SCHC_LOWER_ECN;
	case SCHC_IPV6_FL:
	case SCHC_IPV4_ID:
		return SCHC_LOWER_FLOW_LABEL;
	default:
		return SCHC_LOWER_HOP_LIMIT;
	}
}

unsigned schc_fix_of(enum schc_fid fid)
{
	switch (fid) {
	case SCHC_IPV6_LEN:
		return SCHC_FIX_IPV6_LEN;
	case SCHC_IPV4_TLEN:
		return SCHC_FIX_IPV4_LEN;
	case SCHC_IPV4_CKSUM:
		return SCHC_FIX_IPV4_CKSUM;
	case SCHC_IPV6_FL:
		return SCHC_FIX_FLOW_LABEL;
	case SCHC_IPV4_ID:
		return SCHC_FIX_IPV4_ID;
	case SCHC_UDP_LEN:
	case SCHC_UDPLITE_COV:
		return SCHC_FIX_L4_LEN;
	default:
		return SCHC_FIX_L4_CKSUM;
	}
}

static int add_lower(struct draft *draft, enum schc_fid fid, struct span span)
{
	enum schc_lower kind = lower_kind(fid);

	if (fid == SCHC_IPV6_TC) {
		int err = add_lower(draft, SCHC_IPV6_DSCP, (struct span){span.first, DSCP_BITS});

		span = (struct span){span.first + DSCP_BITS, span.bits - DSCP_BITS};
		return err ? err : add_lower(draft, SCHC_IPV6_ECN, span);
	}
	if (draft->n_lowers == SCHC_PLAN_LOWERS)
		return -E2BIG;
	draft->lower[draft->n_lowers++] = op_of(span, kind);
	draft->lowered |= (uint8_t)(1u << kind);
	return 0;
}

static int add_field(struct draft *draft, const struct schc_rule *rule,
	const struct schc_field_desc *desc, const struct schc_end *end, unsigned first)
{
	unsigned sent = schc_field_sent_bits(desc);
	struct span tail = {first + desc->fl - sent, sent};

	switch (desc->cda) {
	case SCHC_CDA_NOT_SENT:
		require(draft, desc, first, desc->fl);
		return 0;
	case SCHC_CDA_LSB:
		require(draft, desc, first, desc->msb);
		return add_copy(draft, tail, 0);
	case SCHC_CDA_VALUE_SENT:
		return add_copy(draft, tail, 0);
	case SCHC_CDA_MAPPING_SENT:
		if (sent)
			return add_map(draft, rule, desc, first);
		require_only_entry(draft, rule, desc, first);
		return 0;
	case SCHC_CDA_DEVIID:
	case SCHC_CDA_APPIID:
		return require_iid(draft, desc, end, first);
	case SCHC_CDA_LOWER:
		return add_lower(draft, desc->fid, (struct span){first, desc->fl});
	default:
		draft->fixes |= (uint8_t)schc_fix_of(desc->fid);
		return 0;
	}
}

static int enter_layer(struct draft *draft, enum schc_layer layer)
{
	static const uint8_t protos[SCHC_LAYERS] = {
		[SCHC_UDP] = IP_PROTO_UDP,
		[SCHC_UDPLITE] = IP_PROTO_UDPLITE,
		[SCHC_TCP] = IP_PROTO_TCP,
		[SCHC_SCTP] = IP_PROTO_SCTP,
		[SCHC_ICMPV6] = IP_PROTO_ICMPV6,
		[SCHC_ICMP] = IP_PROTO_ICMP,
	};

	if (layer == SCHC_ESP)
		return -EINVAL;
	if (layer == SCHC_COAP) {
		if (!draft->proto)
			draft->l4_offset = (uint8_t)schc_layer_len(layer);
	} else if (protos[layer]) {
		draft->l4_offset = draft->header_len;
		draft->proto = protos[layer];
	} else {
		draft->version = layer == SCHC_IPV6 ? 6 : 4;
		draft->l4_offset = (uint8_t)schc_layer_len(layer);
	}
	draft->header_len = (uint8_t)(draft->header_len + schc_layer_len(layer));
	return 0;
}

static int add_all(struct draft *draft, const struct schc_rule *rule, const struct schc_end *end)
{
	enum schc_di di = end ? end->di : SCHC_DI_UP;
	unsigned base = 0;
	int err;

	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		const struct schc_field *field = schc_field(desc->fid);

		if ((desc->di != SCHC_DI_BI && desc->di != di) || !field->width)
			continue;
		if (!field->bit) {
			base = draft->header_len * 8u;
			err = enter_layer(draft, field->layer);
			if (err)
				return err;
		}
		err = add_field(draft, rule, desc, end,
			base + schc_field_bit(desc->fid, di == SCHC_DI_DOWN));
		if (err)
			return err;
		draft->residue_bits = (uint16_t)(draft->residue_bits + schc_field_sent_bits(desc));
	}
	return 0;
}

static uint8_t *append(uint8_t *at, const void *part, size_t len)
{
	memcpy(at, part, len);
	return at + len;
}

/* One block without gaps: the parts stand in the order of falling alignment. */
static struct schc_plan *pack(const struct draft *draft)
{
	size_t words = (draft->header_len + 7u) / 8u;
	size_t size = sizeof(struct schc_plan) + 2 * words * sizeof(uint64_t) +
		      (size_t)(draft->n_copies + draft->n_lowers) * sizeof(struct schc_op) +
		      draft->n_maps * sizeof(struct schc_map) + draft->n_mapping;
	struct schc_plan *plan;
	uint8_t *at;

	if (size < SCHC_PLAN_MIN)
		size = SCHC_PLAN_MIN;
	plan = calloc(1, size);
	if (!plan)
		return NULL;
	plan->size = (uint16_t)size;
	plan->residue_bits = draft->residue_bits;
	plan->residue_len = (uint8_t)((draft->residue_bits + 7u) / 8u);
	plan->header_len = draft->header_len;
	plan->n_copies = draft->n_copies;
	plan->n_lowers = draft->n_lowers;
	plan->n_maps = draft->n_maps;
	plan->n_words = (uint8_t)words;
	plan->version = draft->version;
	plan->proto = draft->proto;
	plan->l4_offset = draft->l4_offset;
	plan->fixes = draft->fixes;
	plan->lowered = draft->lowered;
	at = append((uint8_t *)plan->value, draft->value, words * sizeof(uint64_t));
	at = append(at, draft->mask, words * sizeof(uint64_t));
	at = append(at, draft->copy, draft->n_copies * sizeof(struct schc_op));
	at = append(at, draft->lower, draft->n_lowers * sizeof(struct schc_op));
	at = append(at, draft->map, draft->n_maps * sizeof(struct schc_map));
	append(at, draft->mapping, draft->n_mapping);
	return plan;
}

int schc_plan_compile_for(
	struct schc_plan **plan, const struct schc_rule *rule, const struct schc_end *end)
{
	struct draft draft = {0};
	struct schc_plan *packed;
	int err;

	if (schc_rule_check(rule, NULL))
		return -EINVAL;
	err = add_all(&draft, rule, end);
	if (err)
		return err;
	packed = pack(&draft);
	if (!packed)
		return -ENOMEM;
	*plan = packed;
	return 0;
}

int schc_plan_compile(struct schc_plan **plan, const struct schc_rule *rule)
{
	return schc_plan_compile_for(plan, rule, NULL);
}

void schc_plan_free(struct schc_plan *plan)
{
	free(plan);
}
