/* SPDX-License-Identifier: Apache-2.0 */
/* A rule set of module ietf-schc: JSON (RFC 7951) <-> CBOR with SIDs (RFC 9254). */
#ifndef DIETVPN_CLI_RULES_YANG_H
#define DIETVPN_CLI_RULES_YANG_H

#include "codec/tree.h"

#include <jansson.h>
#include <stdbool.h>

/* schc: the value of "ietf-schc:schc". Appends {SID: content}, keys in order. */
bool rules_yang_put(struct tree_writer *w, const json_t *schc, struct tree_error *error);
/* The value of "ietf-schc:schc" from a map that yang_check accepts; NULL without memory. */
json_t *rules_yang_get(tree_node map);

#endif
