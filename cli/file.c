/* SPDX-License-Identifier: Apache-2.0 */
/* New files of the configuration: whole or not at all, owned and readable as the daemon needs. */
#include "cli/file.h"

#include "cli/cli.h"
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char daemon_user[] = "_dietvpn";

bool file_path(char out[FILE_PATH_MAX], const char *dir, const char *name)
{
	return snprintf(out, FILE_PATH_MAX, "%s/%s", dir, name) < FILE_PATH_MAX;
}

static int complain(const char *path)
{
	return cli_fail(errno == EACCES || errno == EPERM ? CLI_NOT_PERMITTED : CLI_FAILED,
		errno == EACCES   ? "run it as root, or say --dir FOLDER"
		: errno == EEXIST ? "an existing file is never overwritten: remove it first"
				  : "",
		"%s: %s", path, strerror(errno));
}

/* Only root can give files away, and does where the daemon has a user. */
static const struct passwd *daemon_of(enum file_kind kind)
{
	return geteuid() == 0 && kind != FILE_OWN ? getpwnam(daemon_user) : NULL;
}

int file_make_dir(const char *dir, enum file_kind kind)
{
	const struct passwd *user = daemon_of(kind);

	if (mkdir(dir, 0700))
		return errno == EEXIST ? CLI_OK : complain(dir);
	if (!user)
		return CLI_OK;
	if (lchown(dir, kind == FILE_CONF ? 0 : user->pw_uid, user->pw_gid) ||
		(kind == FILE_CONF && chmod(dir, 0750)))
		return complain(dir);
	return CLI_OK;
}

static bool give(int fd, enum file_kind kind)
{
	const struct passwd *user = daemon_of(kind);

	if (!user)
		return true;
	if (kind == FILE_CONF)
		return !fchown(fd, 0, user->pw_gid) && !fchmod(fd, 0640);
	return !fchown(fd, user->pw_uid, user->pw_gid);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* The name itself is on disk only when its folder is. */
static bool sync_folder(const char *path)
{
	char folder[FILE_PATH_MAX];
	char *slash;
	int fd;
	bool ok;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* mkostemp makes it 0600. */
static bool fill(int fd, const struct file_new *file)
{
	bool ok = give(fd, file->kind) && write_all(fd, file->data, file->len) && fsync(fd) == 0;
	int error = errno;

	if (close(fd) && ok)
		return false;
	errno = error;
	return ok;
}

int file_write(const struct file_new *file)
{
	char beside[FILE_PATH_MAX + 8];
	int fd;
	bool ok;

	snprintf(beside, sizeof beside, "%s.XXXXXX", file->path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return complain(file->path);
	ok = fill(fd, file) &&
	     (file->force ? rename(beside, file->path) : link(beside, file->path)) == 0;
	if (!ok || !file->force) {
		int error = errno;

		unlink(beside);
		errno = error;
	}
	return ok && sync_folder(file->path) ? CLI_OK : complain(file->path);
}

char *file_read(const char *path, size_t max, size_t *len)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *in = standard ? stdin : fopen(path, "re");
	char *text = in ? malloc(max + 2) : NULL;

	*len = text ? fread(text, 1, max + 1, in) : 0;
	if (!text || ferror(in)) {
		complain(standard ? "standard input" : path);
	} else if (*len > max) {
		cli_fail(CLI_FAILED, "", "%s: more than %zu octets",
			standard ? "standard input" : path, max);
	} else {
		text[*len] = '\0';
		if (!standard)
			fclose(in);
		return text;
	}
	if (in && !standard)
		fclose(in);
	if (text)
		secret_wipe(text, *len);
	free(text);
	return NULL;
}
