/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of a process that has given root up. */
#include "daemon/privilege.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The value of this line of /proc/self/status, hexadecimal. */
static unsigned long long status_of(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long value = ~0ULL;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtoull(line + strlen(name), NULL, 16);
	if (file)
		fclose(file);
	return value;
}

#define CHECK(condition, code) \
	do { \
		if (!(condition)) \
			_exit(code); \
	} while (0)

/* Sanitizers take mlockall away: they map terabytes. */
static bool is_sanitized(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	return false;
#endif
}

static void child(uint64_t caps)
{
	struct privilege_user user;
	struct rlimit core;
	uid_t uid[3];
	int locked;

	CHECK(privilege_harden() == 0, 1);
	locked = privilege_lock_memory();
	CHECK(locked == 0 || locked == -ENOMEM || locked == -EPERM, 12);
	CHECK(locked || is_sanitized() || status_of("VmLck:\t") > 0, 13);
	CHECK(privilege_find("nobody", false, &user) == 1, 2);
	CHECK(privilege_drop(&user, caps) == 0, 3);
	getresuid(&uid[0], &uid[1], &uid[2]);
	CHECK(uid[0] == user.uid && uid[1] == user.uid && uid[2] == user.uid, 4);
	CHECK(status_of("CapEff:\t") == caps && status_of("CapPrm:\t") == caps, 5);
	CHECK(status_of("CapInh:\t") == 0 && status_of("CapAmb:\t") == 0, 6);
	CHECK(status_of("CapBnd:\t") == 0, 7);
	CHECK(status_of("NoNewPrivs:\t") == 1, 8);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, 9);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0, 10);
	CHECK(setuid(0) && seteuid(0) && setgid(0), 11);
	_exit(0);
}

Test(privilege, drop)
{
	const uint64_t sets[] = {privilege_caps(false, false), privilege_caps(true, false),
		privilege_caps(true, true)};

	if (geteuid() != 0 || !getpwnam("nobody"))
		cr_skip_test("giving root up needs root and a user nobody");
	cr_assert_eq(sets[0], 1U << 12); /* CAP_NET_ADMIN */
	cr_assert_eq(sets[1], 1U << 12 | 1U << 13);
	cr_assert_eq(sets[2], 1U << 12 | 1U << 13 | 1U << 10);
	for (size_t i = 0; i < 3; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			child(sets[i]);
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "set %zu: check %d", i,
			WEXITSTATUS(status));
	}
}

Test(privilege, who)
{
	struct privilege_user user;

	if (geteuid() != 0)
		cr_skip_test("only root has something to give up");
	cr_assert_eq(privilege_find("no-such-user-here", false, &user), -ENOENT);
	cr_assert_eq(privilege_find("root", false, &user), 0);
	cr_assert_eq(privilege_find("nobody", true, &user), 0, "a service manager has chosen");
}

Test(privilege, directory)
{
	struct privilege_user user = {.uid = 4711, .gid = 4712};
	char dir[] = "/tmp/dietvpn-test-XXXXXX";
	char path[64];
	char link_path[64];
	struct stat st;

	if (geteuid() != 0)
		cr_skip_test("giving a folder away needs root");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/state", dir);
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	cr_assert_eq(privilege_dir(path, 0700, &user), 0);
	cr_assert_eq(privilege_dir(path, 0700, &user), 0);
	stat(path, &st);
	cr_assert(st.st_uid == 4711 && st.st_gid == 4712 && (st.st_mode & 07777) == 0700);
	cr_assert_eq(symlink("/etc", link_path), 0);
	cr_assert_eq(privilege_dir(link_path, 0700, &user), -ENOTDIR);
	stat("/etc", &st);
	cr_assert_eq(st.st_uid, 0, "a link gave /etc away");
	unlink(link_path);
	rmdir(path);
	rmdir(dir);
}
