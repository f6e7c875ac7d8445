/* SPDX-License-Identifier: Apache-2.0 */
/* Key octets with a length: wiped on release, compared in constant time, never printed. */
#ifndef DIETVPN_CRYPTO_SECRET_H
#define DIETVPN_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_MAX = 64 };

struct secret {
	uint8_t data[SECRET_MAX];
	size_t len;
};

/*
 * Before any other function of this wing; may be repeated. Prepares libsodium; libcrypto prepares
 * itself where a suite or key method first needs it. 0 or -EIO.
 */
int crypto_init(void);

int secret_set(struct secret *s, const void *data, size_t len); /* 0 or -EMSGSIZE */
void secret_fini(struct secret *s);                             /* wipes */
bool secret_equal(const struct secret *a, const struct secret *b);
void secret_wipe(void *data, size_t len);
/* What calls below this one have left on the stack: ciphers spill key octets there. To be called
 * from where little of the stack is in use. */
void secret_wipe_stack(void);
bool secret_equal_bytes(const void *a, const void *b, size_t len);
void secret_random(void *out, size_t len);

/*
 * Standard base64 (RFC 4648 section 4) with padding, surrounding white space allowed. *len is the
 * number of octets, 0 for an empty text. 0, -EINVAL (not base64, or unused bits set; out is wiped)
 * or -EMSGSIZE (more than cap octets).
 */
int secret_from_base64(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len);
/* out holds at least SECRET_BASE64_LEN(len) octets, the final NUL included. */
#define SECRET_BASE64_LEN(len) (((len) + 2) / 3 * 4 + 1)
void secret_to_base64(const void *data, size_t len, char *out);

#endif
