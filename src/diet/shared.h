/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule sets as many SAs use them at once: compiled once for every kind of end (schc/set.h), and
 * kept as long as an SA is left, also beyond the configuration that brought them.
 */
#ifndef DIETVPN_DIET_SHARED_H
#define DIETVPN_DIET_SHARED_H

#include "schc/set_plan.h"

struct diet_shared;

/* One compiled set. Nobody writes to it but diet_shared_take and _give. */
struct diet_block {
	struct schc_end end; /* first: key of its table */
	unsigned users;
	struct diet_shared *shared; /* where it is found */
	struct schc_set *set;       /* owned */
};

/* A table without blocks, for one rule set that stays the same; one user. NULL: no memory. */
struct diet_shared *diet_shared_create(void);
/* One user less; the last takes the table with him. NULL is allowed. */
void diet_shared_release(struct diet_shared *shared);
/*
 * The block of these rules for this end, compiled if nobody has it yet; for diet_shared_give.
 * Errors as schc_set_compile, *block is then untouched.
 */
int diet_shared_take(struct diet_shared *shared, const struct schc_rule_set *rules,
	const struct schc_end *end, struct diet_block **block);
void diet_shared_give(struct diet_block *block);

#endif
