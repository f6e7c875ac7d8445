/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and judges the keys of [Peer] that belong to Keying = manual. */
#include "manual/settings.h"

#include "codec/tree.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPI_RESERVED = 255,
	ATTR_SPI_LSB = 4,
	ATTR_IIPC = -1,
	ATTR_RULE_ID = -4,
	ATTR_WINDOW = -6,
	SPI_BITS = 32,
	PORT_NAT = 4500,
	KEY_FILE_MAX = 512,
	TEXT_MAX = 200,
};

const struct keying_key settings_keys[] = {
	{"OutSpi", "SPI of packets to the peer, above 255; the peer's InSpi", KEYING_KEY_REQUIRED},
	{"OutKey", "file: base64 of the key and salt to the peer; the peer's InKey",
		KEYING_KEY_REQUIRED | KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"InSpi", "SPI of packets from the peer, above 255; the peer's OutSpi",
		KEYING_KEY_REQUIRED},
	{"InKey", "file: base64 of the key and salt from the peer; the peer's OutKey",
		KEYING_KEY_REQUIRED | KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"Esn", "yes (default) or no: 64-bit sequence numbers", 0},
	{"Fallback", "yes or no: a plain ESP SA beside the compressed one", 0},
	{"LifeTime", "hard lifetime: 30s, 10min, 24h, 30d", KEYING_KEY_RELOADABLE},
	{"LifePackets", "hard lifetime in packets", KEYING_KEY_RELOADABLE},
	{"LifeBytes", "hard lifetime in octets", KEYING_KEY_RELOADABLE},
	{NULL, NULL, 0},
};

/* One value of the file while it is judged. */
struct value {
	char text[256];
	uint32_t at;
};

struct reader {
	const struct keying_host *host;
	tree_node peer, keys;
	struct settings *out;
	uint16_t port_nat;
	bool bad;
};

static void complain(struct reader *r, uint32_t at, const char *text, const char *hint)
{
	r->bad = true;
	r->host->config_error(r->host, at, text, hint);
}

static void complain_about(struct reader *r, const struct value *value, const char *key,
	const char *what, const char *hint)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "%s = %.60s: %s", key, value->text, what);
	complain(r, value->at, text, hint);
}

static bool get_value(const struct reader *r, const char *key, struct value *out)
{
	tree_node pair = tree_get(r->keys, key);
	uint64_t at = 0;

	if (tree_kind(r->keys) != TREE_MAP || !pair || tree_kind(pair) != TREE_ARRAY)
		return false;
	if (!tree_text_copy(tree_at(pair, 0), out->text, sizeof out->text))
		return false;
	if (!tree_uint(tree_at(pair, 1), UINT32_MAX, &at))
		return false;
	out->at = (uint32_t)at;
	return true;
}

static bool require(struct reader *r, const char *key, struct value *out)
{
	char text[TEXT_MAX];

	if (get_value(r, key, out))
		return true;
	snprintf(text, sizeof text, "[Peer \"%s\"] lacks %s", r->out->name, key);
	complain(r, r->out->at, text, "");
	return false;
}

/* Decimal or 0x hexadecimal, nothing else around it. */
static bool parse_number(const char *text, uint64_t *out, const char **rest)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (hex ? !strchr("0123456789abcdefABCDEF", text[2]) || !text[2]
		: text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, hex ? 16 : 10);
	*rest = end;
	return !errno;
}

static void read_yes(struct reader *r, const char *key, uint8_t *out)
{
	struct value value;

	if (!get_value(r, key, &value))
		return;
	if (strcmp(value.text, "yes") != 0 && strcmp(value.text, "no") != 0)
		complain_about(r, &value, key, "neither yes nor no", "");
	*out = !strcmp(value.text, "yes");
}

static void read_count(struct reader *r, const char *key, uint64_t *out)
{
	struct value value;
	const char *rest;

	if (get_value(r, key, &value) && (!parse_number(value.text, out, &rest) || *rest || !*out))
		complain_about(r, &value, key, "not a positive number", "");
}

static void read_lifetime(struct reader *r)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	struct value value;
	const char *rest = "";
	uint64_t number = 0;

	if (!get_value(r, "LifeTime", &value))
		return;
	if (parse_number(value.text, &number, &rest) && number && number <= UINT32_MAX)
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (!strcmp(rest, units[i].unit))
				r->out->hard_s = number * units[i].seconds;
	if (!r->out->hard_s)
		complain_about(r, &value, "LifeTime", "not a duration", "30s, 10min, 24h, 30d");
}

