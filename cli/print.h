/* SPDX-License-Identifier: Apache-2.0 */
/* Columns for people, and numbers with units. */
#ifndef DIETVPN_CLI_PRINT_H
#define DIETVPN_CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PRINT_COLUMNS = 12, PRINT_CELL = 80 };

/* Rows are gathered, then printed as wide as their widest cell; the first row is the heading. */
struct table {
	char (*cells)[PRINT_COLUMNS][PRINT_CELL];
	size_t rows, cap, columns;
};

/* Empty; columns: at most PRINT_COLUMNS. */
void table_init(struct table *table, size_t columns);
/* The next row's cells, as many as there are columns, each text or NULL for "-". */
void table_row(struct table *table, ...);
void table_print(struct table *table, bool colour); /* and frees it */

/* "48.1 kB", "12 s", "41 min", "3 h" into out; return out. */
const char *print_bytes(long long n, char *out, size_t cap);
const char *print_age(long long seconds, char *out, size_t cap);

/* "16 B", "2½ B", "3 bit", "-" for none; returns out. */
const char *print_bits(uint32_t bits, char out[static 16]);
/* Columns of UTF-8 text on a terminal. */
int print_columns(const char *text);

/* How many octets of text make a line of at most width: up to a blank where there is one. */
size_t print_fitting(const char *text, size_t width);
/* What is left of text behind its first used octets and the blanks there. */
const char *print_rest(const char *text, size_t used);

/* Words on lines of at most 79 columns, and a line end; the first line begins in column first, the
 * others after indent blanks. */
void print_wrapped(const char *text, size_t indent, size_t first);
void print_words(const char *text); /* the same without any indent */

#endif
