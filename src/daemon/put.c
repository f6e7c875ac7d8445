/* SPDX-License-Identifier: Apache-2.0 */
/* Maps whose number of pairs is known only at their end: pairs are collected, then written. */
#include "daemon/put.h"

#include "ip/ts.h"

void put_init(struct put *put)
{
	tree_writer_init(&put->w);
	put->n = 0;
}

static void end(struct put *put, struct tree_writer *w)
{
	if (put->w.error)
		w->error = put->w.error;
	else if (put->w.len)
		tree_put_raw(w, put->w.data, put->w.len);
	tree_writer_fini(&put->w);
}

void put_map_end(struct put *put, struct tree_writer *w)
{
	tree_put_map(w, put->n);
	end(put, w);
}

void put_array_end(struct put *put, struct tree_writer *w)
{
	tree_put_array(w, put->n);
	end(put, w);
}

struct tree_writer *put_key(struct put *put, const char *key)
{
	put->n++;
	tree_put_text(&put->w, key);
	return &put->w;
}

struct tree_writer *put_next(struct put *put)
{
	put->n++;
	return &put->w;
}

void put_text(struct put *put, const char *key, const char *value)
{
	tree_put_text(put_key(put, key), value);
}

void put_uint(struct put *put, const char *key, uint64_t value)
{
	tree_put_uint(put_key(put, key), value);
}

void put_bool(struct put *put, const char *key, bool value)
{
	tree_put_bool(put_key(put, key), value);
}

void put_age(struct put *put, const char *key, uint64_t ms, uint64_t now_ms)
{
	if (ms && ms <= now_ms)
		put_uint(put, key, (now_ms - ms) / 1000);
}

void put_prefixes(struct put *put, const char *key, const struct ip_prefix *prefixes, size_t n)
{
	struct tree_writer *w = put_key(put, key);
	char text[IP_PREFIX_TEXT];

	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		tree_put_text(w, ip_prefix_print(&prefixes[i], text, sizeof(text)));
}

void put_selectors(struct put *put, const char *key, const struct ts *ts, size_t n)
{
	struct tree_writer *w = put_key(put, key);
	char text[TS_TEXT];

	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		tree_put_text(w, ts_print(&ts[i], text, sizeof(text)));
}
