/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager's notify protocol (sd_notify(3), sd_listen_fds(3)), by hand. */
#include "daemon/notify.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOG_TAG "notify"

enum { LISTEN_FDS_START = 3, NOTIFY_TEXT_MAX = 512 };

/* "/path", or "@name" of the abstract name space. Returns the address length, 0: not understood. */
static socklen_t address(struct sockaddr_un *un, const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(un->sun_path))
		return 0;
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(un->sun_path, path, len);
	if (path[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int connect_to(const char *path)
{
	struct sockaddr_un un;
	socklen_t len = address(&un, path);
	int fd;

	if (!len)
		return -EINVAL;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, len)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static uint64_t number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long value;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno || *end ? 0 : value;
}

void notify_open(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const char *pid = getenv("WATCHDOG_PID");

	*notify = (struct notify){.fd = -1};
	if (!path || !*path)
		return;
	notify->fd = connect_to(path);
	if (notify->fd < 0) {
		log_warn("NOTIFY_SOCKET %s: %s", path, strerror(-notify->fd));
		notify->fd = -1;
		return;
	}
	if (!pid || number("WATCHDOG_PID") == (uint64_t)getpid())
		notify->watchdog_ms = number("WATCHDOG_USEC") / 2 / 1000;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

static int send_with(const struct notify *notify, const char *text, int fd)
{
	struct iovec iov = {.iov_base = NULL, .iov_len = strlen(text)};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	char copy[NOTIFY_TEXT_MAX];

	if (notify->fd < 0)
		return 0;
	if (iov.iov_len > sizeof(copy))
		return -EMSGSIZE;
	memcpy(copy, text, iov.iov_len);
	iov.iov_base = copy;
	if (fd >= 0) {
		struct cmsghdr *cmsg = (struct cmsghdr *)control;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		*cmsg = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(notify->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int notify_send(const struct notify *notify, const char *text)
{
	return send_with(notify, text, -1);
}

int notify_ready(const struct notify *notify, const char *status)
{
	char text[NOTIFY_TEXT_MAX];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	return notify_send(notify, text);
}

int notify_reloading(const struct notify *notify)
{
	struct timespec now;
	char text[80];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
	return notify_send(notify, text);
}

int notify_stopping(const struct notify *notify)
{
	return notify_send(notify, "STOPPING=1\nSTATUS=stopping");
}

int notify_store(const struct notify *notify, const char *name, int fd)
{
	char text[NOTIFY_NAME_MAX + 64];
	int error = notify_unstore(notify, name);

	if (error)
		return error;
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	return send_with(notify, text, fd);
}

int notify_unstore(const struct notify *notify, const char *name)
{
	char text[NOTIFY_NAME_MAX + 64];

	if (strlen(name) >= NOTIFY_NAME_MAX)
		return -EINVAL;
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return notify_send(notify, text);
}

/* The next of the colon-separated names; names may be fewer than descriptors. */
static const char *next_name(const char *names, char out[NOTIFY_NAME_MAX])
{
	size_t len = strcspn(names, ":");
	size_t fits = len < NOTIFY_NAME_MAX ? len : 0;

	memcpy(out, names, fits);
	out[fits] = '\0';
	return names[len] ? names + len + 1 : names + len;
}

void notify_take_fds(struct notify_fds *fds)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t n = number("LISTEN_FDS");

	fds->n = 0;
	if (number("LISTEN_PID") != (uint64_t)getpid() || n > 1024)
		n = 0;
	if (!names)
		names = "";
	for (int i = 0; i < (int)n; i++) {
		int fd = LISTEN_FDS_START + i;

		if (fds->n == NOTIFY_FDS_MAX) {
			close(fd);
			continue;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		names = next_name(names, fds->list[fds->n].name);
		fds->list[fds->n++].fd = fd;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

int notify_fds_take(struct notify_fds *fds, const char *name)
{
	for (int i = 0; i < fds->n; i++) {
		int fd = fds->list[i].fd;

		if (fd >= 0 && !strcmp(fds->list[i].name, name)) {
			fds->list[i].fd = -1;
			return fd;
		}
	}
	return -1;
}

void notify_fds_close(struct notify_fds *fds)
{
	for (int i = 0; i < fds->n; i++)
		if (fds->list[i].fd >= 0)
			close(fds->list[i].fd);
	fds->n = 0;
}
