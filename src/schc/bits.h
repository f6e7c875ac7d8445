/* SPDX-License-Identifier: Apache-2.0 */
/* A residue bit by bit, most significant first (RFC 8724 7.2): what comes before it, and reading.
 */
#ifndef DIETVPN_SCHC_BITS_H
#define DIETVPN_SCHC_BITS_H

#include "base/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out has 8 octets more room than are written. */
struct bit_writer {
	uint8_t *out;
	size_t at;        /* whole octets so far */
	uint64_t pending; /* left-aligned */
	unsigned fill;    /* bits of pending, below 8 */
};

/* bits 1 to 56; value has no others. */
static inline void bits_put_some(struct bit_writer *w, uint64_t value, unsigned bits)
{
	w->fill += bits;
	w->pending |= value << (64 - w->fill);
	put_be64(w->out + w->at, w->pending);
	w->at += w->fill / 8;
	w->pending <<= w->fill & ~7u;
	w->fill &= 7;
}

static inline void bits_put(struct bit_writer *w, uint64_t value, unsigned bits) /* or none */
{
	if (bits)
		bits_put_some(w, value, bits);
}

static inline void bits_put_octets(struct bit_writer *w, const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bits_put(w, octets[i], 8);
}

/* Octets written, the last one padded with 0. */
static inline size_t bits_written(const struct bit_writer *w)
{
	return w->at + (w->fill ? 1 : 0);
}

struct bit_reader {
	const uint8_t *in;
	size_t at, end; /* bits */
	bool short_of;  /* more was asked for than there is */
};

/* Octet by octet, bits 0 to 32; 0 behind the end. */
static inline uint32_t bits_get(struct bit_reader *r, unsigned bits)
{
	uint64_t value = 0;
	unsigned got = 0;

	if (bits > r->end - r->at) {
		r->short_of = true;
		r->at = r->end;
		return 0;
	}
	while (got < bits) {
		unsigned rest = 8 - r->at % 8;
		unsigned take = bits - got < rest ? bits - got : rest;
		unsigned octet = r->in[r->at / 8] & 0xffu >> (8 - rest);

		value = value << take | octet >> (rest - take);
		got += take;
		r->at += take;
	}
	return (uint32_t)value;
}

#endif
