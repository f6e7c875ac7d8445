/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of packets -> a rule set: one rule for a kind of each direction, and rules to escape to. */
#include "cli/learn.h"

#include "cli/fields.h"
#include "cli/rules_trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A rule file has 64 KiB; an entry has at most seven members, a value two and their numbers. */
enum { FILE_OCTETS = 60000, ENTRY = 40, VALUE = 10 };

/* One direction of a rule while it is made. */
struct half {
	const struct learn_kind *kind;
	struct schc_rule rule;
	unsigned hows[LEARN_HOWS];
};

static bool add_field(struct half *half, const struct learn *learn, unsigned i)
{
	const struct learn_field *field = &half->kind->field[i];
	enum learn_how how;

	/* Seen in every packet, or the header is not there in all of them. */
	if (field->n != half->kind->n ||
		!learn_field_desc(learn, half->kind, field, &half->rule, &how))
		return false;
	half->hows[how]++;
	return true;
}

static bool add_option(struct half *half, unsigned i)
{
	const struct learn_option *option = &half->kind->option[i];
	enum learn_how how;
	uint8_t fp = 1;

	for (unsigned k = 0; k < i; k++)
		fp = (uint8_t)(fp + (half->kind->option[k].number == option->number));
	if (!learn_option_desc(option, &half->rule, &how))
		return false;
	half->rule.field[half->rule.n - 1].fp = fp;
	half->hows[how]++;
	return true;
}

static bool is_no_token(const struct schc_rule *rule)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (rule->field[i].fid == SCHC_COAP_TKL)
			return rule->field[i].mo == SCHC_MO_EQUAL && !rule->field[i].tv[0];
	return true;
}

/* false: a field of it cannot be described; the escape rule takes such packets. */
static bool make_half(const struct learn *learn, const struct learn_kind *kind, struct half *out)
{
	*out = (struct half){.kind = kind};
	for (unsigned i = 0; i < kind->n_fields; i++)
		if (!add_field(out, learn, i))
			return false;
	if (kind->coap && !is_no_token(&out->rule)) {
		if (!schc_rule_append(&out->rule, SCHC_COAP_TOKEN))
			return false;
		out->hows[LEARN_SENT]++;
	}
	for (unsigned i = 0; i < kind->n_options; i++)
		if (!add_option(out, i))
			return false;
	for (unsigned i = 0; i < out->rule.n; i++)
		out->rule.field[i].di = (uint8_t)kind->di;
	return true;
}

static bool same_values(const struct schc_rule *a, const struct schc_field_desc *x,
	const struct schc_rule *b, const struct schc_field_desc *y)
{
	if (schc_rule_values(x) != schc_rule_values(y))
		return false;
	for (unsigned i = 0; i < schc_rule_values(x); i++) {
		size_t n;
		size_t m;
		const uint8_t *p = schc_rule_value(a, x, i, &n);
		const uint8_t *q = schc_rule_value(b, y, i, &m);

		if (n != m || memcmp(p, q, n) != 0)
			return false;
	}
	return true;
}

static bool same_desc(const struct schc_rule *a, const struct schc_field_desc *x,
	const struct schc_rule *b, const struct schc_field_desc *y)
{
	return x->fid == y->fid && x->fl == y->fl && x->fp == y->fp && x->mo == y->mo &&
	       x->cda == y->cda && x->msb == y->msb && same_values(a, x, b, y);
}

static bool append(struct schc_rule *to, const struct schc_rule *from,
	const struct schc_field_desc *desc, enum schc_di di)
{
	struct schc_field_desc *copy = schc_rule_append(to, desc->fid);

	if (!copy)
		return false;
	copy->fl = desc->fl;
	copy->fp = desc->fp;
	copy->mo = desc->mo;
	copy->cda = desc->cda;
	copy->msb = desc->msb;
	copy->di = (uint8_t)di;
	return fields_copy_values(from, desc, to, copy);
}

