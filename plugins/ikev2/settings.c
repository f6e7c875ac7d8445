/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and judges the keys of [Peer] that belong to Keying = ikev2. */
#include "ikev2/settings.h"

#include "codec/tree.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/sign_private.h"
#include "ikev2/keymat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 200,
	IKE_LIFE_S = 24 * 3600,
	CHILD_LIFE_S = 8 * 3600,
	LIFE_MIN_S = 60,
	COOKIE_THRESHOLD = 64,
	COOKIE_THRESHOLD_MAX = 4096,
	ATTR_IIPC = -1,
	ATTR_RULE_ID = -4,
	ATTR_HOP_LIMIT = -5,
	ATTR_WINDOW = -6,
	WINDOW_DEFAULT = 64,
	KEY_FILE_MAX = 4096,
	ALIVE_S = 60,
};

const struct keying_key settings_keys[] = {
	{"Psk",
		"file: pre-shared key, 16 octets or more; 0x and 0s (base64) in front are "
		"understood",
		KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"PeerId", "identity expected from the peer, default its name", KEYING_KEY_RELOADABLE},
	{"Exchange", "ordered list of key exchange groups: x25519, p256", 0},
	{"Prf", "ordered list offered: sha256, sha384, sha512; default all", 0},
	{"NatDetection", "yes (default) or no: find translators between the peers", 0},
	{"Pfs", "yes or no (default): a key exchange of its own for every rekeyed child", 0},
	{"Liveness", "silence after which the peer is asked whether it lives, default 60s; or no",
		KEYING_KEY_RELOADABLE},
	{"Fallback", "yes (default) or no: a plain child for what the compressed one cannot carry",
		0},
	{"IkeLifetime", "of the IKE SA: 10min, 24h (default), 30d", KEYING_KEY_RELOADABLE},
	{"ChildLifetime", "of the ESP SAs: 10min, 8h (default), 30d", KEYING_KEY_RELOADABLE},
	{"CookieThreshold", "half-open handshakes from which strangers need a cookie, default 64",
		KEYING_KEY_RELOADABLE},
	{"Key",
		"file: our private key, PEM or base64 of an Ed25519 seed; with PeerKey, without "
		"Psk",
		KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"PeerKey", "the peer's public key: base64, or a file with base64 or PEM",
		KEYING_KEY_RELOADABLE},
	{"Imprint", "not in this version", 0},
	{"Ppk", "file: post-quantum pre-shared key of 16 to 64 octets, as Psk",
		KEYING_KEY_SECRET_FILE},
	{"PpkId", "name of that key, the same on both sides", 0},
	{"PpkRequired", "yes or no (default): not without it", 0},
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
	struct settings_list *all;
	bool bad;
};

struct slice settings_plain_attrs(void)
{
	/* {0: 0, 1: 0, 2: 0, 3: 2, 4: 32, 5: 32, 6: 0, -1: 0}, 32-bit alignment */
	static const uint8_t plain[] = {
		0xa8, 0, 0, 1, 0, 2, 0, 3, 2, 4, 0x18, 32, 5, 0x18, 32, 6, 0, 0x20, 0};

	return (struct slice){plain, sizeof plain};
}

static const int8_t attr_keys[HCP_KINDS] = {0, 1, 2, 3, 4, 5, 6, ATTR_HOP_LIMIT, ATTR_RULE_ID};

int settings_attrs(
	const struct settings *s, const struct hcp *h, uint8_t out[SETTINGS_ATTRS_MAX], size_t *len)
{
	unsigned sn = h->value[HCP_SN_LSB];
	uint64_t widest = sn ? (uint64_t)1 << (sn - 1) : UINT32_MAX;
	struct tree_writer w;
	bool ok;

	tree_writer_init(&w);
	tree_put_map(&w, HCP_KINDS + 2);
	for (int kind = 0; kind < HCP_KINDS; kind++) {
		tree_put_int(&w, attr_keys[kind]);
		tree_put_int(&w, h->value[kind]);
	}
	tree_put_int(&w, ATTR_IIPC);
	tree_put_int(&w, 1);
	tree_put_int(&w, ATTR_WINDOW);
	tree_put_uint(&w, s->window < widest ? s->window : widest);
	ok = !w.error && w.len <= SETTINGS_ATTRS_MAX;
	if (ok)
		memcpy(out, w.data, w.len);
	*len = w.len;
	tree_writer_fini(&w);
	return ok ? 0 : -EMSGSIZE;
}

