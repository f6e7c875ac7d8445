/* SPDX-License-Identifier: Apache-2.0 */
/* Why a rule takes a packet or does not, field by field (RFC 8724 7.2); not for the packet path. */
#ifndef DIETVPN_SCHC_EXPLAIN_H
#define DIETVPN_SCHC_EXPLAIN_H

#include "schc/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One descriptor of the packet's direction, in the rule's order. */
struct schc_explained_field {
	uint8_t desc; /* index in rule->field */
	bool present; /* the packet has the field: at and bits say where */
	bool matches;
	uint16_t sent_bits; /* in the residue, size included (RFC 8724 7.4.2); 0 if !matches */
	uint32_t at, bits;  /* bits from the beginning of the packet; options: their value */
	const char *why;    /* !matches: one sentence */
};

struct schc_explained {
	bool matches;          /* the whole packet: every field, nothing else in the headers */
	unsigned n;            /* descriptors in field[] */
	unsigned failed;       /* the first that does not match; n: none */
	const char *text;      /* !matches: one sentence; with failed == n it is about the packet */
	bool has_extra;        /* the packet has a CoAP option without descriptor: its number is */
	uint16_t extra;        /* ... this, and */
	uint32_t extra_at;     /* ... its first bit */
	uint32_t header_bits;  /* octets * 8 that the rule takes off the packet, marker included */
	uint32_t residue_bits; /* RuleID included, pad bits not */
	struct schc_explained_field field[SCHC_RULE_FIELDS];
};

/*
 * Compares packet (it begins with the rule's first header: IP in tunnel mode, layer 4 in transport
 * mode) with a checked rule. restorable: enum schc_fix bits whose computing gives back what the
 * packet has (diet's iipc_restorable knows; ~0u: do not look). All fields are judged, also behind
 * the first that fails.
 */
void schc_explain(const struct schc_rule *rule, const struct schc_end *end, unsigned restorable,
	const uint8_t *packet, size_t len, struct schc_explained *out);

#endif
