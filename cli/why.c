/* SPDX-License-Identifier: Apache-2.0 */
/* why: the last key exchange of a peer that failed, what one end offered beside what the other
 * allows, and its messages as a ladder. */
#include "cli/client.h"
#include "cli/json.h"
#include "cli/print.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WHAT = 15,
	LEFT = 26,
	RIGHT = 29,
	CELL = 1024,
	DAY_S = 86400,
	LADDER = 44, /* from one line to the other */
};

/* "12:01:15", with the date where it is long ago. */
static const char *clock_of(const json_t *exchange, char *out, size_t cap)
{
	long long age_s = json_number(exchange, "age_s", 0);
	time_t at = time(NULL) - (time_t)age_s;
	struct tm tm;

	if (!localtime_r(&at, &tm) ||
		!strftime(out, cap, age_s < DAY_S ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &tm))
		out[0] = '\0';
	return out;
}

static bool is_ours(const json_t *exchange, const char *key)
{
	return strcmp(json_text(exchange, key, ""), "us") == 0;
}

static const char *outcome_of(const json_t *exchange, char *out, size_t cap)
{
	const char *outcome = json_text(exchange, "outcome", "?");
	const char *error = json_text(exchange, "error", "");

	if (strcmp(outcome, "refused") == 0)
		snprintf(out, cap, "refused by %s%s%s",
			is_ours(exchange, "refused_by") ? "us" : "the peer", *error ? ": " : "",
			error);
	else if (strcmp(outcome, "reduced") == 0)
		snprintf(out, cap, "established, compression refused by %s",
			is_ours(exchange, "refused_by") ? "us" : "the peer");
	else
		snprintf(out, cap, "%s", outcome);
	return out;
}

static const char *join(const json_t *words, const char *otherwise, char out[CELL])
{
	size_t at = 0;
	const json_t *word;
	size_t i;

	out[0] = '\0';
	json_array_foreach(words, i, word)
	{
		const char *text = json_string_value(word);

		if (text && at < CELL)
			at += (size_t)snprintf(out + at, CELL - at, "%s%s", i ? ", " : "", text);
	}
	if (!out[0])
		snprintf(out, CELL, "%s", otherwise);
	return out;
}

static void print_row(const json_t *row, bool colour)
{
	const json_t *known = json_object_get(row, "allowed");
	bool shared = json_object_get(row, "shared");
	bool differs = known && !shared;
	const char *what = json_text(row, "what", "?");
	const char *mark = shared ? "shared" : "";
	char offered[CELL];
	char allowed[CELL];
	const char *left = join(json_object_get(row, "offered"), "nothing", offered);
	const char *right = join(known, known ? "nothing" : "(it does not say)", allowed);

	while (*left || *right) {
		size_t l = print_fitting(left, LEFT - 2);
		size_t r = print_fitting(right, RIGHT - 1);

		printf("%s%-*s%-*.*s%-*.*s%s%s\n", colour && differs ? "\033[31m" : "", WHAT, what,
			LEFT, (int)l, left, *mark ? RIGHT : 0, (int)r, right, mark,
			colour && differs ? "\033[0m" : "");
		left = print_rest(left, l);
		right = print_rest(right, r);
		what = mark = "";
	}
}

static void print_rows(const json_t *exchange, bool colour)
{
	const json_t *rows = json_object_get(exchange, "rows");
	const json_t *row;
	size_t i;

	if (!json_array_size(rows))
		return;
	if (is_ours(exchange, "offered_by"))
		printf("%*s%-*s%s\n", WHAT, "", LEFT, "we offer", "peer allows");
	else
		printf("%*s%-*s%s\n", WHAT, "", LEFT, "peer offers", "we allow");
	json_array_foreach(rows, i, row)
	{
		print_row(row, colour);
	}
}

static void print_head(const json_t *exchange)
{
	long long times = json_number(exchange, "times", 1);
	char outcome[96];
	char at[32];
	char head[320];
	int n = snprintf(head, sizeof(head), "%s %s %s, %s, %s",
		json_text(exchange, "exchange", "?"), is_ours(exchange, "begun") ? "to" : "from",
		json_text(exchange, "remote", "?"), clock_of(exchange, at, sizeof(at)),
		outcome_of(exchange, outcome, sizeof(outcome)));

	if (times > 1 && n > 0 && (size_t)n < sizeof(head))
		snprintf(head + n, sizeof(head) - (size_t)n, ", %lld times", times);
	print_wrapped(head, 2, 0);
}

/* One arrow, its text in the middle. */
static void print_arrow(const json_t *message)
{
	static const char dashes[] = "--------------------------------------------";
	bool sent = json_flag(message, "sent");
	long long again = json_number(message, "again", 0);
	char text[LADDER];
	int n = snprintf(text, sizeof(text), " %s, %lld octets ",
		json_text(message, "exchange", "?"), json_number(message, "octets", 0));
	int left = (LADDER - 2 - n) / 2;
	int right = LADDER - 2 - n - left;

	printf("  |%c%.*s%s%.*s%c|", sent ? '-' : '<', left, dashes, text, right, dashes,
		sent ? '>' : '-');
	if (again)
		printf("  and %lld times more", again);
	putchar('\n');
}

