/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a rule names all fields of its headers, in header order (RFC 8724 7.1 and 7.2). */
#ifndef DIETVPN_SCHC_ORDER_H
#define DIETVPN_SCHC_ORDER_H

#include "schc/rule.h"

/*
 * Looks at the descriptors for one direction, Up or Down, whose identifiers are known to exist.
 * NULL with *at = rule->n, or one sentence and the index of the descriptor meant.
 */
const char *schc_order_check(const struct schc_rule *rule, enum schc_di di, unsigned *at);

#endif
