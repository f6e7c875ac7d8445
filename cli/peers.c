/* SPDX-License-Identifier: Apache-2.0 */
/* peers: everyone that the daemon or its keying knows by name, up or not, by what he is known. */
#include "cli/client.h"
#include "cli/json.h"
#include "cli/print.h"

#include "ip/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 64, SECOND_MS = 1000, FINGERPRINT_SHOWN = 16 };

/* Two lists of one thing: what status says of a peer is joined with what its keying says. */
struct merge {
	json_t *peers;
	json_t *by_name; /* "TUNNEL/NAME" to the object in peers */
};

static json_t *entry(struct merge *merge, const char *tunnel, const char *name)
{
	char key[2 * TEXT];
	json_t *peer;

	snprintf(key, sizeof key, "%s/%s", tunnel, name);
	peer = json_object_get(merge->by_name, key);
	if (peer)
		return peer;
	peer = json_object();
	json_object_set_new(peer, "tunnel", json_string(tunnel));
	json_object_set_new(peer, "name", json_string(name));
	json_array_append(merge->peers, peer);
	json_object_set_new(merge->by_name, key, peer);
	return peer;
}

static void add_status(struct merge *merge, const json_t *tunnels)
{
	static const char *const taken[] = {"state", "trouble", "endpoint", "last_s"};
	const json_t *tunnel;
	const json_t *peer;
	size_t i;
	size_t k;

	json_array_foreach(tunnels, i, tunnel)
	{
		json_array_foreach(json_object_get(tunnel, "peers"), k, peer)
		{
			json_t *into = entry(
				merge, json_text(tunnel, "name", ""), json_text(peer, "name", ""));
			bool template = !strcmp(json_text(peer, "state", ""), "template");
			bool enrolled = json_object_get(peer, "template") != NULL;

			json_object_set_new(into, "kind",
				json_string(template   ? "template"
					    : enrolled ? "enrolled"
						       : "configured"));
			for (size_t n = 0; n < sizeof taken / sizeof *taken; n++)
				if (json_object_get(peer, taken[n]))
					json_object_set(
						into, taken[n], json_object_get(peer, taken[n]));
		}
	}
}

/* An address came as its octets; people and scripts read text. */
static json_t *address_text(const char *hex)
{
	char text[IP_ADDR_TEXT];
	uint8_t octets[16];
	size_t len = strlen(hex) / 2;
	struct ip_addr addr;

	if (len != 4 && len != 16)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		octets[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	addr = ip_addr_from(len == 4 ? 4 : 6, octets);
	return json_string(ip_addr_print(&addr, text, sizeof text));
}

static void add_listed(struct merge *merge, json_t *listed)
{
	json_t *peer;
	size_t i;

	json_array_foreach(listed, i, peer)
	{
		json_t *into =
			entry(merge, json_text(peer, "tunnel", ""), json_text(peer, "name", ""));
		json_t *address = address_text(json_text(peer, "address", ""));

		json_object_update(into, peer);
		if (address)
			json_object_set_new(into, "address", address);
		if (!json_object_get(into, "state"))
			json_object_set_new(into, "state",
				json_string(json_flag(peer, "up") ? "up" : "absent"));
	}
}

static const char *print_key(const json_t *peer, char *out, size_t cap)
{
	const char *fingerprint = json_text(peer, "fingerprint", "");

	if (*fingerprint)
		snprintf(out, cap, "%.*s", FINGERPRINT_SHOWN, fingerprint);
	else if (!strcmp(json_text(peer, "kind", ""), "derived") ||
		 !strcmp(json_text(peer, "kind", ""), "revoked"))
		snprintf(out, cap, "gen %lld", json_number(peer, "generation", 0));
	else
		return NULL;
	return out;
}

static const char *print_heard(const json_t *peer, char *out, size_t cap)
{
	if (json_object_get(peer, "last_s"))
		return print_age(json_number(peer, "last_s", 0), out, cap);
	if (json_object_get(peer, "heard_ms"))
		return print_age(json_number(peer, "heard_ms", 0) / SECOND_MS, out, cap);
	return NULL;
}

static int by_place(const void *a, const void *b)
{
	const json_t *x = *(const json_t *const *)a;
	const json_t *y = *(const json_t *const *)b;
	int tunnel = strcmp(json_text(x, "tunnel", ""), json_text(y, "tunnel", ""));

	return tunnel ? tunnel : strcmp(json_text(x, "name", ""), json_text(y, "name", ""));
}

/* By tunnel and name: devices come and go, and their order in the daemon with them. */
static json_t *sorted(const json_t *peers)
{
	size_t n = json_array_size(peers);
	json_t **list = calloc(n + 1, sizeof(json_t *));
	json_t *out = json_array();

	for (size_t i = 0; list && i < n; i++)
		list[i] = json_array_get(peers, i);
	if (list)
		qsort(list, n, sizeof *list, by_place);
	for (size_t i = 0; list && i < n; i++)
		json_array_append(out, list[i]);
	free(list);
	return out;
}

static void print_peers(const struct cli *cli, const json_t *peers)
{
	const json_t *peer;
	struct table table;
	size_t i;

	table_init(&table, 6);
	table_row(&table, "PEER", "KIND", "STATE", "KEY", "ADDRESS", "HEARD");
	json_array_foreach(peers, i, peer)
	{
		char key[TEXT];
		char heard[TEXT];

		table_row(&table, json_text(peer, "name", "?"), json_text(peer, "kind", "?"),
			json_text(peer, "state", "?"), print_key(peer, key, sizeof key),
			json_text(peer, "address", NULL), print_heard(peer, heard, sizeof heard));
	}
	table_print(&table, cli->colour);
}

static int ask(struct client *client, const char *verb, const char *key, const char *tunnel,
	json_t **result)
{
	struct tree_writer with;
	int status;

	tree_writer_init(&with);
	tree_put_map(&with, tunnel ? 1 : 0);
	if (tunnel) {
		tree_put_text(&with, key);
		tree_put_text(&with, tunnel);
	}
	status = client_ask(client, verb, &with, result);
	tree_writer_fini(&with);
	return status;
}

static int gather(const struct cli *cli, struct merge *merge)
{
	const char *tunnel = cli->argc ? cli->argv[0] : NULL;
	struct client *client;
	json_t *result;
	int status = client_open(cli, false, &client);

	if (status)
		return status;
	status = ask(client, "status", "name", tunnel, &result);
	if (!status) {
		add_status(merge, json_object_get(result, "tunnels"));
		json_decref(result);
		status = ask(client, "peer.list", "tunnel", tunnel, &result);
	}
	if (!status) {
		add_listed(merge, json_object_get(result, "peers"));
		json_decref(result);
	}
	client_close(client);
	return status;
}

int verb_peers(const struct cli *cli)
{
	struct merge merge = {json_array(), json_object()};
	json_t *result;
	int status;

	if (cli->argc > 1)
		return cli_fail(CLI_USAGE, "dietvpn peers [TUNNEL]", "unexpected argument \"%s\"",
			cli->argv[1]);
	status = gather(cli, &merge);
	if (!status) {
		result = json_object();
		json_object_set_new(result, "peers", sorted(merge.peers));
		if (cli->json)
			json_print(result);
		else if (!cli->quiet)
			print_peers(cli, json_object_get(result, "peers"));
		json_decref(result);
	}
	json_decref(merge.peers);
	json_decref(merge.by_name);
	return status;
}
