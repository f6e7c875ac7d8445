/* SPDX-License-Identifier: Apache-2.0 */
/* The SA payload: proposals cut, written and matched against what we allow (RFC 7296 3.3). */
#include "ikev2/payload_sa.h"

#include "base/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	PROPOSAL_HEADER_LEN = 8,
	TRANSFORM_HEADER_LEN = 8,
	ATTRIBUTE_LEN = 4,
	ATTRIBUTE_TV = 0x8000,
	KEY_LENGTH = 14,
	MORE_PROPOSALS = 2,
	MORE_TRANSFORMS = 3,
	ATTRIBUTES_MAX = 8,
};

/* Attributes of one transform: TV is 4 octets, TLV says its length. */
static bool attributes_valid(struct slice a)
{
	for (int n = 0; a.len; n++) {
		size_t len = ATTRIBUTE_LEN;

		if (n == ATTRIBUTES_MAX || a.len < len)
			return false;
		if (!(get_be16(a.data) & ATTRIBUTE_TV))
			len += get_be16(a.data + 2);
		if (len > a.len)
			return false;
		a.data += len;
		a.len -= len;
	}
	return true;
}

static bool transforms_valid(struct slice rest, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len;

		if (rest.len < TRANSFORM_HEADER_LEN)
			return false;
		len = get_be16(rest.data + 2);
		if (len < TRANSFORM_HEADER_LEN || len > rest.len ||
			rest.data[0] != (i + 1 < n ? MORE_TRANSFORMS : 0) ||
			!attributes_valid((struct slice){
				rest.data + TRANSFORM_HEADER_LEN, len - TRANSFORM_HEADER_LEN}))
			return false;
		rest.data += len;
		rest.len -= len;
	}
	return !rest.len;
}

static bool proposal_valid(struct slice p)
{
	size_t head = PROPOSAL_HEADER_LEN + (size_t)p.data[6];

	return p.data[6] <= SPI_MAX && head <= p.len &&
	       transforms_valid((struct slice){p.data + head, p.len - head}, p.data[7]);
}

bool payload_sa_valid(struct slice body)
{
	bool more = true;

	while (body.len) {
		size_t len;

		if (!more || body.len < PROPOSAL_HEADER_LEN)
			return false;
		len = get_be16(body.data + 2);
		if (len < PROPOSAL_HEADER_LEN || len > body.len ||
			(body.data[0] && body.data[0] != MORE_PROPOSALS) ||
			!proposal_valid((struct slice){body.data, len}))
			return false;
		more = body.data[0] == MORE_PROPOSALS;
		body.data += len;
		body.len -= len;
	}
	return !more;
}

static void parse_transform(const uint8_t *at, size_t len, struct transform *out)
{
	*out = (struct transform){.type = at[4], .id = get_be16(at + 6)};
	for (size_t i = TRANSFORM_HEADER_LEN; i < len;) {
		uint16_t type = get_be16(at + i);
		uint16_t value = get_be16(at + i + 2);

		if (type == (ATTRIBUTE_TV | KEY_LENGTH) && !out->key_bits)
			out->key_bits = value;
		else
			out->strange = true;
		i += type & ATTRIBUTE_TV ? ATTRIBUTE_LEN : (size_t)ATTRIBUTE_LEN + value;
	}
}

/* More transforms than we look at: n says so, and the proposal fits nothing. */
static void parse_proposal(const uint8_t *at, struct proposal *out)
{
	const uint8_t *transform;

	out->number = at[4];
	out->protocol = at[5];
	out->spi_len = at[6];
	memset(out->spi, 0, sizeof out->spi);
	memcpy(out->spi, at + PROPOSAL_HEADER_LEN, out->spi_len);
	out->n = at[7] <= TRANSFORMS_MAX ? at[7] : 0;
	transform = at + PROPOSAL_HEADER_LEN + out->spi_len;
	for (unsigned i = 0; i < out->n; i++) {
		size_t len = get_be16(transform + 2);

		parse_transform(transform, len, &out->transforms[i]);
		transform += len;
	}
}

size_t payload_sa_parse(struct slice body, struct proposal out[PROPOSALS_MAX])
{
	size_t n = 0;

	while (body.len && n < PROPOSALS_MAX) {
		size_t len = get_be16(body.data + 2);

		parse_proposal(body.data, &out[n++]);
		body.data += len;
		body.len -= len;
	}
	return n;
}

