/* SPDX-License-Identifier: Apache-2.0 */
/* Which inner address is a device's: it follows from its identity, and where that is another's, it
 * is the next one (crypto/enrol.h). */
#include "ikev2/device.h"

#include "common/inner_pool.h"

#include <string.h>

static unsigned addr_len(const struct ip_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

/* The common bits of a range that is a prefix. */
static uint8_t prefix_len(const struct ts *ts)
{
	unsigned bits = 8 * addr_len(&ts->addr_start);
	uint8_t len = 0;

	while (len < bits &&
		!((ts->addr_start.bytes[len / 8] ^ ts->addr_end.bytes[len / 8]) & 0x80u >> len % 8))
		len++;
	return len;
}

void device_pool(const struct settings *template, struct enrol_pool *pool)
{
	const struct ts *remote = &template->core.remote_ts.list[0];

	*pool = (struct enrol_pool){.prefix = remote->addr_start, .prefix_len = prefix_len(remote)};
	for (size_t i = 0; i < template->core.local.n; i++) {
		const struct ts *local = &template->core.local.list[i];

		if (local->addr_start.family == pool->prefix.family &&
			addr_same(&local->addr_start, &local->addr_end))
			pool->gateway = local->addr_start;
	}
}

static bool in_range(const struct ts *ts, const struct ip_addr *addr)
{
	unsigned len = addr_len(addr);

	return ts->addr_start.family == addr->family &&
	       memcmp(ts->addr_start.bytes, addr->bytes, len) <= 0 &&
	       memcmp(addr->bytes, ts->addr_end.bytes, len) <= 0;
}

bool device_has_address(const struct settings *s, const struct ip_addr *addr)
{
	for (size_t i = 0; i < s->core.remote_ts.n; i++)
		if (in_range(&s->core.remote_ts.list[i], addr))
			return true;
	return false;
}

/* Who is looking for an address. */
struct seeker {
	const struct keying *keying;
	const char *name;
	const struct selectors *wish; /* NULL: none */
};

/* Our own, of a peer of the file, or of another device. */
static bool is_taken(const void *context, const struct ip_addr *addr)
{
	const struct seeker *seeker = context;
	const struct keying *k = seeker->keying;

	for (size_t i = 0; i < k->settings.n_own; i++)
		if (addr_same(&k->settings.own[i].addr, addr))
			return true;
	for (size_t i = 0; i < k->settings.n; i++)
		if (!k->settings.list[i].template && device_has_address(&k->settings.list[i], addr))
			return true;
	list_each (node, &k->devices->all) {
		const struct device *device = container_of(node, struct device, link);

		if (strcmp(device->settings.core.name, seeker->name) != 0 &&
			device_has_address(&device->settings, addr))
			return true;
	}
	return false;
}

static bool is_wished(const void *context, const struct ip_addr *addr)
{
	const struct selectors *wish = ((const struct seeker *)context)->wish;

	for (size_t i = 0; i < wish->n; i++)
		if (addr_same(&wish->list[i].addr_start, addr) &&
			addr_same(&wish->list[i].addr_end, addr))
			return true;
	return false;
}

/* What was written into a device when it was enrolled holds on, though another came before it to an
 * address that both might have had. */
int device_address(const struct keying *k, const struct settings *template, const char *name,
	const struct selectors *wish, struct ip_addr *out)
{
	const struct slice id = {(const uint8_t *)name, strlen(name)};
	const struct seeker seeker = {k, name, wish};
	struct inner_pool_search search = {.taken = is_taken, .context = &seeker};
	struct enrol_pool pool;
	uint32_t before;
	int r;

	device_pool(template, &pool);
	before = search.probe = inner_recall(k, &pool, id);
	if (wish && wish->n)
		search.wished = is_wished;
	r = inner_pool_find(&pool, id, &search, out);
	if (!r && wish && search.probe != before)
		inner_remember(k, &pool, id, search.probe);
	return r;
}

void device_selectors(
	const struct settings *template, const struct ip_addr *addr, struct selectors *out)
{
	*out = template->core.remote_ts;
	for (size_t i = 0; i < out->n; i++)
		out->list[i].addr_start = out->list[i].addr_end = *addr;
}
