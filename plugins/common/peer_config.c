/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the core has understood of [Peer] (conf/schema/keying.cddl: peer). */
#include "common/peer_config.h"

#include <errno.h>
#include <string.h>

static size_t count(tree_node list)
{
	return tree_kind(list) == TREE_ARRAY ? tree_count(list) : 0;
}

int peer_config_open(
	struct peer_reader *r, const struct keying_host *host, struct slice config, size_t *n_peers)
{
	struct tree_error error;

	*r = (struct peer_reader){.host = host};
	r->tree = tree_parse_own(config.data, config.len, TREE_DEPTH_FRAME, &error);
	if (!r->tree) {
		host->log(host, KEYING_ERROR, error.text);
		return -EINVAL;
	}
	r->peers = tree_get(tree_root(r->tree), "peers");
	*n_peers = count(r->peers);
	return 0;
}

int peer_config_close(struct peer_reader *r)
{
	tree_free(r->tree);
	r->tree = NULL;
	return r->bad ? -EINVAL : 0;
}

void peer_config_tunnel(const struct peer_reader *r, char out[PEER_NAME_MAX])
{
	if (!tree_text_copy(tree_get(tree_root(r->tree), "tunnel"), out, PEER_NAME_MAX))
		out[0] = '\0';
}

uint16_t peer_config_port(const struct peer_reader *r, size_t which, uint16_t absent)
{
	uint64_t port = absent;

	tree_uint(tree_at(tree_get(tree_root(r->tree), "listen"), which), UINT16_MAX, &port);
	return (uint16_t)port;
}

static bool read_addr(tree_node node, struct ip_addr *out)
{
	const uint8_t *octets;
	size_t len;

	if (!tree_bytes(node, &octets, &len) || (len != 4 && len != 16))
		return false;
	*out = (struct ip_addr){.family = len == 4 ? 4 : 6};
	memcpy(out->bytes, octets, len);
	return true;
}

static bool read_ts(tree_node node, struct ts *out)
{
	tree_node range = tree_get_int(node, 0);
	tree_node ports = tree_get_int(node, 3);
	uint64_t proto = 0;
	uint64_t start = 0;
	uint64_t end = UINT16_MAX;

	if (!tree_uint(tree_get_int(node, 2), UINT8_MAX, &proto) ||
		!read_addr(tree_at(range, 0), &out->addr_start) ||
		!read_addr(tree_at(range, 1), &out->addr_end))
		return false;
	if (ports && (!tree_uint(tree_at(ports, 0), UINT16_MAX, &start) ||
			     !tree_uint(tree_at(ports, 1), UINT16_MAX, &end)))
		return false;
	out->ip_proto = (uint8_t)proto;
	out->port_start = (uint16_t)start;
	out->port_end = (uint16_t)end;
	return true;
}

static bool read_selectors(tree_node list, struct selectors *out)
{
	size_t n = count(list);

	if (!n || n > TS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_ts(tree_at(list, i), &out->list[i]))
			return false;
	out->n = (uint8_t)n;
	return true;
}

static void read_endpoint(tree_node peer, struct ip_endpoint *out)
{
	tree_node endpoint = tree_get(peer, "endpoint");
	uint64_t port = 0;

	if (!endpoint || tree_kind(endpoint) != TREE_ARRAY ||
		!read_addr(tree_at(endpoint, 0), &out->addr))
		return;
	tree_uint(tree_at(endpoint, 1), UINT16_MAX, &port);
	out->port = (uint16_t)port;
}

/* The place of its text among the names; of the last one where it is none of them. */
static unsigned read_choice(tree_node node, const char *const *names, unsigned n)
{
	char text[16] = "";

	tree_text_copy(node, text, sizeof text);
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return i;
	return n - 1;
}

static void read_manner(tree_node peer, struct peer_config *out)
{
	static const char *const roles[] = {"initiator", "responder", "both"};
	static const char *const encaps[] = {"udp", "raw", "auto"};
	static const char *const starts[] = {"boot", "on-traffic"};
	static const char *const profiles[] = {"lossy", "normal"};

	out->role = (enum role)read_choice(tree_get(peer, "role"), roles, 3);
	out->encap = (enum encap_wish)read_choice(tree_get(peer, "encap"), encaps, 3);
	out->boot = read_choice(tree_get(peer, "start"), starts, 2) == 0;
	out->lossy = read_choice(tree_get(peer, "retransmission"), profiles, 2) == 0;
	tree_bool(tree_get(peer, "sleepy"), &out->sleepy);
}

/* Where complaints about the peer as a whole point to: its first own key. */
static uint32_t find_place(const struct peer_reader *r, const struct keying_key *keys)
{
	struct peer_value value;

	for (const struct keying_key *key = keys; key->name; key++)
		if (peer_value_get(r, key->name, &value) && value.at)
			return value.at;
	return 0;
}

bool peer_config_read(
	struct peer_reader *r, size_t index, const struct keying_key *keys, struct peer_config *out)
{
	uint64_t policy = 0;

	r->peer = tree_at(r->peers, index);
	r->keys = tree_get(r->peer, "keys");
	out->at = find_place(r, keys);
	if (!tree_text_copy(tree_get(r->peer, "name"), out->name, sizeof out->name) ||
		!tree_uint(tree_get(r->peer, "policy"), UINT32_MAX, &policy) ||
		!read_selectors(tree_get(r->peer, "local"), &out->local) ||
		!read_selectors(tree_get(r->peer, "remote"), &out->remote_ts)) {
		peer_refuse(r, out->at, "not a configuration of this version", "");
		return false;
	}
	out->policy = (uint32_t)policy;
	read_endpoint(r->peer, &out->remote);
	out->named = tree_kind(tree_get(r->peer, "endpoint")) == TREE_TEXT;
	read_manner(r->peer, out);
	return true;
}

static size_t read_prefixes(tree_node list, struct addr_prefix *out, size_t cap)
{
	size_t n = 0;
	uint64_t len;

	for (size_t i = 0; i < count(list) && n < cap; i++) {
		tree_node prefix = tree_at(list, i);

		if (!read_addr(tree_at(prefix, 0), &out[n].addr) ||
			!tree_uint(tree_at(prefix, 1), 8 * sizeof out->addr.bytes, &len))
			continue;
		out[n++].len = (uint8_t)len;
	}
	return n;
}

size_t peer_config_own(const struct peer_reader *r, struct addr_prefix *out, size_t cap)
{
	return read_prefixes(tree_get(tree_root(r->tree), "addresses"), out, cap);
}

size_t peer_config_addresses(const struct peer_reader *r, struct addr_prefix *out, size_t cap)
{
	return read_prefixes(tree_get(r->peer, "addresses"), out, cap);
}

bool peer_config_auto(const struct peer_reader *r)
{
	tree_node own = tree_get(tree_root(r->tree), "addresses");

	return own && tree_kind(own) == TREE_TEXT;
}

bool peer_config_suite(
	const struct peer_reader *r, size_t index, uint16_t *encr, uint16_t *key_bits)
{
	tree_node suites = tree_get(r->peer, "suites");
	uint64_t number = 0;
	uint64_t bits = 0;

	if (index >= count(suites) ||
		!tree_uint(tree_at(tree_at(suites, index), 0), UINT16_MAX, &number) ||
		!tree_uint(tree_at(tree_at(suites, index), 1), UINT16_MAX, &bits))
		return false;
	*encr = (uint16_t)number;
	*key_bits = (uint16_t)bits;
	return true;
}
