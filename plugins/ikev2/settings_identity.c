/* SPDX-License-Identifier: Apache-2.0 */
/* Identities as they are written, and as IDi and IDr have them (RFC 7296 3.5, ikev2.md 1.4). */
#include "ikev2/settings_read.h"

#include "ikev2/payload.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool settings_from_hex(const char *text, size_t len, uint8_t *out, size_t cap, size_t *n)
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

bool settings_identity(const char *text, struct identity *out)
{
	size_t len = strlen(text);

	memset(out, 0, sizeof *out);
	if (!len)
		return false;
	if (!strncmp(text, "0x", 2)) {
		size_t n = 0;

		out->body[0] = ID_KEY_ID;
		if (!settings_from_hex(
			    text + 2, len - 2, out->body + ID_HEADER_LEN, SETTINGS_ID_MAX, &n))
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

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '@' || c == '+' || c == ':';
}

static void key_id_text(struct slice id, char *out)
{
	static const char digits[] = "0123456789abcdef";
	char *at = out;

	*at++ = '0';
	*at++ = 'x';
	for (size_t i = 0; i < id.len; i++) {
		*at++ = digits[id.data[i] >> 4];
		*at++ = digits[id.data[i] & 15];
	}
	*at = '\0';
}

/* Two identities never have one text: it is read again and has to be the same. */
bool settings_identity_text(struct slice body, char out[PEER_NAME_MAX])
{
	struct slice id = {body.data + ID_HEADER_LEN, body.len - ID_HEADER_LEN};
	bool key_id = body.data[0] == ID_KEY_ID;
	struct identity again;

	if (!id.len || (key_id ? 2 + 2 * id.len : id.len) >= PEER_NAME_MAX)
		return false;
	for (size_t i = 0; !key_id && i < id.len; i++)
		if (!is_plain((char)id.data[i]))
			return false;
	if (key_id) {
		key_id_text(id, out);
	} else {
		memcpy(out, id.data, id.len);
		out[id.len] = '\0';
	}
	return settings_identity(out, &again) &&
	       slice_equal(body, (struct slice){again.body, again.len});
}

void settings_read_identities(struct settings_reader *r)
{
	struct settings *s = r->out;
	struct peer_value value = {.at = s->core.at};
	char id[SETTINGS_ID_MAX * 2 + 3] = "";

	tree_text_copy(tree_get(r->in.peer, "id"), id, sizeof id);
	if (!settings_identity(id, &s->id))
		peer_refuse(&r->in, s->core.at, "Id is no identity",
			"a name, user@host, or 0x and hexadecimal");
	s->peer_id_named = peer_value_get(&r->in, "PeerId", &value);
	if (!settings_identity(s->peer_id_named ? value.text : s->core.name, &s->peer_id))
		peer_refuse_value(&r->in, &value, "PeerId", "no identity",
			"a name, user@host, or 0x and hexadecimal");
}
