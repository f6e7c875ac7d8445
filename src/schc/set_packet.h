/* SPDX-License-Identifier: Apache-2.0 */
/* Packets under a rule set: which rule takes one, compression and restoring (RFC 8724 7.2). */
#ifndef DIETVPN_SCHC_SET_PACKET_H
#define DIETVPN_SCHC_SET_PACKET_H

#include "schc/coap.h"
#include "schc/set_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outer;

enum {
	/* Octets that restoring puts in front of a packet at most: what buffers have room for. */
	SCHC_GROWTH_MAX = 128,
	SCHC_SET_RESIDUE_LEN = SCHC_SET_RESIDUE / 8,
	SCHC_SET_HEADER_MAX = SCHC_GROWTH_MAX + SCHC_SET_RESIDUE_LEN,
};

/* One packet, read once for all rules. */
struct schc_view {
	const uint8_t *header;
	size_t len;
	unsigned next, end;             /* entries that are still to be tried */
	const struct schc_entry *entry; /* the one that took it */
	uint16_t header_len;            /* octets that it takes off: up to the payload */
	uint16_t residue_len;           /* octets that replace them, RuleID and pad bits included */
	uint16_t coap_at;               /* where coap was parsed; 0: not yet */
	bool is_coap;                   /* and it was a CoAP message */
	uint64_t words[SCHC_PLAN_WORDS];
	struct coap_view coap;
	struct schc_tail_match tail;
};

/*
 * header, of len octets, is borrowed; it begins with an IP header of this version, or version is 0
 * and it begins with layer 4.
 */
void schc_view_open(struct schc_view *view, const struct schc_set *set, unsigned version,
	const uint8_t *header, size_t len);
/*
 * The next rule all of whose operators hold, for the whole packet: view->entry and the lengths.
 * false: no other. Whether computing restores the computed fields is the caller's guard, as are
 * fragments and the protocol behind extension headers.
 */
bool schc_view_next(struct schc_view *view, const struct schc_set *set);
/*
 * Writes view->residue_len octets to residue, at most SCHC_SET_RESIDUE_LEN and not over the header,
 * and the fields under lower into outer.
 */
void schc_view_compress(const struct schc_view *view, const struct schc_set *set, uint8_t *residue,
	struct outer *outer);

/* Octets that the RuleID of a packet without compression takes: 0 or 1; the RuleID itself. */
size_t schc_set_none_len(const struct schc_set *set);
uint8_t schc_set_none(const struct schc_set *set);

struct schc_restored {
	const struct schc_entry *entry; /* NULL: under the RuleID of no compression */
	size_t taken;                   /* octets of RuleID and residue */
	size_t header_len;              /* octets of header, for those */
};

/*
 * Finds the rule of the len octets by the RuleID alone and writes its header, payload marker
 * included, to header[SCHC_SET_HEADER_MAX]; what is computed is still 0: schc_compute. false: no
 * such RuleID, or no residue that compressing leaves.
 */
bool schc_set_restore(const struct schc_set *set, const uint8_t *data, size_t len, uint8_t *header,
	const struct outer *outer, struct schc_restored *restored);

#endif
