/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin gets of the configuration: its keys of [Peer] judged, the rest as CBOR, and its
 * secret files (house.md 5.3, rule 6). */
#include "keying/plugin.h"

#include "base/log.h"
#include "codec/tree.h"
#include "config/keys.h"
#include "config/rules.h"
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECRET_FILE_MAX = 4096,
	KEY_OCTETS_MIN = 16, /* what base64 of stands for a key, and not for a path */
	KEY_OCTETS_MAX = 512,
	READABLE_BY_OTHERS = 077,
	WRITABLE_BY_OTHERS = 022,
	NAMES_MAX = 192,
	AT_MAX = 96
};

static const struct config_peer *find_peer(
	const struct config *config, const char *name, size_t len)
{
	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];

		if (strlen(peer->name) == len && !memcmp(peer->name, name, len))
			return peer;
	}
	return NULL;
}

static const struct config_plugin_key *find_value(const struct config_peer *peer, const char *name)
{
	for (size_t i = 0; i < peer->n_keys; i++)
		if (!strcmp(peer->keys[i].name, name))
			return &peer->keys[i];
	return NULL;
}

/* The secret files of [Interface]; NULL where it has none of this name. */
static const char *interface_path(const struct config *config, const char *name)
{
	const struct config_interface *interface = &config->interface;
	const char *path = !strcmp(name, "Psk")      ? interface->psk
			   : !strcmp(name, "Key")    ? interface->key
			   : !strcmp(name, "Master") ? interface->master
						     : "";

	return path[0] ? path : NULL;
}

/* [Interface] has a default for what a peer lacks, but not for a key of its own alone. */
static const char *secret_path(const struct config *config, const char *name)
{
	const char *slash = strrchr(name, '/');
	const struct config_plugin_key *value;
	const struct config_peer *peer;

	if (!slash)
		return interface_path(config, name);
	peer = find_peer(config, name, (size_t)(slash - name));
	if (!peer)
		return NULL;
	value = find_value(peer, slash + 1);
	if (value)
		return value->value;
	return strcmp(slash + 1, "Master") != 0 ? interface_path(config, slash + 1) : NULL;
}

/* Whoever alone may put files into the folder could have put this one there: such a folder vouches
 * for its own owner's files. It matters before the daemon has dropped to its user. */
static bool owner_ok(const struct stat *file, int dir)
{
	struct stat folder;

	if (file->st_uid == 0 || file->st_uid == geteuid())
		return true;
	return !fstat(dir, &folder) && folder.st_uid == file->st_uid &&
	       !(folder.st_mode & WRITABLE_BY_OTHERS);
}

static int check_secret_file(int fd, int dir)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_mode & READABLE_BY_OTHERS || !owner_ok(&st, dir))
		return -EACCES;
	return st.st_size > SECRET_FILE_MAX ? -EMSGSIZE : 0;
}

