/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: prefix, threshold, one write each, nothing of others that could forge a line. */
#include "base/log.h"

#include <criterion/criterion.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_TAG "test"

/* Standard error becomes a datagram socket: one write is one datagram. */
static int catch_stderr(int *saved)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	*saved = dup(2);
	dup2(pair[0], 2);
	close(pair[0]);
	return pair[1];
}

static const char *next_line(int fd, char *out, size_t cap)
{
	ssize_t n = recv(fd, out, cap - 1, 0);

	out[n > 0 ? n : 0] = 0;
	return out;
}

Test(log, lines)
{
	char lines[8][2048];
	char text[3000];
	int saved;
	int fd = catch_stderr(&saved);

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	log_error("peer %s: %d", "home", 7);
	next_line(fd, lines[0], sizeof lines[0]);
	log_debug("hidden");
	next_line(fd, lines[1], sizeof lines[1]);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("seen");
	next_line(fd, lines[2], sizeof lines[2]);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("hidden");
	next_line(fd, lines[3], sizeof lines[3]);
	log_error("a\n<0>forged: b\x1b[2J\x7f\t");
	next_line(fd, lines[4], sizeof lines[4]);
	log_error("%s", text);
	next_line(fd, lines[5], sizeof lines[5]);
	log_error("gr\xc3\xbc\xc3\x9f"
		  "e");
	next_line(fd, lines[6], sizeof lines[6]);
	dup2(saved, 2);

	cr_assert_str_eq(lines[0], "<3>test: peer home: 7\n");
	cr_assert_str_empty(lines[1]);
	cr_assert_str_eq(lines[2], "<7>test: seen\n");
	cr_assert_str_empty(lines[3]);
	cr_assert_str_eq(lines[4], "<3>test: a?<0>forged: b?[2J??\n");
	cr_assert_leq(strlen(lines[5]), 1024);
	cr_assert_gt(strlen(lines[5]), 1000);
	cr_assert_eq(strchr(lines[5], '\n'), lines[5] + strlen(lines[5]) - 1);
	cr_assert_str_eq(lines[6], "<3>test: gr\xc3\xbc\xc3\x9f"
				   "e\n");
	cr_assert_eq(log_get_level(), LOG_LEVEL_ERROR);
}

Test(log, limit)
{
	struct log_limit limit = {0};

	cr_assert_eq(log_limit(&limit, 5), 0, "the first line goes out");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(log_limit(&limit, 1004), -1);
	cr_assert_eq(log_limit(&limit, 1005), 3);
	cr_assert_eq(log_limit(&limit, 1006), -1);
	cr_assert_eq(log_limit(&limit, 90000), 1);
	cr_assert_eq(log_limit(&limit, 99000), 0);
}
