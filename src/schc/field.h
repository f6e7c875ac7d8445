/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields that SCHC rules speak of (RFC 8724 7.1): identifier, width, place in its header. */
#ifndef DIETVPN_SCHC_FIELD_H
#define DIETVPN_SCHC_FIELD_H

#include <stdbool.h>
#include <stdint.h>

enum schc_layer {
	SCHC_IPV6,
	SCHC_IPV4,
	SCHC_UDP,
	SCHC_UDPLITE,
	SCHC_TCP,
	SCHC_SCTP,
	SCHC_ESP,
	SCHC_ICMPV6, /* as echo request and reply have it, RFC 4443 4 */
	SCHC_ICMP,   /* the same, RFC 792 */
	SCHC_COAP,   /* RFC 7252 3: fixed header, token, options */
	SCHC_LAYERS
};

/* Whose a field is where it is not named by its place: Dev sends Up, App sends Down. */
enum schc_role { SCHC_BY_PLACE, SCHC_OF_DEV, SCHC_OF_APP };

/* Where a value comes from that is neither stored nor sent. */
enum schc_source {
	SCHC_FROM_NOWHERE,     /* cannot be restored: must be stored or sent */
	SCHC_FROM_PACKET,      /* lengths and checksums */
	SCHC_FROM_OUTER,       /* "lower": the same field of the outer header */
	SCHC_FROM_OUTER_OR_ANY /* the same, or any value that a flow keeps */
};

/* FIELD(layer, name, first bit in the layer's header, width in bits, source); header order. */
#define SCHC_FIELD_LIST(FIELD) \
	FIELD(IPV6, VER, 0, 4, NOWHERE) \
	FIELD(IPV6, DSCP, 4, 6, OUTER) \
	FIELD(IPV6, ECN, 10, 2, OUTER) \
	FIELD(IPV6, FL, 12, 20, OUTER_OR_ANY) \
	FIELD(IPV6, LEN, 32, 16, PACKET) \
	FIELD(IPV6, NXT, 48, 8, NOWHERE) \
	FIELD(IPV6, HOP_LMT, 56, 8, OUTER) \
	FIELD(IPV6, SRC, 64, 128, NOWHERE) \
	FIELD(IPV6, DST, 192, 128, NOWHERE) \
	FIELD(IPV4, VER, 0, 4, NOWHERE) \
	FIELD(IPV4, IHL, 4, 4, NOWHERE) \
	FIELD(IPV4, DSCP, 8, 6, OUTER) \
	FIELD(IPV4, ECN, 14, 2, OUTER) \
	FIELD(IPV4, TLEN, 16, 16, PACKET) \
	FIELD(IPV4, ID, 32, 16, OUTER_OR_ANY) \
	FIELD(IPV4, FLAGS, 48, 3, NOWHERE) \
	FIELD(IPV4, FRAGOFF, 51, 13, NOWHERE) \
	FIELD(IPV4, TTL, 64, 8, OUTER) \
	FIELD(IPV4, PROTO, 72, 8, NOWHERE) \
	FIELD(IPV4, CKSUM, 80, 16, PACKET) \
	FIELD(IPV4, SRC, 96, 32, NOWHERE) \
	FIELD(IPV4, DST, 128, 32, NOWHERE) \
	FIELD(UDP, SPORT, 0, 16, NOWHERE) \
	FIELD(UDP, DPORT, 16, 16, NOWHERE) \
	FIELD(UDP, LEN, 32, 16, PACKET) \
	FIELD(UDP, CKSUM, 48, 16, PACKET) \
	FIELD(UDPLITE, SPORT, 0, 16, NOWHERE) \
	FIELD(UDPLITE, DPORT, 16, 16, NOWHERE) \
	FIELD(UDPLITE, COV, 32, 16, PACKET) \
	FIELD(UDPLITE, CKSUM, 48, 16, PACKET) \
	FIELD(TCP, SPORT, 0, 16, NOWHERE) \
	FIELD(TCP, DPORT, 16, 16, NOWHERE) \
	FIELD(TCP, SEQ, 32, 32, NOWHERE) \
	FIELD(TCP, ACK, 64, 32, NOWHERE) \
	FIELD(TCP, DOFF, 96, 4, NOWHERE) \
	FIELD(TCP, RSVFLAGS, 100, 12, NOWHERE) \
	FIELD(TCP, WIN, 112, 16, NOWHERE) \
	FIELD(TCP, CKSUM, 128, 16, PACKET) \
	FIELD(TCP, URG, 144, 16, NOWHERE) \
	FIELD(SCTP, SPORT, 0, 16, NOWHERE) \
	FIELD(SCTP, DPORT, 16, 16, NOWHERE) \
	FIELD(SCTP, VTAG, 32, 32, NOWHERE) \
	FIELD(SCTP, CKSUM, 64, 32, PACKET) \
	FIELD(ESP, SPI, 0, 32, NOWHERE) \
	FIELD(ESP, SN, 32, 32, NOWHERE) \
	FIELD(ICMPV6, TYPE, 0, 8, NOWHERE) \
	FIELD(ICMPV6, CODE, 8, 8, NOWHERE) \
	FIELD(ICMPV6, CKSUM, 16, 16, PACKET) \
	FIELD(ICMPV6, IDENT, 32, 16, NOWHERE) \
	FIELD(ICMPV6, SEQNO, 48, 16, NOWHERE) \
	FIELD(ICMP, TYPE, 0, 8, NOWHERE) \
	FIELD(ICMP, CODE, 8, 8, NOWHERE) \
	FIELD(ICMP, CKSUM, 16, 16, PACKET) \
	FIELD(ICMP, IDENT, 32, 16, NOWHERE) \
	FIELD(ICMP, SEQNO, 48, 16, NOWHERE) \
	FIELD(COAP, VER, 0, 2, NOWHERE) \
	FIELD(COAP, TYPE, 2, 2, NOWHERE) \
	FIELD(COAP, TKL, 4, 4, NOWHERE) \
	FIELD(COAP, CODE, 8, 8, NOWHERE) \
	FIELD(COAP, MID, 16, 16, NOWHERE)

