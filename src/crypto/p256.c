/* SPDX-License-Identifier: Apache-2.0 */
/* NIST P-256 by OpenSSL: points as x | y (RFC 5903 section 6, RFC 5480); inside this wing only. */
#include "p256.h"

#include "libcrypto.h"
#include "secret.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <errno.h>
#include <string.h>

/* Made once per module. */
static struct {
	CRYPTO_ONCE once;
	EC_GROUP *group;
} curve = {.once = CRYPTO_ONCE_STATIC_INIT};

static void make(void)
{
	if (libcrypto_init() == 0)
		curve.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

static __attribute__((destructor)) void give_back(void)
{
	if (curve.group != NULL && libcrypto_running())
		EC_GROUP_free(curve.group);
}

/* What one computation needs; all of it may be NULL. */
struct work {
	BN_CTX *bn;
	BIGNUM *scalar;
	EC_POINT *in, *out;
};

static int work_init(struct work *w)
{
	*w = (struct work){0};
	if (CRYPTO_THREAD_run_once(&curve.once, make) != 1 || curve.group == NULL)
		return -EIO;
	w->bn = BN_CTX_secure_new();
	w->scalar = BN_secure_new();
	w->in = EC_POINT_new(curve.group);
	w->out = EC_POINT_new(curve.group);
	return w->bn && w->scalar && w->in && w->out ? 0 : -EIO;
}

static int work_fini(struct work *w, int err)
{
	EC_POINT_clear_free(w->out);
	EC_POINT_free(w->in);
	BN_clear_free(w->scalar);
	BN_CTX_free(w->bn);
	if (err != 0)
		libcrypto_forget_errors();
	return err;
}

static int read_scalar(struct work *w, const uint8_t scalar[P256_LEN])
{
	if (BN_bin2bn(scalar, P256_LEN, w->scalar) == NULL)
		return -EIO;
	BN_set_flags(w->scalar, BN_FLG_CONSTTIME);
	if (BN_is_zero(w->scalar) || BN_cmp(w->scalar, EC_GROUP_get0_order(curve.group)) >= 0)
		return -EINVAL;
	return 0;
}

/* SEC 1 2.3.4 with the form octet of an uncompressed point; the library checks the equation. */
static int read_point(struct work *w, const uint8_t point[P256_POINT_LEN])
{
	uint8_t octets[1 + P256_POINT_LEN] = {POINT_CONVERSION_UNCOMPRESSED};

	memcpy(octets + 1, point, P256_POINT_LEN);
	return EC_POINT_oct2point(curve.group, w->in, octets, sizeof(octets), w->bn) == 1 ? 0
											  : -EINVAL;
}

static int write_point(struct work *w, uint8_t octets[1 + P256_POINT_LEN])
{
	size_t len = EC_POINT_point2oct(curve.group, w->out, POINT_CONVERSION_UNCOMPRESSED, octets,
		1 + P256_POINT_LEN, w->bn);

	return len == 1 + P256_POINT_LEN ? 0 : -EIO;
}

int p256_random(uint8_t scalar[P256_LEN])
{
	struct work w;
	int err = work_init(&w);

	/* Fewer than one in 2^32 is refused. */
	for (int tries = 0; err == 0; tries++) {
		secret_random(scalar, P256_LEN);
		err = read_scalar(&w, scalar);
		if (err != -EINVAL)
			break;
		err = tries < 8 ? 0 : -EIO;
	}
	if (err != 0)
		secret_wipe(scalar, P256_LEN);
	return work_fini(&w, err);
}

int p256_public(const uint8_t scalar[P256_LEN], uint8_t point[P256_POINT_LEN])
{
	uint8_t octets[1 + P256_POINT_LEN];
	struct work w;
	int err = work_init(&w);

	if (err == 0)
		err = read_scalar(&w, scalar);
	if (err == 0 && EC_POINT_mul(curve.group, w.out, w.scalar, NULL, NULL, w.bn) != 1)
		err = -EIO;
	if (err == 0)
		err = write_point(&w, octets);
	if (err == 0)
		memcpy(point, octets + 1, P256_POINT_LEN);
	return work_fini(&w, err);
}

int p256_check(const uint8_t point[P256_POINT_LEN])
{
	struct work w;
	int err = work_init(&w);

	if (err == 0)
		err = read_point(&w, point);
	return work_fini(&w, err);
}

int p256_shared(
	const uint8_t scalar[P256_LEN], const uint8_t point[P256_POINT_LEN], uint8_t x[P256_LEN])
{
	uint8_t octets[1 + P256_POINT_LEN];
	struct work w;
	int err = work_init(&w);

	if (err == 0)
		err = read_scalar(&w, scalar);
	if (err == 0)
		err = read_point(&w, point);
	/* The generator's scalar is NULL: then the library takes its constant-time way. */
	if (err == 0 && EC_POINT_mul(curve.group, w.out, NULL, w.in, w.scalar, w.bn) != 1)
		err = -EIO;
	if (err == 0)
		err = write_point(&w, octets);
	if (err == 0)
		memcpy(x, octets + 1, P256_LEN);
	secret_wipe(octets, sizeof(octets));
	return work_fini(&w, err);
}
