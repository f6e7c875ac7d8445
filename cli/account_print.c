/* SPDX-License-Identifier: Apache-2.0 */
/* An account as a table, as a byte map of one letter per octet, and as JSON. */
#include "cli/account.h"

#include "cli/print.h"

#include <string.h>

enum {
	FIELD_W = 20,
	VALUE_W = 18,
	SIZE_W = 7,
	MAP_W = 64,
	LINE_W = 79,
	MAP_MAX = 4096,
	RUN_MAX = 96,
	RUN_END = 8
};

static void put_right(FILE *out, const char *text, int width)
{
	fprintf(out, "%*s%s", width > print_columns(text) ? width - print_columns(text) : 0, "",
		text);
}

static void put_row(FILE *out, const struct account_row *row)
{
	char before[16];
	char after[16];
	bool wide = strlen(row->value) >= VALUE_W;

	fprintf(out, "%-*s%-.*s%s", FIELD_W, row->field, wide ? VALUE_W - 3 : VALUE_W, row->value,
		wide ? ".." : "");
	fprintf(out, "%*s", wide ? 1 : VALUE_W - (int)strlen(row->value), "");
	put_right(out, print_bits(row->before, before), SIZE_W);
	put_right(out, row->failed ? "?" : print_bits(row->after, after), SIZE_W);
	fprintf(out, "  %s\n", row->why);
}

static void put_sum(FILE *out, const struct account *account)
{
	char text[16];
	long saved = ((long)account->before - (long)account->after) / 8;

	fprintf(out, "%*s ────── ──────\n", FIELD_W + VALUE_W, "");
	fprintf(out, "%-*s", FIELD_W + VALUE_W, "behind the outer IP header");
	put_right(out, print_bits(account->before, text), SIZE_W);
	put_right(out, print_bits(account->after, text), SIZE_W);
	fprintf(out, "  %ld B saved, %u residue bit%s\n", saved, account->residue,
		account->residue == 1 ? "" : "s");
}

void account_print(const struct account *account, FILE *out)
{
	fprintf(out, "%-*s%-*s%*s%*s  WHY\n", FIELD_W, "FIELD", VALUE_W, "VALUE", SIZE_W, "BEFORE",
		SIZE_W, "AFTER");
	for (unsigned i = 0; i < account->n; i++)
		put_row(out, &account->row[i]);
	if (account->before)
		put_sum(out, account);
}

/* The map under way: letters, and runs that are too long as "dd[1384]dd". */
struct map {
	char text[MAP_MAX];
	size_t n;
};

static void put_run(struct map *map, char letter, uint32_t n)
{
	char number[16];
	size_t len = 0;
	uint32_t ends = n > RUN_MAX ? RUN_END : n;

	if (n > RUN_MAX)
		len = (size_t)snprintf(number, sizeof number, "[%u]", n - 2 * RUN_END);
	if (map->n + 2 * ends + len >= MAP_MAX)
		return;
	memset(map->text + map->n, letter, ends);
	map->n += ends;
	if (n <= RUN_MAX)
		return;
	memcpy(map->text + map->n, number, len);
	map->n += len;
	memset(map->text + map->n, letter, ends);
	map->n += ends;
}

/* The part that owns an octet: what its first bit is. */
static enum account_part owner(const struct account *account, uint32_t bit, bool after)
{
	enum account_part part = ACCOUNT_DATA;

	for (unsigned i = 0; i < account->n; i++) {
		const struct account_row *row = &account->row[i];
		uint32_t at = after ? row->after_at : row->before_at;

		if (bit >= at && bit < at + (after ? row->after : row->before))
			part = row->part;
	}
	return part;
}

static void fill_map(const struct account *account, bool after, struct map *map)
{
	uint32_t octets = (after ? account->after : account->before) / 8;
	char last = 0;
	uint32_t run = 0;

	map->n = 0;
	for (uint32_t i = 0; i < octets; i++) {
		enum account_part part = owner(account, i * 8, after);
		bool residue = after && part >= ACCOUNT_RULE_ID && part <= ACCOUNT_COAP;
		char letter = account_letter(residue ? ACCOUNT_RULE_ID : part);

		if (letter != last && run)
			put_run(map, last, run);
		run = letter == last ? run + 1 : 1;
		last = letter;
	}
	if (run)
		put_run(map, last, run);
}

static void print_map(FILE *out, const char *label, const struct map *map)
{
	for (size_t i = 0; i < map->n; i += MAP_W)
		fprintf(out, "%-7s%.*s\n", i ? "" : label,
			(int)(map->n - i < MAP_W ? map->n - i : MAP_W), map->text + i);
}

static void print_legend(const struct account *account, FILE *out)
{
	unsigned width = 5;

	fprintf(out, "%-5s", "");
	for (unsigned part = 0; part < ACCOUNT_PARTS; part++) {
		const char *name = part == ACCOUNT_RULE_ID
					   ? "residue"
					   : account_part_name((enum account_part)part);
		bool there = part == ACCOUNT_RULE_ID && account->residue;

		for (unsigned i = 0; i < account->n && !there; i++)
			there = account->row[i].part == part;
		if (!there)
			continue;
		if (width + strlen(name) + 4 > LINE_W) {
			fprintf(out, "\n%-5s", "");
			width = 5;
		}
		width += (unsigned)fprintf(
			out, "  %c %s", account_letter((enum account_part)part), name);
	}
	putc('\n', out);
}

void account_print_map(const struct account *account, FILE *out)
{
	struct map map;

	fill_map(account, false, &map);
	print_map(out, "before", &map);
	fill_map(account, true, &map);
	print_map(out, "after", &map);
	print_legend(account, out);
}

json_t *account_json(const struct account *account)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < account->n; i++) {
		const struct account_row *row = &account->row[i];

		json_array_append_new(
			rows, json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b}", "field",
				      row->field, "value", row->value, "why", row->why, "part",
				      account_part_name(row->part), "before_at",
				      (json_int_t)row->before_at, "before", (json_int_t)row->before,
				      "after_at", (json_int_t)row->after_at, "after",
				      (json_int_t)row->after, "matches", !row->failed));
	}
	return json_pack("{s:o,s:I,s:I,s:I,s:I}", "fields", rows, "inner",
		(json_int_t)account->inner, "before", (json_int_t)account->before / 8, "after",
		(json_int_t)account->after / 8, "residue_bits", (json_int_t)account->residue);
}
