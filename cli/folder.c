/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration folder as the daemon would read it, for verbs that work without one. */
#include "cli/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *folder_dir(const struct cli *cli)
{
	const char *dir = cli->dir ? cli->dir : getenv("CONFIGURATION_DIRECTORY");

	return dir ? dir : "/etc/dietvpn";
}

struct folder *folder_create(void)
{
	return calloc(1, sizeof(struct folder));
}

void folder_destroy(struct folder *folder)
{
	if (!folder)
		return;
	for (size_t i = 0; i < folder->n; i++)
		config_fini(&folder->tunnels[i]);
	free(folder);
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

bool folder_is_empty(const char *dir)
{
	struct dirent **list;
	int count = scandir(dir, &list, is_conf, NULL);

	for (int i = 0; i < count; i++)
		free(list[i]);
	if (count >= 0)
		free(list);
	return count == 0 || (count < 0 && errno == ENOENT);
}

void folder_load_file(struct folder *folder, const char *path)
{
	if (folder->n < FOLDER_TUNNELS_MAX &&
		!config_load(path, &folder->tunnels[folder->n], &folder->errors))
		folder->n++;
}

void folder_load(struct folder *folder, const char *dir)
{
	struct dirent **list;
	int count = scandir(dir, &list, is_conf, alphasort);

	if (count < 0) {
		config_errors_add(&folder->errors, dir,
			errno == ENOENT ? "dietvpn init NAME or dietvpn adopt makes it"
					: "run it as root",
			"cannot be read: %s", strerror(errno));
		folder->forbidden = errno == EACCES;
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[CONFIG_PATH_MAX + 256];

		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		folder_load_file(folder, path);
		free(list[i]);
	}
	free(list);
	if (count == 0)
		config_errors_add(&folder->errors, dir, "dietvpn init, or dietvpn.conf(5)",
			"no NAME.conf here");
}

void folder_print_errors(const struct folder *folder)
{
	for (size_t i = 0; i < folder->errors.n; i++) {
		const struct config_error *e = &folder->errors.list[i];

		if (e->at[0])
			fprintf(stderr, "%s: %s\n", e->at, e->text);
		else
			fprintf(stderr, "%s\n", e->text);
		if (e->hint[0])
			fprintf(stderr, "hint: %s\n", e->hint);
	}
	if (folder->errors.lost)
		fprintf(stderr, "and %zu more\n", folder->errors.lost);
}
