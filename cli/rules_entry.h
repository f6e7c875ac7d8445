/* SPDX-License-Identifier: Apache-2.0 */
/* A rule of the engine as people write it: the JSON of RFC 9363 (RFC 7951). */
#ifndef DIETVPN_CLI_RULES_ENTRY_H
#define DIETVPN_CLI_RULES_ENTRY_H

#include "schc/rule.h"

#include <jansson.h>

/* One entry of rule; NULL: it has a field without a name in the model (fields by place). */
json_t *rules_entry_json(const struct schc_rule *rule, const struct schc_field_desc *desc);
/* All of a rule; NULL as above or without memory. */
json_t *rules_rule_json(const struct schc_rule *rule);

#endif
