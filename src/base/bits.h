/* SPDX-License-Identifier: Apache-2.0 */
/* Bit writer and bit reader over an octet range, most significant bit first (RFC 8724 residues). */
#ifndef DIETVPN_BASE_BITS_H
#define DIETVPN_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits_writer {
	uint8_t *data;
	size_t cap;   /* octets */
	size_t nbits; /* written so far */
};

struct bits_reader {
	const uint8_t *data;
	size_t len;   /* octets */
	size_t nbits; /* read so far */
};

/* The n low bits of value, n <= 64. false: no room, nothing written. Unwritten bits are zeroed. */
bool bits_put(struct bits_writer *w, uint64_t value, unsigned n);
/* n bits from octets at src, beginning with bit src_bit. */
bool bits_put_range(struct bits_writer *w, const uint8_t *src, size_t src_bit, size_t n);
/* Zero bits up to the next octet boundary; returns octets used. */
size_t bits_pad(struct bits_writer *w);

/* n <= 64 bits, right-aligned in *value. false: not enough data, nothing read. */
bool bits_get(struct bits_reader *r, unsigned n, uint64_t *value);
/* n bits to octets at dst, beginning with bit dst_bit; the other bits of dst stay. */
bool bits_get_range(struct bits_reader *r, uint8_t *dst, size_t dst_bit, size_t n);
/* Octets touched so far, the partly read one included. */
size_t bits_octets(const struct bits_reader *r);

#endif
