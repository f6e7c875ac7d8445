/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway hands to its devices: its files, its daemon and its master key put together. */
#include "cli/gateway.h"

#include "base/glob.h"
#include "cli/client.h"
#include "cli/endpoint.h"
#include "cli/folder.h"
#include "cli/json.h"
#include "crypto/secret.h"
#include "keying/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MASTER_TEXT_MAX = 128, MANY_HOST_BITS = 64 };

struct gateway {
	struct folder *folder;
	const struct config *config;
	struct client *client; /* NULL: no daemon, and no state of one */
	uint8_t master[ENROL_MASTER_MAX];
	size_t master_len;
	char endpoint[URI_HOST_MAX + 8];
};

/* What enroll.add says, or what it would say of a device that it has never heard of. */
struct answer {
	char gateway_id[CONFIG_NAME_MAX];
	struct ip_prefix gateway;
	struct ip_addr address;
	uint32_t generation;
};

static bool is_wanted(const struct cli *cli, const struct config *config)
{
	return config->interface.master[0] &&
	       (!cli->tunnel || strcmp(cli->tunnel, config->tunnel) == 0);
}

static int choose_tunnel(const struct cli *cli, struct gateway *g)
{
	for (size_t i = 0; i < g->folder->n; i++) {
		if (!is_wanted(cli, &g->folder->tunnels[i]))
			continue;
		if (g->config)
			return cli_fail(CLI_USAGE, "--tunnel NAME chooses",
				"\"%s\" and \"%s\" both have a Master", g->config->tunnel,
				g->folder->tunnels[i].tunnel);
		g->config = &g->folder->tunnels[i];
	}
	if (g->config)
		return CLI_OK;
	folder_print_errors(g->folder);
	if (cli->tunnel)
		return cli_fail(CLI_CONFIG, "dietvpn init makes one",
			"no tunnel \"%s\" with a Master in %s", cli->tunnel, folder_dir(cli));
	return cli_fail(CLI_CONFIG, "dietvpn init home makes one", "no tunnel with a Master in %s",
		folder_dir(cli));
}

static int read_master(struct gateway *g)
{
	uint8_t text[MASTER_TEXT_MAX];
	size_t len = 0;
	int r = plugin_read_secret(g->config, "Master", text, sizeof text, &len);

	if (r)
		return cli_fail(r == -EACCES || r == -EPERM ? CLI_NOT_PERMITTED : CLI_CONFIG,
			r == -EACCES || r == -EPERM
				? "run it as root; the file must be its owner's alone (0600)"
				: "",
			"Master = %s: %s", g->config->interface.master, strerror(-r));
	r = enrol_master((struct slice){text, len}, g->master, &g->master_len);
	secret_wipe(text, sizeof text);
	return r ? cli_fail(CLI_CONFIG, "dietvpn genkey makes one",
			   "Master = %s: not base64 of %d to %d octets",
			   g->config->interface.master, ENROL_MASTER_MIN, ENROL_MASTER_MAX)
		 : CLI_OK;
}

/* Whether a daemon has ever kept state here: then generations may have moved. */
static bool state_exists(void)
{
	const char *dir = getenv("STATE_DIRECTORY");
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof path, "%s/state.db", dir ? dir : "/var/lib/dietvpn");
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static int find_daemon(const struct cli *cli, struct gateway *g)
{
	if (client_daemon_runs(cli) || state_exists())
		return client_open(cli, true, &g->client);
	return CLI_OK;
}

static int open_parts(const struct cli *cli, struct gateway *g)
{
	int status;

	folder_load(g->folder, folder_dir(cli));
	status = choose_tunnel(cli, g);
	if (status || !g->config)
		return status;
	status = read_master(g);
	if (!status)
		status = find_daemon(cli, g);
	if (!status)
		status = endpoint_choose(
			cli, g->config->interface.listen_nat, g->endpoint, sizeof g->endpoint);
	return status;
}

int gateway_open(const struct cli *cli, struct gateway **out)
{
	struct gateway *g = calloc(1, sizeof *g);
	int status;

	if (!g)
		return cli_fail(CLI_FAILED, "", "out of memory");
	g->folder = folder_create();
	status = g->folder ? open_parts(cli, g) : cli_fail(CLI_FAILED, "", "out of memory");
	if (status)
		gateway_close(g);
	else
		*out = g;
	return status;
}

void gateway_close(struct gateway *g)
{
	if (!g)
		return;
	client_close(g->client);
	folder_destroy(g->folder);
	secret_wipe(g, sizeof *g);
	free(g);
}

/* The first whose name fits, as the daemon takes it. */
static const struct config_peer *find_template(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (config->peers[i].template && glob_match(config->peers[i].name, id))
			return &config->peers[i];
	return NULL;
}

static const struct config_peer *find_named(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (strcmp(config->peers[i].name, id) == 0)
			return &config->peers[i];
	return NULL;
}

/* Our inner address that a device of the pool talks to: one within it, else any of its family. */
static void take_gateway(
	const struct ip_prefix *pool, const struct ip_addr *ours, bool *found, struct ip_addr *out)
{
	if (ours->family != pool->addr.family)
		return;
	if (!*found || ip_prefix_contains(pool, ours))
		*out = *ours;
	*found = true;
}

static int no_gateway(const struct config_peer *template)
{
	return cli_fail(CLI_CONFIG, "give [Interface] an Address of that prefix",
		"no address of ours is of the IP version of [Peer \"%s\"]", template->name);
}

