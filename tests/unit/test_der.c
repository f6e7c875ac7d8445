/* SPDX-License-Identifier: Apache-2.0 */
/* What is DER and what is only BER (X.690 sections 8.1.3, 8.3.2, 10.1), and writing of the same. */
#include "crypto/der.h"

#include "crypto_cases.h"

/* Octets that follow are cut off by an exact copy, so that the sanitizer sees any read behind. */
static struct slice exact(const char *hex, uint8_t **copy)
{
	static struct octets in;

	unhex(hex, &in);
	*copy = malloc(in.len ? in.len : 1);
	memcpy(*copy, in.data, in.len);
	return (struct slice){*copy, in.len};
}

Test(der, lengths)
{
	static const struct {
		const char *hex;
		int err;
		size_t content, rest;
	} cases[] = {
		{"0400", 0, 0, 0},
		{"0401aa", 0, 1, 0},
		{"0401aabb", 0, 1, 1},
		{"", -EINVAL, 0, 0},
		{"04", -EINVAL, 0, 0},
		{"0300", -EINVAL, 0, 0},
		{"0401", -EINVAL, 0, 0},
		{"0402aa", -EINVAL, 0, 0},
		{"047f00", -EINVAL, 0, 0},
		{"0480", -EINVAL, 0, 0},
		{"04800000", -EINVAL, 0, 0},
		{"048100", -EINVAL, 0, 0},
		{"048101aa", -EINVAL, 0, 0},
		{"04820001aa", -EINVAL, 0, 0},
		{"0483000001aa", -EINVAL, 0, 0},
		{"0484ffffffff", -EINVAL, 0, 0},
		{"0488ffffffffffffffff", -EINVAL, 0, 0},
		{"04ff", -EINVAL, 0, 0},
		{"0481", -EINVAL, 0, 0},
		{"0482", -EINVAL, 0, 0},
		{"048201", -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy;
		struct slice in = exact(cases[i].hex, &copy);
		struct slice before = in;
		struct slice content = {NULL, 0};
		int err = der_take(&in, DER_OCTET_STRING, &content);

		cr_assert_eq(err, cases[i].err, "%s: %d", cases[i].hex, err);
		if (err == 0)
			cr_assert(content.len == cases[i].content && in.len == cases[i].rest, "%s",
				cases[i].hex);
		else
			cr_assert(
				in.data == before.data && in.len == before.len, "%s", cases[i].hex);
		free(copy);
	}
}

/* Every length up to three octets of it: one octet less is refused, and the writer writes it so. */
Test(der, long_lengths)
{
	static const size_t lens[] = {0, 1, 127, 128, 129, 255, 256, 257, 4000, 65535};
	static uint8_t out[70000];
	uint8_t *end = out + sizeof(out);

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct der_out der = {.start = out, .at = end - lens[i]};
		struct slice content;
		struct slice in;

		der_put_head(&der, DER_SEQUENCE, lens[i]);
		cr_assert_not(der.overrun);
		in = (struct slice){der.at, (size_t)(end - der.at) - 1};
		cr_assert_eq(der_take(&in, DER_SEQUENCE, &content), -EINVAL, "%zu", lens[i]);
		in.len++;
		cr_assert_eq(der_take(&in, DER_SEQUENCE, &content), 0, "%zu", lens[i]);
		cr_assert(content.len == lens[i] && in.len == 0, "%zu", lens[i]);
	}
}

Test(der, integers)
{
	static const struct {
		const char *hex, *value; /* NULL: refused */
	} cases[] = {
		{"020100", ""},
		{"020101", "01"},
		{"02017f", "7f"},
		{"02020080", "80"},
		{"020300ffff", "ffff"},
		{"02020100", "0100"},
		{"0200", NULL},
		{"020180", NULL},
		{"0202ff7f", NULL},
		{"02020001", NULL},
		{"0202007f", NULL},
		{"0203000080", NULL},
		{"020100ff", ""},
		{"030100", NULL},
	};
	static struct octets want;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy;
		struct slice in = exact(cases[i].hex, &copy);
		struct slice value;
		int err = der_take_unsigned(&in, &value);

		cr_assert_eq(err == 0, cases[i].value != NULL, "%s", cases[i].hex);
		if (err == 0) {
			unhex(cases[i].value, &want);
			cr_assert(same(&want, value.data, value.len), "%s", cases[i].hex);
		}
		free(copy);
	}
}

Test(der, bit_strings)
{
	static const struct {
		const char *hex;
		int err;
	} cases[] = {{"030100", 0}, {"030200aa", 0}, {"0300", -EINVAL}, {"030201aa", -EINVAL},
		{"030207aa", -EINVAL}, {"030280aa", -EINVAL}, {"040200aa", -EINVAL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy;
		struct slice in = exact(cases[i].hex, &copy);
		struct slice octets;

		cr_assert_eq(der_take_bits(&in, &octets), cases[i].err, "%s", cases[i].hex);
		free(copy);
	}
}

/* Written integers are read again as they were, without their leading zero octets; what does not
 * fit is remembered. */
Test(der, written)
{
	static const char *const values[] = {
		"", "00", "01", "0001", "7f", "80", "00000080", "ffff"};
	static struct octets in;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (size_t cap = 0; cap < 12; cap++) {
			uint8_t out[12];
			struct der_out der = {.start = out, .at = out + cap};
			struct slice got;
			struct slice value;
			size_t skip = 0;

			unhex(values[i], &in);
			der_put_unsigned(&der, slice_of(&in));
			while (skip < in.len && in.data[skip] == 0)
				skip++;
			if (der.overrun) {
				cr_assert_lt(cap, in.len - skip + 4);
				continue;
			}
			got = (struct slice){der.at, (size_t)(out + cap - der.at)};
			cr_assert_eq(der_take_unsigned(&got, &value), 0, "%s", values[i]);
			cr_assert(got.len == 0 && value.len == in.len - skip &&
				  memcmp(value.data, in.data + skip, value.len) == 0);
		}
}
