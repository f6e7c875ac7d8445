/* SPDX-License-Identifier: Apache-2.0 */
/* Clear text ESP compressor: which parts of the trailer of RFC 4303 2.4 to 2.6 travel. */
#include "diet/ctec.h"

#include "diet/context.h"
#include "base/buf.h"

size_t ctec_trailer_len(const struct diet_context *context, size_t len)
{
	size_t fixed = (size_t)context->pad_length_sent + context->next_header_sent;

	/* align is a power of two; 1 means no padding. */
	return fixed + (-(len + fixed) & (context->align - 1u));
}

enum drop ctec_add_trailer(const struct diet_context *context, uint8_t next_header, struct buf *pkt)
{
	size_t len = ctec_trailer_len(context, pkt->len);
	size_t pad = len - context->pad_length_sent - context->next_header_sent;
	uint8_t *at = buf_put(pkt, len);

	if (!at)
		return DROP_NO_BUFFER;
	for (size_t i = 0; i < pad; i++)
		*at++ = (uint8_t)(i + 1);
	if (context->pad_length_sent)
		*at++ = (uint8_t)pad;
	if (context->next_header_sent)
		*at = next_header;
	return DROP_NONE;
}

static enum drop remove_padding(struct buf *pkt)
{
	const uint8_t *at = buf_trim(pkt, 1);
	const uint8_t *padding;
	size_t pad;

	if (!at)
		return DROP_PADDING;
	pad = *at;
	padding = buf_trim(pkt, pad);
	if (!padding)
		return DROP_PADDING;
	for (size_t i = 0; i < pad; i++)
		if (padding[i] != i + 1)
			return DROP_PADDING;
	return DROP_NONE;
}

enum drop ctec_remove_trailer(
	const struct diet_context *context, struct buf *pkt, uint8_t *next_header)
{
	*next_header = context->next_header;
	if (context->next_header_sent) {
		const uint8_t *at = buf_trim(pkt, 1);

		if (!at)
			return DROP_PADDING;
		*next_header = *at;
	}
	return context->pad_length_sent ? remove_padding(pkt) : DROP_NONE;
}
