/* SPDX-License-Identifier: Apache-2.0 */
/* What the host reports: traffic, addresses, SAs, timers, what is on disk. */
#include "ikev2/plugin.h"
#include "ikev2/device.h"
#include "ikev2/half_open.h"
#include "ikev2/imprint.h"

enum { HALF_SWEEP_MS = 5000, PARTS_SWEEP_MS = 5000 };

struct peer *plugin_peer(struct keying *k, uint32_t policy)
{
	struct device *device;

	for (size_t i = 0; i < k->settings.n; i++)
		if (k->peers[i].settings->core.policy == policy)
			return &k->peers[i];
	device = device_by_policy(k, policy);
	return device ? &device->peer : NULL;
}

/* While a failed one rests, traffic does not hurry it. */
void plugin_acquire(struct keying *k, const struct keying_acquire *asked)
{
	struct peer *peer = plugin_peer(k, asked->policy);

	if (!peer || peer->waiting)
		return;
	if (!peer->sa)
		initiate(k, peer);
	else if (peer->sa->state == IKE_UP && !ike_sa_has_child(peer->sa)) {
		peer->sa->want_child = true;
		exchange_next(peer->sa);
	}
}

/* What the name means now; while an IKE SA is up, its own messages know better. */
void plugin_endpoint(struct keying *k, uint32_t policy, const struct ip_endpoint *remote)
{
	struct peer *peer = plugin_peer(k, policy);

	if (!peer)
		return;
	peer->remote = *remote;
	if (peer->settings->core.boot && !peer->sa && !peer->waiting)
		initiate(k, peer);
}

static void child_ended(struct child *child)
{
	struct ike_sa *sa = child->ike;

	if (child->state == CHILD_RETIRED || child->state == CHILD_GONE)
		return;
	child->want_delete = true;
	exchange_next(sa);
}

void plugin_sa_event(struct keying *k, sa_id id, enum sa_event event)
{
	enum sa_dir dir;
	struct child *child = child_by_sa(k, id, &dir);

	if (!child)
		return;
	switch (event) {
	case SA_SOFT_EXPIRED:
	case SA_SEQUENCE_LOW:
		if (child->ike->peer->settings->core.sleepy || child->state != CHILD_UP)
			break;
		child->want_rekey = true;
		exchange_next(child->ike);
		break;
	case SA_REMOVED:
		child->installed[dir] = false;
		child_ended(child);
		break;
	case SA_HARD_EXPIRED:
		child_ended(child);
		break;
	case SA_ICV_FAILING:
		child->ike->want_alive = true;
		exchange_next(child->ike);
		break;
	case SA_USED:
		child_used(child, dir);
		break;
	default:
		break;
	}
}

static void on_retry(struct keying *k, uint32_t index)
{
	struct peer *peer = index < k->settings.n ? &k->peers[index] : NULL;

	if (!peer)
		return;
	peer->waiting = false;
	if (!peer->sa && peer->settings->core.boot)
		initiate(k, peer);
}

static void expire_parts(struct keying *k)
{
	uint64_t now = k->host->now_ms(k->host);
	bool strangers = fragment_expire(&k->strangers, now);

	if (fragment_expire(&k->peers_parts, now) || strangers)
		timer_start(k, 0, TIMER_PARTS, PARTS_SWEEP_MS);
}

void plugin_timeout(struct keying *k, uint32_t timer)
{
	uint32_t owner = timer / TIMER_KINDS;
	enum timer_kind kind = (enum timer_kind)(timer % TIMER_KINDS);
	struct ike_sa *sa = kind < TIMER_RETRY ? ike_sa_by_id(k, owner) : NULL;

	if (kind == TIMER_RETRY)
		on_retry(k, owner);
	else if (kind == TIMER_HALF && half_expire(k->half))
		timer_start(k, 0, TIMER_HALF, HALF_SWEEP_MS);
	else if (kind == TIMER_FIRST)
		first_timeout(k);
	else if (kind == TIMER_PARTS)
		expire_parts(k);
	else if (sa && kind == TIMER_REQUEST)
		on_request_timeout(sa);
	else if (sa && kind == TIMER_CLOCK)
		on_clock(sa);
	else if (sa && kind == TIMER_SWEEP) {
		child_sweep(sa);
		exchange_next(sa);
	} else if (sa && kind == TIMER_LINGER) {
		on_linger(sa);
	}
}

void plugin_saved(struct keying *k, uint32_t token, int error)
{
	struct known *known = known_written(&k->known, token, error);

	if (!known)
		return;
	if (known->change == KNOWN_IMPRINT)
		imprint_saved(k, known, error);
	else if (known->change == KNOWN_FIRST)
		first_saved(k, known, error);
	else
		manage_saved(k, known, error);
	known_tidy(&k->known, known);
}
