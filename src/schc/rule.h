/* SPDX-License-Identifier: Apache-2.0 */
/* SCHC rules: field descriptors and the checks that make a rule legal and lossless (RFC 8724 7). */
#ifndef DIETVPN_SCHC_RULE_H
#define DIETVPN_SCHC_RULE_H

#include "schc/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schc_mo { SCHC_MO_EQUAL, SCHC_MO_IGNORE, SCHC_MO_MSB, SCHC_MO_MATCH_MAPPING };

enum schc_cda {
	SCHC_CDA_NOT_SENT,
	SCHC_CDA_VALUE_SENT,
	SCHC_CDA_MAPPING_SENT,
	SCHC_CDA_LSB,
	SCHC_CDA_COMPUTE,   /* length or checksum */
	SCHC_CDA_LOWER,     /* from the outer header */
	SCHC_CDA_GENERATED, /* any value that stays the same within a flow */
};

enum schc_di { SCHC_DI_BI, SCHC_DI_UP, SCHC_DI_DOWN };

enum {
	SCHC_TV_LEN = 16,      /* octets of the widest target value */
	SCHC_RULE_FIELDS = 24, /* IPv4 and TCP have 22 */
	SCHC_MAPPING_MAX = 64, /* entries of all mapping lists of one rule */
	SCHC_MAPPED_WIDTH = 8, /* bits of the widest field with a mapping list */
};

struct schc_field_desc {
	uint8_t fid;                      /* enum schc_fid */
	uint8_t fl;                       /* bits */
	uint8_t fp;                       /* position, always 1 */
	uint8_t di, mo, cda;              /* enums above */
	uint8_t msb;                      /* bits, for MSB */
	uint8_t mapping_first, mapping_n; /* match-mapping: entries of the rule's mapping[] */
	uint8_t tv[SCHC_TV_LEN];          /* first ceil(fl/8) octets, right-aligned in them */
};

/* Residue order is the order of field[], which must be header order. */
struct schc_rule {
	uint8_t n;
	uint8_t n_mapping;
	struct schc_field_desc field[SCHC_RULE_FIELDS];
	uint8_t mapping[SCHC_MAPPING_MAX];
};

/*
 * NULL, or one sentence saying why the rule is not legal or would lose bits: pairs of MO and CDA
 * (diet-esp.md 12.2), FL, MSB, high bits of the TV, lists, order, a field left out. *at (unless
 * NULL) is the index of the field meant, rule->n where one is missing.
 */
const char *schc_rule_check(const struct schc_rule *rule, unsigned *at);
/* Bits that the field leaves in the residue. */
unsigned schc_field_sent_bits(const struct schc_field_desc *desc);
unsigned schc_rule_residue_bits(const struct schc_rule *rule);

/*
 * Appends a descriptor of fid with its width and position 1; NULL: the rule is full. The caller
 * fills in the rest; as it comes it says ignore/value-sent.
 */
struct schc_field_desc *schc_rule_append(struct schc_rule *rule, enum schc_fid fid);
/* Gives desc the list values[n] and match-mapping/mapping-sent; false: no room. */
bool schc_rule_map(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *values, size_t n);

/* As RFC 8724 prints them: "equal", "MSB", "mapping-sent", "LSB" ... */
const char *schc_mo_name(enum schc_mo mo);
const char *schc_cda_name(enum schc_cda cda);

#endif
