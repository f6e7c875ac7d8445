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
static void expect_choice(const json_t *row, const struct hcp *chosen, uint8_t number)
{
	const json_t *proposals = json_object_get(row, "decoded");
	const json_t *p = NULL;
	json_t *attribute;
	size_t i;
	bool named[HCP_KINDS] = {0};
	bool holds[HCP_KINDS] = {0};

	for (i = 0; i < json_array_size(proposals); i++)
		if (vectors_number(json_array_get(proposals, i), "proposal_id") == number)
			p = json_array_get(proposals, i);
	cr_assert(p, "%s: proposal %u", vectors_text(row, "name"), number);
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
		holds[type] =
			holds[type] || (chosen->value[type] >= low && chosen->value[type] <= high);
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
		struct hcp out;
		uint8_t number = 0;

		cr_assert(payload_notify_valid((struct slice){octets + 4, len - 4}), "%s", name);
		if (!from_initiator && !strcmp(expect, "reject"))
			cr_assert(!payload_hcp_accept(data, &easy, &out), "%s", name);
		if (!from_initiator)
			continue;
		seen++;
		if (!strcmp(expect, "accept")) {
			cr_assert(payload_hcp_valid(data), "%s", name);
			cr_assert(payload_hcp_choose(data, &easy, &out, &number), "%s", name);
			expect_choice(row, &out, number);
		} else if (!strcmp(expect, "reject")) {
			cr_assert(!payload_hcp_valid(data), "%s", name);
		} else {
			cr_assert(payload_hcp_valid(data), "%s", name);
			cr_assert(!payload_hcp_choose(data, &easy, &out, &number), "%s", name);
		}
	}
	cr_assert_gt(seen, 3u);
	json_decref(root);
}

/* The shortest answer is the published one, octet for octet. */
Test(ikev2_hcp, answer_as_published)
{
	json_t *root = vectors_open("diet-esp-ikev2.json");
	const struct hcp chosen = {{1, 1, 1, 0, 8, 16, 1, 0, 0}};
	uint8_t want[OCTETS_MAX];
	uint8_t have[OCTETS_MAX];
	struct payload_writer w;
	bool found = false;
	json_t *row;
	size_t i;

	payload_writer_init(&w, have, sizeof have);
	payload_hcp_answer(&w, &chosen, 1);
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

static bool agree(const struct hcp *i, const struct hcp *r, struct hcp *both)
{
	uint8_t offer[OCTETS_MAX];
	uint8_t answer[OCTETS_MAX];
	struct payload_writer w;
	struct payload_writer a;
	struct hcp chosen;
	uint8_t number;

	payload_writer_init(&w, offer, sizeof offer);
	payload_hcp_offer(&w, i);
	cr_assert(!w.overflow && payload_hcp_valid(written(&w)));
	if (!payload_hcp_choose(written(&w), r, &chosen, &number))
		return false;
	payload_writer_init(&a, answer, sizeof answer);
	payload_hcp_answer(&a, &chosen, number);
	cr_assert(payload_hcp_accept(written(&a), i, both), "the initiator knows its own offer");
	cr_assert_eq(memcmp(&chosen, both, sizeof chosen), 0);
	return true;
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
	struct hcp other = iot;
	struct hcp got;

	payload_writer_init(&w, out, sizeof out);
	payload_hcp_answer(&w, &iot, 2);
	cr_assert(payload_hcp_accept(written(&w), &iot, &got));
	for (size_t n = 0; n < written(&w).len; n++)
		cr_assert(!payload_hcp_accept((struct slice){out + NOTIFY_HEADER, n}, &iot, &got));
	cr_assert(!payload_hcp_accept(written(&w), &safe, &got));
	other.value[HCP_SPI_LSB] = 16;
	payload_writer_init(&w, out, sizeof out);
	payload_hcp_answer(&w, &other, 2);
	cr_assert(!payload_hcp_accept(written(&w), &iot, &got), "not what was offered");
	payload_writer_init(&w, out, sizeof out);
	payload_hcp_answer(&w, &iot, 3);
	cr_assert(!payload_hcp_accept(written(&w), &iot, &got), "no such proposal");
	payload_writer_init(&w, out, sizeof out);
	payload_hcp_offer(&w, &safe);
	out[NOTIFY_HEADER + 4 + 1] = 1; /* the first attribute twice */
	cr_assert(!payload_hcp_accept(written(&w), &safe, &got));
}
