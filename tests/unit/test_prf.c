/* SPDX-License-Identifier: Apache-2.0 */
/* IKE's PRFs by the numbers of RFC 4231 and RFC 4615, prf+ by what RFC 7296 2.13 says of it. */
#include "crypto/prf.h"
#include "crypto/secret.h"

#include "crypto_cases.h"

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(prf, .init = start);

/* RFC 4231 4.2 to 4.8 without the truncated case; RFC 4868 2.7.1 repeats them as PRFs. */
static const struct {
	const char *key, *data, *mac[3]; /* SHA-256, SHA-384, SHA-512 */
} rfc4231[] = {
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		{"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
			"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
			"faea9ea9076ede7f4af152e8b2fa9cb6",
			"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
			"daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"}},
	{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		{"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
			"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
			"8e2240ca5e69e2c78b3239ecfab21649",
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"dddddddddddddddddddddddddddddddddddd",
		{"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
			"88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
			"2a5ab39dc13814b94e3ab6e101a34f27",
			"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
			"bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"}},
	{"0102030405060708090a0b0c0d0e0f10111213141516171819",
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		{"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
			"3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
			"6801dd23c4a7d679ccf8a386c674cffb",
			"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
			"a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"}},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaa",
		"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
		"65204b6579202d2048617368204b6579204669727374",
		{"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
			"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
			"0c2ef6ab4030fe8296248df163f44952",
			"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
			"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"}},
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
		{"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
			"6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
			"a678cc31e799176d3860e6110c46523e",
			"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
			"b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"}},
};

/* In one piece, and in as many as there are octets, with empty ones between. */
static void must_be(
	const struct prf *prf, const char *key_hex, const char *data_hex, const char *mac)
{
	static struct octets key, data, want;
	static struct slice parts[2 * CASE_MAX];
	uint8_t out[PRF_LEN_MAX];
	struct slice whole;

	unhex(key_hex, &key);
	unhex(data_hex, &data);
	unhex(mac, &want);
	whole = slice_of(&data);
	memset(parts, 0, sizeof(parts));
	for (size_t i = 0; i < data.len; i++)
		parts[2 * i] = (struct slice){data.data + i, 1};
	cr_assert_eq(prf_compute(prf, slice_of(&key), &whole, 1, out), 0);
	cr_assert(same(&want, out, prf->len), "%s %s", prf->name, mac);
	memset(out, 0, sizeof(out));
	cr_assert_eq(prf_compute(prf, slice_of(&key), parts, 2 * data.len, out), 0);
	cr_assert(same(&want, out, prf->len), "%s %s in pieces", prf->name, mac);
}

Test(prf, rfc4231)
{
	for (size_t i = 0; i < sizeof(rfc4231) / sizeof(rfc4231[0]); i++)
		for (uint16_t id = PRF_HMAC_SHA2_256; id <= PRF_HMAC_SHA2_512; id++)
			must_be(prf_find(id), rfc4231[i].key, rfc4231[i].data,
				rfc4231[i].mac[id - PRF_HMAC_SHA2_256]);
}

Test(prf, rfc4615)
{
	static const char data[] = "000102030405060708090a0b0c0d0e0f10111213";
	const struct prf *prf = prf_find(PRF_AES128_CMAC);

	must_be(prf, "000102030405060708090a0b0c0d0e0fedcb", data,
		"84a348a4a45d235babfffc0d2b4da09a");
	must_be(prf, "000102030405060708090a0b0c0d0e0f", data, "980ae87b5f4c9c5214f5b6a8455e4c2d");
	must_be(prf, "00010203040506070809", data, "290d9e112edb09ee141fcf64c0b72f3d");
}

Test(prf, table)
{
	size_t n = 0;

	for (const struct prf *prf; (prf = prf_at(n)) != NULL; n++) {
		cr_assert_eq(prf_find(prf->id), prf);
		cr_assert_eq(prf_by_name(prf->name), prf);
		cr_assert_leq(prf->len, PRF_LEN_MAX);
	}
	cr_assert_eq(n, 4);
	cr_assert_null(prf_find(2));
	cr_assert_null(prf_by_name("hmac-sha1"));
	cr_assert_eq(prf_find(PRF_HMAC_SHA2_384)->len, 48);
	cr_assert_eq(prf_find(PRF_AES128_CMAC)->nonce_len, 8);
}

/* The definition, block by block: T1 = prf(K, S | 01), Tn = prf(K, Tn-1 | S | n). */
static void check_blocks(const struct prf *prf, const struct prf_plus *in, const uint8_t *out)
{
	uint8_t t[PRF_LEN_MAX];
	struct slice parts[4] = {{t, 0}, in->parts[0], in->parts[1], {NULL, 1}};

	for (unsigned i = 1; i <= PRF_PLUS_BLOCKS; i++) {
		uint8_t counter = (uint8_t)i;

		parts[3].data = &counter;
		cr_assert_eq(prf_compute(prf, in->key, parts, 4, t), 0);
		cr_assert_arr_eq(
			out + (i - 1) * prf->len, t, prf->len, "%s block %u", prf->name, i);
		parts[0].len = prf->len;
	}
}

Test(prf, plus_up_to_its_end)
{
	static uint8_t longest[PRF_PLUS_BLOCKS * PRF_LEN_MAX], out[sizeof(longest) + 1];
	static const uint8_t key[] = {1, 2, 3, 4, 5}, a[] = {6, 7, 8}, b[] = {9};
	struct slice parts[] = {{a, sizeof(a)}, {b, sizeof(b)}};
	const struct prf *prf;

	for (size_t i = 0; (prf = prf_at(i)) != NULL; i++) {
		struct prf_plus in = {prf, {key, sizeof(key)}, parts, 2};
		size_t end = (size_t)prf->len * PRF_PLUS_BLOCKS;

		cr_assert_eq(prf_plus(&in, longest, end), 0);
		check_blocks(prf, &in, longest);
		for (size_t len = 0; len <= end; len += len < 200 ? 1 : 997) {
			memset(out, 0, sizeof(out));
			cr_assert_eq(prf_plus(&in, out, len), 0);
			cr_assert_eq(memcmp(out, longest, len), 0, "%s %zu", prf->name, len);
			cr_assert(all_zero(out + len, sizeof(out) - len), "%s %zu", prf->name, len);
		}
		memset(out, 0xa5, sizeof(out));
		cr_assert_eq(prf_plus(&in, out, end + 1), -EMSGSIZE);
		cr_assert(all_zero(out, end + 1), "%s", prf->name);
	}
}

/* A PSK may be empty, a part may be out itself. */
Test(prf, edges)
{
	const struct prf *prf;

	for (size_t i = 0; (prf = prf_at(i)) != NULL; i++) {
		uint8_t a[PRF_LEN_MAX] = {1}, b[PRF_LEN_MAX];
		struct slice part = {a, prf->len};

		cr_assert_eq(prf_compute(prf, (struct slice){NULL, 0}, &part, 1, b), 0);
		cr_assert_eq(prf_compute(prf, (struct slice){NULL, 0}, &part, 1, a), 0);
		cr_assert_arr_eq(a, b, prf->len);
		cr_assert_eq(prf_compute(prf, part, NULL, 0, b), 0);
		cr_assert_eq(prf_compute(prf, part, &(struct slice){NULL, 0}, 1, a), 0);
		cr_assert_arr_eq(a, b, prf->len);
	}
}
