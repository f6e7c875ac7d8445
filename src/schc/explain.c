/* SPDX-License-Identifier: Apache-2.0 */
/* Matching one field after the other, bit by bit, and saying why not (RFC 8724 7.2 to 7.4). */
#include "schc/explain.h"

#include "schc/coap.h"
#include "schc/group.h"
#include "schc/oscore.h"
#include "schc/plan.h"
#include "schc/set_packet.h"

#include <string.h>

enum {
	SIZE_BITS_MIN = 4,
	SIZE_2 = 15,
	SIZE_2_BITS = 12,
	SIZE_3 = 255,
	SIZE_3_BITS = 28,
	OSCORE = 9
};

struct walk {
	const struct schc_rule *rule;
	const struct schc_end *end;
	unsigned restorable;
	const uint8_t *packet;
	size_t len;
	uint32_t base, next_base; /* bits: the header that the fields are in, and the one behind */
	bool coap_ok;
	struct coap_view coap;
	unsigned option; /* of coap, the next one without descriptor */
	struct schc_explained *out;
};

static bool bit_at(const uint8_t *data, size_t bit)
{
	return data[bit / 8] >> (7 - bit % 8) & 1;
}

/* The first n bits of a value, right-aligned in its octets when it is width bits wide. */
static bool begins_with(const struct walk *walk, const struct schc_explained_field *field,
	const uint8_t *value, size_t value_len, unsigned n)
{
	size_t lead = value_len * 8 - (field->bits < value_len * 8 ? field->bits : value_len * 8);

	for (unsigned i = 0; i < n; i++)
		if (bit_at(walk->packet, field->at + i) != bit_at(value, lead + i))
			return false;
	return true;
}

static bool is_value(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field, unsigned i)
{
	bool sized = desc->fl >= SCHC_FL_TKL;
	size_t len;
	const uint8_t *value = schc_rule_value(walk->rule, desc, i, &len);

	if (schc_rule_group(walk->rule, desc))
		return group_equal(&walk->coap, walk->packet + walk->base / 8,
			walk->option - schc_rule_group(walk->rule, desc), value, len);
	if (sized && len * 8 != field->bits)
		return false;
	return begins_with(walk, field, value, len, field->bits);
}

static const char *judge_msb(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field)
{
	size_t len;
	const uint8_t *value = schc_rule_value(walk->rule, desc, 0, &len);
	struct schc_explained_field prefix = *field;

	if (field->bits < desc->msb)
		return "the value is shorter than what MSB compares";
	if (desc->fl >= SCHC_FL_TKL)
		prefix.bits = UINT32_MAX; /* such values begin with their first octet */
	return begins_with(walk, &prefix, value, len, desc->msb)
		       ? NULL
		       : "the first bits differ from the target value";
}

static const char *judge_mapping(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field)
{
	for (unsigned i = 0; i < desc->mapping_n; i++)
		if (is_value(walk, desc, field, i))
			return NULL;
	return "the value is not in the list";
}

static const char *judge_iid(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field)
{
	bool dev = desc->cda == SCHC_CDA_DEVIID;

	if (!(dev ? walk->end->has_dev_iid : walk->end->has_app_iid))
		return "the selectors admit more than one interface identifier";
	return begins_with(walk, field, dev ? walk->end->dev_iid : walk->end->app_iid, SCHC_IID_LEN,
		       field->bits)
		       ? NULL
		       : "not the interface identifier that the selectors admit";
}

static const char *judge_ignored(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field)
{
	switch (desc->cda) {
	case SCHC_CDA_DEVIID:
	case SCHC_CDA_APPIID:
		return judge_iid(walk, desc, field);
	case SCHC_CDA_COMPUTE:
	case SCHC_CDA_GENERATED:
		return walk->restorable & schc_fix_of(desc->fid)
			       ? NULL
			       : "computing it would give another value";
	default:
		/* Size 0 would say that it is absent. */
		return desc->fl == SCHC_FL_VARIABLE && !schc_field(desc->fid)->part && !field->bits
			       ? "an empty value can only be sent as an entry of a list, or be "
				 "equal"
			       : NULL;
	}
}

