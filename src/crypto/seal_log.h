/* SPDX-License-Identifier: Apache-2.0 */
/* Test builds only: one line for every nonce, before the cipher gets it, so that reuse is found. */
#ifndef DIETVPN_CRYPTO_SEAL_LOG_H
#define DIETVPN_CRYPTO_SEAL_LOG_H

#include "aead.h"

/*
 * Appends "KEYID NONCE" in hex to the file that the environment variable DIETVPN_SEAL_LOG names;
 * KEYID is BLAKE2b-128 of key and salt. Without the variable nothing happens. -EIO: the line is
 * not in the file, so the packet must not leave.
 */
int seal_log(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_MAX]);

#endif
