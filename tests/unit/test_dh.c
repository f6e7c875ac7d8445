/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by the numbers of RFC 7748, 8031 and 5903, and refusal of what is no good point. */
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

static const struct dh_group *group(uint16_t id)
{
	const struct dh_group *found = dh_find(id);

	cr_assert_not_null(found);
	return found;
}

/* The example of an RFC: two private keys, their public ones, and what both ends share. */
static void must_be_example(uint16_t id, const char *const hex[5])
{
	static struct octets in[5];
	uint8_t public_key[DH_PUBLIC_MAX], shared[DH_SHARED_MAX];

	for (int i = 0; i < 5; i++)
		unhex(hex[i], &in[i]);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(dh_public(group(id), in[i].data, public_key), 0);
		cr_assert(same(&in[2 + i], public_key, group(id)->public_len));
		cr_assert_eq(dh_compute(group(id), in[i].data, slice_of(&in[3 - i]), shared), 0);
		cr_assert(same(&in[4], shared, group(id)->shared_len));
	}
}

Test(dh, rfc5903_8_1)
{
	must_be_example(DH_P256,
		(const char *const[5]){
			"C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
			"C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
			"DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
			"5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
			"D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
			"56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
			"D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"});
}

Test(dh, rfc8031_a)
{
	must_be_example(DH_X25519,
		(const char *const[5]){
			"751fb4308655b476b6789b7325f9ea8cddd16a58533ff6d9e60009464a5f9d94",
			"0a54645253290d60ddadd0e030bacd9e5501efdc220755a1e978f1b839a05688",
			"48d5ddd4061257ba166fa3f9bbdb74f1a4e81c089384fa77f790709f0dfbc766",
			"0be7c1f5aad87d7e448662673298a443478b859745179eaf564c79c0ef6eee25",
			"c74950607a12327f3204d94b6825bfb068b7f8319a9e3708ed3d43ce8130c950"});
}

Test(dh, table)
{
	size_t n = 0;

	for (const struct dh_group *row; (row = dh_at(n)) != NULL; n++) {
		cr_assert_eq(dh_find(row->id), row);
		cr_assert_eq(dh_by_name(row->name), row);
		cr_assert_leq(row->private_len, DH_PRIVATE_MAX);
		cr_assert_leq(row->public_len, DH_PUBLIC_MAX);
		cr_assert_leq(row->shared_len, DH_SHARED_MAX);
	}
	cr_assert_eq(n, 2);
	cr_assert_eq(dh_at(0)->id, DH_X25519);
	cr_assert_null(dh_find(14));
	cr_assert_null(dh_by_name("modp2048"));
}

Test(dh, every_group_between_two_ends)
{
	uint8_t a[DH_PRIVATE_MAX], b[DH_PRIVATE_MAX], at_a[DH_SHARED_MAX], at_b[DH_SHARED_MAX];
	uint8_t a_public[DH_PUBLIC_MAX], b_public[DH_PUBLIC_MAX];
	const struct dh_group *g;

	for (size_t i = 0; (g = dh_at(i)) != NULL; i++)
		for (int round = 0; round < 20; round++) {
			cr_assert_eq(dh_generate(g, a, a_public), 0);
			cr_assert_eq(dh_generate(g, b, b_public), 0);
			cr_assert_arr_neq(a, b, g->private_len);
			cr_assert_eq(
				dh_compute(g, a, (struct slice){b_public, g->public_len}, at_a), 0);
			cr_assert_eq(
				dh_compute(g, b, (struct slice){a_public, g->public_len}, at_b), 0);
			cr_assert_arr_eq(at_a, at_b, g->shared_len);
		}
}

/* Any length but the right one; for P-256 also what is beside the curve or not below the prime. */
Test(dh, bad_public_keys)
{
	static const char *const points[] = {
		/* all zero, x = 0 with another y, a y that is one off, x = p, y = p */
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000001",
		"D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
		"56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AC",
		"FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF"
		"56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
		"D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
		"FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF",
	};
	static struct octets point;
	uint8_t k[DH_PRIVATE_MAX], own[DH_PUBLIC_MAX], longer[DH_PUBLIC_MAX + 1] = {4};
	uint8_t out[DH_SHARED_MAX];
	const struct dh_group *g;

	for (size_t i = 0; (g = dh_at(i)) != NULL; i++) {
		cr_assert_eq(dh_generate(g, k, own), 0);
		memcpy(longer + 1, own, g->public_len);
		for (size_t len = 0; len <= (size_t)g->public_len + 1; len++) {
			memset(out, 0xa5, sizeof(out));
			if (len == g->public_len)
				continue;
			cr_assert_eq(dh_compute(g, k, (struct slice){longer, len}, out), -EINVAL);
			cr_assert(all_zero(out, g->shared_len), "%s %zu", g->name, len);
		}
	}
	g = group(DH_P256);
	cr_assert_eq(dh_generate(g, k, own), 0);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		unhex(points[i], &point);
		memset(out, 0xa5, sizeof(out));
		cr_assert_eq(dh_compute(g, k, slice_of(&point), out), -EINVAL, "%s", points[i]);
		cr_assert(all_zero(out, sizeof(out)), "%s", points[i]);
	}
}

/* Zero, the order, and all ones; one less than the order is a private key. */
Test(dh, private_keys_of_p256)
{
	static const struct {
		const char *scalar;
		int err;
	} cases[] = {
		{"0000000000000000000000000000000000000000000000000000000000000000", -EINVAL},
		{"0000000000000000000000000000000000000000000000000000000000000001", 0},
		{"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", 0},
		{"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", -EINVAL},
		{"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", -EINVAL},
	};
	static struct octets k;
	uint8_t point[DH_PUBLIC_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unhex(cases[i].scalar, &k);
		cr_assert_eq(dh_public(group(DH_P256), k.data, point), cases[i].err, "%s",
			cases[i].scalar);
	}
}