const char *settings_auth_hint(const struct settings *s)
{
	return s->peer_key ? "AUTHENTICATION_FAILED: one does not know the other, or has another "
			     "key of it: compare Key, PeerKey, Id and PeerId"
			   : "AUTHENTICATION_FAILED: one does not know the other, or the keys "
			     "differ: compare Psk, Id and PeerId";
}

static size_t pad_of(uint16_t prf)
{
	return prf >= PRF_HMAC_SHA2_256 && prf <= PRF_HMAC_SHA2_512 ? prf - PRF_HMAC_SHA2_256
								    : SETTINGS_PADS;
}

const uint8_t *settings_pad(const struct settings *s, uint16_t prf)
{
	size_t i = pad_of(prf);

	return i < SETTINGS_PADS ? s->pads[i] : NULL;
}

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

static void refuse_absent(struct reader *r)
{
	static const char *const absent[] = {"Imprint"};
	struct value value;

	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		if (get_value(r, absent[i], &value))
			complain_about(r, &value, absent[i], "not in this version", "Psk = FILE");
}

static void read_yes(struct reader *r, const char *key, bool *out)
{
	struct value value;

	if (!get_value(r, key, &value))
		return;
	if (!strcmp(value.text, "yes"))
		*out = true;
	else if (!strcmp(value.text, "no"))
		*out = false;
	else
		complain_about(r, &value, key, "neither yes nor no", "");
}

/* 0 where it is none. */
static uint64_t parse_duration(const char *text)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	unsigned long number;
	char *rest;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	number = strtoul(text, &rest, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(rest, units[i].unit) && number <= UINT32_MAX)
			return (uint64_t)number * units[i].seconds;
	return 0;
}

static void read_duration(struct reader *r, const char *key, uint64_t *out)
{
	struct value value;
	uint64_t seconds;

	if (!get_value(r, key, &value))
		return;
	seconds = parse_duration(value.text);
	if (seconds < LIFE_MIN_S)
		complain_about(
			r, &value, key, "not a duration of a minute or more", "10min, 24h, 30d");
	else
		*out = seconds;
}

static void read_alive(struct reader *r)
{
	struct settings *s = r->out;
	struct value value;

	if (!get_value(r, "Liveness", &value))
		return;
	if (s->sleepy)
		complain_about(r, &value, "Liveness", "a sleepy peer is not asked", "leave it out");
	s->alive_s = strcmp(value.text, "no") ? parse_duration(value.text) : 0;
	if (!s->alive_s && strcmp(value.text, "no") != 0)
		complain_about(r, &value, "Liveness", "neither a duration nor no", "60s");
}

static void read_threshold(struct reader *r)
{
	struct value value;
	char *rest;
	unsigned long number;

	if (!get_value(r, "CookieThreshold", &value))
		return;
	number = strtoul(value.text, &rest, 10);
	if (value.text[0] < '0' || value.text[0] > '9' || *rest || number > COOKIE_THRESHOLD_MAX)
		complain_about(r, &value, "CookieThreshold", "not a number from 0 to 4096", "64");
	else if (number < r->all->cookie_threshold)
		r->all->cookie_threshold = (uint32_t)number;
}

/* One of a comma separated list: its end, or NULL at the end of all. */
static const char *next_word(const char *at, char *word, size_t cap)
{
	size_t n = 0;

	while (*at == ' ' || *at == '\t')
		at++;
	if (!*at)
		return NULL;
	for (; *at && *at != ','; at++)
		if (*at != ' ' && *at != '\t' && n + 1 < cap)
			word[n++] = *at;
	word[n] = '\0';
	return *at == ',' ? at + 1 : at;
}

struct word {
	const char *name;
	uint16_t id;
};

static void read_list(
	struct reader *r, const char *key, const struct word *words, uint16_t out[4], size_t *n)
{
	struct value value;
	const char *at = value.text;
	char word[32];

