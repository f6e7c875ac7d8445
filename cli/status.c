/* SPDX-License-Identifier: Apache-2.0 */
/* status, show, sa, drops: what the daemon knows, as columns or JSON; keys never. */
#include "cli/client.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/rules_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 64, INDENT = 14 };

static const char *argument(const struct cli *cli)
{
	return cli->argc ? cli->argv[0] : NULL;
}

static int too_many(const struct cli *cli, int most)
{
	return cli->argc > most ? cli_fail(CLI_USAGE, "dietvpn --help",
					  "unexpected argument \"%s\"", cli->argv[most])
				: CLI_OK;
}

/* Sum of two counters over all peers of a tunnel. */
static long long total(const json_t *tunnel, const char *in, const char *out)
{
	const json_t *peers = json_object_get(tunnel, "peers");
	long long sum = 0;
	size_t i;
	const json_t *peer;

	json_array_foreach(peers, i, peer) sum +=
		json_number(peer, in, 0) + json_number(peer, out, 0);
	return sum;
}

static size_t count_templates(const json_t *tunnel)
{
	const json_t *peer;
	size_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(tunnel, "peers"), i, peer) n +=
		strcmp(json_text(peer, "state", ""), "template") == 0;
	return n;
}

static void print_tunnel_line(const json_t *tunnel)
{
	long long wire = total(tunnel, "wire_in", "wire_out");
	long long plain = total(tunnel, "plain_in", "plain_out");
	size_t templates = count_templates(tunnel);
	size_t n = json_array_size(json_object_get(tunnel, "peers")) - templates;
	char saved[TEXT];
	char all[TEXT];

	printf("%s  %s  %zu peer%s", json_text(tunnel, "name", "?"),
		json_text(tunnel, "ifname", "?"), n, n == 1 ? "" : "s");
	if (templates)
		printf("  %zu template%s", templates, templates == 1 ? "" : "s");
	if (plain > 0)
		printf("  saved %s of %s (%lld %%)", print_bytes(plain - wire, saved, sizeof saved),
			print_bytes(plain, all, sizeof all), 100 * (plain - wire) / plain);
	putchar('\n');
}

static void add_peer_row(struct table *table, const json_t *peer)
{
	char via[TEXT + 8];
	char last[TEXT];
	char in[TEXT];
	char out[TEXT];
	char overhead[TEXT] = "";
	long long extra = json_number(peer, "overhead_bytes", -1);

	snprintf(via, sizeof via, "%s %s", json_text(peer, "endpoint", "-"),
		json_text(peer, "encap", ""));
	if (extra >= 0)
		snprintf(overhead, sizeof overhead, "+%lld B", extra);
	table_row(table, json_text(peer, "name", "?"), json_text(peer, "state", "?"), via,
		json_object_get(peer, "last_s")
			? print_age(json_number(peer, "last_s", 0), last, sizeof last)
			: NULL,
		print_bytes(json_number(peer, "in_bytes", 0), in, sizeof in),
		print_bytes(json_number(peer, "out_bytes", 0), out, sizeof out), overhead);
}

static bool is_down(const json_t *peer)
{
	return strcmp(json_text(peer, "state", ""), "down") == 0;
}

static void print_rules_line(const json_t *peer, const char *before)
{
	const json_t *rules = json_object_get(peer, "rules");

	if (rules)
		rules_live_line(rules, before);
}

static void print_peer_notes(const struct cli *cli, const json_t *peer)
{
	char before[PRINT_CELL];

	snprintf(before, sizeof before, "%s: ", json_text(peer, "name", "?"));
	if (json_object_get(peer, "trouble"))
		printf("%s%s\n", before, json_text(peer, "trouble", ""));
	if (cli->verbose)
		print_rules_line(peer, before);
}

/* Returns how many peers are down; prints why unless quiet. */
static size_t print_status(const struct cli *cli, const json_t *tunnels)
{
	size_t i;
	size_t down = 0;
	const json_t *tunnel;

	json_array_foreach(tunnels, i, tunnel)
	{
		const json_t *peers = json_object_get(tunnel, "peers");
		struct table table;
		size_t k;
		const json_t *peer;

		table_init(&table, 7);
		table_row(&table, "PEER", "STATE", "VIA", "LAST", "IN", "OUT", "OVERHEAD");
		json_array_foreach(peers, k, peer)
		{
			add_peer_row(&table, peer);
			down += is_down(peer);
		}
		if (cli->quiet) {
			free(table.cells);
			continue;
		}
		print_tunnel_line(tunnel);
		table_print(&table, cli->colour);
		json_array_foreach(peers, k, peer) print_peer_notes(cli, peer);
	}
	return down;
}

