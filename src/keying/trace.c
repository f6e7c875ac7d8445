/* SPDX-License-Identifier: Apache-2.0 */
/* The last key exchanges of all plugins: what was offered, what was allowed, why it was refused. */
#include "keying/trace.h"

#include "codec/tree.h"
#include "ip/addr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_MAX = 24,
	WORDS_MAX = 16,
	MESSAGES_MAX = 16,
	TEXT_MAX = 600,
};

static bool is_text(tree_node node, size_t max)
{
	const char *text;
	size_t len;

	return tree_text(node, &text, &len) && len <= max;
}

static bool is_list(tree_node node, size_t max)
{
	return node && tree_kind(node) == TREE_ARRAY && tree_count(node) <= max;
}

static bool is_one_of(tree_node node, const char *const *words, size_t n)
{
	char text[TRACE_WORD];

	if (!tree_text_copy(node, text, sizeof text))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static bool words_valid(tree_node list)
{
	if (!is_list(list, WORDS_MAX))
		return false;
	for (size_t i = 0; i < tree_count(list); i++)
		if (!is_text(tree_at(list, i), TEXT_MAX))
			return false;
	return true;
}

static bool row_valid(tree_node row)
{
	tree_node allowed = tree_get(row, "allowed");
	tree_node shared = tree_get(row, "shared");

	return tree_kind(row) == TREE_MAP && is_text(tree_get(row, "what"), TRACE_WORD) &&
	       words_valid(tree_get(row, "offered")) && (!allowed || words_valid(allowed)) &&
	       (!shared || is_text(shared, TEXT_MAX));
}

static bool message_valid(tree_node message)
{
	tree_node again = tree_get(message, "again");
	uint64_t n;
	bool flag;

	return tree_kind(message) == TREE_MAP &&
	       is_text(tree_get(message, "exchange"), TRACE_WORD) &&
	       tree_bool(tree_get(message, "sent"), &flag) &&
	       tree_bool(tree_get(message, "response"), &flag) &&
	       tree_uint(tree_get(message, "octets"), UINT32_MAX, &n) &&
	       (!again || tree_uint(again, UINT32_MAX, &n));
}

static bool each_valid(tree_node list, size_t max, bool (*valid)(tree_node))
{
	if (!is_list(list, max))
		return false;
	for (size_t i = 0; i < tree_count(list); i++)
		if (!valid(tree_at(list, i)))
			return false;
	return true;
}

static bool optional_text(tree_node map, const char *key, size_t max)
{
	tree_node node = tree_get(map, key);

	return !node || is_text(node, max);
}

static bool read_remote(tree_node pair, struct ip_endpoint *out)
{
	const uint8_t *octets;
	uint64_t port;
	size_t len;

	if (!is_list(pair, 2) || tree_count(pair) != 2 ||
		!tree_bytes(tree_at(pair, 0), &octets, &len) || (len != 4 && len != 16) ||
		!tree_uint(tree_at(pair, 1), UINT16_MAX, &port))
		return false;
	*out = (struct ip_endpoint){.addr.family = len == 4 ? 4 : 6, .port = (uint16_t)port};
	memcpy(out->addr.bytes, octets, len);
	return true;
}

static bool exchange_valid(tree_node map)
{
	static const char *const ends[] = {"us", "peer"};
	static const char *const outcomes[] = {"established", "refused", "unanswered", "reduced"};

	return tree_kind(map) == TREE_MAP && is_one_of(tree_get(map, "begun"), ends, 2) &&
	       is_one_of(tree_get(map, "offered_by"), ends, 2) &&
	       is_one_of(tree_get(map, "outcome"), outcomes, 4) &&
	       (!tree_get(map, "refused_by") || is_one_of(tree_get(map, "refused_by"), ends, 2)) &&
	       optional_text(map, "error", TRACE_WORD - 1) && optional_text(map, "why", TEXT_MAX) &&
	       optional_text(map, "fix", TEXT_MAX) &&
	       each_valid(tree_get(map, "rows"), ROWS_MAX, row_valid) &&
	       each_valid(tree_get(map, "messages"), MESSAGES_MAX, message_valid);
}

static enum trace_kind kind_of(tree_node map, const struct trace_entry *entry)
{
	bool claimed = false;

	tree_bool(tree_get(map, "claimed"), &claimed);
	if (!entry->policy)
		return TRACE_STRANGER;
	if (claimed)
		return TRACE_CLAIMED;
	return strcmp(entry->outcome, "established") != 0 ? TRACE_REFUSED : TRACE_ESTABLISHED;
}

/* What the record says of itself; false: it is no exchange. */
static bool describe(tree_node map, const struct trace_source *from, struct trace_entry *out)
{
	*out = (struct trace_entry){.at_ms = from->now_ms, .policy = from->policy, .times = 1};
	if (!exchange_valid(map) || !read_remote(tree_get(map, "remote"), &out->remote) ||
		!tree_text_copy(tree_get(map, "exchange"), out->exchange, sizeof out->exchange))
		return false;
	tree_text_copy(tree_get(map, "outcome"), out->outcome, sizeof out->outcome);
	tree_text_copy(tree_get(map, "error"), out->error, sizeof out->error);
	out->kind = kind_of(map, out);
	snprintf(out->plugin, sizeof out->plugin, "%s", from->plugin);
	snprintf(out->tunnel, sizeof out->tunnel, "%s", from->tunnel);
	snprintf(out->peer, sizeof out->peer, "%s", from->peer);
	return true;
}

/* The same once more: a peer that tries again and again takes one place. */
static bool repeats(const struct trace_entry *old, const struct trace_entry *entry)
{
	return old->cbor && old->policy == entry->policy && !strcmp(old->tunnel, entry->tunnel) &&
	       !strcmp(old->exchange, entry->exchange) && !strcmp(old->outcome, entry->outcome) &&
	       !strcmp(old->error, entry->error) &&
	       (entry->policy ||
		       !memcmp(&old->remote.addr, &entry->remote.addr, sizeof old->remote.addr));
}

static struct trace_entry *place(struct trace *trace, struct trace_entry *entry)
{
	struct trace_entry *ring = trace->entries + (size_t)entry->kind * TRACE_RING;
	struct trace_entry *oldest = &ring[0];

	for (size_t i = 0; i < TRACE_RING; i++) {
		if (repeats(&ring[i], entry)) {
			entry->times += ring[i].times;
			return &ring[i];
		}
		if (ring[i].order < oldest->order)
			oldest = &ring[i];
	}
	return oldest;
}

int trace_add(struct trace *trace, const struct trace_source *from, struct slice cbor,
	const struct trace_entry **out)
{
	struct trace_entry entry;
	struct trace_entry *at;
	struct tree *tree;
	bool valid;

	if (cbor.len > TRACE_BYTES)
		return -EMSGSIZE;
	tree = tree_parse(cbor.data, cbor.len, TREE_DEPTH_FILE, NULL);
	valid = tree && describe(tree_root(tree), from, &entry);
	tree_free(tree);
	if (!valid)
		return -EBADMSG;
	entry.cbor = malloc(cbor.len);
	if (!entry.cbor)
		return -ENOMEM;
	memcpy(entry.cbor, cbor.data, cbor.len);
	entry.len = cbor.len;
	entry.order = ++trace->order;
	at = place(trace, &entry);
	free(at->cbor);
	*at = entry;
	if (out)
		*out = at;
	return 0;
}

const struct trace_entry *trace_at(const struct trace *trace, size_t index)
{
	const struct trace_entry *all = trace->entries;

	for (size_t i = 0; i < TRACE_MAX; i++) {
		size_t newer = 0;

		for (size_t k = 0; k < TRACE_MAX; k++)
			newer += all[k].order > all[i].order;
		if (all[i].cbor && newer == index)
			return &all[i];
	}
	return NULL;
}

void trace_fini(struct trace *trace)
{
	for (size_t i = 0; i < TRACE_MAX; i++)
		free(trace->entries[i].cbor);
	*trace = (struct trace){0};
}
