/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/ikev2/payload_hcp.c: the payloads of diet-esp-ikev2.json, and what two ends agree on. */
#include "vectors.h"

#include "ikev2/payload_hcp.h"

#include <criterion/criterion.h>

#include <string.h>

enum { NOTIFY_HEADER = 8, OCTETS_MAX = 256 };

static const struct hcp iot = {{1, 1, 2, 0, 8, 8, 1, 0, 0}};
static const struct hcp safe = {{0, 0, 0, 0, 32, 32, 1, 1, 0}};
/* What accepts anything that can be said. */
static const struct hcp easy = {{1, 1, 1, 0, 0, 0, 1, 0, 0}};

static struct slice written(const struct payload_writer *w)
{
	return (struct slice){w->data + NOTIFY_HEADER, w->len - NOTIFY_HEADER};
}

/* The bit of this attribute's value among the values of the proposal that was taken. */
static void expect_choice(const json_t *row, const struct hcp_choice *chosen)
{
	const json_t *proposals = json_object_get(row, "decoded");
	const json_t *p = NULL;
	json_t *attribute;
	size_t i;
	bool named[HCP_KINDS] = {0};
	bool holds[HCP_KINDS] = {0};

	for (i = 0; i < json_array_size(proposals); i++)
		if (vectors_number(json_array_get(proposals, i), "proposal_id") == chosen->number)
			p = json_array_get(proposals, i);
	cr_assert(p, "%s: proposal %u", vectors_text(row, "name"), chosen->number);
	json_array_foreach(json_object_get(p, "attributes"), i, attribute)
	{
		bool range =
			json_object_get(attribute, "of") || json_object_get(attribute, "range");
		long long type = range && json_object_get(attribute, "of")
					 ? vectors_number(attribute, "of")
					 : vectors_number(attribute, "type");
		long long low = vectors_number(attribute, range ? "min" : "value");
		long long high = vectors_number(attribute, range ? "max" : "value");

		cr_assert_lt(type, HCP_TRAILER);
		named[type] = true;
		holds[type] = holds[type] ||
			      (chosen->hcp.value[type] >= low && chosen->hcp.value[type] <= high);
	}
	for (i = 0; i < HCP_TRAILER; i++)
		cr_assert(!named[i] || holds[i], "%s: attribute %zu", vectors_text(row, "name"), i);
}

Test(ikev2_hcp, published_payloads)
{
	json_t *root = vectors_open("diet-esp-ikev2.json");
	uint8_t octets[OCTETS_MAX];
	unsigned seen = 0;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(root, "rows"), i, row)
	{
		size_t len = vectors_hex(row, "hex", octets, sizeof octets);
		struct slice data = {octets + NOTIFY_HEADER, len - NOTIFY_HEADER};
		const char *name = vectors_text(row, "name");
		const char *expect = vectors_text(row, "expect");
		bool from_initiator = !strcmp(vectors_text(row, "from"), "initiator");
		struct hcp_choice out;

		cr_assert(payload_notify_valid((struct slice){octets + 4, len - 4}), "%s", name);
		if (!from_initiator && !strcmp(expect, "reject"))
			cr_assert(!payload_hcp_accept(data, &easy, NULL, &out), "%s", name);
		if (!from_initiator)
			continue;
		seen++;
		if (!strcmp(expect, "accept")) {
			cr_assert(payload_hcp_valid(data), "%s", name);
			cr_assert(payload_hcp_choose(data, &easy, NULL, &out), "%s", name);
			expect_choice(row, &out);
		} else if (!strcmp(expect, "reject")) {
			cr_assert(!payload_hcp_valid(data), "%s", name);
		} else {
			cr_assert(payload_hcp_valid(data), "%s", name);
			cr_assert(!payload_hcp_choose(data, &easy, NULL, &out), "%s", name);
		}
	}
	cr_assert_gt(seen, 3u);
	json_decref(root);
}

