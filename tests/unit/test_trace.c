/* SPDX-License-Identifier: Apache-2.0 */
/* keying/trace.c: what is kept of key exchanges, and who cannot push it out. */
#include "keying/trace.h"

#include "codec/tree.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TRY_OCTETS = 400 };

/* One record as a plugin would write it. */
struct sample {
	const char *outcome, *error;
	bool claimed;
	uint8_t host; /* last octet of the address */
	size_t words; /* of one row */
};

static struct tree_writer written;

static void put_pair(const char *key, const char *value)
{
	tree_put_text(&written, key);
	tree_put_text(&written, value);
}

static void put_row(size_t words)
{
	tree_put_text(&written, "rows");
	tree_put_array(&written, 1);
	tree_put_map(&written, 2);
	put_pair("what", "cipher");
	tree_put_text(&written, "offered");
	tree_put_array(&written, words);
	for (size_t i = 0; i < words; i++)
		tree_put_text(&written, "aes-cbc-128");
}

static void put_messages(void)
{
	tree_put_text(&written, "messages");
	tree_put_array(&written, 1);
	tree_put_map(&written, 4);
	tree_put_text(&written, "sent");
	tree_put_bool(&written, false);
	put_pair("exchange", "IKE_SA_INIT");
	tree_put_text(&written, "octets");
	tree_put_uint(&written, 180);
	tree_put_text(&written, "response");
	tree_put_bool(&written, false);
}

static struct slice sample(const struct sample *s)
{
	const uint8_t address[4] = {192, 0, 2, s->host};

	tree_writer_fini(&written);
	tree_writer_init(&written);
	tree_put_map(&written, s->error ? 9 : 8);
	put_row(s->words);
	put_pair("begun", "peer");
	if (s->error)
		put_pair("error", s->error);
	put_pair("outcome", s->outcome);
	tree_put_text(&written, "remote");
	tree_put_array(&written, 2);
	tree_put_bytes(&written, address, sizeof address);
	tree_put_uint(&written, 500);
	tree_put_text(&written, "claimed");
	tree_put_bool(&written, s->claimed);
	put_pair("exchange", "IKE_SA_INIT");
	put_messages();
	put_pair("offered_by", "peer");
	cr_assert_eq(written.error, 0);
	return (struct slice){written.data, written.len};
}

static int add(struct trace *t, uint32_t policy, const struct sample *s)
{
	char peer[16];
	const struct trace_source from = {.now_ms = 1000 + policy,
		.policy = policy,
		.plugin = "ikev2",
		.tunnel = "home",
		.peer = peer};

	snprintf(peer, sizeof peer, policy ? "p%u" : "", policy);
	return trace_add(t, &from, sample(s), NULL);
}

static size_t count(const struct trace *t)
{
	size_t n = 0;

	while (trace_at(t, n))
		n++;
	return n;
}

static bool has(const struct trace *t, uint32_t policy, const char *error)
{
	const struct trace_entry *entry;

	for (size_t i = 0; (entry = trace_at(t, i)); i++)
		if (entry->policy == policy && !strcmp(entry->error, error))
			return true;
	return false;
}

static void done(struct trace *t)
{
	trace_fini(t);
	tree_writer_fini(&written);
	tree_writer_init(&written);
}

