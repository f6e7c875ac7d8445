/* SPDX-License-Identifier: Apache-2.0 */
/* Keying plugins: every check that stands between a file NAME.so and a call into it (house.md 5.3,
 * rules 2 to 4). */
#include "keying/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLUGIN_NAME_MAX = 31, PLUGIN_KEYS_MAX = 64, WRITABLE_BY_OTHERS = 022 };

struct plugin {
	void *module;
	const struct keying_plugin_ops *ops;
};

struct text {
	char *out;
	size_t len;
};

__attribute__((format(printf, 3, 4))) static int fail(
	const struct text *text, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text->out, text->len, fmt, args);
	va_end(args);
	return error;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= PLUGIN_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int check_file(const char *path, const char *name, const struct text *text)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT
			       ? fail(text, -ENOENT, "no keying plugin \"%s\": %s is not there",
					 name, path)
			       : fail(text, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(text, -EINVAL, "%s is not a regular file", path);
	if (st.st_mode & WRITABLE_BY_OTHERS)
		return fail(text, -EACCES, "%s can be written by group or others", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail(text, -EACCES, "%s belongs neither to root nor to this user", path);
	return access(path, R_OK) ? fail(text, -EACCES, "%s cannot be read", path) : 0;
}

static int check_slots(
	const struct keying_plugin_ops *ops, const char *path, const struct text *text)
{
	const struct {
		const char *name;
		bool present;
	} slots[] = {
		{"name", ops->name},
		{"summary", ops->summary},
		{"keys", ops->keys},
		{"check", ops->check},
		{"create", ops->create},
		{"start", ops->start},
		{"stop", ops->stop},
		{"destroy", ops->destroy},
	};

	for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
		if (!slots[i].present)
			return fail(text, -EINVAL, "%s lacks the slot \"%s\"", path, slots[i].name);
	return 0;
}

static int check_keys(
	const struct keying_plugin_ops *ops, const char *path, const struct text *text)
{
	size_t n = 0;

	for (const struct keying_key *key = ops->keys; key->name; key++) {
		if (++n > PLUGIN_KEYS_MAX)
			return fail(
				text, -EINVAL, "%s has more than %d keys", path, PLUGIN_KEYS_MAX);
		if (!key->help || key->name[0] < 'A' || key->name[0] > 'Z')
			return fail(text, -EINVAL,
				"%s: key \"%s\" has no help or is not in CamelCase", path,
				key->name);
	}
	return 0;
}

/* abi and size are looked at first: they say how much of the rest there is. */
static int check_ops(const struct keying_plugin_ops *ops, const char *path, const char *name,
	const struct text *text)
{
	int r;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): open_module() found the table */
	if (ops->abi != KEYING_ABI)
		return fail(text, -EPROTO, "%s speaks ABI %u of the keying door, this daemon %u",
			path, ops->abi, KEYING_ABI);
	/* The last slot of ABI 1: a table may be longer, never shorter. */
	if (ops->size < offsetof(struct keying_plugin_ops, destroy) + sizeof ops->destroy)
		return fail(text, -EPROTO, "%s has a table of %u octets, too short for ABI %u",
			path, ops->size, KEYING_ABI);
	r = check_slots(ops, path, text);
	if (!r && strcmp(ops->name, name) != 0)
		r = fail(text, -EINVAL, "%s calls itself \"%s\": name and file name must be equal",
			path, ops->name);
	return r ? r : check_keys(ops, path, text);
}

static int open_module(const char *path, struct plugin *plugin, const struct text *text)
{
	const char *why;

	plugin->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin->module) {
		why = dlerror();
		return fail(text, -ENOEXEC, "%s cannot be loaded: %s", path, why ? why : "?");
	}
	plugin->ops = dlsym(plugin->module, "keying_plugin");
	if (!plugin->ops)
		return fail(text, -ENOEXEC, "%s has no symbol keying_plugin", path);
	return 0;
}

int plugin_load(const char *dir, const char *name, struct plugin **out, char *text, size_t text_len)
{
	const struct text why = {text, text_len};
	char path[PATH_MAX];
	struct plugin *plugin;
	int r;

	if (!name_ok(name))
		return fail(&why, -EINVAL, "\"%s\" is not a plugin's name", name);
	if (snprintf(path, sizeof path, "%s/%s.so", dir, name) >= (int)sizeof path)
		return fail(&why, -ENAMETOOLONG, "the plugin folder's path is too long");
	r = check_file(path, name, &why);
	if (r)
		return r;
	plugin = calloc(1, sizeof *plugin);
	if (!plugin)
		return fail(&why, -ENOMEM, "no memory for plugin \"%s\"", name);
	r = open_module(path, plugin, &why);
	if (!r)
		r = check_ops(plugin->ops, path, name, &why);
	if (r) {
		plugin_unload(plugin);
		return r;
	}
	*out = plugin;
	return 0;
}

void plugin_unload(struct plugin *plugin)
{
	if (!plugin)
		return;
	if (plugin->module)
		dlclose(plugin->module);
	free(plugin);
}

const struct keying_plugin_ops *plugin_ops(const struct plugin *plugin)
{
	return plugin->ops;
}

const struct keying_key *plugin_find_key(const struct plugin *plugin, const char *name)
{
	for (const struct keying_key *key = plugin->ops->keys; key->name; key++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}
