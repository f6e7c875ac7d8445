/* SPDX-License-Identifier: Apache-2.0 */
/* Key files as text: PEM (RFC 7468) and bare base64; inside this wing only. */
#ifndef DIETVPN_CRYPTO_PEM_H
#define DIETVPN_CRYPTO_PEM_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether there is any PEM in text. */
bool pem_is(struct slice text);
bool pem_has(struct slice in, const char *words);
/*
 * What stands between "-----BEGIN LABEL-----" and "-----END LABEL-----", of the first block with
 * this label. 0, -ENOENT (no such block) or -EINVAL (it has no end).
 */
int pem_find(struct slice text, const char *label, struct slice *body);
/*
 * Base64 with white space anywhere, into at most cap octets, which the caller wipes. 0, -EINVAL or
 * -EMSGSIZE.
 */
int pem_decode(struct slice body, uint8_t *out, size_t cap, size_t *len);

#endif
