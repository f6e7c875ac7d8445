/* SPDX-License-Identifier: Apache-2.0 */
/* A SCHC rule compiled once: what matching, compressing and restoring a header (RFC 8724 7.2) do.
 */
#ifndef DIETVPN_SCHC_PLAN_H
#define DIETVPN_SCHC_PLAN_H

#include <stdint.h>

enum {
	SCHC_HEADER_MAX = 64,  /* octets of all headers of a rule */
	SCHC_RESIDUE_MAX = 64, /* octets */
	SCHC_PLAN_WORDS = SCHC_HEADER_MAX / 8,
	SCHC_PLAN_COPIES = 32,
	SCHC_PLAN_MAPS = 3,
	SCHC_PLAN_LOWERS = 4,
	SCHC_PLAN_MAPPING = 64,
	SCHC_COPY_BITS = 56, /* so that a copy at any bit lies within 8 octets */
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

struct schc_map {
	uint8_t first, n, width; /* entries of mapping[]; bits of the field */
};

/*
 * The header is seen as big-endian 64-bit words. value is the constant part of it: compared under
 * mask on the way out, the template on the way in. Copies stand in residue order.
 */
struct schc_plan {
	uint64_t value[SCHC_PLAN_WORDS];
	uint64_t mask[SCHC_PLAN_WORDS];
	struct schc_op copy[SCHC_PLAN_COPIES];
	struct schc_op lower[SCHC_PLAN_LOWERS];
	struct schc_map map[SCHC_PLAN_MAPS];
	uint8_t mapping[SCHC_PLAN_MAPPING];
	uint16_t residue_bits;
	uint8_t residue_len; /* octets, pad bits included */
	uint8_t header_len;  /* octets that the rule consumes, a multiple of 4 */
	uint8_t n_copies, n_lowers, n_maps, n_words;
	uint8_t version;   /* of the IP header: 4, 6, or 0: the rule begins with layer 4 */
	uint8_t proto;     /* of the layer-4 header, or 0 */
	uint8_t l4_offset; /* octets; header_len where there is no layer 4 */
	uint8_t fixes;     /* enum schc_fix */
};

struct schc_rule;

/* 0; -EINVAL: schc_rule_check complains, or an ESP rule; -E2BIG: more parts than a plan holds. */
int schc_plan_compile(struct schc_plan *plan, const struct schc_rule *rule);

#endif
