/* SPDX-License-Identifier: Apache-2.0 */
/* Collects what is wrong in a configuration, without limit to the caller and with one to memory. */
#include "config/error.h"

#include "codec/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The file may hold anything, and the error goes to a terminal and into a CBOR text. */
static void tidy(char *text)
{
	size_t len = strlen(text);
	text[guard_utf8((const uint8_t *)text, len)] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void config_errors_add(
	struct config_errors *errors, const char *at, const char *hint, const char *fmt, ...)
{
	if (errors->n == CONFIG_ERRORS_MAX) {
		errors->lost++;
		return;
	}
	struct config_error *e = &errors->list[errors->n++];
	va_list args;
	va_start(args, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, args);
	va_end(args);
	snprintf(e->at, sizeof e->at, "%s", at);
	snprintf(e->hint, sizeof e->hint, "%s", hint ? hint : "");
	tidy(e->at);
	tidy(e->text);
	tidy(e->hint);
}
