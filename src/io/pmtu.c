/* SPDX-License-Identifier: Apache-2.0 */
/* Path MTU of a peer's path, RFC 1191 (IPv4) and RFC 8201 (IPv6). */
#include "io/pmtu.h"

#include "io/transport.h"
#include "ipsec/path.h"

#include <stddef.h>

static uint32_t bounded(const struct path *path, uint32_t mtu)
{
	uint32_t floor = path->remote.addr.family == 4 ? PMTU_FLOOR_V4 : PMTU_FLOOR_V6;

	return mtu < floor ? floor : mtu;
}

bool pmtu_refresh(struct path *path)
{
	uint32_t mtu;

	if (path->remote.addr.family == 0 || transport_route(&path->remote, &mtu, NULL) != 0)
		return false;
	mtu = bounded(path, mtu);
	if (mtu == path->mtu)
		return false;
	path->mtu = mtu;
	return true;
}

bool pmtu_reported(struct path *path, uint32_t mtu)
{
	mtu = bounded(path, mtu);
	/* A report can only shrink: growth comes from the route, or a forger would raise it. */
	if (path->mtu != 0 && mtu >= path->mtu)
		return false;
	path->mtu = mtu;
	return true;
}
