/* SPDX-License-Identifier: Apache-2.0 */
/* log: the daemon's events as they happen, one line each. */
#include "cli/client.h"
#include "cli/json.h"

#include <stdio.h>

static bool print_event(void *arg, const char *event, json_t *of)
{
	const struct cli *cli = arg;
	const char *key;
	json_t *value;

	if (cli->cbor)
		return !ferror(stdout);
	if (cli->json) {
		json_t *line = json_pack("{s:i, s:s, s:O}", "v", 1, "event", event, "of", of);

		json_dumpf(line, stdout, JSON_COMPACT);
		json_decref(line);
	} else {
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

int verb_log(const struct cli *cli)
{
	struct client *client;
	struct tree_writer with;
	int status = client_open(cli, false, &client);

	if (status)
		return status;
	tree_writer_init(&with);
	tree_put_map(&with, cli->argc ? 1 : 0);
	if (cli->argc) {
		tree_put_text(&with, "topics");
		tree_put_array(&with, (size_t)cli->argc);
		for (int i = 0; i < cli->argc; i++)
			tree_put_text(&with, cli->argv[i]);
	}
	{
		struct cli copy = *cli;

		status = client_watch(client, &with, print_event, &copy);
	}
	tree_writer_fini(&with);
	client_close(client);
	return status;
}
