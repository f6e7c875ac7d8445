/* SPDX-License-Identifier: Apache-2.0 */
/* Start, up, down, reload: everything is read and checked first, then the difference is applied. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "daemon/change.h"
#include "daemon/configs.h"
#include "daemon/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "config"

struct tunnel *daemon_find(const struct daemon *daemon, const char *name)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i] && !strcmp(daemon->tunnels[i]->config->tunnel, name))
			return daemon->tunnels[i];
	return NULL;
}

/* Sockets are opened once, with the privileges of the start. */
static int check_transport(
	const struct daemon *daemon, const struct configs *configs, struct config_errors *errors)
{
	const struct config *first = configs->n ? &configs->list[0] : NULL;

	if (!daemon->dataplane || !first)
		return 0;
	if (first->interface.listen_ike != daemon->port_ike ||
		first->interface.listen_nat != daemon->port_nat)
		config_errors_add(errors, first->tunnel, "restart dietvpnd",
			"Listen = %u, %u: the ports %u, %u are open and cannot change while it "
			"runs",
			first->interface.listen_ike, first->interface.listen_nat, daemon->port_ike,
			daemon->port_nat);
	if (configs_raw(configs) && !daemon->raw)
		config_errors_add(errors, first->tunnel, "restart dietvpnd, or Encap = udp",
			"Encap = raw or auto: the sockets of IP protocol 50 were not opened at "
			"start");
	return errors->n ? -EINVAL : 0;
}

static int open_transport(
	struct daemon *daemon, const struct configs *configs, struct config_errors *errors)
{
	const struct config_interface *interface;
	int error;

	if (daemon->dataplane || !configs->n)
		return 0;
	interface = &configs->list[0].interface;
	error = daemon_open_transport(
		daemon, interface->listen_ike, interface->listen_nat, configs_raw(configs));
	if (error)
		config_errors_add(errors, configs->list[0].tunnel,
			error == -EADDRINUSE ? "another IPsec daemon has these ports; Listen "
					       "chooses others"
			: error == -EPERM    ? "ports below 1024 need CAP_NET_BIND_SERVICE, raw "
					       "ESP CAP_NET_RAW"
					     : "",
			"outer sockets (udp %u, %u%s): %s", interface->listen_ike,
			interface->listen_nat, configs_raw(configs) ? ", esp" : "",
			strerror(-error));
	return error;
}

static int open_one(struct daemon *daemon, struct configs *configs, size_t i, bool keep,
	struct tunnel **out, struct config_errors *errors)
{
	struct config *config = configs_take(configs, i);

	return config ? tunnel_open(daemon, config, keep, out, errors) : -ENOMEM;
}

static int open_all(struct daemon *daemon, struct configs *configs, struct config_errors *errors)
{
	int error = open_transport(daemon, configs, errors);
	struct tunnel *tunnel;

	for (size_t i = 0; !error && i < configs->n; i++)
		error = open_one(daemon, configs, i, true, &tunnel, errors);
	if (!error)
		error = daemon_drop(daemon);
	for (size_t i = 0; !error && i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i])
			error = tunnel_start(daemon->tunnels[i], errors);
	return error;
}

/* As the user who will read the files later: what he cannot read is found now. */
static int load_checked(
	struct daemon *daemon, struct configs *configs, struct config_errors *errors)
{
	const struct options *options = &daemon->options;
	bool lend = daemon->becomes && !daemon->dropped;
	int error = lend ? privilege_lend(&daemon->user) : 0;
	int back;

	*configs = (struct configs){0};
	if (!error)
		error = configs_load(options->conf_dir, configs, errors);
	if (!error)
		error = configs_check(configs, options->plugin_dir, errors);
	back = lend ? privilege_lend_end() : 0;
	return error ? error : back;
}

