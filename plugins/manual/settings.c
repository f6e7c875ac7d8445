/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and judges the keys of [Peer] that belong to Keying = manual. */
#include "manual/settings.h"

#include "common/peer_attrs.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPI_RESERVED = 255,
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

struct reader {
	struct peer_reader in;
	struct settings *out;
	uint16_t port_nat;
};

static bool require(struct reader *r, const char *key, struct peer_value *out)
{
	char text[TEXT_MAX];

	if (peer_value_get(&r->in, key, out))
		return true;
	snprintf(text, sizeof text, "[Peer \"%s\"] lacks %s", r->out->core.name, key);
	peer_refuse(&r->in, r->out->core.at, text, "");
	return false;
}

static void read_count(struct reader *r, const char *key, uint64_t *out)
{
	struct peer_value value;
	const char *rest;

	if (peer_value_get(&r->in, key, &value) &&
		(!peer_value_number(value.text, out, &rest) || *rest || !*out))
		peer_refuse_value(&r->in, &value, key, "not a positive number", "");
}

static void read_lifetime(struct reader *r)
{
	struct peer_value value;

	if (!peer_value_get(&r->in, "LifeTime", &value))
		return;
	r->out->hard_s = peer_value_duration(value.text);
	if (!r->out->hard_s)
		peer_refuse_value(
			&r->in, &value, "LifeTime", "not a duration", "30s, 10min, 24h, 30d");
}

/* RFC 4303 2.1 keeps 1 to 255; the first octet on the wire is never zero, RFC 3948 2.2. */
static void read_spi(struct reader *r, enum sa_dir dir)
{
	const char *key = dir == SA_OUT ? "OutSpi" : "InSpi";
	unsigned bits = r->out->spi_bits;
	struct peer_value value;
	const char *rest;
	uint64_t spi;
	uint64_t wire;

	if (!require(r, key, &value))
		return;
	r->out->spi_at[dir] = value.at;
	if (!peer_value_number(value.text, &spi, &rest) || *rest || spi > UINT32_MAX ||
		spi <= SPI_RESERVED) {
		peer_refuse_value(
			&r->in, &value, key, "not an SPI above 255", "0x1102, or decimal");
		return;
	}
	r->out->spi[dir] = (uint32_t)spi;
	wire = bits < SPI_BITS ? spi & (((uint64_t)1 << bits) - 1) : spi;
	if (bits > 8)
		wire >>= bits - 8;
	if (dir == SA_IN && bits && wire == 0)
		peer_refuse_value(&r->in, &value, key, "would begin packets with a zero octet",
			"choose one whose low EspSpiLsb bits do not");
	if (r->out->fallback && spi >> 31)
		peer_refuse_value(&r->in, &value, key, "its top bit belongs to the fallback SA",
			"choose one below 0x80000000, or Fallback = no");
}

int settings_key(const struct keying_host *host, const struct settings *peer, enum sa_dir dir,
	uint8_t keymat[KEYMAT_MAX])
{
	uint8_t file[KEY_FILE_MAX];
	struct peer_secret text = {file, sizeof file, 0};
	size_t n = 0;
	int r = peer_secret_read(host, peer->core.name, dir == SA_OUT ? "OutKey" : "InKey", &text);

	if (!r)
		r = secret_from_base64((const char *)file, text.len, keymat, KEYMAT_MAX, &n);
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
	struct peer_value value;
	char what[80];
	int error;

	if (!require(r, key, &value) || !r->out->keymat_len)
		return;
	r->out->key_at[dir] = value.at;
	error = settings_key(r->in.host, r->out, dir, keymat);
	if (error == -EINVAL || error == -EMSGSIZE) {
		snprintf(what, sizeof what, "not base64 of %zu octets, key and salt of the cipher",
			r->out->keymat_len);
		peer_refuse_value(&r->in, &value, key, what, "dietvpn keygen --manual-pair");
	} else if (error) {
		peer_refuse_value(&r->in, &value, key, strerror(-error), "");
	} else {
		hash_digest((struct slice){keymat, r->out->keymat_len}, r->out->digest[dir]);
		secret_wipe(keymat, sizeof keymat);
	}
}

/* The first of the list: without negotiation there is no second choice. */
static void read_suite(struct reader *r)
{
	const struct aead_suite *row;
	uint16_t encr = 0;
	uint16_t bits = 0;

	peer_config_suite(&r->in, 0, &encr, &bits);
	for (size_t i = 0; (row = aead_suite_at(i)); i++)
		if ((unsigned)row->encr == encr && (!bits || row->key_len * 8u == bits)) {
			r->out->encr = row->encr;
			r->out->keymat_len = (size_t)row->key_len + row->salt_len;
			return;
		}
	peer_refuse(&r->in, r->out->core.at, "Keying = manual needs a Cipher",
		"the first of the list is used");
}

