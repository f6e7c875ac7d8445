/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 by the numbers of RFC 7748 sections 5.2 and 6.1, and refusal of small-order points. */
#include "crypto/dh.h"
#include "crypto/secret.h"

#include "crypto_cases.h"

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(dh, .init = start);

static void must_agree(const char *private_key, const char *peer, const char *shared)
{
	static struct octets k, u, want;
	uint8_t out[DH_X25519_LEN];

	unhex(private_key, &k);
	unhex(peer, &u);
	unhex(shared, &want);
	cr_assert_eq(dh_x25519_shared(k.data, u.data, out), 0, "%s", shared);
	cr_assert(same(&want, out, sizeof(out)), "%s", shared);
}

static void must_be_public(const char *private_key, const char *public_key)
{
	static struct octets k, want;
	uint8_t out[DH_X25519_LEN];

	unhex(private_key, &k);
	unhex(public_key, &want);
	dh_x25519_public(k.data, out);
	cr_assert(same(&want, out, sizeof(out)), "%s", public_key);
}

Test(dh, rfc7748_5_2)
{
	must_agree("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	must_agree("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* Each result is the next private key, the last private key the next point. */
Test(dh, rfc7748_5_2_iterated)
{
	uint8_t k[DH_X25519_LEN] = {9}, u[DH_X25519_LEN] = {9}, out[DH_X25519_LEN];
	static struct octets want;

	for (int i = 1; i <= 1000; i++) {
		cr_assert_eq(dh_x25519_shared(k, u, out), 0);
		memcpy(u, k, sizeof(u));
		memcpy(k, out, sizeof(k));
		if (i == 1) {
			unhex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
				&want);
			cr_assert(same(&want, k, sizeof(k)));
		}
	}
	unhex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", &want);
	cr_assert(same(&want, k, sizeof(k)));
}

Test(dh, rfc7748_6_1)
{
	static const char a[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
	static const char b[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
	static const char a_public[] =
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
	static const char b_public[] =
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
	static const char shared[] =
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

	must_be_public(a, a_public);
	must_be_public(b, b_public);
	must_agree(a, b_public, shared);
	must_agree(b, a_public, shared);
}

/* The points of order 1, 2, 4 and 8 and what is congruent to them: 0, 1, p - 1, p, p + 1, two more.
 */
Test(dh, small_order_is_refused)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	static struct octets point;
	uint8_t k[DH_X25519_LEN], out[DH_X25519_LEN];

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		secret_random(k, sizeof(k));
		memset(out, 0xa5, sizeof(out));
		unhex(points[i], &point);
		cr_assert_eq(dh_x25519_shared(k, point.data, out), -EINVAL, "%s", points[i]);
		cr_assert(all_zero(out, sizeof(out)), "%s", points[i]);
	}
}

Test(dh, two_ends)
{
	uint8_t a[32], b[32], a_public[32], b_public[32], at_a[32], at_b[32];

	for (int i = 0; i < 50; i++) {
		secret_random(a, sizeof(a));
		secret_random(b, sizeof(b));
		dh_x25519_public(a, a_public);
		dh_x25519_public(b, b_public);
		cr_assert_eq(dh_x25519_shared(a, b_public, at_a), 0);
		cr_assert_eq(dh_x25519_shared(b, a_public, at_b), 0);
		cr_assert_arr_eq(at_a, at_b, sizeof(at_a));
	}
}
