/* SPDX-License-Identifier: Apache-2.0 */
/* Control frames: framing octet by octet, requests, responses, events, and what is refused. */
#include "codec/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static void body_of(const struct tree_writer *w, const uint8_t **body, size_t *len)
{
	cr_assert_eq(w->error, 0);
	cr_assert_eq(message_frame(w->data, w->len, body, len), (long)w->len);
}

Test(message, frame_octet_by_octet)
{
	static const size_t sizes[] = {1, 23, 24, 255, 256, 65000};
	static uint8_t content[65000];
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct tree_writer w;
		const uint8_t *body;
		size_t len;
		tree_writer_init(&w);
		tree_put_bytes(&w, content, sizes[i]);
		for (size_t have = 0; have < w.len; have += have < 8 ? 1 : 997)
			cr_assert_eq(message_frame(w.data, have, &body, &len), 0);
		body_of(&w, &body, &len);
		cr_assert_eq(len, sizes[i]);
		cr_assert_eq(body + len, w.data + w.len);
		tree_writer_fini(&w);
	}
}

Test(message, frame_refused)
{
	static const uint8_t heads[][6] = {{0x00}, {0x5b, 0, 0, 0, 0, 0}, {0x5f}, {0x60}, {0xa1},
		{0xff}, {0x5a, 0x00, 0x01, 0x00, 0x00}, {0x5a, 0xff, 0xff, 0xff, 0xff},
		{0x59, 0xff, 0xfe}};
	const uint8_t *body;
	size_t len;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		cr_assert_eq(message_frame(heads[i], 6, &body, &len), -EPROTO, "%zu", i);
	cr_assert_eq(message_frame((const uint8_t[]){0x59, 0xff, 0xfd}, 3, &body, &len), 0);
}

Test(message, request)
{
	/* {"do":"sa.list","id":7,"with":{"peer":"b"}}, deterministic */
	static const char expected[] = "\x58\x22\xa3\x62"
				       "do\x67"
				       "sa.list\x62id\x07\x64with\xa1\x64peer\x61"
				       "b";
	struct tree_writer w;
	struct tree_writer with;
	struct message_request r;
	const uint8_t *body;
	size_t len;
	char name[8];
	tree_writer_init(&w);
	tree_writer_init(&with);
	tree_put_map(&with, 1);
	tree_put_text(&with, "peer");
	tree_put_text(&with, "b");
	message_put_request(&w, 7, "sa.list", &with);
	body_of(&w, &body, &len);
	cr_assert_eq(len, w.len - 2);
	cr_assert_eq(w.data[1], len);
	cr_assert_arr_eq(w.data + 2, expected + 2, sizeof expected - 3);
	cr_assert_eq(w.len, sizeof expected - 1);
	cr_assert_eq(message_request_read(body, len, &r, NULL), 0);
	cr_assert_eq(r.id, 7);
	cr_assert_str_eq(r.verb, "sa.list");
	cr_assert(tree_text_copy(tree_get(r.with, "peer"), name, sizeof name));
	message_request_fini(&r);
	tree_writer_fini(&w);
	tree_writer_fini(&with);
}

