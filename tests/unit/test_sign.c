/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and their keys by RFC 8032, 8410, 7427, 4754, and keys and signatures of OpenSSL's
 * command. */
#include "crypto/secret.h"
#include "crypto/sign.h"

#include "crypto_cases.h"

static json_t *root;

static void start(void)
{
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	char path[512];

	cr_assert_eq(crypto_init(), 0);
	snprintf(path, sizeof(path), "%s/tests/vectors/sign-openssl.json", dir ? dir : ".");
	root = json_load_file(path, 0, NULL);
	cr_assert_not_null(root, "%s", path);
}

static void stop(void)
{
	json_decref(root);
}

TestSuite(sign, .init = start, .fini = stop);

static struct slice text_slice(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}

static const char *string(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	cr_assert_not_null(s, "%s", name);
	return s;
}

static int expected(const json_t *key)
{
	static const struct {
		const char *name;
		int err;
	} names[] = {{"0", 0}, {"EINVAL", -EINVAL}, {"ERANGE", -ERANGE}, {"ENOTSUP", -ENOTSUP},
		{"EACCES", -EACCES}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(key, "expect", names[i].name))
			return names[i].err;
	cr_assert_fail("\"expect\" of a key");
	return 0;
}

static struct sign_private *private_named(const char *name)
{
	const json_t *key = json_object_get(json_object_get(root, "private"), name);
	struct sign_private *out = NULL;

	cr_assert_eq(sign_private_from_text(text_slice(string(key, "pem")), &out), 0, "%s", name);
	return out;
}

static struct sign_public public_named(const char *name)
{
	const json_t *key = json_object_get(json_object_get(root, "public"), name);
	struct sign_public out;

	cr_assert_eq(sign_public_from_text(text_slice(string(key, "pem")), &out), 0, "%s", name);
	return out;
}

static struct slice value_of(const struct sign_value *value)
{
	return (struct slice){value->data, value->len};
}

/* Keys that OpenSSL wrote: what is accepted is written back as it was, fingerprint included. */
Test(sign, public_keys_of_openssl)
{
	static struct octets spki, fingerprint;
	char base64[SECRET_BASE64_LEN(SIGN_SPKI_MAX)];
	const char *name;
	json_t *value;
	int n = 0;

	json_object_foreach(json_object_get(root, "public"), name, value)
	{
		uint8_t got[SIGN_FINGERPRINT_LEN];
		struct sign_public key;
		struct sign_public again;
		int err = sign_public_from_text(text_slice(string(value, "pem")), &key);

		cr_assert_eq(err, expected(value), "%s: %d", name, err);
		cr_assert(*sign_key_error(err ? err : -ENOMEM) != '\0');
		if (err != 0)
			continue;
		field(value, "spki", &spki);
		field(value, "sha256", &fingerprint);
		cr_assert(same(&spki, key.spki, key.spki_len), "%s", name);
		sign_public_fingerprint(&key, got);
		cr_assert(same(&fingerprint, got, sizeof(got)), "%s", name);
		secret_to_base64(key.spki, key.spki_len, base64);
		cr_assert_eq(sign_public_from_text(text_slice(base64), &again), 0, "%s", name);
		cr_assert(sign_public_equal(&key, &again));
		again.spki[again.spki_len - 1] ^= 1;
		cr_assert_not(sign_public_equal(&key, &again));
		n++;
	}
	cr_assert_eq(n, 3);
}

/* The public half of each private key is the one that OpenSSL made of it. */
Test(sign, private_keys_of_openssl)
{
	const char *name;
	json_t *value;
	int n = 0;

	json_object_foreach(json_object_get(root, "private"), name, value)
	{
		struct sign_private *key = NULL;
		int err = sign_private_from_text(text_slice(string(value, "pem")), &key);
		char base[16] = "";
		struct sign_public want;

		cr_assert_eq(err, expected(value), "%s: %d", name, err);
		cr_assert_eq(key == NULL, err != 0, "%s", name);
		if (err != 0)
			continue;
		sscanf(name, "%15[^-]", base);
		want = public_named(base);
		cr_assert(sign_public_equal(sign_private_public(key), &want), "%s", name);
		sign_private_destroy(key);
		n++;
	}
	cr_assert_eq(n, 5);
}

