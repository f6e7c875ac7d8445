/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks about peers by name (conf/schema/keying.cddl): whose it is, and the answer.
 * What changes a row is answered when it is on disk. */
#include "ikev2/manage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 240 };

void manage_refuse(const struct keying *k, uint32_t request, int error, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	k->host->managed(
		k->host, request, error, (struct slice){(const uint8_t *)text, strlen(text)});
}

void manage_answer(const struct keying *k, uint32_t request, struct tree_writer *w)
{
	if (w->error)
		manage_refuse(k, request, -ENOMEM, "no memory for the answer");
	else
		k->host->managed(k->host, request, 0, (struct slice){w->data, w->len});
	tree_writer_fini(w);
}

void manage_put_text(struct tree_writer *w, const char *key, const char *value)
{
	tree_put_text(w, key);
	tree_put_text(w, value);
}

void manage_put_uint(struct tree_writer *w, const char *key, uint64_t value)
{
	tree_put_text(w, key);
	tree_put_uint(w, value);
}

void manage_add_addr(struct tree_writer *w, const struct ip_addr *addr)
{
	tree_put_bytes(w, addr->bytes, addr->family == 4 ? 4 : 16);
}

void manage_put_addr(struct tree_writer *w, const char *key, const struct ip_addr *addr)
{
	tree_put_text(w, key);
	manage_add_addr(w, addr);
}

struct peer *manage_configured(const struct keying *k, const char *name)
{
	struct identity id;

	if (!settings_identity(name, &id))
		return NULL;
	for (size_t i = 0; i < k->settings.n; i++) {
		const struct settings *s = &k->settings.list[i];

		if (!s->template &&
			(!strcmp(s->core.name, name) ||
				slice_equal((struct slice){id.body, id.len},
					(struct slice){s->peer_id.body, s->peer_id.len})))
			return &k->peers[i];
	}
	return NULL;
}

static bool name_is_plain(const char *name)
{
	char again[PEER_NAME_MAX];
	struct identity id;

	return settings_identity(name, &id) &&
	       settings_identity_text((struct slice){id.body, id.len}, again) &&
	       !strcmp(again, name);
}

bool manage_take_name(struct order *o)
{
	const struct keying *k = o->k;

	if (!tree_text_copy(tree_get(o->with, "name"), o->name, sizeof o->name) ||
		!name_is_plain(o->name)) {
		manage_refuse(k, o->request, -EINVAL,
			"not a name of a device: up to 40 letters, digits, . _ - + : @, or 0x and "
			"hexadecimal in lower case");
		return false;
	}
	if (manage_configured(k, o->name)) {
		manage_refuse(k, o->request, -EEXIST,
			"\"%s\" stands in the file: its [Peer] says who it is", o->name);
		return false;
	}
	o->template = device_template(k, o->name);
	if (!o->template) {
		manage_refuse(k, o->request, -ENOENT,
			"no template's name fits \"%s\": a [Peer \"sensor-*\"] would let in "
			"sensor-07",
			o->name);
		return false;
	}
	if (known_load(&o->k->known)) {
		manage_refuse(k, o->request, -EIO, "state store: %s", strerror(-k->known.error));
		return false;
	}
	o->known = known_find(&k->known, KNOWN_DEVICE, o->name);
	return true;
}

void manage_write(struct order *o, enum known_change change, const struct known_facts *next)
{
	int r = known_write(&o->k->known, o->known, change, next);

	if (!r) {
		o->known->asked = true;
		o->known->request = o->request;
		return;
	}
	manage_refuse(o->k, o->request, r, "\"%s\": %s", o->known->name,
		r == -EBUSY ? "the last change is still being written: ask again" : strerror(-r));
	known_tidy(&o->k->known, o->known);
}

bool manage_need_known(struct order *o)
{
	if (!o->known)
		o->known = known_need(&o->k->known, KNOWN_DEVICE, o->name);
	if (!o->known)
		manage_refuse(o->k, o->request, -ENOMEM, "no memory");
	return o->known;
}

void manage_drop_device(struct keying *k, const char *name)
{
	struct device *device = device_find(k, name);

	if (device)
		device_drop(k, device);
}

static const struct {
	const char *verb;
	void (*run)(struct order *);
	bool named;
} verbs[] = {{"enroll.add", manage_add, true}, {"enroll.adopt", manage_adopt, false},
	{"enroll.revoke", manage_revoke, false}, {"enroll.reset", manage_reset, false},
	{"peer.list", manage_list, false}};

void manage(struct keying *k, uint32_t request, const char *verb, struct slice with)
{
	struct tree *tree = tree_parse(with.data, with.len, TREE_DEPTH_FILE, NULL);
	struct order o = {.k = k, .request = request, .with = tree ? tree_root(tree) : NULL};
	size_t i = 0;

	while (i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].verb, verb) != 0)
		i++;
	if (!tree || tree_kind(o.with) != TREE_MAP)
		manage_refuse(k, request, -EINVAL, "not a request of this version");
	else if (i == sizeof verbs / sizeof *verbs)
		manage_refuse(k, request, -ENOSYS, "Keying = ikev2 does not know %s", verb);
	else if (!verbs[i].named || manage_take_name(&o))
		verbs[i].run(&o);
	tree_free_secret(tree);
}

/* The device begins anew: its IKE SA is of the gateway that it forgets. */
static void forget_gateway(struct keying *k, const struct known *known)
{
	struct peer *peer = manage_configured(k, known->name);

	if (!peer)
		return;
	peer->blank_ms = 0;
	peer->blank_over = false;
	if (peer->sa)
		ike_sa_part(peer->sa);
	start_again(k, peer);
}

void manage_saved(struct keying *k, struct known *known, int error)
{
	bool asked = known->asked;
	struct tree_writer w;

	known->asked = false;
	if (known->kind == KNOWN_GATEWAY && !error)
		forget_gateway(k, known);
	else if (!error && known->change != KNOWN_REVOKE)
		manage_drop_device(k, known->name); /* it may have come in while that was written */
	if (!asked)
		return;
	if (error) {
		manage_refuse(k, known->request, error, "\"%s\": state store: %s", known->name,
			strerror(-error));
		return;
	}
	tree_writer_init(&w);
	tree_put_map(&w, 3);
	manage_put_text(&w, "name", known->name);
	manage_put_uint(&w, "generation", known->facts.generation);
	tree_put_text(&w, "new");
	tree_put_bool(&w, known->change == KNOWN_REVOKE && known->new);
	manage_answer(k, known->request, &w);
}
