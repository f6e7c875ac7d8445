/* SPDX-License-Identifier: Apache-2.0 */
/* Keying = ikev2: configuration, when to talk, and the table of the door (RFC 7296, RFC 7815). */
#include "ikev2/device.h"
#include "ikev2/half_open.h"
#include "ikev2/imprint.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_CONTEXTS = 16, BOOT_SPREAD_MS = 1000, HALF_SWEEP_MS = 5000, PARTS_SWEEP_MS = 5000 };

static bool spi_equal(const void *value, const void *key)
{
	const struct ike_sa *sa = value;

	return !memcmp(sa->spis + (size_t)sa->side * IKE_SPI_LEN, key, IKE_SPI_LEN);
}

static bool id_equal(const void *value, const void *key)
{
	return ((const struct ike_sa *)value)->id == *(const uint32_t *)key;
}

static int check(const struct keying_host *host, struct slice config)
{
	struct settings_list list;
	int r = settings_read(host, config, &list);

	if (!r)
		settings_fini(&list);
	return r;
}

static bool answers(const struct settings_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->list[i].core.role != ROLE_INITIATOR)
			return true;
	return false;
}

static void destroy(struct keying *k)
{
	list_each_safe (node, &k->all)
		ike_sa_destroy(container_of(node, struct ike_sa, link));
	fragment_pool_fini(&k->strangers);
	devices_destroy(k);
	known_fini(&k->known);
	half_open_destroy(k->half);
	aead_pool_destroy(k->pool);
	map_fini(&k->sas);
	map_fini(&k->sas_by_id);
	settings_fini(&k->settings);
	free(k->peers);
	free(k->scratch);
	if (k->plain)
		secret_wipe(k->plain, SCRATCH_LEN);
	free(k->plain);
	secret_wipe(k, sizeof *k);
	free(k);
}

static struct peer *make_peers(const struct settings_list *list)
{
	struct peer *peers = calloc(list->n ? list->n : 1, sizeof *peers);

	for (size_t i = 0; peers && i < list->n; i++) {
		peers[i].settings = &list->list[i];
		peers[i].remote = list->list[i].core.remote;
	}
	return peers;
}

static int make_tables(struct keying *k)
{
	map_init(&k->sas, spi_equal);
	map_init(&k->sas_by_id, id_equal);
	k->sockets[ON_IKE] = k->sockets[ON_NAT] = -1;
	k->host->random(k->host, k->table_key, sizeof k->table_key);
	k->pool = aead_pool_create(CIPHER_CONTEXTS);
	k->scratch = malloc(SCRATCH_LEN);
	k->plain = malloc(SCRATCH_LEN);
	known_init(&k->known, k->host);
	if (devices_create(k))
		return -ENOMEM;
	if (answers(&k->settings))
		k->half = half_open_create(k);
	return k->pool && k->scratch && k->plain && (k->half || !answers(&k->settings)) ? 0
											: -ENOMEM;
}

static int create(const struct keying_host *host, struct slice config, struct keying **out)
{
	struct keying *k = calloc(1, sizeof *k);
	int r;

	if (!k)
		return -ENOMEM;
	k->host = host;
	r = settings_read(host, config, &k->settings);
	if (r) {
		free(k);
		return r;
	}
	list_init(&k->all);
	fragment_pool_init(&k->strangers, STRANGERS_PARTS_MAX);
	fragment_pool_init(&k->peers_parts, PEERS_PARTS_MAX);
	k->peers = make_peers(&k->settings);
	r = k->peers ? make_tables(k) : -ENOMEM;
	if (r) {
		destroy(k);
		return r;
	}
	*out = k;
	return 0;
}

static int open_sockets(struct keying *k)
{
	for (int i = ON_IKE; i < SOCKETS; i++) {
		const struct ip_endpoint local = {.port = k->settings.ports[i]};
		int socket = k->host->socket_open(k->host, &local, 17);

		if (socket < 0) {
			say(k, KEYING_ERROR, NULL, "UDP port %u: %s%s", local.port,
				strerror(-socket),
				socket == -EADDRINUSE ? " (another keying has it)" : "");
			return socket;
		}
		k->sockets[i] = socket;
	}
	return 0;
}

/* Those that begin at boot, by chance one before the other. */
static void start_at_boot(struct keying *k)
{
	uint32_t chance;

	for (size_t i = 0; i < k->settings.n; i++) {
		struct peer *peer = &k->peers[i];

		if (!peer->settings->core.boot || peer->settings->core.role == ROLE_RESPONDER ||
			peer->sa)
			continue;
		k->host->random(k->host, &chance, sizeof chance);
		peer->waiting = true;
		timer_start(k, (uint32_t)i, TIMER_RETRY, chance % BOOT_SPREAD_MS);
	}
}

/* Not while a stranger waits: it reads the store. */
static void remember(struct keying *k)
{
	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].template || k->settings.list[i].imprint)
			known_load(&k->known);
}

static int start(struct keying *k)
{
	int r = open_sockets(k);

	if (r)
		return r;
	remember(k);
	start_at_boot(k);
	return 0;
}

static struct peer *find(struct keying *k, uint32_t policy)
{
	struct device *device;

