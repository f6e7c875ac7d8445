/* SPDX-License-Identifier: Apache-2.0 */
/* Rules written as tables. */
#include "reference/rules.h"

#include <stdlib.h>
#include <string.h>

enum { END = 99, VALUE_ROOM = 256 };

static unsigned hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = strchr(digits, c);

	if (!at || !c)
		abort();
	return (unsigned)(at - digits);
}

static size_t read_value(const char *text, size_t n, uint8_t *out)
{
	if (n && text[0] == '=') {
		memcpy(out, text + 1, n - 1);
		return n - 1;
	}
	if (n % 2)
		abort();
	for (size_t i = 0; i < n / 2; i++)
		out[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return n / 2;
}

void rule_rows(struct schc_rule *rule, const struct rule_row *rows)
{
	for (; rows->fp != END; rows++) {
		struct schc_field_desc *desc = schc_rule_append(rule, rows->fid);
		const char *text = rows->values;

		if (!desc)
			abort();
		desc->fp = (uint8_t)rows->fp;
		desc->di = (uint8_t)rows->di;
		desc->mo = (uint8_t)rows->mo;
		desc->cda = (uint8_t)rows->cda;
		desc->msb = (uint16_t)rows->msb;
		if (rows->fl)
			desc->fl = (uint8_t)rows->fl;
		while (text) {
			uint8_t value[VALUE_ROOM];
			size_t n = strcspn(text, ",");
			size_t len = read_value(text, n, value);

			if (!schc_rule_add_value(rule, desc, value, len))
				abort();
			text = text[n] ? text + n + 1 : NULL;
		}
	}
}
