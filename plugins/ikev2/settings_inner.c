/* SPDX-License-Identifier: Apache-2.0 */
/* Which inner addresses a peer gets that asks, and whether we ask (RFC 7296 2.19). */
#include "ikev2/settings_read.h"

#include <string.h>

enum { ADDRESSES_MAX = 8, IP4_BITS = 32, IP6_BITS = 128 };

static unsigned bits_of(const struct ip_addr *addr)
{
	return addr->family == 4 ? IP4_BITS : IP6_BITS;
}

static enum family_index index_of(const struct ip_addr *addr)
{
	return addr->family == 4 ? INNER_IPV4 : INNER_IPV6;
}

/* The first of the family that is one host. */
static void note_fixed(struct settings *s, const struct addr_prefix *prefix)
{
	struct ip_addr *fixed = &s->fixed[index_of(&prefix->addr)];

	if (!fixed->family && prefix->len == bits_of(&prefix->addr))
		*fixed = prefix->addr;
}

static struct ip_addr own_of(const struct settings_list *all, uint8_t family)
{
	for (size_t i = 0; i < all->n_own; i++)
		if (all->own[i].addr.family == family)
			return all->own[i].addr;
	return (struct ip_addr){0};
}

/* false: there is one of this family already. */
static bool note_pool(struct settings_reader *r, const struct addr_prefix *prefix)
{
	struct enrol_pool *pool = &r->out->pool[index_of(&prefix->addr)];

	if (pool->prefix.family)
		return false;
	pool->prefix = prefix->addr;
	pool->prefix_len = prefix->len;
	pool->gateway = own_of(r->all, prefix->addr.family);
	return true;
}

void settings_read_inner(struct settings_reader *r)
{
	struct addr_prefix list[ADDRESSES_MAX];
	size_t n = peer_config_addresses(&r->in, list, ADDRESSES_MAX);
	struct peer_value value = {.at = r->out->core.at};
	bool pool = false;

	r->out->asks_address = peer_config_auto(&r->in);
	peer_value_yes(&r->in, "Pool", &pool);
	peer_value_get(&r->in, "Pool", &value);
	if (pool && r->out->asks_address)
		peer_refuse_value(&r->in, &value, "Pool",
			"we cannot give addresses and ask for our own", "Address = fd00:...::1/64");
	for (size_t i = 0; i < n; i++) {
		note_fixed(r->out, &list[i]);
		if (pool && !note_pool(r, &list[i]))
			peer_refuse_value(&r->in, &value, "Pool",
				"Address has more than one prefix of a family",
				"leave one of each");
	}
}
