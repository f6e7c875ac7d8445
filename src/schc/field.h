/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields that SCHC rules speak of (RFC 8724 7.1): identifier, width, place in its header. */
#ifndef DIETVPN_SCHC_FIELD_H
#define DIETVPN_SCHC_FIELD_H

#include <stdint.h>

enum schc_layer {
	SCHC_IPV6,
	SCHC_IPV4,
	SCHC_UDP,
	SCHC_UDPLITE,
	SCHC_TCP,
	SCHC_SCTP,
	SCHC_ESP,
	SCHC_LAYERS
};

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
	FIELD(ESP, SN, 32, 32, NOWHERE)

enum schc_fid {
#define SCHC_FIELD_ENUM(layer, name, bit, width, source) SCHC_##layer##_##name,
	SCHC_FIELD_LIST(SCHC_FIELD_ENUM)
#undef SCHC_FIELD_ENUM
		SCHC_FIDS
};

struct schc_field {
	const char *name; /* "IPV6.VER" */
	uint8_t layer;    /* enum schc_layer */
	uint8_t source;   /* enum schc_source */
	uint8_t width;    /* bits */
	uint8_t bit;      /* of the layer's header, 0 is the most significant bit of octet 0 */
};

/* fid below SCHC_FIDS. */
const struct schc_field *schc_field(enum schc_fid fid);
/* The first field of a layer in header order; the others follow it. */
enum schc_fid schc_layer_first(enum schc_layer layer);
unsigned schc_layer_fields(enum schc_layer layer); /* how many */
unsigned schc_layer_len(enum schc_layer layer);    /* octets of its header, without options */

#endif
