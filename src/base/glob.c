/* SPDX-License-Identifier: Apache-2.0 */
/* Which names a template speaks for: a pattern whose '*' stands for any run of characters. */
#include "base/glob.h"

#include <stddef.h>

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL;  /* the last one seen; what lies before it is settled */
	const char *taken = text; /* where its run ends for now */

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			taken = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++taken;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
