/* SPDX-License-Identifier: Apache-2.0 */
/* Legality and losslessness of SCHC rules, RFC 8724 7.2 to 7.5 and diet-esp.md 12.2. */
#include "schc/rule.h"

#include <string.h>

/* The narrowest number of bits that can name n entries: none for a single one. */
static unsigned index_bits(unsigned n)
{
	unsigned bits = 0;

	while (n > 1u << bits)
		bits++;
	return bits;
}

unsigned schc_field_sent_bits(const struct schc_field_desc *desc)
{
	switch (desc->cda) {
	case SCHC_CDA_VALUE_SENT:
		return desc->fl;
	case SCHC_CDA_LSB:
		return (unsigned)desc->fl - desc->msb;
	case SCHC_CDA_MAPPING_SENT:
		return index_bits(desc->mapping_n);
	default:
		return 0;
	}
}

unsigned schc_rule_residue_bits(const struct schc_rule *rule)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < rule->n; i++)
		bits += schc_field_sent_bits(&rule->field[i]);
	return bits;
}

struct schc_field_desc *schc_rule_append(struct schc_rule *rule, enum schc_fid fid)
{
	struct schc_field_desc *desc;

	if (rule->n == SCHC_RULE_FIELDS)
		return NULL;
	desc = &rule->field[rule->n++];
	*desc = (struct schc_field_desc){.fid = (uint8_t)fid,
		.fl = schc_field(fid)->width,
		.fp = 1,
		.di = SCHC_DI_BI,
		.mo = SCHC_MO_IGNORE,
		.cda = SCHC_CDA_VALUE_SENT};
	return desc;
}

bool schc_rule_map(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *values, size_t n)
{
	if (n > (size_t)(SCHC_MAPPING_MAX - rule->n_mapping))
		return false;
	memcpy(rule->mapping + rule->n_mapping, values, n);
	desc->mo = SCHC_MO_MATCH_MAPPING;
	desc->cda = SCHC_CDA_MAPPING_SENT;
	desc->mapping_first = rule->n_mapping;
	desc->mapping_n = (uint8_t)n;
	rule->n_mapping = (uint8_t)(rule->n_mapping + n);
	return true;
}

static const char *check_pair(const struct schc_field_desc *desc)
{
	enum schc_source source = schc_field(desc->fid)->source;

	switch (desc->cda) {
	case SCHC_CDA_NOT_SENT:
		if (desc->mo == SCHC_MO_IGNORE)
			return "ignore with not-sent loses the value";
		return desc->mo == SCHC_MO_EQUAL ? NULL : "not-sent needs the operator equal";
	case SCHC_CDA_LSB:
		return desc->mo == SCHC_MO_MSB ? NULL : "LSB needs the operator MSB";
	case SCHC_CDA_MAPPING_SENT:
		return desc->mo == SCHC_MO_MATCH_MAPPING
			       ? NULL
			       : "mapping-sent needs the operator match-mapping";
	default:
		break;
	}
	if (desc->mo != SCHC_MO_IGNORE)
		return "this action needs the operator ignore";
	switch (desc->cda) {
	case SCHC_CDA_VALUE_SENT:
		return NULL;
	case SCHC_CDA_COMPUTE:
		return source == SCHC_FROM_PACKET ? NULL
						  : "only lengths and checksums are computed";
	case SCHC_CDA_LOWER:
		return source == SCHC_FROM_OUTER || source == SCHC_FROM_OUTER_OR_ANY
			       ? NULL
			       : "the outer header has no such field for lower";
	case SCHC_CDA_GENERATED:
		return source == SCHC_FROM_OUTER_OR_ANY
			       ? NULL
			       : "only flow label and Identification are generated";
	default:
		return "no such action";
	}
}

static const char *check_value(const struct schc_field_desc *desc)
{
	unsigned odd = desc->fl % 8;

	if (desc->mo == SCHC_MO_MSB && desc->msb > desc->fl)
		return "MSB is longer than the field";
	/* A value wider than its field would be compared with the neighbour's bits. */
	if (odd && desc->tv[0] >> odd)
		return "the target value is wider than the field";
	return NULL;
}

