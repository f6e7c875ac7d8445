/* SPDX-License-Identifier: Apache-2.0 */
/* log: the last key exchanges, and the daemon's events as they happen, one line each. */
#include "cli/client.h"
#include "cli/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_clock(time_t at)
{
	struct tm tm;
	char text[16];

	if (localtime_r(&at, &tm) && strftime(text, sizeof(text), "%H:%M:%S", &tm))
		printf("%s  ", text);
}

static bool print_event(const struct cli *cli, time_t at, const char *event, json_t *of)
{
	const char *key;
	json_t *value;

	if (cli->cbor)
		return !ferror(stdout);
	if (cli->json) {
		json_t *line = json_pack("{s:i, s:s, s:O}", "v", 1, "event", event, "of", of);

		json_dumpf(line, stdout, JSON_COMPACT);
		json_decref(line);
	} else {
		print_clock(at);
		printf("%-16s", event);
		json_object_foreach(of, key, value)
		{
			if (json_is_string(value))
				printf("  %s=%s", key, json_string_value(value));
			else if (json_is_integer(value))
				printf("  %s=%lld", key, (long long)json_integer_value(value));
		}
	}
	putchar('\n');
	return fflush(stdout) == 0;
}

static bool print_now(void *arg, const char *event, json_t *of)
{
	return print_event(arg, time(NULL), event, of);
}

static void copy(json_t *to, const json_t *from, const char *key, const char *name)
{
	const char *text = json_text(from, key, "");

	if (*text)
		json_object_set_new(to, name, json_string(text));
}

/* What "exchange.refused" and the like said when it happened, and why. */
static void print_past(const struct cli *cli, const json_t *exchange)
{
	time_t at = time(NULL) - (time_t)json_number(exchange, "age_s", 0);
	json_t *of = json_object();
	char event[64];

	snprintf(event, sizeof(event), "exchange.%s", json_text(exchange, "outcome", "?"));
	copy(of, exchange, "tunnel", "tunnel");
	copy(of, exchange, "peer", "peer");
	copy(of, exchange, "exchange", "exchange");
	copy(of, exchange, "error", "error");
	copy(of, exchange, "remote", "with");
	copy(of, exchange, "why", "why");
	print_event(cli, at, event, of);
	json_decref(of);
}

static bool wants_exchanges(const struct cli *cli)
{
	bool any = !cli->argc;

	for (int i = 0; i < cli->argc; i++)
		any = any || strcmp(cli->argv[i], "exchange") == 0;
	return any;
}

/* Oldest first, as they would have come. */
static int print_exchanges(const struct cli *cli, struct client *client)
{
	const json_t *list;
	json_t *result;
	int status = client_ask(client, "exchange.list", NULL, &result);

	if (status)
		return status;
	list = json_object_get(result, "exchanges");
	for (size_t i = json_array_size(list); i-- > 0;)
		print_past(cli, json_array_get(list, i));
	json_decref(result);
	return CLI_OK;
}

static int follow(const struct cli *cli, struct client *client)
{
	struct tree_writer with;
	struct cli own = *cli;
	int status;

	tree_writer_init(&with);
	tree_put_map(&with, cli->argc ? 1 : 0);
	if (cli->argc) {
		tree_put_text(&with, "topics");
		tree_put_array(&with, (size_t)cli->argc);
		for (int i = 0; i < cli->argc; i++)
			tree_put_text(&with, cli->argv[i]);
	}
	status = client_watch(client, &with, print_now, &own);
	tree_writer_fini(&with);
	return status;
}

int verb_log(const struct cli *cli)
{
	struct client *client;
	int status = client_open(cli, false, &client);

	if (status)
		return status;
	if (wants_exchanges(cli))
		status = print_exchanges(cli, client);
	if (!status && cli->follow)
		status = follow(cli, client);
	client_close(client);
	return status;
}
