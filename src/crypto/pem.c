/* SPDX-License-Identifier: Apache-2.0 */
/* Key files as text: PEM (RFC 7468) and bare base64; inside this wing only. */
#include "pem.h"

#include <sodium.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_LEN = 64 };

static const char white[] = " \t\r\n";

static const uint8_t *find(struct slice in, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; n <= in.len && i <= in.len - n; i++)
		if (memcmp(in.data + i, text, n) == 0)
			return in.data + i;
	return NULL;
}

bool pem_has(struct slice in, const char *words)
{
	return find(in, words) != NULL;
}

bool pem_is(struct slice text)
{
	return find(text, "-----BEGIN ") != NULL;
}

int pem_find(struct slice text, const char *label, struct slice *body)
{
	char line[LINE_MAX_LEN];
	const uint8_t *begin;
	const uint8_t *end;

	snprintf(line, sizeof(line), "-----BEGIN %s-----", label);
	begin = find(text, line);
	if (begin == NULL)
		return -ENOENT;
	begin += strlen(line);
	snprintf(line, sizeof(line), "-----END %s-----", label);
	end = find((struct slice){begin, (size_t)(text.data + text.len - begin)}, line);
	if (end == NULL)
		return -EINVAL;
	*body = (struct slice){begin, (size_t)(end - begin)};
	return 0;
}

int pem_decode(struct slice body, uint8_t *out, size_t cap, size_t *len)
{
	const char *end = NULL;

	if (body.len == 0)
		return -EINVAL;
	if (sodium_base642bin(out, cap, (const char *)body.data, body.len, white, len, &end,
		    sodium_base64_VARIANT_ORIGINAL) == 0 &&
		end == (const char *)body.data + body.len)
		return 0;
	return body.len / 4 * 3 > cap ? -EMSGSIZE : -EINVAL;
}
