/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that RFC 8724 appendix A and RFC 8824 print, as tables. */
#ifndef DIETVPN_TESTS_RFC_RULES_H
#define DIETVPN_TESTS_RFC_RULES_H

#include "reference/rules.h"

#define ALPHA      "20010db80000000a"
#define BETA       "20010db80000000b"
#define GAMMA      "20010db80000000c"
#define LINK_LOCAL "fe80000000000000"

extern const struct rule_row rfc8724_rule1[];
extern const struct rule_row rfc8724_rule2[];
extern const struct rule_row rfc8724_rule3[];
extern const struct rule_row rfc8824_table1[];
extern const struct rule_row rfc8824_table4[];
extern const struct rule_row rfc8824_table5[];
extern const struct rule_row rfc8824_table6[];
extern const struct rule_row rfc8824_table3[];
extern const struct rule_row rfc8824_table2[];

#endif
