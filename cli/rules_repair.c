/* SPDX-License-Identifier: Apache-2.0 */
/* Field after field of a rule is widened until it takes the packet, RFC 8724 7.2 to 7.4. */
#include "cli/rules_repair.h"

#include "cli/rules_change.h"
#include "cli/rules_entry.h"
#include "config/yang.h"
#include "diet/iipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		return change_for_field(
			rule, &told->field[told->failed], attempt->ip->data, change);
	if (told->has_extra)
		return change_for_option(rule, attempt->di, told->extra, change);
	return told->n && change_for_token(rule, attempt->di, change);
}

static bool apply(struct attempt *attempt, const struct change *change)
{
	struct repair *repair = attempt->repair;
	struct repair_edit *edit = &repair->edit[repair->n];

	if (repair->n == REPAIR_EDITS || !change_apply(&repair->fixed, change, &attempt->next))
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
		if (!(attempt->told.matches ? change_for_hop_limit(&repair->fixed, &change)
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
