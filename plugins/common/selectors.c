/* SPDX-License-Identifier: Apache-2.0 */
/* Compares traffic selectors (RFC 7296 3.13). */
#include "common/selectors.h"

#include <string.h>

bool addr_same(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static bool same(const struct ts *a, const struct ts *b)
{
	return a->ip_proto == b->ip_proto && a->port_start == b->port_start &&
	       a->port_end == b->port_end && addr_same(&a->addr_start, &b->addr_start) &&
	       addr_same(&a->addr_end, &b->addr_end);
}

bool selectors_same(const struct selectors *a, const struct selectors *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same(&a->list[i], &b->list[i]))
			return false;
	return true;
}

static bool holds(const struct ts *ts, const struct ip_addr *addr)
{
	size_t len = addr->family == 4 ? 4 : 16;

	return ts->addr_start.family == addr->family &&
	       memcmp(ts->addr_start.bytes, addr->bytes, len) <= 0 &&
	       memcmp(addr->bytes, ts->addr_end.bytes, len) <= 0;
}

void selectors_restrict(struct selectors *s, const struct ip_addr *addr)
{
	for (size_t i = 0; addr->family && i < s->n; i++)
		if (holds(&s->list[i], addr))
			s->list[i].addr_start = s->list[i].addr_end = *addr;
}

void selectors_drop_family(struct selectors *s, uint8_t family)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < s->n; i++)
		if (s->list[i].addr_start.family != family)
			s->list[n++] = s->list[i];
	s->n = n;
}