/* Without a daemon: nobody has been revoked. */
static int answer_alone(const struct gateway *g, const struct config_peer *template, const char *id,
	struct answer *out)
{
	const struct config_interface *interface = &g->config->interface;
	const struct ip_prefix *prefix = &template->addresses[0];
	struct enrol_pool pool = {prefix->addr, prefix->len, {0}};
	bool found = false;

	for (size_t i = 0; i < interface->n_addresses; i++)
		take_gateway(prefix, &interface->addresses[i].addr, &found, &pool.gateway);
	if (!found)
		return no_gateway(template);
	if (strlen(template->id) >= sizeof out->gateway_id ||
		enrol_address(
			&pool, (struct slice){(const uint8_t *)id, strlen(id)}, 0, &out->address))
		return cli_fail(CLI_CONFIG, "", "identity or prefix of [Peer \"%s\"] do not serve",
			template->name);
	strcpy(out->gateway_id, template->id);
	out->gateway = (struct ip_prefix){pool.gateway, prefix->len};
	return CLI_OK;
}

static bool addr_from_hex(const char *hex, struct ip_addr *out)
{
	size_t len = hex ? strlen(hex) / 2 : 0;
	uint8_t octets[16];

	if (len != 4 && len != 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		const char pair[3] = {hex[2 * i], hex[2 * i + 1]};
		char *end;

		octets[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end)
			return false;
	}
	*out = ip_addr_from(len == 4 ? 4 : 6, octets);
	return true;
}

static bool read_answer(const json_t *of, const struct config_peer *template, struct answer *out)
{
	const char *id = json_text(of, "id", "");
	long long prefix = json_number(of, "prefix", -1);
	long long generation = json_number(of, "generation", -1);
	const json_t *ours;
	struct ip_addr addr;
	bool found = false;
	size_t i;

	json_array_foreach(json_object_get(of, "gateway"), i, ours)
	{
		if (addr_from_hex(json_string_value(ours), &addr))
			take_gateway(&template->addresses[0], &addr, &found, &out->gateway.addr);
	}
	if (!found || !*id || strlen(id) >= sizeof out->gateway_id || prefix < 0 || prefix > 128 ||
		generation < 0 || generation > UINT32_MAX ||
		!addr_from_hex(json_text(of, "address", NULL), &out->address))
		return false;
	strcpy(out->gateway_id, id);
	out->gateway.len = (uint8_t)prefix;
	out->generation = (uint32_t)generation;
	return true;
}

static int answer_of_daemon(
	struct gateway *g, const struct config_peer *template, const char *id, struct answer *out)
{
	struct tree_writer with;
	json_t *of = NULL;
	int status;

	tree_writer_init(&with);
	tree_put_map(&with, 2);
	tree_put_text(&with, "name");
	tree_put_text(&with, id);
	tree_put_text(&with, "tunnel");
	tree_put_text(&with, g->config->tunnel);
	status = client_ask(g->client, "enroll.add", &with, &of);
	tree_writer_fini(&with);
	if (!status && !read_answer(of, template, out))
		status = cli_fail(CLI_FAILED, "are daemon and command of one version?",
			"the daemon's answer about \"%s\" is not understood", id);
	json_decref(of);
	return status;
}

static int fill(const struct gateway *g, const struct config_peer *template, const struct answer *a,
	struct enrolment *out)
{
	char uri[URI_MAX];
	int r = enrol_psk((struct slice){g->master, g->master_len},
		(struct slice){(const uint8_t *)out->id, strlen(out->id)}, a->generation, out->psk);

	strcpy(out->tunnel, g->config->tunnel);
	strcpy(out->endpoint, g->endpoint);
	strcpy(out->gateway_id, a->gateway_id);
	out->gateway = a->gateway;
	/* Of 2^64 addresses no two are the same; of fewer a device gets one when it comes. */
	out->ask = ip_addr_len(&a->address) * 8 - a->gateway.len < MANY_HOST_BITS;
	if (!out->ask)
		out->address = a->address;
	/* A rule file of the gateway's own has no name that the device would know. */
	strcpy(out->compress, uri_preset_ok(template->compress) ? template->compress : "safe");
	if (!r)
		r = uri_print(out, uri);
	secret_wipe(uri, sizeof uri);
	if (r)
		return cli_fail(CLI_CONFIG, "names are letters, digits and . _ - @, 40 at most",
			"the names of the tunnel \"%s\", of the gateway \"%s\" or its addresses "
			"do not fit into a code",
			out->tunnel, out->gateway_id);
	return CLI_OK;
}

int gateway_enrol(struct gateway *g, const char *id, struct enrolment *out)
{
	const struct config_peer *template = find_template(g->config, id);
	struct answer a = {0};
	int status;

	memset(out, 0, sizeof *out);
	if (!uri_id_ok(id))
		return cli_fail(CLI_USAGE, "letters, digits and . _ - @, 40 at most",
			"\"%s\" is no name of a device", id);
	if (find_named(g->config, id))
		return cli_fail(CLI_FAILED, "",
			"\"%s\" has a [Peer] of its own: it says who the device is", id);
	if (!template)
		return cli_fail(CLI_CONFIG, "[Peer \"*\"] would let in all",
			"no template of \"%s\" fits \"%s\"", g->config->tunnel, id);
	strcpy(out->id, id);
	status = g->client ? answer_of_daemon(g, template, id, &a)
			   : answer_alone(g, template, id, &a);
	if (!status)
		status = fill(g, template, &a, out);
	if (status)
		secret_wipe(out, sizeof *out);
	return status;
}
