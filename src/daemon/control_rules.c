/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets in status and show (experience.md 2.4: "same rules?" is one look). */
#include "daemon/control_rules.h"

#include "config/config.h"
#include "config/rules_kept.h"
#include "daemon/put.h"
#include "esp/sa.h"
#include "ipsec/spd.h"
#include "schc/set_plan.h"

#include <stdio.h>
#include <string.h>

enum { RULE_TEXT = 12 };

static void add(struct diet_count *to, const struct diet_count *from)
{
	to->packets += from->packets;
	to->before += from->before;
	to->after += from->after;
}

static void add_sa(struct rules_took *took, const struct sa *sa)
{
	const struct diet_by_set *by = sa->diet.by;

	for (unsigned i = 0; i <= by->n; i++) {
		unsigned rule = i < by->n ? by->set->entry[i].rule : took->n;

		add(&took->rule[rule][sa->dir == SA_IN], &by->count[i]);
	}
}

/* SAs of the rules that the peer has now; those from before a reload end soon. */
static bool is_ours(const struct sa *sa, const struct config_peer *config)
{
	return sa->diet.by_set && sa->diet.by->n <= config->rules->set.set.n;
}

static void put_count(struct put *map, const char *key, const struct diet_count *count)
{
	struct tree_writer *w = put_key(map, key);

	tree_put_array(w, 3);
	tree_put_uint(w, count->packets);
	tree_put_uint(w, count->before);
	tree_put_uint(w, count->after);
}

void control_count_rules(
	const struct config_peer *config, const struct policy *policy, struct rules_took *out)
{
	memset(out, 0, sizeof(*out));
	out->n = config->rules->set.set.n;
	if (!policy)
		return;
	list_each (node, &policy->sas) {
		const struct sa *sa = container_of(node, struct sa, by_policy);

		if (is_ours(sa, config))
			add_sa(out, sa);
	}
}

void control_put_took(
	struct put *map, const struct schc_rule_set *set, unsigned i, const struct rules_took *took)
{
	char text[RULE_TEXT] = "none";

	if (i < set->n)
		snprintf(text, sizeof(text), "%u/%u", set->rule[i].id, set->rule[i].id_bits);
	put_text(map, "rule", text);
	put_count(map, "out", &took->rule[i][0]);
	put_count(map, "in", &took->rule[i][1]);
}

/* Of rules that took nothing nothing is said here. */
static void put_counts(
	struct put *map, const struct config_peer *config, const struct policy *policy)
{
	struct rules_took took;
	struct put list;

	control_count_rules(config, policy, &took);
	put_init(&list);
	for (unsigned i = 0; i <= took.n; i++) {
		struct put row;

		if (!took.rule[i][0].packets && !took.rule[i][1].packets)
			continue;
		put_init(&row);
		control_put_took(&row, &config->rules->set.set, i, &took);
		put_map_end(&row, put_next(&list));
	}
	put_array_end(&list, put_key(map, "took"));
}

static uint64_t strange(const struct policy *policy)
{
	uint64_t n = 0;

	if (!policy)
		return 0;
	list_each (node, &policy->sas) {
		const struct sa *sa = container_of(node, struct sa, by_policy);

		if (sa->diet.by_set)
			n += sa->diet.by->strange;
	}
	return n;
}

void control_put_rules_head(
	struct put *map, const struct config_peer *config, const struct policy *policy)
{
	char digest[RULES_DIGEST_TEXT];

	put_text(map, "name", config->rules->name);
	if (config->rules->set.version)
		put_uint(map, "version", config->rules->set.version);
	put_text(map, "digest", rules_digest_print(config->attrs.rules_digest, digest));
	put_uint(map, "rules", config->rules->set.set.n);
	put_text(map, "device", config->attrs.device ? "here" : "peer");
	put_uint(map, "strange", strange(policy));
}

void control_put_rules(struct put *map, const struct config_peer *config,
	const struct policy *policy, bool details)
{
	struct put rules;

	if (!config->rules)
		return;
	put_init(&rules);
	control_put_rules_head(&rules, config, policy);
	if (details)
		put_counts(&rules, config, policy);
	put_map_end(&rules, put_key(map, "rules"));
}

const char *control_rules_unverified(const struct config_peer *config, char *out, size_t cap)
{
	char digest[RULES_DIGEST_TEXT];

	if (config->rules)
		snprintf(out, cap,
			"packets come, none verifies: are the keys and the Cipher the peer's, the "
			"digest of its rules %s, as ours, and its Device %s?",
			rules_digest_print(config->attrs.rules_digest, digest),
			config->attrs.device ? "peer" : "here");
	else
		snprintf(out, cap,
			"packets come, none verifies: are the keys and the Cipher the peer's?");
	return out;
}

const char *control_rules_trouble(
	const struct config_peer *config, const struct policy *policy, char *out, size_t cap)
{
	uint64_t n = config->rules ? strange(policy) : 0;
	char digest[RULES_DIGEST_TEXT];

	out[0] = '\0';
	if (n)
		snprintf(out, cap,
			"%llu packets of the peer were none under the rules of %.40s: its digest "
			"has to be %s, as ours, and its Device %s",
			(unsigned long long)n, config->rules->name,
			rules_digest_print(config->attrs.rules_digest, digest),
			config->attrs.device ? "peer" : "here");
	return out;
}