/* Where a descriptor stands in the order of both directions: fixed fields, token, options. */
static unsigned rank(const struct schc_field_desc *desc)
{
	const struct schc_field *field = schc_field(desc->fid);

	if (field->width)
		return field->layer * 1024u + field->bit;
	return (SCHC_LAYERS + 1u) * 1024u + field->option * 64u + desc->fp;
}

/* Both ways in one rule, an entry for both where they agree. */
static bool join(const struct schc_rule *up, const struct schc_rule *down, struct schc_rule *out)
{
	unsigned i = 0;
	unsigned k = 0;

	memset(out, 0, sizeof *out);
	while (i < up->n || k < down->n) {
		const struct schc_field_desc *x = &up->field[i];
		const struct schc_field_desc *y = &down->field[k];
		bool left = k == down->n || (i < up->n && rank(x) <= rank(y));
		bool right = i == up->n || (k < down->n && rank(y) <= rank(x));
		bool both = left && right && same_desc(up, x, down, y);

		if (left && !append(out, up, x, both ? SCHC_DI_BI : SCHC_DI_UP))
			return false;
		if (right && !both && !append(out, down, y, SCHC_DI_DOWN))
			return false;
		i += left;
		k += right;
	}
	return true;
}

/* The engine takes it, alone; ends are any. */
static bool is_usable(const struct learn *learn, const struct schc_rule *rule)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct schc_rule_set set = {rule, 1};
	struct trial_ends ends = {.dev = learn->known_dev ? &learn->dev : NULL,
		.app = learn->known_app ? &learn->app : NULL};
	const char *why;
	struct trial *trial;

	attrs.rules = &set;
	trial = schc_set_check(&set, NULL) ? trial_open(&attrs, &ends, &why) : NULL;
	trial_close(trial);
	return trial != NULL;
}

/* Octets that a rule takes in a rule file, at most: numbers of entries, and their values. */
static size_t encoded(const struct schc_rule *rule)
{
	size_t octets = ENTRY;

	for (unsigned i = 0; i < rule->n; i++) {
		octets += ENTRY;
		for (unsigned k = 0; k < schc_rule_values(&rule->field[i]); k++) {
			size_t len;

			schc_rule_value(rule, &rule->field[i], k, &len);
			octets += VALUE + len;
		}
	}
	return octets;
}

struct maker {
	size_t octets;
	const struct learn *learn;
	struct learn_rules *out;
	bool used[LEARN_KINDS];
	struct half up, down;
	struct schc_rule both;
};

static void add_rule(struct maker *maker, const struct schc_rule *rule, const struct half *a,
	const struct half *b)
{
	struct learn_rules *out = maker->out;
	unsigned i = out->set.n;

	if (i + 1 >= SCHC_SET_RULES || maker->octets + encoded(rule) > FILE_OCTETS ||
		!is_usable(maker->learn, rule))
		return;
	maker->octets += encoded(rule);
	out->rule[i] = *rule;
	out->flow[i] = a->kind->flow;
	out->weight[i] = a->kind->n + (b ? b->kind->n : 0);
	for (unsigned how = 0; how < LEARN_HOWS; how++)
		out->hows[how] +=
			a->kind->flow == LEARN_FLOWS ? 0 : a->hows[how] + (b ? b->hows[how] : 0);
	out->set.n++;
}

static bool has_support(const struct learn *learn, const struct learn_kind *kind)
{
	return kind->n >= LEARN_SUPPORT &&
	       (kind->flow == LEARN_FLOWS ||
		       (unsigned long long)kind->n * LEARN_SHARE >= learn->trained);
}

/* The heaviest kind of a flow and direction that is still without a rule. */
static const struct learn_kind *take_kind(
	struct maker *maker, const struct learn_kind *like, enum schc_di di)
{
	const struct learn *learn = maker->learn;
	size_t best = LEARN_KINDS;

	for (size_t i = 0; i < learn->n_kinds; i++) {
		const struct learn_kind *kind = learn->kind[i];

		if (maker->used[i] || kind->di != di || kind->flow != like->flow ||
			kind->version != like->version || kind->proto != like->proto ||
			!has_support(learn, kind))
			continue;
		if (best == LEARN_KINDS || kind->n > learn->kind[best]->n)
			best = i;
	}
	if (best == LEARN_KINDS)
		return NULL;
	maker->used[best] = true;
	return learn->kind[best];
}

