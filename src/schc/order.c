/* SPDX-License-Identifier: Apache-2.0 */
/* Order and completeness of a rule's fields, RFC 8724 7.1 and RFC 8824 4 and 5. */
#include "schc/order.h"

enum { ADDRESSES_V6 = 64, ADDRESSES_V4 = 96, PORTS_END = 32 };

/* How far a direction has been read. */
struct walk {
	const struct schc_field *last; /* NULL: nothing yet */
	unsigned end;   /* bit behind it, in its header; token and options: as before */
	unsigned fp;    /* occurrences of the last option so far */
	bool token_due; /* TKL is not 0 for certain */
	unsigned part;  /* of OSCORE's option, the last one; 0: none is begun */
};

static bool may_follow(unsigned lower, unsigned upper)
{
	bool ip = lower == SCHC_IPV6 || lower == SCHC_IPV4;

	if (upper == SCHC_COAP)
		return lower == SCHC_UDP;
	if (upper == SCHC_ICMPV6 || upper == SCHC_ICMP)
		return lower == (upper == SCHC_ICMPV6 ? SCHC_IPV6 : SCHC_IPV4);
	return ip && upper >= SCHC_UDP && upper <= SCHC_SCTP;
}

/* Source or destination, or a part of one. */
static bool is_end(const struct schc_field *field)
{
	switch (field->layer) {
	case SCHC_IPV6:
		return field->bit >= ADDRESSES_V6;
	case SCHC_IPV4:
		return field->bit >= ADDRESSES_V4;
	case SCHC_UDP:
	case SCHC_UDPLITE:
	case SCHC_TCP:
	case SCHC_SCTP:
		return field->bit < PORTS_END;
	default:
		return false;
	}
}

static bool complete(const struct walk *walk)
{
	return walk->end == schc_layer_len(walk->last->layer) * 8;
}

/* OSCORE's option in parts: all of them, side by side. */
static const char *next_part(struct walk *walk, const struct schc_field *field)
{
	bool begun = walk->part && walk->part < SCHC_OSCORE_PARTS;
	bool fits = field->part == (begun ? walk->part + 1 : field->part ? 1u : 0u);

	walk->part = field->part;
	return fits ? NULL : "of OSCORE's option flags, piv, kidctx and kid stand together";
}

static const char *begin_header(const struct walk *walk, const struct schc_field *field)
{
	if (!walk->last)
		return NULL;
	if (!complete(walk))
		return "the header before is not complete";
	if (walk->token_due)
		return "the token is missing: TKL may be other than 0";
	return may_follow(walk->last->layer, field->layer)
		       ? NULL
		       : "these headers do not follow each other";
}

static const char *next_fixed(const struct walk *walk, const struct schc_field *field)
{
	if (!walk->last)
		return "the rule does not begin with the first field of a header";
	if (walk->last->layer != field->layer || walk->end != field->bit || !walk->last->width)
		return "fields are missing, doubled or not in header order";
	/* Both ways the fields would overlap: what has a role changes places. */
	if (is_end(walk->last) && is_end(field) &&
		(walk->last->role == SCHC_BY_PLACE) != (field->role == SCHC_BY_PLACE))
		return "source and destination have either roles or places, not both";
	return NULL;
}

/* Token, then options in the order of their numbers and positions. */
static const char *next_option(struct walk *walk, const struct schc_field *field, unsigned fp)
{
	const struct schc_field *last = walk->last;

	if (!last || last->layer != SCHC_COAP || !complete(walk))
		return "token and options follow the whole CoAP header";
	if (!field->option) {
		walk->token_due = false;
		return last->width ? NULL : "the token stands right behind the Message ID";
	}
	if (walk->token_due)
		return "the token is missing: TKL may be other than 0";
	if (field->option < last->option)
		return "options are not in the order of their numbers";
	if (field->part <= 1)
		walk->fp = field->option == last->option ? walk->fp + 1 : 1;
	return !fp || fp == walk->fp ? NULL : "positions of an option count from 1, without gaps";
}

static bool is_zero(const struct schc_field_desc *desc)
{
	return desc->mo == SCHC_MO_EQUAL && !desc->tv[0];
}

/* group: options that the descriptor stands for, or 0. */
static const char *take(struct walk *walk, const struct schc_field_desc *desc, unsigned group)
{
	const struct schc_field *field = schc_field(desc->fid);
	const char *text = next_part(walk, field);

	if (text)
		return text;
	if (!field->width)
		text = next_option(walk, field, desc->fp);
	else
		text = field->bit ? next_fixed(walk, field) : begin_header(walk, field);
	if (group)
		walk->fp += group - 1;
	if (field->width)
		walk->end = field->bit + field->width;
	if (desc->fid == SCHC_COAP_TKL)
		walk->token_due = !is_zero(desc);
	walk->last = field;
	return text;
}

const char *schc_order_check(const struct schc_rule *rule, enum schc_di di, unsigned *at)
{
	struct walk walk = {0};

	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		const char *text;

		if (desc->di != SCHC_DI_BI && desc->di != di)
			continue;
		text = take(&walk, desc, schc_rule_group(rule, desc));
		if (text) {
			*at = i;
			return text;
		}
	}
	*at = rule->n;
	if (!walk.last)
		return NULL;
	if (!complete(&walk))
		return "the last header is not complete";
	if (walk.part && walk.part < SCHC_OSCORE_PARTS)
		return "of OSCORE's option flags, piv, kidctx and kid stand together";
	return walk.token_due ? "the token is missing: TKL may be other than 0" : NULL;
}
