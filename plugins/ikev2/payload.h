/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of payloads in a message: cut and judged as a whole, and written (RFC 7296 3.2). */
#ifndef DIETVPN_IKEV2_PAYLOAD_H
#define DIETVPN_IKEV2_PAYLOAD_H

#include "dietvpn/types.h"
#include "ikev2/numbers.h"

#include <stdbool.h>

enum {
	PAYLOAD_HEADER_LEN = 4,
	PAYLOADS_MAX = 64, /* in one message */
	PAYLOADS_NOTIFY_MAX = 24,
	PAYLOADS_CERT_MAX = 4,
	PAYLOADS_DELETE_MAX = 4,
	NONCE_MIN = 16,
	NONCE_MAX = 256,
	COOKIE_MAX = 64,
	ID_HEADER_LEN = 4, /* type and three zero octets: part of what AUTH covers */
	AUTH_HEADER_LEN = 4,
	KE_HEADER_LEN = 4,
};

struct notify {
	uint16_t type;
	uint8_t protocol;
	struct slice spi, data;
};

/* ESP SPIs (4 octets each) or, with protocol IKE, none. */
struct delete_list {
	uint8_t protocol;
	uint16_t n;
	struct slice spis;
};

/*
 * What a message holds. Slices are bodies behind the generic header, and point into the message;
 * data NULL: not there. Every one of them has passed its payload_*_valid.
 */
struct payloads {
	struct slice sa, ke, nonce, id_i, id_r, auth, ts_i, ts_r, cp;
	struct slice cert[PAYLOADS_CERT_MAX];
	struct notify notify[PAYLOADS_NOTIFY_MAX];
	struct delete_list deletes[PAYLOADS_DELETE_MAX];
	size_t n_cert, n_notify, n_delete;
	bool certreq_raw;      /* asks for a raw public key */
	bool vendor_ours;      /* the Vendor ID of this project */
	uint8_t critical;      /* type of an unknown payload with the critical bit; 0: none */
	uint8_t next_sk;       /* SK or SKF ends the chain: the type of its first inner payload */
	uint8_t sk_type;       /* PAYLOAD_SK, PAYLOAD_SKF; 0: none */
	struct slice sk;       /* its body */
	const uint8_t *cookie; /* the payload header of a COOKIE that stands first; NULL: none */
};

/* What each body must be, by type; a body that is not may not be parsed. */
bool payload_sa_valid(struct slice body);
bool payload_ke_valid(struct slice body);
bool payload_nonce_valid(struct slice body);
bool payload_id_valid(struct slice body);
bool payload_cert_valid(struct slice body);
bool payload_auth_valid(struct slice body);
bool payload_notify_valid(struct slice body);
bool payload_delete_valid(struct slice body);
bool payload_ts_valid(struct slice body);
bool payload_cp_valid(struct slice body);

/*
 * The whole chain, whose first payload has this type. 0, or -EBADMSG where a length, an order or a
 * body is not legal; out->critical is for the caller to refuse.
 */
int payloads_parse(uint8_t first, struct slice chain, struct payloads *out);
/* The first notify of this type, NULL: none. */
const struct notify *payloads_notify(const struct payloads *p, uint16_t type);
/* The first error notify (type below 16384), NULL: none. */
const struct notify *payloads_error(const struct payloads *p);
/* The same slice: length and octets. For what is public only. */
bool slice_equal(struct slice a, struct slice b);

/* Appends payloads to a block; overflow sticks. */
struct payload_writer {
	uint8_t *data;
	size_t len, cap;
	uint8_t first; /* type of the first payload */
	uint8_t *next; /* where the type of the next one goes */
	bool overflow;
};

void payload_writer_init(struct payload_writer *w, uint8_t *data, size_t cap);
/* Opens a payload; returns its place for payload_end. */
size_t payload_begin(struct payload_writer *w, enum payload_type type);
void payload_put(struct payload_writer *w, const void *data, size_t len);
void payload_put8(struct payload_writer *w, uint8_t value);
void payload_put16(struct payload_writer *w, uint16_t value);
void payload_put32(struct payload_writer *w, uint32_t value);
void payload_end(struct payload_writer *w, size_t at);

/* Whole payloads. */
void payload_add(struct payload_writer *w, enum payload_type type, struct slice body);
void payload_add_ke(struct payload_writer *w, uint16_t group, struct slice data);
void payload_add_notify(struct payload_writer *w, uint16_t type, struct slice data);
/* About the IKE SA, and said so: RFC 6023 wants the protocol, nobody else does. */
void payload_add_notify_ike(struct payload_writer *w, uint16_t type);
/* About a child: protocol ESP and the SPI that the sender receives on. */
void payload_add_notify_child(struct payload_writer *w, uint16_t type, uint32_t spi);
void payload_add_delete_ike(struct payload_writer *w);
void payload_add_delete_child(struct payload_writer *w, uint32_t spi);
void payload_add_vendor(struct payload_writer *w);

#endif
