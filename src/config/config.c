/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to struct config: sections in turn, then the checks between them. */
#include "config/config.h"

#include "config/build.h"
#include "config/keys.h"
#include "config/rules_kept.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void build_error(struct build *b, uint32_t row, const char *hint, const char *fmt, ...)
{
	char at[96];
	char text[224];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	ini_at(&b->config->ini, row, at, sizeof at);
	config_errors_add(b->errors, at, hint, "%s", text);
	b->n_errors++;
}

const char *build_section(const struct build *b, uint32_t row, char *out, size_t cap)
{
	const struct ini_row *r = &b->config->ini.rows[row];
	if (*r->name)
		snprintf(out, cap, "[%s \"%s\"]", r->section, r->name);
	else
		snprintf(out, cap, "[%s]", r->section);
	return out;
}

uint32_t build_section_end(const struct build *b, uint32_t heading)
{
	uint32_t row = heading + 1;
	while (row < b->config->ini.n_rows && b->config->ini.rows[row].key)
		row++;
	return row;
}

uint32_t build_row(const struct build *b, uint32_t heading, const char *key)
{
	uint32_t end = build_section_end(b, heading);
	for (uint32_t row = heading + 1; row < end; row++)
		if (strcmp(b->config->ini.rows[row].key, key) == 0)
			return row;
	return heading;
}

/* An earlier heading of the same section and name. */
static bool is_repeated(struct build *b, uint32_t heading)
{
	const struct ini_row *rows = b->config->ini.rows;
	for (uint32_t i = 0; i < heading; i++) {
		char at[96];
		char section[64];
		if (rows[i].key || strcmp(rows[i].section, rows[heading].section) != 0 ||
			strcmp(rows[i].name, rows[heading].name) != 0)
			continue;
		build_error(b, heading, "join both sections", "%s stands already at %s",
			build_section(b, heading, section, sizeof section),
			ini_at(&b->config->ini, i, at, sizeof at));
		return true;
	}
	return false;
}

static void unknown_section(struct build *b, uint32_t heading)
{
	static const char *const known[] = {"Interface", "Peer", "Group"};
	const struct ini_row *row = &b->config->ini.rows[heading];
	char hint[64] = "";
	const char *nearest = keys_nearest(row->section, known, 3);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	build_error(b, heading, hint, "unknown section [%.40s]", row->section);
}

/* Says whether the section is one to be read further. */
static bool check_heading(struct build *b, uint32_t heading)
{
	const struct ini_row *row = &b->config->ini.rows[heading];
	bool interface = strcmp(row->section, "Interface") == 0;
	bool peer = strcmp(row->section, "Peer") == 0;
	char section[64];
	build_section(b, heading, section, sizeof section);
	if (strcmp(row->section, "Group") == 0)
		build_error(b, heading, "leave the section out",
			"%s: groups are not in this version", section);
	else if (!interface && !peer)
		unknown_section(b, heading);
	else if (interface && *row->name)
		build_error(b, heading, "write [Interface]", "[Interface] has no name");
	else if (peer && !*row->name)
		build_error(b, heading, "write [Peer \"NAME\"]", "[Peer] needs a name");
	else if (is_repeated(b, heading))
		return false;
	else if (build_section_end(b, heading) == heading + 1)
		build_error(b, heading, "give it keys or leave it out", "%s has no keys", section);
	else
		return true;
	return false;
}

static size_t count_peers(const struct ini *ini)
{
	size_t n = 0;
	for (size_t i = 0; i < ini->n_rows; i++)
		n += !ini->rows[i].key && strcmp(ini->rows[i].section, "Peer") == 0;
	return n;
}

static void build_peers(struct build *b)
{
	struct config *config = b->config;
	bool interface_ok = b->n_errors == 0;
	size_t n = count_peers(&config->ini);
	if (n > CONFIG_PEERS_MAX) {
		build_error(b, UINT32_MAX, NULL, "more than %d peers", CONFIG_PEERS_MAX);
		return;
	}
	config->peers = n ? calloc(n, sizeof *config->peers) : NULL;
	if (n && !config->peers) {
		b->no_memory = true;
		return;
	}
	for (uint32_t i = 0; i < config->ini.n_rows; i++) {
		const struct ini_row *row = &config->ini.rows[i];
		if (row->key || strcmp(row->section, "Interface") == 0 || !check_heading(b, i))
			continue;
		size_t before = b->n_errors;
		struct config_peer *peer = &config->peers[config->n_peers++];
		build_peer(b, i, peer);
		/* What follows from wrong lines would only be noise. */
		if (interface_ok && b->n_errors == before)
			build_selectors(b, peer);
		if (interface_ok && b->n_errors == before)
			build_check_peer(b, peer);
	}
}