/* What OpenSSL signed verifies; where signing is deterministic, the octets are the same. */
Test(sign, signatures_of_openssl)
{
	struct slice text = text_slice(string(root, "text"));
	static struct octets sig;
	const char *name;
	json_t *value;
	int n = 0;

	json_object_foreach(json_object_get(root, "signatures"), name, value)
	{
		const struct sign_alg *alg = sign_by_name(name);
		struct sign_public key = public_named(string(value, "key"));
		struct sign_private *private_key = private_named(string(value, "key"));
		struct sign_value made;

		cr_assert_not_null(alg, "%s", name);
		field(value, "hex", &sig);
		cr_assert_eq(sign_verify(&key, alg, text, slice_of(&sig)), 0, "%s", name);
		if (json_is_true(json_object_get(value, "again"))) {
			cr_assert_eq(sign_make(private_key, alg, text, &made), 0, "%s", name);
			cr_assert(same(&sig, made.data, made.len), "%s", name);
		}
		sign_private_destroy(private_key);
		n++;
	}
	cr_assert_eq(n, 11);
}

/* A bit of the text, of the signature or its length, another key or algorithm: not authentic. */
static void must_refuse(const struct sign_public *key, const struct sign_alg *alg,
	struct slice text, struct sign_value value)
{
	static const uint8_t other[] = "other octets";
	struct slice good = value_of(&value);

	cr_assert_eq(sign_verify(key, alg, text, good), 0, "%s", alg->name);
	cr_assert_eq(sign_verify(key, alg, (struct slice){other, sizeof(other)}, good), -EBADMSG);
	cr_assert_eq(sign_verify(key, alg, (struct slice){NULL, 0}, good), -EBADMSG);
	cr_assert_eq(sign_verify(key, alg, text, (struct slice){NULL, 0}), -EBADMSG);
	cr_assert_eq(
		sign_verify(key, alg, text, (struct slice){good.data, good.len - 1}), -EBADMSG);
	cr_assert_eq(
		sign_verify(key, alg, text, (struct slice){good.data, good.len + 1}), -EBADMSG);
	for (size_t i = 0; i < value.len; i++) {
		value.data[i] ^= (uint8_t)(1 << i % 8);
		cr_assert_eq(sign_verify(key, alg, text, good), -EBADMSG, "%s %zu", alg->name, i);
		value.data[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; sign_at(i) != NULL; i++)
		if (sign_at(i) != alg)
			cr_assert_neq(sign_verify(key, sign_at(i), text, good), 0, "%s as %s",
				alg->name, sign_at(i)->name);
}

Test(sign, made_and_verified)
{
	static const char *const names[] = {"ed25519", "rsa2048", "p256"};
	struct slice text = text_slice("octets of an initiator");
	unsigned made = 0;

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		struct sign_private *key = private_named(names[k]);
		const struct sign_public *public_key = sign_private_public(key);

		for (size_t i = 0; sign_at(i) != NULL; i++) {
			const struct sign_alg *alg = sign_at(i);
			struct sign_value value;
			int err = sign_make(key, alg, text, &value);

			if (alg->type != public_key->type || alg->verify_only) {
				cr_assert_eq(err, -EINVAL, "%s", alg->name);
				continue;
			}
			cr_assert_eq(err, 0, "%s", alg->name);
			must_refuse(public_key, alg, text, value);
			made++;
		}
		sign_private_destroy(key);
	}
	cr_assert_eq(made, 11);
}

