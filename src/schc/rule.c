/* SPDX-License-Identifier: Apache-2.0 */
/* Legality and losslessness of SCHC rules, RFC 8724 7.2 to 7.5 and diet-esp.md 12.2. */
#include "schc/rule.h"

#include "schc/group.h"
#include "schc/order.h"

#include <string.h>

enum { SIZE_BITS_MIN = 4 }; /* RFC 8724 7.4.2 */

/* The narrowest number of bits that can name n entries: none for a single one. */
static unsigned index_bits(unsigned n)
{
	unsigned bits = 0;

	while (n > 1u << bits)
		bits++;
	return bits;
}

static bool is_variable(const struct schc_field_desc *desc)
{
	return desc->fl >= SCHC_FL_TKL;
}

unsigned schc_field_sent_bits(const struct schc_field_desc *desc)
{
	switch (desc->cda) {
	case SCHC_CDA_VALUE_SENT:
	case SCHC_CDA_LSB:
		if (is_variable(desc))
			return desc->fl == SCHC_FL_VARIABLE ? SIZE_BITS_MIN : 0;
		return desc->cda == SCHC_CDA_LSB ? (unsigned)desc->fl - desc->msb : desc->fl;
	case SCHC_CDA_MAPPING_SENT:
		return index_bits(desc->mapping_n);
	default:
		return 0;
	}
}

unsigned schc_rule_residue_bits(const struct schc_rule *rule, enum schc_di di)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < rule->n; i++)
		if (rule->field[i].di == SCHC_DI_BI || rule->field[i].di == di)
			bits += schc_field_sent_bits(&rule->field[i]);
	return bits;
}

struct schc_field_desc *schc_rule_append(struct schc_rule *rule, enum schc_fid fid)
{
	const struct schc_field *field = schc_field(fid);
	struct schc_field_desc *desc;

	if (rule->n == SCHC_RULE_FIELDS)
		return NULL;
	desc = &rule->field[rule->n++];
	*desc = (struct schc_field_desc){.fid = (uint8_t)fid,
		.fl = field->width,
		.fp = 1,
		.di = SCHC_DI_BI,
		.mo = SCHC_MO_IGNORE,
		.cda = SCHC_CDA_VALUE_SENT};
	if (!field->width)
		desc->fl = fid == SCHC_COAP_TOKEN ? SCHC_FL_TKL : SCHC_FL_VARIABLE;
	return desc;
}

static size_t stride(const struct schc_field_desc *desc)
{
	return (desc->fl + 7u) / 8u;
}

bool schc_rule_add_value(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *value, size_t len)
{
	bool sized = is_variable(desc);
	size_t need = sized ? len + 1 : stride(desc);
	uint8_t *at = desc->tv;

	if (len > (sized ? SCHC_VALUE_MAX : need))
		return false;
	if (sized || desc->mo == SCHC_MO_MATCH_MAPPING) {
		if (need > (size_t)SCHC_MAPPING_MAX - rule->n_mapping ||
			desc->mapping_n == UINT8_MAX)
			return false;
		if (!desc->mapping_n++)
			desc->mapping_first = rule->n_mapping;
		at = rule->mapping + rule->n_mapping;
		rule->n_mapping = (uint16_t)(rule->n_mapping + need);
	} else if (need > SCHC_TV_LEN) {
		return false;
	}
	memset(at, 0, need - len);
	if (sized)
		at[0] = (uint8_t)len;
	if (len)
		memcpy(at + need - len, value, len);
	return true;
}

unsigned schc_rule_values(const struct schc_field_desc *desc)
{
	if (is_variable(desc) || desc->mo == SCHC_MO_MATCH_MAPPING)
		return desc->mapping_n;
	return desc->mo == SCHC_MO_IGNORE ? 0 : 1;
}

const uint8_t *schc_rule_value(
	const struct schc_rule *rule, const struct schc_field_desc *desc, unsigned i, size_t *len)
{
	const uint8_t *at = rule->mapping + desc->mapping_first;

	if (is_variable(desc)) {
		while (i--)
			at += at[0] + 1u;
		*len = at[0];
		return at + 1;
	}
	*len = stride(desc);
	return desc->mo == SCHC_MO_MATCH_MAPPING ? at + i * *len : desc->tv;
}

unsigned schc_rule_group(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	bool whole = desc->mo == SCHC_MO_EQUAL || desc->mo == SCHC_MO_MATCH_MAPPING;
	const uint8_t *value;
	size_t len;

	if (!whole || desc->fl != SCHC_FL_VARIABLE || !desc->mapping_n)
		return 0;
	value = schc_rule_value(rule, desc, 0, &len);
	return group_count(schc_field(desc->fid)->option, value, len);
}