/* The attributes go on to sa_install as they came. */
static bool keep_attrs(tree_node attrs, struct settings *out)
{
	struct tree_writer w;
	bool ok;

	tree_writer_init(&w);
	tree_put_node(&w, attrs);
	ok = !w.error && w.len <= sizeof out->attrs;
	if (ok)
		memcpy(out->attrs, w.data, out->attrs_len = w.len);
	tree_writer_fini(&w);
	return ok;
}

static bool read_attrs(struct reader *r)
{
	tree_node attrs = tree_get(r->in.peer, "attrs");

	if (tree_kind(attrs) != TREE_MAP)
		return false;
	r->out->spi_bits = (uint8_t)peer_attr(attrs, ATTR_SPI_LSB, SPI_BITS, SPI_BITS);
	r->out->window = (uint32_t)peer_attr(attrs, ATTR_WINDOW, UINT32_MAX, 0);
	r->out->ruled = tree_get_int(attrs, ATTR_RULES_DIGEST) != NULL;
	r->out->fallback =
		peer_attr(attrs, ATTR_IIPC, 1, 1) && !peer_attr(attrs, ATTR_RULE_ID, 1, 0);
	return keep_attrs(attrs, r->out);
}

static void judge_endpoint(struct reader *r)
{
	struct ip_endpoint *remote = &r->out->core.remote;
	bool raw = r->out->core.encap == ENCAP_RAW;

	r->out->encap = raw ? SA_ENCAP_ESP : SA_ENCAP_UDP;
	r->out->port = raw ? 0 : r->port_nat;
	if (raw || !remote->addr.family)
		remote->port = 0;
	else if (!remote->port)
		remote->port = PORT_NAT;
}

/* Where nothing of the SPI travels, the peer's address means one SA only. */
static void check_fallback(struct reader *r)
{
	struct peer_value value = {.at = r->out->core.at};

	if (r->out->spi_bits || !r->out->fallback)
		return;
	peer_value_get(&r->in, "Fallback", &value);
	peer_refuse(&r->in, value.at, "EspSpiLsb = 0 leaves no room for a fallback SA",
		"Fallback = no, or RuleId = yes");
}

static void read_peer(struct reader *r, size_t index)
{
	bool compresses;

	if (!peer_config_read(&r->in, index, settings_keys, &r->out->core))
		return;
	if (!read_attrs(r)) {
		peer_refuse(&r->in, r->out->core.at, "not a configuration of this version", "");
		return;
	}
	r->out->esn = true;
	compresses = r->out->fallback;
	judge_endpoint(r);
	peer_value_yes(&r->in, "Esn", &r->out->esn);
	peer_value_yes(&r->in, "Fallback", &r->out->fallback);
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
			a->core.name, b->core.name);
		peer_refuse(&r->in, b->spi_at[SA_IN], text, "");
	}
	for (int i = SA_OUT; i <= SA_IN; i++)
		for (int j = SA_OUT; j <= SA_IN; j++) {
			if ((a == b && i >= j) ||
				memcmp(a->digest[i], b->digest[j], SETTINGS_DIGEST_LEN) != 0)
				continue;
			snprintf(text, sizeof text,
				"the key stands twice, in \"%s\" and \"%s\": every direction of "
				"every peer needs its own",
				a->core.name, b->core.name);
			peer_refuse(&r->in, b->key_at[j], text, "dietvpn keygen --manual-pair");
		}
}

static void check_pairs(struct reader *r, const struct settings *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			check_pair(r, &list[i], &list[j]);
}

static int read_all(struct reader *r, size_t n, struct settings **out)
{
	struct settings *list = calloc(n ? n : 1, sizeof *list);

	if (!list)
		return -ENOMEM;
	r->port_nat = peer_config_port(&r->in, 1, PORT_NAT);
	for (size_t i = 0; i < n; i++) {
		r->out = &list[i];
		read_peer(r, i);
	}
	if (!r->in.bad)
		check_pairs(r, list, n);
	*out = list;
	return 0;
}

int settings_read(
	const struct keying_host *host, struct slice config, struct settings **out, size_t *n)
{
	struct settings *list = NULL;
	struct reader r;
	size_t count;
	int error = peer_config_open(&r.in, host, config, &count);
	int refused;

	if (error)
		return error;
	error = read_all(&r, count, &list);
	refused = peer_config_close(&r.in);
	if (error || refused) {
		free(list);
		return error ? error : refused;
	}
	*out = list;
	*n = count;
	return 0;
}