Test(message, request_refused)
{
	static const struct {
		const char *body;
		size_t len;
		const char *at;
	} rows[] = {
		{"\x80", 1, ""},
		{"\xa0", 1, "id"},
		{"\xa1\x62id\x01", 5, "do"},
		{"\xa1\x62"
		 "do\x61x",
			6, "id"},
		{"\xa2\x62id\x20\x62"
		 "do\x61x",
			10, "id"},
		{"\xa2\x62id\x01\x62"
		 "do\x01",
			9, "do"},
		{"\xa2\x62id\x01\x62"
		 "do\x60",
			9, "do"},
		{"\xa2\x62id\x01\x62"
		 "do\x61X",
			10, "do"},
		{"\xa3\x62id\x01\x62"
		 "do\x61x\x64with\x80",
			16, "with"},
		{"\xa3\x62id\x01\x62"
		 "do\x61x\x64more\xf5",
			16, "more"},
		{"\xa3\x62id\x01\x62"
		 "do\x61x\x01\x01",
			12, ""},
		{"\xa2\x62id\x01\x62id\x01", 9, "id"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message_request r = {.id = 99};
		struct tree_error error = {0};
		int err = message_request_read(
			(const uint8_t *)rows[i].body, rows[i].len, &r, &error);
		cr_assert_eq(err, -EPROTO, "%zu", i);
		cr_assert_str_eq(error.at, rows[i].at, "%zu: at %s: %s", i, error.at, error.text);
		cr_assert_eq(r.id, 99);
	}
}

Test(message, responses_and_events)
{
	struct tree_writer w;
	struct tree_writer item;
	struct message_response r;
	const uint8_t *body = NULL;
	size_t len = 0;
	uint64_t n;
	tree_writer_init(&w);
	tree_writer_init(&item);
	tree_put_map(&item, 1);
	tree_put_text(&item, "n");
	tree_put_uint(&item, 12);
	message_put_ok(&w, 1, &item, true);
	message_put_ok(&w, 2, NULL, false);
	message_put_error(&w, 3, -ENOENT, "no such peer", "home.conf:14", "try `dietvpn peers`");
	message_put_error(&w, 4, -EPERM, "not for you", "", NULL);
	message_put_event(&w, 5, "sa.installed", 1234, &item);
	cr_assert_eq(w.error, 0);
	struct tree_writer all = w;
	for (uint64_t id = 1; id <= 5; id++) {
		long used = message_frame(all.data, all.len, &body, &len);
		struct tree_error error = {0};
		cr_assert_gt(used, 0);
		all.data += used;
		all.len -= (size_t)used;
		cr_assert_eq(message_response_read(body, len, &r, &error), 0, "%s %s", error.at,
			error.text);
		cr_assert_eq(r.id, id);
		cr_assert_eq(r.more, id == 1);
		cr_assert_eq(r.code, id == 3 ? -ENOENT : id == 4 ? -EPERM : 0);
		cr_assert_str_eq(r.at, id == 3 ? "home.conf:14" : "");
		cr_assert_str_eq(r.hint, id == 3 ? "try `dietvpn peers`" : "");
		cr_assert_str_eq(r.event, id == 5 ? "sa.installed" : "");
		cr_assert_eq(r.at_ms, id == 5 ? 1234 : 0);
		if (id == 1 || id == 5)
			cr_assert(tree_uint(tree_get(r.ok, "n"), 99, &n) && n == 12);
		message_response_fini(&r);
	}
	cr_assert_eq(all.len, 0);
	tree_writer_fini(&w);
	tree_writer_fini(&item);
}

Test(message, response_refused)
{
	static const char *const bodies[] = {"\x01", "\xa0", "\xa1\x62id\x01",
		"\xa2\x62id\x01\x63"
		"err\x01",
		"\xa2\x62id\x01\x63"
		"err\xa2\x64"
		"code\x01\x64text\x60",
		"\xa2\x62id\x01\x63"
		"err\xa1\x64"
		"code\x20",
		"\xa3\x62id\x01\x62ok\xf6\x64more\x01",
		"\xa1\x65"
		"event\x60",
		"\xa2\x62of\x01\x65"
		"event\x61x"};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct message_response r;
		struct tree_error error = {0};
		int err = message_response_read(
			(const uint8_t *)bodies[i], strlen(bodies[i]), &r, &error);
		cr_assert_eq(err, -EPROTO, "%zu", i);
		cr_assert(error.text[0]);
	}
}

Test(message, too_long_sticks)
{
	static uint8_t content[MESSAGE_MAX];
	struct tree_writer w;
	struct tree_writer item;
	tree_writer_init(&w);
	tree_writer_init(&item);
	tree_put_bytes(&item, content, sizeof content);
	message_put_ok(&w, 1, &item, false);
	cr_assert_eq(w.error, -EMSGSIZE);
	cr_assert_eq(w.len, 0);
	tree_writer_fini(&w);
	tree_writer_fini(&item);
}
