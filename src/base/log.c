/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr with the <priority> prefix of sd-daemon(3); levels as in RFC 5424 6.2.1. */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_MAX_OCTETS = 1024, LIMIT_MS = 1000 };

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level log_get_level(void)
{
	return threshold;
}

/* Names and texts of others go through here: none may begin a line of its own. */
static void mask_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

/* What snprintf stored, when it says that it wanted n. */
static size_t stored(int n, size_t cap)
{
	if (n < 0)
		return 0;
	return (size_t)n < cap ? (size_t)n : cap - 1;
}

void log_line(enum log_level level, const char *tag, const char *fmt, ...)
{
	char line[LINE_MAX_OCTETS];
	size_t len;
	va_list args;

	if (level > threshold)
		return;
	len = stored(snprintf(line, sizeof line - 1, "<%d>%s: ", (int)level, tag), sizeof line - 1);
	va_start(args, fmt);
	len += stored(
		vsnprintf(line + len, sizeof line - 1 - len, fmt, args), sizeof line - 1 - len);
	va_end(args);
	mask_controls(line, len);
	line[len++] = '\n';
	/* stderr is unbuffered: one call is one write, and lines of two processes stay whole. */
	fwrite(line, 1, len, stderr);
}

int log_limit(struct log_limit *limit, uint64_t now_ms)
{
	int held;

	if (now_ms < limit->next_ms) {
		if (limit->held < INT32_MAX)
			limit->held++;
		return -1;
	}
	held = (int)limit->held;
	limit->held = 0;
	limit->next_ms = now_ms + LIMIT_MS;
	return held;
}
