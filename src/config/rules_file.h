/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: the envelope around profiles and rule set (conf/schema/rules.cddl). */
#ifndef DIETVPN_CONFIG_RULES_FILE_H
#define DIETVPN_CONFIG_RULES_FILE_H

#include "codec/tree.h"
#include "diet/context.h"
#include "dietvpn/types.h"

enum {
	RULES_TAG = 55799,
	RULES_VERSION = 1,
	RULES_KEY_VERSION = 0,
	RULES_KEY_PROFILES = 1,
	RULES_KEY_CONTEXT = 2,
	RULES_DEPTH = 10, /* eight levels of ietf-schc in a tag and a map */
	RULES_NAME_LEN_MAX = 40,
};

struct rules_file {
	struct tree *tree;  /* owns the nodes */
	tree_node profiles; /* a map, at least one entry */
	tree_node context;  /* ietf-schc in YANG-CBOR (config/yang.h), or NULL */
};

/*
 * All of a rule file: deterministic, tag and version, every profile legal, the rule set as its
 * schema says. 0, for rules_file_close, or -EINVAL with *error.
 */
int rules_file_open(struct slice cbor, struct rules_file *out, struct tree_error *error);
/* The same for looking at it: not deterministic is good enough. */
int rules_file_open_any(struct slice cbor, struct rules_file *out, struct tree_error *error);
void rules_file_close(struct rules_file *file);
/* The profile of this name, or the only one where name is "". -ENOENT: no such profile, or several
 * and no name. */
int rules_file_find(const struct rules_file *file, const char *name, struct diet_attrs *out,
	struct tree_error *error);

/* open, find, close. */
int rules_file_profile(
	struct slice cbor, const char *name, struct diet_attrs *out, struct tree_error *error);

#endif
