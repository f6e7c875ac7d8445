/* SPDX-License-Identifier: Apache-2.0 */
/* Which names a template speaks for: a pattern whose '*' stands for any run of characters. */
#ifndef DIETVPN_BASE_GLOB_H
#define DIETVPN_BASE_GLOB_H

#include <stdbool.h>

/* Each '*' of pattern matches any run of octets, also none; every other octet only itself. Costs at
 * most one step per pair of octets. */
bool glob_match(const char *pattern, const char *text);

#endif
