/* SPDX-License-Identifier: Apache-2.0 */
/* Columns for people, and numbers with units. */
#include "cli/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 79 };

void table_init(struct table *table, size_t columns)
{
	*table = (struct table){.columns = columns};
}

void table_row(struct table *table, ...)
{
	va_list args;

	if (table->rows == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 16;
		void *more = realloc(table->cells, cap * sizeof *table->cells);

		if (!more)
			return;
		table->cells = more;
		table->cap = cap;
	}
	va_start(args, table);
	for (size_t c = 0; c < table->columns; c++) {
		const char *text = va_arg(args, const char *);

		snprintf(
			table->cells[table->rows][c], PRINT_CELL, "%s", text && *text ? text : "-");
	}
	va_end(args);
	table->rows++;
}

static int width(const struct table *table, size_t column)
{
	int w = 0;

	for (size_t r = 0; r < table->rows; r++) {
		int len = print_columns(table->cells[r][column]);

		w = len > w ? len : w;
	}
	return w;
}

void table_print(struct table *table, bool colour)
{
	int widths[PRINT_COLUMNS];

	for (size_t c = 0; c < table->columns; c++)
		widths[c] = width(table, c);
	for (size_t r = 0; r < table->rows; r++) {
		bool bold = colour && r == 0;

		fputs(bold ? "\033[1m" : "", stdout);
		for (size_t c = 0; c < table->columns; c++)
			if (c + 1 == table->columns)
				printf("%s", table->cells[r][c]);
			else
				printf("%s%*s", table->cells[r][c],
					widths[c] - print_columns(table->cells[r][c]) + 2, "");
		fputs(bold ? "\033[0m\n" : "\n", stdout);
	}
	free(table->cells);
	*table = (struct table){0};
}

const char *print_bytes(long long n, char *out, size_t cap)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
		value /= 1000;
		unit++;
	}
	if (unit)
		snprintf(out, cap, "%.1f %s", value, units[unit]);
	else
		snprintf(out, cap, "%lld B", n);
	return out;
}

const char *print_age(long long seconds, char *out, size_t cap)
{
	if (seconds < 120)
		snprintf(out, cap, "%lld s", seconds);
	else if (seconds < 7200)
		snprintf(out, cap, "%lld min", seconds / 60);
	else if (seconds < 172800)
		snprintf(out, cap, "%lld h", seconds / 3600);
	else
		snprintf(out, cap, "%lld d", seconds / 86400);
	return out;
}

const char *print_bits(uint32_t bits, char out[static 16])
{
	if (!bits)
		snprintf(out, 16, "-");
	else if (bits % 8 == 0)
		snprintf(out, 16, "%u B", bits / 8);
	else if (bits % 4 == 0 && bits < 8)
		snprintf(out, 16, "½ B");
	else if (bits % 4 == 0)
		snprintf(out, 16, "%u½ B", bits / 8);
	else
		snprintf(out, 16, "%u bit", bits);
	return out;
}

/* Every octet that does not go on with a character. */
int print_columns(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

size_t print_fitting(const char *text, size_t width)
{
	size_t len = strlen(text);
	size_t at = width;

	if (len <= width)
		return len;
	while (at && text[at] != ' ')
		at--;
	return at ? at : width;
}

const char *print_rest(const char *text, size_t used)
{
	text += used;
	while (*text == ' ')
		text++;
	return text;
}

void print_wrapped(const char *text, size_t indent, size_t first)
{
	size_t width = first < COLUMNS ? COLUMNS - first : 1;

	while (*text) {
		size_t n = print_fitting(text, width);

		printf("%.*s\n", (int)n, text);
		text = print_rest(text, n);
		if (*text)
			printf("%*s", (int)indent, "");
		width = COLUMNS - indent;
	}
}

void print_words(const char *text)
{
	print_wrapped(text, 0, 0);
}
