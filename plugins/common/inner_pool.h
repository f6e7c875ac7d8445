/* SPDX-License-Identifier: Apache-2.0 */
/* Which inner address of a pool an identity gets: the same one again wherever it is still free. */
#ifndef DIETVPN_COMMON_INNER_POOL_H
#define DIETVPN_COMMON_INNER_POOL_H

#include "crypto/enrol.h"

#include <stdbool.h>

enum {
	INNER_POOL_PROBES = 1024, /* how far the search goes */
	INNER_POOL_WISHES = 16,   /* how many of its addresses may be wished for */
};

/* How one identity looks for its address (crypto/enrol.h: enrol_address). */
struct inner_pool_search {
	/* Somebody else has this one. */
	bool (*taken)(const void *context, const struct ip_addr *addr);
	/* The identity believes that it has this one, and gets it if it is one of its first; NULL:
	 * it believes nothing. */
	bool (*wished)(const void *context, const struct ip_addr *addr);
	const void *context;
	/* In: where it was found the last time, 0: nowhere. Out: where it is now. Only what is not
	 * 0 has to be remembered: all else follows from the identity. */
	uint32_t probe;
};

/* 0, -EINVAL (no identity, no pool), -ENOSPC: none is free, or none so far. */
int inner_pool_find(const struct enrol_pool *pool, struct slice id,
	struct inner_pool_search *search, struct ip_addr *out);

#endif
