/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP's options, RFC 7252 3.1: differences of numbers, lengths, values, up to the payload marker.
 */
#include "schc/coap.h"

#include "base/wire.h"

enum {
	TKL_MASK = 15,
	NIBBLE = 4,
	MARKER = 0xff,
	ONE_OCTET = 13, /* nibbles that say: one or two more octets */
	TWO_OCTETS = 14,
	RESERVED = 15,
	TWO_OCTETS_MIN = 269,
	NUMBER_MAX = UINT16_MAX,
};

struct cursor {
	const uint8_t *message;
	size_t at, len;
};

/* The value that a nibble stands for; false: reserved, or its octets are not there. */
static bool extend(struct cursor *c, unsigned nibble, unsigned *value)
{
	size_t more = nibble < ONE_OCTET ? 0 : nibble - ONE_OCTET + 1u;

	if (nibble == RESERVED || c->len - c->at < more)
		return false;
	*value = nibble;
	if (more == 1)
		*value = ONE_OCTET + c->message[c->at];
	else if (more == 2)
		*value = TWO_OCTETS_MIN + (unsigned)get_be16(c->message + c->at);
	c->at += more;
	return true;
}

static bool parse_option(struct cursor *c, unsigned *number, struct coap_option *option)
{
	size_t begin = c->at;
	uint8_t head = c->message[c->at++];
	unsigned delta;
	unsigned len;

	if (!extend(c, head >> NIBBLE, &delta) || !extend(c, head & TKL_MASK, &len))
		return false;
	*number += delta;
	if (*number > NUMBER_MAX || len > c->len - c->at || c->at + len > COAP_HEADER_MAX)
		return false;
	*option = (struct coap_option){
		(uint16_t)*number, (uint16_t)begin, (uint16_t)c->at, (uint16_t)len};
	c->at += len;
	return true;
}

bool coap_parse(struct coap_view *view, const uint8_t *message, size_t len)
{
	struct cursor c = {message, COAP_FIXED, len};
	unsigned number = 0;

	if (len < COAP_FIXED)
		return false;
	view->tkl = message[0] & TKL_MASK;
	view->n = 0;
	view->marker = false;
	if (view->tkl > COAP_TOKEN_MAX || view->tkl > len - c.at)
		return false;
	for (c.at += view->tkl; c.at < len; view->n++) {
		if (message[c.at] == MARKER) {
			c.at++;
			view->marker = true;
			break;
		}
		if (view->n == COAP_OPTIONS || !parse_option(&c, &number, &view->option[view->n]))
			return false;
	}
	view->header_len = (uint16_t)c.at;
	/* A marker without payload is a format error. */
	return !view->marker || c.at < len;
}

static unsigned nibble_of(size_t value)
{
	if (value < ONE_OCTET)
		return (unsigned)value;
	return value < TWO_OCTETS_MIN ? ONE_OCTET : TWO_OCTETS;
}

static void put_extension(struct coap_writer *w, size_t value)
{
	if (value >= TWO_OCTETS_MIN) {
		put_be16(w->out + w->at, (uint16_t)(value - TWO_OCTETS_MIN));
		w->at += 2;
	} else if (value >= ONE_OCTET) {
		w->out[w->at++] = (uint8_t)(value - ONE_OCTET);
	}
}

bool coap_put_option(struct coap_writer *w, unsigned number, size_t len)
{
	enum { HEAD_MAX = 5 };
	size_t delta = number - w->number;

	if (number < w->number || len > NUMBER_MAX || w->cap - w->at < HEAD_MAX + len)
		return false;
	w->number = number;
	w->out[w->at++] = (uint8_t)(nibble_of(delta) << NIBBLE | nibble_of(len));
	put_extension(w, delta);
	put_extension(w, len);
	return true;
}
