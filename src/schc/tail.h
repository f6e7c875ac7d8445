/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule does with CoAP's token and options, RFC 8824 4.5 to 6: fields without a fixed place.
 */
#ifndef DIETVPN_SCHC_TAIL_H
#define DIETVPN_SCHC_TAIL_H

#include "schc/bits.h"
#include "schc/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coap_view;

/* One descriptor. Its values, each behind an octet that says how long it is, begin at value. */
struct schc_tail_op {
	uint16_t number; /* of the option; 0: the token */
	uint16_t msb;
	uint16_t value; /* octet of the tail's values */
	uint8_t mo, cda, fl;
	uint8_t n, index_bits; /* values; bits of the index in the residue */
	uint8_t part;          /* of the option's value; 0: all of it */
	uint8_t group;         /* options that one value stands for (group.h); 0: just one */
	uint8_t spare;
};

/* Behind it lie ops[n] and the values, as long as they have to be. */
struct schc_tail {
	uint16_t size; /* octets of the whole tail, a multiple of 8 */
	uint8_t n;
	uint8_t spare;
	struct schc_tail_op op[];
};

/* Value i of op, *len octets of it, borrowed. */
const uint8_t *schc_tail_value(
	const struct schc_tail *tail, const struct schc_tail_op *op, unsigned i, size_t *len);
/* Whether size 0 in the residue says that the option is not there (RFC 8824 5.3.1). */
bool schc_tail_may_be_absent(const struct schc_tail_op *op);

/*
 * The descriptors of token and options that are for di. Writes a tail of at most cap octets to out,
 * which is aligned for it, and returns its size; 0: not enough room.
 */
size_t schc_tail_compile(
	const struct schc_rule *rule, enum schc_di di, struct schc_tail *out, size_t cap);

/* Which option of the message belongs to each descriptor: 1 + its index, 0: absent. */
struct schc_tail_match {
	uint16_t residue_bits;
	uint8_t which[SCHC_RULE_FIELDS];
};

/* Every descriptor holds, and the message has nothing else before its payload. */
bool schc_tail_matches(const struct schc_tail *tail, const uint8_t *message,
	const struct coap_view *view, struct schc_tail_match *match);
/* Appends match->residue_bits bits; only for what matches. */
void schc_tail_compress(const struct schc_tail *tail, const uint8_t *message,
	const struct coap_view *view, const struct schc_tail_match *match, struct bit_writer *out);
#endif
