/* SPDX-License-Identifier: Apache-2.0 */
/* Which change of a descriptor lets a packet through, and the rule with it; RFC 8724 7.2 to 7.4. */
#include "cli/rules_change.h"

#include "cli/fields.h"

#include <string.h>

enum { HOP_FIELDS = 2 };

static bool append(struct schc_rule *to, const struct schc_rule *from,
	const struct schc_field_desc *desc, const struct change *change)
{
	enum change_how how = change ? change->how : CHANGE_NOTHING;
	struct schc_field_desc *copy = schc_rule_append(to, desc->fid);

	if (!copy)
		return false;
	copy->di = desc->di;
	copy->fp = desc->fp;
	if (how == CHANGE_SEND)
		return true;
	copy->fl = desc->fl;
	copy->mo = how == CHANGE_LIST ? SCHC_MO_MATCH_MAPPING : desc->mo;
	copy->cda = how == CHANGE_LIST ? SCHC_CDA_MAPPING_SENT : desc->cda;
	copy->msb = how == CHANGE_PREFIX ? change->msb : desc->msb;
	return fields_copy_values(from, desc, to, copy) &&
	       (how != CHANGE_LIST || schc_rule_add_value(to, copy, change->value, change->len));
}

bool change_apply(const struct schc_rule *from, const struct change *change, struct schc_rule *to)
{
	struct schc_field_desc fresh = {
		.fid = (uint8_t)change->fid, .fp = change->fp, .di = (uint8_t)change->di};
	struct change send = {.how = CHANGE_SEND};

	memset(to, 0, sizeof *to);
	to->nature = from->nature;
	to->id = from->id;
	to->id_bits = from->id_bits;
	for (unsigned i = 0; i <= from->n; i++) {
		if (change->insert && i == change->at && !append(to, from, &fresh, &send))
			return false;
		if (i < from->n && !append(to, from, &from->field[i],
					   !change->insert && i == change->at ? change : NULL))
			return false;
	}
	return true;
}

static bool take_value(
	const uint8_t *packet, const struct schc_explained_field *field, struct change *out)
{
	if (!field->present || field->bits > sizeof out->value * 8)
		return false;
	out->len = (field->bits + 7) / 8;
	fields_take(packet, field->at, field->bits, out->value);
	return true;
}

static bool bit_of(const uint8_t *data, size_t bit)
{
	return data[bit / 8] >> (7 - bit % 8) & 1;
}

/* How many first bits packet and target have in common. */
static unsigned common(const struct schc_rule *rule, const struct schc_field_desc *desc,
	const struct change *change, uint32_t bits)
{
	size_t len;
	const uint8_t *target = schc_rule_value(rule, desc, 0, &len);
	unsigned lead = (8 - bits % 8) % 8;
	unsigned n = 0;

	while (n < desc->msb && n < bits && n < len * 8 &&
		bit_of(target, (desc->fl >= SCHC_FL_TKL ? 0 : lead) + n) ==
			bit_of(change->value, lead + n))
		n++;
	return desc->fl >= SCHC_FL_TKL ? n / 8 * 8 : n;
}

bool change_for_field(const struct schc_rule *rule, const struct schc_explained_field *field,
	const uint8_t *packet, struct change *out)
{
	const struct schc_field_desc *desc = &rule->field[field->desc];
	bool fixed = !schc_field(desc->fid)->width && desc->fl < SCHC_FL_TKL;
	unsigned n;

	*out = (struct change){.at = field->desc, .how = CHANGE_SEND};
	if (fields_is_structure(desc->fid))
		return false;
	if (!field->present)
		return schc_field(desc->fid)->option != 0;
	if (desc->mo == SCHC_MO_IGNORE || (fixed && desc->fl != field->bits) ||
		!take_value(packet, field, out))
		return true;
	if (desc->mo == SCHC_MO_MSB) {
		n = common(rule, desc, out, field->bits);
		out->how = n ? CHANGE_PREFIX : CHANGE_SEND;
		out->msb = (uint16_t)n;
		return true;
	}
	if (schc_field(desc->fid)->width <= SCHC_MAPPED_WIDTH)
		out->how = CHANGE_LIST;
	return true;
}

bool change_for_option(
	const struct schc_rule *rule, enum schc_di di, unsigned number, struct change *out)
{
	*out = (struct change){
		.insert = true, .fid = fields_option(number), .di = di, .fp = 1, .at = rule->n};
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (schc_field(desc->fid)->option > number && out->at == rule->n)
			out->at = i;
		if (desc->fid == (unsigned)out->fid && (desc->di == SCHC_DI_BI || desc->di == di))
			out->fp++;
	}
	return out->fid != SCHC_FIDS;
}

bool change_for_token(const struct schc_rule *rule, enum schc_di di, struct change *out)
{
	*out = (struct change){.insert = true, .fid = SCHC_COAP_TOKEN, .fp = 1, .at = rule->n};
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (desc->fid == SCHC_COAP_TOKEN && (desc->di == SCHC_DI_BI || desc->di == di))
			return false;
		if (desc->fid == SCHC_COAP_MID && (desc->di == SCHC_DI_BI || desc->di == di)) {
			out->at = i + 1;
			out->di = desc->di;
		}
	}
	return out->at < rule->n || rule->n;
}

bool change_for_hop_limit(const struct schc_rule *rule, struct change *out)
{
	static const uint8_t fids[HOP_FIELDS] = {SCHC_IPV6_HOP_LMT, SCHC_IPV4_TTL};

	for (unsigned i = 0; i < rule->n; i++)
		if (memchr(fids, rule->field[i].fid, HOP_FIELDS) &&
			rule->field[i].cda == SCHC_CDA_LOWER) {
			*out = (struct change){.at = i, .how = CHANGE_SEND};
			return true;
		}
	return false;
}
