/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/common: which address of a pool is whose, and what selectors are left of it. */
#include "common/inner_pool.h"
#include "common/selectors.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DEVICES = 254 };

static const struct enrol_pool pool = {
	.prefix = {4, {10, 9}}, .prefix_len = 24, .gateway = {4, {10, 9, 0, 1}}};

static struct {
	struct ip_addr addr[DEVICES];
	uint32_t probe[DEVICES];
	const struct ip_addr *wish;
} all;

static bool is_taken(const void *context, const struct ip_addr *addr)
{
	const size_t *self = context;

	for (size_t i = 0; i < DEVICES; i++)
		if (i != *self && addr_same(&all.addr[i], addr))
			return true;
	return false;
}

static bool is_wished(const void *context, const struct ip_addr *addr)
{
	(void)context;
	return addr_same(addr, all.wish);
}

static int find(size_t i)
{
	struct inner_pool_search search = {.taken = is_taken,
		.wished = all.wish ? is_wished : NULL,
		.context = &i,
		.probe = all.probe[i]};
	char name[32];
	int n = snprintf(name, sizeof name, "sensor-%zu", i);
	int r = inner_pool_find(
		&pool, (struct slice){(const uint8_t *)name, (size_t)n}, &search, &all.addr[i]);

	all.probe[i] = search.probe;
	return r;
}

/* A full subnet: each has its own, and after a restart the same again, whoever comes first. */
Test(plugin_common, addresses_of_a_pool)
{
	struct ip_addr before[DEVICES];
	size_t remembered = 0;

	memset(&all, 0, sizeof all);
	for (size_t i = 0; i < DEVICES - 1; i++) {
		cr_assert_eq(find(i), 0, "%zu", i);
		cr_assert(!is_taken(&i, &all.addr[i]));
		cr_assert(all.addr[i].bytes[3] > 1 && all.addr[i].bytes[3] < 255);
		remembered += all.probe[i] != 0;
	}
	cr_assert_eq(find(DEVICES - 1), -ENOSPC);
	cr_assert_eq(all.addr[DEVICES - 1].family, 0);
	cr_assert_lt(remembered, (size_t)DEVICES / 2 + 32);
	memcpy(before, all.addr, sizeof before);
	memset(all.addr, 0, sizeof all.addr);
	for (size_t i = DEVICES - 1; i-- > 0;)
		cr_assert_eq(find(i), 0);
	cr_assert(!memcmp(before, all.addr, sizeof before));
}

Test(plugin_common, an_address_that_is_wished_for)
{
	const size_t self = 7;
	struct ip_addr own[3];

	memset(&all, 0, sizeof all);
	for (uint32_t probe = 0; probe < 3; probe++)
		cr_assert_eq(enrol_address(&pool, (struct slice){(const uint8_t *)"sensor-7", 8},
				     probe, &own[probe]),
			0);
	all.wish = &own[2];
	cr_assert_eq(find(self), 0);
	cr_assert(addr_same(&all.addr[self], &own[2]));
	cr_assert_eq(all.probe[self], 2u);
	/* Somebody has it by now. */
	all.addr[0] = own[2];
	cr_assert_eq(find(self), 0);
	cr_assert(addr_same(&all.addr[self], &own[0]));
	all.wish = &pool.gateway;
	cr_assert_eq(find(self), 0);
	cr_assert(addr_same(&all.addr[self], &own[0]), "nobody gets what is not his");
}

Test(plugin_common, selectors_of_one_address)
{
	const struct ip_addr host = {4, {10, 9, 0, 7}};
	const struct ip_addr other = {4, {10, 8}};
	struct selectors s = {.n = 3,
		.list = {{.addr_start = {4, {10, 9}}, .addr_end = {4, {10, 9, 255, 255}}},
			{.addr_start = {6, {0}}, .addr_end = {6, {[0] = 0xff}}},
			{.addr_start = {4, {192, 168}}, .addr_end = {4, {192, 168, 1}}}}};
	struct selectors copy = s;

	selectors_restrict(&s, &other);
	selectors_restrict(&s, &(struct ip_addr){0});
	cr_assert(selectors_same(&s, &copy));
	selectors_restrict(&s, &host);
	cr_assert(addr_same(&s.list[0].addr_start, &host) && addr_same(&s.list[0].addr_end, &host));
	cr_assert(addr_same(&s.list[2].addr_start, &copy.list[2].addr_start));
	selectors_drop_family(&s, 4);
	cr_assert_eq(s.n, 1);
	cr_assert_eq(s.list[0].addr_start.family, 6);
}