/* RFC 8032 7.1, tests 1 to 3. */
Test(sign, rfc8032)
{
	static const struct {
		const char *seed, *public_key, *text, *sig;
	} cases[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
			"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	};
	static struct octets seed, public_key, text, sig;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char base64[SECRET_BASE64_LEN(SIGN_ED25519_LEN) + 1];
		struct sign_private *key = NULL;
		struct sign_public want;
		struct sign_value made;

		unhex(cases[i].seed, &seed);
		unhex(cases[i].public_key, &public_key);
		unhex(cases[i].text, &text);
		unhex(cases[i].sig, &sig);
		cr_assert_eq(sign_public_from_ed25519(public_key.data, &want), 0);
		/* As the key file of the project has it. */
		secret_to_base64(seed.data, seed.len, base64);
		strcat(base64, "\n");
		cr_assert_eq(sign_private_from_text(text_slice(base64), &key), 0);
		cr_assert(sign_public_equal(sign_private_public(key), &want));
		cr_assert_eq(sign_make(key, sign_by_name("ed25519"), slice_of(&text), &made), 0);
		cr_assert(same(&sig, made.data, made.len), "test %zu", i + 1);
		cr_assert_eq(sign_verify(&want, sign_by_name("ed25519"), slice_of(&text),
				     slice_of(&sig)),
			0);
		sign_private_destroy(key);
		secret_to_base64(public_key.data, public_key.len, base64);
		cr_assert_eq(sign_public_from_text(text_slice(base64), &want), 0);
	}
}

/* RFC 8410 10.1 and 10.3: one key in three forms. */
Test(sign, rfc8410)
{
	static const char public_pem[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
		"-----END PUBLIC KEY-----\n";
	static const char *const private_pems[] = {
		"-----BEGIN PRIVATE KEY-----\r\n"
		"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\r\n"
		"-----END PRIVATE KEY-----\r\n",
		"lines before are no part of it\n"
		"-----BEGIN PRIVATE KEY-----\n"
		"MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
		"oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n"
		"Z9w7lshQhqowtrbLDFw4rXAxZuE=\n"
		"-----END PRIVATE KEY-----\n",
	};
	struct sign_public want;

	cr_assert_eq(sign_public_from_text(text_slice(public_pem), &want), 0);
	cr_assert_str_eq(sign_key_type_name(want.type), "ed25519");
	for (size_t i = 0; i < 2; i++) {
		struct sign_private *key = NULL;

		cr_assert_eq(sign_private_from_text(text_slice(private_pems[i]), &key), 0);
		cr_assert(sign_public_equal(sign_private_public(key), &want), "form %zu", i);
		sign_private_destroy(key);
	}
}

/* RFC 4754 8.1: method 9. */
Test(sign, rfc4754)
{
	static struct octets point, sig;
	struct sign_public key;
	const struct sign_alg *alg = sign_find(SIGN_METHOD_ECDSA_P256, (struct slice){NULL, 0});

	unhex("2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970"
	      "6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D",
		&point);
	unhex("CB28E0999B9C7715FD0A80D8E47A77079716CBBF917DD72E97566EA1C066957C"
	      "86FA3BB4E26CAD5BF90B7F81899256CE7594BB1EA0C89212748BFF3B3D5B0315",
		&sig);
	cr_assert_eq(sign_public_from_p256(point.data, &key), 0);
	cr_assert_eq(sign_verify(&key, alg, text_slice("abc"), slice_of(&sig)), 0);
	cr_assert_eq(sign_verify(&key, alg, text_slice("abd"), slice_of(&sig)), -EBADMSG);
	point.data[63] ^= 1;
	cr_assert_eq(sign_public_from_p256(point.data, &key), -EINVAL);
}

/* RFC 7427 appendix A, RFC 8420; what uses SHA-1 or is not ours is unknown. */
Test(sign, algorithm_identifiers)
{
	static const struct {
		const char *name, *hex;
	} known[] = {
		{"ed25519", "300506032b6570"},
		{"rsa-sha2-256", "300d06092a864886f70d01010b0500"},
		{"rsa-sha2-384", "300d06092a864886f70d01010c0500"},
		{"rsa-sha2-512", "300d06092a864886f70d01010d0500"},
		{"ecdsa-p256-sha2-256", "300a06082a8648ce3d040302"},
		{"ecdsa-p256-sha2-384", "300a06082a8648ce3d040303"},
		{"ecdsa-p256-sha2-512", "300a06082a8648ce3d040304"},
		{"rsa-pss-sha2-256",
			"304606092a864886f70d01010a3039a00f300d06096086480165030402010500"
			"a11c301a06092a864886f70d010108300d06096086480165030402010500"
			"a203020120a303020101"},
		/* As OpenSSL writes them into certificates. */
		{"rsa-pss-sha2-256",
			"304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
			"a11c301a06092a864886f70d010108300d06096086480165030402010500"
			"a203020120"},
		{"rsa-pss-sha2-384",
			"304106092a864886f70d01010a3034a00f300d06096086480165030402020500"
			"a11c301a06092a864886f70d010108300d06096086480165030402020500"
			"a203020130"},
		{"rsa-pss-sha2-512",
			"304106092a864886f70d01010a3034a00f300d06096086480165030402030500"
			"a11c301a06092a864886f70d010108300d06096086480165030402030500"
			"a203020140"},
	};
	static const char *const unknown[] = {"", "30", "3000", "300d06092a864886f70d0101050500",
		"300b06092a864886f70d01010b", "300906072a8648ce380403", "300906072a8648ce3d0401",
		"300d06092a864886f70d01010a3000",
		"303e06092a864886f70d01010a3031a00b300906052b0e03021a0500a118301606092a864886f70d01"
		"0"
		"108300906052b0e03021a0500a203020114a303020101",
		"300506032b6571"};
	static struct octets id;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		unhex(known[i].hex, &id);
		cr_assert_eq(sign_find(SIGN_METHOD_DIGITAL, slice_of(&id)),
			sign_by_name(known[i].name), "%s", known[i].hex);
		cr_assert_not_null(sign_by_name(known[i].name));
		for (size_t len = 0; len < id.len; len++)
			cr_assert_null(
				sign_find(SIGN_METHOD_DIGITAL, (struct slice){id.data, len}));
		cr_assert_null(sign_find(SIGN_METHOD_RSA, slice_of(&id)));
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		unhex(unknown[i], &id);
		cr_assert_null(sign_find(SIGN_METHOD_DIGITAL, slice_of(&id)), "%s", unknown[i]);
	}
	cr_assert_str_eq(sign_find(SIGN_METHOD_RSA, (struct slice){NULL, 0})->name, "rsa-sha1");
	cr_assert_null(sign_find(2, (struct slice){NULL, 0}));
	cr_assert_null(sign_find(10, (struct slice){NULL, 0}));
}

