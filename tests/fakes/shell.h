/* SPDX-License-Identifier: Apache-2.0 */
/* A command of the shell in a test, formatted as printf does; what fails is an assertion. */
#ifndef DIETVPN_TESTS_SHELL_H
#define DIETVPN_TESTS_SHELL_H

#include <criterion/criterion.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 1, 2))) static inline void shell(const char *fmt, ...)
{
	char command[2 * PATH_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof command, fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

#endif
