/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager's notify protocol (sd_notify(3), sd_listen_fds(3)), by hand. */
#ifndef DIETVPN_DAEMON_NOTIFY_H
#define DIETVPN_DAEMON_NOTIFY_H

#include <stdint.h>

enum { NOTIFY_FDS_MAX = 32, NOTIFY_NAME_MAX = 64 };

/* Descriptors that an earlier life left with the service manager. */
struct notify_fds {
	int n;
	struct {
		int fd; /* -1: taken */
		char name[NOTIFY_NAME_MAX];
	} list[NOTIFY_FDS_MAX];
};

struct notify {
	int fd;               /* connected datagram socket; -1: there is no service manager */
	uint64_t watchdog_ms; /* how often WATCHDOG=1 is due; 0: never */
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. Without a service manager, or where its socket
 * cannot be reached (then with a warning), every call below does nothing.
 */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Assignments separated by line feeds, as sd_notify(3) takes them. 0 or negative errno. */
int notify_send(const struct notify *notify, const char *text);
int notify_ready(const struct notify *notify, const char *status);
/* RELOADING=1 with the monotonic time that Type=notify-reload wants; notify_ready ends it. */
int notify_reloading(const struct notify *notify);
int notify_stopping(const struct notify *notify);
/* Gives a copy of fd to the store under this name; replaces one of the same name. */
int notify_store(const struct notify *notify, const char *name, int fd);
int notify_unstore(const struct notify *notify, const char *name);

/*
 * LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES: takes the descriptors over (close-on-exec) and clears the
 * variables. More than NOTIFY_FDS_MAX are closed.
 */
void notify_take_fds(struct notify_fds *fds);
/* The descriptor of this name, now the caller's; -1: none. */
int notify_fds_take(struct notify_fds *fds, const char *name);
void notify_fds_close(struct notify_fds *fds); /* what nobody took */

#endif
