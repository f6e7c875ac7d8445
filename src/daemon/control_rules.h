/* SPDX-License-Identifier: Apache-2.0 */
/* The rule set of a peer as the control protocol tells it: digest, ends, what each rule took. */
#ifndef DIETVPN_DAEMON_CONTROL_RULES_H
#define DIETVPN_DAEMON_CONTROL_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct config_peer;
struct policy;
struct put;

/* The pair "rules", where the peer has explicit ones; details: with the counts of its SAs. */
void control_put_rules(struct put *map, const struct config_peer *config,
	const struct policy *policy, bool details);
/* What to compare where packets come and not one has a good ICV; returns out. */
const char *control_rules_unverified(const struct config_peer *config, char *out, size_t cap);
/* A sentence where packets with a good ICV were of no rule of ours, else ""; returns out. */
const char *control_rules_trouble(
	const struct config_peer *config, const struct policy *policy, char *out, size_t cap);

#endif
