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
	SCHC_CDA_DEVIID,    /* IPv6 interface identifier of Dev or App, known of the SA: */
	SCHC_CDA_APPIID,    /* struct schc_end; with ignore, and compared all the same */
};

enum schc_di { SCHC_DI_BI, SCHC_DI_UP, SCHC_DI_DOWN };

enum schc_nature { SCHC_COMPRESSION, SCHC_NO_COMPRESSION };

enum {
	SCHC_TV_LEN = 16,        /* octets of the widest target value of fixed length */
	SCHC_VALUE_MAX = 255,    /* octets of one value of variable length */
	SCHC_RULE_FIELDS = 64,   /* descriptors of both directions */
	SCHC_MAPPING_MAX = 1024, /* octets of all lists and variable values of one rule */
	SCHC_MAPPED_WIDTH = 64,  /* bits of the widest fixed field with a mapping list */
	SCHC_RULE_ID_BITS = 8,   /* of the longest RuleID */
	SCHC_FL_TKL = 254,       /* FL of COAP.TOKEN: as long as COAP.TKL says (RFC 8824 4.5) */
	SCHC_FL_VARIABLE = 255, /* FL of an option: octets, their number is sent (RFC 8724 7.4.2) */
};

/*
 * Widths of header fields are fixed, fl is theirs. An option's fl is SCHC_FL_VARIABLE, or a
 * multiple of 8 bits: then the option is there with just that length.
 */
struct schc_field_desc {
	uint8_t fid;             /* enum schc_fid */
	uint8_t fl;              /* bits, or SCHC_FL_TKL, SCHC_FL_VARIABLE */
	uint8_t fp;              /* of an option: which of that number, 0: the next one; else 1 */
	uint8_t di, mo, cda;     /* enums above */
	uint16_t msb;            /* bits, for MSB; of variable options a multiple of 8 */
	uint16_t mapping_first;  /* values: where in the rule's mapping[] */
	uint8_t mapping_n;       /* values: how many; see schc_rule_value */
	uint8_t tv[SCHC_TV_LEN]; /* first ceil(fl/8) octets, right-aligned in them */
};

/*
 * Residue order is the order of field[], which for each direction must be header order (Dev's
 * fields before App's, as if all went Up). The payload marker of CoAP is no field: it is there
 * when a payload is. About 3 KiB; all zero is a rule without fields.
 */
struct schc_rule {
	uint8_t n;
	uint8_t nature;      /* enum schc_nature; SCHC_NO_COMPRESSION has no fields */
	uint8_t id, id_bits; /* RuleID, right-aligned; 0 bits: implicit, the only rule */
	uint16_t n_mapping;
	struct schc_field_desc field[SCHC_RULE_FIELDS];
	uint8_t mapping[SCHC_MAPPING_MAX];
};

/*
 * NULL, or one sentence saying why the rule is not legal or would lose bits: pairs of MO and CDA
 * (diet-esp.md 12.2), FL, MSB, high bits of the TV, lists, order, a field left out; in both
 * directions. *at (unless NULL) is the index of the field meant, rule->n where one is missing.
 */
const char *schc_rule_check(const struct schc_rule *rule, unsigned *at);
/*
 * Bits that the field leaves in the residue; of a variable one without what the packet has: only
 * the shortest size, or nothing.
 */
unsigned schc_field_sent_bits(const struct schc_field_desc *desc);
/* The same of all descriptors that are for di (SCHC_DI_BI: those that are for both directions). */
unsigned schc_rule_residue_bits(const struct schc_rule *rule, enum schc_di di);

/*
 * Appends a descriptor of fid with its width (options: SCHC_FL_VARIABLE) and position 1; NULL: the
 * rule is full. The caller fills in the rest; as it comes it says ignore/value-sent.
 */
struct schc_field_desc *schc_rule_append(struct schc_rule *rule, enum schc_fid fid);
/*
 * Gives desc, whose fl and mo are set, one more value: its target value, or with match-mapping the
 * next entry of its list (before any other descriptor gets one). Fixed widths take up to ceil(fl/8)
 * octets, right-aligned. false: too long, or no room.
 */
bool schc_rule_add_value(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *value, size_t len);
/*
 * How many options each value of desc stands for where they are groups (group.h), else 0; that of
 * the first one: schc_rule_check sees to it that they agree.
 */
unsigned schc_rule_group(const struct schc_rule *rule, const struct schc_field_desc *desc);
/* How many values desc has: 0 without, 1, or those of the list. */
unsigned schc_rule_values(const struct schc_field_desc *desc);
/* Value i of them, *len octets of it; borrowed from rule or desc. */
const uint8_t *schc_rule_value(
	const struct schc_rule *rule, const struct schc_field_desc *desc, unsigned i, size_t *len);
/* Gives desc, of at most 8 bits, the list values[n] and match-mapping/mapping-sent; false: no room.
 */
bool schc_rule_map(
	struct schc_rule *rule, struct schc_field_desc *desc, const uint8_t *values, size_t n);

/* As RFC 8724 prints them: "equal", "MSB", "mapping-sent", "LSB" ... */
const char *schc_mo_name(enum schc_mo mo);
const char *schc_cda_name(enum schc_cda cda);
const char *schc_di_name(enum schc_di di);

#endif