static const char *judge(const struct walk *walk, const struct schc_field_desc *desc,
	const struct schc_explained_field *field)
{
	if (!schc_field(desc->fid)->width && desc->fl < SCHC_FL_TKL && desc->fl != field->bits)
		return "the length is not the rule's";
	switch (desc->mo) {
	case SCHC_MO_EQUAL:
		return is_value(walk, desc, field, 0) ? NULL : "the value differs from the target";
	case SCHC_MO_MSB:
		return judge_msb(walk, desc, field);
	case SCHC_MO_MATCH_MAPPING:
		return judge_mapping(walk, desc, field);
	default:
		return judge_ignored(walk, desc, field);
	}
}

static unsigned size_bits(uint32_t octets)
{
	if (octets < SIZE_2)
		return SIZE_BITS_MIN;
	return octets < SIZE_3 ? SIZE_2_BITS : SIZE_3_BITS;
}

static unsigned sent_bits(
	const struct schc_field_desc *desc, const struct schc_explained_field *field)
{
	unsigned bits = field->bits - (desc->mo == SCHC_MO_MSB ? desc->msb : 0);

	if (desc->cda != SCHC_CDA_VALUE_SENT && desc->cda != SCHC_CDA_LSB)
		return schc_field_sent_bits(desc);
	return desc->fl == SCHC_FL_VARIABLE ? size_bits(bits / 8) + bits : bits;
}

static void place_fixed(struct walk *walk, enum schc_fid fid, struct schc_explained_field *field)
{
	const struct schc_field *of = schc_field(fid);

	if (!of->bit) {
		walk->base = walk->next_base;
		walk->next_base += schc_layer_len(of->layer) * 8;
		if (of->layer == SCHC_COAP && walk->base / 8 <= walk->len)
			walk->coap_ok = coap_parse(&walk->coap, walk->packet + walk->base / 8,
				walk->len - walk->base / 8);
	}
	field->at = walk->base + schc_field_bit(fid, walk->end->di == SCHC_DI_DOWN);
	field->bits = of->width;
	field->present = walk->next_base <= walk->len * 8;
	if (!field->present)
		field->why = "the packet ends before this header does";
}

static void note_extra(struct walk *walk)
{
	const struct coap_option *option = &walk->coap.option[walk->option++];

	if (walk->out->has_extra)
		return;
	walk->out->has_extra = true;
	walk->out->extra = option->number;
	walk->out->extra_at = walk->base + option->begin * 8u;
}

static bool may_be_absent(const struct schc_field_desc *desc)
{
	return desc->fl == SCHC_FL_VARIABLE && desc->cda == SCHC_CDA_VALUE_SENT &&
	       !schc_field(desc->fid)->part;
}

/* A part of OSCORE's option; the flags found it. */
static void place_part(struct walk *walk, unsigned part, struct schc_explained_field *field)
{
	const struct coap_option *option;
	struct oscore_view view;

	if (!walk->option || walk->coap.option[walk->option - 1].number != OSCORE) {
		field->why = "the packet has no such option";
		return;
	}
	option = &walk->coap.option[walk->option - 1];
	if (!oscore_split(&view, walk->packet + walk->base / 8 + option->at, option->len)) {
		field->why = "the option is not as OSCORE has it";
		return;
	}
	field->present = true;
	field->at = walk->base + (option->at + view.at[part - 1]) * 8u;
	field->bits = (view.at[part] - view.at[part - 1]) * 8u;
}

/* So many options, from the next one on, are of its number: 1, or up to n for a group of n. */
static unsigned run_of(const struct walk *walk, unsigned n)
{
	const struct coap_option *first = &walk->coap.option[walk->option];
	unsigned run = 1;

	while (run < n && walk->option + run < walk->coap.n && first[run].number == first->number)
		run++;
	return run;
}

static void place_option(
	struct walk *walk, const struct schc_field_desc *desc, struct schc_explained_field *field)
{
	unsigned number = schc_field(desc->fid)->option;
	unsigned part = schc_field(desc->fid)->part;
	const struct coap_option *option;

	if (part > 1) {
		place_part(walk, part, field);
		return;
	}
	while (walk->option < walk->coap.n && walk->coap.option[walk->option].number < number)
		note_extra(walk);
	option = &walk->coap.option[walk->option];
	if (walk->option < walk->coap.n && option->number == number) {
		walk->option += run_of(walk, schc_rule_group(walk->rule, desc));
		field->present = true;
		field->at = walk->base + option->at * 8u;
		option = &walk->coap.option[walk->option - 1];
		field->bits = walk->base + (option->at + option->len) * 8u - field->at;
		if (part)
			place_part(walk, part, field);
	} else if (!may_be_absent(desc)) {
		field->why = "the packet has no such option";
	}
}