/* Cuts path at its last slash and opens the folder before it; what comes after it is in *name. */
static int open_folder(char *path, const char **name)
{
	char *slash = strrchr(path, '/');
	const char *folder = !slash ? "." : slash == path ? "/" : path;
	int dir;

	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

static int read_all(int fd, uint8_t *out, size_t cap, size_t *len)
{
	uint8_t more;
	ssize_t n;

	*len = 0;
	while (*len < cap) {
		n = read(fd, out + *len, cap - *len);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
	}
	n = read(fd, &more, 1);
	return n < 0 ? -errno : n == 0 ? 0 : -EMSGSIZE;
}

/* The content of a secret file; 0 or negative errno, then *len octets of out may be secret. */
static int read_secret_file(char *path, uint8_t *out, size_t cap, size_t *len)
{
	const char *name;
	int dir = open_folder(path, &name);
	int fd;
	int r;

	if (dir < 0)
		return dir;
	/* NONBLOCK: a FIFO in its place must not stop the daemon. */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? (errno == ELOOP ? -EACCES : -errno) : check_secret_file(fd, dir);
	close(dir);
	if (!r)
		r = read_all(fd, out, cap, len);
	if (fd >= 0)
		close(fd);
	return r;
}

int plugin_read_secret(
	const struct config *config, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	const char *value = secret_path(config, name);
	char path[PATH_MAX];
	size_t n = 0;
	int r;

	if (!value)
		return -ENOENT;
	config_path(config, value, path, sizeof path);
	r = read_secret_file(path, out, cap, &n);
	if (r) {
		secret_wipe(out, n);
		return r;
	}
	while (n && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		n--;
	*len = n;
	return 0;
}

/* The nearest name that this plugin or the core knows in [Peer]. */
static const char *suggest(const struct plugin *plugin, const char *name)
{
	const char *names[NAMES_MAX];
	const struct config_key *key;
	size_t n = 0;

	for (const struct keying_key *own = plugin_ops(plugin)->keys; own->name; own++)
		if (n < NAMES_MAX)
			names[n++] = own->name;
	for (size_t i = 0; (key = keys_at(i)); i++)
		if (n < NAMES_MAX && !strcmp(key->section, "Peer"))
			names[n++] = key->name;
	return keys_nearest(name, names, n);
}

static void refuse_unknown(const struct plugin *plugin, const struct config_peer *peer,
	const struct config_plugin_key *value, const char *at, struct config_errors *errors)
{
	const char *near = suggest(plugin, value->name);
	char hint[AT_MAX] = "";

	if (near)
		snprintf(hint, sizeof hint, "did you mean %s?", near);
	config_errors_add(errors, at, hint, "Keying = %s does not know key \"%s\" in [Peer \"%s\"]",
		plugin_ops(plugin)->name, value->name, peer->name);
}

/* Someone may have written the key where its file belongs: then it must not be said again. */
static bool may_be_key(const char *value)
{
	uint8_t octets[KEY_OCTETS_MAX];
	size_t len = 0;
	int r = secret_from_base64(value, strlen(value), octets, sizeof octets, &len);

	secret_wipe(octets, sizeof octets);
	return r == 0 && len >= KEY_OCTETS_MIN;
}

/* name: as plugin_read_secret takes it; value: the key and its file. */
static int check_secret_key(const struct config *config, const char *name,
	const struct config_plugin_key *value, const char *at, struct config_errors *errors)
{
	uint8_t content[SECRET_FILE_MAX];
	size_t len = 0;
	int r = plugin_read_secret(config, name, content, sizeof content, &len);

	if (!r)
		secret_wipe(content, len);
	if (r == -EACCES)
		config_errors_add(errors, at, "chmod 600, owner root or the daemon's user",
			"%s: %s must be a regular file that nobody else can read", value->name,
			value->value);
	else if (r == -EMSGSIZE)
		config_errors_add(errors, at, "", "%s: %s is larger than %d octets", value->name,
			value->value, SECRET_FILE_MAX);
	else if (r && may_be_key(value->value))
		config_errors_add(errors, at, "a key goes into a file of its own, mode 600",
			"%s does not name a file that can be read: %s", value->name, strerror(-r));
	else if (r)
		config_errors_add(
			errors, at, "", "%s: %s: %s", value->name, value->value, strerror(-r));
	return r ? -EINVAL : 0;
}

static int check_value(const struct plugin *plugin, const struct config *config,
	const struct config_peer *peer, size_t index, struct config_errors *errors)
{
	const struct config_plugin_key *value = &peer->keys[index];
	const struct keying_key *key = plugin_find_key(plugin, value->name);
	char name[CONFIG_NAME_MAX + CONFIG_KEY_MAX + 1];
	char at[AT_MAX];

	config_at(config, value->at, at, sizeof at);
	if (!key) {
		refuse_unknown(plugin, peer, value, at, errors);
		return -EINVAL;
	}
	if (find_value(peer, value->name) != value) {
		config_errors_add(errors, at, "", "key \"%s\" stands twice in [Peer \"%s\"]",
			value->name, peer->name);
		return -EINVAL;
	}
	snprintf(name, sizeof name, "%s/%s", peer->name, value->name);
	if (key->flags & KEYING_KEY_SECRET_FILE)
		return check_secret_key(config, name, value, at, errors);
	return 0;
}

/* A template needs a plugin that knows peers by name, and the master that it may derive from. */
static int check_template(const struct plugin *plugin, const struct config *config,
	const struct config_peer *peer, struct config_errors *errors)
{
	const struct config_interface *interface = &config->interface;
	const struct config_plugin_key master = {
		.name = "Master", .value = interface->master, .at = interface->master_at};
	char at[AT_MAX];

	if (!PLUGIN_HAS(plugin_ops(plugin), manage)) {
		config_errors_add(errors, config_at(config, peer->at, at, sizeof at),
			"write one [Peer] per device, or choose another Keying",
			"[Peer \"%s\"] is a template: Keying = %s has no enrolment", peer->name,
			plugin_ops(plugin)->name);
		return -EINVAL;
	}
	if (!interface->master[0])
		return 0;
	config_at(config, master.at, at, sizeof at);
	return check_secret_key(config, master.name, &master, at, errors);
}

static int check_peer(const struct plugin *plugin, const struct config *config,
	const struct config_peer *peer, struct config_errors *errors)
{
	char at[AT_MAX];
	int r = 0;

	if (peer->template && check_template(plugin, config, peer, errors))
		return -EINVAL; /* what else its keys are would only be noise */
	for (size_t i = 0; i < peer->n_keys; i++)
		if (check_value(plugin, config, peer, i, errors))
			r = -EINVAL;
	config_at(config, peer->at, at, sizeof at);
	for (const struct keying_key *key = plugin_ops(plugin)->keys; key->name; key++) {
		if (!(key->flags & KEYING_KEY_REQUIRED) || find_value(peer, key->name))
			continue;
		config_errors_add(errors, at, key->help,
			"Keying = %s needs key %s in [Peer \"%s\"]", plugin_ops(plugin)->name,
			key->name, peer->name);
		r = -EINVAL;
	}
	return r;
}

int plugin_check_keys(
	const struct plugin *plugin, const struct config *config, struct config_errors *errors)
{
	int r = 0;

	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].keying, plugin_ops(plugin)->name) &&
			check_peer(plugin, config, &config->peers[i], errors))
			r = -EINVAL;
	return r;
}

