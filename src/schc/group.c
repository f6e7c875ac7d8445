/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of a path or query in one target value, RFC 8824 5.3: the first octet separates them. */
#include "schc/group.h"

#include "schc/coap.h"

#include <string.h>

enum { LOCATION_PATH = 8, URI_PATH = 11, URI_QUERY = 15, LOCATION_QUERY = 20 };

static int separator_of(unsigned option)
{
	switch (option) {
	case LOCATION_PATH:
	case URI_PATH:
		return '/';
	case URI_QUERY:
	case LOCATION_QUERY:
		return '&';
	default:
		return -1;
	}
}

unsigned group_count(unsigned option, const uint8_t *value, size_t len)
{
	unsigned n = 0;

	if (!len || value[0] != separator_of(option))
		return 0;
	for (size_t i = 0; i < len; i++)
		n += value[i] == value[0];
	return n;
}

const uint8_t *group_element(const uint8_t *value, size_t len, unsigned i, size_t *element_len)
{
	const uint8_t *at = value + 1;
	const uint8_t *end;

	for (;;) {
		size_t left = len - (size_t)(at - value);

		end = left ? memchr(at, value[0], left) : NULL;
		if (!end)
			end = value + len;
		if (!i--)
			break;
		at = end + 1;
	}
	*element_len = (size_t)(end - at);
	return at;
}

bool group_equal(const struct coap_view *view, const uint8_t *message, unsigned first,
	const uint8_t *value, size_t len)
{
	unsigned number = first < view->n ? view->option[first].number : 0;
	unsigned n = group_count(number, value, len);

	if (!n || n > view->n - first)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct coap_option *option = &view->option[first + i];
		size_t element_len;
		const uint8_t *element = group_element(value, len, i, &element_len);

		if (option->number != number || option->len != element_len ||
			memcmp(message + option->at, element, element_len) != 0)
			return false;
	}
	return true;
}
