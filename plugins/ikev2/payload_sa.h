/* SPDX-License-Identifier: Apache-2.0 */
/* The SA payload: proposals cut, written and matched against what we allow (RFC 7296 3.3). */
#ifndef DIETVPN_IKEV2_PAYLOAD_SA_H
#define DIETVPN_IKEV2_PAYLOAD_SA_H

#include "ikev2/payload.h"

enum {
	PROPOSALS_MAX = 8,   /* later ones are not looked at */
	TRANSFORMS_MAX = 32, /* of one proposal; one with more is not acceptable */
	ALLOWED_MAX = 16,    /* of each type that we offer */
	SPI_MAX = 8,
};

struct transform {
	uint8_t type;
	bool strange; /* an attribute that we do not know: not acceptable */
	uint16_t id, key_bits;
};

struct proposal {
	uint8_t number, protocol, spi_len, n;
	uint8_t spi[SPI_MAX];
	struct transform transforms[TRANSFORMS_MAX];
};

/* What we allow, each list in our order; an empty list: this type must not be chosen. */
struct allowed {
	uint8_t protocol; /* PROTOCOL_IKE or _ESP */
	struct {
		uint16_t encr, key_bits; /* key_bits 0: the transform has no key length */
	} suites[ALLOWED_MAX];
	uint16_t prfs[4], groups[4];
	uint8_t esn[2]; /* 0 and 1 in order of preference */
	size_t n_suites, n_prfs, n_groups, n_esn;
	bool groups_optional; /* ESP: a proposal without KE is fine */
};

/* One transform of each type. */
struct chosen {
	uint8_t number; /* of the proposal */
	uint8_t spi_len;
	uint8_t spi[SPI_MAX]; /* the peer's */
	uint16_t encr, key_bits, prf, group;
	uint8_t esn;
};

/* Cuts a valid body: returns the number of proposals written to out. */
size_t payload_sa_parse(struct slice body, struct proposal out[PROPOSALS_MAX]);
/*
 * The first proposal that we can serve, our order within it. 0, or -ENOENT. group: prefer this one
 * where it is offered and allowed (the peer's KE payload); 0: none.
 */
int payload_sa_choose(
	struct slice body, const struct allowed *allowed, uint16_t group, struct chosen *out);
/* The answer to our offer: one proposal, one transform of each type, all of them offered.
 * 0, or -EBADMSG. */
int payload_sa_accept(struct slice body, const struct allowed *offered, struct chosen *out);
/* Everything allowed as one proposal, number 1. */
void payload_sa_offer(struct payload_writer *w, const struct allowed *allowed, struct slice spi);
/* What was chosen, with our SPI. */
void payload_sa_answer(
	struct payload_writer *w, uint8_t protocol, const struct chosen *chosen, struct slice spi);
/* "aes256-gcm-16", "x25519", "sha256": as Cipher, Exchange and Prf have it, others by their IANA
 * number. Returns text. */
const char *payload_sa_name(const struct transform *t, char *text, size_t cap);
/* It is the name of something that we could allow. */
bool payload_sa_known(const char *name);
/* "chacha20-poly1305 x25519 ..." of all proposals, for people. Returns text. */
const char *payload_sa_print(struct slice body, char *text, size_t cap);

#endif
