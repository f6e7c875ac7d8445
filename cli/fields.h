/* SPDX-License-Identifier: Apache-2.0 */
/* Fields, bits and descriptors as those verbs need them that write rules (schc/field.h, rule.h). */
#ifndef DIETVPN_CLI_FIELDS_H
#define DIETVPN_CLI_FIELDS_H

#include "schc/rule.h"

/* The field of a CoAP option; SCHC_FIDS: none has this number. */
enum schc_fid fields_option(unsigned number);
/* Versions, header length, next header: what a rule's offsets rest on, constant in every rule. */
bool fields_is_structure(unsigned fid);
/* bits of data from bit at on, right-aligned in the (bits + 7) / 8 octets of out. */
void fields_take(const uint8_t *data, uint32_t at, uint32_t bits, uint8_t *out);
/* Gives copy, of rule to and with its fl and mo set, the values that desc has in from; false: no
 * room. */
bool fields_copy_values(const struct schc_rule *from, const struct schc_field_desc *desc,
	struct schc_rule *to, struct schc_field_desc *copy);

#endif
