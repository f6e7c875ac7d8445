/* SPDX-License-Identifier: Apache-2.0 */
/* The two control sockets (docs/control.md): who may connect, and events to those who watch. */
#include "daemon/control.h"

#include "base/log.h"
#include "daemon/control_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_TAG "control"

enum { SOCKET_PATH_MAX = 108, BACKLOG = 16 };

struct listener {
	struct control *control;
	uv_pipe_t pipe;
	char path[SOCKET_PATH_MAX];
	bool commands;
};

struct control {
	struct control_params params;
	struct listener listeners[2];
	struct list clients;
	unsigned handles; /* listeners and clients not closed yet */
	bool dying;
};

void control_fail(struct control_call *call, int code, const char *fmt, ...)
{
	va_list args;

	call->code = code;
	va_start(args, fmt);
	vsnprintf(call->text, sizeof(call->text), fmt, args);
	va_end(args);
}

void control_hint_names(struct control_call *call)
{
	snprintf(call->hint, sizeof(call->hint),
		"dietvpn status lists who is here, dietvpn peers everyone known");
}

static void release(struct control *control)
{
	if (--control->handles == 0 && control->dying)
		free(control);
}

static void on_client_gone(struct control_client *client)
{
	struct listener *listener = client->socket;

	list_remove(&client->link);
	free(client);
	release(listener->control);
}

static struct control_client *new_client(struct listener *listener)
{
	const struct control_params *params = &listener->control->params;
	struct control_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->socket = listener;
	client->commands = listener->commands;
	client->dispatch = params->dispatch;
	client->owner = params->owner;
	client->gone = on_client_gone;
	uv_pipe_init(params->loop, &client->pipe, 0);
	uv_timer_init(params->loop, &client->timer);
	client->pipe.data = client;
	client->timer.data = client;
	client->handles = 2;
	listener->control->handles++;
	list_append(&listener->control->clients, &client->link);
	return client;
}

/* A socket's mode can be lost in a copy or a bind mount; the kernel's word on the peer cannot. */
static bool may_command(const struct listener *listener, struct control_client *client)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	uv_os_fd_t fd;

	if (!listener->commands)
		return true;
	if (uv_fileno((uv_handle_t *)&client->pipe, &fd) ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == listener->control->params.owner_uid;
}

static size_t count_clients(const struct listener *listener)
{
	size_t n = 0;

	list_each (node, &listener->control->clients) {
		const struct control_client *client =
			container_of(node, struct control_client, link);

		n += client->socket == listener && !client->closing && !client->ending;
	}
	return n;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *listener = server->data;
	size_t n = count_clients(listener);
	struct control_client *client = status < 0 ? NULL : new_client(listener);

	if (!client)
		return;
	if (uv_accept(server, (uv_stream_t *)&client->pipe))
		client_close(client);
	else if (!may_command(listener, client))
		client_refuse(client, -EACCES, "only root and the daemon's user may command");
	else if (n >= CONTROL_CLIENTS_MAX)
		client_refuse(client, -EAGAIN, "8 clients are connected already");
	else
		client_start(client);
}

/* A socket file of a dead process goes; a living one answers. */
static int clear_path(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	int fd;
	int alive;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(un.sun_path, path, strlen(path) + 1);
	alive = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	close(fd);
	if (alive)
		return -EADDRINUSE;
	return unlink(path) ? -errno : 0;
}

static int listen_at(struct listener *listener, mode_t mode)
{
	const struct control_params *params = &listener->control->params;
	int error = clear_path(listener->path);
	mode_t mask;

	if (error)
		return error;
	/* Made with its mode: a chmod by name would follow what the folder's owner put there since.
	 */
	mask = umask(~mode & 0777);
	error = uv_pipe_bind(&listener->pipe, listener->path);
	umask(mask);
	if (error)
		return error;
	if (geteuid() == 0 && lchown(listener->path, params->owner_uid,
				      listener->commands ? (gid_t)-1 : params->status_gid))
		return -errno;
	return uv_listen((uv_stream_t *)&listener->pipe, BACKLOG, on_connection);
}

static int listener_init(struct control *control, size_t index, const char *name)
{
	struct listener *listener = &control->listeners[index];
	int len = snprintf(
		listener->path, sizeof(listener->path), "%s/%s", control->params.run_dir, name);

	listener->control = control;
	listener->commands = index == 0;
	uv_pipe_init(control->params.loop, &listener->pipe, 0);
	listener->pipe.data = listener;
	control->handles++;
	return len < 0 || (size_t)len >= sizeof(listener->path) ? -ENAMETOOLONG : 0;
}

int control_create(const struct control_params *params, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	int error;
	int second;

	if (!control)
		return -ENOMEM;
	control->params = *params;
	list_init(&control->clients);
	error = listener_init(control, 0, "control.sock");
	second = listener_init(control, 1, "status.sock");
	if (!error)
		error = second;
	if (!error)
		error = listen_at(&control->listeners[0], 0600);
	if (!error)
		error = listen_at(&control->listeners[1], 0660);
	if (error) {
		log_error("%s: %s", params->run_dir,
			error == -EADDRINUSE ? "another dietvpnd answers there" : strerror(-error));
		control_destroy(control);
		return error;
	}
	*out = control;
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	release(listener->control);
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	control->dying = true;
	list_each (node, &control->clients)
		client_close(container_of(node, struct control_client, link));
	for (size_t i = 0; i < 2; i++) {
		/* libuv has removed a bound socket's file by the end of uv_close. */
		uv_close((uv_handle_t *)&control->listeners[i].pipe, on_listener_closed);
	}
}

void control_event(
	struct control *control, const char *name, uint64_t at_ms, const struct tree_writer *of)
{
	list_each_safe (node, &control->clients)
		client_event(container_of(node, struct control_client, link), name, at_ms, of);
}

bool control_watched(const struct control *control)
{
	list_each (node, &control->clients)
		if (container_of(node, struct control_client, link)->watching)
			return true;
	return false;
}
