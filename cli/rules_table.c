/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a set as tables: fields, lengths, what is sent and how. */
#include "cli/rules_table.h"

#include "cli/print.h"
#include "config/rules_set.h"

#include <stdio.h>
#include <string.h>

enum { CELL = 40 };

static const char *field_name(const struct schc_field_desc *desc)
{
	const char *name = rules_field_name(desc->fid);

	return name ? name + strlen("fid-") : schc_field(desc->fid)->name;
}

static const char *how(const struct schc_field_desc *desc, char *out, size_t cap)
{
	if (desc->mo == SCHC_MO_MSB)
		snprintf(out, cap, "MSB(%u) %s", (unsigned)desc->msb, schc_cda_name(desc->cda));
	else
		snprintf(out, cap, "%s %s", schc_mo_name(desc->mo), schc_cda_name(desc->cda));
	return out;
}

static const char *length(const struct schc_field_desc *desc, char *out, size_t cap)
{
	if (desc->fl == SCHC_FL_VARIABLE)
		return "var";
	if (desc->fl == SCHC_FL_TKL)
		return "tkl";
	snprintf(out, cap, "%u", (unsigned)desc->fl);
	return out;
}

void rules_table(const struct schc_rule *rule, bool colour)
{
	struct table table;

	if (rule->nature == SCHC_NO_COMPRESSION) {
		printf("rule %u/%u: packets that no other rule takes\n", (unsigned)rule->id,
			(unsigned)rule->id_bits);
		return;
	}
	printf("rule %u/%u: up %u, down %u bits of residue and what is variable\n",
		(unsigned)rule->id, (unsigned)rule->id_bits,
		schc_rule_residue_bits(rule, SCHC_DI_BI) + schc_rule_residue_bits(rule, SCHC_DI_UP),
		schc_rule_residue_bits(rule, SCHC_DI_BI) +
			schc_rule_residue_bits(rule, SCHC_DI_DOWN));
	table_init(&table, 5);
	table_row(&table, "FIELD", "BITS", "WAY", "SENT", "HOW");
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		char bits[8];
		char sent[16];
		char text[CELL];

		snprintf(sent, sizeof sent, "%u", schc_field_sent_bits(desc));
		table_row(&table, field_name(desc), length(desc, bits, sizeof bits),
			schc_di_name(desc->di), sent, how(desc, text, sizeof text));
	}
	table_print(&table, colour);
}