static const struct transform *find(
	const struct proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct transform *t = &p->transforms[i];

		if (t->type == type && t->id == id && t->key_bits == key_bits && !t->strange)
			return t;
	}
	return NULL;
}

static bool has_type(const struct proposal *p, uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->transforms[i].type == type)
			return true;
	return false;
}

static bool pick_suite(const struct proposal *p, const struct allowed *a, struct chosen *out)
{
	for (size_t i = 0; i < a->n_suites; i++)
		if (find(p, TRANSFORM_ENCR, a->suites[i].encr, a->suites[i].key_bits)) {
			out->encr = a->suites[i].encr;
			out->key_bits = a->suites[i].key_bits;
			return true;
		}
	return false;
}

static bool pick(
	const struct proposal *p, uint8_t type, const uint16_t *list, size_t n, uint16_t *out)
{
	for (size_t i = 0; i < n; i++)
		if (find(p, type, list[i], 0)) {
			*out = list[i];
			return true;
		}
	return !n && !has_type(p, type);
}

static bool pick_group(
	const struct proposal *p, const struct allowed *a, uint16_t wanted, struct chosen *out)
{
	if (a->groups_optional && !has_type(p, TRANSFORM_KE))
		return true;
	for (size_t i = 0; wanted && i < a->n_groups; i++)
		if (a->groups[i] == wanted && find(p, TRANSFORM_KE, wanted, 0)) {
			out->group = wanted;
			return true;
		}
	if (pick(p, TRANSFORM_KE, a->groups, a->n_groups, &out->group))
		return true;
	/* KE NONE among the offered ones means that a child may do without. */
	return a->groups_optional && find(p, TRANSFORM_KE, 0, 0);
}

/* ESN missing from an ESP proposal means 32-bit numbers (RFC 7296 3.3.3). */
static bool pick_esn(const struct proposal *p, const struct allowed *a, struct chosen *out)
{
	if (a->protocol != PROTOCOL_ESP)
		return !has_type(p, TRANSFORM_ESN);
	for (size_t i = 0; i < a->n_esn; i++)
		if (find(p, TRANSFORM_ESN, a->esn[i], 0) ||
			(!a->esn[i] && !has_type(p, TRANSFORM_ESN))) {
			out->esn = a->esn[i];
			return true;
		}
	return false;
}

/* All suites are AEAD: integrity is absent or may be none. Types that we do not know: never. */
static bool rest_fits(const struct proposal *p)
{
	if (has_type(p, TRANSFORM_INTEG) && !find(p, TRANSFORM_INTEG, 0, 0))
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (p->transforms[i].type < TRANSFORM_ENCR ||
			(p->transforms[i].type > TRANSFORM_ESN &&
				!find(p, p->transforms[i].type, 0, 0)))
			return false;
	return true;
}

static bool spi_fits(const struct proposal *p, const struct allowed *a)
{
	if (a->protocol == PROTOCOL_ESP)
		return p->spi_len == 4;
	return p->spi_len == 0 || p->spi_len == SPI_MAX;
}

static bool choose_from(
	const struct proposal *p, const struct allowed *a, uint16_t group, struct chosen *out)
{
	*out = (struct chosen){.number = p->number, .spi_len = p->spi_len};
	memcpy(out->spi, p->spi, sizeof out->spi);
	return p->protocol == a->protocol && spi_fits(p, a) && rest_fits(p) &&
	       pick_suite(p, a, out) && pick(p, TRANSFORM_PRF, a->prfs, a->n_prfs, &out->prf) &&
	       pick_group(p, a, group, out) && pick_esn(p, a, out);
}

int payload_sa_choose(
	struct slice body, const struct allowed *allowed, uint16_t group, struct chosen *out)
{
	struct proposal p;

	for (int n = 0; body.len && n < PROPOSALS_MAX; n++) {
		size_t len = get_be16(body.data + 2);

		parse_proposal(body.data, &p);
		if (choose_from(&p, allowed, group, out))
			return 0;
		body.data += len;
		body.len -= len;
	}
	return -ENOENT;
}

