/* SPDX-License-Identifier: Apache-2.0 */
/* Field after field of a rule is widened until it takes the packet, RFC 8724 7.2 to 7.4. */
#include "cli/rules_repair.h"

#include "cli/rules_entry.h"
#include "config/yang.h"
#include "diet/iipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 64, HOP_FIELDS = 2 };

enum how { KEEP, WIDEN, PREFIX, SEND };

/* What to do with one descriptor, or which one to put in front of it. */
struct change {
	unsigned at;
	bool insert;
	enum schc_fid fid; /* inserted */
	enum schc_di di;
	uint8_t fp;
	enum how how;
	uint16_t msb;
	uint8_t value[VALUE_MAX];
	size_t len;
};

static bool copy_values(const struct schc_rule *from, const struct schc_field_desc *desc,
	struct schc_rule *to, struct schc_field_desc *copy)
{
	for (unsigned i = 0; i < schc_rule_values(desc); i++) {
		size_t len;
		const uint8_t *value = schc_rule_value(from, desc, i, &len);

		if (!schc_rule_add_value(to, copy, value, len))
			return false;
	}
	return true;
}

static bool append(struct schc_rule *to, const struct schc_rule *from,
	const struct schc_field_desc *desc, const struct change *change)
{
	enum how how = change ? change->how : KEEP;
	struct schc_field_desc *copy = schc_rule_append(to, desc->fid);

	if (!copy)
		return false;
	copy->di = desc->di;
	copy->fp = desc->fp;
	if (how == SEND)
		return true;
	copy->fl = desc->fl;
	copy->mo = how == WIDEN ? SCHC_MO_MATCH_MAPPING : desc->mo;
	copy->cda = how == WIDEN ? SCHC_CDA_MAPPING_SENT : desc->cda;
	copy->msb = how == PREFIX ? change->msb : desc->msb;
	return copy_values(from, desc, to, copy) &&
	       (how != WIDEN || schc_rule_add_value(to, copy, change->value, change->len));
}

