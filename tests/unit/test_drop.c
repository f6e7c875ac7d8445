/* SPDX-License-Identifier: Apache-2.0 */
/* Drop reasons: every row has a counter name of its own and a meaning. */
#include "base/drop.h"

#include <criterion/criterion.h>

#include <string.h>

Test(drop, names)
{
	cr_assert_eq(DROP_NONE, 0);
	for (int i = 0; i < DROP_COUNT; i++) {
		const char *name = drop_name((enum drop)i);

		cr_assert_gt(strlen(name), 0);
		cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		cr_assert_gt(strlen(drop_help((enum drop)i)), 10);
		cr_assert_null(strpbrk(drop_help((enum drop)i), "\n\t"));
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(name, drop_name((enum drop)k));
	}
	cr_assert_str_eq(drop_name(DROP_REPLAY_SEEN), "replay");
	cr_assert_str_eq(drop_help(DROP_REPLAY_SEEN), "sequence number already seen");
	cr_assert_str_eq(drop_name(DROP_COUNT), "unknown");
	cr_assert_str_eq(drop_name((enum drop) - 1), "unknown");
}
