/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/ikev2/settings_identity.c: identities as text and back, those of strangers first. */
#include "ikev2/settings.h"

#include <criterion/criterion.h>

#include <string.h>

/* What a stranger calls itself becomes the name of a peer, of a row and of a line in the log: one
 * text for one identity, and only characters that all of them can hold. */
Test(ikev2_identity, names_of_strangers)
{
	static const struct {
		uint8_t type;
		const char *data, *text;
	} cases[] = {{2, "sensor-07", "sensor-07"}, {3, "sensor@home", "sensor@home"},
		{11, "\x01\xab", "0x01ab"}, {2, "sensor@home", NULL}, {3, "sensor-07", NULL},
		{2, "0x01ab", NULL}, {2, "", NULL}, {2, "a b", NULL}, {2, "a/b", NULL},
		{2, "a\nb", NULL}, {2, "sensor-*", NULL}, {2, "\xc3\xa4", NULL}, {5, "::1", NULL},
		{2, "a-name-of-forty-one-characters-is-too-long", NULL}};
	struct identity id;
	char text[PEER_NAME_MAX];
	uint32_t seed = 1;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].data);
		uint8_t body[64] = {cases[i].type};

		memcpy(body + 4, cases[i].data, len);
		cr_assert_eq(settings_identity_text((struct slice){body, 4 + len}, text),
			cases[i].text != NULL, "%s", cases[i].data);
		if (cases[i].text)
			cr_assert_str_eq(text, cases[i].text);
	}
	for (int round = 0; round < 100000; round++) {
		uint8_t body[48] = {0};
		size_t len = 4 + (seed >> 8) % 44;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			body[i] = (uint8_t)(i < 4 ? 0 : "abz09-._@:+0x*/ \n"[seed >> 24 & 15]);
		}
		body[0] = (uint8_t)("\x02\x03\x0b\x05"[seed >> 20 & 3]);
		if (!settings_identity_text((struct slice){body, len}, text))
			continue;
		cr_assert(settings_identity(text, &id));
		cr_assert(id.len == len && !memcmp(id.body, body, len));
		for (const char *c = text; *c; c++)
			cr_assert(*c > ' ' && *c <= '~' && !strchr("\"'[]/#;*", *c));
	}
}