/* RFC 4303 2.1 keeps 1 to 255; the first octet on the wire is never zero, RFC 3948 2.2. */
static void read_spi(struct reader *r, enum sa_dir dir)
{
	const char *key = dir == SA_OUT ? "OutSpi" : "InSpi";
	unsigned bits = r->out->spi_bits;
	struct value value;
	const char *rest;
	uint64_t spi;
	uint64_t wire;

	if (!require(r, key, &value))
		return;
	r->out->spi_at[dir] = value.at;
	if (!parse_number(value.text, &spi, &rest) || *rest || spi > UINT32_MAX ||
		spi <= SPI_RESERVED) {
		complain_about(r, &value, key, "not an SPI above 255", "0x1102, or decimal");
		return;
	}
	r->out->spi[dir] = (uint32_t)spi;
	wire = bits < SPI_BITS ? spi & (((uint64_t)1 << bits) - 1) : spi;
	if (bits > 8)
		wire >>= bits - 8;
	if (dir == SA_IN && bits && wire == 0)
		complain_about(r, &value, key, "would begin packets with a zero octet",
			"choose one whose low EspSpiLsb bits do not");
	if (r->out->fallback && spi >> 31)
		complain_about(r, &value, key, "its top bit belongs to the fallback SA",
			"choose one below 0x80000000, or Fallback = no");
}

int settings_key(const struct keying_host *host, const struct settings *peer, enum sa_dir dir,
	uint8_t keymat[KEYMAT_MAX])
{
	char name[SETTINGS_NAME_MAX + 8];
	uint8_t file[KEY_FILE_MAX];
	size_t len = 0;
	size_t n = 0;
	int r;

	snprintf(name, sizeof name, "%s/%s", peer->name, dir == SA_OUT ? "OutKey" : "InKey");
	r = host->secret(host, name, file, sizeof file, &len);
	if (!r)
		r = secret_from_base64((const char *)file, len, keymat, KEYMAT_MAX, &n);
	if (!r && n != peer->keymat_len)
		r = -EINVAL;
	secret_wipe(file, sizeof file);
	if (r)
		secret_wipe(keymat, KEYMAT_MAX);
	return r;
}

static void read_key(struct reader *r, enum sa_dir dir)
{
	const char *key = dir == SA_OUT ? "OutKey" : "InKey";
	uint8_t keymat[KEYMAT_MAX];
	struct value value;
	char what[80];
	int error;

	if (!require(r, key, &value) || !r->out->keymat_len)
		return;
	r->out->key_at[dir] = value.at;
	error = settings_key(r->host, r->out, dir, keymat);
	if (error == -EINVAL || error == -EMSGSIZE) {
		snprintf(what, sizeof what, "not base64 of %zu octets, key and salt of the cipher",
			r->out->keymat_len);
		complain_about(r, &value, key, what, "dietvpn keygen --manual-pair");
	} else if (error) {
		complain_about(r, &value, key, strerror(-error), "");
	} else {
		hash_digest((struct slice){keymat, r->out->keymat_len}, r->out->digest[dir]);
		secret_wipe(keymat, sizeof keymat);
	}
}

/* The first of the list: without negotiation there is no second choice. */
static void read_suite(struct reader *r)
{
	tree_node suite = tree_at(tree_get(r->peer, "suites"), 0);
	const struct aead_suite *row;
	uint64_t encr = 0;
	uint64_t bits = 0;

	tree_uint(tree_at(suite, 0), UINT16_MAX, &encr);
	tree_uint(tree_at(suite, 1), UINT16_MAX, &bits);
	for (size_t i = 0; (row = aead_suite_at(i)); i++)
		if ((uint64_t)row->encr == encr && (!bits || row->key_len * 8u == bits)) {
			r->out->encr = row->encr;
			r->out->keymat_len = (size_t)row->key_len + row->salt_len;
			return;
		}
	complain(r, r->out->at, "Keying = manual needs a Cipher", "the first of the list is used");
}

