/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation with the daemon over a control socket (docs/control.md); results as jansson
 * values. */
#ifndef DIETVPN_CLI_CLIENT_H
#define DIETVPN_CLI_CLIENT_H

#include "cli/cli.h"
#include "codec/tree.h"

#include <jansson.h>

struct client;

/* The default is status.sock for verbs that read, control.sock for those that change. A CLI exit
 * status. */
int client_open(const struct cli *cli, bool change, struct client **out);
void client_close(struct client *client);
/* Without a word: somebody listens on the control socket, or it cannot be told. */
bool client_daemon_runs(const struct cli *cli);

/*
 * Asks, joins all frames of the answer into *result (owned by the caller). with: an encoded map, or
 * NULL. On failure error and hint are printed and a CLI exit status other than 0 is returned.
 */
int client_ask(
	struct client *client, const char *verb, const struct tree_writer *with, json_t **result);

/* Reads events after a watch until each returns false or the daemon goes away. */
int client_watch(struct client *client, const struct tree_writer *with,
	bool (*each)(void *arg, const char *event, json_t *of), void *arg);

/* The same in two steps: events are kept from when the first returns; the second ends also, with
 * CLI_OK, when the time is over. */
int client_watch_begin(struct client *client, const struct tree_writer *with);
int client_watch_until(struct client *client, long timeout_ms,
	bool (*each)(void *arg, const char *event, json_t *of), void *arg);

/* client_open, client_ask, client_close; {"name": NAME} as with where name is not NULL. */
int client_once(const struct cli *cli, bool change, const char *verb, const char *key,
	const char *name, json_t **result);
/* The same for one name: *result stays NULL, with CLI_OK, where the daemon knows nothing of it. */
int client_find(const struct cli *cli, const char *verb, const char *name, json_t **result);

#endif