bool schc_rule_map(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *values, size_t n)
{
	if (n > (size_t)SCHC_MAPPING_MAX - rule->n_mapping || n > UINT8_MAX)
		return false;
	desc->mo = SCHC_MO_MATCH_MAPPING;
	desc->cda = SCHC_CDA_MAPPING_SENT;
	for (size_t i = 0; i < n; i++)
		schc_rule_add_value(rule, desc, values + i, 1);
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
	case SCHC_CDA_DEVIID:
		return desc->fid == SCHC_IPV6_DEVIID ? NULL : "devIID is for IPV6.DEVIID";
	case SCHC_CDA_APPIID:
		return desc->fid == SCHC_IPV6_APPIID ? NULL : "appIID is for IPV6.APPIID";
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

static const char *check_fl(const struct schc_field_desc *desc)
{
	unsigned width = schc_field(desc->fid)->width;

	if (width)
		return desc->fl == width ? NULL : "FL is not the width of the field";
	if (desc->fid == SCHC_COAP_TOKEN)
		return desc->fl == SCHC_FL_TKL ? NULL : "FL of the token is the function tkl";
	if (desc->fl != SCHC_FL_VARIABLE && (desc->fl % 8 || desc->fl == SCHC_FL_TKL))
		return "FL of an option is whole octets or variable";
	return NULL;
}

static const char *check_sized(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	size_t len;

	if (desc->mo != SCHC_MO_EQUAL && desc->mo != SCHC_MO_MSB)
		return NULL;
	if (desc->mapping_n != 1)
		return "the target value is missing";
	schc_rule_value(rule, desc, 0, &len);
	if (desc->mo == SCHC_MO_EQUAL)
		return NULL;
	if (desc->fl == SCHC_FL_VARIABLE && desc->msb % 8)
		return "MSB of a variable option is whole octets";
	return desc->msb > len * 8 ? "MSB is longer than the target value" : NULL;
}

static const char *check_value(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	unsigned odd = desc->fl % 8;

	if (is_variable(desc))
		return check_sized(rule, desc);
	if (desc->mo == SCHC_MO_MSB && desc->msb > desc->fl)
		return "MSB is longer than the field";
	if ((desc->mo == SCHC_MO_EQUAL || desc->mo == SCHC_MO_MSB) && stride(desc) > SCHC_TV_LEN)
		return "a target value as long as that needs a variable FL";
	/* A value wider than its field would be compared with the neighbour's bits. */
	if (odd && desc->tv[0] >> odd)
		return "the target value is wider than the field";
	return NULL;
}

/* The values lie in mapping[], whatever the octets in front of them say. */
static bool values_inside(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	size_t at = desc->mapping_first;

	if (rule->n_mapping > SCHC_MAPPING_MAX)
		return false;
	for (unsigned i = 0; i < desc->mapping_n && at < rule->n_mapping; i++)
		at += is_variable(desc) ? rule->mapping[at] + 1u : stride(desc);
	return at <= rule->n_mapping && (desc->mapping_n == 0 || at > desc->mapping_first);
}

static const char *check_entry(
	const struct schc_rule *rule, const struct schc_field_desc *desc, unsigned i)
{
	size_t len;
	size_t other_len;
	const uint8_t *value = schc_rule_value(rule, desc, i, &len);

	if (!is_variable(desc) && desc->fl % 8 && value[0] >> desc->fl % 8)
		return "a mapping entry is wider than the field";
	if (desc->fl == SCHC_FL_VARIABLE && group_count(schc_field(desc->fid)->option, value,
						    len) != schc_rule_group(rule, desc))
		return "paths or queries of one list have the same number of elements";
	for (unsigned k = 0; k < i; k++) {
		const uint8_t *other = schc_rule_value(rule, desc, k, &other_len);

		if (len == other_len && memcmp(value, other, len) == 0)
			return "a mapping entry stands twice";
	}
	return NULL;
}

static const char *check_mapping(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	const char *text = NULL;

	if (desc->mo != SCHC_MO_MATCH_MAPPING)
		return NULL;
	if (schc_field(desc->fid)->width > SCHC_MAPPED_WIDTH)
		return "mapping lists are for fields of at most 64 bits";
	if (!desc->mapping_n)
		return "the mapping list is empty";
	for (unsigned i = 0; i < desc->mapping_n && !text; i++)
		text = check_entry(rule, desc, i);
	return text;
}

static const char *check_desc(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	const char *text = check_fl(desc);

	if (text)
		return text;
	if (desc->fp != 1 && !schc_field(desc->fid)->option)
		return "the field position is not 1";
	if (desc->di > SCHC_DI_DOWN)
		return "no such direction";
	text = check_pair(desc);
	if (text)
		return text;
	if ((is_variable(desc) || desc->mo == SCHC_MO_MATCH_MAPPING) && !values_inside(rule, desc))
		return "the values are not in the rule";
	text = check_value(rule, desc);
	return text ? text : check_mapping(rule, desc);
}

const char *schc_rule_check(const struct schc_rule *rule, unsigned *at)
{
	const char *text = NULL;
	unsigned place;

	if (!at)
		at = &place;
	*at = 0;
	if (rule->n > SCHC_RULE_FIELDS)
		return "too many fields";
	for (unsigned i = 0; i < rule->n && !text; i++) {
		*at = i;
		if (rule->field[i].fid >= SCHC_FIDS)
			text = "no such field";
		if (!text)
			text = check_desc(rule, &rule->field[i]);
	}
	if (!text)
		text = schc_order_check(rule, SCHC_DI_UP, at);
	return text ? text : schc_order_check(rule, SCHC_DI_DOWN, at);
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
		[SCHC_CDA_DEVIID] = "devIID",
		[SCHC_CDA_APPIID] = "appIID",
	};

	return names[cda];
}

const char *schc_di_name(enum schc_di di)
{
	static const char *const names[] = {
		[SCHC_DI_BI] = "Bi", [SCHC_DI_UP] = "Up", [SCHC_DI_DOWN] = "Dw"};

	return names[di];
}