int daemon_load(struct daemon *daemon, struct config_errors *errors)
{
	struct configs configs;
	int error = load_checked(daemon, &configs, errors);

	if (!error)
		error = daemon_listen(daemon);
	if (!error)
		error = open_all(daemon, &configs, errors);
	if (!error && !configs.n)
		log_warn("no *.conf in %s: nothing to do until `dietvpn up NAME`",
			daemon->options.conf_dir);
	configs_fini(&configs);
	return error;
}

static bool plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) < CONFIG_NAME_MAX;
}

static int start_one(
	struct daemon *daemon, struct configs *configs, size_t i, struct config_errors *errors)
{
	struct tunnel *tunnel;
	int error = open_transport(daemon, configs, errors);

	if (!error)
		error = open_one(daemon, configs, i, false, &tunnel, errors);
	if (error)
		return error;
	error = tunnel_start(tunnel, errors);
	if (error)
		tunnel_close(tunnel, false);
	return error;
}

static int up(struct daemon *daemon, struct configs *configs, struct config_errors *errors)
{
	int error = check_transport(daemon, configs, errors);

	return error ? error : start_one(daemon, configs, 0, errors);
}

int daemon_up(struct daemon *daemon, const char *name, struct config_errors *errors)
{
	struct configs configs = {0};
	struct tunnel *present = daemon_find(daemon, name);
	int error;

	if (present)
		return present->attached ? -EEXIST : tunnel_reopen(present, errors);
	if (!plain_name(name)) {
		config_errors_add(errors, "",
			"the name of a file in the configuration folder, "
			"without .conf",
			"this is not a tunnel's name");
		return -EINVAL;
	}
	error = configs_add_file(daemon->options.conf_dir, name, &configs, errors);
	for (size_t i = 0; !error && i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i])
			error = configs_add_borrowed(&configs, daemon->tunnels[i]->config);
	if (!error)
		error = configs_check(&configs, daemon->options.plugin_dir, errors);
	if (!error)
		error = up(daemon, &configs, errors);
	configs_fini(&configs);
	daemon_tell_status(daemon);
	return error;
}

int daemon_down(struct daemon *daemon, const char *name)
{
	struct tunnel *tunnel = daemon_find(daemon, name);

	if (!tunnel)
		return -ENOENT;
	tunnel_close(tunnel, false);
	log_info("%s: down, everything of it is gone", name);
	daemon_tell_status(daemon);
	return 0;
}

static void line(struct daemon_changes *changes, const char *tunnel, const char *peer,
	const char *what, const char *keys)
{
	struct daemon_change *change;

	if (changes->n == CHANGES_MAX) {
		changes->lost++;
		return;
	}
	change = &changes->list[changes->n++];
	change->what = what;
	snprintf(change->tunnel, sizeof(change->tunnel), "%s", tunnel);
	snprintf(change->peer, sizeof(change->peer), "%s", peer);
	snprintf(change->keys, sizeof(change->keys), "%s", keys);
}

static const struct config_peer *find_peer(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].name, name))
			return &config->peers[i];
	return NULL;
}

static void compare_peers(const struct daemon *daemon, const struct config *old,
	const struct config *next, bool *restart, struct daemon_changes *changes)
{
	char keys[128];

	for (size_t i = 0; i < old->n_peers; i++)
		if (!find_peer(next, old->peers[i].name))
			line(changes, next->tunnel, old->peers[i].name, "removed", "");
	for (size_t i = 0; i < next->n_peers; i++) {
		const struct config_peer *was = find_peer(old, next->peers[i].name);
		enum change change;

		if (!was) {
			restart[i] = true;
			line(changes, next->tunnel, next->peers[i].name, "added", "");
			continue;
		}
		change = change_peer(daemon->host, was, &next->peers[i], keys, sizeof(keys));
		if (change == CHANGE_RESTART)
			restart[i] = true;
		if (change != CHANGE_NONE)
			line(changes, next->tunnel, next->peers[i].name,
				restart[i] ? "restarted" : "updated", keys);
	}
}

