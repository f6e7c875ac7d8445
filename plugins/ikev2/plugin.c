/* SPDX-License-Identifier: Apache-2.0 */
/* Keying = ikev2: how it is made and ended, and the table of the door (RFC 7296, RFC 7815). */
#include "ikev2/plugin.h"
#include "ikev2/device.h"
#include "ikev2/half_open.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_CONTEXTS = 16, BOOT_SPREAD_MS = 1000 };

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

bool plugin_answers(const struct settings_list *list)
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

struct peer *plugin_make_peers(const struct settings_list *list)
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
	known_init(&k->known, k->host, k->settings.tunnel);
	if (devices_create(k))
		return -ENOMEM;
	if (plugin_answers(&k->settings))
		k->half = half_open_create(k);
	return k->pool && k->scratch && k->plain && (k->half || !plugin_answers(&k->settings))
		       ? 0
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
	k->peers = plugin_make_peers(&k->settings);
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
void plugin_start_at_boot(struct keying *k)
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
void plugin_remember(struct keying *k)
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
	plugin_remember(k);
	plugin_start_at_boot(k);
	return 0;
}

static void stop(struct keying *k)
{
	list_each_safe (node, &k->all)
		ike_sa_part(container_of(node, struct ike_sa, link));
	if (k->half)
		half_save(k->half);
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
	.reload = plugin_reload,
	.acquire = plugin_acquire,
	.endpoint = plugin_endpoint,
	.sa_event = plugin_sa_event,
	.datagram = on_datagram,
	.timeout = plugin_timeout,
	.saved = plugin_saved,
	.stop = stop,
	.destroy = destroy,
	.order = plugin_order,
	.manage = manage,
	.claim = plugin_claim,
};
