/* SPDX-License-Identifier: Apache-2.0 */
/* peer.list: who is known, by what, and when it was last heard (conf/schema/keying.cddl). */
#include "ikev2/manage.h"

/* What is shown of one peer. */
struct shown {
	const char *name, *kind;
	uint32_t generation;
	const uint8_t *fingerprint; /* NULL: none */
	const struct ip_addr *addr;
	const struct ike_sa *sa;
};

static void put_peer(struct tree_writer *w, const struct keying *k, const struct shown *s)
{
	const struct ike_sa *sa = s->sa && s->sa->state == IKE_UP ? s->sa : NULL;

	tree_put_map(w, 4u + (s->fingerprint != NULL) + (s->addr != NULL) + (sa != NULL));
	manage_put_text(w, "name", s->name);
	manage_put_text(w, "kind", s->kind);
	manage_put_uint(w, "generation", s->generation);
	if (s->fingerprint) {
		tree_put_text(w, "fingerprint");
		tree_put_bytes(w, s->fingerprint, SIGN_FINGERPRINT_LEN);
	}
	if (s->addr)
		manage_put_addr(w, "address", s->addr);
	tree_put_text(w, "up");
	tree_put_bool(w, sa);
	if (sa)
		manage_put_uint(w, "heard_ms", k->host->now_ms(k->host) - sa->heard_ms);
}

static void put_configured(struct tree_writer *w, const struct keying *k, size_t i)
{
	const struct settings *s = &k->settings.list[i];
	const struct known *known =
		s->imprint ? known_find(&k->known, KNOWN_GATEWAY, s->core.name) : NULL;
	bool pinned = known && known->facts.pinned;

	put_peer(w, k,
		&(struct shown){.name = s->core.name,
			.kind = pinned ? "pinned" : "configured",
			.fingerprint = pinned ? known->facts.fingerprint : NULL,
			.addr = &s->core.remote_ts.list[0].addr_start,
			.sa = k->peers[i].sa});
}

static void put_device(struct tree_writer *w, const struct keying *k, const struct device *device)
{
	static const char *const kinds[] = {[DEVICE_DERIVED] = "derived",
		[DEVICE_ADOPTED] = "adopted",
		[DEVICE_PINNED] = "pinned"};
	const struct known *known = known_find(&k->known, KNOWN_DEVICE, device->settings.core.name);

	put_peer(w, k,
		&(struct shown){.name = device->settings.core.name,
			.kind = kinds[device->kind],
			.generation = known ? known->facts.generation : 0,
			.fingerprint = device->kind == DEVICE_PINNED ? device->fingerprint : NULL,
			.addr = &device->settings.core.remote_ts.list[0].addr_start,
			.sa = device->peer.sa});
}

/* Remembered, and not here; of this tunnel, which a template of its says. */
static bool is_absent(const struct keying *k, const struct known *known)
{
	return known->kind == KNOWN_DEVICE && !device_find(k, known->name) &&
	       device_template(k, known->name) &&
	       (known->facts.revoked || known->facts.pinned || known->facts.psk_len);
}

static void put_absent(struct tree_writer *w, const struct keying *k, const struct known *known)
{
	const struct settings *template = device_template(k, known->name);
	const struct known_facts *f = &known->facts;
	struct ip_addr addr;
	bool found =
		template && !f->revoked && !device_address(k, template, known->name, NULL, &addr);

	put_peer(w, k,
		&(struct shown){.name = known->name,
			.kind = f->revoked  ? "revoked"
				: f->pinned ? "pinned"
					    : "adopted",
			.generation = f->generation,
			.fingerprint = f->pinned ? f->fingerprint : NULL,
			.addr = found ? &addr : NULL});
}

static size_t count_peers(const struct keying *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->settings.n; i++)
		n += !k->settings.list[i].template;
	list_each (node, &k->devices->all)
		n++;
	list_each (node, &k->known.all)
		n += is_absent(k, container_of(node, struct known, link));
	return n;
}

void manage_list(struct order *o)
{
	struct keying *k = o->k;
	struct tree_writer w;

	known_load(&k->known);
	tree_writer_init(&w);
	tree_put_map(&w, 1);
	tree_put_text(&w, "peers");
	tree_put_array(&w, count_peers(k));
	for (size_t i = 0; i < k->settings.n; i++)
		if (!k->settings.list[i].template)
			put_configured(&w, k, i);
	list_each (node, &k->devices->all)
		put_device(&w, k, container_of(node, struct device, link));
	list_each (node, &k->known.all)
		if (is_absent(k, container_of(node, struct known, link)))
			put_absent(&w, k, container_of(node, struct known, link));
	manage_answer(k, o->request, &w);
}
