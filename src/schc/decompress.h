/* SPDX-License-Identifier: Apache-2.0 */
/* Residue -> header by a compiled plan, RFC 8724 7.2; computed fields last (diet-esp.md 8). */
#ifndef DIETVPN_SCHC_DECOMPRESS_H
#define DIETVPN_SCHC_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_reader;
struct outer;
struct schc_plan;

/*
 * Writes plan->header_len octets of header from the len octets at residue; fields under lower come
 * from outer, computed ones are 0. header must not overlap the residue. false: residue too short,
 * a mapping index without entry, or an IHL other than 5.
 */
bool schc_decompress(const struct schc_plan *plan, const uint8_t *residue, size_t len,
	uint8_t *header, const struct outer *outer);

/* The same with plan->residue_bits bits from a reader, which then stands behind them. */
bool schc_decompress_from(const struct schc_plan *plan, struct bit_reader *in, uint8_t *header,
	const struct outer *outer);

/*
 * Fills in lengths, generated fields and checksums of the restored packet, at most 65535 octets.
 * A rule that begins with layer 4 takes the addresses from outer: remote sent it, local received.
 */
void schc_compute(
	const struct schc_plan *plan, uint8_t *packet, size_t len, const struct outer *outer);

#endif
