/* SPDX-License-Identifier: Apache-2.0 */
/* A changed file: unchanged peers keep their SAs (house.md 5). */
#include "ikev2/plugin.h"
#include "ikev2/device.h"
#include "ikev2/half_open.h"

#include <errno.h>
#include <stdlib.h>

/* The IKE SAs of a peer go over to its new place, or go. */
static void move_sas(struct keying *k, const struct peer *from, struct peer *to)
{
	list_each_safe (node, &k->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (sa->peer != from)
			continue;
		if (to)
			sa->peer = to;
		else
			ike_sa_leave(sa);
	}
}

static struct peer *unchanged(struct peer *peers, size_t n, const struct settings *old)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].settings->core.policy == old->core.policy)
			return settings_equal(peers[i].settings, old) ? &peers[i] : NULL;
	return NULL;
}

static void adopt(struct keying *k, struct peer *peers, size_t n)
{
	for (size_t i = 0; i < k->settings.n; i++) {
		struct peer *old = &k->peers[i];
		struct peer *now = unchanged(peers, n, old->settings);
		const struct settings *settings = now ? now->settings : NULL;

		timer_stop(k, (uint32_t)i, TIMER_RETRY);
		move_sas(k, old, now);
		if (!now)
			continue;
		*now = *old;
		now->settings = settings;
		now->waiting = false;
		if (now->sa)
			on_used(now->sa);
	}
}

/* Unchanged peers keep their SAs; all that goes, goes first. */
int plugin_reload(struct keying *k, struct slice config)
{
	struct settings_list list;
	struct peer *peers;
	int r = settings_read(k->host, config, &list);

	if (r)
		return r;
	peers = plugin_make_peers(&list);
	if (peers && plugin_answers(&list) && !k->half)
		k->half = half_open_create(k);
	if (!peers || (plugin_answers(&list) && !k->half)) {
		free(peers);
		settings_fini(&list);
		return -ENOMEM;
	}
	devices_settle(k, &list);
	adopt(k, peers, list.n);
	free(k->peers);
	settings_fini(&k->settings);
	k->peers = peers;
	k->settings = list;
	plugin_remember(k);
	plugin_start_at_boot(k);
	return 0;
}
