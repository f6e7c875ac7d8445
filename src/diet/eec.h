/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted ESP compressor (EEC): SPI and SN to their low bits and back, diet-esp.md section 5. */
#ifndef DIETVPN_DIET_EEC_H
#define DIETVPN_DIET_EEC_H

#include "base/drop.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct diet_context;

/* pkt begins with the IV or ciphertext: puts the shortened header in front. DROP_NO_BUFFER. */
enum drop eec_compress(const struct diet_context *context, uint64_t sequence, struct buf *pkt);

/*
 * pkt begins with the shortened header: takes it off and tells the SN's low bits. DROP_ESP_SHORT.
 * The SPI bits are not looked at again: they found the SA.
 */
enum drop eec_parse(const struct diet_context *context, struct buf *pkt, uint32_t *sn_lsb);

/*
 * Section 5.1: the full number from n low bits, the highest authenticated number T and the window
 * W. false: none possible (beyond 2^32-1 without ESN).
 */
bool eec_restore_sequence(
	uint32_t lsb, unsigned n, uint64_t highest, uint32_t window, bool esn, uint64_t *sequence);

#endif
