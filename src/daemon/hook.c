/* SPDX-License-Identifier: Apache-2.0 */
/* OnUp and OnDown: commands of the operator, run as the daemon's user. */
#include "daemon/hook.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LOG_TAG "hook"

struct hook {
	uv_process_t process;
	char tunnel[48];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	const struct hook *hook = process->data;

	if (status || signal)
		log_warn("%s: the command ended with status %lld, signal %d", hook->tunnel,
			(long long)status, signal);
	uv_close((uv_handle_t *)process, on_closed);
}

static int spawn(uv_loop_t *loop, struct hook *hook, char *command, char **env)
{
	char shell[] = "/bin/sh";
	char dash_c[] = "-c";
	char *args[] = {shell, dash_c, command, NULL};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = shell,
		.args = args,
		.env = env,
		.stdio_count = 3,
		.stdio = stdio,
	};

	return uv_spawn(loop, &hook->process, &options);
}

void hook_run(uv_loop_t *loop, const char *command, const char *tunnel, const char *ifname)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char name[80];
	char device[48];
	char *env[] = {path, name, device, NULL};
	struct hook *hook;
	char *copy;
	int error;

	if (!*command)
		return;
	hook = calloc(1, sizeof(*hook));
	copy = strdup(command);
	if (!hook || !copy) {
		free(hook);
		free(copy);
		log_warn("%s: no memory for its command", tunnel);
		return;
	}
	snprintf(hook->tunnel, sizeof(hook->tunnel), "%s", tunnel);
	snprintf(name, sizeof(name), "DIETVPN_TUNNEL=%s", tunnel);
	snprintf(device, sizeof(device), "DIETVPN_IFNAME=%s", ifname);
	hook->process.data = hook;
	error = spawn(loop, hook, copy, env);
	free(copy);
	if (error) {
		log_warn("%s: %s: %s", tunnel, command, uv_strerror(error));
		uv_close((uv_handle_t *)&hook->process, on_closed);
	}
}

static void forget(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (handle->type == UV_PROCESS && !uv_is_closing(handle))
		uv_close(handle, on_closed);
}

void hook_forget_all(uv_loop_t *loop)
{
	uv_walk(loop, forget, NULL);
}