static void put_endpoint(struct tree_writer *w, const struct ip_endpoint *endpoint)
{
	tree_put_array(w, 2);
	tree_put_bytes(w, endpoint->addr.bytes, ip_addr_len(&endpoint->addr));
	tree_put_uint(w, endpoint->port);
}

/* One side of a selector, with the keys that a two-sided one has for its first side. */
static void put_ts(struct tree_writer *w, const struct ts *ts)
{
	tree_put_map(w, 3);
	tree_put_uint(w, 0);
	tree_put_array(w, 2);
	tree_put_bytes(w, ts->addr_start.bytes, ip_addr_len(&ts->addr_start));
	tree_put_bytes(w, ts->addr_end.bytes, ip_addr_len(&ts->addr_end));
	tree_put_uint(w, 2);
	tree_put_uint(w, ts->ip_proto);
	tree_put_uint(w, 3);
	tree_put_array(w, 2);
	tree_put_uint(w, ts->port_start);
	tree_put_uint(w, ts->port_end);
}

static void put_selectors(struct tree_writer *w, const char *key, const struct ts *ts, size_t n)
{
	tree_put_text(w, key);
	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		put_ts(w, &ts[i]);
}

static void put_text_pair(struct tree_writer *w, const char *key, const char *value)
{
	tree_put_text(w, key);
	tree_put_text(w, value);
}

static void put_prefixes(struct tree_writer *w, const struct ip_prefix *list, size_t n)
{
	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++) {
		tree_put_array(w, 2);
		tree_put_bytes(w, list[i].addr.bytes, ip_addr_len(&list[i].addr));
		tree_put_uint(w, list[i].len);
	}
}

static void put_own(struct tree_writer *w, const struct config_interface *interface)
{
	tree_put_text(w, "addresses");
	if (interface->address_auto)
		tree_put_text(w, "auto");
	else
		put_prefixes(w, interface->addresses, interface->n_addresses);
}

static void put_suites(struct tree_writer *w, const struct config_peer *peer)
{
	tree_put_text(w, "suites");
	tree_put_array(w, peer->n_ciphers);
	for (size_t i = 0; i < peer->n_ciphers; i++) {
		tree_put_array(w, 2);
		tree_put_uint(w, peer->ciphers[i].encr);
		tree_put_uint(w, peer->ciphers[i].key_bits);
	}
}

static void put_value(struct tree_writer *w, const char *text, uint32_t at)
{
	tree_put_array(w, 2);
	tree_put_text(w, text);
	tree_put_uint(w, at);
}

static void put_values(struct tree_writer *w, const struct config_peer *peer)
{
	tree_put_text(w, "keys");
	tree_put_map(w, peer->n_keys);
	for (size_t i = 0; i < peer->n_keys; i++) {
		tree_put_text(w, peer->keys[i].name);
		put_value(w, peer->keys[i].value, peer->keys[i].at);
	}
}

