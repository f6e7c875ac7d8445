/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path MTU per peer, from the route and the error queue (RFC 1191, RFC 8201). The kernel keeps what
 * routers reported and forgets it after ten minutes (net.ipv4.route.mtu_expires and its IPv6 twin),
 * so asking its route again is also the ageing.
 */
#ifndef DIETVPN_IO_PMTU_H
#define DIETVPN_IO_PMTU_H

#include <stdbool.h>
#include <stdint.h>

struct path;

enum { PMTU_FLOOR_V4 = 576, PMTU_FLOOR_V6 = 1280 };

/* Takes over the MTU of the route to path->remote; true: path->mtu changed. Costs four system
 * calls. Without a remote or a route nothing changes. */
bool pmtu_refresh(struct path *path);
/* A smaller MTU towards this path's remote was reported; bounded by the floors. true: it changed.
 */
bool pmtu_reported(struct path *path, uint32_t mtu);

#endif
