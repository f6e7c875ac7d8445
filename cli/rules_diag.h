/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR diagnostic notation, RFC 8949 section 8. */
#ifndef DIETVPN_CLI_RULES_DIAG_H
#define DIETVPN_CLI_RULES_DIAG_H

#include "codec/tree.h"

#include <stdio.h>

/* Indented; ends with a line end. */
void rules_diag_print(tree_node root, FILE *out);

#endif