static bool read_addr(tree_node node, struct ip_addr *out)
{
	const uint8_t *octets;
	size_t len;

	if (!tree_bytes(node, &octets, &len) || (len != 4 && len != 16))
		return false;
	out->family = len == 4 ? 4 : 6;
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

static bool read_selectors(tree_node list, struct ts *out, uint8_t *n)
{
	size_t count = tree_kind(list) == TREE_ARRAY ? tree_count(list) : 0;

	if (!count || count > TS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_ts(tree_at(list, i), &out[i]))
			return false;
	*n = (uint8_t)count;
	return true;
}

/* The attributes go on to sa_install as they came: maps of numbers and lists of numbers. */
static void copy_node(struct tree_writer *w, tree_node node)
{
	tree_node key;
	tree_node value;
	int64_t number = 0;

	if (tree_kind(node) == TREE_ARRAY) {
		tree_put_array(w, tree_count(node));
		for (size_t i = 0; i < tree_count(node); i++)
			copy_node(w, tree_at(node, i));
	} else if (tree_kind(node) == TREE_MAP) {
		tree_put_map(w, tree_count(node));
		for (size_t i = 0; i < tree_count(node); i++) {
			tree_pair(node, i, &key, &value);
			copy_node(w, key);
			copy_node(w, value);
		}
	} else {
		tree_int(node, &number);
		tree_put_int(w, number);
	}
}

static bool keep(const struct tree_writer *w, uint8_t *out, size_t cap, size_t *len)
{
	if (w->error || w->len > cap)
		return false;
	memcpy(out, w->data, w->len);
	*len = w->len;
	return true;
}

/* RFC 4303 as it is: 32-bit alignment, whole SPI and number, trailer sent, nothing compressed. */
static bool write_plain(struct settings *out)
{
	static const int8_t pairs[][2] = {
		{0, 0}, {1, 0}, {2, 0}, {3, 2}, {4, 32}, {5, 32}, {6, 0}, {-1, 0}};
	struct tree_writer w;
	bool ok;

	tree_writer_init(&w);
	tree_put_map(&w, sizeof pairs / sizeof *pairs);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		tree_put_int(&w, pairs[i][0]);
		tree_put_int(&w, pairs[i][1]);
	}
	ok = keep(&w, out->plain, sizeof out->plain, &out->plain_len);
	tree_writer_fini(&w);
	return ok;
}

static bool read_attrs(struct reader *r)
{
	tree_node attrs = tree_get(r->peer, "attrs");
	uint64_t spi_bits = SPI_BITS;
	uint64_t window = 0;
	uint64_t iipc = 1;
	uint64_t rule_id = 0;
	struct tree_writer w;
	bool ok;

	if (tree_kind(attrs) != TREE_MAP)
		return false;
	tree_uint(tree_get_int(attrs, ATTR_SPI_LSB), SPI_BITS, &spi_bits);
	tree_uint(tree_get_int(attrs, ATTR_WINDOW), UINT32_MAX, &window);
	tree_uint(tree_get_int(attrs, ATTR_IIPC), 1, &iipc);
	tree_uint(tree_get_int(attrs, ATTR_RULE_ID), 1, &rule_id);
	r->out->spi_bits = (uint8_t)spi_bits;
	r->out->window = (uint32_t)window;
	r->out->fallback = iipc && !rule_id;
	tree_writer_init(&w);
	copy_node(&w, attrs);
	ok = keep(&w, r->out->attrs, sizeof r->out->attrs, &r->out->attrs_len);
	tree_writer_fini(&w);
	return ok && write_plain(r->out);
}

static void read_endpoint(struct reader *r)
{
	tree_node endpoint = tree_get(r->peer, "endpoint");
	char encap[8] = "";
	uint64_t port = 0;

	tree_text_copy(tree_get(r->peer, "encap"), encap, sizeof encap);
	r->out->encap = strcmp(encap, "raw") ? SA_ENCAP_UDP : SA_ENCAP_ESP;
	r->out->port = r->out->encap == SA_ENCAP_UDP ? r->port_nat : 0;
	if (!endpoint || !read_addr(tree_at(endpoint, 0), &r->out->remote.addr))
		return;
	tree_uint(tree_at(endpoint, 1), UINT16_MAX, &port);
	if (r->out->encap == SA_ENCAP_UDP)
		r->out->remote.port = port ? (uint16_t)port : PORT_NAT;
}

/* Where complaints about the peer as a whole point to. */
static void read_place(struct reader *r)
{
	struct value value;

	r->keys = tree_get(r->peer, "keys");
	for (const struct keying_key *key = settings_keys; key->name; key++)
		if (!r->out->at && get_value(r, key->name, &value))
			r->out->at = value.at;
}

/* Where nothing of the SPI travels, the peer's address means one SA only. */
static void check_fallback(struct reader *r)
{
	struct value value = {.at = r->out->at};

	if (r->out->spi_bits || !r->out->fallback)
		return;
	get_value(r, "Fallback", &value);
	complain(r, value.at, "EspSpiLsb = 0 leaves no room for a fallback SA",
		"Fallback = no, or RuleId = yes");
}

