/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule takes a packet, or comes nearest, judged by the code of the packet path. */
#include "cli/scene.h"

#include "diet/iipc.h"

#include <stdio.h>
#include <stdlib.h>

static void take_end(const struct scene *scene, enum schc_di di, struct schc_end *end)
{
	struct diet_attrs attrs = scene->subject->attrs;
	struct diet_sa sa = trial_sa(&scene->sides, di);

	attrs.device = di == SCHC_DI_UP;
	diet_schc_end(&attrs, &sa, end);
}

/* The sender's context of the direction chosen. */
static int open_context(struct scene *scene)
{
	struct diet_attrs attrs = scene->subject->attrs;
	struct diet_sa sa = trial_sa(&scene->sides, scene->di);
	int err;

	attrs.device = scene->di == SCHC_DI_UP;
	take_end(scene, scene->di, &scene->end);
	err = diet_context_init(&scene->context, &attrs, &sa);
	scene->has_context = !err;
	if (!err && !attrs.rules)
		err = diet_iipc_rule(&attrs, &sa, &scene->derived);
	return err;
}

/* Which of the two ways the selectors let the packet go; false: neither. */
static bool choose_way(struct scene *scene)
{
	bool by_set = scene->subject->attrs.rules != NULL;

	trial_sides(&scene->subject->ends, by_set ? 0 : scene->ip.version,
		by_set ? 0 : scene->ip.proto, &scene->sides);
	scene->di = scene->result.di == SCHC_DI_DOWN ? SCHC_DI_DOWN : SCHC_DI_UP;
	if (!scene->subject->ends.sides)
		return true;
	if (!trial_admits(&scene->sides, scene->di, &scene->ip))
		scene->di = scene->di == SCHC_DI_UP ? SCHC_DI_DOWN : SCHC_DI_UP;
	return trial_admits(&scene->sides, scene->di, &scene->ip);
}

static bool is_taken(const struct scene *scene)
{
	const struct diet_attrs *attrs = &scene->subject->attrs;
	const struct trial_result *result = &scene->result;

	if (result->verdict != TRIAL_RESTORED && result->verdict != TRIAL_ALLOWED)
		return false;
	if (attrs->rules)
		return result->rule >= 0 || !attrs->rules->rule[0].id_bits;
	return attrs->iipc && !(attrs->rule_id && result->after == result->before + 1);
}

static unsigned failures(const struct schc_explained *told)
{
	unsigned n = told->text && told->failed == told->n;

	for (unsigned i = 0; i < told->n; i++)
		n += !told->field[i].matches;
	return told->n ? n : SCHC_RULE_FIELDS;
}

static bool is_nearer(const struct schc_explained *a, const struct schc_explained *b)
{
	if (failures(a) != failures(b))
		return failures(a) < failures(b);
	return a->failed > b->failed;
}

/* The rule and way with the fewest fields in the way, and of those the latest. */
static void find_nearest(struct scene *scene)
{
	const struct schc_rule_set *set = scene->subject->attrs.rules;
	struct schc_explained *told = malloc(sizeof *told);

	for (unsigned i = 0; told && i < 2 * set->n; i++) {
		const struct schc_rule *rule = &set->rule[i / 2];
		enum schc_di di = i % 2 ? SCHC_DI_DOWN : SCHC_DI_UP;
		struct schc_end end;

		if (rule->nature != SCHC_COMPRESSION)
			continue;
		if (scene->subject->ends.sides && di != scene->di)
			continue;
		take_end(scene, di, &end);
		schc_explain(rule, &end, iipc_restorable(&scene->ip), scene->ip.data, scene->ip.len,
			told);
		if (scene->rule && !is_nearer(told, &scene->told))
			continue;
		scene->rule = rule;
		scene->told = *told;
		scene->di = di;
		scene->end = end;
	}
	free(told);
}

static void find_rule(struct scene *scene)
{
	const struct schc_rule_set *set = scene->subject->attrs.rules;

	if (set && !scene->taken) {
		find_nearest(scene);
		return;
	}
	if (set)
		scene->rule = &set->rule[scene->result.rule < 0 ? 0 : scene->result.rule];
	else if (scene->derived.n)
		scene->rule = &scene->derived;
	if (scene->rule)
		schc_explain(scene->rule, &scene->end,
			scene->taken ? ~0u : iipc_restorable(&scene->ip), scene->ip.data,
			scene->ip.len, &scene->told);
}

static void name_rule(struct scene *scene)
{
	const struct subject *subject = scene->subject;
	const char *peer = subject->peer ? subject->peer->compress : "";

	if (subject->attrs.rules && scene->rule)
		snprintf(scene->name, sizeof scene->name, "rule %u/%u of %.40s%s%.20s, %s",
			(unsigned)scene->rule->id, (unsigned)scene->rule->id_bits, subject->what,
			*peer ? ", " : "", peer, schc_di_name(scene->di));
	else
		snprintf(scene->name, sizeof scene->name, "the derived rule of %.40s%s%.20s",
			subject->what, *peer ? ", " : "", peer);
}

static int run_trial(struct scene *scene)
{
	const struct subject *subject = scene->subject;
	const char *why = "";
	struct trial *trial = trial_open(&subject->attrs, &subject->ends, &why);

	if (!trial)
		return cli_fail(CLI_CONFIG, "", "%s: %s", subject->what, why);
	scene->result = trial_run(trial, scene->ip.data, scene->ip.len);
	trial_close(trial);
	return CLI_OK;
}

int scene_open(struct scene *scene)
{
	const struct subject *subject = scene->subject;
	int status = run_trial(scene);

	if (status)
		return status;
	if (!choose_way(scene))
		return cli_fail(CLI_NO, "Address, Routes, Local and Allow say what may pass",
			"the selectors of %s do not admit this packet: no SA would carry it",
			subject->what);
	if (open_context(scene))
		return cli_fail(CLI_CONFIG, "", "%s: its selectors give no rule", subject->what);
	scene->taken = is_taken(scene);
	find_rule(scene);
	name_rule(scene);
	if (!scene->taken)
		scene->repaired =
			repair_find(&subject->attrs, &subject->ends, &scene->ip, &scene->repair);
	return CLI_OK;
}

void scene_close(struct scene *scene)
{
	repair_free(&scene->repair);
	if (scene->has_context)
		diet_context_fini(&scene->context);
}
