/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the configuration folder, loaded and checked before anything is touched. */
#include "daemon/configs.h"

#include "daemon/tunnel.h"
#include "keying/plugin.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = ".conf";

static struct config *grow(struct configs *configs, bool owned)
{
	struct config *list = realloc(configs->list, (configs->n + 1) * sizeof(*list));
	bool *flags;

	if (!list)
		return NULL;
	configs->list = list;
	flags = realloc(configs->owned, (configs->n + 1) * sizeof(*flags));
	if (!flags)
		return NULL;
	configs->owned = flags;
	flags[configs->n] = owned;
	memset(&list[configs->n], 0, sizeof(*list));
	return &list[configs->n];
}

/* It says what is protected, and OnUp in it is a command. What cannot be seen, cannot be read. */
static int check_mode(const char *path, const char *name, struct config_errors *errors)
{
	struct stat st;

	if (stat(path, &st) || !(st.st_mode & S_IWOTH))
		return 0;
	config_errors_add(
		errors, name, "chmod o-w", "%.40s.conf can be written by everybody", name);
	return -EACCES;
}

int configs_add_file(
	const char *dir, const char *name, struct configs *configs, struct config_errors *errors)
{
	char path[CONFIG_PATH_MAX + CONFIG_NAME_MAX + sizeof(suffix)];
	int len = snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	struct config *config = grow(configs, true);
	int error;

	if (!config)
		return -ENOMEM;
	if (len < 0 || (size_t)len >= sizeof(path)) {
		config_errors_add(errors, name, "", "the path of this file is too long");
		return -ENAMETOOLONG;
	}
	error = check_mode(path, name, errors);
	if (!error)
		error = config_load(path, config, errors);
	if (!error)
		configs->n++;
	return error;
}

int configs_add_borrowed(struct configs *configs, const struct config *config)
{
	struct config *copy = grow(configs, false);

	if (!copy)
		return -ENOMEM;
	*copy = *config;
	configs->n++;
	return 0;
}

static int is_config(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len >= sizeof(suffix) && entry->d_name[0] != '.' &&
	       !strcmp(entry->d_name + len - (sizeof(suffix) - 1), suffix);
}

int configs_load(const char *dir, struct configs *configs, struct config_errors *errors)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_config, alphasort);
	int error = 0;

	*configs = (struct configs){0};
	if (n < 0) {
		config_errors_add(errors, dir, "-c names the folder of the *.conf files", "%s",
			strerror(errno));
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - (sizeof(suffix) - 1)] = '\0';
		if (configs_add_file(dir, name, configs, errors))
			error = -EINVAL;
		free(entries[i]);
	}
	free(entries);
	return error;
}

void configs_fini(struct configs *configs)
{
	for (size_t i = 0; i < configs->n; i++)
		if (configs->owned[i])
			config_fini(&configs->list[i]);
	free(configs->list);
	free(configs->owned);
	*configs = (struct configs){0};
}

static bool uses(const struct config *config, const char *keying)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].keying, keying))
			return true;
	return false;
}

static void check_with(const struct configs *configs, const struct plugin *plugin,
	const char *keying, struct config_errors *errors)
{
	for (size_t c = 0; c < configs->n; c++)
		if (uses(&configs->list[c], keying) &&
			!plugin_check_keys(plugin, &configs->list[c], errors))
			plugin_check(plugin, &configs->list[c], errors);
}

/* Seen before: in this file further up, or in a file before it. */
static bool seen(const struct configs *configs, size_t c, size_t p)
{
	const char *keying = configs->list[c].peers[p].keying;

	for (size_t i = 0; i < p; i++)
		if (!strcmp(configs->list[c].peers[i].keying, keying))
			return true;
	for (size_t i = 0; i < c; i++)
		if (uses(&configs->list[i], keying))
			return true;
	return false;
}

static void check_plugin(const struct configs *configs, size_t c, size_t p, const char *dir,
	struct config_errors *errors)
{
	const struct config_peer *peer = &configs->list[c].peers[p];
	struct plugin *plugin;
	char text[160] = "";
	char hint[96];
	char at[96];

	if (plugin_load(dir, peer->keying, &plugin, text, sizeof(text))) {
		snprintf(hint, sizeof(hint), "plugins are looked for in %.60s", dir);
		config_errors_add(errors, config_at(&configs->list[c], peer->at, at, sizeof(at)),
			hint, "Keying = %s: %s", peer->keying, text);
		return;
	}
	check_with(configs, plugin, peer->keying, errors);
	plugin_unload(plugin);
}

int configs_check(
	const struct configs *configs, const char *plugin_dir, struct config_errors *errors)
{
	config_check_all(configs->list, configs->n, errors);
	tunnel_check(configs->list, configs->n, errors);
	for (size_t c = 0; c < configs->n; c++)
		for (size_t p = 0; p < configs->list[c].n_peers; p++)
			if (!seen(configs, c, p))
				check_plugin(configs, c, p, plugin_dir, errors);
	return errors->n ? -EINVAL : 0;
}

struct config *configs_take(struct configs *configs, size_t i)
{
	struct config *config = malloc(sizeof(*config));

	if (config) {
		*config = configs->list[i];
		configs->owned[i] = false;
	}
	return config;
}

struct config *configs_find(const struct configs *configs, const char *tunnel)
{
	for (size_t i = 0; i < configs->n; i++)
		if (!strcmp(configs->list[i].tunnel, tunnel))
			return &configs->list[i];
	return NULL;
}

/* Where an exchange finds out whether there is a translator, "auto" may come out as raw. */
static bool may_be_raw(const struct config_peer *peer)
{
	return peer->encap == CONFIG_ENCAP_RAW ||
	       (peer->encap == CONFIG_ENCAP_AUTO && strcmp(peer->keying, "manual") != 0);
}

bool configs_raw(const struct configs *configs)
{
	for (size_t c = 0; c < configs->n; c++)
		for (size_t p = 0; p < configs->list[c].n_peers; p++)
			if (may_be_raw(&configs->list[c].peers[p]))
				return true;
	return false;
}

void configs_print_errors(FILE *to, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		const struct config_error *error = &errors->list[i];

		fprintf(to, "%s: %s\n", error->at, error->text);
		if (error->hint[0])
			fprintf(to, "hint: %s\n", error->hint);
	}
	if (errors->lost)
		fprintf(to, "and %zu more\n", errors->lost);
}
