/* SPDX-License-Identifier: Apache-2.0 */
/* NAME.conf and then the .conf files of NAME.d in order of their names, each into the same rows. */
#include "config/ini.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4096, PATH_LEN = 4096, NAME_LEN = 256 };

static int open_regular(const char *path, size_t *size)
{
	/* Non-blocking, so that a FIFO put there cannot stop the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return -errno;
	int err = fstat(fd, &st)              ? -errno
		  : S_ISDIR(st.st_mode)       ? -EISDIR
		  : !S_ISREG(st.st_mode)      ? -EINVAL
		  : st.st_size > INI_FILE_MAX ? -EFBIG
					      : 0;
	if (err) {
		close(fd);
		return err;
	}
	*size = (size_t)st.st_size;
	return fd;
}

static int slurp(const char *path, char **text, size_t *len)
{
	size_t size = 0;
	int fd = open_regular(path, &size);
	if (fd < 0)
		return fd;
	char *data = malloc(size + 1);
	int err = data ? 0 : -ENOMEM;
	size_t have = 0;
	while (!err && have < size) {
		ssize_t n = read(fd, data + have, size - have);
		if (n == 0)
			break;
		if (n > 0)
			have += (size_t)n;
		else if (errno != EINTR)
			err = -errno;
	}
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	*text = data;
	*len = have;
	return 0;
}

static int add_file(
	const char *path, const char *shown, struct ini *ini, struct config_errors *errors)
{
	char *text;
	size_t len;
	int err = slurp(path, &text, &len);
	if (err) {
		config_errors_add(errors, shown,
			err == -ENOENT   ? "dietvpn init NAME or dietvpn adopt writes one"
			: err == -EACCES ? "chgrp to the daemon's group, _dietvpn, and chmod 640"
					 : NULL,
			"cannot be read: %s", strerror(-err));
		return err;
	}
	err = ini_add_text(shown, text, len, ini, errors);
	free(text);
	return err;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int add_folder(
	const char *folder, const char *shown, struct ini *ini, struct config_errors *errors)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_conf, by_name);
	int err = 0;
	if (n < 0) {
		if (errno == ENOENT)
			return 0;
		err = -errno;
		config_errors_add(errors, shown, NULL, "cannot be read: %s", strerror(errno));
		return err;
	}
	if (n > FILES_MAX) {
		config_errors_add(errors, shown, NULL, "more than %d files", FILES_MAX);
		err = -E2BIG;
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_LEN + NAME_LEN];
		char name[NAME_LEN + 64];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		snprintf(name, sizeof name, "%.60s/%s", shown, entries[i]->d_name);
		int e = n > FILES_MAX ? 0 : add_file(path, name, ini, errors);
		err = err ? err : e;
		free(entries[i]);
	}
	free(entries);
	return err;
}

int ini_read(const char *path, struct ini *ini, struct config_errors *errors)
{
	const char *slash = strrchr(path, '/');
	const char *shown = slash ? slash + 1 : path;
	size_t len = strlen(path);
	char folder[PATH_LEN];
	char shown_folder[64];
	*ini = (struct ini){0};
	if (len < 5 || strcmp(path + len - 5, ".conf") != 0 || len >= sizeof folder) {
		config_errors_add(
			errors, shown, NULL, "the name of a configuration ends with .conf");
		return -EINVAL;
	}
	snprintf(folder, sizeof folder, "%.*s.d", (int)len - 5, path);
	snprintf(shown_folder, sizeof shown_folder, "%.*s.d", (int)strlen(shown) - 5, shown);
	int err = add_file(path, shown, ini, errors);
	int folder_err = add_folder(folder, shown_folder, ini, errors);
	return err ? err : folder_err;
}
