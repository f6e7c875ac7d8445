/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: limits, wiping, comparison, and base64 by the numbers of RFC 4648 section 10. */
#include "crypto/secret.h"

#include "crypto_cases.h"

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(secret, .init = start);

Test(secret, init_again)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(crypto_init(), 0);
}

Test(secret, set_and_wipe)
{
	uint8_t data[SECRET_MAX + 1];
	struct secret s = {0};

	memset(data, 0x5a, sizeof(data));
	cr_assert_eq(secret_set(&s, data, SECRET_MAX), 0);
	cr_assert_eq(s.len, (size_t)SECRET_MAX);
	cr_assert_arr_eq(s.data, data, SECRET_MAX);
	cr_assert_eq(secret_set(&s, data, SECRET_MAX + 1), -EMSGSIZE);
	cr_assert_eq(s.len, (size_t)SECRET_MAX, "a refused value leaves the old one");
	cr_assert_eq(secret_set(&s, data, 5), 0);
	cr_assert_eq(s.len, 5);
	cr_assert(all_zero(s.data + 5, SECRET_MAX - 5), "the longer value is gone");
	cr_assert_eq(secret_set(&s, NULL, 0), 0);
	cr_assert_eq(s.len, 0);
	cr_assert_eq(secret_set(&s, data, 7), 0);
	secret_fini(&s);
	cr_assert(all_zero((const uint8_t *)&s, sizeof(s)));
	secret_wipe(data, sizeof(data));
	cr_assert(all_zero(data, sizeof(data)));
	secret_wipe(NULL, 0);
}

Test(secret, equal)
{
	struct secret a = {0}, b = {0};
	uint8_t data[32];

	cr_assert(secret_equal(&a, &b));
	secret_random(data, sizeof(data));
	secret_set(&a, data, sizeof(data));
	secret_set(&b, data, sizeof(data));
	cr_assert(secret_equal(&a, &b));
	for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(!secret_equal(&a, &b), "bit %zu", bit);
		cr_assert(!secret_equal_bytes(a.data, b.data, sizeof(data)), "bit %zu", bit);
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	b.len--;
	cr_assert(!secret_equal(&a, &b), "a prefix is not equal");
	cr_assert(secret_equal_bytes(data, data, 0));
}

Test(secret, random)
{
	uint8_t a[32] = {0}, b[32] = {0}, behind[4] = {0};

	secret_random(a, sizeof(a));
	secret_random(b, sizeof(b));
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
	secret_random(behind, 0);
	cr_assert(all_zero(behind, sizeof(behind)));
}

Test(secret, base64_rfc4648)
{
	static const char *const cases[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *plain = cases[i][0], *coded = cases[i][1];
		size_t n = strlen(plain), len = 99;
		char text[16], padded[32];
		uint8_t out[8];

		cr_assert_eq(SECRET_BASE64_LEN(n), strlen(coded) + 1);
		secret_to_base64(plain, n, text);
		cr_assert_str_eq(text, coded);
		cr_assert_eq(
			secret_from_base64(coded, strlen(coded), out, n, &len), 0, "%s", coded);
		cr_assert_eq(len, n);
		cr_assert_eq(memcmp(out, plain, n), 0);
		snprintf(padded, sizeof(padded), " \t%s\r\n", coded);
		len = 99;
		cr_assert_eq(secret_from_base64(padded, strlen(padded), out, 8, &len), 0);
		cr_assert_eq(len, n);
	}
}

Test(secret, base64_refused)
{
	static const char *const wrong[] = {"Z", "Zg", "Zg=", "Zg===", "=",
		"====", "Z===", "Zm9v=", "Zm 9v", "Zm9v Zm9v", "Zm9v\nZm9v", "Zm9-", "Zm9_", "Zm9.",
		"Zm==Zm==", "Zh==", "Zm9=", "Z\xc3\xa4==", "Zm9vZm9"};
	uint8_t out[16];
	size_t len = 77;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(out, 0xa5, sizeof(out));
		cr_assert_eq(secret_from_base64(wrong[i], strlen(wrong[i]), out, sizeof(out), &len),
			-EINVAL, "%s", wrong[i]);
		cr_assert_eq(len, 77, "%s", wrong[i]);
	}
	cr_assert_eq(secret_from_base64("Zm9v", 4, out, 2, &len), -EMSGSIZE);
	cr_assert_eq(secret_from_base64("Zm9vYg==", 8, out, 3, &len), -EMSGSIZE);
	cr_assert_eq(secret_from_base64("Zm9v\0m9v", 8, out, sizeof(out), &len), -EINVAL);
	cr_assert_eq(len, 77);
}

Test(secret, base64_every_length)
{
	uint8_t data[200], out[200];
	char text[SECRET_BASE64_LEN(200)];
	size_t len;

	secret_random(data, sizeof(data));
	for (size_t n = 0; n <= sizeof(data); n++) {
		secret_to_base64(data, n, text);
		cr_assert_eq(strlen(text) + 1, SECRET_BASE64_LEN(n));
		cr_assert_eq(secret_from_base64(text, strlen(text), out, n, &len), 0);
		cr_assert_eq(len, n);
		cr_assert_eq(memcmp(out, data, n), 0);
	}
}