static const char *check_mapping(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	const uint8_t *list = rule->mapping + desc->mapping_first;

	if (desc->mo != SCHC_MO_MATCH_MAPPING)
		return NULL;
	if (desc->fl > SCHC_MAPPED_WIDTH)
		return "mapping lists are for fields of at most 8 bits";
	if (!desc->mapping_n)
		return "the mapping list is empty";
	if (desc->mapping_first + desc->mapping_n > rule->n_mapping ||
		rule->n_mapping > SCHC_MAPPING_MAX)
		return "the mapping list is not in the rule";
	for (unsigned i = 0; i < desc->mapping_n; i++) {
		if (list[i] >> desc->fl)
			return "a mapping entry is wider than the field";
		if (memchr(list, list[i], i))
			return "a mapping entry stands twice";
	}
	return NULL;
}

static const char *check_desc(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	const char *text;

	if (desc->fl != schc_field(desc->fid)->width)
		return "FL is not the width of the field";
	if (desc->fp != 1)
		return "the field position is not 1";
	if (desc->di > SCHC_DI_DOWN)
		return "no such direction";
	text = check_pair(desc);
	if (!text)
		text = check_value(desc);
	return text ? text : check_mapping(rule, desc);
}

static bool may_follow(unsigned lower, unsigned upper)
{
	bool ip = lower == SCHC_IPV6 || lower == SCHC_IPV4;

	return ip && upper >= SCHC_UDP && upper <= SCHC_SCTP;
}

/* Fields follow each other as in the header; a layer is complete before the next one begins. */
static const char *check_order(const struct schc_rule *rule, unsigned i)
{
	const struct schc_field *field = schc_field(rule->field[i].fid);
	bool first = rule->field[i].fid == schc_layer_first(field->layer);
	const struct schc_field *before = i ? schc_field(rule->field[i - 1].fid) : NULL;

	if (!before)
		return first ? NULL : "the rule does not begin with the first field of a header";
	if (!first)
		return rule->field[i].fid == rule->field[i - 1].fid + 1u
			       ? NULL
			       : "fields are missing, doubled or not in header order";
	if (schc_field(rule->field[i - 1].fid + 1u)->layer == before->layer)
		return "the header before is not complete";
	return may_follow(before->layer, field->layer) ? NULL
						       : "these headers do not follow each other";
}

static const char *check_end(const struct schc_rule *rule)
{
	unsigned last;

	if (!rule->n)
		return NULL;
	last = rule->field[rule->n - 1].fid;
	if (last + 1 < SCHC_FIDS && schc_field(last + 1)->layer == schc_field(last)->layer)
		return "the last header is not complete";
	return NULL;
}

const char *schc_rule_check(const struct schc_rule *rule, unsigned *at)
{
	const char *text = NULL;
	unsigned i;

	if (rule->n > SCHC_RULE_FIELDS)
		return "too many fields";
	for (i = 0; i < rule->n && !text; i++) {
		if (rule->field[i].fid >= SCHC_FIDS)
			text = "no such field";
		if (!text)
			text = check_order(rule, i);
		if (!text)
			text = check_desc(rule, &rule->field[i]);
	}
	if (at)
		*at = text ? i - 1 : i;
	return text ? text : check_end(rule);
}

const char *schc_mo_name(enum schc_mo mo)
{
	static const char *const names[] = {
		[SCHC_MO_EQUAL] = "equal",
		[SCHC_MO_IGNORE] = "ignore",
		[SCHC_MO_MSB] = "MSB",
		[SCHC_MO_MATCH_MAPPING] = "match-mapping",
	};

	return names[mo];
}

const char *schc_cda_name(enum schc_cda cda)
{
	static const char *const names[] = {
		[SCHC_CDA_NOT_SENT] = "not-sent",
		[SCHC_CDA_VALUE_SENT] = "value-sent",
		[SCHC_CDA_MAPPING_SENT] = "mapping-sent",
		[SCHC_CDA_LSB] = "LSB",
		[SCHC_CDA_COMPUTE] = "compute",
		[SCHC_CDA_LOWER] = "lower",
		[SCHC_CDA_GENERATED] = "generated",
	};

	return names[cda];
}
