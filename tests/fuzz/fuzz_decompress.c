/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inbound after decryption: the first 16 octets choose attributes and selectors, the rest is
 * plaintext. What is restored must stay within bounds and, where it fits, compress to no more than
 * what came.
 */
#include "diet/context.h"
#include "diet/ctec.h"
#include "diet/iipc.h"
#include "base/buf.h"
#include "ip/packet.h"

#include <stdlib.h>
#include <string.h>

enum { CHOICE = 16, ROOM = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void choose_attrs(const uint8_t *c, struct diet_attrs *attrs)
{
	*attrs = diet_attrs_plain();
	attrs->iipc = c[0] & 1;
	attrs->rule_id = c[0] & 2;
	attrs->hop_limit_cda = c[0] >> 2 & 1;
	attrs->ecn_cda = c[0] >> 3 & 1;
	attrs->dscp_cda = (c[0] >> 4 & 3) % 3;
	attrs->flow_label_cda = c[0] >> 6;
	attrs->alignment = c[1] & 3;
	attrs->esp_trailer = c[1] >> 2 & 1;
	attrs->n_dscp = 1 + c[2] % DIET_DSCP_MAX;
	for (unsigned i = 0; i < attrs->n_dscp; i++)
		attrs->dscp_list[i] = (uint8_t)((c[3] + i * 7) & 63);
}

/* Ranges that share the number of leading octets that c says. */
static struct ts choose_ts(uint8_t family, uint8_t proto, const uint8_t *c)
{
	struct ts ts = {.ip_proto = proto};
	unsigned octets = family == 6 ? 16 : 4;

	ts.addr_start.family = ts.addr_end.family = family;
	memset(ts.addr_start.bytes, c[0], octets);
	memset(ts.addr_end.bytes, c[0], octets);
	for (unsigned i = c[1] % (octets + 1); i < octets; i++) {
		ts.addr_start.bytes[i] = 0;
		ts.addr_end.bytes[i] = 0xff;
	}
	ts.port_end = UINT16_MAX >> c[2] % 17;
	return ts;
}

static void compress_again(const struct diet_context *context, struct buf *pkt, size_t limit)
{
	struct outer outer = {0};
	struct ip_packet ip;
	size_t len;

	if (context->mode != SA_TUNNEL || ip_packet_parse(&ip, pkt) != DROP_NONE ||
		!iipc_fits(context, &ip))
		return;
	len = iipc_compressed_len(context, &ip);
	if (iipc_compress(context, &ip, pkt, &outer) != DROP_NONE || pkt->len != len)
		abort();
	if (context->iipc && !context->rule_id && len > limit)
		abort();
}

static void decompress(const struct diet_context *context, const uint8_t *data, size_t len)
{
	struct outer outer = {.hop_limit = 64, .traffic_class = 0xb9, .flow_label = 0x12345};
	struct buf *pkt = buf_alloc(ROOM);
	uint8_t next_header;
	size_t before;

	outer.remote.addr.family = outer.local.addr.family = 6;
	if (!pkt || buf_set(pkt, data, len))
		abort();
	if (ctec_remove_trailer(context, pkt, &next_header) == DROP_NONE) {
		before = pkt->len;
		if (before > len)
			abort();
		if (iipc_decompress(context, next_header, pkt, &outer) == DROP_NONE) {
			if (pkt->len > before + SCHC_HEADER_MAX)
				abort();
			compress_again(context, pkt, before);
		}
	}
	buf_free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t protos[] = {0, 17, 6, 132, 136, 58, 1, 47};
	struct diet_context context;
	struct diet_attrs attrs;
	struct diet_sa sa = {.n_src = 1, .n_dst = 1};
	struct ts src;
	struct ts dst;
	uint8_t family;

	if (len < CHOICE || len > ROOM)
		return 0;
	choose_attrs(data, &attrs);
	family = data[4] & 1 ? 6 : 4;
	src = choose_ts(family, protos[data[5] % 8], data + 6);
	dst = choose_ts(family, protos[data[5] % 8], data + 9);
	sa.mode = data[4] & 2 ? SA_TRANSPORT : SA_TUNNEL;
	sa.outer_family = data[4] & 4 ? 6 : 4;
	sa.src = &src;
	sa.dst = &dst;
	if (diet_context_init(&context, &attrs, &sa))
		abort();
	decompress(&context, data + CHOICE, len - CHOICE);
	diet_context_fini(&context);
	return 0;
}
