/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation and what AUTH covers, with the RFC's names (RFC 7296 2.13-2.18, RFC 8784 3). */
#ifndef DIETVPN_IKEV2_KEYMAT_H
#define DIETVPN_IKEV2_KEYMAT_H

#include "crypto/aead.h"
#include "crypto/prf.h"
#include "dietvpn/types.h"

enum side { SIDE_I, SIDE_R }; /* original initiator, original responder */

enum { IKE_SPI_LEN = 8 };

/* SK_ai and SK_ar have no octets: all our ciphers are AEAD. */
struct ike_keys {
	const struct prf *prf;
	const struct aead_suite *suite;
	uint8_t sk_d[PRF_LEN_MAX];
	uint8_t sk_e[2][AEAD_KEYMAT_MAX]; /* by side: key, then salt */
	uint8_t sk_p[2][PRF_LEN_MAX];
};

struct nonces {
	struct slice ni, nr;
};

/* The suite of an IKE or ESP transform; key_bits 0: it has no key length. NULL: none. */
const struct aead_suite *keymat_suite(uint16_t encr, uint16_t key_bits);
size_t keymat_suite_len(const struct aead_suite *suite);

/* SKEYSEED = prf(Ni | Nr, g^ir), and SK_* from it; prf and suite are set. spis: SPIi | SPIr. 0 or
 * -EIO; the caller wipes. */
int keymat_ike(struct ike_keys *keys, struct slice g_ir, const struct nonces *n,
	const uint8_t spis[2 * IKE_SPI_LEN]);
/* SKEYSEED = prf(SK_d(old), g^ir (new) | Ni | Nr), RFC 7296 2.18. */
int keymat_ike_rekeyed(struct ike_keys *keys, const struct ike_keys *old, struct slice g_ir,
	const struct nonces *n, const uint8_t spis[2 * IKE_SPI_LEN]);
/* SK_d, SK_pi and SK_pr mixed with the PPK, RFC 8784 3. */
int keymat_ppk(struct ike_keys *keys, struct slice ppk);
/* KEYMAT = prf+(SK_d, [g^ir (new)] | Ni | Nr); g_ir empty: without. */
int keymat_child(const struct ike_keys *keys, struct slice g_ir, const struct nonces *n,
	uint8_t *out, size_t len);

/* What one side signs: message | nonce of the other | prf(SK_p, ID body). */
struct auth_octets {
	struct slice message, nonce;
	uint8_t maced_id[PRF_LEN_MAX];
	size_t maced_id_len;
};
int keymat_auth_octets(
	const struct ike_keys *keys, enum side side, struct slice id, struct auth_octets *out);
/* prf(PSK, "Key Pad for IKEv2"): what is kept of a PSK. */
int keymat_psk_pad(const struct prf *prf, struct slice psk, uint8_t pad[PRF_LEN_MAX]);
/* AUTH = prf(pad, octets), prf->len octets. */
int keymat_psk_auth(const struct prf *prf, const uint8_t *pad, const struct auth_octets *octets,
	uint8_t auth[PRF_LEN_MAX]);

#endif
