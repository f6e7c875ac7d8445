/* SPDX-License-Identifier: Apache-2.0 */
/* The trailer table of diet-esp.md section 4, and what a receiver does not accept. */
#include "diet/context.h"
#include "diet/ctec.h"
#include "base/buf.h"
#include "ip/addr.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ROOM = 256 };

static struct diet_context context_of(
	uint8_t trailer, uint8_t alignment, enum sa_mode mode, uint8_t proto)
{
	struct ts ts = {.ip_proto = proto, .port_end = UINT16_MAX};
	struct diet_attrs attrs;
	struct diet_context context;
	struct diet_sa sa = {.mode = mode, .src = &ts, .dst = &ts, .n_src = 1, .n_dst = 1};

	ts.addr_start.family = ts.addr_end.family = 6;
	cr_assert(diet_attrs_preset("iot", &attrs));
	attrs.esp_trailer = trailer;
	attrs.alignment = alignment;
	cr_assert_eq(diet_context_init(&context, &attrs, &sa), 0);
	/* The trailer needs no plan. */
	schc_plan_free(context.plan);
	context.plan = NULL;
	return context;
}

Test(ctec, table)
{
	for (uint8_t trailer = 0; trailer < 2; trailer++)
		for (uint8_t alignment = 0; alignment < 4; alignment++)
			for (unsigned mode = 0; mode < 2; mode++)
				for (unsigned single = 0; single < 2; single++) {
					struct diet_context c = context_of(
						trailer, alignment, mode, single ? 17 : 0);
					bool mandatory = trailer == ESP_TRAILER_MANDATORY;
					bool pad_length = mandatory || alignment != ALIGNMENT_8;
					bool next_header =
						mandatory || (mode == SA_TRANSPORT && !single);

					cr_assert_eq(c.align, 1 << alignment);
					cr_assert_eq(c.pad_length_sent, pad_length);
					cr_assert_eq(c.next_header_sent, next_header);
					cr_assert_eq(c.next_header, mode == SA_TUNNEL ? 41
								    : single          ? 17
										      : 0);
				}
}

Test(ctec, every_length_comes_back)
{
	struct buf *pkt = buf_alloc(ROOM);
	uint8_t octets[64];

	memset(octets, 0xa5, sizeof octets);
	for (uint8_t alignment = 0; alignment < 4; alignment++)
		for (uint8_t trailer = 0; trailer < 2; trailer++)
			for (size_t len = 0; len < sizeof octets; len++) {
				struct diet_context c =
					context_of(trailer, alignment, SA_TRANSPORT, 0);
				size_t added = ctec_trailer_len(&c, len);
				uint8_t next_header = 0;

				cr_assert_eq(buf_set(pkt, octets, len), 0);
				cr_assert_eq(ctec_add_trailer(&c, 6, pkt), DROP_NONE);
				cr_assert_eq(pkt->len, len + added);
				cr_assert_eq(pkt->len % c.align, 0);
				cr_assert_lt(added, 2u + c.align);
				cr_assert_eq(ctec_remove_trailer(&c, pkt, &next_header), DROP_NONE);
				cr_assert_eq(next_header, 6);
				cr_assert_eq(pkt->len, len);
			}
	buf_free(pkt);
}

static enum drop removed(const struct diet_context *c, const uint8_t *octets, size_t len)
{
	struct buf *pkt = buf_alloc(ROOM);
	uint8_t next_header;
	enum drop drop;

	cr_assert_eq(buf_set(pkt, octets, len), 0);
	drop = ctec_remove_trailer(c, pkt, &next_header);
	buf_free(pkt);
	return drop;
}

Test(ctec, wrong_padding_is_refused)
{
	struct diet_context c = context_of(ESP_TRAILER_MANDATORY, ALIGNMENT_32, SA_TUNNEL, 17);

	cr_assert_eq(removed(&c, (uint8_t[]){9, 1, 2, 3, 3, 41}, 6), DROP_NONE);
	cr_assert_eq(removed(&c, (uint8_t[]){9, 1, 2, 4, 3, 41}, 6), DROP_PADDING, "last octet");
	cr_assert_eq(removed(&c, (uint8_t[]){9, 0, 2, 3, 3, 41}, 6), DROP_PADDING, "first octet");
	cr_assert_eq(removed(&c, (uint8_t[]){0, 1, 2, 2, 41}, 5), DROP_NONE);
	cr_assert_eq(removed(&c, (uint8_t[]){0, 0, 0, 2, 41}, 5), DROP_PADDING, "zeros");
	cr_assert_eq(removed(&c, (uint8_t[]){1, 2, 3, 41}, 4), DROP_PADDING, "longer than all");
	cr_assert_eq(removed(&c, (uint8_t[]){0, 41}, 2), DROP_NONE, "empty plaintext");
	cr_assert_eq(removed(&c, (uint8_t[]){41}, 1), DROP_PADDING);
	cr_assert_eq(removed(&c, (uint8_t[]){41}, 0), DROP_PADDING);
	c = context_of(ESP_TRAILER_OPTIONAL, ALIGNMENT_8, SA_TUNNEL, 17);
	cr_assert_eq(removed(&c, (uint8_t[]){41}, 0), DROP_NONE, "nothing of it is sent");
}

Test(ctec, no_tailroom)
{
	struct diet_context c = context_of(ESP_TRAILER_MANDATORY, ALIGNMENT_64, SA_TUNNEL, 17);
	struct buf *pkt = buf_alloc(0);

	cr_assert_not_null(buf_put(pkt, BUF_TAILROOM));
	cr_assert_eq(ctec_add_trailer(&c, 41, pkt), DROP_NO_BUFFER);
	cr_assert_eq(pkt->len, BUF_TAILROOM);
	buf_free(pkt);
}
