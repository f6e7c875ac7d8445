/* SPDX-License-Identifier: Apache-2.0 */
/* One packet under one SA's rules: which takes it, what is in the way, what would help. */
#ifndef DIETVPN_CLI_SCENE_H
#define DIETVPN_CLI_SCENE_H

#include "cli/account.h"
#include "cli/rules_repair.h"
#include "cli/rules_subject.h"

enum { SCENE_NAME = 96 };

/* Everything about the one packet; borrowed but for context. */
struct scene {
	const struct cli *cli;
	const struct subject *subject;
	struct ip_packet ip;
	struct trial_result result;
	bool taken;
	enum schc_di di;
	struct trial_sides sides;
	struct schc_end end;
	bool has_context;
	struct diet_context context;
	struct schc_rule derived;
	const struct schc_rule *rule; /* that takes it, or comes nearest; NULL: none */
	struct schc_explained told;
	struct account account;
	bool repaired;
	struct repair repair;
	char name[SCENE_NAME];
};

/* After subject and ip are set: all the rest but account. A CLI exit status, the error is printed;
 * for scene_close in any case. */
int scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* scene_print.c: what rules_explain.c prints, and the files that it writes. */
void scene_print(const struct scene *scene);
int scene_write_svg(const struct scene *scene, const struct account *account);
/* The rule file's JSON with the change made, to -o. */
int scene_write_repaired(const struct scene *scene);

#endif
