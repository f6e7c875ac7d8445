/* SPDX-License-Identifier: Apache-2.0 */
/* The notify protocol against a datagram socket that stands for the service manager. */
#include "daemon/notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Binds the manager's socket and tells the environment; path, or an abstract name. */
static int manager(char name[64], int abstract)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len;

	snprintf(name, 64, "%sdietvpn-test-notify-%d", abstract ? "@" : "/tmp/", (int)getpid());
	strcpy(un.sun_path, name);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (abstract)
		un.sun_path[0] = '\0';
	else
		unlink(name);
	cr_assert_eq(bind(fd, (struct sockaddr *)&un, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/* Returns the descriptor that came along, or -1. */
static int receive(int fd, char *text, size_t cap)
{
	struct iovec iov = {.iov_base = text, .iov_len = cap - 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	int passed = -1;

	cr_assert(n >= 0, "nothing came: %s", strerror(errno));
	text[n] = '\0';
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(passed));
	return passed;
}

static int is_quiet(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

Test(notify, messages)
{
	for (int abstract = 0; abstract < 2; abstract++) {
		char name[64];
		int fd = manager(name, abstract);
		struct notify notify;
		unsigned long long usec;
		char text[512];

		notify_open(&notify);
		cr_assert(notify.fd >= 0);
		cr_assert_eq(notify_ready(&notify, "2 tunnels"), 0);
		cr_assert_eq(receive(fd, text, sizeof(text)), -1);
		cr_assert_str_eq(text, "READY=1\nSTATUS=2 tunnels");
		cr_assert_eq(notify_reloading(&notify), 0);
		receive(fd, text, sizeof(text));
		cr_assert_eq(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
		cr_assert(usec > 0);
		notify_stopping(&notify);
		receive(fd, text, sizeof(text));
		cr_assert_str_eq(text, "STOPPING=1\nSTATUS=stopping");
		cr_assert(is_quiet(fd));
		notify_close(&notify);
		close(fd);
		unlink(name);
	}
}

Test(notify, descriptor_store)
{
	char name[64];
	int fd = manager(name, 0);
	struct notify notify;
	struct stat before;
	struct stat after;
	char text[512];
	int passed;

	notify_open(&notify);
	cr_assert_eq(notify_store(&notify, "tun-home", fd), 0);
	receive(fd, text, sizeof(text));
	cr_assert_str_eq(text, "FDSTOREREMOVE=1\nFDNAME=tun-home");
	passed = receive(fd, text, sizeof(text));
	cr_assert_str_eq(text, "FDSTORE=1\nFDNAME=tun-home");
	cr_assert(passed >= 0 && passed != fd);
	fstat(fd, &before);
	fstat(passed, &after);
	cr_assert_eq(before.st_ino, after.st_ino, "another file came");
	close(passed);
	cr_assert_neq(
		notify_store(&notify,
			"a-name-far-longer-than-the-sixty-three-octets-that-the-store-and-we-allow",
			fd),
		0);
	notify_close(&notify);
	close(fd);
	unlink(name);
}

Test(notify, without_a_manager)
{
	static const char *const sockets[] = {
		NULL, "", "relative", "/", "/tmp/nobody-listens-here"};
	struct notify notify;

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		if (sockets[i])
			setenv("NOTIFY_SOCKET", sockets[i], 1);
		else
			unsetenv("NOTIFY_SOCKET");
		notify_open(&notify);
		cr_assert_eq(notify.fd, -1);
		cr_assert_eq(notify_ready(&notify, "x"), 0);
		notify_close(&notify);
	}
}

Test(notify, watchdog)
{
	static const struct {
		const char *usec;
		int own_pid;
		uint64_t ms;
	} cases[] = {{"30000000", 1, 15000}, {"30000000", 0, 0}, {"", 1, 0}, {"-5", 1, 0},
		{"99999999999999999999999", 1, 0}, {"30s", 1, 0}};
	char name[64];
	int fd = manager(name, 1);
	struct notify notify;
	char pid[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(pid, sizeof(pid), "%d", cases[i].own_pid ? (int)getpid() : 1);
		setenv("WATCHDOG_PID", pid, 1);
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		notify_open(&notify);
		cr_assert_eq(notify.watchdog_ms, cases[i].ms, "case %zu", i);
		notify_close(&notify);
	}
	close(fd);
}

#define CHECK(condition, code) \
	do { \
		if (!(condition)) \
			_exit(code); \
	} while (0)

/* In a process of its own: descriptors 3 and up are Criterion's in the test's. */
static void take(const char *names, int n)
{
	struct notify_fds fds;
	char text[16];

	for (int i = 0; i < n; i++)
		CHECK(dup2(1, 3 + i) == 3 + i, 1);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", n);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	notify_take_fds(&fds);
	CHECK(fds.n == (n > NOTIFY_FDS_MAX ? NOTIFY_FDS_MAX : n), 2);
	CHECK(!getenv("LISTEN_FDS"), 3);
	CHECK(notify_fds_take(&fds, "tun-b") == 4, 4);
	CHECK(notify_fds_take(&fds, "tun-b") == -1, 5); /* taken twice */
	CHECK(notify_fds_take(&fds, "none") == -1, 6);
	CHECK(fcntl(4, F_GETFD) & FD_CLOEXEC, 7);
	notify_fds_close(&fds);
	for (int fd = 3; fd < 3 + n; fd++)
		CHECK((fcntl(fd, F_GETFD) == -1) == (fd != 4), 8);
	_exit(0);
}

Test(notify, listen_fds)
{
	static const struct {
		const char *names;
		int n;
	} cases[] = {{"tun-a:tun-b:sock", 3}, {"tun-a:tun-b", 2}, {"tun-a:tun-b", 5},
		{":tun-b:", 4}, {"tun-a:tun-b", NOTIFY_FDS_MAX + 8}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			take(cases[i].names, cases[i].n);
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "case %zu: check %d", i,
			WEXITSTATUS(status));
	}
}

Test(notify, listen_fds_for_somebody_else)
{
	struct notify_fds fds;

	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "3", 1);
	notify_take_fds(&fds);
	cr_assert_eq(fds.n, 0);
}