static const char *chosen(enum sign_key_type type, uint32_t hashes)
{
	const struct sign_alg *alg = sign_choose(type, hashes);

	return alg ? alg->name : "none";
}

/* RFC 7427 section 4 and RFC 8420 section 2: only what the peer listed. */
Test(sign, choice)
{
	cr_assert_str_eq(chosen(SIGN_ED25519, 1 << SIGN_HASH_IDENTITY), "ed25519");
	cr_assert_str_eq(chosen(SIGN_ED25519, 1 << SIGN_HASH_SHA2_256), "none");
	cr_assert_str_eq(chosen(SIGN_ED25519, 0), "none");
	cr_assert_str_eq(chosen(SIGN_RSA, 0x3c), "rsa-sha2-256");
	cr_assert_str_eq(chosen(SIGN_RSA, 1 << SIGN_HASH_SHA2_512), "rsa-sha2-512");
	cr_assert_str_eq(chosen(SIGN_RSA, 1 << SIGN_HASH_SHA1), "none");
	cr_assert_str_eq(chosen(SIGN_RSA, 0), "none");
	cr_assert_str_eq(chosen(SIGN_ECDSA_P256, 0x1c), "ecdsa-p256-sha2-256");
	cr_assert_str_eq(chosen(SIGN_ECDSA_P256, 1 << SIGN_HASH_SHA2_384), "ecdsa-p256-sha2-384");
	cr_assert_str_eq(chosen(SIGN_ECDSA_P256, 0), "ecdsa-p256");
	cr_assert_eq(sign_hashes(SIGN_ED25519), 1 << SIGN_HASH_IDENTITY);
	cr_assert_eq(sign_hashes(SIGN_RSA), 0x1c);
	cr_assert_eq(sign_hashes(SIGN_ECDSA_P256), 0x1c);
}