/*
 * Other names for bits of the same headers (RFC 8724 10, RFC 9363): ROLE(layer, name, first bit on
 * the way Up, width, source, whose). Down, Dev's and App's fields change places.
 */
#define SCHC_ROLE_LIST(ROLE) \
	ROLE(IPV6, TC, 4, 8, OUTER, BY_PLACE) \
	ROLE(IPV6, DEVPREFIX, 64, 64, NOWHERE, OF_DEV) \
	ROLE(IPV6, DEVIID, 128, 64, NOWHERE, OF_DEV) \
	ROLE(IPV6, APPPREFIX, 192, 64, NOWHERE, OF_APP) \
	ROLE(IPV6, APPIID, 256, 64, NOWHERE, OF_APP) \
	ROLE(IPV4, DEV, 96, 32, NOWHERE, OF_DEV) \
	ROLE(IPV4, APP, 128, 32, NOWHERE, OF_APP) \
	ROLE(UDP, DEVPORT, 0, 16, NOWHERE, OF_DEV) \
	ROLE(UDP, APPPORT, 16, 16, NOWHERE, OF_APP) \
	ROLE(UDPLITE, DEVPORT, 0, 16, NOWHERE, OF_DEV) \
	ROLE(UDPLITE, APPPORT, 16, 16, NOWHERE, OF_APP) \
	ROLE(TCP, DEVPORT, 0, 16, NOWHERE, OF_DEV) \
	ROLE(TCP, APPPORT, 16, 16, NOWHERE, OF_APP) \
	ROLE(SCTP, DEVPORT, 0, 16, NOWHERE, OF_DEV) \
	ROLE(SCTP, APPPORT, 16, 16, NOWHERE, OF_APP)

