/* SPDX-License-Identifier: Apache-2.0 */
/* Which inner address of a pool an identity gets, by what enrol_address derives from it. */
#include "common/inner_pool.h"

#include <errno.h>

/* The first free one from this probe to that; only a wished one where that is asked. */
static int walk(const struct enrol_pool *pool, struct slice id, struct inner_pool_search *search,
	uint32_t end, bool wished, struct ip_addr *out)
{
	for (uint32_t probe = 0; probe < end; probe++) {
		struct ip_addr addr;
		int r = enrol_address(pool, id, probe, &addr);

		if (r)
			return r;
		if (search->taken(search->context, &addr) ||
			(wished && !search->wished(search->context, &addr)))
			continue;
		search->probe = probe;
		*out = addr;
		return 0;
	}
	return -ENOSPC;
}

static bool again(const struct enrol_pool *pool, struct slice id,
	const struct inner_pool_search *search, struct ip_addr *out)
{
	struct ip_addr addr;

	if (!search->probe || enrol_address(pool, id, search->probe, &addr) ||
		search->taken(search->context, &addr))
		return false;
	*out = addr;
	return true;
}

int inner_pool_find(const struct enrol_pool *pool, struct slice id,
	struct inner_pool_search *search, struct ip_addr *out)
{
	if (search->wished && !walk(pool, id, search, INNER_POOL_WISHES, true, out))
		return 0;
	if (again(pool, id, search, out))
		return 0;
	return walk(pool, id, search, INNER_POOL_PROBES, false, out);
}