	if (!get_value(r, key, &value))
		return;
	*n = 0;
	while ((at = next_word(at, word, sizeof word))) {
		const struct word *w = words;

		while (w->name && strcmp(w->name, word) != 0)
			w++;
		for (size_t i = 0; w->name && i < *n; i++)
			if (out[i] == w->id)
				w = &words[3];
		if (!w->name || *n == 4) {
			complain_about(
				r, &value, key, "not a list of what there is", words[3].name);
			return;
		}
		out[(*n)++] = w->id;
	}
	if (!*n)
		complain_about(r, &value, key, "empty", "");
}

void settings_all_prfs(struct allowed *a)
{
	for (unsigned prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		size_t i = 0;

		while (i < a->n_prfs && a->prfs[i] != prf)
			i++;
		if (i == a->n_prfs)
			a->prfs[a->n_prfs++] = (uint16_t)prf;
	}
}

static void read_algorithms(struct reader *r)
{
	static const struct word groups[] = {
		{"x25519", DH_X25519}, {"p256", DH_P256}, {NULL, 0}, {NULL, 0}};
	static const struct word prfs[] = {{"sha256", PRF_HMAC_SHA2_256},
		{"sha384", PRF_HMAC_SHA2_384}, {"sha512", PRF_HMAC_SHA2_512}, {NULL, 0}};
	struct allowed *ike = &r->out->ike;

	ike->groups[0] = DH_X25519;
	ike->groups[1] = DH_P256;
	ike->n_groups = 2;
	settings_all_prfs(ike);
	read_list(r, "Exchange", groups, ike->groups, &ike->n_groups);
	read_list(r, "Prf", prfs, ike->prfs, &ike->n_prfs);
	r->out->esp.n_groups = 0;
}

static void add_suite(struct allowed *a, uint16_t encr, uint16_t key_bits)
{
	if (a->n_suites == ALLOWED_MAX)
		return;
	a->suites[a->n_suites].encr = encr;
	a->suites[a->n_suites++].key_bits = key_bits;
}

static bool is_iiv(uint64_t encr)
{
	return encr >= ENCR_AES_CCM_8_IIV && encr <= ENCR_CHACHA20_POLY1305_IIV;
}

/* IKE itself never has implicit IVs (RFC 8750 7); the explicit twin serves it where it stands
 * alone. */
static uint16_t twin(uint16_t encr)
{
	switch (encr) {
	case ENCR_AES_CCM_8_IIV:
		return ENCR_AES_CCM_8;
	case ENCR_AES_GCM_16_IIV:
		return ENCR_AES_GCM_16;
	default:
		return ENCR_CHACHA20_POLY1305;
	}
}

static bool has_suite(const struct allowed *a, uint16_t encr, uint16_t key_bits)
{
	for (size_t i = 0; i < a->n_suites; i++)
		if (a->suites[i].encr == encr && a->suites[i].key_bits == key_bits)
			return true;
	return false;
}

void settings_add_allowed(struct allowed *to, const struct allowed *from)
{
	for (size_t i = 0; i < from->n_suites; i++)
		if (!has_suite(to, from->suites[i].encr, from->suites[i].key_bits))
			add_suite(to, from->suites[i].encr, from->suites[i].key_bits);
	for (size_t i = 0; i < from->n_groups; i++) {
		size_t k = 0;

		while (k < to->n_groups && to->groups[k] != from->groups[i])
			k++;
		if (k == to->n_groups && k < sizeof to->groups / sizeof *to->groups)
			to->groups[to->n_groups++] = from->groups[i];
	}
}

static void read_suite(struct reader *r, tree_node suite)
{
	struct settings *s = r->out;
	uint64_t encr = 0;
	uint64_t bits = 0;
	uint16_t key_bits;
	uint16_t ike;

	if (!tree_uint(tree_at(suite, 0), UINT16_MAX, &encr) ||
		!tree_uint(tree_at(suite, 1), UINT16_MAX, &bits))
		return;
	key_bits = encr == ENCR_CHACHA20_POLY1305 || encr == ENCR_CHACHA20_POLY1305_IIV
			   ? 0
			   : (uint16_t)(bits ? bits : 128);
	if (!keymat_suite((uint16_t)encr, key_bits))
		return;
	add_suite(&s->esp, (uint16_t)encr, key_bits);
	ike = is_iiv(encr) ? twin((uint16_t)encr) : (uint16_t)encr;
	if (!has_suite(&s->ike, ike, key_bits))
		add_suite(&s->ike, ike, key_bits);
}

