/* SPDX-License-Identifier: Apache-2.0 */
/* A rule for people: one line per field. */
#ifndef DIETVPN_CLI_RULES_TABLE_H
#define DIETVPN_CLI_RULES_TABLE_H

#include "schc/rule.h"

#include <stdbool.h>

void rules_table(const struct schc_rule *rule, bool colour); /* to standard output */

#endif
