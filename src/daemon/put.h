/* SPDX-License-Identifier: Apache-2.0 */
/* Maps whose number of pairs is known only at their end: pairs are collected, then written. */
#ifndef DIETVPN_DAEMON_PUT_H
#define DIETVPN_DAEMON_PUT_H

#include "codec/tree.h"
#include "ip/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts;

/* A map or an array under construction. */
struct put {
	struct tree_writer w;
	size_t n;
};

/* Empty; what is put goes to put_map_end() or put_array_end(), which free it. */
void put_init(struct put *put);
/* Writes what was collected as a map, or an array, to w, and frees it. */
void put_map_end(struct put *put, struct tree_writer *w);
void put_array_end(struct put *put, struct tree_writer *w);

/* One pair each; key and value are copied. */
void put_text(struct put *put, const char *key, const char *value);
void put_uint(struct put *put, const char *key, uint64_t value);
void put_bool(struct put *put, const char *key, bool value);
/* Not where *ms is 0 or later than now. */
void put_age(struct put *put, const char *key, uint64_t ms, uint64_t now_ms);
/* A writer for the value of this key. */
struct tree_writer *put_key(struct put *put, const char *key);
/* The next element of an array. */
struct tree_writer *put_next(struct put *put);
void put_prefixes(struct put *put, const char *key, const struct ip_prefix *prefixes, size_t n);
void put_selectors(struct put *put, const char *key, const struct ts *ts, size_t n);

#endif
