/* SPDX-License-Identifier: Apache-2.0 */
/* The rule sets of a configuration: each file read once, for all peers whose Compress names it. */
#ifndef DIETVPN_CONFIG_RULES_KEPT_H
#define DIETVPN_CONFIG_RULES_KEPT_H

#include "codec/tree.h"
#include "config/rules_set.h"
#include "diet/context.h"

#include <stdbool.h>

struct config;
struct rules_file;

struct config_rules {
	char name[64]; /* the value of Compress */
	struct rules_set set;
	struct diet_attrs attrs; /* the file's profile, with the set and what SAs share of it */
	bool dev_iid, app_iid;   /* a rule asks for the identifier of that end's only address */
};

/* The one of this name; NULL: not kept. */
const struct config_rules *rules_kept_find(const struct config *config, const char *name);
/*
 * Takes the set of file, which has one, and the profile attrs; tunnel mode is the mode of this
 * version's SAs. 0, the configuration owns it; -EINVAL with *error, -ENOMEM.
 */
int rules_kept_add(struct config *config, const char *name, const struct rules_file *file,
	const struct diet_attrs *attrs, struct tree_error *error);
void rules_kept_free(struct config *config);

#endif
