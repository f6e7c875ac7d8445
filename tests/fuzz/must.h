/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target expects; not assert(), which release builds leave out with its operand. */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

#include <stdbool.h>
#include <stdlib.h>

/* abort() is what a fuzzer notices. */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

#endif
