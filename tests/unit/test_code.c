/* SPDX-License-Identifier: Apache-2.0 */
/* The typed code: known answers of another program, and every error that it promises to find. */
#include "cli/code.h"

#include "crypto/secret.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/*
 * By a program of its own (Python; products by tables of logarithms to the base 2 over x^5 + x^2 +
 * 1, the two check characters c26 and c27 by trying all pairs until the sums of c[i] and of
 * c[i] * 2^i are both 0).
 */
static const struct {
	const char *code;
	uint8_t key[CODE_KEY_LEN];
} known[] = {
	{"ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZWYX",
		{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
	{"000G-40R4-0M30-E209-185G-R38E-1WYR",
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
	{"NPXD-A6R2-FF78-YRPJ-KTX0-214P-04VJ",
		{0xad, 0xba, 0xd5, 0x1b, 0x02, 0x7b, 0xce, 0x8f, 0x62, 0xd2, 0x9e, 0xba, 0x01, 0x04,
			0x96, 0x01}},
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

Test(code, known_answers)
{
	for (size_t i = 0; i < N_KNOWN; i++) {
		char text[CODE_TEXT], why[CODE_WHY];
		uint8_t key[CODE_KEY_LEN];

		code_print(known[i].key, text);
		cr_assert_str_eq(text, known[i].code);
		cr_assert_eq(code_parse(text, key, why), 0, "%s", why);
		cr_assert_eq(memcmp(key, known[i].key, sizeof key), 0);
	}
}

Test(code, as_people_type_it)
{
	static const char *const typed[] = {"000G40R40M30E209185GR38E1WYR",
		"ooog-4or4-om3o-e2o9-l85g-r38e-iwyr", " 000G 40R4 0M30\tE209 - 185G R38E 1WYR\n",
		"OOOG-4OR4-OM3O-E2O9-I85G-R38E-LWYR"};
	char why[CODE_WHY];
	uint8_t key[CODE_KEY_LEN];

	for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
		cr_assert_eq(code_parse(typed[i], key, why), 0, "%s: %s", typed[i], why);
		cr_assert_eq(memcmp(key, known[1].key, sizeof key), 0, "%s", typed[i]);
	}
}

static const uint8_t zero[CODE_KEY_LEN];

static void refused(const char *text, const char *expected)
{
	char why[CODE_WHY] = "";
	uint8_t key[CODE_KEY_LEN] = {1};

	cr_assert_eq(code_parse(text, key, why), -EINVAL, "\"%s\" is taken", text);
	cr_assert(strstr(why, expected), "\"%s\" (not: %s)", why, expected);
	cr_assert_eq(memcmp(key, zero, sizeof key), 0, "%s leaves a key behind", text);
}

Test(code, refuses_by_name)
{
	refused("", "here are 0");
	refused("ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZWY", "here are 27");
	refused("ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZWYX-Z", "here are 29");
	refused("ZZZZ-ZZZZ-UZZZ-ZZZZ-ZZZZ-ZZZZ-ZWYX", "group 3 has 'U'");
	refused("ZZZZ-ZZZZ-ZZZZ-ZZ#Z-ZZZZ-ZZZZ-ZWYX", "group 4 has '#'");
	refused("ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZWY\x7f", "group 7 has something");
	refused("0000-0000-0000-0000-0000-0000-0000", "no key");
	/* one of the spare bits set and the check made for it, by the same other program */
	refused("0000-0000-0000-0000-0000-0000-01KJ", "no key");
}

static void take(const char *code, char text[CODE_LEN + 1])
{
	size_t n = 0;

	for (; *code; code++)
		if (*code != '-')
			text[n++] = *code;
	text[n] = '\0';
}

/* Each of 28 characters in each of its 31 wrong forms; the group is the right one. */
Test(code, every_wrong_character)
{
	char text[CODE_LEN + 1], group[16];

	for (size_t k = 0; k < N_KNOWN; k++) {
		take(known[k].code, text);
		for (size_t i = 0; i < CODE_LEN; i++) {
			char right = text[i];

			snprintf(group, sizeof group, "in group %zu", i / CODE_GROUP + 1);
			for (const char *c = letters; *c; c++) {
				text[i] = *c;
				if (*c != right)
					refused(text, group);
			}
			text[i] = right;
		}
	}
}

/* Every two characters that differ change places: neighbours first of all. */
Test(code, every_swap)
{
	char text[CODE_LEN + 1];
	size_t swaps = 0;

	for (size_t k = 0; k < N_KNOWN; k++) {
		take(known[k].code, text);
		for (size_t i = 0; i < CODE_LEN; i++) {
			for (size_t j = i + 1; j < CODE_LEN; j++) {
				char a = text[i], b = text[j];

				text[i] = b;
				text[j] = a;
				if (a != b)
					refused(text, "changed places");
				swaps += a != b;
				text[i] = a;
				text[j] = b;
			}
		}
	}
	cr_assert_gt(swaps, 500);
}

/* Any two wrong characters: all forms of neighbours, and of one character with the others. */
Test(code, two_wrong_characters)
{
	char text[CODE_LEN + 1];

	take(known[2].code, text);
	for (size_t i = 0; i + 1 < CODE_LEN; i++) {
		char a = text[i], b = text[i + 1];

		for (const char *c = letters; *c; c++) {
			for (const char *d = letters; *d; d++) {
				text[i] = *c;
				text[i + 1] = *d;
				if (*c != a && *d != b)
					refused(text, "the check does not agree");
			}
		}
		text[i] = a;
		text[i + 1] = b;
	}
}
