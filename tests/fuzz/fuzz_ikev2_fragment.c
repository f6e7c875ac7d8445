/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/ikev2/fragment.c behind the tag: whatever a peer with the right keys cuts, in whatever
 * order, for three SAs that share a small pool. A model says what has to come out; the memory that
 * is charged never grows beyond its bound. Five octets per fragment: place and kind, message ID and
 * seconds, number, total, length of its content, which is filled up by chance.
 */
#include "ikev2/fragment.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "must.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PLACES = 3, POOL_MAX = 12000, BLOCK = 65536, STEP = 5, PIECE_MAX = 510, NUMBER_AT = 32 };

/* What is at one place: content of each fragment is its first octet, repeated. */
struct model {
	uint32_t id;
	bool response;
	unsigned total, have;
	uint8_t fill[FRAGMENTS_MAX];
	int len[FRAGMENTS_MAX]; /* -1: not there */
};

struct run {
	struct fragment_pool pool;
	struct assembly *places[PLACES];
	struct model models[PLACES];
	struct aead_key seal, open;
	uint64_t iv, now;
	uint8_t out[BLOCK], plain[BLOCK];
};

static bool same(const struct model *m, const struct message *head)
{
	return m->id == head->id && m->response == !!(head->flags & MESSAGE_FLAG_RESPONSE);
}

static void check_whole(const struct run *r, const struct model *m, const struct opened *opened)
{
	const uint8_t *at = r->plain;

	for (unsigned i = 0; i < m->total; i++) {
		must(m->len[i] >= 0);
		for (int k = 0; k < m->len[i]; k++)
			must(*at++ == m->fill[i]);
	}
	must(opened->len == (size_t)(at - r->plain));
}

static void expect(struct run *r, size_t at, const struct message *head,
	const struct message_fragment *f, struct slice octets)
{
	struct model *m = &r->models[at];
	bool was = r->places[at];
	struct message parsed;
	struct payloads outer;
	struct fragment in = {&parsed, &outer, &r->open, r->plain, r->now};
	struct opened opened;
	int got;

	must(!message_parse(octets, &parsed));
	must(!payloads_parse(parsed.first,
		(struct slice){octets.data + IKE_HEADER_LEN, octets.len - IKE_HEADER_LEN}, &outer));
	got = fragment_open(&r->pool, &r->places[at], &in, &opened);
	if (got && got != -EINPROGRESS) {
		bool full = got == -EMSGSIZE || got == -ENOMEM;

		must(full || got == -EINVAL || got == -EALREADY || got == -EBUSY ||
			got == -EBADMSG);
		must(!was || !r->places[at] == full);
		return;
	}
	must(f->number && f->number <= f->total && f->total <= FRAGMENTS_MAX);
	if (!was || !same(m, head) || f->total > m->total) {
		*m = (struct model){.id = head->id, .total = f->total};
		m->response = head->flags & MESSAGE_FLAG_RESPONSE;
		memset(m->len, 0xff, sizeof m->len);
	}
	must(f->total == m->total && m->len[f->number - 1] < 0);
	m->len[f->number - 1] = (int)f->part.len;
	m->fill[f->number - 1] = f->part.len ? f->part.data[0] : 0;
	m->have++;
	must((m->have == m->total) == !got);
	must(!r->places[at] == !got);
	if (!got)
		check_whole(r, m, &opened);
}

static void step(struct run *r, const uint8_t *data)
{
	size_t at = data[0] % PLACES;
	struct message head = {.exchange = 36,
		.id = data[1] & 3,
		.flags = data[1] & 4 ? MESSAGE_FLAG_RESPONSE : 0};
	uint8_t content[PIECE_MAX];
	struct message_fragment f = {r->out, data[2], data[3], {content, 2 * (size_t)data[4]}};
	struct message_writer w;
	size_t n;

	r->now += (uint64_t)(data[1] >> 3) * 1000;
	if (data[0] & 0x80)
		fragment_expire(&r->pool, r->now);
	if (data[0] & 0x40)
		fragment_forget(&r->places[at]);
	memset(content, data[4] ^ data[2], sizeof content);
	message_begin(&w, &head, true, r->out, sizeof r->out);
	n = message_seal_fragment(&w, &r->seal, r->iv++, &f);
	must(n);
	if (data[0] & 0x20)
		r->out[NUMBER_AT + 4 + data[4] % 8] ^= 1;
	expect(r, at, &head, &f, (struct slice){r->out, n});
	must(r->pool.octets <= POOL_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct run r;
	static const uint8_t keymat[AEAD_KEYMAT_MAX] = {1};
	const struct aead_suite *suite = keymat_suite(ENCR_CHACHA20_POLY1305, 0);

	must(!crypto_init());
	aead_key_init(&r.seal, NULL, suite, keymat);
	aead_key_init(&r.open, NULL, suite, keymat);
	fragment_pool_init(&r.pool, POOL_MAX);
	r.now = 1000;
	for (; len >= STEP; data += STEP, len -= STEP)
		step(&r, data);
	fragment_pool_fini(&r.pool);
	for (size_t i = 0; i < PLACES; i++)
		must(!r.places[i]);
	must(!r.pool.octets);
	return 0;
}
