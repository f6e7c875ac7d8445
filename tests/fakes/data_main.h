/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a test program that needs data of others: skipped, with a line that says why. */
#ifndef DIETVPN_TESTS_DATA_MAIN_H
#define DIETVPN_TESTS_DATA_MAIN_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEST_SKIPPED = 77 }; /* SKIP_RETURN_CODE */

/* variable: of the environment, the folder of the data; without: what was not run. */
static inline int data_main(int argc, char **argv, const char *variable, const char *without)
{
	const char *dir = getenv(variable);
	struct criterion_test_set *set;
	int code = 0;

	if (!dir || !*dir) {
		printf("%s\n", without);
		return TEST_SKIPPED;
	}
	set = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		code = !criterion_run_all_tests(set);
	criterion_finalize(set);
	return code;
}

#endif
