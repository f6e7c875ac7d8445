/* SPDX-License-Identifier: Apache-2.0 */
/* rules list: the sets in use, what each rule took and what it sends (docs/control.md, rules.list).
 */
#include "cli/rules_live.h"

#include "cli/client.h"
#include "cli/json.h"
#include "cli/print.h"

#include <stdio.h>
#include <string.h>

enum { CELL = 24 };

void rules_live_line(const json_t *rules, const char *before)
{
	long long n = json_number(rules, "rules", 0);

	printf("%srules %s, ", before, json_text(rules, "name", "?"));
	if (json_object_get(rules, "version"))
		printf("version %lld, ", json_number(rules, "version", 0));
	printf("%lld rule%s, digest %s, Dev is %s\n", n, n == 1 ? "" : "s",
		json_text(rules, "digest", "?"),
		strcmp(json_text(rules, "device", ""), "here") == 0 ? "here" : "the peer");
}

int rules_live_ask(const struct cli *cli, json_t **sets)
{
	json_t *result = NULL;
	int status = CLI_OK;

	if (client_daemon_runs(cli))
		status = client_once(cli, false, "rules.list", NULL, NULL, &result);
	*sets = json_incref(json_object_get(result, "sets"));
	if (!*sets)
		*sets = json_array();
	json_decref(result);
	return status;
}

static long long count(const json_t *row, size_t which)
{
	return json_integer_value(json_array_get(json_object_get(row, "out"), which)) +
	       json_integer_value(json_array_get(json_object_get(row, "in"), which));
}

static const char *mean(const json_t *row, size_t which, char out[static CELL])
{
	long long packets = count(row, 0);

	if (!packets)
		return NULL;
	snprintf(out, CELL, "%.1f", (double)count(row, which) / (double)packets);
	return out;
}

static const json_t *nth_field(const json_t *field, size_t i)
{
	return json_array_get(field, i);
}

/* Bits of a packet's residue one way, "26+" where more depends on the packet; other: the other way.
 */
static const char *residue(const json_t *row, const char *other, char out[static CELL])
{
	const json_t *fields = json_object_get(row, "fields");
	long long bits = 0;
	bool variable = false;
	size_t i;
	const json_t *field;

	if (!json_array_size(fields))
		return NULL;
	json_array_foreach(fields, i, field)
	{
		if (strcmp(json_string_value(nth_field(field, 1)), other) == 0)
			continue;
		bits += json_integer_value(nth_field(field, 3));
		variable = variable || json_is_true(nth_field(field, 4));
	}
	snprintf(out, CELL, "%lld%s", bits, variable ? "+" : "");
	return out;
}

static void add_row(struct table *table, const json_t *row)
{
	char cell[6][CELL];

	snprintf(cell[0], CELL, "%lld",
		(long long)json_integer_value(json_array_get(json_object_get(row, "out"), 0)));
	snprintf(cell[1], CELL, "%lld",
		(long long)json_integer_value(json_array_get(json_object_get(row, "in"), 0)));
	table_row(table, json_text(row, "rule", "?"), cell[0], cell[1], mean(row, 1, cell[2]),
		mean(row, 2, cell[3]), residue(row, "Dw", cell[4]), residue(row, "Up", cell[5]));
}

static void print_fields(const json_t *row, bool colour)
{
	const json_t *fields = json_object_get(row, "fields");
	struct table table;
	size_t i;
	const json_t *field;

	if (!json_array_size(fields))
		return;
	printf("rule %s\n", json_text(row, "rule", "?"));
	table_init(&table, 4);
	table_row(&table, "  FIELD", "WAY", "BEFORE", "AFTER");
	json_array_foreach(fields, i, field)
	{
		uint32_t before = (uint32_t)json_integer_value(nth_field(field, 2));
		uint32_t after = (uint32_t)json_integer_value(nth_field(field, 3));
		char name[PRINT_CELL];
		char cell[2][16];

		snprintf(name, sizeof name, "  %.40s", json_string_value(nth_field(field, 0)));
		table_row(&table, name, json_string_value(nth_field(field, 1)),
			before ? print_bits(before, cell[0]) : "var",
			json_is_true(nth_field(field, 4)) ? "var" : print_bits(after, cell[1]));
	}
	table_print(&table, colour);
}

/* One frame's part of a set goes on with the next one's. */
static bool same_set(const json_t *a, const json_t *b)
{
	return a && b && strcmp(json_text(a, "peer", ""), json_text(b, "peer", "")) == 0 &&
	       strcmp(json_text(a, "tunnel", ""), json_text(b, "tunnel", "")) == 0;
}

static void print_head(const json_t *set)
{
	char before[2 * PRINT_CELL];

	snprintf(before, sizeof before, "%s: ", json_text(set, "peer", "?"));
	rules_live_line(set, before);
}

static size_t print_set(const json_t *sets, size_t at, bool verbose, bool colour)
{
	const json_t *first = json_array_get(sets, at);
	struct table table;
	size_t end;
	size_t i;
	const json_t *row;

	print_head(first);
	table_init(&table, 7);
	table_row(&table, "RULE", "OUT", "IN", "BEFORE", "AFTER", "BITS-UP", "BITS-DOWN");
	for (end = at; same_set(first, json_array_get(sets, end)); end++)
		json_array_foreach(json_object_get(json_array_get(sets, end), "list"), i, row)
			add_row(&table, row);
	table_print(&table, colour);
	for (; verbose && at < end; at++)
		json_array_foreach(json_object_get(json_array_get(sets, at), "list"), i, row)
			print_fields(row, colour);
	return end;
}

void rules_live_print(const json_t *sets, bool verbose, bool colour)
{
	for (size_t at = 0; at < json_array_size(sets);)
		at = print_set(sets, at, verbose, colour);
}