static void read_suites(struct reader *r)
{
	tree_node suites = tree_get(r->peer, "suites");
	struct settings *s = r->out;

	s->ike.protocol = PROTOCOL_IKE;
	s->esp.protocol = PROTOCOL_ESP;
	s->esp.esn[0] = 1;
	s->esp.esn[1] = 0;
	s->esp.n_esn = 2;
	s->esp.groups_optional = true;
	for (size_t i = 0; tree_kind(suites) == TREE_ARRAY && i < tree_count(suites); i++)
		read_suite(r, tree_at(suites, i));
	if (!s->esp.n_suites)
		complain(r, s->at, "Keying = ikev2 needs a Cipher", "chacha20-poly1305");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool from_hex(const char *text, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	if (!len || len % 2 || len / 2 > cap)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*n = len / 2;
	return true;
}

/* 0x.. is a KEY_ID, user@host an RFC 822 address, all else a name (ikev2.md 1.4). */
static bool make_identity(const char *text, struct identity *out)
{
	size_t len = strlen(text);

	memset(out, 0, sizeof *out);
	if (!len)
		return false;
	if (!strncmp(text, "0x", 2)) {
		size_t n = 0;

		out->body[0] = ID_KEY_ID;
		if (!from_hex(text + 2, len - 2, out->body + ID_HEADER_LEN, SETTINGS_ID_MAX, &n))
			return false;
		out->len = ID_HEADER_LEN + n;
		return true;
	}
	if (len > SETTINGS_ID_MAX)
		return false;
	out->body[0] = strchr(text, '@') ? ID_RFC822_ADDR : ID_FQDN;
	memcpy(out->body + ID_HEADER_LEN, text, len);
	out->len = ID_HEADER_LEN + len;
	return true;
}

static void read_identities(struct reader *r)
{
	struct settings *s = r->out;
	struct value value = {.at = s->at};
	char id[SETTINGS_ID_MAX * 2 + 3] = "";

	tree_text_copy(tree_get(r->peer, "id"), id, sizeof id);
	if (!make_identity(id, &s->id))
		complain(r, s->at, "Id is no identity", "a name, user@host, or 0x and hexadecimal");
	s->peer_id_named = get_value(r, "PeerId", &value);
	if (!make_identity(s->peer_id_named ? value.text : s->name, &s->peer_id))
		complain_about(r, &value, "PeerId", "no identity",
			"a name, user@host, or 0x and hexadecimal");
}

/* The text as it stands is the key; 0x and 0s are what strongSwan reads as well. */
static int decode_psk(const uint8_t *file, size_t len, uint8_t *out, size_t *n)
{
	const char *text = (const char *)file;
	bool marked = len > 2 && text[0] == '0';

	if (marked && text[1] == 'x')
		return from_hex(text + 2, len - 2, out, SETTINGS_PSK_MAX, n) ? 0 : -EINVAL;
	if (marked && text[1] == 's')
		return secret_from_base64(text + 2, len - 2, out, SETTINGS_PSK_MAX, n);
	memcpy(out, file, len);
	*n = len;
	return 0;
}

static int make_pads(struct settings *s, struct slice psk)
{
	for (unsigned prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		int r = keymat_psk_pad(
			prf_find((uint16_t)prf), psk, s->pads[pad_of((uint16_t)prf)]);

		if (r)
			return r;
	}
	return 0;
}

static void read_psk(struct reader *r)
{
	struct settings *s = r->out;
	struct value value = {.at = s->at};
	char name[SETTINGS_NAME_MAX + 8];
	uint8_t file[SETTINGS_PSK_MAX];
	uint8_t psk[SETTINGS_PSK_MAX];
	size_t len = 0;
	size_t n = 0;
	int error;

	get_value(r, "Psk", &value);
	snprintf(name, sizeof name, "%s/Psk", s->name);
	error = r->host->secret(r->host, name, file, sizeof file, &len);
	if (error == -ENOENT && !value.text[0])
		complain(r, s->at, "Keying = ikev2 needs a Psk, or Key and PeerKey",
			"dietvpn genpsk > keys/psk");
	else if (error)
		complain_about(r, &value, "Psk", strerror(-error), "");
	else if (decode_psk(file, len, psk, &n))
		complain_about(
			r, &value, "Psk", "0x without hexadecimal, or 0s without base64", "");
	else if (n < SETTINGS_PSK_MIN)
		complain_about(r, &value, "Psk", "shorter than 16 octets: it can be guessed",
			"dietvpn genpsk");
	else if (make_pads(s, (struct slice){psk, n}))
		complain_about(r, &value, "Psk", "no memory", "");
	secret_wipe(file, sizeof file);
	secret_wipe(psk, sizeof psk);
}

/* As it stands in the file, or in a file of its own. */
static int parse_peer_key(struct reader *r, const struct value *value, struct sign_public *out)
{
	char name[SETTINGS_NAME_MAX + 8];
	uint8_t file[KEY_FILE_MAX];
	size_t len = 0;
	int error;

	if (!sign_public_from_text(
		    (struct slice){(const uint8_t *)value->text, strlen(value->text)}, out))
		return 0;
	snprintf(name, sizeof name, "%s/PeerKey", r->out->name);
	error = r->host->secret(r->host, name, file, sizeof file, &len);
	return error ? error : sign_public_from_text((struct slice){file, len}, out);
}

/* RFC 8784: both sides have it beside what authenticates them. */
static void read_ppk(struct reader *r)
{
	struct settings *s = r->out;
	struct value value;
	struct value id = {.text = ""};
	char name[SETTINGS_NAME_MAX + 8];
	uint8_t file[SETTINGS_PSK_MAX];
	uint8_t ppk[SETTINGS_PSK_MAX];
	size_t len = 0;
	int error;

	read_yes(r, "PpkRequired", &s->ppk_required);
	if (!get_value(r, "Ppk", &value)) {
		if (s->ppk_required || get_value(r, "PpkId", &id))
			complain(r, s->at, "PpkId and PpkRequired need a Ppk", "Ppk = FILE");
		return;
	}
	get_value(r, "PpkId", &id);
	if (!id.text[0] || strlen(id.text) >= sizeof s->ppk_id)
		complain_about(
			r, &value, "Ppk", "needs a PpkId of 1 to 40 octets", "PpkId = shelf");
	else
		strcpy(s->ppk_id, id.text);
	snprintf(name, sizeof name, "%s/Ppk", s->name);
	error = r->host->secret(r->host, name, file, sizeof file, &len);
	if (error)
		complain_about(r, &value, "Ppk", strerror(-error), "");
	else if (decode_psk(file, len, ppk, &len) || len < SETTINGS_PSK_MIN || len > sizeof s->ppk)
		complain_about(r, &value, "Ppk", "not 16 to 64 octets", "dietvpn genpsk");
	else
		memcpy(s->ppk, ppk, s->ppk_len = len);
	secret_wipe(file, sizeof file);
	secret_wipe(ppk, sizeof ppk);
}

static int parse_key(struct reader *r, struct sign_private **out)
{
	char name[SETTINGS_NAME_MAX + 8];
	uint8_t file[KEY_FILE_MAX];
	size_t len = 0;
	int error;

	snprintf(name, sizeof name, "%s/Key", r->out->name);
	error = r->host->secret(r->host, name, file, sizeof file, &len);
	if (!error)
		error = sign_private_from_text((struct slice){file, len}, out);
	secret_wipe(file, sizeof file);
	return error;
}

static const char *key_trouble(int error)
{
	return error == -ENOENT || error == -EACCES ? strerror(-error) : sign_key_error(error);
}

/* RFC 7670 without its CERT payload: each side has the other's key from the file. */
static void read_keys(struct reader *r, const struct value *peer_key)
{
	struct settings *s = r->out;
	struct value value = {.at = peer_key->at};
	int error;

	if (get_value(r, "Psk", &value))
		complain_about(r, &value, "Psk", "and PeerKey: one of them authenticates", "");
	get_value(r, "Key", &value);
	error = parse_key(r, &s->key);
	if (error == -ENOENT && !value.text[0])
		complain(r, s->at, "PeerKey needs a Key of our own", "dietvpn keygen");
	else if (error)
		complain_about(r, &value, "Key", key_trouble(error), "");
	s->peer_key = calloc(1, sizeof *s->peer_key);
	error = s->peer_key ? parse_peer_key(r, peer_key, s->peer_key) : -ENOMEM;
	if (error)
		complain_about(r, peer_key, "PeerKey", key_trouble(error), "");
}

static void read_credentials(struct reader *r)
{
	struct value value;

	if (get_value(r, "PeerKey", &value))
		read_keys(r, &value);
	else if (get_value(r, "Key", &value))
		complain_about(r, &value, "Key", "needs the peer's as well", "PeerKey = ...");
	else
		read_psk(r);
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

static bool read_selectors(tree_node list, struct selectors *out)
{
	size_t count = tree_kind(list) == TREE_ARRAY ? tree_count(list) : 0;

	if (!count || count > TS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_ts(tree_at(list, i), &out->list[i]))
			return false;
	out->n = (uint8_t)count;
	return true;
}

static void read_endpoint(struct reader *r)
{
	tree_node endpoint = tree_get(r->peer, "endpoint");
	uint64_t port = 0;

	if (!endpoint || !read_addr(tree_at(endpoint, 0), &r->out->remote.addr))
		return;
	tree_uint(tree_at(endpoint, 1), UINT16_MAX, &port);
	r->out->remote.port = (uint16_t)port;
}

static unsigned read_choice(tree_node node, const char *const *names, unsigned n)
{
	char text[16] = "";

	tree_text_copy(node, text, sizeof text);
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return i;
	return n - 1;
}

static void read_manner(struct reader *r)
{
	static const char *const roles[] = {"initiator", "responder", "both"};
	static const char *const encaps[] = {"udp", "raw", "auto"};
	static const enum encap_wish wishes[] = {ENCAP_UDP, ENCAP_RAW, ENCAP_AUTO};
	static const char *const starts[] = {"boot", "on-traffic"};
	static const char *const profiles[] = {"lossy", "normal"};
	struct settings *s = r->out;

	s->role = (enum role)read_choice(tree_get(r->peer, "role"), roles, 3);
	s->encap = wishes[read_choice(tree_get(r->peer, "encap"), encaps, 3)];
	s->boot = read_choice(tree_get(r->peer, "start"), starts, 2) == 0;
	s->lossy = read_choice(tree_get(r->peer, "retransmission"), profiles, 2) == 0;
	tree_bool(tree_get(r->peer, "sleepy"), &s->sleepy);
	s->nat_detection = true;
	s->ike_life_s = IKE_LIFE_S;
	s->child_life_s = CHILD_LIFE_S;
	read_yes(r, "NatDetection", &s->nat_detection);
	read_yes(r, "Pfs", &s->pfs);
	s->alive_s = s->sleepy ? 0 : ALIVE_S;
	read_alive(r);
	read_duration(r, "IkeLifetime", &s->ike_life_s);
	read_duration(r, "ChildLifetime", &s->child_life_s);
	read_threshold(r);
}

/* The profile as the operator wrote it. */
static void read_attrs(struct reader *r)
{
	tree_node attrs = tree_get(r->peer, "attrs");
	struct settings *s = r->out;
	uint64_t value = 0;
	uint64_t iipc = 0;

	s->window = WINDOW_DEFAULT;
	if (tree_kind(attrs) != TREE_MAP)
		return;
	tree_uint(tree_get_int(attrs, ATTR_IIPC), 1, &iipc);
	if (tree_uint(tree_get_int(attrs, ATTR_WINDOW), UINT32_MAX, &value))
		s->window = (uint32_t)value;
	for (int kind = 0; kind < HCP_KINDS; kind++)
		if (tree_uint(tree_get_int(attrs, attr_keys[kind]), UINT8_MAX, &value))
			s->hcp.value[kind] = (uint8_t)value;
	s->compress = iipc;
	s->fallback = true;
	read_yes(r, "Fallback", &s->fallback);
	s->fallback = s->fallback && iipc && !s->hcp.value[HCP_RULE_ID];
	if (iipc && !s->hcp.value[HCP_SPI_LSB])
		complain(r, s->at, "EspSpiLsb = 0 with Keying = ikev2: not in this version",
			"EspSpiLsb = 8");
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

static void read_peer(struct reader *r)
{
	uint64_t policy = 0;

	read_place(r);
	if (!tree_text_copy(tree_get(r->peer, "name"), r->out->name, sizeof r->out->name) ||
		!tree_uint(tree_get(r->peer, "policy"), UINT32_MAX, &policy) ||
		!read_selectors(tree_get(r->peer, "local"), &r->out->local) ||
		!read_selectors(tree_get(r->peer, "remote"), &r->out->remote_ts)) {
		complain(r, r->out->at, "not a configuration of this version", "");
		return;
	}
	r->out->policy = (uint32_t)policy;
	refuse_absent(r);
	read_endpoint(r);
	read_suites(r);
	read_algorithms(r);
	read_manner(r);
	read_attrs(r);
	read_identities(r);
	read_credentials(r);
	read_ppk(r);
}

/* A responder finds the peer, and its key, by the identity: two peers with one are one too many. */
static void check_identities(struct reader *r)
{
	const struct settings_list *all = r->all;
	char text[TEXT_MAX];

	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct identity *a = &all->list[i].peer_id;
			const struct identity *b = &all->list[k].peer_id;

			if (a->len != b->len || memcmp(a->body, b->body, a->len) != 0)
				continue;
			snprintf(text, sizeof text, "\"%s\" and \"%s\" have the same PeerId",
				all->list[k].name, all->list[i].name);
			complain(r, all->list[i].at, text, "give each its own");
		}
}

static void read_all(struct reader *r, tree_node root)
{
	tree_node peers = tree_get(root, "peers");
	struct settings_list *all = r->all;
	uint64_t port = 0;

	for (size_t i = 0; i < 2; i++)
		if (tree_uint(tree_at(tree_get(root, "listen"), i), UINT16_MAX, &port))
			all->ports[i] = (uint16_t)port;
	for (size_t i = 0; i < all->n; i++) {
		r->peer = tree_at(peers, i);
		r->out = &all->list[i];
		read_peer(r);
	}
	if (!r->bad)
		check_identities(r);
}

int settings_read(const struct keying_host *host, struct slice config, struct settings_list *out)
{
	struct reader r = {.host = host, .all = out};
	struct tree_error error;
	struct tree *tree = tree_parse_own(config.data, config.len, TREE_DEPTH_FRAME, &error);
	tree_node peers;

	*out = (struct settings_list){.cookie_threshold = COOKIE_THRESHOLD};
	if (!tree) {
		host->log(host, KEYING_ERROR, error.text);
		return -EINVAL;
	}
	peers = tree_get(tree_root(tree), "peers");
	out->n = tree_kind(peers) == TREE_ARRAY ? tree_count(peers) : 0;
	out->list = calloc(out->n ? out->n : 1, sizeof *out->list);
	if (out->list)
		read_all(&r, tree_root(tree));
	tree_free(tree);
	if (!out->list || r.bad) {
		settings_fini(out);
		return r.bad ? -EINVAL : -ENOMEM;
	}
	return 0;
}

void settings_fini(struct settings_list *list)
{
	for (size_t i = 0; list->list && i < list->n; i++) {
		sign_private_destroy(list->list[i].key);
		free(list->list[i].peer_key);
	}
	if (list->list)
		secret_wipe(list->list, list->n * sizeof *list->list);
	free(list->list);
	list->list = NULL;
	list->n = 0;
}

/* All octets are set, so that two can be compared as memory; the keys lie elsewhere. */
static bool equal_but_keys(const struct settings *a, const struct settings *b)
{
	struct settings x = *a;
	struct settings y = *b;
	bool equal;

	x.at = y.at = 0;
	x.key = y.key = NULL;
	x.peer_key = y.peer_key = NULL;
	/* Padding that differs only makes them look changed. */
	/* NOLINTNEXTLINE */
	equal = !memcmp(&x, &y, sizeof x);
	secret_wipe(&x, sizeof x);
	secret_wipe(&y, sizeof y);
	return equal;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	if (!equal_but_keys(a, b) || !a->key != !b->key || !a->peer_key != !b->peer_key)
		return false;
	if (a->key && !sign_public_equal(sign_private_public(a->key), sign_private_public(b->key)))
		return false;
	return !a->peer_key || sign_public_equal(a->peer_key, b->peer_key);
}
