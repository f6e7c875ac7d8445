/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR trees as jansson values: byte strings as hex, and answers of several frames joined. */
#ifndef DIETVPN_CLI_JSON_H
#define DIETVPN_CLI_JSON_H

#include "codec/tree.h"

#include <jansson.h>
#include <stdbool.h>

json_t *json_from_tree(tree_node node); /* NULL without memory or for NULL */

/*
 * Adds the keys of one more frame: arrays are appended to those there; objects within that carry
 * the same "name" as the last one there are joined likewise (docs/control.md, "more").
 */
void json_join(json_t *into, tree_node ok);

/* Shorthands with a default. */
const char *json_text(const json_t *object, const char *key, const char *otherwise);
long long json_number(const json_t *object, const char *key, long long otherwise);
bool json_flag(const json_t *object, const char *key);

/* {"v": 1, ...} on standard output. */
int json_print(json_t *result);

#endif