int verb_status(const struct cli *cli)
{
	json_t *result;
	const json_t *tunnels;
	size_t down;
	int status = too_many(cli, 1);

	if (status || (status = client_once(cli, false, "status", "name", argument(cli), &result)))
		return status;
	tunnels = json_object_get(result, "tunnels");
	if (cli->json || cli->cbor) {
		struct cli silent = *cli;

		silent.quiet = true;
		down = print_status(&silent, tunnels);
		if (cli->json)
			json_print(result);
	} else {
		if (!json_array_size(tunnels) && !cli->quiet)
			puts("no tunnel is up");
		down = print_status(cli, tunnels);
	}
	status = down || !json_array_size(tunnels) ? CLI_NO : CLI_OK;
	json_decref(result);
	return status;
}

static void print_titled(const char *title, const char *text)
{
	printf("  %-11s ", title);
	print_wrapped(text, INDENT, INDENT);
}

static void print_joined(const char *title, const json_t *list)
{
	size_t i;
	size_t len = 1;
	char *text;
	const json_t *item;

	if (!json_array_size(list))
		return;
	json_array_foreach(list, i, item) len += strlen(json_string_value(item)) + 2;
	text = malloc(len);
	if (!text)
		return;
	*text = '\0';
	json_array_foreach(list, i, item)
	{
		strcat(text, i ? ", " : "");
		strcat(text, json_string_value(item));
	}
	print_titled(title, text);
	free(text);
}

static void print_attributes(const json_t *peer)
{
	const json_t *a = json_object_get(peer, "attributes");
	char text[400];

	snprintf(text, sizeof text,
		"%s: spi %lld bits, sn %lld bits, align %lld, trailer %s, dscp %s, ecn %s, "
		"flow label %s, hop limit %s, window %lld",
		json_text(peer, "compress", "?"), json_number(a, "esp_spi_lsb", 0),
		json_number(a, "esp_sn_lsb", 0), json_number(a, "alignment", 0),
		json_text(a, "esp_trailer", "?"), json_text(a, "dscp_cda", "?"),
		json_text(a, "ecn_cda", "?"), json_text(a, "flow_label_cda", "?"),
		json_text(a, "hop_limit_cda", "?"), json_number(a, "window", 0));
	print_titled("compress", text);
}

static void print_traffic(const json_t *peer)
{
	char a[TEXT];
	char b[TEXT];
	long long wire = json_number(peer, "wire_in", 0) + json_number(peer, "wire_out", 0);
	long long plain = json_number(peer, "plain_in", 0) + json_number(peer, "plain_out", 0);

	printf("  %-11s in %s (%lld packets), out %s (%lld packets)\n", "traffic",
		print_bytes(json_number(peer, "in_bytes", 0), a, sizeof a),
		json_number(peer, "in_packets", 0),
		print_bytes(json_number(peer, "out_bytes", 0), b, sizeof b),
		json_number(peer, "out_packets", 0));
	if (plain > 0)
		printf("  %-11s %s instead of %s, %lld %% less\n", "on the air",
			print_bytes(wire, a, sizeof a), print_bytes(plain, b, sizeof b),
			100 * (plain - wire) / plain);
}

static long long nth(const json_t *list, size_t i)
{
	return (long long)json_integer_value(json_array_get(list, i));
}

/* Whole packets, and RuleID, residue and payload of them: as `rules check` prints them. */
static void print_rules(const json_t *peer, bool colour)
{
	const json_t *took = json_object_get(json_object_get(peer, "rules"), "took");
	struct table table;
	size_t i;
	const json_t *row;

	print_rules_line(peer, "  ");
	if (!json_array_size(took))
		return;
	table_init(&table, 7);
	table_row(&table, "  RULE", "OUT", "BEFORE", "AFTER", "IN", "BEFORE", "AFTER");
	json_array_foreach(took, i, row)
	{
		char cell[7][24];

		snprintf(cell[0], sizeof cell[0], "  %.12s", json_text(row, "rule", "?"));
		for (size_t c = 0; c < 6; c++)
			snprintf(cell[c + 1], sizeof cell[c + 1], "%lld",
				nth(json_object_get(row, c < 3 ? "out" : "in"), c % 3));
		table_row(&table, cell[0], cell[1], cell[2], cell[3], cell[4], cell[5], cell[6]);
	}
	table_print(&table, colour);
}