static void print_ladder(const json_t *exchange)
{
	const json_t *messages = json_object_get(exchange, "messages");
	const json_t *message;
	const char *remote = json_text(exchange, "remote", "?");
	long long sum = 0;
	size_t i;

	printf("  here%*s\n", LADDER - 2, remote);
	json_array_foreach(messages, i, message)
	{
		sum += json_number(message, "octets", 0) * (1 + json_number(message, "again", 0));
		print_arrow(message);
	}
	printf("  %lld octets of UDP payload in all\n", sum);
}

/* known: what has been said before. */
static void print_exchange(const struct cli *cli, const json_t *exchange, const char *known)
{
	const char *why = json_text(exchange, "why", "");
	const char *fix = json_text(exchange, "fix", "");

	print_head(exchange);
	if (json_flag(exchange, "claimed"))
		puts("  (whoever sends in this peer's name can cause this)");
	if (*why && strcmp(why, known) != 0)
		print_wrapped(why, 2, 0);
	if (cli->ladder)
		print_ladder(exchange);
	print_rows(exchange, cli->colour);
	if (*fix) {
		printf("Smallest fix: ");
		print_wrapped(fix, 2, sizeof("Smallest fix: ") - 1);
	}
}

static bool failed(const json_t *exchange)
{
	return strcmp(json_text(exchange, "outcome", ""), "established") != 0;
}

/* The newest one that failed, else, for a ladder, the newest one. */
static const json_t *choose(const struct cli *cli, const json_t *exchanges)
{
	const json_t *exchange;
	size_t i;

	json_array_foreach(exchanges, i, exchange)
	{
		if (failed(exchange))
			return exchange;
	}
	return cli->ladder ? json_array_get(exchanges, 0) : NULL;
}

static void print_all(const struct cli *cli, const json_t *exchanges)
{
	const json_t *exchange;
	struct table table;
	size_t i;

	table_init(&table, 4);
	table_row(&table, "TIME", "PEER", "EXCHANGE", "OUTCOME");
	json_array_foreach(exchanges, i, exchange)
	{
		char at[32];
		char outcome[96];

		table_row(&table, clock_of(exchange, at, sizeof(at)),
			json_text(exchange, "peer", json_text(exchange, "remote", "?")),
			json_text(exchange, "exchange", "?"),
			outcome_of(exchange, outcome, sizeof(outcome)));
	}
	table_print(&table, cli->colour);
}

static const json_t *find_peer(const json_t *result, const char *name)
{
	const json_t *tunnel;
	const json_t *peer;
	size_t i;
	size_t k;

	json_array_foreach(json_object_get(result, "tunnels"), i, tunnel)
	{
		json_array_foreach(json_object_get(tunnel, "peers"), k, peer)
		{
			if (strcmp(json_text(peer, "name", ""), name) == 0)
				return peer;
		}
	}
	return NULL;
}

static bool is_address(const char *text)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

/* Peer: its state as well. */
static int ask_about(const struct cli *cli, const char *name, json_t **result)
{
	json_t *exchanges = NULL;
	int status = CLI_OK;

	*result = NULL;
	if (name && !is_address(name)) {
		status = client_find(cli, "show", name, result);
		if (!status && *result && !find_peer(*result, name))
			status = cli_fail(CLI_FAILED, "dietvpn status lists the peers",
				"%s is a tunnel, not a peer", name);
	}
	if (!status)
		status = client_once(cli, false, "exchange.list", "name", name, &exchanges);
	if (status) {
		json_decref(*result);
		return status;
	}
	if (!*result)
		*result = json_object();
	json_object_update(*result, exchanges);
	json_decref(exchanges);
	return CLI_OK;
}

static void print_answer(const struct cli *cli, const json_t *result, const char *name)
{
	const json_t *exchanges = json_object_get(result, "exchanges");
	const json_t *peer = name ? find_peer(result, name) : NULL;
	const json_t *chosen = choose(cli, exchanges);

	const char *trouble = json_text(peer, "trouble",
		chosen && failed(chosen) ? "the last exchange in which something was refused:"
					 : "nothing is known against it");

	if (peer) {
		int n = printf("%s: ", json_text(peer, "state", "?"));

		print_wrapped(trouble, 2, n > 0 ? (size_t)n : 0);
	}
	if (!peer && !json_array_size(exchanges))
		puts("no key exchange is remembered");
	if (chosen)
		print_exchange(cli, chosen, trouble);
	if (!name && json_array_size(exchanges)) {
		if (chosen)
			putchar('\n');
		print_all(cli, exchanges);
	}
}

int verb_why(const struct cli *cli)
{
	const char *name = cli->argc ? cli->argv[0] : NULL;
	json_t *result;
	int status;

	if (cli->argc > 1)
		return cli_fail(CLI_USAGE, "dietvpn why [PEER|ADDRESS]", "one peer or address");
	status = ask_about(cli, name, &result);
	if (status)
		return status;
	if (cli->json)
		json_print(result);
	else if (!cli->cbor)
		print_answer(cli, result, name);
	json_decref(result);
	return CLI_OK;
}