/* The shortest answer is the published one, octet for octet. */
Test(ikev2_hcp, answer_as_published)
{
	json_t *root = vectors_open("diet-esp-ikev2.json");
	const struct hcp_choice chosen = {.hcp = {{1, 1, 1, 0, 8, 16, 1, 0, 0}}, .number = 1};
	uint8_t want[OCTETS_MAX];
	uint8_t have[OCTETS_MAX];
	struct payload_writer w;
	bool found = false;
	json_t *row;
	size_t i;

	payload_writer_init(&w, have, sizeof have);
	payload_hcp_answer(&w, &chosen);
	json_array_foreach(json_object_get(root, "rows"), i, row)
	{
		if (strcmp(vectors_text(row, "name"), "responder-choice") != 0)
			continue;
		found = true;
		cr_assert_eq(w.len, vectors_hex(row, "hex", want, sizeof want));
		cr_assert_arr_eq(have, want, w.len);
	}
	cr_assert(found);
	json_decref(root);
}

/* What both take where i offers, with the rules of each or NULL. */
static bool agree_with(const struct hcp *i, const struct hcp_rules *i_rules, const struct hcp *r,
	const struct hcp_rules *r_rules, struct hcp_choice *both)
{
	uint8_t offer[OCTETS_MAX];
	uint8_t answer[OCTETS_MAX];
	struct payload_writer w;
	struct payload_writer a;
	struct hcp_choice chosen;

	payload_writer_init(&w, offer, sizeof offer);
	payload_hcp_offer(&w, i, i_rules);
	cr_assert(!w.overflow && payload_hcp_valid(written(&w)));
	if (!payload_hcp_choose(written(&w), r, r_rules, both))
		return false;
	chosen = *both;
	payload_writer_init(&a, answer, sizeof answer);
	payload_hcp_answer(&a, &chosen);
	cr_assert(payload_hcp_accept(written(&a), i, i_rules, both),
		"the initiator knows its own offer");
	cr_assert_eq(memcmp(&chosen.hcp, &both->hcp, sizeof chosen.hcp), 0);
	cr_assert_eq(chosen.by_rules, both->by_rules);
	return true;
}

static bool agree(const struct hcp *i, const struct hcp *r, struct hcp *both)
{
	struct hcp_choice choice;
	bool ok = agree_with(i, NULL, r, NULL, &choice);

	*both = choice.hcp;
	return ok;
}

/* Same set, one Dev: by rules. Else as if there were none, unless nothing but the rules will do. */
Test(ikev2_hcp, rules_are_named)
{
	static const struct hcp with_id = {{0, 0, 0, 0, 8, 8, 1, 1, 1}};
	static const struct {
		uint32_t digest[2];
		bool here[2], only[2];
		bool agree, by_rules;
	} rows[] = {
		{{0x1a2b3c4d, 0x1a2b3c4d}, {true, false}, {false, false}, true, true},
		{{0x1a2b3c4d, 0x1a2b3c4d}, {false, true}, {true, true}, true, true},
		{{0xffffffff, 0xffffffff}, {true, false}, {true, false}, true, true},
		{{0x1a2b3c4d, 0x1a2b3c4e}, {true, false}, {false, false}, true, false},
		{{0x1a2b3c4d, 0x1a2c3c4d}, {true, false}, {false, false}, true, false},
		{{0x1a2b3c4d, 0x1a2b3c4d}, {true, true}, {false, false}, true, false},
		{{0x1a2b3c4d, 0x1a2b3c4d}, {false, false}, {false, false}, true, false},
		{{0x1a2b3c4d, 0x1a2b3c4e}, {true, false}, {true, false}, false, false},
		{{0x1a2b3c4d, 0x1a2b3c4e}, {true, false}, {false, true}, false, false},
	};
	struct hcp_choice both;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hcp_rules rules[2];

		for (int k = 0; k < 2; k++)
			rules[k] = (struct hcp_rules){
				rows[i].digest[k], rows[i].here[k], rows[i].only[k]};
		cr_assert_eq(agree_with(&with_id, &rules[0], &with_id, &rules[1], &both),
			rows[i].agree, "row %zu", i);
		cr_assert(!rows[i].agree || both.by_rules == rows[i].by_rules, "row %zu", i);
		if (!rows[i].agree) {
			cr_assert(both.offered && !both.by_rules);
			cr_assert_eq(both.digest, rows[i].digest[0]);
		}
	}
	/* who knows no rules takes the attributes, and an older peer's offer has none */
	struct hcp_rules own = {7, true, false};
	cr_assert(agree_with(&with_id, &own, &with_id, NULL, &both) && !both.by_rules);
	cr_assert(agree_with(&with_id, NULL, &with_id, &own, &both) && !both.by_rules);
	own.only = true;
	cr_assert_not(agree_with(&with_id, &own, &with_id, NULL, &both));
	cr_assert_not(agree_with(&with_id, NULL, &with_id, &own, &both));
}