static void print_peer(const json_t *peer, bool colour)
{
	printf("peer %s  %s\n", json_text(peer, "name", "?"), json_text(peer, "state", "?"));
	if (json_object_get(peer, "trouble"))
		print_titled("trouble", json_text(peer, "trouble", ""));
	printf("  %-11s %s, %s", "endpoint", json_text(peer, "endpoint", "not known yet"),
		json_text(peer, "encap", "?"));
	if (json_object_get(peer, "path_mtu"))
		printf(", path mtu %lld", json_number(peer, "path_mtu", 0));
	printf("\n  %-11s %s, keys (hidden)\n", "keying", json_text(peer, "keying", "?"));
	print_joined("addresses", json_object_get(peer, "addresses"));
	print_joined("routes", json_object_get(peer, "routes"));
	print_joined("local", json_object_get(peer, "local"));
	print_joined("remote", json_object_get(peer, "remote"));
	if (json_object_get(peer, "cipher"))
		printf("  %-11s %s (%s), ICV %lld B\n", "cipher", json_text(peer, "cipher", "?"),
			json_text(peer, "provider", "?"), json_number(peer, "icv", 0));
	print_attributes(peer);
	print_rules(peer, colour);
	print_traffic(peer);
}

static void print_show(const json_t *tunnels, bool colour)
{
	size_t i;
	size_t k;
	const json_t *tunnel;
	const json_t *peer;

	json_array_foreach(tunnels, i, tunnel)
	{
		printf("tunnel %s  %s, mtu %lld, %s\n", json_text(tunnel, "name", "?"),
			json_text(tunnel, "ifname", "?"), json_number(tunnel, "mtu", 0),
			json_text(tunnel, "config", "?"));
		print_joined("addresses", json_object_get(tunnel, "addresses"));
		print_joined("routes", json_object_get(tunnel, "routes"));
		printf("  %-11s %s\n", "offload", json_text(tunnel, "offload", "?"));
		json_array_foreach(json_object_get(tunnel, "peers"), k, peer)
			print_peer(peer, colour);
	}
}

static int show_plugins(const struct cli *cli)
{
	json_t *result;
	struct table table;
	size_t i;
	const json_t *plugin;
	int status = client_once(cli, false, "plugin.list", NULL, NULL, &result);

	if (status)
		return status;
	if (cli->json) {
		json_print(result);
	} else if (!cli->cbor) {
		table_init(&table, 2);
		table_row(&table, "PLUGIN", "WHAT");
		json_array_foreach(json_object_get(result, "plugins"), i, plugin) table_row(
			&table, json_text(plugin, "name", "?"), json_text(plugin, "summary", ""));
		table_print(&table, cli->colour);
	}
	json_decref(result);
	return CLI_OK;
}

static int show_policy(const struct cli *cli)
{
	json_t *result;
	size_t i;
	const json_t *policy;
	int status = client_once(cli, false, "policy.list", NULL, NULL, &result);

	if (status)
		return status;
	if (cli->json) {
		json_print(result);
	} else if (!cli->cbor) {
		json_array_foreach(json_object_get(result, "policies"), i, policy)
		{
			printf("policy %lld  %s  %s/%s, %lld SAs\n", json_number(policy, "id", 0),
				json_text(policy, "action", "?"), json_text(policy, "tunnel", "?"),
				json_text(policy, "peer", "?"), json_number(policy, "sas", 0));
			print_joined("local", json_object_get(policy, "local"));
			print_joined("remote", json_object_get(policy, "remote"));
		}
		puts("everything else is discarded");
	}
	json_decref(result);
	return CLI_OK;
}

int verb_show(const struct cli *cli)
{
	json_t *result;
	int status = too_many(cli, 1);

	if (status)
		return status;
	if (cli->argc && strcmp(cli->argv[0], "plugins") == 0)
		return show_plugins(cli);
	if (cli->argc && strcmp(cli->argv[0], "policy") == 0)
		return show_policy(cli);
	status = client_once(cli, false, "show", "name", argument(cli), &result);
	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (!cli->cbor)
		print_show(json_object_get(result, "tunnels"), cli->colour);
	json_decref(result);
	return CLI_OK;
}

