/* SPDX-License-Identifier: Apache-2.0 */
/* Path MTU per peer: from the route, the error queue, aged out after ten minutes (RFC 8201, RFC
 * 1191). */
#ifndef DIETVPN_IO_PMTU_H
#define DIETVPN_IO_PMTU_H

#include <stdbool.h>
#include <stdint.h>

struct path;

enum { PMTU_AGE_MS = 600000, PMTU_FLOOR_V4 = 576, PMTU_FLOOR_V6 = 1280 };

/* The route's MTU for a path that has none or whose learned one is old; true: path->mtu changed. */
bool pmtu_refresh(struct path *path, uint64_t now_ms);
/* The kernel reported a smaller MTU towards this path's remote; bounded by the floors. true: it
 * changed. */
bool pmtu_reported(struct path *path, uint32_t mtu, uint64_t now_ms);

#endif
