/* SPDX-License-Identifier: Apache-2.0 */
/* The rule set of a peer as the control protocol tells it: digest, ends, what each rule took. */
#ifndef DIETVPN_DAEMON_CONTROL_RULES_H
#define DIETVPN_DAEMON_CONTROL_RULES_H

#include "diet/context.h"
#include "schc/set.h"

#include <stdbool.h>
#include <stddef.h>

struct config_peer;
struct control_call;
struct daemon;
struct policy;
struct put;

/* What went under each rule over all SAs of a peer, out and in; [n]: what went whole. */
struct rules_took {
	struct diet_count rule[SCHC_SET_RULES + 1][2];
	unsigned n;
};

/* SAs of the rules that the peer has now; those from before a reload end soon. policy may be NULL:
 * it has none yet. */
void control_count_rules(
	const struct config_peer *config, const struct policy *policy, struct rules_took *out);
/* The pairs "rule", "out" and "in" of rule i; set->n: of no rule. */
void control_put_took(struct put *map, const struct schc_rule_set *set, unsigned i,
	const struct rules_took *took);
/* The pairs that say which set a peer has; policy as above. */
void control_put_rules_head(
	struct put *map, const struct config_peer *config, const struct policy *policy);
/* The verb rules.list. */
void control_list_rules(struct daemon *daemon, struct control_call *call);

/* The pair "rules", where the peer has explicit ones; details: with the counts of its SAs. */
void control_put_rules(struct put *map, const struct config_peer *config,
	const struct policy *policy, bool details);
/* What to compare where packets come and not one has a good ICV; returns out. */
const char *control_rules_unverified(const struct config_peer *config, char *out, size_t cap);
/* A sentence where packets with a good ICV were of no rule of ours, else ""; returns out. */
const char *control_rules_trouble(
	const struct config_peer *config, const struct policy *policy, char *out, size_t cap);

#endif
