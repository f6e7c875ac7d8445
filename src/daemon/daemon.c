/* SPDX-License-Identifier: Apache-2.0 */
/* Owns every long-lived object; start, reload, stop in one readable order each. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "daemon/configs.h"
#include "daemon/control.h"
#include "daemon/control_verbs.h"
#include "daemon/daemon_events.h"
#include "daemon/hook.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_guest.h"
#include "io/dataplane.h"
#include "io/netlink.h"
#include "keying/host.h"
#include "keying/state.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_TAG "daemon"

static uint32_t random_spi(void *arg)
{
	uint32_t value;

	(void)arg;
	secret_random(&value, sizeof(value));
	return value;
}

/*
 * Beside the keys, so that a copied-back state folder does not bring its own witness along. One
 * that was written before there was a folder of keys stays where it is.
 */
static void witness_path(const struct options *options, char *out, size_t cap)
{
	struct stat st;

	snprintf(out, cap, "%s/.state-witness", options->conf_dir);
	if (!lstat(out, &st))
		return;
	snprintf(out, cap, "%s/keys", options->conf_dir);
	if (stat(out, &st) || !S_ISDIR(st.st_mode))
		snprintf(out, cap, "%s/.state-witness", options->conf_dir);
	else
		snprintf(out, cap, "%s/keys/.state-witness", options->conf_dir);
}

struct state *daemon_state(void *owner, char *text, size_t text_len)
{
	struct daemon *daemon = owner;
	char witness[OPTIONS_PATH_MAX + 32];

	if (daemon->state)
		return daemon->state;
	witness_path(&daemon->options, witness, sizeof(witness));
	if (state_open(&daemon->loop, daemon->options.state_dir, witness, &daemon->state, text,
		    text_len))
		daemon->state = NULL;
	return daemon->state;
}

int daemon_open_transport(struct daemon *daemon, uint16_t port_ike, uint16_t port_nat, bool raw)
{
	struct dataplane_params params = {
		.loop = &daemon->loop,
		.ipsec = &daemon->ipsec,
		.events = events_of_dataplane(daemon),
		.port_ike = port_ike,
		.port_nat = port_nat,
		.raw = raw,
	};
	struct host_params host = {
		.loop = &daemon->loop,
		.ipsec = &daemon->ipsec,
		.plugin_dir = daemon->options.plugin_dir,
		.state = daemon_state,
		.event = events_of_host,
		.peer_add = guest_add,
		.peer_remove = guest_remove,
		.inner_address = events_of_address,
		.owner = daemon,
	};
	int error = dataplane_create(&params, &daemon->dataplane);

	if (error)
		return error;
	host.dataplane = daemon->dataplane;
	error = host_create(&host, &daemon->host);
	if (error) {
		dataplane_destroy(daemon->dataplane);
		daemon->dataplane = NULL;
		return error;
	}
	daemon->port_ike = port_ike;
	daemon->port_nat = port_nat;
	daemon->raw = raw;
	return 0;
}

static int make_dir(const struct daemon *daemon, const char *dir, mode_t mode)
{
	int error = privilege_dir(dir, mode, daemon->becomes ? &daemon->user : NULL);

	if (error)
		log_error("%s: %s", dir, strerror(-error));
	return error;
}

int daemon_listen(struct daemon *daemon)
{
	const struct options *options = &daemon->options;
	struct control_params params = {
		.loop = &daemon->loop,
		.run_dir = options->run_dir,
		.status_gid = daemon->becomes ? daemon->user.status_gid : (gid_t)-1,
		.owner_uid = daemon->becomes ? daemon->user.uid : geteuid(),
		.dispatch = control_dispatch,
		.owner = daemon,
	};
	int error = make_dir(daemon, options->state_dir, 0700);

	if (!error)
		error = make_dir(daemon, options->run_dir, 0755);
	return error ? error : control_create(&params, &daemon->control);
}

int daemon_drop(struct daemon *daemon)
{
	bool low = daemon->port_ike < 1024 || daemon->port_nat < 1024;
	int error;

	if (!daemon->becomes || daemon->dropped)
		return 0;
	error = privilege_drop(&daemon->user, privilege_caps(daemon->raw, low));
	if (error) {
		log_error("becoming %s: %s", daemon->user.name, strerror(-error));
		return error;
	}
	daemon->dropped = true;
	log_info("runs as %s with CAP_NET_ADMIN%s%s", daemon->user.name,
		low ? ", CAP_NET_BIND_SERVICE" : "", daemon->raw ? ", CAP_NET_RAW" : "");
	return 0;
}

