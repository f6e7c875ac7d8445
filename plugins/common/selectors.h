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

bool addr_same(const struct ip_addr *a, const struct ip_addr *b);
/* The same selectors in the same order. */
bool selectors_same(const struct selectors *a, const struct selectors *b);

#endif
