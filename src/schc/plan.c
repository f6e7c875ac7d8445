/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles a rule of RFC 8724 into masked words, merged copies and fix-ups. */
#include "schc/plan.h"

#include "schc/rule.h"
#include "ip/packet.h"

#include <errno.h>
#include <string.h>

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
	struct schc_plan *plan, const struct schc_field_desc *desc, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned at = first + i;
		uint64_t bit = (uint64_t)1 << (63 - at % 64);

		plan->mask[at / 64] |= bit;
		if (tv_bit(desc, i))
			plan->value[at / 64] |= bit;
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
static bool merge_copy(struct schc_plan *plan, const struct schc_op *op)
{
	struct schc_op *last = plan->n_copies ? &plan->copy[plan->n_copies - 1] : NULL;

	if (!last || last->arg || op->arg || last->word != op->word ||
		last->shift != op->shift + op->bits || last->bits + op->bits > SCHC_COPY_BITS)
		return false;
	last->shift = op->shift;
	last->bits = (uint8_t)(last->bits + op->bits);
	return true;
}

static int add_copy(struct schc_plan *plan, struct span span, unsigned arg)
{
	while (span.bits) {
		unsigned bits = 64 - span.first % 64;
		struct schc_op op;

		if (bits > span.bits)
			bits = span.bits;
		if (bits > SCHC_COPY_BITS)
			bits = SCHC_COPY_BITS;
		op = op_of((struct span){span.first, bits}, arg);
		if (!merge_copy(plan, &op)) {
			if (plan->n_copies == SCHC_PLAN_COPIES)
				return -E2BIG;
			plan->copy[plan->n_copies++] = op;
		}
		span.first += bits;
		span.bits -= bits;
	}
	return 0;
}

/* The copy's width is that of the index; the field's own is kept with the list. */
static int add_map(struct schc_plan *plan, const struct schc_rule *rule,
	const struct schc_field_desc *desc, unsigned first)
{
	struct schc_op op = op_of((struct span){first, desc->fl}, plan->n_maps + 1u);

	if (plan->n_maps == SCHC_PLAN_MAPS || plan->n_copies == SCHC_PLAN_COPIES)
		return -E2BIG;
	op.bits = (uint8_t)schc_field_sent_bits(desc);
	plan->map[plan->n_maps++] =
		(struct schc_map){desc->mapping_first, desc->mapping_n, desc->fl};
	memcpy(plan->mapping, rule->mapping, sizeof plan->mapping);
	plan->copy[plan->n_copies++] = op;
	return 0;
}

/* A list of one entry costs no bits: it is the same as equal. */
static void require_only_entry(struct schc_plan *plan, const struct schc_rule *rule,
	const struct schc_field_desc *desc, unsigned first)
{
	struct schc_field_desc equal = *desc;

	equal.tv[0] = rule->mapping[desc->mapping_first];
	require(plan, &equal, first, desc->fl);
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

static unsigned fix_of(enum schc_fid fid)
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

static int add_lower(struct schc_plan *plan, enum schc_fid fid, struct span span)
{
	if (plan->n_lowers == SCHC_PLAN_LOWERS)
		return -E2BIG;
	plan->lower[plan->n_lowers++] = op_of(span, lower_kind(fid));
	return 0;
}

static int add_field(struct schc_plan *plan, const struct schc_rule *rule,
	const struct schc_field_desc *desc, unsigned first)
{
	unsigned sent = schc_field_sent_bits(desc);
	struct span tail = {first + desc->fl - sent, sent};

	switch (desc->cda) {
	case SCHC_CDA_NOT_SENT:
		require(plan, desc, first, desc->fl);
		return 0;
	case SCHC_CDA_LSB:
		require(plan, desc, first, desc->msb);
		return add_copy(plan, tail, 0);
	case SCHC_CDA_VALUE_SENT:
		return add_copy(plan, tail, 0);
	case SCHC_CDA_MAPPING_SENT:
		if (sent)
			return add_map(plan, rule, desc, first);
		require_only_entry(plan, rule, desc, first);
		return 0;
	case SCHC_CDA_LOWER:
		return add_lower(plan, desc->fid, (struct span){first, desc->fl});
	default:
		plan->fixes |= (uint8_t)fix_of(desc->fid);
		return 0;
	}
}

static int enter_layer(struct schc_plan *plan, enum schc_layer layer)
{
	static const uint8_t protos[SCHC_LAYERS] = {
		[SCHC_UDP] = IP_PROTO_UDP,
		[SCHC_UDPLITE] = IP_PROTO_UDPLITE,
		[SCHC_TCP] = IP_PROTO_TCP,
		[SCHC_SCTP] = IP_PROTO_SCTP,
	};

	if (layer == SCHC_ESP)
		return -EINVAL;
	if (protos[layer]) {
		plan->l4_offset = plan->header_len;
		plan->proto = protos[layer];
	} else {
		plan->version = layer == SCHC_IPV6 ? 6 : 4;
		plan->l4_offset = (uint8_t)schc_layer_len(layer);
	}
	plan->header_len = (uint8_t)(plan->header_len + schc_layer_len(layer));
	return 0;
}

int schc_plan_compile(struct schc_plan *plan, const struct schc_rule *rule)
{
	unsigned base = 0;
	int err;

	memset(plan, 0, sizeof *plan);
	if (schc_rule_check(rule, NULL))
		return -EINVAL;
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		const struct schc_field *field = schc_field(desc->fid);

		if (desc->fid == schc_layer_first(field->layer)) {
			base = plan->header_len * 8u;
			err = enter_layer(plan, field->layer);
			if (err)
				return err;
		}
		err = add_field(plan, rule, desc, base + field->bit);
		if (err)
			return err;
	}
	plan->residue_bits = (uint16_t)schc_rule_residue_bits(rule);
	plan->residue_len = (uint8_t)((plan->residue_bits + 7u) / 8u);
	plan->n_words = (uint8_t)((plan->header_len + 7u) / 8u);
	return 0;
}