/* Fills restart and adds lines; a line too many is an update for nothing, never a lost one. */
static enum change compare(const struct daemon *daemon, const struct config *old,
	const struct config *next, bool *restart, struct daemon_changes *changes)
{
	size_t before = changes->n + changes->lost;
	char keys[128];
	enum change change = change_interface(old, next, keys, sizeof(keys));

	if (change != CHANGE_NONE)
		line(changes, next->tunnel, "", change == CHANGE_RESTART ? "restarted" : "updated",
			keys);
	compare_peers(daemon, old, next, restart, changes);
	for (size_t i = 0; change == CHANGE_RESTART && i < next->n_peers; i++)
		restart[i] = true;
	return changes->n + changes->lost == before ? CHANGE_NONE : CHANGE_UPDATE;
}

/* What cannot change under a tunnel that is up. */
static void check_refused(
	const struct daemon *daemon, const struct configs *configs, struct config_errors *errors)
{
	char keys[128];

	for (size_t i = 0; i < configs->n; i++) {
		const struct config *next = &configs->list[i];
		const struct tunnel *tunnel = daemon_find(daemon, next->tunnel);

		if (tunnel &&
			change_interface(tunnel->config, next, keys, sizeof(keys)) == CHANGE_REFUSE)
			config_errors_add(errors, next->tunnel,
				"dietvpn down, then up: only a clean down may take the guard away",
				"%s: cannot change while %s is up", keys, next->tunnel);
	}
}

static int update_one(struct daemon *daemon, struct configs *configs, size_t i,
	struct daemon_changes *changes, struct config_errors *errors)
{
	const struct config *next = &configs->list[i];
	struct tunnel *tunnel = daemon_find(daemon, next->tunnel);
	bool *restart;
	struct config *config;
	int error = -ENOMEM;

	if (!tunnel)
		return 0;
	restart = calloc(next->n_peers + 1, sizeof(*restart));
	if (!restart)
		return -ENOMEM;
	if (compare(daemon, tunnel->config, next, restart, changes) == CHANGE_NONE) {
		free(restart);
		return 0;
	}
	config = configs_take(configs, i);
	if (config)
		error = tunnel_update(tunnel, config, restart, errors);
	free(restart);
	return error;
}

static int add_one(struct daemon *daemon, struct configs *configs, size_t i,
	struct daemon_changes *changes, struct config_errors *errors)
{
	if (daemon_find(daemon, configs->list[i].tunnel))
		return 0;
	line(changes, configs->list[i].tunnel, "", "added", "");
	return start_one(daemon, configs, i, errors);
}

static int apply(struct daemon *daemon, struct configs *configs, struct daemon_changes *changes,
	struct config_errors *errors)
{
	int error = 0;

	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		struct tunnel *tunnel = daemon->tunnels[i];

		if (!tunnel || configs_find(configs, tunnel->config->tunnel))
			continue;
		line(changes, tunnel->config->tunnel, "", "removed", "");
		tunnel_close(tunnel, false);
	}
	for (size_t i = 0; !error && i < configs->n; i++)
		error = update_one(daemon, configs, i, changes, errors);
	for (size_t i = 0; !error && i < configs->n; i++)
		error = add_one(daemon, configs, i, changes, errors);
	return error;
}

int daemon_reload(
	struct daemon *daemon, struct daemon_changes *changes, struct config_errors *errors)
{
	struct configs configs;
	int error;

	*changes = (struct daemon_changes){0};
	notify_reloading(&daemon->notify);
	error = load_checked(daemon, &configs, errors);
	if (!error)
		error = check_transport(daemon, &configs, errors);
	if (!error)
		check_refused(daemon, &configs, errors);
	if (!error && !errors->n)
		error = apply(daemon, &configs, changes, errors);
	configs_fini(&configs);
	daemon_give_back();
	daemon_tell_status(daemon);
	return error ? error : errors->n ? -EINVAL : 0;
}
