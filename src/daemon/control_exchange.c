/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.list: the last key exchanges, as their plugins described them (docs/control.md). */
#include "daemon/control_exchange.h"

#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/put.h"
#include "daemon/tunnel.h"
#include "io/dataplane.h"
#include "keying/host.h"
#include "keying/trace.h"

#include <errno.h>
#include <string.h>

enum { PER_FRAME = 8 };

/* Which ones are asked for: all, those of a peer, those with an address. */
struct wanted {
	char name[IP_ENDPOINT_TEXT];
	struct ip_addr addr;
	bool by_addr;
};

/* What somebody called himself whom a template did not let in: the identity that he offered. */
static bool claims(const struct trace_entry *entry, const char *name)
{
	struct tree *tree = tree_parse(entry->cbor, entry->len, TREE_DEPTH_FILE, NULL);
	tree_node rows = tree ? tree_get(tree_root(tree), "rows") : NULL;
	bool found = false;

	for (size_t i = 0; rows && i < tree_count(rows); i++) {
		tree_node offered = tree_get(tree_at(rows, i), "offered");
		char text[IP_ENDPOINT_TEXT];

		found = found ||
			(tree_text_copy(tree_get(tree_at(rows, i), "what"), text, sizeof(text)) &&
				!strcmp(text, "identity") && tree_count(offered) == 1 &&
				tree_text_copy(tree_at(offered, 0), text, sizeof(text)) &&
				!strcmp(text, name));
	}
	tree_free(tree);
	return found;
}

static bool is_wanted(const struct wanted *wanted, const struct trace_entry *entry)
{
	if (wanted->by_addr)
		return ip_addr_equal(&entry->remote.addr, &wanted->addr);
	return !wanted->name[0] || !strcmp(entry->peer, wanted->name) ||
	       claims(entry, wanted->name);
}

/* One who has left, or was never let in. */
static bool is_remembered(const struct daemon *daemon, const struct wanted *wanted)
{
	const struct trace_entry *entry;

	for (size_t i = 0; daemon->host && (entry = host_exchange_at(daemon->host, i)); i++)
		if (is_wanted(wanted, entry))
			return true;
	return false;
}

static bool read_wanted(
	const struct daemon *daemon, struct control_call *call, struct wanted *wanted)
{
	tree_node node = tree_get(call->with, "name");

	*wanted = (struct wanted){0};
	if (!node)
		return true;
	if (!tree_text_copy(node, wanted->name, sizeof(wanted->name))) {
		control_fail(call, -EINVAL, "name: a peer or an address");
		return false;
	}
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i] && tunnel_find_peer(daemon->tunnels[i], wanted->name))
			return true;
	wanted->by_addr = !ip_addr_parse(wanted->name, &wanted->addr);
	if (wanted->by_addr || is_remembered(daemon, wanted))
		return true;
	control_fail(call, -ENOENT,
		"no peer is called %s, it is no address, and no exchange in this name is "
		"remembered",
		wanted->name);
	control_hint_names(call);
	return false;
}

/* The record's own pairs behind what the host knows; its address as people write it. */
static void put_record(struct put *map, const struct trace_entry *entry)
{
	struct tree *tree = tree_parse(entry->cbor, entry->len, TREE_DEPTH_FILE, NULL);
	tree_node root = tree ? tree_root(tree) : NULL;

	for (size_t i = 0; i < tree_count(root); i++) {
		char key[TRACE_WORD];
		tree_node name;
		tree_node value;

		tree_pair(root, i, &name, &value);
		if (tree_text_copy(name, key, sizeof(key)) && strcmp(key, "remote") != 0)
			tree_put_node(put_key(map, key), value);
	}
	tree_free(tree);
}

static void put_exchange(const struct trace_entry *entry, struct tree_writer *w)
{
	char remote[IP_ENDPOINT_TEXT];
	struct put map;

	put_init(&map);
	put_uint(&map, "age_s", (dataplane_now_ms() - entry->at_ms) / 1000);
	put_text(&map, "tunnel", entry->tunnel);
	put_text(&map, "keying", entry->plugin);
	if (entry->peer[0])
		put_text(&map, "peer", entry->peer);
	put_uint(&map, "times", entry->times);
	put_text(&map, "remote", ip_endpoint_print(&entry->remote, remote, sizeof(remote)));
	put_record(&map, entry);
	put_map_end(&map, w);
}

void show_exchanges(struct daemon *daemon, struct control_call *call)
{
	const struct trace_entry *entry = NULL;
	struct wanted wanted;
	struct put list;

	if (!read_wanted(daemon, call, &wanted))
		return;
	put_init(&list);
	while (list.n < PER_FRAME && daemon->host &&
		(entry = host_exchange_at(daemon->host, call->at[0]))) {
		call->at[0]++;
		if (is_wanted(&wanted, entry))
			put_exchange(entry, put_next(&list));
	}
	call->more = entry != NULL;
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "exchanges");
	put_array_end(&list, call->ok);
}
