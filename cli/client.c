/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation with the daemon over a control socket (docs/control.md). */
#include "cli/client.h"

#include "cli/folder.h"
#include "cli/json.h"
#include "codec/message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client {
	const struct cli *cli;
	int fd;
	uint64_t id;
	bool missing_is_fine, missing; /* -ENOENT is an answer, too */
	size_t len;
	uint8_t data[MESSAGE_MAX + 16];
};

static int refuse_connect(const struct cli *cli, bool change, const char *path, int error)
{
	if (error == EACCES || error == EPERM)
		return cli_fail(CLI_NOT_PERMITTED,
			change ? "run it as root"
			       : "run it as root, or join the group dietvpn to look",
			"%s: not permitted", path);
	return cli_fail(CLI_NO_DAEMON,
		folder_is_empty(folder_dir(cli))
			? "nothing is configured yet: dietvpn init (a gateway), dietvpn adopt (a "
			  "device) or dietvpn.conf(5), then start it"
			: "start it: systemctl start dietvpn, or dietvpnd",
		"no daemon answers on %s (%s)", path, strerror(error));
}

static const char *path_of(const struct cli *cli, bool change)
{
	if (cli->socket)
		return cli->socket;
	return change || geteuid() == 0 ? "/run/dietvpn/control.sock" : "/run/dietvpn/status.sock";
}

/* A connected socket, or -1 and errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to)) {
		int error = errno;

		close(fd);
		errno = error;
		fd = -1;
	}
	return fd;
}

bool client_daemon_runs(const struct cli *cli)
{
	int fd = connect_to(path_of(cli, true));
	bool runs = fd >= 0 || (errno != ENOENT && errno != ECONNREFUSED);

	if (fd >= 0)
		close(fd);
	return runs;
}

int client_open(const struct cli *cli, bool change, struct client **out)
{
	const char *path = path_of(cli, change);
	struct client *client;

	if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
		return cli_fail(CLI_USAGE, "", "--socket: path too long");
	client = calloc(1, sizeof *client);
	if (!client)
		return cli_fail(CLI_FAILED, "", "out of memory");
	client->cli = cli;
	client->fd = connect_to(path);
	if (client->fd < 0) {
		int status = refuse_connect(cli, change, path, errno);

		client_close(client);
		return status;
	}
	*out = client;
	return CLI_OK;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

static int send_all(struct client *client, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(client->fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cli_fail(CLI_FAILED, "", "the daemon closed the connection");
		data += n;
		len -= (size_t)n;
	}
	return CLI_OK;
}

/* Waits for a whole frame; *used octets of client->data are its. timeout_ms < 0: for ever. */
static int receive_frame(
	struct client *client, int timeout_ms, struct message_response *response, size_t *used)
{
	for (;;) {
		const uint8_t *body;
		size_t body_len;
		long n = message_frame(client->data, client->len, &body, &body_len);
		struct pollfd p = {.fd = client->fd, .events = POLLIN};
		ssize_t got;

		if (n > 0) {
			*used = (size_t)n;
			if (message_response_read(body, body_len, response, NULL))
				return cli_fail(CLI_FAILED,
					"are daemon and command of one version?",
					"the daemon's answer is not understood");
			return CLI_OK;
		}
		if (n < 0 || client->len == sizeof client->data)
			return cli_fail(CLI_FAILED, "", "the daemon's answer is no frame");
		if (poll(&p, 1, timeout_ms) == 0)
			return cli_fail(CLI_FAILED, "--timeout SECONDS waits longer",
				"no answer from the daemon");
		got = recv(client->fd, client->data + client->len,
			sizeof client->data - client->len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return cli_fail(CLI_FAILED, "", "the daemon closed the connection");
		client->len += (size_t)got;
	}
}

static void consume(struct client *client, size_t used)
{
	if (client->cli->cbor)
		fwrite(client->data, 1, used, stdout);
	client->len -= used;
	memmove(client->data, client->data + used, client->len);
}

static int status_of(const struct message_response *response)
{
	if (response->code == -EPERM || response->code == -EACCES)
		return CLI_NOT_PERMITTED;
	return response->at[0] ? CLI_CONFIG : CLI_FAILED;
}

/* All errors of a configuration, before the failure itself. */
static void print_errors(const json_t *errors)
{
	size_t i;
	const json_t *e;

	json_array_foreach(errors, i, e)
	{
		const char *hint = json_string_value(json_object_get(e, "hint"));

		fprintf(stderr, "%s: %s\n", json_string_value(json_object_get(e, "at")),
			json_string_value(json_object_get(e, "text")));
		if (hint && *hint)
			fprintf(stderr, "hint: %s\n", hint);
	}
}

static int report(
	struct client *client, const struct message_response *response, const json_t *joined)
{
	const json_t *errors = json_object_get(joined, "errors");

