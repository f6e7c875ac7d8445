/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files as JSON and as CBOR: profiles by the names of their attributes, rule sets by RFC 7951
 * and RFC 9254; for people and for the daemon.
 */
#ifndef DIETVPN_CLI_RULES_JSON_H
#define DIETVPN_CLI_RULES_JSON_H

#include "codec/tree.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Deterministic CBOR appended to w. bare: only the rule set, as other implementations of RFC 9363
 * read it. false with *error: where in the JSON, and what was expected there.
 */
bool rules_json_compile(
	const json_t *json, bool bare, struct tree_writer *w, struct tree_error *error);
/* A rule file or a bare rule set, deterministic or not; NULL with *error. */
json_t *rules_json_dump(const uint8_t *cbor, size_t len, struct tree_error *error);

/* One line per profile and per entry of a rule. */
void rules_json_print(const json_t *json, FILE *out);

#endif
