/* SPDX-License-Identifier: Apache-2.0 */
/* NIST P-256 by OpenSSL: points as x | y (RFC 5903 section 6, RFC 5480); inside this wing only. */
#ifndef DIETVPN_CRYPTO_P256_H
#define DIETVPN_CRYPTO_P256_H

#include <stdint.h>

enum { P256_LEN = 32, P256_POINT_LEN = 64 };

/* A scalar between 1 and the order less 1, which the caller wipes. 0 or -EIO. */
int p256_random(uint8_t scalar[P256_LEN]);
/* -EINVAL: not a scalar of that range; -EIO. */
int p256_public(const uint8_t scalar[P256_LEN], uint8_t point[P256_POINT_LEN]);
/* 0, -EINVAL (not on the curve, or a coordinate not below the prime) or -EIO. */
int p256_check(const uint8_t point[P256_POINT_LEN]);
/* x of scalar * point, which the caller wipes; errors of the two above. */
int p256_shared(
	const uint8_t scalar[P256_LEN], const uint8_t point[P256_POINT_LEN], uint8_t x[P256_LEN]);

#endif