static bool rebuild(const struct schc_rule *from, const struct change *change, struct schc_rule *to)
{
	struct schc_field_desc fresh = {
		.fid = (uint8_t)change->fid, .fp = change->fp, .di = (uint8_t)change->di};
	struct change send = {.how = SEND};

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

/* The field's value, right-aligned in whole octets. */
static bool take_value(
	const uint8_t *packet, const struct schc_explained_field *field, struct change *out)
{
	uint32_t lead = (8 - field->bits % 8) % 8;

	if (!field->present || field->bits > sizeof out->value * 8)
		return false;
	out->len = (field->bits + 7) / 8;
	for (uint32_t i = 0; i < field->bits; i++) {
		uint32_t from = field->at + i;
		uint32_t to = lead + i;

		if (packet[from / 8] >> (7 - from % 8) & 1)
			out->value[to / 8] = (uint8_t)(out->value[to / 8] | 1u << (7 - to % 8));
	}
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

/* What offsets rest on is not widened: another header needs another rule. */
static bool is_structure(unsigned fid)
{
	return fid == SCHC_IPV6_VER || fid == SCHC_IPV4_VER || fid == SCHC_IPV4_IHL ||
	       fid == SCHC_IPV6_NXT || fid == SCHC_IPV4_PROTO || fid == SCHC_COAP_VER;
}

static bool plan_change(const struct schc_rule *rule, const struct schc_explained_field *field,
	const uint8_t *packet, struct change *out)
{
	const struct schc_field_desc *desc = &rule->field[field->desc];
	bool fixed = !schc_field(desc->fid)->width && desc->fl < SCHC_FL_TKL;
	unsigned n;

	*out = (struct change){.at = field->desc, .how = SEND};
	if (is_structure(desc->fid))
		return false;
	if (!field->present)
		return schc_field(desc->fid)->option != 0;
	if (desc->mo == SCHC_MO_IGNORE || (fixed && desc->fl != field->bits) ||
		!take_value(packet, field, out))
		return true;
	if (desc->mo == SCHC_MO_MSB) {
		n = common(rule, desc, out, field->bits);
		out->how = n ? PREFIX : SEND;
		out->msb = (uint16_t)n;
		return true;
	}
	if (schc_field(desc->fid)->width <= SCHC_MAPPED_WIDTH)
		out->how = WIDEN;
	return true;
}

static enum schc_fid option_fid(unsigned number)
{
	for (unsigned fid = 0; fid < SCHC_FIDS; fid++)
		if (schc_field(fid)->option == number && number)
			return (enum schc_fid)fid;
	return SCHC_FIDS;
}

/* An entry for the option that the rule does not have, where its number belongs. */
static bool plan_option(
	const struct schc_rule *rule, enum schc_di di, unsigned number, struct change *out)
{
	*out = (struct change){
		.insert = true, .fid = option_fid(number), .di = di, .fp = 1, .at = rule->n};
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (schc_field(desc->fid)->option > number && out->at == rule->n)
			out->at = i;
		if (desc->fid == (unsigned)out->fid && (desc->di == SCHC_DI_BI || desc->di == di))
			out->fp++;
	}
	return out->fid != SCHC_FIDS;
}

/* The token stands behind the Message ID. */
static bool plan_token(const struct schc_rule *rule, enum schc_di di, struct change *out)
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

/* One rule and direction on the way to taking the packet. */
struct attempt {
	const struct diet_attrs *attrs;
	const struct trial_ends *ends;
	const struct ip_packet *ip;
	enum schc_di di;
	struct repair *repair;
	struct schc_explained told;
	struct schc_rule next;
};

static bool plan_next(const struct attempt *attempt, struct change *change)
{
	const struct schc_rule *rule = &attempt->repair->fixed;
	const struct schc_explained *told = &attempt->told;

	if (told->failed < told->n)
		return plan_change(rule, &told->field[told->failed], attempt->ip->data, change);
	if (told->has_extra)
		return plan_option(rule, attempt->di, told->extra, change);
	return told->n && plan_token(rule, attempt->di, change);
}

/* A hop limit under lower that must not change: nothing that explain sees. */
static bool plan_hop_limit(const struct schc_rule *rule, struct change *change)
{
	static const uint8_t fids[HOP_FIELDS] = {SCHC_IPV6_HOP_LMT, SCHC_IPV4_TTL};

	for (unsigned i = 0; i < rule->n; i++)
		if (memchr(fids, rule->field[i].fid, HOP_FIELDS) &&
			rule->field[i].cda == SCHC_CDA_LOWER) {
			*change = (struct change){.at = i, .how = SEND};
			return true;
		}
	return false;
}

static bool apply(struct attempt *attempt, const struct change *change)
{
	struct repair *repair = attempt->repair;
	struct repair_edit *edit = &repair->edit[repair->n];

	if (repair->n == REPAIR_EDITS || !rebuild(&repair->fixed, change, &attempt->next))
		return false;
	*edit = (struct repair_edit){.entry = change->at, .insert = change->insert};
	if (!change->insert)
		edit->was = rules_entry_json(&repair->fixed, &repair->fixed.field[change->at]);
	edit->now = rules_entry_json(&attempt->next, &attempt->next.field[change->at]);
	repair->n++;
	repair->fixed = attempt->next;
	return edit->now != NULL;
}

/* The whole set with the rule in its place carries the packet there and back. */
static bool carries(const struct attempt *attempt)
{
	const struct schc_rule_set *set = attempt->attrs->rules;
	struct diet_attrs attrs = *attempt->attrs;
	struct schc_rule *rules = malloc(set->n * sizeof *rules);
	struct schc_rule_set changed = {rules, set->n};
	struct trial_result result = {.rule = TRIAL_NO_RULE};
	struct trial *trial;
	const char *why;

	if (!rules)
		return false;
	memcpy(rules, set->rule, set->n * sizeof *rules);
	rules[attempt->repair->rule] = attempt->repair->fixed;
	attrs.rules = &changed;
	attrs.shared = NULL; /* what is compiled there is of the rules as they were */
	trial = schc_set_check(&changed, NULL) ? trial_open(&attrs, attempt->ends, &why) : NULL;
	if (trial)
		result = trial_run(trial, attempt->ip->data, attempt->ip->len);
	trial_close(trial);
	free(rules);
	attempt->repair->after = result.after;
	return (result.verdict == TRIAL_RESTORED || result.verdict == TRIAL_ALLOWED) &&
	       (result.rule >= 0 || !attempt->repair->fixed.id_bits);
}

static bool widen(struct attempt *attempt)
{
	struct repair *repair = attempt->repair;
	struct trial_sides sides;
	struct change change;
	struct diet_sa sa;
	struct schc_end end;
	struct diet_attrs attrs = *attempt->attrs;

	trial_sides(attempt->ends, 0, 0, &sides);
	sa = trial_sa(&sides, attempt->di);
	attrs.device = attempt->di == SCHC_DI_UP;
	diet_schc_end(&attrs, &sa, &end);
	while (repair->n < REPAIR_EDITS) {
		schc_explain(&repair->fixed, &end, iipc_restorable(attempt->ip), attempt->ip->data,
			attempt->ip->len, &attempt->told);
		if (attempt->told.matches && carries(attempt))
			return repair->n > 0;
		if (!(attempt->told.matches ? plan_hop_limit(&repair->fixed, &change)
					    : plan_next(attempt, &change)) ||
			!apply(attempt, &change))
			return false;
	}
	return false;
}

static bool is_smaller(const struct repair *a, const struct repair *b)
{
	return a->n != b->n ? a->n < b->n : a->after < b->after;
}

static bool repair_set(struct attempt *attempt, struct repair *out)
{
	const struct schc_rule_set *set = attempt->attrs->rules;
	struct repair *repair = attempt->repair;
	bool found = false;

	for (unsigned i = 0; i < 2 * set->n; i++) {
		const struct schc_rule *rule = &set->rule[i / 2];

		if (rule->nature != SCHC_COMPRESSION)
			continue;
		*repair = (struct repair){.rule = i / 2, .fixed = *rule};
		attempt->di = i % 2 ? SCHC_DI_DOWN : SCHC_DI_UP;
		if (widen(attempt) && (!found || is_smaller(repair, out))) {
			if (found)
				repair_free(out);
			found = true;
			*out = *repair;
		} else {
			repair_free(repair);
		}
	}
	return found;
}

/* What of a profile may stand in a packet's way, and what lets it through. */
static const struct {
	const char *name, *word, *key;
} attributes[] = {
	{"flow_label_cda", "not_compressed", "FlowLabelCda = not_compressed"},
	{"hop_limit_cda", "not_compressed", "HopLimitCda = not_compressed"},
	{"dscp_cda", "not_compressed", "DscpCda = not_compressed"},
	{"rule_id", "true", NULL},
};

static void set_attribute(struct diet_attrs *attrs, size_t i)
{
	if (i == 0)
		attrs->flow_label_cda = FLOW_LABEL_NOT_COMPRESSED;
	else if (i == 1)
		attrs->hop_limit_cda = HOP_LIMIT_NOT_COMPRESSED;
	else if (i == 2)
		attrs->dscp_cda = DSCP_NOT_COMPRESSED;
	else
		attrs->rule_id = true;
}

/* One attribute that lets the packet through, the one that leaves fewest octets. */
static bool repair_profile(const struct diet_attrs *attrs, const struct trial_ends *ends,
	const struct ip_packet *ip, struct repair *out)
{
	const char *why;

	*out = (struct repair){.after = SIZE_MAX};
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
		struct diet_attrs changed = *attrs;
		struct trial_result result = {.verdict = TRIAL_UNFIT};
		struct trial *trial;

		set_attribute(&changed, i);
		trial = trial_open(&changed, ends, &why);
		if (trial)
			result = trial_run(trial, ip->data, ip->len);
		trial_close(trial);
		if ((result.verdict != TRIAL_RESTORED && result.verdict != TRIAL_ALLOWED) ||
			result.after >= out->after)
			continue;
		out->attribute = attributes[i].name;
		out->word = attributes[i].word;
		out->key = attributes[i].key;
		out->after = result.after;
	}
	return out->attribute != NULL;
}

