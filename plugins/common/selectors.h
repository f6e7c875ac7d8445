/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic selectors of one side (RFC 7296 3.13). */
#ifndef DIETVPN_COMMON_SELECTORS_H
#define DIETVPN_COMMON_SELECTORS_H

#include "dietvpn/types.h"

#include <stdbool.h>

struct selectors {
	struct ts list[TS_MAX];
	uint8_t n;
};

/* An address, and how many of its first bits a network has. */
struct addr_prefix {
	struct ip_addr addr;
	uint8_t len;
};

bool addr_same(const struct ip_addr *a, const struct ip_addr *b);
/* The same selectors in the same order. */
bool selectors_same(const struct selectors *a, const struct selectors *b);
/* Of each range that holds the address, the address alone; no other range changes. */
void selectors_restrict(struct selectors *s, const struct ip_addr *addr);
/* Without the ranges of this family. */
void selectors_drop_family(struct selectors *s, uint8_t family);

#endif
