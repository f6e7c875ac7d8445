/* SPDX-License-Identifier: Apache-2.0 */
/* check without a daemon; up, down, reload with one. */
#include "cli/client.h"
#include "cli/folder.h"
#include "cli/json.h"
#include "config/keys.h"
#include "keying/plugin.h"

#include <stdio.h>
#include <string.h>

/* From here on a reservation outlasts its write, trust.md 5.2. */
enum { MANY_PACKETS_BITS = 16 };

/* The plugins that the peers name, each loaded once, judge what is theirs. */
static void check_plugins(
	const struct cli *cli, const struct config *config, struct config_errors *errors)
{
	for (size_t i = 0; i < config->n_peers; i++) {
		const char *name = config->peers[i].keying;
		struct plugin *plugin;
		char text[160];
		char at[96];
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen = seen || strcmp(config->peers[k].keying, name) == 0;
		if (seen)
			continue;
		if (plugin_load(cli->plugin_dir, name, &plugin, text, sizeof text)) {
			config_errors_add(errors,
				config_at(config, config->peers[i].at, at, sizeof at), "", "%s",
				text);
			continue;
		}
		if (!plugin_check_keys(plugin, config, errors))
			plugin_check(plugin, config, errors);
		plugin_unload(plugin);
	}
}

/* Not wrong, but worth knowing before the sensor is on its pole. */
static void print_notes(const struct config *config)
{
	char at[96];

	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];

		if (strcmp(peer->keying, "manual") == 0 &&
			peer->attrs.esp_sn_lsb < MANY_PACKETS_BITS)
			printf("note: %s: [Peer \"%s\"] sends %u bits of the sequence number: its "
			       "manual "
			       "key allows about 100 packets per write to the disk (EspSnLsb = 16 "
			       "more)\n",
				config_at(config, peer->at, at, sizeof at), peer->name,
				peer->attrs.esp_sn_lsb);
	}
}

static void add_finding(json_t *list, const char *at, const char *text, const char *hint)
{
	json_t *finding = json_pack("{s:s,s:s}", "at", at, "text", text);

	if (*hint)
		json_object_set_new(finding, "hint", json_string(hint));
	json_array_append_new(list, finding);
}

static int verdict_json(const struct folder *folder, size_t wrong, size_t peers)
{
	json_t *errors = json_array();
	json_t *out;

	for (size_t i = 0; i < folder->errors.n; i++)
		add_finding(errors, folder->errors.list[i].at, folder->errors.list[i].text,
			folder->errors.list[i].hint);
	out = json_pack("{s:b,s:I,s:I,s:o,s:I}", "ok", !wrong, "tunnels", (json_int_t)folder->n,
		"peers", (json_int_t)peers, "errors", errors, "lost",
		(json_int_t)folder->errors.lost);
	json_print(out);
	json_decref(out);
	if (!wrong)
		return CLI_OK;
	return folder->forbidden ? CLI_NOT_PERMITTED : CLI_CONFIG;
}

/* The sentence at the end, and the exit status. */
static int verdict(const struct cli *cli, const struct folder *folder)
{
	size_t wrong = folder->errors.n + folder->errors.lost;
	size_t peers = 0;

	for (size_t i = 0; i < folder->n; i++)
		peers += folder->tunnels[i].n_peers;
	if (cli->json)
		return verdict_json(folder, wrong, peers);
	if (wrong) {
		folder_print_errors(folder);
		return cli_fail(folder->forbidden ? CLI_NOT_PERMITTED : CLI_CONFIG, "",
			"%zu error%s, nothing was changed", wrong, wrong == 1 ? "" : "s");
	}
	if (cli->quiet)
		return CLI_OK;
	for (size_t i = 0; i < folder->n; i++)
		print_notes(&folder->tunnels[i]);
	printf("ok: %zu tunnel%s, %zu peer%s\n", folder->n, folder->n == 1 ? "" : "s", peers,
		peers == 1 ? "" : "s");
	return CLI_OK;
}

int verb_check(const struct cli *cli)
{
	struct folder *folder = folder_create();
	int status;

	if (!folder)
		return cli_fail(CLI_FAILED, "", "out of memory");
	if (!cli->argc)
		folder_load(folder, folder_dir(cli));
	for (int i = 0; i < cli->argc; i++)
		folder_load_file(folder, cli->argv[i]);
	config_check_all(folder->tunnels, folder->n, &folder->errors);
	for (size_t i = 0; i < folder->n; i++)
		check_plugins(cli, &folder->tunnels[i], &folder->errors);
	status = verdict(cli, folder);
	folder_destroy(folder);
	return status;
}

static void print_list(const char *title, const json_t *list)
{
	size_t i;
	const json_t *item;

	if (!json_array_size(list))
		return;
	printf("%-7s ", title);
	json_array_foreach(list, i, item) printf("%s%s", i ? ", " : "", json_string_value(item));
	putchar('\n');
}

static void print_up(const json_t *r)
{
	const json_t *listen = json_object_get(r, "listen");

	printf("%-7s created, mtu %lld (path %lld)\n", json_text(r, "ifname", "?"),
		json_number(r, "mtu", 0), json_number(r, "path_mtu", 0));
	print_list("address", json_object_get(r, "addresses"));
	print_list("route", json_object_get(r, "routes"));
	printf("%-7s udp %lld%s on all addresses\n", "listen",
		(long long)json_integer_value(json_array_get(listen, json_array_size(listen) - 1)),
		json_flag(r, "raw") ? " and esp" : "");
	print_list("peers", json_object_get(r, "peers"));
	printf("up in %lld ms\n", json_number(r, "ms", 0));
}

static int one_tunnel(const struct cli *cli, const char *verb, json_t **result)
{
	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "NAME is that of NAME.conf", "name one tunnel");
	return client_once(cli, true, verb, "name", cli->argv[0], result);
}

int verb_up(const struct cli *cli)
{
	json_t *result = NULL;
	int status = one_tunnel(cli, "tunnel.up", &result);

	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (!cli->cbor && !cli->quiet)
		print_up(result);
	json_decref(result);
	return CLI_OK;
}

int verb_down(const struct cli *cli)
{
	json_t *result = NULL;
	int status = one_tunnel(cli, "tunnel.down", &result);

	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (!cli->cbor && !cli->quiet)
		printf("%s removed, its routes and SAs with it\n",
			json_text(result, "ifname", "?"));
	json_decref(result);
	return CLI_OK;
}

static void print_changes(const json_t *changes)
{
	size_t i;
	const json_t *change;

	if (!json_array_size(changes))
		puts("unchanged");
	json_array_foreach(changes, i, change)
	{
		const char *peer = json_text(change, "peer", "");
		const char *keys = json_text(change, "keys", "");

		printf("%s%s%s %s%s%s\n", json_text(change, "tunnel", "?"), *peer ? "/" : "", peer,
			json_text(change, "what", "?"), *keys ? ": " : "", keys);
	}
}

int verb_reload(const struct cli *cli)
{
	json_t *result = NULL;
	int status = cli->argc ? cli_fail(CLI_USAGE, "", "reload takes no argument")
			       : client_once(cli, true, "config.reload", NULL, NULL, &result);

	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (!cli->cbor && !cli->quiet)
		print_changes(json_object_get(result, "changes"));
	json_decref(result);
	return CLI_OK;
}

int verb_reference(const struct cli *cli)
{
	(void)cli;
	keys_print_reference(stdout);
	return CLI_OK;
}

int verb_mdoc(const struct cli *cli)
{
	(void)cli;
	keys_print_mdoc(stdout);
	return CLI_OK;
}
