/* SPDX-License-Identifier: Apache-2.0 */
/* One IKE message: header, the SK payload that seals what follows (RFC 7296 3.1 and 3.14, 5282). */
#include "ikev2/message.h"

#include "base/wire.h"

#include <errno.h>
#include <string.h>

enum {
	AT_FIRST = 16,
	AT_VERSION = 17,
	AT_EXCHANGE = 18,
	AT_FLAGS = 19,
	AT_ID = 20,
	AT_LENGTH = 24
};
enum { IKE_VERSION = 0x20, IV_LEN = 8, PAD_LENGTH_LEN = 1, FRAGMENT_LEN = 4 };

int message_parse(struct slice datagram, struct message *out)
{
	const uint8_t *p = datagram.data;

	if (datagram.len < IKE_HEADER_LEN || get_be32(p + AT_LENGTH) != datagram.len)
		return -EBADMSG;
	memcpy(out->spis, p, sizeof out->spis);
	out->first = p[AT_FIRST];
	out->version = p[AT_VERSION];
	out->exchange = p[AT_EXCHANGE];
	out->flags = p[AT_FLAGS];
	out->id = get_be32(p + AT_ID);
	out->octets = datagram;
	return 0;
}

void message_begin(struct message_writer *w, const struct message *head, bool sealed, uint8_t *data,
	size_t cap)
{
	size_t front = sealed ? MESSAGE_SK_OVERHEAD : IKE_HEADER_LEN;
	size_t behind = sealed ? PAD_LENGTH_LEN + AEAD_ICV_MAX : 0;

	w->head = *head;
	w->data = data;
	w->cap = cap;
	w->sealed = sealed;
	payload_writer_init(
		&w->payloads, data + front, cap > front + behind ? cap - front - behind : 0);
}

static void put_header(const struct message_writer *w, uint8_t *p, uint8_t first, size_t len)
{
	memcpy(p, w->head.spis, sizeof w->head.spis);
	p[AT_FIRST] = first;
	p[AT_VERSION] = IKE_VERSION;
	p[AT_EXCHANGE] = w->head.exchange;
	p[AT_FLAGS] = w->head.flags;
	put_be32(p + AT_ID, w->head.id);
	put_be32(p + AT_LENGTH, (uint32_t)len);
}

/* Between the generic header and the IV; SKF has number and total there. */
struct seal {
	uint8_t *to; /* the whole message */
	uint8_t type, first;
	uint8_t between[FRAGMENT_LEN];
	size_t between_len;
	const uint8_t *plain; /* may lie in its place already */
	size_t len;
};

/* Both lengths are part of what is authenticated: they are final before the seal. */
static size_t seal(
	const struct message_writer *w, struct aead_key *key, uint64_t iv, const struct seal *s)
{
	uint8_t *sk = s->to + IKE_HEADER_LEN;
	uint8_t *at = sk + PAYLOAD_HEADER_LEN + s->between_len;
	size_t len = message_overhead(key->suite) + s->between_len + s->len;

	memmove(at + IV_LEN, s->plain, s->len);
	at[IV_LEN + s->len] = 0;
	put_header(w, s->to, s->type, len);
	sk[0] = s->first;
	sk[1] = 0;
	put_be16(sk + 2, (uint16_t)(len - IKE_HEADER_LEN));
	memcpy(sk + PAYLOAD_HEADER_LEN, s->between, s->between_len);
	put_be64(at, iv);
	if (aead_seal(key, at, (struct slice){s->to, (size_t)(at - s->to)}, at + IV_LEN,
		    s->len + PAD_LENGTH_LEN))
		return 0;
	return len;
}

size_t message_overhead(const struct aead_suite *suite)
{
	return (size_t)MESSAGE_SK_OVERHEAD + PAD_LENGTH_LEN + suite->icv_len;
}

size_t message_seal_fragment(const struct message_writer *w, struct aead_key *key, uint64_t iv,
	const struct message_fragment *f)
{
	struct seal s = {.to = f->to,
		.type = PAYLOAD_SKF,
		.first = f->number == 1 ? w->payloads.first : PAYLOAD_NONE,
		.between_len = FRAGMENT_LEN,
		.plain = f->part.data,
		.len = f->part.len};

	put_be16(s.between, f->number);
	put_be16(s.between + 2, f->total);
	return seal(w, key, iv, &s);
}

struct slice message_next(struct slice *messages)
{
	struct slice first = {messages->data, 0};

	if (messages->len >= IKE_HEADER_LEN)
		first.len = get_be32(messages->data + AT_LENGTH);
	if (first.len > messages->len)
		first.len = 0;
	messages->data += first.len;
	messages->len -= first.len;
	return first;
}

size_t message_end(struct message_writer *w, struct aead_key *key, uint64_t iv)
{
	size_t len = IKE_HEADER_LEN + w->payloads.len;

	if (w->payloads.overflow || w->payloads.len + MESSAGE_SK_OVERHEAD > UINT16_MAX)
		return 0;
	if (w->sealed)
		return seal(w, key, iv,
			&(struct seal){.to = w->data,
				.type = PAYLOAD_SK,
				.first = w->payloads.first,
				.plain = w->payloads.data,
				.len = w->payloads.len});
	put_header(w, w->data, w->payloads.first, len);
	return len;
}

int message_open(const struct message *m, const struct payloads *outer, struct aead_key *key,
	uint8_t *plain, size_t *len)
{
	size_t icv = key->suite->icv_len;
	size_t between = outer->sk_type == PAYLOAD_SKF ? FRAGMENT_LEN : 0;
	const uint8_t *at;
	size_t n;
	size_t padding;

	if (!outer->sk_type || outer->sk.len < between + IV_LEN + PAD_LENGTH_LEN + icv)
		return -EBADMSG;
	at = outer->sk.data + between;
	n = outer->sk.len - between - IV_LEN;
	memcpy(plain, at + IV_LEN, n);
	if (aead_open(key, at, (struct slice){m->octets.data, (size_t)(at - m->octets.data)}, plain,
		    n))
		return -EBADMSG;
	n -= icv;
	padding = (size_t)plain[n - 1] + PAD_LENGTH_LEN;
	if (padding > n)
		return -EBADMSG;
	*len = n - padding;
	return 0;
}
