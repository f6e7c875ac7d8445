/* SPDX-License-Identifier: Apache-2.0 */
/* One IKE message: header, the SK payload that seals what follows (RFC 7296 3.1 and 3.14, 5282). */
#ifndef DIETVPN_IKEV2_MESSAGE_H
#define DIETVPN_IKEV2_MESSAGE_H

#include "crypto/aead.h"
#include "ikev2/keymat.h"
#include "ikev2/payload.h"

enum {
	IKE_HEADER_LEN = 28,
	MESSAGE_FLAG_INITIATOR = 0x08, /* of the sender: he owns SPIi */
	MESSAGE_FLAG_RESPONSE = 0x20,
	MESSAGE_MAX = 65507,
	MESSAGE_SK_OVERHEAD = IKE_HEADER_LEN + PAYLOAD_HEADER_LEN + 8,
};

struct message {
	uint8_t spis[2 * IKE_SPI_LEN]; /* SPIi | SPIr */
	uint8_t first, version, exchange, flags;
	uint32_t id;
	struct slice octets; /* all of it, as it came */
};

/* A datagram as a message: one header, its length. 0 or -EBADMSG; the version is for the caller. */
int message_parse(struct slice datagram, struct message *out);

/* A message under way into a block. */
struct message_writer {
	struct message head;
	struct payload_writer payloads;
	uint8_t *data;
	size_t cap;
	bool sealed;
};

/* Payloads follow through w->payloads; sealed: they go into an SK payload. */
void message_begin(struct message_writer *w, const struct message *head, bool sealed, uint8_t *data,
	size_t cap);
/* Length of the finished message, 0 where it did not fit. key NULL: not sealed. iv: 8 octets that
 * this key never had before. */
size_t message_end(struct message_writer *w, struct aead_key *key, uint64_t iv);

/* Octets of a sealed message beside its payloads. */
size_t message_overhead(const struct aead_suite *suite);

/* One of several that make a message, each sealed alone (RFC 7383 2.5); to: room for all of it. */
struct message_fragment {
	uint8_t *to;
	uint16_t number, total;
	struct slice part; /* of the payloads */
};
/* A fragment of the message that w began. Its length, 0 where it cannot be sealed. */
size_t message_seal_fragment(const struct message_writer *w, struct aead_key *key, uint64_t iv,
	const struct message_fragment *f);

/* Cuts the first of several whole messages off; its length is 0 behind the last one. */
struct slice message_next(struct slice *messages);

/*
 * What the SK or SKF payload of a parsed message holds, into plain (cap >= length of the message)
 * and its length; the first inner payload's type is outer->next_sk. 0 or -EBADMSG: not authentic.
 */
int message_open(const struct message *m, const struct payloads *outer, struct aead_key *key,
	uint8_t *plain, size_t *len);

#endif