/* Each of the three attributes once, and an answer that says what was offered. */
Test(ikev2_hcp, rules_half_named)
{
	enum { PLACE = NOTIFY_HEADER + 4 + HCP_KINDS * 4 };
	static const struct hcp h = {{0, 0, 0, 0, 8, 8, 1, 1, 1}};
	const struct hcp_rules own = {0x00010001, true, true};
	const struct hcp_rules other = {0x00010001, false, true};
	uint8_t out[OCTETS_MAX];
	uint8_t good[OCTETS_MAX];
	struct payload_writer w;
	struct hcp_choice got;

	payload_writer_init(&w, out, sizeof out);
	payload_hcp_offer(&w, &h, &own);
	cr_assert_eq(w.len, PLACE + 3 * 4);
	memcpy(good, out, w.len);
	for (size_t at = PLACE; at < w.len; at++) {
		cr_assert(payload_hcp_choose(written(&w), &h, &other, &got));
		cr_assert(payload_hcp_accept(written(&w), &h, &own, &got));
		out[at] ^= 2;
		cr_assert_not(payload_hcp_choose(written(&w), &h, &other, &got), "%zu", at);
		cr_assert_not(payload_hcp_accept(written(&w), &h, &own, &got), "%zu", at);
		out[at] = good[at];
	}
	cr_assert_not(payload_hcp_accept(written(&w), &h, NULL, &got), "rules were not offered");
}

Test(ikev2_hcp, two_ends)
{
	struct hcp both;
	struct hcp longer = iot;

	cr_assert(agree(&iot, &iot, &both));
	cr_assert_eq(memcmp(&both, &iot, sizeof iot), 0);
	cr_assert(agree(&safe, &safe, &both));
	cr_assert_eq(both.value[HCP_HOP_LIMIT], 1);
	/* who keeps everything refuses who loses something; not the other way round */
	cr_assert(!agree(&iot, &safe, &both));
	cr_assert(agree(&safe, &iot, &both));
	cr_assert_eq(both.value[HCP_DSCP], 0);
	/* fewer bits of the number than we insist on */
	longer.value[HCP_SN_LSB] = 16;
	cr_assert(!agree(&iot, &longer, &both));
	cr_assert(agree(&longer, &iot, &both));
	cr_assert_eq(both.value[HCP_SN_LSB], 16);
}

Test(ikev2_hcp, answers_that_are_none)
{
	uint8_t out[OCTETS_MAX];
	struct payload_writer w;
	struct hcp_choice answer = {.hcp = iot, .number = 2};
	struct hcp_choice got;

	payload_writer_init(&w, out, sizeof out);
	payload_hcp_answer(&w, &answer);
	cr_assert(payload_hcp_accept(written(&w), &iot, NULL, &got));
	for (size_t n = 0; n < written(&w).len; n++)
		cr_assert(!payload_hcp_accept(
			(struct slice){out + NOTIFY_HEADER, n}, &iot, NULL, &got));
	cr_assert(!payload_hcp_accept(written(&w), &safe, NULL, &got));
	answer.hcp.value[HCP_SPI_LSB] = 16;
	payload_writer_init(&w, out, sizeof out);
	payload_hcp_answer(&w, &answer);
	cr_assert(!payload_hcp_accept(written(&w), &iot, NULL, &got), "not what was offered");
	payload_writer_init(&w, out, sizeof out);
	answer = (struct hcp_choice){.hcp = iot, .number = 3};
	payload_hcp_answer(&w, &answer);
	cr_assert(!payload_hcp_accept(written(&w), &iot, NULL, &got), "no such proposal");
	payload_writer_init(&w, out, sizeof out);
	payload_hcp_offer(&w, &safe, NULL);
	out[NOTIFY_HEADER + 4 + 1] = 1; /* the first attribute twice */
	cr_assert(!payload_hcp_accept(written(&w), &safe, NULL, &got));
}
