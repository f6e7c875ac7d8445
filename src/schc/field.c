/* SPDX-License-Identifier: Apache-2.0 */
/* The table of header fields: IP, its transports, ICMP, ESP and CoAP as RFC 8724 and RFC 8824 see
 * them.
 */
#include "schc/field.h"

enum { SCHC_COAP_FIXED = 32 }; /* bits before the token */

static const struct schc_field fields[] = {
/* NOLINTBEGIN(bugprone-macro-parentheses): the words of a table */
#define SCHC_FIELD_ROW(l, n, b, w, s) SCHC_ROLE_ROW(l, n, b, w, s, BY_PLACE)
#define SCHC_ROLE_ROW(l, n, b, w, s, r) \
	[SCHC_##l##_##n] = {.name = #l "." #n, \
		.layer = SCHC_##l, \
		.source = SCHC_FROM_##s, \
		.width = w, \
		.role = SCHC_##r, \
		.bit = b},
#define SCHC_OPTION_ROW(n, number) \
	[SCHC_COAP_##n] = {.name = "COAP." #n, \
		.layer = SCHC_COAP, \
		.source = SCHC_FROM_NOWHERE, \
		.bit = SCHC_COAP_FIXED, \
		.option = number},
#define SCHC_PART_ROW(n, number, which) \
	[SCHC_COAP_##n] = {.name = "COAP." #n, \
		.layer = SCHC_COAP, \
		.source = SCHC_FROM_NOWHERE, \
		.bit = SCHC_COAP_FIXED, \
		.option = number, \
		.part = which},
	/* NOLINTEND(bugprone-macro-parentheses) */
	SCHC_FIELD_LIST(SCHC_FIELD_ROW) SCHC_ROLE_LIST(SCHC_ROLE_ROW)
		SCHC_OPTION_LIST(SCHC_OPTION_ROW) SCHC_PART_LIST(SCHC_PART_ROW)
#undef SCHC_PART_ROW
#undef SCHC_OPTION_ROW
#undef SCHC_ROLE_ROW
#undef SCHC_FIELD_ROW
};

static const struct {
	uint8_t first, last; /* enum schc_fid */
	uint8_t len;
} layers[SCHC_LAYERS] = {
	[SCHC_IPV6] = {SCHC_IPV6_VER, SCHC_IPV6_DST, 40},
	[SCHC_IPV4] = {SCHC_IPV4_VER, SCHC_IPV4_DST, 20},
	[SCHC_UDP] = {SCHC_UDP_SPORT, SCHC_UDP_CKSUM, 8},
	[SCHC_UDPLITE] = {SCHC_UDPLITE_SPORT, SCHC_UDPLITE_CKSUM, 8},
	[SCHC_TCP] = {SCHC_TCP_SPORT, SCHC_TCP_URG, 20},
	[SCHC_SCTP] = {SCHC_SCTP_SPORT, SCHC_SCTP_CKSUM, 12},
	[SCHC_ESP] = {SCHC_ESP_SPI, SCHC_ESP_SN, 8},
	[SCHC_ICMPV6] = {SCHC_ICMPV6_TYPE, SCHC_ICMPV6_SEQNO, 8},
	[SCHC_ICMP] = {SCHC_ICMP_TYPE, SCHC_ICMP_SEQNO, 8},
	[SCHC_COAP] = {SCHC_COAP_VER, SCHC_COAP_MID, 4},
};

const struct schc_field *schc_field(enum schc_fid fid)
{
	return &fields[fid];
}

enum schc_fid schc_layer_first(enum schc_layer layer)
{
	return layers[layer].first;
}

unsigned schc_layer_fields(enum schc_layer layer)
{
	return layers[layer].last - layers[layer].first + 1u;
}

unsigned schc_layer_len(enum schc_layer layer)
{
	return layers[layer].len;
}

unsigned schc_field_bit(enum schc_fid fid, bool down)
{
	static const uint8_t apart[SCHC_LAYERS] = {[SCHC_IPV6] = 128,
		[SCHC_IPV4] = 32,
		[SCHC_UDP] = 16,
		[SCHC_UDPLITE] = 16,
		[SCHC_TCP] = 16,
		[SCHC_SCTP] = 16};
	const struct schc_field *field = &fields[fid];

	if (!down || field->role == SCHC_BY_PLACE)
		return field->bit;
	return field->role == SCHC_OF_DEV ? field->bit + (unsigned)apart[field->layer]
					  : field->bit - (unsigned)apart[field->layer];
}
