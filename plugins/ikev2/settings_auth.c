/* SPDX-License-Identifier: Apache-2.0 */
/* What authenticates a peer: PSK, PPK, or raw keys (RFC 7296 2.15, RFC 8784, RFC 7670). */
#include "ikev2/settings_read.h"

#include "crypto/secret.h"
#include "crypto/sign_private.h"
#include "ikev2/keymat.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { KEY_FILE_MAX = 4096 };

const char *settings_auth_hint(const struct settings *s)
{
	return s->key ? "AUTHENTICATION_FAILED: one does not know the other, or has another "
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

static int read_file(const struct settings_reader *r, const char *key, struct peer_secret *out)
{
	return peer_secret_read(r->in.host, r->out->core.name, key, out);
}

/* The text as it stands is the key; 0x and 0s are what strongSwan reads as well. */
static int decode_psk(const struct peer_secret *file, uint8_t *out, size_t *n)
{
	const char *text = (const char *)file->data;
	size_t len = file->len;
	bool marked = len > 2 && text[0] == '0';

	if (marked && text[1] == 'x')
		return settings_from_hex(text + 2, len - 2, out, SETTINGS_PSK_MAX, n) ? 0 : -EINVAL;
	if (marked && text[1] == 's')
		return secret_from_base64(text + 2, len - 2, out, SETTINGS_PSK_MAX, n);
	memcpy(out, text, len);
	*n = len;
	return 0;
}

int settings_set_psk(struct settings *s, struct slice psk)
{
	for (unsigned prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		int r = keymat_psk_pad(
			prf_find((uint16_t)prf), psk, s->pads[pad_of((uint16_t)prf)]);

		if (r)
			return r;
	}
	return 0;
}

/* There may be no line to point to. */
static void refuse_without_key(struct settings_reader *r)
{
	char text[PEER_NAME_MAX + 64];

	snprintf(text, sizeof text, "[Peer \"%s\"]: Keying = ikev2 needs a Psk, or Key and PeerKey",
		r->out->core.name);
	peer_refuse(&r->in, r->out->core.at, text, "dietvpn genpsk > keys/psk");
}

static void read_psk(struct settings_reader *r)
{
	struct settings *s = r->out;
	struct peer_value value = {.at = s->core.at};
	uint8_t file[SETTINGS_PSK_MAX];
	uint8_t psk[SETTINGS_PSK_MAX];
	struct peer_secret text = {file, sizeof file, 0};
	size_t n = 0;
	int error;

	peer_value_get(&r->in, "Psk", &value);
	error = read_file(r, "Psk", &text);
	if (error == -ENOENT && !value.text[0])
		refuse_without_key(r);
	else if (error)
		peer_refuse_value(&r->in, &value, "Psk", strerror(-error), "");
	else if (decode_psk(&text, psk, &n))
		peer_refuse_value(
			&r->in, &value, "Psk", "0x without hexadecimal, or 0s without base64", "");
	else if (n < SETTINGS_PSK_MIN)
		peer_refuse_value(&r->in, &value, "Psk",
			"shorter than 16 octets: it can be guessed", "dietvpn genpsk");
	else if (settings_set_psk(s, (struct slice){psk, n}))
		peer_refuse_value(&r->in, &value, "Psk", "no memory", "");
	secret_wipe(file, sizeof file);
	secret_wipe(psk, sizeof psk);
}

/* As it stands in the file, or in a file of its own. */
static int parse_peer_key(
	struct settings_reader *r, const struct peer_value *value, struct sign_public *out)
{
	uint8_t file[KEY_FILE_MAX];
	struct peer_secret text = {file, sizeof file, 0};
	int error;

	if (!sign_public_from_text(
		    (struct slice){(const uint8_t *)value->text, strlen(value->text)}, out))
		return 0;
	error = read_file(r, "PeerKey", &text);
	return error ? error : sign_public_from_text((struct slice){file, text.len}, out);
}

/* RFC 8784: both sides have it beside what authenticates them. */
void settings_read_ppk(struct settings_reader *r)
{
	struct settings *s = r->out;
	struct peer_value value;
	struct peer_value id = {.text = ""};
	uint8_t file[SETTINGS_PSK_MAX];
	uint8_t ppk[SETTINGS_PSK_MAX];
	struct peer_secret text = {file, sizeof file, 0};
	size_t len = 0;
	int error;

	peer_value_yes(&r->in, "PpkRequired", &s->ppk_required);
	if (!peer_value_get(&r->in, "Ppk", &value)) {
		if (s->ppk_required || peer_value_get(&r->in, "PpkId", &id))
			peer_refuse(&r->in, s->core.at, "PpkId and PpkRequired need a Ppk",
				"Ppk = FILE");
		return;
	}
	peer_value_get(&r->in, "PpkId", &id);
	if (!id.text[0] || strlen(id.text) >= sizeof s->ppk_id)
		peer_refuse_value(
			&r->in, &value, "Ppk", "needs a PpkId of 1 to 40 octets", "PpkId = shelf");
	else
		strcpy(s->ppk_id, id.text);
	error = read_file(r, "Ppk", &text);
	if (error)
		peer_refuse_value(&r->in, &value, "Ppk", strerror(-error), "");
	else if (decode_psk(&text, ppk, &len) || len < SETTINGS_PSK_MIN || len > sizeof s->ppk)
		peer_refuse_value(&r->in, &value, "Ppk", "not 16 to 64 octets", "dietvpn genpsk");
	else
		memcpy(s->ppk, ppk, s->ppk_len = len);
	secret_wipe(file, sizeof file);
	secret_wipe(ppk, sizeof ppk);
}

static int parse_key(struct settings_reader *r, struct sign_private **out)
{
	uint8_t file[KEY_FILE_MAX];
	struct peer_secret text = {file, sizeof file, 0};
	int error;

	error = read_file(r, "Key", &text);
	if (!error)
		error = sign_private_from_text((struct slice){file, text.len}, out);
	secret_wipe(file, sizeof file);
	return error;
}

static const char *key_trouble(int error)
{
	return error == -ENOENT || error == -EACCES ? strerror(-error) : sign_key_error(error);
}

void settings_read_key(struct settings_reader *r, const char *missing)
{
	struct settings *s = r->out;
	struct peer_value value = {.at = s->core.at};
	int error = parse_key(r, &s->key);

	peer_value_get(&r->in, "Key", &value);
	if (error == -ENOENT && !value.text[0] && missing)
		peer_refuse(&r->in, value.at, missing, "dietvpn keygen");
	else if (error && (error != -ENOENT || value.text[0]))
		peer_refuse_value(&r->in, &value, "Key", key_trouble(error), "");
}

/* RFC 7670 without its CERT payload: each side has the other's key from the file. */
static void read_keys(struct settings_reader *r, const struct peer_value *peer_key)
{
	struct settings *s = r->out;
	struct peer_value value = {.at = peer_key->at};
	int error;

	if (peer_value_get(&r->in, "Psk", &value))
		peer_refuse_value(
			&r->in, &value, "Psk", "and PeerKey: one of them authenticates", "");
	settings_read_key(r, "PeerKey needs a Key of our own");
	s->peer_key = calloc(1, sizeof *s->peer_key);
	error = s->peer_key ? parse_peer_key(r, peer_key, s->peer_key) : -ENOMEM;
	if (error)
		peer_refuse_value(&r->in, peer_key, "PeerKey", key_trouble(error), "");
}

void settings_read_credentials(struct settings_reader *r)
{
	struct settings *s = r->out;
	struct peer_value value;

	tree_bool(tree_get(r->in.peer, "template"), &s->template);
	peer_value_yes(&r->in, "Imprint", &s->imprint);
	if (s->template)
		settings_read_template(r);
	else if (s->imprint)
		settings_read_imprint(r);
	else if (peer_value_get(&r->in, "PeerKey", &value))
		read_keys(r, &value);
	else if (peer_value_get(&r->in, "Key", &value))
		peer_refuse_value(&r->in, &value, "Key", "needs the peer's as well",
			"PeerKey = ..., or Imprint = yes");
	else
		read_psk(r);
}