/* What follows CoAP's fixed header: OPTION(name, option number), in the order of the numbers. */
#define SCHC_OPTION_LIST(OPTION) \
	OPTION(TOKEN, 0) /* not an option, but before them */ \
	OPTION(IF_MATCH, 1) \
	OPTION(URI_HOST, 3) \
	OPTION(ETAG, 4) \
	OPTION(IF_NONE_MATCH, 5) \
	OPTION(OBSERVE, 6) \
	OPTION(URI_PORT, 7) \
	OPTION(LOCATION_PATH, 8) \
	OPTION(OSCORE, 9) \
	OPTION(URI_PATH, 11) \
	OPTION(CONTENT_FORMAT, 12) \
	OPTION(MAX_AGE, 14) \
	OPTION(URI_QUERY, 15) \
	OPTION(HOP_LIMIT, 16) \
	OPTION(ACCEPT, 17) \
	OPTION(LOCATION_QUERY, 20) \
	OPTION(BLOCK2, 23) \
	OPTION(BLOCK1, 27) \
	OPTION(SIZE2, 28) \
	OPTION(PROXY_URI, 35) \
	OPTION(PROXY_SCHEME, 39) \
	OPTION(SIZE1, 60) \
	OPTION(ECHO, 252) \
	OPTION(NO_RESPONSE, 258) \
	OPTION(REQUEST_TAG, 292)

/* What the value of an option consists of (RFC 8824 6.4): PART(name, option number, which part). */
#define SCHC_PART_LIST(PART) \
	PART(OSCORE_FLAGS, 9, 1) \
	PART(OSCORE_PIV, 9, 2) \
	PART(OSCORE_KIDCTX, 9, 3) \
	PART(OSCORE_KID, 9, 4)

enum { SCHC_OSCORE_PARTS = 4 };

enum schc_fid {
#define SCHC_FIELD_ENUM(layer, name, bit, width, source) SCHC_##layer##_##name,
	SCHC_FIELD_LIST(SCHC_FIELD_ENUM)
#undef SCHC_FIELD_ENUM
#define SCHC_ROLE_ENUM(layer, name, bit, width, source, role) SCHC_##layer##_##name,
		SCHC_ROLE_LIST(SCHC_ROLE_ENUM)
#undef SCHC_ROLE_ENUM
#define SCHC_OPTION_ENUM(name, number) SCHC_COAP_##name,
			SCHC_OPTION_LIST(SCHC_OPTION_ENUM)
#undef SCHC_OPTION_ENUM
#define SCHC_PART_ENUM(name, number, part) SCHC_COAP_##name,
				SCHC_PART_LIST(SCHC_PART_ENUM)
#undef SCHC_PART_ENUM
					SCHC_FIDS
};

struct schc_field {
	const char *name; /* "IPV6.VER" */
	uint8_t layer;    /* enum schc_layer */
	uint8_t source;   /* enum schc_source */
	uint8_t width;    /* bits; 0: token or option, as long as the packet has it */
	uint8_t role;     /* enum schc_role */
	uint16_t bit;     /* of the layer's header, 0 is the most significant bit of octet 0 */
	uint16_t option;  /* CoAP option number, or 0 */
	uint8_t part;     /* of that option's value, or 0: all of it */
};

/* fid below SCHC_FIDS. */
const struct schc_field *schc_field(enum schc_fid fid);
/* Its bit in the header of a packet that goes Up, or Down. */
unsigned schc_field_bit(enum schc_fid fid, bool down);
/* The first field of a layer in header order; the others follow it. */
enum schc_fid schc_layer_first(enum schc_layer layer);
unsigned schc_layer_fields(enum schc_layer layer); /* how many */
unsigned schc_layer_len(enum schc_layer layer);    /* octets of its header, without options */

#endif
