/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes by the numbers of FIPS 180, RFC 4231, RFC 5869, RFC 7693 and the SipHash paper. */
#include "crypto/hash.h"
#include "crypto/secret.h"

#include "crypto_cases.h"

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(hash, .init = start);

static struct slice text(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}

static void must_be(const char *hex, const uint8_t *got, size_t len, const char *what)
{
	static struct octets want;

	unhex(hex, &want);
	cr_assert(same(&want, got, len), "%s", what);
}

Test(hash, sha256)
{
	uint8_t out[HASH_SHA256_LEN];

	hash_sha256(text("abc"), out);
	must_be("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", out,
		sizeof(out), "abc");
	hash_sha256((struct slice){0}, out);
	must_be("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", out,
		sizeof(out), "nothing");
	hash_sha256(text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
	must_be("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", out,
		sizeof(out), "two blocks");
}

/* The examples of FIPS 180-1, and nothing at all. */
Test(hash, sha1)
{
	uint8_t out[HASH_SHA1_LEN];

	cr_assert_eq(hash_sha1(text("abc"), out), 0);
	must_be("a9993e364706816aba3e25717850c26c9cd0d89d", out, sizeof(out), "abc");
	cr_assert_eq(
		hash_sha1(text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out),
		0);
	must_be("84983e441c3bd26ebaae4aa1f95129e5e54670f1", out, sizeof(out), "two blocks");
	cr_assert_eq(hash_sha1((struct slice){0}, out), 0);
	must_be("da39a3ee5e6b4b0d3255bfef95601890afd80709", out, sizeof(out), "nothing");
}

/* RFC 4231 4.2 to 4.8 without the truncated case. */
Test(hash, hmac_sha256)
{
	static const struct {
		const char *key, *msg, *mac;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddd",
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819",
			"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
			"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
			"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaa",
			"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
			"65204b6579202d2048617368204b6579204669727374",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaa",
			"5468697320697320612074657374207573696e672061206c6172676572207468"
			"616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074"
			"68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565"
			"647320746f20626520686173686564206265666f7265206265696e6720757365"
			"642062792074686520484d414320616c676f726974686d2e",
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	static struct octets key, msg;
	uint8_t mac[HASH_SHA256_LEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unhex(cases[i].key, &key);
		unhex(cases[i].msg, &msg);
		hash_hmac_sha256(slice_of(&key), slice_of(&msg), mac);
		must_be(cases[i].mac, mac, sizeof(mac), cases[i].mac);
	}
}

/* RFC 5869 A.1 to A.3 */
Test(hash, hkdf_sha256)
{
	static const struct {
		const char *ikm, *salt, *info, *prk, *okm;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
			"f0f1f2f3f4f5f6f7f8f9",
			"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
			"34007208d5b887185865"},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		 "404142434445464748494a4b4c4d4e4f",
			"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
			"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
			"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
			"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
			"d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
			"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
			"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
			"59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
			"cc30c58179ec3e87c14c01d5c1f3434f1d87"},
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
			"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
			"9d201395faa4b61a96c8"},
	};
	static struct octets ikm, salt, info, okm;
	static uint8_t out[CASE_MAX];
	uint8_t prk[HASH_SHA256_LEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unhex(cases[i].ikm, &ikm);
		unhex(cases[i].salt, &salt);
		unhex(cases[i].info, &info);
		unhex(cases[i].okm, &okm);
		hash_hkdf_extract(slice_of(&salt), slice_of(&ikm), prk);
		must_be(cases[i].prk, prk, sizeof(prk), cases[i].prk);
		hash_hkdf_expand(prk, slice_of(&info), out, okm.len);
		must_be(cases[i].okm, out, okm.len, cases[i].okm);
	}
}

/* A shorter output is the beginning of a longer one, up to the last octet that RFC 5869 allows. */
Test(hash, hkdf_lengths)
{
	static uint8_t longest[8160], out[8160 + 1];
	const uint8_t prk[HASH_SHA256_LEN] = {1, 2, 3};

	hash_hkdf_expand(prk, text("info"), longest, sizeof(longest));
	cr_assert(!all_zero(longest + 8128, 32));
	for (size_t len = 0; len <= sizeof(longest); len += len < 100 ? 1 : 403) {
		memset(out, 0, sizeof(out));
		hash_hkdf_expand(prk, text("info"), out, len);
		cr_assert_eq(memcmp(out, longest, len), 0, "%zu", len);
		cr_assert(all_zero(out + len, sizeof(out) - len), "%zu", len);
	}
}

Test(hash, digest)
{
	uint8_t out[HASH_DIGEST_LEN];

	hash_digest((struct slice){0}, out);
	must_be("cae66941d9efbd404e4d88758ea67670", out, sizeof(out), "nothing");
	hash_digest(text("abc"), out);
	must_be("cf4ab791c62b8d2b2109c90275287816", out, sizeof(out), "abc");
}

/* The paper's appendix A: octets 0 to 14 under the key 0 to 15. */
Test(hash, short_hash)
{
	uint8_t key[HASH_SHORT_KEY_LEN], data[15];

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	memcpy(data, key, sizeof(data));
	cr_assert_eq(hash_short(key, data, sizeof(data)), 0xa129ca6149be45e5);
	key[0] ^= 1;
	cr_assert_neq(hash_short(key, data, sizeof(data)), 0xa129ca6149be45e5);
}

/* The reference implementation's numbers, key 00 01 .. 0f, data 00 01 .. of 0 and of 15 octets. */
Test(hash, short_mac)
{
	uint8_t octets[HASH_SHORT_KEY_LEN];
	uint8_t out[HASH_SHORT_MAC_LEN];

	for (uint8_t i = 0; i < sizeof(octets); i++)
		octets[i] = i;
	hash_short_mac(octets, (struct slice){octets, 0}, out);
	must_be("a3817f04ba25a8e66df67214c7550293", out, sizeof(out), "nothing");
	hash_short_mac(octets, (struct slice){octets, 15}, out);
	must_be("5493e99933b0a8117e08ec0f97cfc3d9", out, sizeof(out), "15 octets");
}
