/* SPDX-License-Identifier: Apache-2.0 */
/* A rule set compiled for one direction: plans, tails and a table of RuleIDs in one block. */
#ifndef DIETVPN_SCHC_SET_PLAN_H
#define DIETVPN_SCHC_SET_PLAN_H

#include "schc/plan.h"
#include "schc/set.h"
#include "schc/tail.h"

#include <stdbool.h>
#include <stdint.h>

/* One rule: what is compared first, and where the rest lies, in octets from the block's start. */
struct schc_entry {
	uint64_t value, mask; /* of the header's word that excludes most of the other rules */
	uint32_t plan, tail;  /* tail 0: the rule has no CoAP */
	uint8_t word;
	uint8_t header_len; /* the plan's */
	uint8_t id, id_bits;
	uint8_t rule; /* index in the set that was compiled */
	uint8_t spare[3];
};

enum { SCHC_UNKNOWN = 0, SCHC_UNCOMPRESSED = 255 }; /* in schc_set.first, else 1 + entry */

/* Rules for the same IP version lie together, the one that saves most first. */
struct schc_set {
	uint32_t size;            /* octets of the whole block */
	uint8_t n;                /* entries */
	uint8_t begin[3], end[3]; /* entries: without IP header, IPv4, IPv6; see schc_set_chain */
	uint8_t none_id, none_bits;
	uint8_t first[256]; /* what an octet in which a RuleID begins means */
	struct schc_entry entry[];
};

/* Index of begin[] and end[] for an IP version: 0, 4 or 6. */
static inline unsigned schc_set_chain(unsigned version)
{
	return version ? version / 2 - 1 : 0;
}

static inline const struct schc_plan *schc_entry_plan(
	const struct schc_set *set, const struct schc_entry *entry)
{
	return (const struct schc_plan *)(const void *)((const uint8_t *)set + entry->plan);
}

static inline const struct schc_tail *schc_entry_tail(
	const struct schc_set *set, const struct schc_entry *entry)
{
	return entry->tail ? (const struct schc_tail *)(const void *)((const uint8_t *)set +
								      entry->tail)
			   : NULL;
}

/*
 * Compiles the rules of that direction into one block without pointers, size octets of it (it may
 * be copied as it is), for schc_set_free. Rules are tried in the order of what they save: the bits
 * of their header minus RuleID and residue, as far as the rule knows them. A rule with no
 * descriptor for this direction is never tried. 0; -EINVAL: schc_set_check complains, or devIID or
 * appIID without has_..._iid; -E2BIG: a rule has more parts than a plan may have; -ENOMEM.
 */
int schc_set_compile(
	struct schc_set **set, const struct schc_rule_set *rules, const struct schc_end *end);
void schc_set_free(struct schc_set *set); /* NULL is allowed */

#endif
