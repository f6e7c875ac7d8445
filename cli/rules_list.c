/* SPDX-License-Identifier: Apache-2.0 */
/* rules list: the sets of a running daemon, then the rule files that Compress = NAME finds, with
 * the digests that two ends compare. */
#include "cli/rules.h"

#include "cli/folder.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/rules_live.h"
#include "config/preset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_LEN = 4096, NAME_CELL = 256 };

struct listing {
	json_t *files;
	bool failed;
};

static int is_rule_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".cbor") == 0;
}

static bool is_listed(const struct listing *listing, const char *name)
{
	size_t i;
	json_t *file;

	json_array_foreach(listing->files, i,
		file) if (strcmp(json_text(file, "name", ""), name) == 0) return true;
	return false;
}

static void add_file(struct listing *listing, const char *dir, const char *entry)
{
	char path[PATH_LEN];
	char name[NAME_CELL];
	struct rules rules;
	json_t *file;

	snprintf(path, sizeof path, "%s/%s", dir, entry);
	snprintf(name, sizeof name, "%.*s", (int)strlen(entry) - 5, entry);
	if (is_listed(listing, name))
		return; /* the first folder wins */
	if (rules_open(path, &rules)) {
		listing->failed = true;
		return;
	}
	file = json_pack("{s:s,s:s,s:I,s:I,s:i,s:s}", "name", name, "path", path, "octets",
		(json_int_t)rules.octets, "profiles", (json_int_t)tree_count(rules.file.profiles),
		"rules", (int)rules.set.set.n, "digest", rules.digest);
	rules_put_set(&rules, file);
	json_array_append_new(listing->files, file);
	rules_close(&rules);
}

static void add_folder(struct listing *listing, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_rule_file, alphasort);

	if (n < 0) {
		if (errno != ENOENT) {
			cli_fail(CLI_FAILED, "", "%s: %s", dir, strerror(errno));
			listing->failed = true;
		}
		return;
	}
	for (int i = 0; i < n; i++) {
		add_file(listing, dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

static const char *short_digest(const json_t *file, const char *key, char *out)
{
	snprintf(out, RULES_DIGEST_SHOWN + 1, "%s", json_text(file, key, ""));
	return out;
}

static void add_row(struct table *table, const json_t *file)
{
	bool versioned = json_object_get(file, "version") != NULL;
	char text[6][24];

	snprintf(text[0], sizeof text[0], "%lld", json_number(file, "profiles", 0));
	snprintf(text[1], sizeof text[1], "%lld", json_number(file, "rules", 0));
	snprintf(text[2], sizeof text[2], "%lld", json_number(file, "version", 0));
	snprintf(text[3], sizeof text[3], "%lld", json_number(file, "octets", 0));
	table_row(table, json_text(file, "name", ""), text[0], text[1], versioned ? text[2] : NULL,
		text[3], short_digest(file, "digest", text[4]),
		short_digest(file, "rules_digest", text[5]));
}

static size_t folder_len(const json_t *file)
{
	const char *path = json_text(file, "path", "");
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* A table for each folder that has one. */
static void print_files(const json_t *files, bool colour)
{
	struct table table;
	const json_t *file;

	for (size_t i = 0; i < json_array_size(files);) {
		const char *path = json_text(json_array_get(files, i), "path", "");
		size_t len = folder_len(json_array_get(files, i));

		printf("files in %.*s\n", (int)len, path);
		table_init(&table, 7);
		table_row(&table, "NAME", "PROFILES", "RULES", "VERSION", "OCTETS", "DIGEST",
			"RULES-DIGEST");
		for (; (file = json_array_get(files, i)) && folder_len(file) == len &&
			!strncmp(json_text(file, "path", ""), path, len);
			i++)
			add_row(&table, file);
		table_print(&table, colour);
	}
}

int rules_list(const struct cli *cli)
{
	struct listing listing = {.files = json_array()};
	char own[PATH_LEN];
	json_t *sets;
	int status;

	if (cli->argc)
		return cli_fail(CLI_USAGE, "dietvpn rules list", "rules list takes no argument");
	status = rules_live_ask(cli, &sets);
	snprintf(own, sizeof own, "%s/rules", folder_dir(cli));
	add_folder(&listing, own);
	add_folder(&listing, PRESET_DIR);
	if (cli->json) {
		json_t *result = json_pack("{s:O,s:O}", "sets", sets, "files", listing.files);

		json_print(result);
		json_decref(result);
	} else if (!cli->cbor) {
		rules_live_print(sets, cli->verbose, cli->colour);
		print_files(listing.files, cli->colour);
	}
	json_decref(sets);
	json_decref(listing.files);
	return listing.failed ? CLI_CONFIG : status;
}
