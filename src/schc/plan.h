/* SPDX-License-Identifier: Apache-2.0 */
/* A SCHC rule compiled once: what matching, compressing and restoring a header (RFC 8724 7.2) do.
 */
#ifndef DIETVPN_SCHC_PLAN_H
#define DIETVPN_SCHC_PLAN_H

#include "schc/field.h"

#include <stdint.h>

enum {
	SCHC_HEADER_MAX = 64,  /* octets of all headers of a rule */
	SCHC_RESIDUE_MAX = 64, /* octets */
	SCHC_PLAN_WORDS = SCHC_HEADER_MAX / 8,
	SCHC_PLAN_COPIES = 32,
	SCHC_PLAN_MAPS = 24,
	SCHC_PLAN_LOWERS = 4,
	SCHC_PLAN_MAPPING = 4096, /* octets, a rule's longest lists as words */
	SCHC_COPY_BITS = 56,      /* so that a copy at any bit lies within 8 octets */
};

/* Computed fields, in the order in which they run. */
enum schc_fix {
	SCHC_FIX_IPV6_LEN = 1,
	SCHC_FIX_IPV4_LEN = 2,
	SCHC_FIX_L4_LEN = 4, /* UDP Length, UDP-Lite coverage */
	SCHC_FIX_L4_CKSUM = 8,
	SCHC_FIX_FLOW_LABEL = 16, /* generated */
	SCHC_FIX_IPV4_ID = 32,    /* generated: needs the layer-4 checksum */
	SCHC_FIX_IPV4_CKSUM = 64, /* over all of the above */
};

/* What "lower" moves between the headers. */
enum schc_lower { SCHC_LOWER_DSCP, SCHC_LOWER_ECN, SCHC_LOWER_FLOW_LABEL, SCHC_LOWER_HOP_LIMIT };

/* Some bits within one 64-bit word of the header; arg: 0, 1 + index of a map, or schc_lower. */
struct schc_op {
	uint8_t word, shift, bits, arg;
};

/* Entries are single octets for fields of up to 8 bits, else 64-bit words, big-endian. */
struct schc_map {
	uint16_t first;   /* octet of mapping[] */
	uint8_t n, width; /* entries; bits of the field */
};

/*
 * The header is seen as big-endian 64-bit words. Behind this head lie, in one block and as long as
 * they have to be: n_words of value, n_words of mask, the copies in residue order, the lowers, the
 * maps, and the lists of the maps. value is the constant part of the header: compared under mask
 * on the way out, the template on the way in.
 */
struct schc_plan {
	uint16_t size; /* octets of the whole block */
	uint16_t residue_bits;
	uint8_t residue_len; /* octets, pad bits included */
	uint8_t header_len;  /* octets that the rule consumes, a multiple of 4 */
	uint8_t n_copies, n_lowers, n_maps, n_words;
	uint8_t version;   /* of the IP header: 4, 6, or 0: the rule begins with layer 4 */
	uint8_t proto;     /* of the layer-4 header, or 0 */
	uint8_t l4_offset; /* octets; header_len where there is no layer 4 */
	uint8_t fixes;     /* enum schc_fix */
	uint8_t lowered;   /* which lowers there are: 1 << enum schc_lower */
	uint8_t spare;
	uint64_t value[];
};

/* So that SCHC_PLAN_WORDS words can always be read at value, whatever stands there. */
enum { SCHC_PLAN_MIN = sizeof(struct schc_plan) + SCHC_PLAN_WORDS * sizeof(uint64_t) };

static inline const uint64_t *schc_plan_mask(const struct schc_plan *plan)
{
	return plan->value + plan->n_words;
}

static inline const struct schc_op *schc_plan_copies(const struct schc_plan *plan)
{
	return (const struct schc_op *)(plan->value + 2 * plan->n_words);
}

static inline const struct schc_op *schc_plan_lowers(const struct schc_plan *plan)
{
	return schc_plan_copies(plan) + plan->n_copies;
}

static inline const struct schc_map *schc_plan_maps(const struct schc_plan *plan)
{
	return (const struct schc_map *)(schc_plan_lowers(plan) + plan->n_lowers);
}

static inline const uint8_t *schc_plan_mapping(const struct schc_plan *plan)
{
	return (const uint8_t *)(schc_plan_maps(plan) + plan->n_maps);
}

struct schc_end;
struct schc_rule;

/* What computes or generates this field; only for those that something does. */
unsigned schc_fix_of(enum schc_fid fid);

/*
 * 0 and *plan, for schc_plan_free; -EINVAL: schc_rule_check complains, an ESP rule, or an interface
 * identifier that end does not have; -E2BIG: more parts than a plan may have; -ENOMEM. *plan is
 * untouched on error. Without end: the way Up. Token and options have no part in it (tail.h).
 */
int schc_plan_compile(struct schc_plan **plan, const struct schc_rule *rule);
int schc_plan_compile_for(
	struct schc_plan **plan, const struct schc_rule *rule, const struct schc_end *end);
void schc_plan_free(struct schc_plan *plan); /* NULL is allowed */

#endif
