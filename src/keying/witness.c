/* SPDX-License-Identifier: Apache-2.0 */
/* The generation witness beside the state store: read, and replaced atomically (trust.md 4.1, item
 * 7). */
#include "keying/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MAGIC[] = "dietvpn-state ";

int witness_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

static int parse(const char *text, uint64_t *generation)
{
	size_t skip = sizeof MAGIC - 1;
	char *end;
	unsigned long long value;

	if (strncmp(text, MAGIC, skip) != 0 || text[skip] < '0' || text[skip] > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(text + skip, &end, 10);
	if (errno || strcmp(end, "\n") != 0)
		return -EBADMSG;
	*generation = value;
	return 0;
}

int witness_read(const char *path, uint64_t *generation)
{
	char text[64];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof text - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return parse(text, generation);
}

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fsync(fd))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	return r;
}

static int sync_parent(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return witness_sync_dir(".");
	snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return witness_sync_dir(dir);
}

int witness_write(const char *path, uint64_t generation)
{
	char temp[PATH_MAX];
	char text[64];
	int len = snprintf(text, sizeof text, "%s%" PRIu64 "\n", MAGIC, generation);
	int r;

	if (snprintf(temp, sizeof temp, "%s.tmp", path) >= (int)sizeof temp)
		return -ENAMETOOLONG;
	r = write_file(temp, text, (size_t)len);
	if (!r && rename(temp, path))
		r = -errno;
	if (r) {
		unlink(temp);
		return r;
	}
	return sync_parent(path);
}
