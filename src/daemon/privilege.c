/* SPDX-License-Identifier: Apache-2.0 */
/* Without a service manager: from root to an own user with the few capabilities needed. */
#include "daemon/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_USER "_dietvpn"
#define STATUS_GROUP "dietvpn"

int privilege_harden(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none) ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return 0;
}

int privilege_lock_memory(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	/* Only root may raise it; what counts is what there is then. */
	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	/* Under a limit each later allocation beyond it would fail. */
	if (limit.rlim_cur != RLIM_INFINITY)
		return -ENOMEM;
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) ? -errno : 0;
}

int privilege_find(const char *name, bool managed, struct privilege_user *out)
{
	const struct passwd *user;
	const struct group *group;

	if (geteuid() != 0 || managed)
		return 0;
	errno = 0;
	user = getpwnam(*name ? name : DEFAULT_USER);
	if (!user)
		return -ENOENT;
	if (user->pw_uid == 0)
		return 0;
	*out = (struct privilege_user){.uid = user->pw_uid, .gid = user->pw_gid};
	snprintf(out->name, sizeof(out->name), "%s", user->pw_name);
	group = getgrnam(STATUS_GROUP);
	out->status_gid = group ? group->gr_gid : out->gid;
	return 1;
}

int privilege_dir(const char *dir, mode_t mode, const struct privilege_user *user)
{
	struct stat st;

	if (mkdir(dir, mode) && errno != EEXIST)
		return -errno;
	if (lstat(dir, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (!user || st.st_uid == user->uid)
		return 0;
	return lchown(dir, user->uid, user->gid) ? -errno : 0;
}

int privilege_lend(const struct privilege_user *user)
{
	if (initgroups(user->name, user->gid) || setegid(user->gid) || seteuid(user->uid))
		return -errno;
	return 0;
}

int privilege_lend_end(void)
{
	return seteuid(0) || setegid(0) || setgroups(0, NULL) ? -errno : 0;
}

/* The bounding set goes while CAP_SETPCAP is still there. */
static int clear_bounding(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -errno;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -errno : 0;
}

static int set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)caps, .permitted = (uint32_t)caps},
		{.effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32)},
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int privilege_drop(const struct privilege_user *user, uint64_t caps)
{
	int error = clear_bounding();

	if (error)
		return error;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(user->name, user->gid) ||
		setresgid(user->gid, user->gid, user->gid) ||
		setresuid(user->uid, user->uid, user->uid) || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
		return -errno;
	error = set_caps(caps);
	if (error)
		return error;
	/* A change of uid makes the process dumpable again where fs.suid_dumpable says so. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return setuid(0) ? 0 : -EPERM; /* the way back must be shut */
}

uint64_t privilege_caps(bool raw, bool low_ports)
{
	uint64_t caps = UINT64_C(1) << CAP_NET_ADMIN;

	if (raw)
		caps |= UINT64_C(1) << CAP_NET_RAW;
	if (low_ports)
		caps |= UINT64_C(1) << CAP_NET_BIND_SERVICE;
	return caps;
}
