/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof's cases for what IKE uses, NIST's for its key derivation; judged as their folder says.
 */
#include "crypto/dh.h"
#include "crypto/prf.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

#include "fakes/data_main.h"
#include "wycheproof.h"

static void mac_case(const struct prf *prf, const json_t *group, const json_t *test)
{
	static struct octets key, msg, tag;
	uint8_t mac[PRF_LEN_MAX];
	struct slice part;

	field(test, "key", &key);
	field(test, "msg", &msg);
	field(test, "tag", &tag);
	part = slice_of(&msg);
	cr_assert_eq(prf_compute(prf, slice_of(&key), &part, 1, mac), 0);
	cr_assert_eq(tag.len, (size_t)number(group, "tagSize") / 8);
	cr_assert_eq(is(test, "result", "valid"), secret_equal_bytes(mac, tag.data, tag.len),
		"%s tcId %d", prf->name, number(test, "tcId"));
}

static void sha256_case(const json_t *group, const json_t *test, struct tally *tally)
{
	mac_case(prf_find(PRF_HMAC_SHA2_256), group, test);
	tally->run++;
}

static void sha384_case(const json_t *group, const json_t *test, struct tally *tally)
{
	mac_case(prf_find(PRF_HMAC_SHA2_384), group, test);
	tally->run++;
}

static void sha512_case(const json_t *group, const json_t *test, struct tally *tally)
{
	mac_case(prf_find(PRF_HMAC_SHA2_512), group, test);
	tally->run++;
}

static void cmac_case(const json_t *group, const json_t *test, struct tally *tally)
{
	if (number(group, "keySize") != 128)
		return;
	mac_case(prf_find(PRF_AES128_CMAC), group, test);
	tally->run++;
}

/* A JSON number in hex has a sign octet, or fewer octets than the group. */
static void to_scalar(const struct octets *in, uint8_t out[DH_PRIVATE_MAX])
{
	size_t skip = in->len > DH_PRIVATE_MAX ? in->len - DH_PRIVATE_MAX : 0;

	memset(out, 0, DH_PRIVATE_MAX);
	memcpy(out + DH_PRIVATE_MAX - (in->len - skip), in->data + skip, in->len - skip);
}

static int p256_shared_of(const json_t *test, struct slice point, uint8_t shared[DH_SHARED_MAX])
{
	static struct octets private_key;
	uint8_t scalar[DH_PRIVATE_MAX];

	field(test, "private", &private_key);
	to_scalar(&private_key, scalar);
	memset(shared, 0xa5, DH_SHARED_MAX);
	return dh_compute(dh_find(DH_P256), scalar, point, shared);
}

/* What RFC 5903 lacks of the point is its first octet. */
static void ecpoint_case(const json_t *group, const json_t *test, struct tally *tally)
{
	static struct octets public_key, want;
	uint8_t shared[DH_SHARED_MAX];
	int err;

	(void)group;
	field(test, "public", &public_key);
	field(test, "shared", &want);
	if (public_key.len == 0)
		public_key.data[0] = 0;
	err = p256_shared_of(test,
		(struct slice){public_key.data + 1, public_key.len ? public_key.len - 1 : 0},
		shared);
	if (is(test, "result", "valid")) {
		cr_assert_eq(err, 0, "tcId %d", number(test, "tcId"));
		cr_assert(same(&want, shared, sizeof(shared)), "tcId %d", number(test, "tcId"));
	} else {
		cr_assert_eq(err, -EINVAL, "tcId %d", number(test, "tcId"));
		cr_assert(all_zero(shared, sizeof(shared)), "tcId %d", number(test, "tcId"));
	}
	tally->run++;
}

static unsigned spki_accepted;

/* Our reader takes the one encoding of RFC 5480 only, so all that is "acceptable" is refused. */
static void spki_case(const json_t *group, const json_t *test, struct tally *tally)
{
	static struct octets spki, want;
	struct sign_public key;
	uint8_t shared[DH_SHARED_MAX];
	struct slice bits;
	int err;

	(void)group;
	field(test, "public", &spki);
	field(test, "shared", &want);
	err = sign_public_from_spki(slice_of(&spki), &key);
	cr_assert_eq(
		err == 0, is(test, "result", "valid"), "tcId %d: %d", number(test, "tcId"), err);
	tally->run++;
	if (err != 0)
		return;
	spki_accepted++;
	bits = sign_public_bits(&key);
	cr_assert_eq(p256_shared_of(test, (struct slice){bits.data + 1, bits.len - 1}, shared), 0);
	cr_assert(same(&want, shared, sizeof(shared)), "tcId %d", number(test, "tcId"));
}

