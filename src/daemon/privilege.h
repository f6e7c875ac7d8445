/* SPDX-License-Identifier: Apache-2.0 */
/* Without a service manager: from root to an own user with the few capabilities needed. */
#ifndef DIETVPN_DAEMON_PRIVILEGE_H
#define DIETVPN_DAEMON_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct privilege_user {
	uid_t uid;
	gid_t gid;
	gid_t status_gid; /* of group dietvpn, or gid where there is none */
	char name[64];
};

/* No core dumps, not dumpable, no new privileges by exec; always. 0 or negative errno. */
int privilege_harden(void);

/*
 * Nothing of the process goes to a swap file from here on: keys are anywhere in it. Pages are
 * locked as they are touched, so it takes no memory. 0 or negative errno: RLIMIT_MEMLOCK is too
 * low.
 */
int privilege_lock_memory(void);

/*
 * Whom to become: only where we are root (uid 0) and no service manager has already chosen
 * (NOTIFY_SOCKET). name "": _dietvpn. 1 with *out, 0: stay as we are, -ENOENT: no such user.
 */
int privilege_find(const char *name, bool managed, struct privilege_user *out);

/* Makes dir (0700 or 0755, not its parents) where it is missing and gives it to the user. 0 or
 * negative errno. */
int privilege_dir(const char *dir, mode_t mode, const struct privilege_user *user);

/*
 * For a while: files are read with the rights that will be there later. privilege_lend_end goes
 * back to root. 0 or negative errno.
 */
int privilege_lend(const struct privilege_user *user);
int privilege_lend_end(void);

/*
 * Becomes the user for good with exactly these capabilities (bits 1 << CAP_...) effective and
 * permitted; none inheritable, ambient, or left in the bounding set. 0 or negative errno, then
 * the process must end.
 */
int privilege_drop(const struct privilege_user *user, uint64_t caps);

/* CAP_NET_ADMIN, and the others where they are needed. */
uint64_t privilege_caps(bool raw, bool low_ports);

#endif