/* Sizes and exponents at their edges; only the numbers' form is looked at here. */
Test(sign, rsa_limits)
{
	static const struct {
		size_t bits, e_len;
		uint8_t e_first, e_last, n_last;
		int err;
	} cases[] = {
		{2048, 1, 3, 3, 1, 0},
		{4096, 4, 0xff, 1, 1, 0},
		{2047, 1, 3, 3, 1, -ERANGE},
		{1024, 1, 3, 3, 1, -ERANGE},
		{4097, 1, 3, 3, 1, -ERANGE},
		{2048, 5, 1, 1, 1, -ERANGE},
		{2048, 1, 1, 1, 1, -EINVAL},
		{2048, 0, 0, 0, 1, -EINVAL},
		{2048, 2, 1, 0, 1, -EINVAL},
		{2048, 1, 3, 3, 2, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t n[513] = {0}, e[5] = {0};
		size_t n_len = (cases[i].bits + 7) / 8;
		struct sign_public key;
		struct sign_public again;
		int err;

		n[0] = (uint8_t)(1 << (cases[i].bits - 1) % 8);
		n[n_len - 1] |= cases[i].n_last;
		e[0] = cases[i].e_first;
		if (cases[i].e_len != 0)
			e[cases[i].e_len - 1] = cases[i].e_last;
		err = sign_public_from_rsa(
			(struct slice){n, n_len}, (struct slice){e, cases[i].e_len}, &key);
		cr_assert_eq(err, cases[i].err, "case %zu: %d", i, err);
		if (err != 0)
			continue;
		cr_assert_eq(
			sign_public_from_spki((struct slice){key.spki, key.spki_len}, &again), 0);
		cr_assert(sign_public_equal(&key, &again));
	}
}

/* Cut anywhere, with octets behind, or with any one octet of the frame changed: never accepted as
 * another encoding of the same key. */
Test(sign, damaged_keys)
{
	static const char *const names[] = {"ed25519", "rsa2048", "p256"};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		struct sign_public key = public_named(names[k]);
		struct sign_public out;
		struct slice der = {key.spki, key.spki_len};
		uint8_t copy[SIGN_SPKI_MAX + 1];

		memcpy(copy, key.spki, sizeof(key.spki));
		for (size_t len = 0; len < der.len; len++)
			cr_assert_eq(
				sign_public_from_spki((struct slice){copy, len}, &out), -EINVAL);
		cr_assert_eq(
			sign_public_from_spki((struct slice){copy, der.len + 1}, &out), -EINVAL);
		for (size_t i = 0; i < der.len; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				copy[i] ^= (uint8_t)(1 << bit);
				if (sign_public_from_spki((struct slice){copy, der.len}, &out) == 0)
					cr_assert(der.len == out.spki_len &&
						  memcmp(copy, out.spki, der.len) == 0);
				copy[i] ^= (uint8_t)(1 << bit);
			}
	}
}

/* RSA keys in BER: a number with a zero octet too many, a third number, octets behind. */
Test(sign, rsa_in_another_encoding)
{
	struct sign_public key = public_named("rsa2048");
	struct slice bits = sign_public_bits(&key);
	uint8_t spki[SIGN_SPKI_MAX];
	struct sign_public out;
	/* 30 82 LL LL | 30 0d .. (15) | 03 82 LL LL 00 | 30 82 LL LL | 02 82 LL LL n | 02 03 e */
	size_t head = (size_t)(bits.data - key.spki);
	struct {
		size_t at, len;
		uint8_t octets[4];
	} inserted[] = {
		{head + 8, 1, {0}},
		{key.spki_len, 3, {2, 1, 1}},
		{key.spki_len, 2, {5, 0}},
	};

	cr_assert_eq(head, 24);
	for (size_t i = 0; i < sizeof(inserted) / sizeof(inserted[0]); i++) {
		static const size_t lengths[] = {2, 21, 26, 30};
		size_t at = inserted[i].at;
		size_t n = inserted[i].len;

		memcpy(spki, key.spki, at);
		memcpy(spki + at, inserted[i].octets, n);
		memcpy(spki + at + n, key.spki + at, key.spki_len - at);
		/* The frames around, and the number's own where it has grown. */
		for (size_t k = 0; k < (at < key.spki_len ? 4u : 3u); k++)
			spki[lengths[k] + 1] = (uint8_t)(spki[lengths[k] + 1] + n);
		cr_assert_eq(sign_public_from_spki((struct slice){spki, key.spki_len + n}, &out),
			-EINVAL, "case %zu", i);
	}
}

