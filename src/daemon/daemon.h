/* SPDX-License-Identifier: Apache-2.0 */
/* Owns every long-lived object; start, reload, stop in one readable order each. */
#ifndef DIETVPN_DAEMON_DAEMON_H
#define DIETVPN_DAEMON_DAEMON_H

#include "config/error.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privilege.h"
#include "ipsec/ipsec.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { TUNNELS_MAX = 64, RESOLVE_RETRY_MS = 30000 };

struct control;
struct dataplane;
struct host;
struct netlink;
struct state;
struct tunnel;

struct daemon {
	struct options options;
	struct privilege_user user; /* valid where becomes */
	bool becomes;               /* started as root, to be given up */
	bool managed;               /* a service manager started us */
	bool dropped;
	bool stopping;
	bool watching; /* signals, timers and the monitor are open */
	uv_loop_t loop;
	uv_signal_t signals[3];
	uv_timer_t watchdog, retry, settle;
	uv_prepare_t look; /* once a second at most, and only when awake anyway */
	uv_poll_t monitor;
	int monitor_fd;
	struct notify notify;
	struct notify_fds fds;
	struct netlink *netlink;
	struct ipsec ipsec;
	bool ipsec_ready;
	struct dataplane *dataplane;
	uint16_t port_ike, port_nat; /* as opened */
	bool raw;
	struct host *host;
	struct state *state;
	struct control *control;
	struct tunnel *tunnels[TUNNELS_MAX]; /* by tunnel index */
	uint32_t next_policy;
	uint64_t started_ms, looked_ms;
};

/* One line of what a reload changed. */
struct daemon_change {
	char tunnel[41], peer[41];
	const char *what; /* "added", "removed", "restarted", "updated" */
	char keys[128];
};
enum { CHANGES_MAX = 256 };
struct daemon_changes {
	struct daemon_change list[CHANGES_MAX];
	size_t n, lost;
};

/* Runs until SIGTERM or SIGINT; returns the exit code. */
int daemon_run(const struct options *options);
/* --clean: the TUNs named in the configuration, the routes and guards that carry our mark. */
int daemon_clean(const struct options *options);

/* daemon_reload.c: all files anew, all checks, then the difference or nothing. 0 or -EINVAL. */
int daemon_reload(
	struct daemon *daemon, struct daemon_changes *changes, struct config_errors *errors);
/* At start: every file, or nothing. 0, -EINVAL (configuration), other negative errno (machine). */
int daemon_load(struct daemon *daemon, struct config_errors *errors);
/*
 * NAME.conf now. 0; -EEXIST, -ENOENT, -EINVAL with errors, other negative errno with one error.
 */
int daemon_up(struct daemon *daemon, const char *name, struct config_errors *errors);
int daemon_down(struct daemon *daemon, const char *name); /* 0 or -ENOENT */

/* The tunnel of this name, or NULL. */
struct tunnel *daemon_find(const struct daemon *daemon, const char *name);
/* Opens the state store when something first needs it (struct host_params). */
struct state *daemon_state(void *owner, char *text, size_t text_len);
/* Before the first tunnel: sockets, data path, keying host. 0 or negative errno. */
int daemon_open_transport(struct daemon *daemon, uint16_t port_ike, uint16_t port_nat, bool raw);
/* The control sockets, their folder and the state folder. 0 or negative errno. */
int daemon_listen(struct daemon *daemon);
/* Once, when all that needs root is open. 0 or negative errno. */
int daemon_drop(struct daemon *daemon);
/* "3 tunnels, 12 peers" to the service manager. */
void daemon_tell_status(const struct daemon *daemon);
/* After files were read: what that took lies free in the middle of the heap, where glibc keeps it.
 */
void daemon_give_back(void);
/* Names that did not resolve are tried again after RESOLVE_RETRY_MS. */
void daemon_retry_later(struct daemon *daemon);

/* Event with up to three text pairs; a NULL key or value ends them. */
void daemon_event_text(struct daemon *daemon, const char *name, const char *const pairs[3][2]);

#endif