Test(trace, newest_first_and_a_repetition_takes_one_place)
{
	struct trace t = {0};
	struct sample s = {"refused", "NO_PROPOSAL_CHOSEN", false, 1, 2};

	cr_assert_null(trace_at(&t, 0));
	cr_assert_eq(add(&t, 1, &s), 0);
	cr_assert_eq(add(&t, 2, &s), 0);
	cr_assert_eq(add(&t, 1, &s), 0);
	cr_assert_eq(count(&t), 2u);
	cr_assert_eq(trace_at(&t, 0)->policy, 1u);
	cr_assert_eq(trace_at(&t, 0)->times, 2u);
	cr_assert_str_eq(trace_at(&t, 0)->peer, "p1");
	cr_assert_str_eq(trace_at(&t, 0)->outcome, "refused");
	cr_assert_eq(trace_at(&t, 0)->remote.addr.bytes[3], 1);
	cr_assert_eq(trace_at(&t, 0)->remote.port, 500);
	cr_assert_eq(trace_at(&t, 1)->policy, 2u);
	s.outcome = "established";
	s.error = NULL;
	cr_assert_eq(add(&t, 1, &s), 0);
	cr_assert_eq(count(&t), 3u);
	cr_assert_eq(trace_at(&t, 0)->kind, TRACE_ESTABLISHED);
	done(&t);
}

/* Each kind has eight places; nobody's records cost another kind a place. */
Test(trace, who_floods_pushes_out_his_own_kind_only)
{
	struct trace t = {0};
	struct sample mine = {"refused", "TS_UNACCEPTABLE", false, 9, 1};
	struct sample claimed = {"refused", "AUTHENTICATION_FAILED", true, 9, 1};
	struct sample up = {"established", NULL, false, 9, 1};
	struct sample stranger = {"refused", "NO_PROPOSAL_CHOSEN", false, 0, 1};

	add(&t, 7, &mine);
	add(&t, 7, &claimed);
	add(&t, 7, &up);
	for (unsigned i = 0; i < 300; i++) {
		stranger.host = (uint8_t)i;
		cr_assert_eq(add(&t, 0, &stranger), 0);
	}
	cr_assert_eq(count(&t), 3u + TRACE_RING);
	for (uint32_t policy = 100; policy < 200; policy++)
		add(&t, policy, &claimed);
	cr_assert_eq(count(&t), 2u + 2 * TRACE_RING);
	cr_assert(has(&t, 7, "TS_UNACCEPTABLE"));
	cr_assert(has(&t, 7, ""));
	cr_assert_not(has(&t, 7, "AUTHENTICATION_FAILED"));
	for (uint32_t policy = 100; policy < 200; policy++) {
		add(&t, policy, &mine);
		add(&t, policy, &up);
	}
	cr_assert_eq(count(&t), (size_t)TRACE_MAX);
	done(&t);
}

Test(trace, what_is_no_record_is_left_out)
{
	struct trace t = {0};
	struct sample good = {"refused", "NO_PROPOSAL_CHOSEN", false, 1, 2};
	struct sample outcome = {"perhaps", NULL, false, 1, 2};
	struct sample words = {"refused", NULL, false, 1, 17};
	struct sample big = {"refused", NULL, false, 1, 400};
	const struct trace_source from = {.plugin = "ikev2", .tunnel = "home", .peer = ""};
	struct slice cbor;
	uint8_t copy[TRY_OCTETS];

	cr_assert_eq(add(&t, 1, &outcome), -EBADMSG);
	cr_assert_eq(add(&t, 1, &words), -EBADMSG);
	cr_assert_eq(add(&t, 1, &big), -EMSGSIZE);
	cr_assert_eq(count(&t), 0u);
	cbor = sample(&good);
	cr_assert_leq(cbor.len, sizeof copy);
	for (size_t len = 0; len < cbor.len; len++)
		cr_assert_eq(trace_add(&t, &from, (struct slice){cbor.data, len}, NULL), -EBADMSG);
	/* any octet may be another: a record or an error, never more */
	for (size_t at = 0; at < cbor.len; at++)
		for (unsigned flip = 1; flip < 256; flip <<= 1) {
			int r;

			memcpy(copy, cbor.data, cbor.len);
			copy[at] ^= (uint8_t)flip;
			r = trace_add(&t, &from, (struct slice){copy, cbor.len}, NULL);
			cr_assert(r == 0 || r == -EBADMSG);
		}
	cr_assert_leq(count(&t), (size_t)TRACE_RING);
	done(&t);
}