int payload_sa_accept(struct slice body, const struct allowed *offered, struct chosen *out)
{
	struct proposal p;
	uint32_t seen = 0;

	if (!body.len || get_be16(body.data + 2) != body.len)
		return -EBADMSG;
	parse_proposal(body.data, &p);
	for (unsigned i = 0; i < p.n; i++) {
		uint32_t bit = (uint32_t)1 << (p.transforms[i].type & 31);

		if (seen & bit)
			return -EBADMSG;
		seen |= bit;
	}
	return p.number == 1 && choose_from(&p, offered, 0, out) ? 0 : -EBADMSG;
}

/* One transform is written with the length of the list still unknown: the last one is marked
 * afterwards. */
struct list_writer {
	struct payload_writer *w;
	size_t proposal, last;
	uint8_t n;
};

static void put_transform(struct list_writer *l, uint8_t type, uint16_t id, uint16_t key_bits)
{
	size_t len = (size_t)TRANSFORM_HEADER_LEN + (key_bits ? ATTRIBUTE_LEN : 0);

	l->last = l->w->len;
	l->n++;
	payload_put8(l->w, MORE_TRANSFORMS);
	payload_put8(l->w, 0);
	payload_put16(l->w, (uint16_t)len);
	payload_put8(l->w, type);
	payload_put8(l->w, 0);
	payload_put16(l->w, id);
	if (!key_bits)
		return;
	payload_put16(l->w, ATTRIBUTE_TV | KEY_LENGTH);
	payload_put16(l->w, key_bits);
}

static void begin_proposal(
	struct list_writer *l, uint8_t number, uint8_t protocol, struct slice spi)
{
	l->proposal = l->w->len;
	payload_put16(l->w, 0);
	payload_put16(l->w, 0);
	payload_put8(l->w, number);
	payload_put8(l->w, protocol);
	payload_put8(l->w, (uint8_t)spi.len);
	payload_put8(l->w, 0);
	payload_put(l->w, spi.data, spi.len);
}

static void end_proposal(const struct list_writer *l)
{
	struct payload_writer *w = l->w;

	if (w->overflow)
		return;
	put_be16(w->data + l->proposal + 2, (uint16_t)(w->len - l->proposal));
	w->data[l->proposal + 7] = l->n;
	if (l->n)
		w->data[l->last] = 0;
}

void payload_sa_offer(struct payload_writer *w, const struct allowed *a, struct slice spi)
{
	struct list_writer l = {.w = w};
	size_t at = payload_begin(w, PAYLOAD_SA);

	begin_proposal(&l, 1, a->protocol, spi);
	for (size_t i = 0; i < a->n_suites; i++)
		put_transform(&l, TRANSFORM_ENCR, a->suites[i].encr, a->suites[i].key_bits);
	for (size_t i = 0; i < a->n_prfs; i++)
		put_transform(&l, TRANSFORM_PRF, a->prfs[i], 0);
	for (size_t i = 0; i < a->n_groups; i++)
		put_transform(&l, TRANSFORM_KE, a->groups[i], 0);
	for (size_t i = 0; i < a->n_esn; i++)
		put_transform(&l, TRANSFORM_ESN, a->esn[i], 0);
	end_proposal(&l);
	payload_end(w, at);
}

void payload_sa_answer(
	struct payload_writer *w, uint8_t protocol, const struct chosen *chosen, struct slice spi)
{
	struct list_writer l = {.w = w};
	size_t at = payload_begin(w, PAYLOAD_SA);

	begin_proposal(&l, chosen->number, protocol, spi);
	put_transform(&l, TRANSFORM_ENCR, chosen->encr, chosen->key_bits);
	if (chosen->prf)
		put_transform(&l, TRANSFORM_PRF, chosen->prf, 0);
	if (chosen->group)
		put_transform(&l, TRANSFORM_KE, chosen->group, 0);
	if (protocol == PROTOCOL_ESP)
		put_transform(&l, TRANSFORM_ESN, chosen->esn, 0);
	end_proposal(&l);
	payload_end(w, at);
}

