/* SPDX-License-Identifier: Apache-2.0 */
/* The AUTH payload: a pre-shared key or a signature over what one side has sent (RFC 7296 2.15, RFC
 * 7427, RFC 8420). */
#include "ikev2/auth.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "crypto/sign_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_LEN = 2, HASH_BITS = 32 };

/* A key that is yet to come may be of any kind: one hash for each. */
uint32_t auth_hashes(const struct settings *settings)
{
	if (settings->peer_key)
		return sign_hashes(settings->peer_key->type);
	return settings->key ? UINT32_C(1) << SIGN_HASH_IDENTITY | UINT32_C(1) << SIGN_HASH_SHA2_256
			     : 0;
}

struct slice auth_own_key(const struct settings *settings)
{
	const struct sign_public *key = sign_private_public(settings->key);

	return (struct slice){key->spki, key->spki_len};
}

uint32_t auth_read_hashes(const struct payloads *p)
{
	const struct notify *n = payloads_notify(p, SIGNATURE_HASH_ALGORITHMS);
	uint32_t bits = 0;

	for (size_t i = 0; n && i + HASH_LEN <= n->data.len; i += HASH_LEN) {
		uint16_t hash = get_be16(n->data.data + i);

		if (hash < HASH_BITS)
			bits |= (uint32_t)1 << hash;
	}
	return bits;
}

void auth_add_hashes(struct payload_writer *w, uint32_t hashes)
{
	uint8_t list[HASH_BITS * HASH_LEN];
	size_t n = 0;

	for (unsigned hash = 0; hash < HASH_BITS; hash++)
		if (hashes >> hash & 1) {
			put_be16(list + n, (uint16_t)hash);
			n += HASH_LEN;
		}
	if (n)
		payload_add_notify(w, SIGNATURE_HASH_ALGORITHMS, (struct slice){list, n});
}

static int octets_of(const struct auth_claim *c, struct auth_octets *out)
{
	out->message = c->message;
	out->nonce = c->nonce;
	return keymat_auth_octets(c->keys, c->side, c->id, out);
}

static int shared_key(const struct auth_claim *c, uint8_t auth[PRF_LEN_MAX])
{
	const struct prf *prf = c->keys->prf;
	const uint8_t *pad = settings_pad(c->settings, prf->id);
	struct auth_octets octets;
	int r = pad ? octets_of(c, &octets) : -EINVAL;

	return r ? r : keymat_psk_auth(prf, pad, &octets, auth);
}

/* Signatures take the octets as one text; *text is the caller's to free. */
static int text_of(const struct auth_claim *c, struct slice *text)
{
	struct auth_octets o;
	uint8_t *data;
	int r = octets_of(c, &o);

	if (r)
		return r;
	text->len = o.message.len + o.nonce.len + o.maced_id_len;
	data = malloc(text->len);
	if (!data)
		return -ENOMEM;
	memcpy(data, o.message.data, o.message.len);
	memcpy(data + o.message.len, o.nonce.data, o.nonce.len);
	memcpy(data + o.message.len + o.nonce.len, o.maced_id, o.maced_id_len);
	text->data = data;
	return 0;
}

static void drop_text(struct slice text)
{
	void *data;

	memcpy(&data, &text.data, sizeof data); /* it was malloc's, and is not const */
	free(data);
}

/* Both payloads have four octets in front: method and zeros, or protocol, SPI size and type. */
static size_t begin(struct payload_writer *w, uint8_t method, bool notify)
{
	size_t at = payload_begin(w, notify ? PAYLOAD_NOTIFY : PAYLOAD_AUTH);

	payload_put32(w, notify ? NO_PPK_AUTH : (uint32_t)method << 24);
	return at;
}

static void put_signature(struct payload_writer *w, const struct sign_alg *alg,
	const struct sign_value *value, bool notify)
{
	size_t at = begin(w, alg->method, notify);

	if (alg->method == SIGN_METHOD_DIGITAL) {
		payload_put8(w, (uint8_t)alg->wire_id.len);
		payload_put(w, alg->wire_id.data, alg->wire_id.len);
	}
	payload_put(w, value->data, value->len);
	payload_end(w, at);
}

static int add_signature(
	const struct auth_claim *c, uint32_t peer_hashes, struct payload_writer *w, bool notify)
{
	const struct sign_private *key = c->settings->key;
	const struct sign_alg *alg = sign_choose(sign_private_public(key)->type, peer_hashes);
	struct sign_value value;
	struct slice text;
	int r = alg ? text_of(c, &text) : -ENOTSUP;

	if (r)
		return r;
	r = sign_make(key, alg, text, &value);
	drop_text(text);
	if (!r)
		put_signature(w, alg, &value, notify);
	return r;
}

static int add(
	const struct auth_claim *claim, uint32_t peer_hashes, struct payload_writer *w, bool notify)
{
	uint8_t auth[PRF_LEN_MAX];
	size_t at;
	int r;

	if (claim->settings->key)
		return add_signature(claim, peer_hashes, w, notify);
	r = shared_key(claim, auth);
	if (r)
		return r;
	at = begin(w, AUTH_SHARED_KEY, notify);
	payload_put(w, auth, claim->keys->prf->len);
	payload_end(w, at);
	return 0;
}

int auth_add(const struct auth_claim *claim, uint32_t peer_hashes, struct payload_writer *w)
{
	return add(claim, peer_hashes, w, false);
}

int auth_add_without_ppk(
	const struct auth_claim *claim, uint32_t peer_hashes, struct payload_writer *w)
{
	return add(claim, peer_hashes, w, true);
}

static bool signature_holds(const struct auth_claim *c, uint8_t method, struct slice value)
{
	struct slice id = {NULL, 0};
	const struct sign_alg *alg;
	struct slice text;
	bool holds;

	if (method == SIGN_METHOD_DIGITAL) {
		if (!value.len || value.len < 1u + value.data[0])
			return false;
		id = (struct slice){value.data + 1, value.data[0]};
		value = (struct slice){id.data + id.len, value.len - 1 - id.len};
	}
	alg = sign_find(method, id);
	if (!alg || alg->type != c->peer_key->type || text_of(c, &text))
		return false;
	holds = !sign_verify(c->peer_key, alg, text, value);
	drop_text(text);
	return holds;
}

/* Never another method than the configured one: whoever has the key has no need of the secret. */
bool auth_holds(const struct auth_claim *claim, uint8_t method, struct slice value)
{
	uint8_t auth[PRF_LEN_MAX];
	bool holds;

	if (claim->peer_key)
		return signature_holds(claim, method, value);
	holds = method == AUTH_SHARED_KEY && value.len == claim->keys->prf->len &&
		!shared_key(claim, auth) && secret_equal_bytes(auth, value.data, value.len);
	secret_wipe(auth, sizeof auth);
	return holds;
}
