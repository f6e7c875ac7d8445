/* SPDX-License-Identifier: Apache-2.0 */
/* base/glob.c: every pattern and text of a small alphabet against a definition by recursion. */
#include "base/glob.h"

#include <criterion/criterion.h>
#include <stddef.h>

static bool defined(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return defined(pattern + 1, text) || (*text && defined(pattern, text + 1));
	return *pattern == *text && defined(pattern + 1, text + 1);
}

/* The word of this number in an alphabet of n letters. */
static void spell(unsigned number, const char *letters, unsigned n, char *out)
{
	while (number) {
		number--;
		*out++ = letters[number % n];
		number /= n;
	}
	*out = '\0';
}

Test(glob, equals_its_definition)
{
	char pattern[16];
	char text[16];
	size_t matched = 0;

	for (unsigned p = 0; p < 364; p++)
		for (unsigned t = 0; t < 127; t++) {
			bool got;

			spell(p, "ab*", 3, pattern);
			spell(t, "ab", 2, text);
			got = glob_match(pattern, text);
			matched += got;
			cr_assert_eq(got, defined(pattern, text), "%s %s", pattern, text);
		}
	cr_assert_gt(matched, 1000u);
}

Test(glob, names_of_devices)
{
	cr_assert(glob_match("sensor-*", "sensor-07"));
	cr_assert(glob_match("*", ""));
	cr_assert(glob_match("*.home", "lamp.home"));
	cr_assert_not(glob_match("sensor-*", "Sensor-07"));
	cr_assert_not(glob_match("sensor-*", "xsensor-07"));
	cr_assert_not(glob_match("sensor-*-a", "sensor-07-b"));
}
