/* SPDX-License-Identifier: Apache-2.0 */
/* The list of names for labels, as CSV (RFC 4180). */
#include "cli/labels.h"
#include "cli/uri.h"
#include "codec/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line without its end. */
struct line {
	const char *at, *end;
};

static void complain(const char *path, size_t line, const char *what)
{
	fprintf(stderr, "%s:%zu: %s\n", path, line, what);
}

static void trim(struct line *l)
{
	while (l->at < l->end && (*l->at == ' ' || *l->at == '\t'))
		l->at++;
	while (l->at < l->end && strchr(" \t\r", l->end[-1]))
		l->end--;
}

/* A quoted field: "" within it is one '"'. */
static const char *take_quoted(struct line *l, char *out, size_t cap)
{
	size_t n = 0;

	for (l->at++; l->at < l->end; l->at++) {
		if (*l->at == '"' && (l->at + 1 == l->end || l->at[1] != '"')) {
			l->at++;
			out[n] = '\0';
			return l->at == l->end || *l->at == ','
				       ? NULL
				       : "something behind a closing quote";
		}
		if (*l->at == '"')
			l->at++;
		if (n + 1 == cap)
			return "a field is too long";
		out[n++] = *l->at;
	}
	return "a quote is not closed";
}

static const char *take_plain(struct line *l, char *out, size_t cap)
{
	const char *comma = memchr(l->at, ',', (size_t)(l->end - l->at));
	struct line field = {l->at, comma ? comma : l->end};
	size_t n;

	l->at = field.end;
	trim(&field);
	n = (size_t)(field.end - field.at);
	if (n >= cap)
		return "a field is too long";
	memcpy(out, field.at, n);
	out[n] = '\0';
	return NULL;
}

/* The next field; what is wrong with it, or NULL. */
static const char *take(struct line *l, char *out, size_t cap)
{
	const char *wrong = l->at < l->end && *l->at == '"' ? take_quoted(l, out, cap)
							    : take_plain(l, out, cap);

	if (!wrong && l->at < l->end)
		l->at++;
	return wrong;
}

/* It goes into XML: UTF-8 and no control characters. */
static bool is_text(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return guard_utf8((const uint8_t *)text, len) == len;
}

static const char *read_row(struct line *l, struct labels_row *row)
{
	const char *wrong = take(l, row->name, sizeof row->name);
	struct line rest;

	if (!wrong && !uri_id_ok(row->name))
		wrong = "the name is not of letters, digits and . _ - @, 40 at most";
	rest = *l;
	trim(&rest);
	if (!wrong && rest.at < rest.end)
		wrong = take(&rest, row->text, sizeof row->text);
	if (!wrong && !is_text(row->text))
		wrong = "the description is no UTF-8, or has control characters";
	if (!wrong && rest.at < rest.end)
		wrong = "more than name and description";
	return wrong;
}

static bool is_heading(struct line l)
{
	static const char *const headings[] = {"name", "name,description"};
	size_t len = (size_t)(l.end - l.at);

	for (size_t i = 0; i < 2; i++)
		if (strlen(headings[i]) == len && memcmp(headings[i], l.at, len) == 0)
			return true;
	return false;
}

/* Names differ: ten thousand rows are compared as sorted ones. */
static int by_name(const void *a, const void *b)
{
	const struct labels_row *x = *(const struct labels_row *const *)a;
	const struct labels_row *y = *(const struct labels_row *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->line < y->line ? -1 : 1;
}

static size_t find_twins(const char *path, const struct labels *labels)
{
	const struct labels_row **sorted = calloc(labels->n + 1, sizeof *sorted);
	size_t bad = 0;

	if (!sorted) {
		complain(path, 1, "out of memory");
		return 1;
	}
	for (size_t i = 0; i < labels->n; i++)
		sorted[i] = &labels->rows[i];
	qsort(sorted, labels->n, sizeof *sorted, by_name);
	for (size_t i = 1; i < labels->n; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
			continue;
		fprintf(stderr, "%s:%zu: \"%s\" stands on line %zu already\n", path,
			sorted[i]->line, sorted[i]->name, sorted[i - 1]->line);
		bad++;
	}
	free(sorted);
	return bad;
}

static bool grow(struct labels *labels, size_t *cap)
{
	struct labels_row *more;

	if (labels->n < *cap)
		return true;
	*cap = *cap ? *cap * 2 : 16;
	more = realloc(labels->rows, *cap * sizeof *more);
	if (more)
		labels->rows = more;
	return more;
}

static size_t read_rows(const char *path, const char *text, struct labels *out)
{
	size_t cap = 0, bad = 0, line = 1;

	for (const char *at = text, *next; *at; at = next, line++) {
		const char *end = strchr(at, '\n');
		struct line l = {at, end ? end : at + strlen(at)};
		const char *wrong;

		next = end ? end + 1 : l.end;
		trim(&l);
		if (l.at == l.end || *l.at == '#' || (!out->n && !bad && is_heading(l)))
			continue;
		if (out->n == LABELS_ROWS_MAX || !grow(out, &cap)) {
			complain(path, line, "more than 10000 devices, or than memory holds");
			return bad + 1;
		}
		out->rows[out->n] = (struct labels_row){.line = line};
		wrong = read_row(&l, &out->rows[out->n]);
		if (wrong)
			complain(path, line, wrong);
		else
			out->n++;
		bad += wrong != NULL;
	}
	return bad;
}

size_t labels_read(const char *path, const char *text, struct labels *out)
{
	size_t bad;

	*out = (struct labels){0};
	bad = read_rows(path, text, out);
	bad += find_twins(path, out);
	if (!bad && !out->n) {
		complain(path, 1, "no device in it");
		bad = 1;
	}
	if (bad)
		labels_fini(out);
	return bad;
}

void labels_fini(struct labels *labels)
{
	free(labels->rows);
	*labels = (struct labels){0};
}
