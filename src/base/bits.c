/* SPDX-License-Identifier: Apache-2.0 */
/* Bit writer and reader, most significant bit first: how RFC 8724 section 7 lays out residues. */
#include "base/bits.h"

#include <string.h>

static unsigned min_unsigned(size_t a, unsigned b)
{
	return a < b ? (unsigned)a : b;
}

/* The n <= 8 bits from bit "at" on, right-aligned. */
static unsigned peek(const uint8_t *data, size_t at, unsigned n)
{
	unsigned skip = at & 7;
	unsigned both = (unsigned)data[at >> 3] << 8;

	if (skip + n > 8)
		both |= data[(at >> 3) + 1];
	return both >> (16 - skip - n) & ((1u << n) - 1);
}

/* Sets n bits that lie within one octet and leaves the others. */
static void poke(uint8_t *octet, unsigned skip, unsigned n, unsigned value)
{
	unsigned shift = 8 - skip - n;
	unsigned mask = ((1u << n) - 1) << shift;

	*octet = (uint8_t)((*octet & ~mask) | (value << shift & mask));
}

/* Copies n bits; octets of dst that are partly hit keep their other bits. */
static void copy_bits(uint8_t *dst, size_t dst_at, const uint8_t *src, size_t src_at, size_t n)
{
	if (!((dst_at | src_at) & 7)) {
		size_t octets = n >> 3;

		if (octets)
			memcpy(dst + (dst_at >> 3), src + (src_at >> 3), octets);
		dst_at += octets * 8;
		src_at += octets * 8;
		n &= 7;
	}
	while (n) {
		unsigned skip = dst_at & 7;
		unsigned step = min_unsigned(n, 8 - skip);

		poke(&dst[dst_at >> 3], skip, step, peek(src, src_at, step));
		dst_at += step;
		src_at += step;
		n -= step;
	}
}

static bool room(const struct bits_writer *w, size_t n)
{
	return w->nbits <= w->cap * 8 && n <= w->cap * 8 - w->nbits;
}

/* The last octet touched has zeros behind the last bit written. */
static void clear_rest(struct bits_writer *w)
{
	unsigned used = w->nbits & 7;

	if (used)
		w->data[w->nbits >> 3] &= (uint8_t)(0xff00u >> used);
}

bool bits_put(struct bits_writer *w, uint64_t value, unsigned n)
{
	if (n > 64 || !room(w, n))
		return false;
	while (n) {
		unsigned skip = w->nbits & 7;
		unsigned step = min_unsigned(n, 8 - skip);

		poke(&w->data[w->nbits >> 3], skip, step, (unsigned)(value >> (n - step)) & 0xff);
		w->nbits += step;
		n -= step;
	}
	clear_rest(w);
	return true;
}

bool bits_put_range(struct bits_writer *w, const uint8_t *src, size_t src_bit, size_t n)
{
	if (!room(w, n))
		return false;
	copy_bits(w->data, w->nbits, src, src_bit, n);
	w->nbits += n;
	clear_rest(w);
	return true;
}

size_t bits_pad(struct bits_writer *w)
{
	w->nbits = (w->nbits + 7) & ~(size_t)7;
	return w->nbits >> 3;
}

static bool left(const struct bits_reader *r, size_t n)
{
	return r->nbits <= r->len * 8 && n <= r->len * 8 - r->nbits;
}

bool bits_get(struct bits_reader *r, unsigned n, uint64_t *value)
{
	uint64_t v = 0;

	if (n > 64 || !left(r, n))
		return false;
	while (n) {
		unsigned step = min_unsigned(n, 8 - (r->nbits & 7));

		v = v << step | peek(r->data, r->nbits, step);
		r->nbits += step;
		n -= step;
	}
	*value = v;
	return true;
}

bool bits_get_range(struct bits_reader *r, uint8_t *dst, size_t dst_bit, size_t n)
{
	if (!left(r, n))
		return false;
	copy_bits(dst, dst_bit, r->data, r->nbits, n);
	r->nbits += n;
	return true;
}

size_t bits_octets(const struct bits_reader *r)
{
	return (r->nbits + 7) >> 3;
}