static void read_peer(struct reader *r)
{
	uint64_t policy = 0;
	uint8_t compresses;

	read_place(r);
	if (!tree_text_copy(tree_get(r->peer, "name"), r->out->name, sizeof r->out->name) ||
		!tree_uint(tree_get(r->peer, "policy"), UINT32_MAX, &policy) ||
		!read_selectors(tree_get(r->peer, "local"), r->out->local, &r->out->n_local) ||
		!read_selectors(
			tree_get(r->peer, "remote"), r->out->remote_ts, &r->out->n_remote) ||
		!read_attrs(r)) {
		complain(r, r->out->at, "not a configuration of this version", "");
		return;
	}
	r->out->policy = (uint32_t)policy;
	r->out->esn = 1;
	compresses = r->out->fallback;
	read_endpoint(r);
	read_yes(r, "Esn", &r->out->esn);
	read_yes(r, "Fallback", &r->out->fallback);
	r->out->fallback = r->out->fallback && compresses;
	check_fallback(r);
	read_spi(r, SA_OUT);
	read_spi(r, SA_IN);
	read_suite(r);
	read_key(r, SA_OUT);
	read_key(r, SA_IN);
	read_lifetime(r);
	read_count(r, "LifePackets", &r->out->hard_packets);
	read_count(r, "LifeBytes", &r->out->hard_bytes);
}

static uint32_t on_wire(const struct settings *peer, unsigned bits)
{
	uint64_t sent = peer->spi_bits < SPI_BITS
				? peer->spi[SA_IN] & (((uint64_t)1 << peer->spi_bits) - 1)
				: peer->spi[SA_IN];

	return (uint32_t)(sent >> (peer->spi_bits - bits));
}

/* A datagram's first bits have to name one SA: no sent SPI may begin another one. */
static bool same_prefix(const struct settings *a, const struct settings *b)
{
	unsigned bits = a->spi_bits < b->spi_bits ? a->spi_bits : b->spi_bits;

	return on_wire(a, bits) == on_wire(b, bits);
}

static void check_pair(struct reader *r, const struct settings *a, const struct settings *b)
{
	char text[TEXT_MAX];

	if (a != b && a->spi_bits && b->spi_bits && same_prefix(a, b)) {
		snprintf(text, sizeof text,
			"InSpi of \"%s\" and \"%s\" are the same in the octets that are sent",
			a->name, b->name);
		complain(r, b->spi_at[SA_IN], text, "");
	}
	for (int i = SA_OUT; i <= SA_IN; i++)
		for (int j = SA_OUT; j <= SA_IN; j++) {
			if ((a == b && i >= j) ||
				memcmp(a->digest[i], b->digest[j], SETTINGS_DIGEST_LEN) != 0)
				continue;
			snprintf(text, sizeof text,
				"the key stands twice, in \"%s\" and \"%s\": every direction of "
				"every peer needs its own",
				a->name, b->name);
			complain(r, b->key_at[j], text, "dietvpn keygen --manual-pair");
		}
}

static void check_pairs(struct reader *r, const struct settings *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			check_pair(r, &list[i], &list[j]);
}

static int read_all(struct reader *r, tree_node root, struct settings **out, size_t *n)
{
	tree_node peers = tree_get(root, "peers");
	size_t count = tree_kind(peers) == TREE_ARRAY ? tree_count(peers) : 0;
	struct settings *list = calloc(count ? count : 1, sizeof *list);
	uint64_t port = PORT_NAT;

	if (!list)
		return -ENOMEM;
	tree_uint(tree_at(tree_get(root, "listen"), 1), UINT16_MAX, &port);
	r->port_nat = (uint16_t)port;
	for (size_t i = 0; i < count; i++) {
		r->peer = tree_at(peers, i);
		r->out = &list[i];
		read_peer(r);
	}
	if (!r->bad)
		check_pairs(r, list, count);
	if (r->bad) {
		free(list);
		return -EINVAL;
	}
	*out = list;
	*n = count;
	return 0;
}

int settings_read(
	const struct keying_host *host, struct slice config, struct settings **out, size_t *n)
{
	struct reader r = {.host = host};
	struct tree_error error;
	struct tree *tree = tree_parse_own(config.data, config.len, TREE_DEPTH_FRAME, &error);
	int result;

	if (!tree) {
		host->log(host, KEYING_ERROR, error.text);
		return -EINVAL;
	}
	result = read_all(&r, tree_root(tree), out, n);
	tree_free(tree);
	return result;
}
