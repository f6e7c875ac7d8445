/* SPDX-License-Identifier: Apache-2.0 */
/* What one end offers beside what the other allows, in the words of the configuration, and who has
 * to change what. */
#include "ikev2/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_BYTES = 2800, PRINTABLE_FIRST = 0x20, PRINTABLE_LAST = 0x7e };

static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < PRINTABLE_FIRST || *text > PRINTABLE_LAST)
			*text = '?';
}

static bool words_have(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->n; i++)
		if (!strcmp(words->list[i], word))
			return true;
	return false;
}

void words_add(struct words *words, const char *fmt, ...)
{
	char word[WORD_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(word, sizeof word, fmt, args);
	va_end(args);
	make_printable(word);
	if (words->n < WORDS_MAX && !words_have(words, word))
		memcpy(words->list[words->n++], word, sizeof word);
}

const char *words_join(const struct words *words, size_t max, char *out, size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < words->n && i < max && at + 1 < cap; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", words->list[i]);
	return out;
}

const char *words_common(const struct words *offered, const struct words *allowed)
{
	for (size_t i = 0; i < offered->n; i++)
		if (words_have(allowed, offered->list[i]))
			return offered->list[i];
	return NULL;
}

void rows_init(struct rows *rows, bool here)
{
	memset(rows, 0, sizeof *rows);
	tree_writer_init(&rows->w);
	rows->here = here;
}

void rows_fini(struct rows *rows)
{
	tree_writer_fini(&rows->w);
}

static void put_words(struct tree_writer *w, const char *key, const struct words *words)
{
	tree_put_text(w, key);
	tree_put_array(w, words->n);
	for (size_t i = 0; i < words->n; i++)
		tree_put_text(w, words->list[i]);
}

void rows_append(char *to, size_t cap, const char *text)
{
	size_t len = strlen(to);

	if (len + 1 < cap)
		snprintf(to + len, cap - len, "%s%s", len ? ", " : "", text);
}

/* For the log line: what differs, and which key of the file rules it. */
static void note(struct rows *rows, const struct row *row)
{
	char text[ROWS_TEXT / 2];

	rows->differ++;
	rows_append(
		rows->offers, sizeof rows->offers, words_join(row->offered, 4, text, sizeof text));
	rows_append(
		rows->allows, sizeof rows->allows, words_join(row->allowed, 4, text, sizeof text));
	if (row->key[0] && !strstr(rows->keys, row->key))
		rows_append(rows->keys, sizeof rows->keys, row->key);
}

void rows_add(struct rows *rows, const struct row *row)
{
	const char *shared = row->shared;

	if (!shared && row->allowed)
		shared = words_common(row->offered, row->allowed);
	if (row->allowed && !shared)
		note(rows, row);
	if (rows->w.len > ROWS_BYTES)
		return;
	rows->n++;
	tree_put_map(&rows->w, 2u + (row->allowed != NULL) + (shared != NULL));
	tree_put_text(&rows->w, "what");
	tree_put_text(&rows->w, row->what);
	put_words(&rows->w, "offered", row->offered);
	if (row->allowed)
		put_words(&rows->w, "allowed", row->allowed);
	if (shared) {
		tree_put_text(&rows->w, "shared");
		tree_put_text(&rows->w, shared);
	}
}

void rows_fix(struct rows *rows, const char *fmt, ...)
{
	size_t len = strlen(rows->fix);
	va_list args;

	if (len && len + 1 < sizeof rows->fix)
		rows->fix[len++] = ' ';
	va_start(args, fmt);
	vsnprintf(rows->fix + len, sizeof rows->fix - len, fmt, args);
	va_end(args);
	make_printable(rows->fix);
}