/* One rule for the heaviest kinds of both directions; they never meet under one RuleID. */
static void add_pair(struct maker *maker, const struct learn_kind *a, const struct learn_kind *b)
{
	bool up = a && make_half(maker->learn, a, &maker->up);
	bool down = b && make_half(maker->learn, b, &maker->down);
	unsigned n = maker->out->set.n;

	if (up && down && join(&maker->up.rule, &maker->down.rule, &maker->both))
		add_rule(maker, &maker->both, &maker->up, &maker->down);
	if (maker->out->set.n > n)
		return;
	if (up)
		add_rule(maker, &maker->up.rule, &maker->up, NULL);
	if (down)
		add_rule(maker, &maker->down.rule, &maker->down, NULL);
}

/* The heaviest kind of all, escape kinds first. */
static const struct learn_kind *next_kind(const struct maker *maker)
{
	const struct learn *learn = maker->learn;
	const struct learn_kind *best = NULL;

	for (size_t i = 0; i < learn->n_kinds; i++) {
		const struct learn_kind *kind = learn->kind[i];
		bool escape = kind->flow == LEARN_FLOWS;
		bool best_escape = best && best->flow == LEARN_FLOWS;

		if (maker->used[i] || !has_support(learn, kind))
			continue;
		if (!best || escape > best_escape || (escape == best_escape && kind->n > best->n))
			best = kind;
	}
	return best;
}

static void make_rules(struct maker *maker)
{
	const struct learn_kind *next;

	while ((next = next_kind(maker))) {
		const struct learn_kind *up = take_kind(maker, next, SCHC_DI_UP);
		const struct learn_kind *down = take_kind(maker, next, SCHC_DI_DOWN);

		add_pair(maker, up, down);
	}
}

/* An escape rule carries what the others of its headers leave: next to nothing is known of it. */
static void weigh(const struct learn *learn, struct learn_rules *out)
{
	for (unsigned i = 0; i < out->set.n; i++)
		if (out->flow[i] == LEARN_FLOWS)
			out->weight[i] = 1 + (uint32_t)(out->weight[i] / 64);
	out->weight[out->set.n] = 1 + (uint32_t)learn->other;
}

static void name_rules(struct learn_rules *out)
{
	uint8_t bits[SCHC_SET_RULES];
	uint8_t word[SCHC_SET_RULES];

	out->rule[out->set.n].nature = SCHC_NO_COMPRESSION;
	out->flow[out->set.n] = LEARN_FLOWS;
	out->set.n++;
	learn_code(out->weight, out->set.n, bits, word);
	for (unsigned i = 0; i < out->set.n; i++) {
		out->rule[i].id = word[i];
		out->rule[i].id_bits = bits[i];
	}
}

int learn_rules_make(const struct learn *learn, struct learn_rules *out)
{
	struct maker *maker = calloc(1, sizeof *maker);
	int err = 0;

	*out = (struct learn_rules){.rule = calloc(SCHC_SET_RULES, sizeof *out->rule),
		.flow = calloc(SCHC_SET_RULES, sizeof *out->flow),
		.weight = calloc(SCHC_SET_RULES, sizeof *out->weight)};
	if (!maker || !out->rule || !out->flow || !out->weight) {
		err = -ENOMEM;
	} else {
		maker->learn = learn;
		maker->out = out;
		out->set.rule = out->rule;
		make_rules(maker);
		err = out->set.n ? 0 : -ENOENT;
	}
	free(maker);
	if (err) {
		learn_rules_free(out);
		return err;
	}
	weigh(learn, out);
	name_rules(out);
	return 0;
}

void learn_rules_free(struct learn_rules *rules)
{
	free(rules->rule);
	free(rules->flow);
	free(rules->weight);
	*rules = (struct learn_rules){0};
}