/* No point of the curve, points of small order, and y not below the prime. */
Test(sign, ed25519_keys_that_are_none)
{
	static const char *const keys[] = {
		"0200000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	static struct octets key;
	struct sign_public out;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char base64[SECRET_BASE64_LEN(SIGN_ED25519_LEN)];

		unhex(keys[i], &key);
		cr_assert_eq(sign_public_from_ed25519(key.data, &out), -EINVAL, "%s", keys[i]);
		secret_to_base64(key.data, key.len, base64);
		cr_assert_eq(sign_public_from_text(text_slice(base64), &out), -EINVAL);
	}
}

Test(sign, texts_that_are_no_keys)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", -EINVAL},
		{"\n", -EINVAL},
		{"not a key", -EINVAL},
		{"AAAA", -EINVAL},
		{"-----BEGIN PRIVATE KEY-----\n", -EINVAL},
		{"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", -EINVAL},
		{"-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----\n", -EINVAL},
		{"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", -ENOKEY},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n",
			-ENOKEY},
	};
	static char large[SIGN_TEXT_MAX + 2];
	struct sign_private *key = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = sign_private_from_text(text_slice(cases[i].text), &key);

		cr_assert_eq(err, cases[i].err, "\"%s\": %d", cases[i].text, err);
		cr_assert_null(key);
	}
	memset(large, 'A', SIGN_TEXT_MAX + 1);
	cr_assert_eq(sign_private_from_text(text_slice(large), &key), -EMSGSIZE);
	sign_private_destroy(NULL);
}

/* A file whose private and public number do not belong together, made of two good ones. */
Test(sign, halves_that_do_not_fit)
{
	struct sign_private *key = NULL;
	static const char mixed[] =
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MHcCAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABoAoGCCqGSM49\n"
		"AwEHoUQDQgAEJEKlzA7NAV+jyjHcjiu8cL9C1gy8ogCF4IIssEI16XBvyYvX5QIR\n"
		"pKJxAvo1Sd9568tL8ka4CUXN3+fVCbv9fQ==\n"
		"-----END EC PRIVATE KEY-----\n";

	cr_assert_eq(sign_private_from_text(text_slice(mixed), &key), -EKEYREJECTED);
	cr_assert_null(key);
}

/* One bit of the modulus: the numbers are well-formed, what they sign does not verify. */
Test(sign, rsa_numbers_that_do_not_fit)
{
	static const char begin[] = "-----BEGIN PRIVATE KEY-----\n";
	static const char end[] = "-----END PRIVATE KEY-----\n";
	const json_t *file = json_object_get(json_object_get(root, "private"), "rsa2048");
	char text[4096];
	char pem[4096];
	uint8_t der[2048];
	size_t len = 0;
	size_t n = 0;
	struct sign_private *key = NULL;

	for (const char *p = string(file, "pem") + strlen(begin); *p != '-'; p++)
		if (*p != '\n')
			text[n++] = *p;
	cr_assert_eq(secret_from_base64(text, n, der, sizeof(der), &len), 0);
	der[100] ^= 0x10;
	secret_to_base64(der, len, text);
	snprintf(pem, sizeof(pem), "%s%.3000s\n%s", begin, text, end);
	cr_assert_eq(sign_private_from_text(text_slice(pem), &key), -EKEYREJECTED);
	cr_assert_null(key);
	der[100] ^= 0x10;
	secret_to_base64(der, len, text);
	snprintf(pem, sizeof(pem), "%s%.3000s\n%s", begin, text, end);
	cr_assert_eq(sign_private_from_text(text_slice(pem), &key), 0);
	sign_private_destroy(key);
}