static void count(const struct daemon *daemon, size_t *tunnels, size_t *peers)
{
	*tunnels = 0;
	*peers = 0;
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i]) {
			++*tunnels;
			*peers += daemon->tunnels[i]->n_peers + daemon->tunnels[i]->n_guests;
		}
}

void daemon_tell_status(const struct daemon *daemon)
{
	char text[64];
	size_t tunnels;
	size_t peers;

	count(daemon, &tunnels, &peers);
	snprintf(text, sizeof(text), "%zu tunnel%s, %zu peer%s", tunnels, tunnels == 1 ? "" : "s",
		peers, peers == 1 ? "" : "s");
	notify_ready(&daemon->notify, text);
}

static int find_user(struct daemon *daemon)
{
	const char *name = daemon->options.user;
	int found = privilege_find(name, daemon->managed, &daemon->user);

	daemon->becomes = found == 1;
	if (found == -ENOENT && *name) {
		log_error("--user %s: no such user", name);
		return found;
	}
	if (found == -ENOENT)
		log_warn("there is no user _dietvpn: staying root (--user chooses another)");
	return 0;
}

/* What needs no configuration and touches nothing. 0 or negative errno. */
static int prepare(struct daemon *daemon)
{
	int error = crypto_init();

	if (!error)
		error = privilege_harden();
	if (!error && privilege_lock_memory())
		log_info("memory is not locked: with swap, keys can reach it (memlock limit)");
	if (!error)
		error = find_user(daemon);
	if (!error)
		error = ipsec_init(&daemon->ipsec, random_spi, NULL, AEAD_POOL_DEFAULT);
	daemon->ipsec_ready = !error;
	if (!error)
		error = netlink_open(&daemon->netlink);
	if (!error)
		error = events_start(daemon);
	if (error)
		log_error("start: %s", strerror(-error));
	return error;
}

static int start(struct daemon *daemon)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	int error = errors ? prepare(daemon) : -ENOMEM;
	int code = EXIT_FAILED;

	if (!error) {
		error = daemon_load(daemon, errors);
		configs_print_errors(stderr, errors);
		if (errors->n)
			fprintf(stderr, "error: %zu error%s, nothing was started\n", errors->n,
				errors->n == 1 ? "" : "s");
		if (error == -EINVAL && errors->n)
			code = EXIT_CONFIG;
	}
	free(errors);
	return error ? code : 0;
}

void daemon_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void close_tunnels(struct daemon *daemon)
{
	for (size_t i = TUNNELS_MAX; i-- > 0;)
		if (daemon->tunnels[i])
			tunnel_close(daemon->tunnels[i], true);
}

static void stop(struct daemon *daemon)
{
	size_t tunnels;
	size_t peers;

	daemon->stopping = true;
	notify_stopping(&daemon->notify);
	count(daemon, &tunnels, &peers);
	if (tunnels)
		log_info("stopping; devices, routes and guards of %zu tunnel%s stay, so that "
			 "nothing leaves in the clear (dietvpnd --clean removes them)",
			tunnels, tunnels == 1 ? "" : "s");
	close_tunnels(daemon);
	if (daemon->host)
		host_destroy(daemon->host);
	daemon->host = NULL;
	if (daemon->state)
		state_close(daemon->state);
	if (daemon->dataplane)
		dataplane_destroy(daemon->dataplane);
	control_destroy(daemon->control);
	events_stop(daemon);
	hook_forget_all(&daemon->loop);
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	if (daemon->ipsec_ready)
		ipsec_fini(&daemon->ipsec);
	if (daemon->netlink)
		netlink_close(daemon->netlink);
	notify_fds_close(&daemon->fds);
	notify_close(&daemon->notify);
	if (uv_loop_close(&daemon->loop))
		log_warn("the loop still had handles at its end");
}

int daemon_run(const struct options *options)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int code;

	if (!daemon || uv_loop_init(&daemon->loop)) {
		free(daemon);
		log_error("no memory");
		return EXIT_FAILED;
	}
	daemon->options = *options;
	daemon->monitor_fd = -1;
	daemon->next_policy = 1;
	daemon->started_ms = dataplane_now_ms();
	notify_open(&daemon->notify);
	daemon->managed = daemon->notify.fd >= 0;
	notify_take_fds(&daemon->fds);
	code = start(daemon);
	if (!code) {
		notify_fds_close(&daemon->fds); /* of tunnels that are gone */
		daemon_give_back();
		daemon_tell_status(daemon);
		uv_run(&daemon->loop, UV_RUN_DEFAULT);
	}
	stop(daemon);
	free(daemon);
	return code;
}
