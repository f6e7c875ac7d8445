/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `dietvpn rules` share. */
#ifndef DIETVPN_CLI_RULES_H
#define DIETVPN_CLI_RULES_H

#include "cli/cli.h"
#include "codec/tree.h"
#include "config/rules_file.h"
#include "config/rules_set.h"
#include "crypto/hash.h"

#include <jansson.h>

enum { RULES_HEX = 2 * HASH_SHA256_LEN + 1, RULES_DIGEST_SHOWN = 8 };

/* A rule file that passed every check of the daemon's. */
struct rules {
	size_t octets;
	struct rules_file file;
	struct rules_set set;       /* no rules where the file has no rule set */
	char digest[RULES_HEX];     /* of the file, hexadecimal */
	char set_digest[RULES_HEX]; /* of the rule set's encoding, or "" */
};

/* To path, or standard output for NULL and "-"; a CLI exit status, the error is printed. */
int rules_write_file(const char *path, const void *data, size_t len);

/* Reads and checks; 0, for rules_close, or a negative errno with *error. */
int rules_parse(struct slice cbor, struct rules *out, struct tree_error *error);
/* The same for a file, CBOR or the JSON it is made from; a CLI exit status, the error is printed.
 */
int rules_open(const char *path, struct rules *out);
void rules_close(struct rules *rules);
/* "rules_digest" and "version" of its set, where it has them, into an object. */
void rules_put_set(const struct rules *rules, json_t *out);

cli_verb rules_compile, rules_dump; /* rules.c */
cli_verb rules_check;               /* rules_check.c */
cli_verb rules_explain;             /* rules_explain.c */
cli_verb rules_learn;               /* rules_learn.c */
cli_verb rules_list;                /* rules_list.c */

#endif
