/* SPDX-License-Identifier: Apache-2.0 */
/* The little of DER (X.690 section 10) that keys and signatures need; inside this wing only. */
#ifndef DIETVPN_CRYPTO_DER_H
#define DIETVPN_CRYPTO_DER_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_CONTEXT_0 = 0xa0, /* constructed */
	DER_CONTEXT_1 = 0xa1,
};

/*
 * Takes the element off the front of in; content points into it. Lengths must be definite, as short
 * as they can be and below 65536. 0, or -EINVAL: in is then as before.
 */
int der_take(struct slice *in, uint8_t tag, struct slice *content);
/* An INTEGER that is not negative, in its shortest form; value has no leading zero octets. */
int der_take_unsigned(struct slice *in, struct slice *value);
/* A BIT STRING of whole octets. */
int der_take_bits(struct slice *in, struct slice *octets);
bool der_is(struct slice in, const uint8_t *octets, size_t len);

/* Writes from the end of a buffer to its front: at falls to start. overrun: it did not fit. */
struct der_out {
	uint8_t *start, *at;
	bool overrun;
};
void der_put(struct der_out *out, const void *octets, size_t len);
/* Tag and length in front of the last len octets, which must be the content. */
void der_put_head(struct der_out *out, uint8_t tag, size_t len);
/* value is big-endian and may have leading zero octets. */
void der_put_unsigned(struct der_out *out, struct slice value);

#endif