	for (size_t i = 0; i < k->settings.n; i++)
		if (k->peers[i].settings->core.policy == policy)
			return &k->peers[i];
	device = device_by_policy(k, policy);
	return device ? &device->peer : NULL;
}

/* While a failed one rests, traffic does not hurry it. */
static void acquire(struct keying *k, const struct keying_acquire *asked)
{
	struct peer *peer = find(k, asked->policy);

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
static void endpoint(struct keying *k, uint32_t policy, const struct ip_endpoint *remote)
{
	struct peer *peer = find(k, policy);

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

static void sa_event(struct keying *k, sa_id id, enum sa_event event)
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

static int rekey(struct ike_sa *sa, bool ike, char *text, size_t text_len)
{
	bool any = ike;

	sa->want_rekey = sa->want_rekey || ike;
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (!ike && child_is_live(child))
			any = child->want_rekey = true;
	}
	if (!any) {
		snprintf(text, text_len, "it has no ESP SA");
		return -ENOENT;
	}
	exchange_next(sa);
	return 0;
}

static int order(
	struct keying *k, uint32_t policy, enum keying_order what, char *text, size_t text_len)
{
	struct peer *peer = find(k, policy);
	struct ike_sa *sa = peer ? peer->sa : NULL;
	int r;

	if (!peer)
		return -ENOENT;
	if (what == KEYING_INITIATE) {
		r = initiate(k, peer);
		if (r)
			snprintf(text, text_len, "%s",
				r == -EPERM ? "Role = responder: it is for the peer to begin"
				: r == -EDESTADDRREQ ? "where it is, is not known: no Endpoint"
				: r == -EALREADY     ? "it has an IKE SA, or one is being made"
						     : strerror(-r));
		return r;
	}
	if (!sa || sa->state != IKE_UP) {
		snprintf(text, text_len, "it has no IKE SA");
		return -ENOENT;
	}
	if (what != KEYING_TERMINATE)
		return rekey(sa, what == KEYING_REKEY_IKE, text, text_len);
	sa->want_delete = true;
	exchange_next(sa);
	return 0;
}

static void datagram(struct keying *k, const struct keying_datagram *d)
{
	on_datagram(k, d);
}

/* A first message names nobody: where it comes from has to say whose it is. */
static enum keying_claim claim_first(struct keying *k, const struct ip_addr *from)
{
	enum keying_claim claim = KEYING_FOREIGN;

	for (size_t i = 0; i < k->settings.n; i++) {
		const struct peer_config *core = &k->peers[i].settings->core;

		if (core->role == ROLE_INITIATOR)
			continue;
		if (addr_same(&k->peers[i].remote.addr, from))
			return KEYING_MY_PEER;
		if (!k->peers[i].remote.addr.family && !core->named)
			claim = KEYING_ANYBODY;
	}
	return claim;
}

static enum keying_claim claim(struct keying *k, const struct keying_datagram *datagram)
{
	struct message m;
	bool from_initiator;
	bool response;

	if (message_parse(datagram->payload, &m))
		return KEYING_FOREIGN;
	from_initiator = m.flags & MESSAGE_FLAG_INITIATOR;
	response = m.flags & MESSAGE_FLAG_RESPONSE;
	if (m.exchange == IKE_SA_INIT && !response)
		return k->half && half_find_init(k->half, m.octets)
			       ? KEYING_MINE
			       : claim_first(k, &datagram->remote.addr);
	if (ike_sa_find(k, m.spis + (from_initiator ? IKE_SPI_LEN : 0)) ||
		(k->half && from_initiator && half_find(k->half, m.spis + IKE_SPI_LEN)))
		return KEYING_MINE;
	return KEYING_FOREIGN;
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

static void timeout(struct keying *k, uint32_t timer)
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

static void saved(struct keying *k, uint32_t token, int error)
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

static void stop(struct keying *k)
{
	list_each_safe (node, &k->all)
		ike_sa_part(container_of(node, struct ike_sa, link));
	if (k->half)
		half_save(k->half);
}

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
			ike_sa_part(sa);
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
	}
}

/* Unchanged peers keep their SAs; all that goes, goes first. */
static int reload(struct keying *k, struct slice config)
{
	struct settings_list list;
	struct peer *peers;
	int r = settings_read(k->host, config, &list);

	if (r)
		return r;
	peers = make_peers(&list);
	if (peers && answers(&list) && !k->half)
		k->half = half_open_create(k);
	if (!peers || (answers(&list) && !k->half)) {
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
	remember(k);
	start_at_boot(k);
	return 0;
}

KEYING_PLUGIN(ikev2) = {
	.abi = KEYING_ABI,
	.size = sizeof(struct keying_plugin_ops),
	.name = "ikev2",
	.summary = "IKEv2: pre-shared keys, initiator and responder",
	.keys = settings_keys,
	.check = check,
	.create = create,
	.start = start,
	.reload = reload,
	.acquire = acquire,
	.endpoint = endpoint,
	.sa_event = sa_event,
	.datagram = datagram,
	.timeout = timeout,
	.saved = saved,
	.stop = stop,
	.destroy = destroy,
	.order = order,
	.manage = manage,
	.claim = claim,
};
