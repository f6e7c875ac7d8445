/* SPDX-License-Identifier: Apache-2.0 */
/* A header as big-endian 64-bit words: what compress.c and decompress.c share. */
#ifndef DIETVPN_SCHC_WORDS_H
#define DIETVPN_SCHC_WORDS_H

#include "base/wire.h"

#include <stddef.h>

/* len is a multiple of 4, as every header's is; a half last word is filled with zeros. */
static inline void words_load(uint64_t *words, const uint8_t *header, size_t len)
{
	size_t n = len / 8;

	for (size_t i = 0; i < n; i++)
		words[i] = get_be64(header + 8 * i);
	if (len % 8)
		words[n] = (uint64_t)get_be32(header + 8 * n) << 32;
}

static inline void words_store(const uint64_t *words, uint8_t *header, size_t len)
{
	size_t n = len / 8;

	for (size_t i = 0; i < n; i++)
		put_be64(header + 8 * i, words[i]);
	if (len % 8)
		put_be32(header + 8 * n, (uint32_t)(words[n] >> 32));
}

static inline uint64_t words_mask(unsigned bits) /* 1 to 64 */
{
	return ~(uint64_t)0 >> (64 - bits);
}

#endif
