/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr with a <priority> prefix; never key or payload octets. */
#ifndef DIETVPN_BASE_LOG_H
#define DIETVPN_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* The process's threshold; INFO at start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* One line to stderr, with its priority and the tag; nothing above the threshold. */
__attribute__((format(printf, 3, 4))) void log_line(
	enum log_level level, const char *tag, const char *fmt, ...);

/* At most one line a second and call site; returns how many were held back since, or -1: hold. */
struct log_limit {
	uint64_t next_ms;
	uint32_t held;
};
int log_limit(struct log_limit *limit, uint64_t now_ms);

/* A file names itself before it logs: #define LOG_TAG "spd" */
#define log_error(...) log_line(LOG_LEVEL_ERROR, LOG_TAG, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, LOG_TAG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, LOG_TAG, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, LOG_TAG, __VA_ARGS__)

#endif
