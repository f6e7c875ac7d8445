/* SPDX-License-Identifier: Apache-2.0 */
/* After a reload: which devices stay (ikev2.md 6). */
#include "ikev2/device.h"

#include "crypto/secret.h"

#include <string.h>

static const struct settings *same_template(
	const struct keying *k, const struct settings_list *now, uint32_t policy)
{
	const struct settings *was = NULL;

	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].core.policy == policy)
			was = &k->settings.list[i];
	for (size_t i = 0; was && i < now->n; i++)
		if (now->list[i].core.policy == policy)
			return settings_equal(&now->list[i], was) ? &now->list[i] : NULL;
	return NULL;
}

static bool same_master(const struct settings_list *a, const struct settings_list *b)
{
	return a->master_len == b->master_len &&
	       secret_equal_bytes(a->master, b->master, sizeof a->master);
}

/* A [Peer] of its own has come for it, or for its address. */
static bool is_replaced(const struct device *device, const struct settings_list *now)
{
	const struct settings *d = &device->settings;

	for (size_t i = 0; i < now->n; i++) {
		const struct settings *s = &now->list[i];

		if (s->template)
			continue;
		if (!strcmp(s->core.name, d->core.name) ||
			slice_equal((struct slice){s->peer_id.body, s->peer_id.len},
				(struct slice){d->peer_id.body, d->peer_id.len}) ||
			device_has_address(s, &d->core.remote_ts.list[0].addr_start))
			return true;
	}
	return false;
}

static void follow(struct device *device, const struct settings *template)
{
	settings_follow(&device->settings, template);
	if (device->settings.key)
		device->settings.key = template->key;
	if (device->peer.sa)
		on_used(device->peer.sa);
}

void devices_settle(struct keying *k, const struct settings_list *now)
{
	bool master = same_master(&k->settings, now);

	device_make_nobody(k, now);
	list_each_safe (node, &k->devices->all) {
		struct device *device = container_of(node, struct device, link);
		const struct settings *template = same_template(k, now, device->template_policy);

		if (!template || is_replaced(device, now) ||
			(device->kind == DEVICE_DERIVED && !master))
			device_drop(k, device);
		else
			follow(device, template);
	}
}
