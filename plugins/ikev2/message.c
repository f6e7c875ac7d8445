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
enum { IKE_VERSION = 0x20, IV_LEN = 8, PAD_LENGTH_LEN = 1 };

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

static void put_header(const struct message_writer *w, uint8_t first, size_t len)
{
	uint8_t *p = w->data;

	memcpy(p, w->head.spis, sizeof w->head.spis);
	p[AT_FIRST] = first;
	p[AT_VERSION] = IKE_VERSION;
	p[AT_EXCHANGE] = w->head.exchange;
	p[AT_FLAGS] = w->head.flags;
	put_be32(p + AT_ID, w->head.id);
	put_be32(p + AT_LENGTH, (uint32_t)len);
}

/* Both lengths are part of what is authenticated: they are final before the seal. */
static size_t seal(struct message_writer *w, struct aead_key *key, uint64_t iv)
{
	uint8_t *sk = w->data + IKE_HEADER_LEN;
	size_t plain = w->payloads.len + PAD_LENGTH_LEN;
	size_t len = MESSAGE_SK_OVERHEAD + plain + key->suite->icv_len;

	w->payloads.data[w->payloads.len] = 0;
	put_header(w, PAYLOAD_SK, len);
	sk[0] = w->payloads.first;
	sk[1] = 0;
	put_be16(sk + 2, (uint16_t)(len - IKE_HEADER_LEN));
	put_be64(sk + PAYLOAD_HEADER_LEN, iv);
	if (aead_seal(key, sk + PAYLOAD_HEADER_LEN,
		    (struct slice){w->data, IKE_HEADER_LEN + PAYLOAD_HEADER_LEN}, w->payloads.data,
		    plain))
		return 0;
	return len;
}

size_t message_end(struct message_writer *w, struct aead_key *key, uint64_t iv)
{
	size_t len = IKE_HEADER_LEN + w->payloads.len;

	if (w->payloads.overflow || w->payloads.len + MESSAGE_SK_OVERHEAD > UINT16_MAX)
		return 0;
	if (w->sealed)
		return seal(w, key, iv);
	put_header(w, w->payloads.first, len);
	return len;
}

int message_open(const struct message *m, const struct payloads *outer, struct aead_key *key,
	uint8_t *plain, size_t *len)
{
	size_t icv = key->suite->icv_len;
	size_t aad = (size_t)(outer->sk.data - m->octets.data);
	size_t n;
	size_t padding;

	if (outer->sk_type != PAYLOAD_SK || outer->sk.len < IV_LEN + PAD_LENGTH_LEN + icv)
		return -EBADMSG;
	n = outer->sk.len - IV_LEN;
	memcpy(plain, outer->sk.data + IV_LEN, n);
	if (aead_open(key, outer->sk.data, (struct slice){m->octets.data, aad}, plain, n))
		return -EBADMSG;
	n -= icv;
	padding = (size_t)plain[n - 1] + PAD_LENGTH_LEN;
	if (padding > n)
		return -EBADMSG;
	*len = n - padding;
	return 0;
}