static bool build_interfaces(struct build *b)
{
	bool found = false;
	for (uint32_t i = 0; i < b->config->ini.n_rows; i++) {
		const struct ini_row *row = &b->config->ini.rows[i];
		if (row->key || strcmp(row->section, "Interface") != 0)
			continue;
		if (check_heading(b, i) && !found)
			build_interface(b, i);
		found = true;
	}
	if (!found)
		build_error(b, UINT32_MAX, "see dietvpn.conf(5)", "no [Interface] section");
	return found;
}

/* config->ini is read, tunnel and dir are set; all else follows. */
static int build(struct config *config, struct config_errors *errors)
{
	struct build b = {.config = config, .errors = errors};
	if (build_interfaces(&b))
		build_peers(&b);
	if (b.n_errors == 0 && !b.no_memory)
		build_check_peers(&b);
	if (b.no_memory) {
		config_errors_add(errors, config->tunnel, NULL, "not enough memory");
		return -ENOMEM;
	}
	return b.n_errors ? -EINVAL : 0;
}

static int set_tunnel(
	struct config *config, const char *name, size_t len, struct config_errors *errors)
{
	if (len == 0 || len > INI_NAME_MAX || name[0] == '.') {
		config_errors_add(errors, name, NULL, "the name of a tunnel has 1 to %d characters",
			INI_NAME_MAX);
		return -EINVAL;
	}
	snprintf(config->tunnel, sizeof config->tunnel, "%.*s", (int)len, name);
	return 0;
}

static int finish(int err, struct config *config, struct config *out, struct config_errors *errors)
{
	if (!err)
		err = build(config, errors);
	if (err)
		config_fini(config);
	else
		*out = *config;
	return err;
}

int config_load(const char *path, struct config *out, struct config_errors *errors)
{
	struct config config = {0};
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t dir_len = slash ? (size_t)(slash - path) : 0;
	int err;
	if (dir_len >= sizeof config.dir) {
		config_errors_add(errors, name, NULL, "its folder's name is too long");
		return -ENAMETOOLONG;
	}
	snprintf(config.dir, sizeof config.dir, "%.*s", (int)dir_len, path);
	if (dir_len == 0)
		snprintf(config.dir, sizeof config.dir, "%s", slash ? "/" : ".");
	err = ini_read(path, &config.ini, errors);
	if (!err)
		err = set_tunnel(&config, name, strlen(name) - strlen(".conf"), errors);
	return finish(err, &config, out, errors);
}

int config_load_text(const char *tunnel, const char *text, size_t len, struct config *out,
	struct config_errors *errors)
{
	struct config config = {.dir = "."};
	char shown[CONFIG_NAME_MAX + 8];
	int err = set_tunnel(&config, tunnel, strlen(tunnel), errors);
	snprintf(shown, sizeof shown, "%s.conf", config.tunnel);
	if (!err)
		err = ini_read_text(shown, text, len, &config.ini, errors);
	return finish(err, &config, out, errors);
}

void config_fini(struct config *config)
{
	for (size_t i = 0; i < config->n_peers; i++) {
		free(config->peers[i].routes);
		free(config->peers[i].keys);
	}
	free(config->peers);
	rules_kept_free(config);
	ini_fini(&config->ini);
	*config = (struct config){0};
}

const char *config_at(const struct config *config, uint32_t at, char *out, size_t cap)
{
	return ini_at(&config->ini, at, out, cap);
}

const char *config_path(const struct config *config, const char *value, char *out, size_t cap)
{
	if (value[0] == '/')
		snprintf(out, cap, "%s", value);
	else
		snprintf(out, cap, "%s/%s", config->dir, value);
	return out;
}
