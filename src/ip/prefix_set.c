/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array of prefixes by network address and length. */
#include "ip/prefix_set.h"

#include <stdlib.h>

enum { FIRST_CAP = 64 };

static struct ip_prefix without_host(const struct ip_prefix *prefix)
{
	return (struct ip_prefix){.addr = ip_prefix_network(prefix), .len = prefix->len};
}

static bool grow(struct prefix_set *set)
{
	size_t cap = set->cap ? set->cap * 2 : FIRST_CAP;
	struct ip_prefix *list = realloc(set->list, cap * sizeof(*list));

	if (!list)
		return false;
	set->list = list;
	set->cap = cap;
	return true;
}

void prefix_set_add(struct prefix_set *set, const struct ip_prefix *prefix)
{
	if (set->n == set->cap && !grow(set)) {
		set->failed = true;
		return;
	}
	set->list[set->n++] = without_host(prefix);
}

static int compare(const void *left, const void *right)
{
	const struct ip_prefix *a = left;
	const struct ip_prefix *b = right;
	int order = ip_addr_compare(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}

void prefix_set_sort(struct prefix_set *set)
{
	if (set->n > 1)
		qsort(set->list, set->n, sizeof(*set->list), compare);
}

bool prefix_set_has(const struct prefix_set *set, const struct ip_prefix *prefix)
{
	struct ip_prefix key = without_host(prefix);

	return set->n && bsearch(&key, set->list, set->n, sizeof(key), compare);
}

void prefix_set_fini(struct prefix_set *set)
{
	free(set->list);
	*set = (struct prefix_set){0};
}
