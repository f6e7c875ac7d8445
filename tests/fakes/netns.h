/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces within one test process; iproute2 sets them up, so that nothing under test
 * does. */
#ifndef DIETVPN_TESTS_FAKES_NETNS_H
#define DIETVPN_TESTS_FAKES_NETNS_H

#include <criterion/criterion.h>

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs a command line in the present namespace; true: it succeeded. */
__attribute__((format(printf, 1, 2), unused)) static bool sh(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return system(line) == 0;
}

/* What a command line prints, cut to cap. */
__attribute__((unused)) static const char *sh_read(const char *line, char *out, size_t cap)
{
	FILE *f = popen(line, "r");
	size_t n = f != NULL ? fread(out, 1, cap - 1, f) : 0;

	out[n] = '\0';
	if (f != NULL)
		pclose(f);
	return out;
}

/* A fresh namespace, entered, its loopback up; the descriptor leads back to it (netns_enter). */
__attribute__((unused)) static int netns_new(void)
{
	int fd;

	if (geteuid() != 0)
		cr_skip_test("needs root: it makes a network namespace of its own");
	if (unshare(CLONE_NEWNET) != 0)
		cr_skip_test("this system gives no network namespace (unshare)");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	/* Nobody waits for duplicate address detection, routers least of all. */
	cr_assert(sh("ip link set lo up && sysctl -qw net.ipv6.conf.all.accept_dad=0 "
		     "net.ipv6.conf.default.accept_dad=0"));
	return fd;
}

__attribute__((unused)) static void netns_enter(int fd)
{
	cr_assert(setns(fd, CLONE_NEWNET) == 0);
}

/* The kernel uses a link only when it has seen its carrier, a moment after both ends are up. */
__attribute__((unused)) static void netns_wait_up(const char *dev)
{
	for (int i = 0; i < 100; i++) {
		if (sh("ip -o link show %s | grep -q 'state UP'", dev))
			return;
		usleep(20000);
	}
	cr_assert_fail("%s does not come up", dev);
}

/* A veth pair between namespaces a and b; we end up in a. */
__attribute__((unused)) static void netns_join(int a, const char *dev_a, int b, const char *dev_b)
{
	netns_enter(a);
	cr_assert(sh("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", dev_a, dev_b,
		(int)getpid(), b));
	cr_assert(sh("ip link set %s up", dev_a));
	netns_enter(b);
	cr_assert(sh("ip link set %s up", dev_b));
	netns_wait_up(dev_b);
	netns_enter(a);
	netns_wait_up(dev_a);
}

__attribute__((unused)) static void netns_need_tun(void)
{
	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		cr_skip_test("needs /dev/net/tun");
}

#endif
