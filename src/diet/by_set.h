/* SPDX-License-Identifier: Apache-2.0 */
/* Explicit rules as one SA has them. */
#ifndef DIETVPN_DIET_BY_SET_H
#define DIETVPN_DIET_BY_SET_H

#include "diet/derive.h"

#include <stddef.h>

struct diet_block;
struct schc_end;
struct schc_set;

/* What went under one rule: whole packets, and RuleID, residue and payload of them. */
struct diet_count {
	uint64_t packets, before, after;
};

/* Explicit rules as one SA has them. */
struct diet_by_set {
	const struct schc_set *set; /* the block's */
	struct diet_block *block;
	uint32_t strange;          /* came behind a good ICV, and was no packet */
	uint32_t n;                /* entries of the set */
	struct diet_count count[]; /* of each, then of packets that no rule took */
};

/* For free() and diet_shared_give. 0; -EINVAL: schc_set_check complains, the mode is another, an
 * interface identifier is not known; else as schc_set_compile. */
int diet_by_set_make(
	struct diet_by_set **by, const struct diet_attrs *attrs, const struct diet_sa *sa);
/* Octets of it. */
size_t diet_by_set_size(const struct diet_by_set *by);

/*
 * What attrs->rules need to know of this SA (schc/set.h): the direction, and as interface
 * identifiers the last 64 bits of those IPv6 selectors that admit only one.
 */
void diet_schc_end(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_end *end);
/* Tunnel mode: every rule begins with IP; transport mode: with what IP carries. */
bool diet_suits_mode(const struct schc_rule_set *rules, enum sa_mode mode);

#endif
