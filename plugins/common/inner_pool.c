/* SPDX-License-Identifier: Apache-2.0 */
/* Which inner address of a pool an identity gets, by what enrol_address derives from it. */
#include "common/inner_pool.h"

#include <errno.h>

static int try_probe(const struct enrol_pool *pool, struct slice id,
	const struct inner_pool_search *search, uint32_t probe, struct ip_addr *out)
{
	struct ip_addr addr;
	int r = enrol_address(pool, id, probe, &addr);

	if (r)
		return r;
	if (search->taken(search->context, &addr))
		return -EADDRINUSE;
	*out = addr;
	return 0;
}

int inner_pool_find(const struct enrol_pool *pool, struct slice id,
	struct inner_pool_search *search, struct ip_addr *out)
{
	int r = -EADDRINUSE;

	if (search->probe && !try_probe(pool, id, search, search->probe, out))
		return 0;
	for (uint32_t probe = 0; probe < INNER_POOL_PROBES_MAX && r == -EADDRINUSE; probe++) {
		r = try_probe(pool, id, search, probe, out);
		if (!r)
			search->probe = probe;
	}
	return r == -EADDRINUSE ? -ENOSPC : r;
}

bool inner_pool_has(const struct enrol_pool *pool, const struct ip_addr *addr)
{
	unsigned bits = pool->prefix_len;

	if (!addr->family || pool->prefix.family != addr->family)
		return false;
	for (unsigned i = 0; i < bits; i++)
		if ((pool->prefix.bytes[i / 8] ^ addr->bytes[i / 8]) & 0x80u >> i % 8)
			return false;
	return true;
}
