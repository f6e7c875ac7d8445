/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the plain forwarding loop: an AEAD, super-packets cut into datagrams, datagrams
 * joined to super-packets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <openssl/evp.h>

enum {
	LOOP_HEAD = 8, /* the counter before a sealed packet, in clear */
	LOOP_TAG = 16,
	LOOP_PACKET_OCTETS = 2000,
	LOOP_TUN_OCTETS = 65535 + 64,
	LOOP_MESSAGES = 64, /* of one sendmmsg */
	LOOP_SEGMENTS = 64, /* of one message or of one run */
	LOOP_RUN_OCTETS = 65000,
	LOOP_TX_OCTETS = 1 << 20
};

/* An AEAD with a zero key; head and tag are the octets that it adds, 0 for none. */
struct cipher {
	size_t head, tag;
	uint64_t counter;
	uint8_t key[32];
	EVP_CIPHER_CTX *seal, *open; /* AES-GCM only */
};

/* Sets up "none", "chacha" or "gcm"; false for another word or without memory. */
bool cipher_init(struct cipher *c, const char *name);
/* Frees what cipher_init() took. */
void cipher_end(struct cipher *c);
/* Seals n octets that stand at at + head, in place; returns the octets to send from at. */
size_t cipher_seal(struct cipher *c, uint8_t *at, size_t n);
/* Opens *n octets in place; the packet and its length in *n, or NULL when it does not verify. */
uint8_t *cipher_open(struct cipher *c, uint8_t *at, size_t *n);

/* Datagrams of equal length that leave as one message; a shorter one is its last. */
struct tx_message {
	size_t at, octets, size, count;
};

/* Sealed packets on their way to the socket. */
struct tx {
	int sock;
	size_t used, n;
	struct tx_message message[LOOP_MESSAGES];
	uint8_t octets[LOOP_TX_OCTETS];
};

/* Cuts what the TUN gave (virtio header first) into packets, checksums them, seals them into tx. */
void segment(struct tx *tx, struct cipher *c, const uint8_t *from_tun, size_t n);
/* Sends everything that stands in tx; what the kernel refuses is lost. */
void tx_flush(struct tx *tx);

/* Consecutive packets of one flow, as one super-packet for the TUN. Payloads stay where they are
 * until run_flush(). */
struct run {
	int tun;
	bool closed;
	size_t n, l4, header, size, payload;
	uint32_t next; /* TCP sequence number that would continue it */
	uint8_t *head;
	struct iovec part[LOOP_SEGMENTS + 1];
};

/* Adds a packet to the run, or writes the run and begins another. */
void run_join(struct run *r, uint8_t *packet, size_t n);
/* Writes what is open. */
void run_flush(struct run *r);
