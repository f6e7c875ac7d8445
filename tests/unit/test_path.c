/* SPDX-License-Identifier: Apache-2.0 */
/* When a packet may move a peer's endpoint, and how much may be sent to a new one. */
#include "ipsec/path.h"

#include "ip/addr.h"

#include <criterion/criterion.h>

static struct ip_endpoint endpoint(const char *text)
{
	struct ip_endpoint e;

	cr_assert_eq(ip_endpoint_parse(text, &e), 0);
	return e;
}

struct step {
	char from; /* 'A'..'D' */
	bool newest;
	uint64_t at_ms;
	bool moves;
	char remote;
	bool unproven;
};

static const char *const places[] = {
	"192.0.2.1:4500", "192.0.2.1:4501", "[2001:db8::7]:4500", "198.51.100.9:4500"};

static void run(struct path *path, const struct step *steps, size_t n)
{
	struct ip_endpoint local = endpoint("203.0.113.1:4500");

	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		struct ip_endpoint from = endpoint(places[s->from - 'A']);
		struct ip_endpoint want = endpoint(places[s->remote - 'A']);

		cr_expect_eq(path_heard(path, &local, &from, s->newest, 100, s->at_ms), s->moves,
			"step %zu", i + 1);
		cr_expect(ip_endpoint_equal(&path->remote, &want), "step %zu", i + 1);
		cr_expect_eq(path->unproven, s->unproven, "step %zu", i + 1);
		cr_expect_eq(path->heard_ms, s->at_ms);
	}
}

Test(path, moves)
{
	struct path path = {.remote = endpoint(places[0])};
	const struct step steps[] = {
		/*  1 */ {'A', true, 10, false, 'A', false},
		/*  2: in the window, but not the newest */ {'B', false, 20, false, 'A', false},
		/*  3 */ {'B', true, 30, true, 'B', true},
		/*  4: old traffic of B proves nothing */ {'B', false, 31, false, 'B', true},
		/*  5: back at once, the other was a relay */ {'A', true, 32, true, 'A', false},
		/*  6: B again: within a second no */ {'B', true, 33, false, 'A', false},
		/*  7 */ {'B', true, 1031, false, 'A', false},
		/*  8 */ {'B', true, 1032, true, 'B', true},
		/*  9: something newer from B */ {'B', true, 1033, false, 'B', false},
		/* 10: the proven one before is allowed at once */
		{'A', true, 1034, true, 'A', false},
		/* 11 */ {'B', true, 1035, true, 'B', false},
		/* 12: a third place must wait */ {'C', true, 1036, false, 'B', false},
		/* 13 */ {'C', true, 2035, true, 'C', true},
		/* 14: from one unproven place to the next */ {'D', true, 3035, true, 'D', true},
		/* 15: the last proven one is B still */ {'B', true, 3036, true, 'B', false},
		/* 16 */ {'C', false, 9999, false, 'B', false},
	};

	run(&path, steps, sizeof(steps) / sizeof(steps[0]));
}

Test(path, pinned_never_moves)
{
	struct path path = {.remote = endpoint(places[0]), .pinned = 1};
	const struct step steps[] = {{'B', true, 10, false, 'A', false},
		{'A', true, 20, false, 'A', false}, {'C', true, 5000, false, 'A', false}};

	run(&path, steps, 3);
	cr_expect_eq(path.local.addr.family, 0);
}

Test(path, first_endpoint_is_learned_and_unproven)
{
	struct path path = {0};
	const struct step steps[] = {{'C', true, 10, true, 'C', true},
		{'A', true, 11, false, 'C', true}, {'C', true, 12, false, 'C', false}};

	run(&path, steps, 3);
	cr_expect_eq(path.local.addr.family, 4);
}

Test(path, three_times_as_much_as_came)
{
	struct path path = {.remote = endpoint(places[0])};
	struct ip_endpoint local = endpoint("203.0.113.1:4500");
	struct ip_endpoint b = endpoint(places[1]);

	cr_expect(path_may_send(&path, 1000000, 1));
	cr_expect_eq(path.sent_ms, 1);
	cr_assert(path_heard(&path, &local, &b, true, 100, 2));
	cr_expect(path_may_send(&path, 299, 3));
	cr_expect_not(path_may_send(&path, 2, 4));
	cr_expect_eq(path.sent_ms, 3);
	cr_expect(path_may_send(&path, 1, 5));
	cr_expect_not(path_may_send(&path, 1, 6));
	/* Old packets from there raise the allowance, only a newer one lifts it. */
	path_heard(&path, &local, &b, false, 10, 7);
	cr_expect(path_may_send(&path, 30, 8));
	cr_expect_not(path_may_send(&path, 1, 9));
	path_heard(&path, &local, &b, true, 10, 10);
	cr_expect(path_may_send(&path, 1000000, 11));
}

Test(path, outer_length)
{
	struct path path = {.encap = SA_ENCAP_UDP};

	cr_expect_eq(path_outer_len(&path), 48);
	path.remote = endpoint(places[0]);
	cr_expect_eq(path_outer_len(&path), 28);
	path.encap = SA_ENCAP_ESP;
	cr_expect_eq(path_outer_len(&path), 20);
	path.remote = endpoint(places[2]);
	cr_expect_eq(path_outer_len(&path), 40);
}
