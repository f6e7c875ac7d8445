/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb of `dietvpn rules` is about: a rule file, or a configured peer's rules and cipher. */
#ifndef DIETVPN_CLI_RULES_SUBJECT_H
#define DIETVPN_CLI_RULES_SUBJECT_H

#include "cli/folder.h"
#include "cli/rules.h"
#include "cli/rules_trial.h"
#include "config/config.h"

struct aead_suite;

struct subject {
	const char *what; /* file name, or name of the peer; borrowed of cli */
	bool has_rules;
	struct rules rules; /* of the file */
	struct folder *folder;
	const struct config_peer *peer; /* of folder; NULL: a file */
	struct diet_attrs attrs;        /* attrs.rules: the set, or NULL */
	struct trial_ends ends;
	struct ip_addr addr[2];
	struct trial_sides sides;
	const struct aead_suite *suite;
};

/*
 * --peer, or the file in argv[0] with --profile; --dev, --app and --cipher. A CLI exit status, the
 * error is printed; after CLI_OK for subject_close. Must not move: it points into itself.
 */
int subject_open(const struct cli *cli, struct subject *out);
/* Only the two ends and, with --peer, its selectors; no file. */
int subject_open_ends(const struct cli *cli, struct subject *out);
void subject_close(struct subject *subject);

#endif
