/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted ESP compressor: SPI and SN (RFC 4303 2.1, 2.2) as their least significant bits. */
#include "diet/eec.h"

#include "diet/context.h"
#include "base/buf.h"
#include "base/wire.h"

enum { HEADER_MAX = 8 };

static uint64_t low_bits(uint64_t value, unsigned n)
{
	return n ? value & ~(uint64_t)0 >> (64 - n) : 0;
}

enum drop eec_compress(const struct diet_context *context, uint64_t sequence, struct buf *pkt)
{
	uint64_t header = low_bits(context->spi, context->spi_bits) << context->sn_bits |
			  low_bits(sequence, context->sn_bits);
	uint8_t *at = buf_push(pkt, context->header_len);

	if (!at)
		return DROP_NO_BUFFER;
	for (unsigned i = context->header_len; i > 0; i--) {
		at[i - 1] = (uint8_t)header;
		header >>= 8;
	}
	return DROP_NONE;
}

enum drop eec_parse(const struct diet_context *context, struct buf *pkt, uint32_t *sn_lsb)
{
	uint64_t header = 0;

	if (pkt->len < context->header_len)
		return DROP_ESP_SHORT;
	for (unsigned i = 0; i < context->header_len; i++)
		header = header << 8 | pkt->data[i];
	buf_pull(pkt, context->header_len);
	*sn_lsb = (uint32_t)low_bits(header, context->sn_bits);
	return DROP_NONE;
}

bool eec_restore_sequence(
	uint32_t lsb, unsigned n, uint64_t highest, uint32_t window, bool esn, uint64_t *sequence)
{
	uint64_t range = low_bits(~(uint64_t)0, n); /* 2^n - 1 */
	uint64_t reach = window < range ? window : range;
	uint64_t first;
	uint64_t candidate;

	/* With a reach of 0 only the number behind the highest is possible, and that may not be. */
	if (!reach && highest == UINT64_MAX)
		return false;
	first = highest >= reach ? highest - reach + 1 : 1;
	if (!first)
		first = 1;
	candidate = first + ((lsb - first) & range);
	if (candidate < first || (!esn && candidate > UINT32_MAX))
		return false;
	*sequence = candidate;
	return true;
}
