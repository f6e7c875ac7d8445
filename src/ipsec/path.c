/* SPDX-License-Identifier: Apache-2.0 */
/* Where a peer is, and what may change our mind about it; trust.md section 4.4. */
#include "ipsec/path.h"

#include "ip/addr.h"
#include "ip/packet.h"

enum {
	MOVE_INTERVAL_MS = 1000, /* between two moves to endpoints that are not the last proven */
	AMPLIFICATION_MAX = 3,   /* octets out per octet in, towards an unproven endpoint */
	UDP_HEADER = 8,
};

static void count_received(struct path *path, size_t octets)
{
	if (path->unproven)
		path->rx_octets += octets;
}

/* The last proven endpoint stays reachable; an unproven one is forgotten when left. */
static void move(struct path *path, const struct ip_endpoint *remote, size_t octets)
{
	bool back = path->previous.addr.family && ip_endpoint_equal(&path->previous, remote);

	if (!path->unproven)
		path->previous = path->remote;
	else if (back)
		path->previous = (struct ip_endpoint){0};
	path->remote = *remote;
	path->unproven = !back;
	path->rx_octets = 0;
	path->tx_octets = 0;
	count_received(path, octets);
}

static bool may_move(const struct path *path, const struct ip_endpoint *remote, uint64_t now_ms)
{
	if (path->remote.addr.family == 0 || ip_endpoint_equal(&path->previous, remote))
		return true;
	return !path->moved || now_ms - path->moved_ms >= MOVE_INTERVAL_MS;
}

bool path_heard(struct path *path, const struct ip_endpoint *local,
	const struct ip_endpoint *remote, bool newest, size_t octets, uint64_t now_ms)
{
	path->heard_ms = now_ms;
	if (ip_endpoint_equal(&path->remote, remote)) {
		count_received(path, octets);
		if (!newest)
			return false;
		path->unproven = 0;
		if (!path->pinned)
			path->local = *local;
		return false;
	}
	if (!newest || path->pinned || !may_move(path, remote, now_ms))
		return false;
	move(path, remote, octets);
	path->local = *local;
	path->moved = 1;
	path->moved_ms = now_ms;
	return true;
}

bool path_may_send(struct path *path, size_t octets, uint64_t now_ms)
{
	if (path->unproven) {
		if (path->tx_octets + octets > AMPLIFICATION_MAX * path->rx_octets)
			return false;
		path->tx_octets += octets;
	}
	path->sent_ms = now_ms;
	return true;
}

size_t path_outer_len(const struct path *path)
{
	size_t ip = path->remote.addr.family == 4 ? IPV4_HEADER : IPV6_HEADER;

	return path->encap == SA_ENCAP_UDP ? ip + UDP_HEADER : ip;
}
