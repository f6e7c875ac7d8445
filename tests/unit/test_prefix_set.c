/* SPDX-License-Identifier: Apache-2.0 */
#include "ip/prefix_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix out;

	cr_assert_eq(ip_prefix_parse(text, &out), 0, "%s", text);
	return out;
}

static bool has(const struct prefix_set *set, const char *text)
{
	struct ip_prefix key = prefix(text);

	return prefix_set_has(set, &key);
}

Test(prefix_set, host_bits_do_not_count_but_length_and_family_do)
{
	static const char *const in[] = {"10.9.0.1/24", "10.9.0.0/16", "::/0", "fd00::1/64",
		"fd00::1", "0.0.0.0/0", "fd00::/48"};
	struct prefix_set set = {0};

	cr_assert_not(has(&set, "::/0"));
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct ip_prefix p = prefix(in[i]);

		prefix_set_add(&set, &p);
	}
	prefix_set_sort(&set);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		cr_assert(has(&set, in[i]), "%s", in[i]);
	cr_assert(has(&set, "10.9.0.77/24"));
	cr_assert_not(has(&set, "10.9.0.0/25"));
	cr_assert_not(has(&set, "10.9.1.0/24"));
	cr_assert_not(has(&set, "fd00::2"));
	cr_assert_not(has(&set, "fd00::/63"));
	cr_assert_not(set.failed);
	prefix_set_fini(&set);
	cr_assert_not(has(&set, "::/0"));
}

/* Against a list that is searched from one end to the other. */
Test(prefix_set, agrees_with_a_list)
{
	enum { N = 3000 };
	static struct ip_prefix list[N];
	struct prefix_set set = {0};
	unsigned seed = 1;

	for (size_t i = 0; i < N; i++) {
		seed = seed * 1103515245u + 12345u;
		list[i] = (struct ip_prefix){.addr = {.family = (seed >> 30) & 1 ? 6 : 4}};
		list[i].addr.bytes[1] = (uint8_t)(seed >> 16 & 0x3f);
		list[i].addr.bytes[2] = (uint8_t)(seed >> 8 & 0xf0);
		list[i].len = (uint8_t)(12 + (seed >> 24) % 16);
		if (i % 2 == 0)
			prefix_set_add(&set, &list[i]);
	}
	prefix_set_sort(&set);
	for (size_t i = 0; i < N; i++) {
		struct ip_addr network = ip_prefix_network(&list[i]);
		bool expected = false;

		for (size_t j = 0; j < N && !expected; j += 2) {
			struct ip_addr other = ip_prefix_network(&list[j]);

			expected = list[j].len == list[i].len && ip_addr_equal(&network, &other);
		}
		cr_assert_eq(prefix_set_has(&set, &list[i]), expected, "%zu", i);
	}
	prefix_set_fini(&set);
}