/* ours: we have it. */
static const struct name {
	uint8_t type;
	bool ours;
	uint16_t id;
	const char *name;
} names[] = {
	{TRANSFORM_ENCR, false, 3, "3des"},
	{TRANSFORM_ENCR, false, 11, "null"},
	{TRANSFORM_ENCR, false, 12, "aes-cbc"},
	{TRANSFORM_ENCR, false, 13, "aes-ctr"},
	{TRANSFORM_ENCR, true, 14, "aes-ccm-8"},
	{TRANSFORM_ENCR, true, 15, "aes-ccm-12"},
	{TRANSFORM_ENCR, true, 16, "aes-ccm-16"},
	{TRANSFORM_ENCR, true, 18, "aes-gcm-8"},
	{TRANSFORM_ENCR, true, 19, "aes-gcm-12"},
	{TRANSFORM_ENCR, true, 20, "aes-gcm-16"},
	{TRANSFORM_ENCR, true, 28, "chacha20-poly1305"},
	{TRANSFORM_ENCR, true, 29, "aes-ccm-8-iiv"},
	{TRANSFORM_ENCR, true, 30, "aes-gcm-16-iiv"},
	{TRANSFORM_ENCR, true, 31, "chacha20-poly1305-iiv"},
	{TRANSFORM_PRF, false, 1, "md5"},
	{TRANSFORM_PRF, false, 2, "sha1"},
	{TRANSFORM_PRF, false, 4, "aes-xcbc"},
	{TRANSFORM_PRF, true, 5, "sha256"},
	{TRANSFORM_PRF, true, 6, "sha384"},
	{TRANSFORM_PRF, true, 7, "sha512"},
	{TRANSFORM_PRF, false, 8, "aes-cmac"},
	{TRANSFORM_INTEG, false, 0, "none"},
	{TRANSFORM_INTEG, false, 2, "hmac-sha1-96"},
	{TRANSFORM_INTEG, false, 5, "aes-xcbc-96"},
	{TRANSFORM_INTEG, false, 12, "hmac-sha256-128"},
	{TRANSFORM_INTEG, false, 13, "hmac-sha384-192"},
	{TRANSFORM_INTEG, false, 14, "hmac-sha512-256"},
	{TRANSFORM_KE, false, 0, "none"},
	{TRANSFORM_KE, false, 2, "modp1024"},
	{TRANSFORM_KE, false, 5, "modp1536"},
	{TRANSFORM_KE, false, 14, "modp2048"},
	{TRANSFORM_KE, false, 15, "modp3072"},
	{TRANSFORM_KE, false, 16, "modp4096"},
	{TRANSFORM_KE, true, 19, "p256"},
	{TRANSFORM_KE, false, 20, "p384"},
	{TRANSFORM_KE, false, 21, "p521"},
	{TRANSFORM_KE, true, 31, "x25519"},
	{TRANSFORM_KE, false, 32, "x448"},
	{TRANSFORM_ESN, true, 0, "no-esn"},
	{TRANSFORM_ESN, true, 1, "esn"},
};

/* Keys of 128 bits are not mentioned; "aes-" and others are called as in Cipher. */
static const char *with_bits(const char *name, uint16_t bits, char *text, size_t cap)
{
	if (bits && bits != 128 && !strncmp(name, "aes-", 4))
		snprintf(text, cap, "aes%u-%s", bits, name + 4);
	else
		snprintf(text, cap, "%s", name);
	return text;
}

const char *payload_sa_name(const struct transform *t, char *text, size_t cap)
{
	static const char *const types[] = {"type", "cipher", "prf", "integrity", "group", "esn"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == t->type && names[i].id == t->id)
			return with_bits(names[i].name, t->key_bits, text, cap);
	snprintf(text, cap, "%s-%u", types[t->type <= TRANSFORM_ESN ? t->type : 0], t->id);
	return text;
}

bool payload_sa_known(const char *name)
{
	static const uint16_t sizes[] = {128, 192, 256};
	char text[48];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
			if (names[i].ours && !strcmp(name, with_bits(names[i].name, sizes[k], text,
								   sizeof text)))
				return true;
	return false;
}

const char *payload_sa_print(struct slice body, char *text, size_t cap)
{
	struct proposal list[PROPOSALS_MAX];
	size_t n = payload_sa_parse(body, list);
	size_t at = 0;
	char name[48];

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < list[i].n && at + 1 < cap; k++) {
			int len = snprintf(text + at, cap - at, "%s%s",
				k   ? " "
				: i ? " | "
				    : "",
				payload_sa_name(&list[i].transforms[k], name, sizeof name));

			at += len > 0 ? (size_t)len : 0;
		}
	return text;
}