static void place(
	struct walk *walk, const struct schc_field_desc *desc, struct schc_explained_field *field)
{
	if (schc_field(desc->fid)->width) {
		place_fixed(walk, desc->fid, field);
	} else if (!walk->coap_ok) {
		field->why = "this is no CoAP message";
	} else if (desc->fid == SCHC_COAP_TOKEN) {
		field->present = true;
		field->at = walk->base + COAP_FIXED * 8;
		field->bits = walk->coap.tkl * 8u;
	} else {
		place_option(walk, desc, field);
	}
}

static void explain_field(struct walk *walk, unsigned index)
{
	const struct schc_field_desc *desc = &walk->rule->field[index];
	struct schc_explained *out = walk->out;
	struct schc_explained_field *field = &out->field[out->n];

	*field = (struct schc_explained_field){.desc = (uint8_t)index};
	place(walk, desc, field);
	if (field->present && !field->why)
		field->why = judge(walk, desc, field);
	field->matches = !field->why;
	if (field->matches)
		field->sent_bits =
			(uint16_t)(field->present ? sent_bits(desc, field) : SIZE_BITS_MIN);
	else if (out->failed == UINT32_MAX)
		out->failed = out->n;
	out->residue_bits += field->sent_bits;
	out->n++;
}

static bool has_token(const struct walk *walk)
{
	for (unsigned i = 0; i < walk->out->n; i++)
		if (walk->rule->field[walk->out->field[i].desc].fid == SCHC_COAP_TOKEN)
			return true;
	return false;
}

/* What no single field is to blame for. */
static const char *judge_packet(const struct walk *walk, bool coap)
{
	const struct schc_explained *out = walk->out;
	size_t octets = (out->residue_bits + 7u) / 8u;

	if (!out->n)
		return "the rule has no fields for this direction";
	if (schc_field(walk->rule->field[out->field[0].desc].fid)->layer == SCHC_IPV4 &&
		walk->packet[0] != 0x45)
		return "the IPv4 header has options";
	if (coap && !walk->coap_ok)
		return "this is no CoAP message, or one with more options than we look at";
	if (coap && walk->option < walk->coap.n)
		return "the packet has an option that the rule does not describe";
	if (coap && walk->coap.tkl && !has_token(walk))
		return "the packet has a token, which the rule does not describe";
	if (out->residue_bits > SCHC_SET_RESIDUE)
		return "the residue would have more than 1024 bits";
	if (octets > out->header_bits / 8 + 1)
		return "the packet would become longer";
	return out->header_bits / 8 > octets + SCHC_GROWTH_MAX
		       ? "the header is longer than what a receiver has room to restore"
		       : NULL;
}

static const char *finish(struct walk *walk)
{
	struct schc_explained *out = walk->out;
	bool coap = false;
	const char *text;

	for (unsigned i = 0; i < out->n; i++)
		coap = coap || walk->rule->field[out->field[i].desc].fid == SCHC_COAP_VER;
	out->header_bits = walk->next_base;
	if (coap && walk->coap_ok)
		out->header_bits = walk->base + walk->coap.header_len * 8u;
	if (out->failed < out->n)
		text = out->field[out->failed].why;
	else
		text = judge_packet(walk, coap);
	if (coap && walk->coap_ok && walk->option < walk->coap.n)
		note_extra(walk);
	if (!text && out->has_extra)
		text = "the packet has an option that the rule does not describe";
	return text;
}

void schc_explain(const struct schc_rule *rule, const struct schc_end *end, unsigned restorable,
	const uint8_t *packet, size_t len, struct schc_explained *out)
{
	struct walk walk = {.rule = rule,
		.end = end,
		.restorable = restorable,
		.packet = packet,
		.len = len,
		.out = out};

	memset(out, 0, sizeof *out);
	out->failed = UINT32_MAX;
	out->residue_bits = rule->id_bits;
	for (unsigned i = 0; i < rule->n; i++)
		if (rule->field[i].di == SCHC_DI_BI || rule->field[i].di == end->di)
			explain_field(&walk, i);
	if (out->failed == UINT32_MAX)
		out->failed = out->n;
	out->text = finish(&walk);
	out->matches = !out->text;
}
