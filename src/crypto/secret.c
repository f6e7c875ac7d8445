/* SPDX-License-Identifier: Apache-2.0 */
/* Key octets with a length: wiped on release, compared in constant time, never printed. */
#include "secret.h"

#include <sodium.h>

#include <errno.h>
#include <string.h>

enum { STACK_WIPED = 64 * 1024 };

int crypto_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

int secret_set(struct secret *s, const void *data, size_t len)
{
	if (len > sizeof(s->data))
		return -EMSGSIZE;
	secret_fini(s);
	if (len != 0)
		memcpy(s->data, data, len);
	s->len = len;
	return 0;
}

void secret_fini(struct secret *s)
{
	sodium_memzero(s, sizeof(*s));
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && secret_equal_bytes(a->data, b->data, a->len);
}

void secret_wipe(void *data, size_t len)
{
	if (len != 0)
		sodium_memzero(data, len);
}

void secret_wipe_stack(void)
{
	sodium_stackzero(STACK_WIPED);
}

bool secret_equal_bytes(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void secret_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Octets that well-formed base64 of this length stands for. */
static size_t decoded_len(const char *text, size_t len)
{
	size_t padding = 0;

	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	return len / 4 * 3 - padding;
}

int secret_from_base64(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = 0;

	while (text_len > 0 && is_space(text[text_len - 1]))
		text_len--;
	while (text_len > 0 && is_space(*text)) {
		text++;
		text_len--;
	}
	if (text_len % 4 != 0)
		return -EINVAL;
	if (decoded_len(text, text_len) > cap)
		return -EMSGSIZE;
	if (sodium_base642bin(out, cap, text, text_len, NULL, &n, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0) {
		secret_wipe(out, cap);
		return -EINVAL;
	}
	*len = n;
	return 0;
}

void secret_to_base64(const void *data, size_t len, char *out)
{
	sodium_bin2base64(out, SECRET_BASE64_LEN(len), data, len, sodium_base64_VARIANT_ORIGINAL);
}
