/* SPDX-License-Identifier: Apache-2.0 */
/* Packets under a rule set, there and back. */
#include "reference/wire.h"

#include "schc/decompress.h"
#include "schc/set_packet.h"
#include "ip/packet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

const struct outer wire_outer;

size_t wire_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned octet;

		cr_assert_eq(sscanf(hex + 2 * i, "%2x", &octet), 1);
		out[i] = (uint8_t)octet;
	}
	return n;
}

struct schc_set *wire_compile(const struct schc_rule *rules, unsigned n, const struct schc_end *end)
{
	struct schc_rule_set rule_set = {rules, n};
	struct schc_fault fault = {0};
	struct schc_set *set = NULL;

	cr_assert(schc_set_check(&rule_set, &fault), "rule %u field %u: %s", fault.rule,
		fault.field, fault.text);
	cr_assert_eq(schc_set_compile(&set, &rule_set, end), 0);
	return set;
}

/* From the octets that travel back to the packet that was sent. */
void wire_restored(const struct schc_set *set, const uint8_t *wire, size_t wire_len,
	const uint8_t *packet, size_t len)
{
	uint8_t header[SCHC_SET_HEADER_MAX];
	uint8_t back[WIRE_ROOM + SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	size_t payload;

	cr_assert(schc_set_restore(set, wire, wire_len, header, &wire_outer, &restored));
	cr_assert_not_null(restored.entry);
	payload = wire_len - restored.taken;
	cr_assert_eq(restored.header_len + payload, len);
	memcpy(back, header, restored.header_len);
	memcpy(back + restored.header_len, wire + restored.taken, payload);
	schc_compute(schc_entry_plan(set, restored.entry), back, len, &wire_outer);
	cr_assert_arr_eq(back, packet, len);
}

size_t wire_put(const struct schc_set *set, const struct schc_view *view, uint8_t *wire)
{
	struct outer outer = {0};
	size_t payload = view->len - view->header_len;

	schc_view_compress(view, set, wire, &outer);
	memcpy(wire + view->residue_len, view->header + view->header_len, payload);
	return view->residue_len + payload;
}

/* The packet travels as these octets, and back. */
void wire_expect(const struct schc_set *set, unsigned version, const uint8_t *packet, size_t len,
	const char *hex)
{
	uint8_t expected[WIRE_ROOM];
	uint8_t wire[WIRE_ROOM];
	struct schc_view view;
	size_t n = wire_hex(hex, expected);

	schc_view_open(&view, set, version, packet, len);
	cr_assert(schc_view_next(&view, set), "no rule for what should become %s", hex);
	cr_assert_eq(wire_put(set, &view, wire), n, "%s", hex);
	cr_assert_arr_eq(wire, expected, n, "%s", hex);
	wire_restored(set, wire, n, packet, len);
}

void wire_no_rule(const struct schc_set *set, unsigned version, const uint8_t *packet, size_t len)
{
	struct schc_view view;

	schc_view_open(&view, set, version, packet, len);
	cr_assert_not(schc_view_next(&view, set));
}

struct schc_rule wire_rule(const struct rule_row *rows, uint8_t id, uint8_t bits)
{
	struct schc_rule rule = {.id = id, .id_bits = bits};

	rule_rows(&rule, rows);
	return rule;
}

void wire_message(
	const struct rule_row *rows, enum schc_di di, const char *message, const char *hex)
{
	struct schc_rule rule = wire_rule(rows, 1, 8);
	struct schc_end end = {.di = di};
	struct schc_set *set = wire_compile(&rule, 1, &end);
	uint8_t packet[WIRE_ROOM];
	size_t len = wire_hex(message, packet);

	if (hex)
		wire_expect(set, 0, packet, len, hex);
	else
		wire_no_rule(set, 0, packet, len);
	schc_set_free(set);
}
