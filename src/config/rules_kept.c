/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets as configurations and SAs hold them (diet-esp.md 12.2, house.md 7.2). */
#include "config/rules_kept.h"

#include "config/config.h"
#include "config/rules_file.h"
#include "diet/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct config_rules *rules_kept_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_rules; i++)
		if (strcmp(config->rules[i]->name, name) == 0)
			return config->rules[i];
	return NULL;
}

static void free_one(struct config_rules *rules)
{
	rules_set_free(&rules->set);
	diet_shared_release(rules->attrs.shared);
	free(rules);
}

void rules_kept_free(struct config *config)
{
	for (size_t i = 0; i < config->n_rules; i++)
		free_one(config->rules[i]);
	free(config->rules);
	config->rules = NULL;
	config->n_rules = 0;
}

static int wrong(struct tree_error *error, unsigned rule, const char *text)
{
	snprintf(error->at, sizeof error->at, "ietf-schc:schc.rule[%u]", rule);
	snprintf(error->text, sizeof error->text, "%s", text);
	return -EINVAL;
}

/* Tunnel mode is the only one that keying installs. */
static int check_mode(const struct schc_rule_set *set, struct tree_error *error)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct schc_rule_set one = {&set->rule[i], 1};
		if (!diet_suits_mode(&one, SA_TUNNEL))
			return wrong(error, i,
				"begins behind the IP header, for transport mode; SAs have tunnel "
				"mode");
	}
	return 0;
}

/* What compiling complains of, before an SA is refused for it: some end, in both directions. */
static int check_parts(const struct schc_rule_set *set, struct tree_error *error)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct schc_rule_set one = {&set->rule[i], 1};
		struct schc_end end = {.di = SCHC_DI_UP, .has_dev_iid = true, .has_app_iid = true};
		for (int way = 0; way < 2; way++) {
			struct schc_set *compiled;
			int err = schc_set_compile(&compiled, &one, &end);
			if (err == -ENOMEM)
				return err;
			if (err)
				return wrong(error, i, "more parts than a rule may have");
			schc_set_free(compiled);
			end.di = SCHC_DI_DOWN;
		}
	}
	return 0;
}

static bool asks(const struct schc_rule_set *set, enum schc_cda cda)
{
	for (unsigned r = 0; r < set->n; r++)
		for (unsigned f = 0; f < set->rule[r].n; f++)
			if (set->rule[r].field[f].cda == cda)
				return true;
	return false;
}

static void fill(struct config_rules *rules, const struct diet_attrs *attrs)
{
	const struct schc_rule_set *set = &rules->set.set;
	uint8_t none_id;
	uint8_t none_bits = 0;
	rules->attrs = *attrs;
	rules->attrs.rules = set;
	rules->attrs.rules_named = true;
	rules->attrs.rules_digest = rules_set_digest(&rules->set);
	rules->attrs.iipc = true;
	/* What no rule takes goes whole under a RuleID; without one it needs the fallback SA. */
	schc_set_reserve(set, &none_id, &none_bits);
	rules->attrs.rule_id = none_bits != 0;
	rules->dev_iid = asks(set, SCHC_CDA_DEVIID);
	rules->app_iid = asks(set, SCHC_CDA_APPIID);
}

static int append(struct config *config, struct config_rules *rules)
{
	struct config_rules **list =
		realloc(config->rules, (config->n_rules + 1) * sizeof(*config->rules));
	if (!list)
		return -ENOMEM;
	config->rules = list;
	list[config->n_rules++] = rules;
	return 0;
}

int rules_kept_add(struct config *config, const char *name, const struct rules_file *file,
	const struct diet_attrs *attrs, struct tree_error *error)
{
	struct config_rules *rules = calloc(1, sizeof *rules);
	int err = rules ? rules_set_read(file->context, &rules->set, error) : -ENOMEM;
	if (err) {
		free(rules);
		return err;
	}
	snprintf(rules->name, sizeof rules->name, "%s", name);
	fill(rules, attrs);
	rules->attrs.shared = diet_shared_create();
	err = rules->attrs.shared ? check_mode(&rules->set.set, error) : -ENOMEM;
	if (!err)
		err = check_parts(&rules->set.set, error);
	if (!err)
		err = append(config, rules);
	if (err)
		free_one(rules);
	return err;
}