/* A key that is refused refuses the signature too. */
static void signature_case(const char *alg, const json_t *group, const json_t *test)
{
	static struct octets spki, msg, sig;
	struct sign_public key;
	int err;

	field(group, "publicKeyDer", &spki);
	field(test, "msg", &msg);
	field(test, "sig", &sig);
	err = sign_public_from_spki(slice_of(&spki), &key);
	if (err == 0)
		err = sign_verify(&key, sign_by_name(alg), slice_of(&msg), slice_of(&sig));
	cr_assert_eq(err == 0, is(test, "result", "valid"), "%s tcId %d: %d", alg,
		number(test, "tcId"), err);
	cr_assert_neq(err, -EIO, "%s tcId %d", alg, number(test, "tcId"));
}

#define SIGNATURE(name, alg) \
	static void name(const json_t *group, const json_t *test, struct tally *tally) \
	{ \
		signature_case(alg, group, test); \
		tally->run++; \
	}

SIGNATURE(ed25519_case, "ed25519")
SIGNATURE(ecdsa_256_case, "ecdsa-p256-sha2-256")
SIGNATURE(ecdsa_512_case, "ecdsa-p256-sha2-512")
SIGNATURE(ecdsa_plain_case, "ecdsa-p256")
SIGNATURE(rsa_256_case, "rsa-sha2-256")
SIGNATURE(rsa_512_case, "rsa-sha2-512")
SIGNATURE(pss_case, "rsa-pss-sha2-256")

Test(wycheproof_ike, prf)
{
	run_file("hmac_sha256", sha256_case, "");
	run_file("hmac_sha384", sha384_case, "");
	run_file("hmac_sha512", sha512_case, "");
	run_file("aes_cmac", cmac_case, "with keys of other lengths than 128 bits");
}

Test(wycheproof_ike, p256)
{
	run_file("ecdh_secp256r1_ecpoint", ecpoint_case, "");
	run_file("ecdh_secp256r1", spki_case, "");
	printf("wycheproof ecdh_secp256r1: %u keys accepted\n", spki_accepted);
	cr_assert_eq(spki_accepted, 330);
}

Test(wycheproof_ike, signatures)
{
	run_file("ed25519", ed25519_case, "");
	run_file("ecdsa_secp256r1_sha256", ecdsa_256_case, "");
	run_file("ecdsa_secp256r1_sha512", ecdsa_512_case, "");
	run_file("ecdsa_secp256r1_sha256_p1363", ecdsa_plain_case, "");
}

Test(wycheproof_ike, rsa)
{
	run_file("rsa_signature_2048_sha256", rsa_256_case, "");
	run_file("rsa_signature_3072_sha256", rsa_256_case, "");
	run_file("rsa_signature_4096_sha256", rsa_256_case, "");
	run_file("rsa_signature_4096_sha512", rsa_512_case, "");
	run_file("rsa_pss_2048_sha256_mgf1_32", pss_case, "");
}

static const struct prf *prf_named(const json_t *test)
{
	static const struct {
		const char *name;
		uint16_t id;
	} names[] = {
		{"PRF_HMAC_SHA2_256", PRF_HMAC_SHA2_256},
		{"PRF_HMAC_SHA2_384", PRF_HMAC_SHA2_384},
		{"PRF_HMAC_SHA2_512", PRF_HMAC_SHA2_512},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(test, "prf", names[i].name))
			return prf_find(names[i].id);
	return NULL;
}

/* KDF_PRF: SKEYSEED = prf(Ni | Nr, g^ir), the nonces are "salt"; KDF_PRF_PLUS: prf+(key, salt). */
static void kdf_case(const json_t *test)
{
	static struct octets key, salt, want;
	static uint8_t out[CASE_MAX];
	const struct prf *prf = prf_named(test);
	struct slice part;
	int err;

	cr_assert_not_null(prf);
	field(test, "key", &key);
	field(test, "salt", &salt);
	field(test, "out", &want);
	if (is(test, "kdf", "KDF_PRF")) {
		part = slice_of(&key);
		err = prf_compute(prf, slice_of(&salt), &part, 1, out);
		cr_assert_eq(want.len, prf->len);
	} else {
		cr_assert(is(test, "kdf", "KDF_PRF_PLUS"));
		part = slice_of(&salt);
		err = prf_plus(&(struct prf_plus){prf, slice_of(&key), &part, 1}, out, want.len);
	}
	cr_assert_eq(err, 0);
	cr_assert(
		same(&want, out, want.len), "%s", json_string_value(json_object_get(test, "name")));
}

Test(wycheproof_ike, cavp_key_derivation)
{
	json_t *root = load_data("ikev2-kdf/ikev2_kdf_cavp");
	const json_t *tests = json_object_get(root, "tests");

	cr_assert_eq(crypto_init(), 0);
	for (size_t i = 0; i < json_array_size(tests); i++)
		kdf_case(json_array_get(tests, i));
	cr_assert_eq(json_array_size(tests), 13);
	json_decref(root);
}

/* Criterion's workers look main up by name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	return data_main(argc, argv, "DIETVPN_DATA_DIR",
		"wycheproof_ike: DIETVPN_DATA_DIR is not set: 4407 cases not run");
}
