/* SPDX-License-Identifier: Apache-2.0 */
/* Path MTUs of all peers (RFC 1191, RFC 8201) and NAT keepalives (RFC 3948 4). */
#include "io/dataplane_paths.h"

#include "io/dataplane.h"
#include "io/pmtu.h"
#include "io/transport.h"
#include "ip/addr.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WALK_MS =
		60000, /* the kernel forgets reports after ten minutes; we notice within one more */
	WALK_STEP = 16,
	WALK_PACE_MS = 50, /* between steps: each path costs a socket, and there may be thousands */
	UNKNOWN_MS = 1000,
	REPORTS_PER_SECOND = 10, /* each costs a walk, and strangers can send them */
};

void paths_init(struct paths *paths, struct spd *spd, struct transport *transport)
{
	*paths = (struct paths){.spd = spd, .transport = transport, .keepalive_ms = UINT64_MAX};
}

void paths_fini(struct paths *paths)
{
	free(paths->keepalive);
}

static void refresh_unknown(struct paths *paths)
{
	size_t at = 0;

	for (struct policy *p; (p = spd_next(paths->spd, &at)) != NULL;)
		if (p->path != NULL && p->path->mtu == 0)
			pmtu_refresh(p->path);
}

void paths_changed(struct paths *paths)
{
	refresh_unknown(paths);
	/* A walk under way goes to its end: with news every second the last ones would never have
	 * their turn. */
	paths->walk_ms = 0;
}

void paths_used(struct paths *paths, const struct path *path)
{
	paths->unknown |= path->mtu == 0;
}

static void walk(struct paths *paths)
{
	for (int i = 0; i < WALK_STEP; i++) {
		struct policy *policy = spd_next(paths->spd, &paths->walk_at);

		if (policy == NULL) {
			paths->walk_at = 0;
			return;
		}
		if (policy->path != NULL)
			pmtu_refresh(policy->path);
	}
}

void paths_step(struct paths *paths, uint64_t now_ms)
{
	if (paths->unknown && now_ms >= paths->unknown_ms) {
		paths->unknown = false;
		paths->unknown_ms = now_ms + UNKNOWN_MS;
		refresh_unknown(paths);
	}
	if (now_ms < paths->step_ms || (paths->walk_at == 0 && now_ms < paths->walk_ms))
		return;
	paths->step_ms = now_ms + WALK_PACE_MS;
	if (paths->walk_at == 0)
		paths->walk_ms = now_ms + WALK_MS;
	walk(paths);
}

static bool is_towards(const struct path *path, const struct ip_endpoint *remote)
{
	return ip_addr_equal(&path->remote.addr, &remote->addr) &&
	       (remote->port == 0 || path->remote.port == remote->port);
}

void paths_reported(
	struct paths *paths, const struct ip_endpoint *remote, uint32_t mtu, uint64_t now_ms)
{
	size_t at = 0;

	if (now_ms - paths->reports_ms >= 1000) {
		paths->reports_ms = now_ms;
		paths->reports = 0;
	}
	if (paths->reports++ >= REPORTS_PER_SECOND)
		return;
	for (struct policy *p; (p = spd_next(paths->spd, &at)) != NULL;)
		if (p->path != NULL && is_towards(p->path, remote))
			pmtu_reported(p->path, mtu);
}

static size_t find(const struct paths *paths, uint32_t policy)
{
	size_t i = 0;

	while (i < paths->n_keepalive && paths->keepalive[i] != policy)
		i++;
	return i;
}

static int grow(struct paths *paths)
{
	size_t cap = paths->cap_keepalive * 2 + 4;
	uint32_t *more = realloc(paths->keepalive, cap * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	paths->keepalive = more;
	paths->cap_keepalive = cap;
	return 0;
}

int paths_keepalive(struct paths *paths, uint32_t policy, bool on, uint64_t now_ms)
{
	size_t i = find(paths, policy);

	if (on == (i < paths->n_keepalive))
		return 0;
	if (!on) {
		paths->keepalive[i] = paths->keepalive[--paths->n_keepalive];
		return 0;
	}
	if (paths->n_keepalive == paths->cap_keepalive && grow(paths) != 0)
		return -ENOMEM;
	paths->keepalive[paths->n_keepalive++] = policy;
	/* Now: the policy may have been silent for longer than the interval. */
	paths->keepalive_ms = now_ms;
	return 0;
}

/* Sends where 20 s of silence have passed; returns when this path is to be looked at again. */
static uint64_t keep_alive(struct paths *paths, struct path *path, uint64_t now_ms)
{
	if (path->sent_ms != 0 && now_ms - path->sent_ms < DATAPLANE_KEEPALIVE_MS)
		return path->sent_ms + DATAPLANE_KEEPALIVE_MS;
	if (path->encap == SA_ENCAP_UDP && path->remote.addr.family != 0) {
		(void)transport_send_keepalive(paths->transport, &path->remote);
		path->sent_ms = now_ms;
	}
	return now_ms + DATAPLANE_KEEPALIVE_MS;
}

void paths_keepalive_due(struct paths *paths, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	if (now_ms < paths->keepalive_ms)
		return;
	for (size_t i = 0; i < paths->n_keepalive; i++) {
		struct policy *policy = spd_find(paths->spd, paths->keepalive[i]);
		uint64_t again;

		if (policy == NULL || policy->path == NULL)
			continue;
		again = keep_alive(paths, policy->path, now_ms);
		next = again < next ? again : next;
	}
	paths->keepalive_ms = next;
}
