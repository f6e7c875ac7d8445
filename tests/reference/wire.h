/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of rule sets have in common: hex, sets, packets that travel and come back. */
#ifndef DIETVPN_TESTS_WIRE_H
#define DIETVPN_TESTS_WIRE_H

#include "reference/rules.h"
#include "schc/set_packet.h"

#include <stddef.h>
#include <stdint.h>

enum { WIRE_ROOM = 2048 };

extern const struct outer wire_outer;

#define COAP_HEAD(tkl) \
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_IS(SCHC_COAP_TYPE, RULE_BI, "00"), tkl, \
		RULE_IS(SCHC_COAP_CODE, RULE_BI, "01"), RULE_IS(SCHC_COAP_MID, RULE_BI, "1234")
#define NO_TOKEN   RULE_IS(SCHC_COAP_TKL, RULE_BI, "00")
#define SOME_TOKEN RULE_ANY(SCHC_COAP_TKL, RULE_BI)

/* The octets that hex stands for, and how many. */
size_t wire_hex(const char *hex, uint8_t *out);
/* A checked and compiled set, for schc_set_free. */
struct schc_set *wire_compile(
	const struct schc_rule *rules, unsigned n, const struct schc_end *end);
struct schc_rule wire_rule(const struct rule_row *rows, uint8_t id, uint8_t bits);
/* From the octets that travel back to the packet that was sent. */
void wire_restored(const struct schc_set *set, const uint8_t *wire, size_t wire_len,
	const uint8_t *packet, size_t len);
/* What travels of the packet that the view's rule took; octets. */
size_t wire_put(const struct schc_set *set, const struct schc_view *view, uint8_t *wire);
/* The packet travels as these octets, and back. */
void wire_expect(const struct schc_set *set, unsigned version, const uint8_t *packet, size_t len,
	const char *hex);
void wire_no_rule(const struct schc_set *set, unsigned version, const uint8_t *packet, size_t len);
/* The same of a CoAP message under one rule with RuleID 1 of 8 bits; NULL: it does not match. */
void wire_message(
	const struct rule_row *rows, enum schc_di di, const char *message, const char *hex);

#endif
