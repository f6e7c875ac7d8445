/* SPDX-License-Identifier: Apache-2.0 */
/* A key of 128 bits as people type it: Crockford's base32 and a Reed-Solomon check over GF(32). */
#include "cli/code.h"

#include "crypto/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	FIELD_POLYNOMIAL = 0x25, /* x^5 + x^2 + 1; x generates the field */
	FIELD_SIZE = 32,
	FIELD_ORDER = FIELD_SIZE - 1,
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned product = 0;

	for (unsigned bit = 0; bit < 5; bit++)
		product ^= ((unsigned)b >> bit & 1u) * ((unsigned)a << bit);
	for (unsigned bit = 8; bit >= 5; bit--)
		product ^= (product >> bit & 1u) * ((unsigned)FIELD_POLYNOMIAL << (bit - 5));
	return (uint8_t)product;
}

/* x to the n-th. */
static uint8_t power(unsigned n)
{
	uint8_t p = 1;

	while (n--)
		p = times(p, 2);
	return p;
}

static uint8_t inverse(uint8_t a)
{
	uint8_t p = 1;

	for (unsigned i = 0; i < FIELD_ORDER - 1; i++)
		p = times(p, a);
	return p;
}

/* What a word's n values come to at 1 and at x: both are 0 for a whole code word. */
struct syndromes {
	uint8_t at_one, at_x;
};

static struct syndromes syndromes_of(const uint8_t *values, unsigned n)
{
	struct syndromes s = {0};

	for (unsigned i = 0; i < n; i++) {
		s.at_one ^= values[i];
		s.at_x ^= times(values[i], power(i));
	}
	return s;
}

static void put_check(uint8_t values[CODE_LEN])
{
	struct syndromes s = syndromes_of(values, CODE_DATA);
	uint8_t first = power(CODE_DATA), second = power(CODE_DATA + 1);

	values[CODE_DATA + 1] =
		times((uint8_t)(s.at_x ^ times(s.at_one, first)), inverse(first ^ second));
	values[CODE_DATA] = s.at_one ^ values[CODE_DATA + 1];
}

void code_print(const uint8_t key[CODE_KEY_LEN], char out[CODE_TEXT])
{
	uint8_t values[CODE_LEN] = {0};
	char *at = out;

	for (unsigned bit = 0; bit < CODE_KEY_LEN * 8; bit++)
		values[bit / 5] |= (uint8_t)((key[bit / 8] >> (7 - bit % 8) & 1) << (4 - bit % 5));
	put_check(values);
	for (unsigned i = 0; i < CODE_LEN; i++) {
		if (i && i % CODE_GROUP == 0)
			*at++ = '-';
		*at++ = alphabet[values[i]];
	}
	*at = '\0';
	secret_wipe(values, sizeof values);
}

__attribute__((format(printf, 2, 3))) static int wrong(char why[CODE_WHY], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, CODE_WHY, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* -1: no character of a code. */
static int value_of(char c)
{
	const char *at;

	c = (char)toupper((unsigned char)c);
	if (c == 'I' || c == 'L')
		c = '1';
	else if (c == 'O')
		c = '0';
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

static int read_values(const char *text, uint8_t values[CODE_LEN], char why[CODE_WHY])
{
	unsigned n = 0;

	for (; *text; text++) {
		int value = value_of(*text);

		if (*text == '-' || isspace((unsigned char)*text))
			continue;
		if (value < 0)
			return wrong(why,
				isgraph((unsigned char)*text)
					? "group %u has '%c', which is no character of a code"
					: "group %u has something that is no character of a code",
				n / CODE_GROUP + 1, *text);
		if (n < CODE_LEN)
			values[n] = (uint8_t)value;
		n++;
	}
	if (n != CODE_LEN)
		return wrong(why, "a code has %d characters, here are %u", CODE_LEN, n);
	return 0;
}

/* One wrong character e at place i leaves e and e * x^i; two that are swapped leave 0 and more. */
static int check_values(const uint8_t values[CODE_LEN], char why[CODE_WHY])
{
	struct syndromes s = syndromes_of(values, CODE_LEN);
	unsigned place = 0;

	if (!s.at_one && !s.at_x)
		return 0;
	if (!s.at_one)
		return wrong(
			why, "the check does not agree: two characters may have changed places");
	while (s.at_x && place < CODE_LEN && times(s.at_one, power(place)) != s.at_x)
		place++;
	if (!s.at_x || place == CODE_LEN)
		return wrong(why, "the check does not agree: more than one character is wrong");
	return wrong(why, "the check does not agree: if one character is wrong, it is in group %u",
		place / CODE_GROUP + 1);
}

static int read_key(const uint8_t values[CODE_LEN], uint8_t key[CODE_KEY_LEN], char why[CODE_WHY])
{
	uint8_t any = 0;

	memset(key, 0, CODE_KEY_LEN);
	for (unsigned bit = 0; bit < CODE_KEY_LEN * 8; bit++)
		key[bit / 8] |= (uint8_t)((values[bit / 5] >> (4 - bit % 5) & 1) << (7 - bit % 8));
	for (unsigned i = 0; i < CODE_KEY_LEN; i++)
		any |= key[i];
	if (!any || values[CODE_DATA - 1] & 3)
		return wrong(why, "no key gives this code");
	return 0;
}

int code_parse(const char *text, uint8_t key[CODE_KEY_LEN], char why[CODE_WHY])
{
	uint8_t values[CODE_LEN] = {0};
	int err = read_values(text, values, why);

	if (!err)
		err = check_values(values, why);
	if (!err)
		err = read_key(values, key, why);
	if (err)
		secret_wipe(key, CODE_KEY_LEN);
	secret_wipe(values, sizeof values);
	return err;
}
