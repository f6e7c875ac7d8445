/* SPDX-License-Identifier: Apache-2.0 */
/* Token and options from a rule and its residue, RFC 8724 7.4 and RFC 8824 4.5 to 6. */
#ifndef DIETVPN_SCHC_TAIL_RESTORE_H
#define DIETVPN_SCHC_TAIL_RESTORE_H

#include <stddef.h>
#include <stdint.h>

struct bit_reader;
struct schc_tail;

/*
 * Reads the residue and writes token and options to out, tkl being the token's length. Octets
 * written, or -1: residue too short or not one that compressing leaves, or more than cap octets.
 */
int schc_tail_decompress(const struct schc_tail *tail, unsigned tkl, struct bit_reader *in,
	uint8_t *out, size_t cap);

#endif
