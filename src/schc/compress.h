/* SPDX-License-Identifier: Apache-2.0 */
/* Header -> residue by a compiled plan, RFC 8724 7.2. */
#ifndef DIETVPN_SCHC_COMPRESS_H
#define DIETVPN_SCHC_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_writer;
struct outer;
struct schc_plan;

/*
 * Every matching operator holds for the header, its len octets are enough, and an IPv4 header has
 * no options. Computed fields are not looked at: whether computing restores them is the caller's
 * guard (diet/iipc.c).
 */
bool schc_matches(const struct schc_plan *plan, const uint8_t *header, size_t len);

/*
 * Writes plan->residue_len octets (pad bits are 0) to residue, which may overlap the header, and
 * the fields under lower into outer; other fields of outer stay. Only for headers that match.
 */
void schc_compress(
	const struct schc_plan *plan, const uint8_t *header, uint8_t *residue, struct outer *outer);

/* The same for a header that is already loaded as words (schc/words.h) and long enough. */
bool schc_matches_words(const struct schc_plan *plan, const uint64_t *words);
/* Appends plan->residue_bits bits. */
void schc_put_residue(const struct schc_plan *plan, const uint64_t *words, struct bit_writer *out);
void schc_take_lower(const struct schc_plan *plan, const uint64_t *words, struct outer *outer);

#endif
