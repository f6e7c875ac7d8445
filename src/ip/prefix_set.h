/* SPDX-License-Identifier: Apache-2.0 */
/* A set of prefixes that is filled, sorted once and then asked: routes by the ten thousand. */
#ifndef DIETVPN_IP_PREFIX_SET_H
#define DIETVPN_IP_PREFIX_SET_H

#include "ip/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct prefix_set { /* {0}: empty */
	struct ip_prefix *list;
	size_t n, cap;
	bool failed; /* no memory for one of them: the set is not to be relied on */
};

/* Host bits do not count: 10.9.0.1/24 is 10.9.0.0/24. */
void prefix_set_add(struct prefix_set *set, const struct ip_prefix *prefix);
/* After the last prefix_set_add and before the first prefix_set_has. */
void prefix_set_sort(struct prefix_set *set);
bool prefix_set_has(const struct prefix_set *set, const struct ip_prefix *prefix);
void prefix_set_fini(struct prefix_set *set);

#endif