	client->missing = client->missing_is_fine && response->code == -ENOENT;
	if (client->missing)
		return CLI_FAILED;
	if (errors) {
		print_errors(errors);
		return cli_fail(CLI_CONFIG, "", "%s", response->text);
	}
	if (response->at[0])
		return cli_fail(status_of(response), response->hint, "%s: %s", response->at,
			response->text);
	return cli_fail(status_of(response), response->hint, "%s", response->text);
}

static int ask(struct client *client, const char *verb, const struct tree_writer *with)
{
	struct tree_writer w;
	int status;

	tree_writer_init(&w);
	message_put_request(&w, ++client->id, verb, with);
	status = w.error ? cli_fail(CLI_FAILED, "", "out of memory")
			 : send_all(client, w.data, w.len);
	tree_writer_fini(&w);
	return status;
}

int client_ask(
	struct client *client, const char *verb, const struct tree_writer *with, json_t **result)
{
	json_t *joined = json_object();
	bool more = true;
	int status = ask(client, verb, with);

	while (status == CLI_OK && more) {
		struct message_response response = {0};
		size_t used = 0;

		status =
			receive_frame(client, (int)client->cli->timeout_s * 1000, &response, &used);
		if (status)
			break;
		if (response.id != client->id && response.id != 0) {
			consume(client, used);
			message_response_fini(&response);
			continue;
		}
		if (response.code)
			status = report(client, &response, joined);
		else
			json_join(joined, response.ok);
		more = response.more;
		message_response_fini(&response);
		consume(client, used);
	}
	if (status) {
		json_decref(joined);
		return status;
	}
	*result = joined;
	return CLI_OK;
}

/* One frame after a watch: an event goes to each. */
static int take_event(struct client *client, int timeout_ms,
	bool (*each)(void *arg, const char *event, json_t *of), void *arg, bool *go_on)
{
	struct message_response response = {0};
	size_t used = 0;
	int status = receive_frame(client, timeout_ms, &response, &used);

	if (status)
		return status;
	if (response.code) {
		status = report(client, &response, NULL);
	} else if (response.event[0] && each) {
		json_t *of = json_from_tree(response.ok);

		*go_on = each(arg, response.event, of);
		json_decref(of);
	}
	message_response_fini(&response);
	consume(client, used);
	return status;
}

int client_watch(struct client *client, const struct tree_writer *with,
	bool (*each)(void *arg, const char *event, json_t *of), void *arg)
{
	int status = ask(client, "watch", with);
	bool go_on = true;

	while (status == CLI_OK && go_on)
		status = take_event(client, -1, each, arg, &go_on);
	return status;
}

int client_watch_begin(struct client *client, const struct tree_writer *with)
{
	int status = ask(client, "watch", with);

	return status ? status
		      : take_event(client, (int)client->cli->timeout_s * 1000, NULL, NULL, NULL);
}

static bool is_waiting(const struct client *client, int timeout_ms)
{
	struct pollfd p = {.fd = client->fd, .events = POLLIN};

	return client->len || poll(&p, 1, timeout_ms) != 0;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int client_watch_until(struct client *client, long timeout_ms,
	bool (*each)(void *arg, const char *event, json_t *of), void *arg)
{
	long long until = now_ms() + timeout_ms;
	int status = CLI_OK;
	bool go_on = true;

	while (status == CLI_OK && go_on) {
		long long left = until - now_ms();

		if (left <= 0 || !is_waiting(client, (int)left))
			break;
		status = take_event(client, -1, each, arg, &go_on);
	}
	return status;
}

static int once(
	struct client *client, const char *verb, const char *key, const char *name, json_t **result)
{
	struct tree_writer with;
	int status;

	tree_writer_init(&with);
	tree_put_map(&with, name ? 1 : 0);
	if (name) {
		tree_put_text(&with, key);
		tree_put_text(&with, name);
	}
	status = client_ask(client, verb, &with, result);
	tree_writer_fini(&with);
	return status;
}

int client_once(const struct cli *cli, bool change, const char *verb, const char *key,
	const char *name, json_t **result)
{
	struct client *client = NULL;
	int status = client_open(cli, change, &client);

	if (client)
		status = once(client, verb, key, name, result);
	client_close(client);
	return status;
}

int client_find(const struct cli *cli, const char *verb, const char *name, json_t **result)
{
	struct client *client = NULL;
	int status = client_open(cli, false, &client);

	*result = NULL;
	if (client) {
		client->missing_is_fine = true;
		status = once(client, verb, "name", name, result);
		if (client->missing)
			status = CLI_OK;
	}
	client_close(client);
	return status;
}
