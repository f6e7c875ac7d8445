/* SPDX-License-Identifier: Apache-2.0 */
/* check without a daemon; up, down, reload with one. */
#include "cli/conf.h"

#include "cli/client.h"
#include "cli/json.h"
#include "config/keys.h"
#include "keying/plugin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MANY_PACKETS_BITS = 16, /* from here on a reservation outlasts its write, trust.md 5.2 */
};

const char *conf_dir(const struct cli *cli)
{
	const char *dir = cli->dir ? cli->dir : getenv("CONFIGURATION_DIRECTORY");

	return dir ? dir : "/etc/dietvpn";
}

void conf_print_errors(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		const struct config_error *e = &errors->list[i];

		if (e->at[0])
			fprintf(stderr, "%s: %s\n", e->at, e->text);
		else
			fprintf(stderr, "%s\n", e->text);
		if (e->hint[0])
			fprintf(stderr, "hint: %s\n", e->hint);
	}
	if (errors->lost)
		fprintf(stderr, "and %zu more\n", errors->lost);
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

void conf_load_folder(
	const char *dir, struct config *configs, size_t *n, struct config_errors *errors)
{
	struct dirent **list;
	int count = scandir(dir, &list, is_conf, alphasort);

	if (count < 0) {
		config_errors_add(errors, dir, "", "cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[CONFIG_PATH_MAX + 256];

		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		if (*n < CONF_TUNNELS_MAX && !config_load(path, &configs[*n], errors))
			(*n)++;
		free(list[i]);
	}
	free(list);
	if (count == 0)
		config_errors_add(errors, dir, "dietvpn.conf(5) has examples", "no NAME.conf here");
}

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

int verb_check(const struct cli *cli)
{
	struct config *configs = calloc(CONF_TUNNELS_MAX, sizeof *configs);
	struct config_errors *errors = calloc(1, sizeof *errors);
	size_t n = 0;
	size_t peers = 0;
	int status = CLI_OK;

	if (!configs || !errors) {
		free(configs);
		free(errors);
		return cli_fail(CLI_FAILED, "", "out of memory");
	}
	if (!cli->argc)
		conf_load_folder(conf_dir(cli), configs, &n, errors);
	for (int i = 0; i < cli->argc && n < CONF_TUNNELS_MAX; i++)
		if (!config_load(cli->argv[i], &configs[n], errors))
			n++;
	config_check_all(configs, n, errors);
	for (size_t i = 0; i < n; i++) {
		check_plugins(cli, &configs[i], errors);
		peers += configs[i].n_peers;
	}
	for (size_t i = 0; i < n && !cli->quiet && !errors->n; i++)
		print_notes(&configs[i]);
	if (errors->n) {
		conf_print_errors(errors);
		status = cli_fail(CLI_CONFIG, "", "%zu error%s, nothing was changed",
			errors->n + errors->lost, errors->n + errors->lost == 1 ? "" : "s");
	} else if (!cli->quiet) {
		printf("ok: %zu tunnel%s, %zu peer%s\n", n, n == 1 ? "" : "s", peers,
			peers == 1 ? "" : "s");
	}
	for (size_t i = 0; i < n; i++)
		config_fini(&configs[i]);
	free(configs);
	free(errors);
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