static void put_peer(struct tree_writer *w, const struct config_peer *peer, uint32_t policy)
{
	static const char *const roles[] = {[ROLE_BOTH] = "both",
		[ROLE_INITIATOR] = "initiator",
		[ROLE_RESPONDER] = "responder"};
	static const char *const encaps[] = {[CONFIG_ENCAP_AUTO] = "auto",
		[CONFIG_ENCAP_UDP] = "udp",
		[CONFIG_ENCAP_RAW] = "raw"};
	bool known = peer->endpoint.addr.family != 0;
	bool named = !known && peer->endpoint_host[0];

	tree_put_map(w, 14u + known + named + peer->template);
	put_text_pair(w, "name", peer->name);
	tree_put_text(w, "policy");
	tree_put_uint(w, policy);
	if (peer->template) {
		tree_put_text(w, "template");
		tree_put_bool(w, true);
	}
	put_text_pair(w, "role", roles[peer->role]);
	put_text_pair(w, "id", peer->id);
	if (known) {
		tree_put_text(w, "endpoint");
		put_endpoint(w, &peer->endpoint);
	}
	if (named)
		put_text_pair(w, "endpoint", peer->endpoint_host);
	put_text_pair(w, "encap", encaps[peer->encap]);
	put_suites(w, peer);
	put_selectors(w, "local", peer->ts_local, peer->n_ts_local);
	put_selectors(w, "remote", peer->ts_remote, peer->n_ts_remote);
	tree_put_text(w, "addresses");
	put_prefixes(w, peer->addresses, peer->n_addresses);
	tree_put_text(w, "attrs");
	rules_attrs_write(w, &peer->attrs);
	put_text_pair(w, "start", peer->start == START_BOOT ? "boot" : "on-traffic");
	tree_put_text(w, "sleepy");
	tree_put_bool(w, peer->sleepy);
	put_text_pair(w, "retransmission", peer->lossy ? "lossy" : "normal");
	put_values(w, peer);
}

void plugin_write_config(struct tree_writer *w, const struct config *config, const char *name,
	const uint32_t *policies)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_peers; i++)
		n += !strcmp(config->peers[i].keying, name);
	tree_put_map(w, config->interface.master[0] ? 5 : 4);
	put_text_pair(w, "tunnel", config->tunnel);
	put_own(w, &config->interface);
	if (config->interface.master[0]) {
		tree_put_text(w, "master");
		put_value(w, config->interface.master, config->interface.master_at);
	}
	tree_put_text(w, "listen");
	tree_put_array(w, 2);
	tree_put_uint(w, config->interface.listen_ike);
	tree_put_uint(w, config->interface.listen_nat);
	tree_put_text(w, "peers");
	tree_put_array(w, n);
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].keying, name))
			put_peer(w, &config->peers[i], policies ? policies[i] : (uint32_t)i);
}

/* The small host of a check: no SA, no socket, no state. */
struct checker {
	struct keying_host table; /* first: what a plugin hands back is the checker */
	const char *plugin;
	const struct config *config;
	struct config_errors *errors;
	size_t *complaints;
};

static const struct checker *checker_of(const struct keying_host *host)
{
	return (const struct checker *)(const void *)host;
}

static void checker_log(const struct keying_host *host, enum keying_log level, const char *text)
{
	static const enum log_level levels[] = {
		LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	if ((unsigned)level <= KEYING_DEBUG && text)
		log_line(levels[level], checker_of(host)->plugin, "%s", text);
}

static void checker_error(
	const struct keying_host *host, uint32_t at, const char *text, const char *hint)
{
	const struct checker *checker = checker_of(host);
	char place[AT_MAX];

	++*checker->complaints;
	config_errors_add(checker->errors, config_at(checker->config, at, place, sizeof place),
		hint ? hint : "", "%s", text);
}

static int checker_secret(
	const struct keying_host *host, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	return plugin_read_secret(checker_of(host)->config, name, out, cap, len);
}

int plugin_check(
	const struct plugin *plugin, const struct config *config, struct config_errors *errors)
{
	const struct keying_plugin_ops *ops = plugin_ops(plugin);
	size_t complaints = 0;
	const struct checker checker = {
		.table = {.abi = KEYING_ABI,
			.size = sizeof checker.table,
			.log = checker_log,
			.config_error = checker_error,
			.secret = checker_secret},
		.plugin = ops->name,
		.config = config,
		.errors = errors,
		.complaints = &complaints,
	};
	struct tree_writer w;
	int r;

	tree_writer_init(&w);
	plugin_write_config(&w, config, ops->name, NULL);
	r = w.error;
	if (!r)
		r = ops->check(&checker.table, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
	if (r && !complaints)
		config_errors_add(errors, config->tunnel, "", "Keying = %s refuses this file: %s",
			ops->name, strerror(r < 0 ? -r : r));
	return r || complaints ? -EINVAL : 0;
}
