/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway knows of an enrolled device without storing it: its PSK (RFC 5869) and address. */
#ifndef DIETVPN_CRYPTO_ENROL_H
#define DIETVPN_CRYPTO_ENROL_H

#include "dietvpn/types.h"

#include <stddef.h>
#include <stdint.h>

enum {
	ENROL_PSK_LEN = 16,
	ENROL_MASTER_MIN = 16,
	ENROL_MASTER_MAX = 64, /* of what a file may hold */
	ENROL_ID_MAX = 255,    /* octets of an identity */
};

/*
 * The text of the file that Master = names, base64 of 16 to 64 octets (`dietvpn genkey` writes 32),
 * to the master itself, which the caller wipes. 0 or -EINVAL; master is then wiped.
 */
int enrol_master(struct slice text, uint8_t master[ENROL_MASTER_MAX], size_t *len);

/*
 * The PSK of one device: HKDF-SHA-256, no salt, the master as input keying material and as info
 *     "dietvpn psk v1" | 0x00 | generation (32 bits) | id
 * Only the last part varies in length, so two different pairs of id and generation never give the
 * same info. id: the octets of the identity as the operator writes it, "sensor-07". The caller
 * wipes psk. 0, or -EINVAL: no identity, one that is too long, or a master that is too short.
 */
int enrol_psk(
	struct slice master, struct slice id, uint32_t generation, uint8_t psk[ENROL_PSK_LEN]);

/* Where the inner addresses of devices come from. */
struct enrol_pool {
	struct ip_addr prefix; /* its host bits do not matter */
	uint8_t prefix_len;
	struct ip_addr gateway; /* our own, which nobody gets; family 0: none */
};

/*
 * The inner address of a device, from SHA-256("dietvpn address v1" | 0x00 | probe | id), probe
 * being 32 bits. IPv6 with 64 or more host bits: the first 64 bits of the digest that are no
 * reserved interface identifier (RFC 5453, 4291 2.6.1, 2526) and not the gateway's. Else: the first
 * 64 bits, with probe 0 in the hash, modulo the usable hosts, and probe hosts further: the probes
 * below the number of usable hosts visit each once. Usable is what is neither the gateway's nor,
 * where there are more than two hosts, the subnet's own address and (IPv4) its broadcast.
 *
 * probe: 0, and one more each time the address has turned out to be another device's. 0, -EINVAL
 * (no identity, one that is too long, no such prefix) or -ENOSPC (every usable host was probed).
 */
int enrol_address(
	const struct enrol_pool *pool, struct slice id, uint32_t probe, struct ip_addr *out);

#endif