static void add_sa_row(struct table *table, const json_t *sa)
{
	char seq[TEXT];
	char life[TEXT];
	char packets[TEXT];
	char dropped[TEXT];
	char peer[PRINT_CELL];
	bool in = strcmp(json_text(sa, "dir", ""), "in") == 0;
	long long drops = json_number(sa, "replays", 0) + json_number(sa, "icv_failures", 0) +
			  json_number(sa, "other_drops", 0);

	snprintf(seq, sizeof seq, "%lld", json_number(sa, "seq", 0));
	snprintf(packets, sizeof packets, "%lld", json_number(sa, "packets", 0));
	snprintf(dropped, sizeof dropped, "%lld", drops);
	snprintf(peer, sizeof peer, "%s%s", json_text(sa, "peer", "?"),
		json_flag(sa, "fallback") ? " (plain)" : "");
	char window[TEXT];

	snprintf(window, sizeof window, "%lld", json_number(sa, "window", 0));
	table_row(table, json_text(sa, "spi", "?"), json_text(sa, "dir", "?"), peer,
		json_text(sa, "wire", ""), seq, in ? window : NULL,
		json_object_get(sa, "life_s")
			? print_age(json_number(sa, "life_s", 0), life, sizeof life)
			: NULL,
		packets, dropped, json_text(sa, "cipher", "?"));
}

static int list_sas(const struct cli *cli)
{
	json_t *result;
	struct table table;
	size_t i;
	const json_t *sa;
	int status = client_once(cli, false, "sa.list", "peer", argument(cli), &result);

	if (status)
		return status;
	if (cli->json) {
		json_print(result);
	} else if (!cli->cbor) {
		table_init(&table, cli->verbose ? 10 : 9);
		table_row(&table, "SPI", "DIR", "PEER", "WIRE", "SEQ", "REPLAY", "LIFE", "PACKETS",
			"DROPPED", "CIPHER");
		json_array_foreach(json_object_get(result, "sas"), i, sa) add_sa_row(&table, sa);
		table_print(&table, cli->colour);
	}
	json_decref(result);
	return CLI_OK;
}

static int change_sas(const struct cli *cli, const char *verb)
{
	json_t *result;
	int status;

	if (cli->argc != 2)
		return cli_fail(CLI_USAGE, "dietvpn sa VERB PEER", "name one peer");
	status = client_once(cli, true, verb, "peer", cli->argv[1], &result);
	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (json_object_get(result, "deleted"))
		printf("%lld SAs deleted\n", json_number(result, "deleted", 0));
	else if (!cli->cbor)
		puts(json_text(result, "text", "done"));
	json_decref(result);
	return CLI_OK;
}

int verb_sa(const struct cli *cli)
{
	if (cli->argc && strcmp(cli->argv[0], "fresh-key") == 0)
		return change_sas(cli, "sa.fresh-key");
	if (cli->argc && strcmp(cli->argv[0], "delete") == 0)
		return change_sas(cli, "sa.delete");
	if (cli->argc && strcmp(cli->argv[0], "initiate") == 0)
		return change_sas(cli, "sa.initiate");
	if (cli->argc && strcmp(cli->argv[0], "rekey") == 0)
		return change_sas(cli, cli->ike ? "sa.rekey-ike" : "sa.rekey");
	if (cli->argc && strcmp(cli->argv[0], "terminate") == 0)
		return change_sas(cli, "sa.terminate");
	return too_many(cli, 1) ? CLI_USAGE : list_sas(cli);
}

int verb_drops(const struct cli *cli)
{
	json_t *result;
	struct table table;
	size_t i;
	const json_t *drop;
	int status = too_many(cli, 0);

	if (status || (status = client_once(cli, false, "drops", NULL, NULL, &result)))
		return status;
	if (cli->json) {
		json_print(result);
	} else if (!cli->cbor) {
		table_init(&table, 3);
		table_row(&table, "REASON", "COUNT", "MEANING");
		json_array_foreach(json_object_get(result, "drops"), i, drop)
		{
			char count[TEXT];

			snprintf(count, sizeof count, "%lld", json_number(drop, "count", 0));
			table_row(&table, json_text(drop, "name", "?"), count,
				json_text(drop, "help", ""));
		}
		table_print(&table, cli->colour);
	}
	json_decref(result);
	return CLI_OK;
}
