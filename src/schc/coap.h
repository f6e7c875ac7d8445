/* SPDX-License-Identifier: Apache-2.0 */
/* Where a CoAP message has its token, options and payload, RFC 7252 3. */
#ifndef DIETVPN_SCHC_COAP_H
#define DIETVPN_SCHC_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COAP_FIXED = 4, COAP_TOKEN_MAX = 8, COAP_OPTIONS = 32, COAP_HEADER_MAX = 512 };

struct coap_option {
	uint16_t number;
	uint16_t begin, at,
		len; /* octets from the message's start: option, value; value's length */
};

struct coap_view {
	uint8_t tkl;
	uint8_t n;           /* options */
	bool marker;         /* a payload follows */
	uint16_t header_len; /* octets before the payload, marker included */
	struct coap_option option[COAP_OPTIONS];
};

/*
 * false: not a CoAP message, or one with more than COAP_OPTIONS options or COAP_HEADER_MAX octets
 * before the payload. Writing the same options again gives the same octets: there is only one way
 * to encode a difference or a length.
 */
bool coap_parse(struct coap_view *view, const uint8_t *message, size_t len);

/* Where the next option goes when a message is written. */
struct coap_writer {
	uint8_t *out;
	size_t at, cap;
	unsigned number; /* of the option before */
};

/* Head of an option, whose len octets of value the caller appends; false: no room, or a number
 * below the one before. */
bool coap_put_option(struct coap_writer *w, unsigned number, size_t len);

#endif