bool repair_find(const struct diet_attrs *attrs, const struct trial_ends *ends,
	const struct ip_packet *ip, struct repair *out)
{
	struct attempt *attempt = calloc(1, sizeof *attempt);
	bool found = false;

	memset(out, 0, sizeof *out);
	if (attempt && attrs->rules) {
		attempt->attrs = attrs;
		attempt->ends = ends;
		attempt->ip = ip;
		attempt->repair = calloc(1, sizeof *attempt->repair);
		found = attempt->repair && repair_set(attempt, out);
		free(attempt->repair);
	} else if (attempt) {
		found = repair_profile(attrs, ends, ip, out);
	}
	free(attempt);
	return found;
}

void repair_free(struct repair *repair)
{
	for (unsigned i = 0; i < repair->n; i++) {
		json_decref(repair->edit[i].was);
		json_decref(repair->edit[i].now);
	}
	repair->n = 0;
}

json_t *repair_patch(const struct repair *repair, const char *profile)
{
	json_t *out = json_array();
	char path[YANG_PATH_MAX + 96];

	if (repair->attribute) {
		snprintf(path, sizeof path, "/profiles/%s/%s", profile, repair->attribute);
		json_array_append_new(out,
			json_pack("{s:s,s:s,s:o}", "op", "add", "path", path, "value",
				strcmp(repair->word, "true") == 0 ? json_true()
								  : json_string(repair->word)));
	}
	for (unsigned i = 0; i < repair->n; i++) {
		snprintf(path, sizeof path, "/" YANG_ROOT "/rule/%u/entry/%u", repair->rule,
			repair->edit[i].entry);
		json_array_append_new(out,
			json_pack("{s:s,s:s,s:O}", "op", repair->edit[i].insert ? "add" : "replace",
				"path", path, "value", repair->edit[i].now));
	}
	return out;
}
