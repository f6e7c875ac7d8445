/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes of strangers: a table of fixed size, cookies, budgets (RFC 7296 2.6, RFC 8019 4). */
#ifndef DIETVPN_IKEV2_HALF_OPEN_H
#define DIETVPN_IKEV2_HALF_OPEN_H

#include "ikev2/ikev2.h"

enum {
	HALF_SLOTS = 4096,
	HALF_STRANGERS = 3072, /* that prefixes may have which nobody authenticated from */
	HALF_INIT_LEN = 512,   /* IKE_SA_INIT kept in the slot itself */
	HALF_LONG_LEN = 3072,
	HALF_LONG_SLOTS = 256,
	HALF_LONG_STRANGERS = 192,
	HALF_LIFE_MS = 30000,
	HALF_ATTEMPTS = 3, /* IKE_AUTH that does not verify */
	HALF_COOKIE_LEN = 17,
};

/* One handshake between its two exchanges. */
struct half {
	uint8_t spis[2 * IKE_SPI_LEN];
	struct way way;
	struct chosen chosen;
	uint8_t nonce_r[NONCE_LEN_MAX], nonce_r_len;
	/* What stands in our answer beside what has to; hashes: bits 1 << SIGN_HASH_.. */
	bool nat, ppk, childless, fragments, key_request;
	uint32_t hashes;
	bool dh_done;
	uint8_t attempts;
	uint8_t secret[DH_PRIVATE_MAX]; /* our private key; once dh_done what is shared */
	uint8_t public_key[DH_PUBLIC_MAX];
	uint64_t at_ms, next_iv, digest;
	uint32_t prefix;
	bool familiar;                      /* its prefix: it does not make place for strangers */
	uint16_t bucket_next, older, newer; /* places in the table, HALF_SLOTS: none */
	uint16_t init_len, long_at;         /* long_at: HALF_LONG_SLOTS where the slot holds it */
	struct assembly *assembly; /* IKE_AUTH of which fragments are missing; NULL: none */
	uint8_t init[HALF_INIT_LEN];
};

struct half_open *half_open_create(struct keying *k);
void half_open_destroy(struct half_open *h);
size_t half_open_count(const struct half_open *h);

/* The handshake that this very IKE_SA_INIT began; NULL: none. */
struct half *half_find_init(struct half_open *h, struct slice init);
/* The one that has this SPI of ours; NULL: none. */
struct half *half_find(struct half_open *h, const uint8_t spi_r[IKE_SPI_LEN]);
/*
 * A place for a new one, the oldest one's of its kind where there is none; spis, way, at_ms, init
 * are set. NULL: init is too long.
 */
struct half *half_add(struct half_open *h, const uint8_t spi_i[IKE_SPI_LEN], const struct way *way,
	struct slice init);
void half_drop(struct half_open *h, struct half *half); /* wipes */
struct slice half_init(const struct half_open *h, const struct half *half);
/* Drops those that are too old; false: none is left. */
bool half_expire(struct half_open *h);

/* Whether a stranger at this address has to show a cookie first. */
bool half_wants_cookie(const struct half_open *h, const struct ip_addr *from);
void half_cookie(struct half_open *h, const struct message *m, struct slice nonce,
	const struct ip_addr *from, uint8_t out[HALF_COOKIE_LEN]);
bool half_cookie_holds(struct half_open *h, const struct message *m, struct slice nonce,
	const struct ip_addr *from, struct slice cookie);

/*
 * Our half of the key exchange for this handshake. Where cookies are asked for one value serves all
 * of a second (RFC 7296 2.12): making one costs more than all the rest. 0 or negative errno.
 */
int half_generate(struct half_open *h, struct half *half, const struct dh_group *group);

/* Budgets per second: unprotected error notifies, of which one prefix gets one; and Diffie-Hellman.
 * from NULL: the notify is part of a good handshake, its prefix may have more. */
bool half_may_refuse(struct half_open *h, const struct ip_addr *from);
bool half_may_compute(struct half_open *h, const struct half *half);

/* Somebody has authenticated from here: a quarter of all this is for such prefixes. */
void half_learn(struct half_open *h, const struct ip_addr *from);
/* What was learned outlives us. */
void half_save(struct half_open *h);

#endif
