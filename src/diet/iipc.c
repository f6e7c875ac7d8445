/* SPDX-License-Identifier: Apache-2.0 */
/* Inner IP header compressor with its lossless guard, draft-ietf-ipsecme-diet-esp-07 section 6.1.
 */
#include "diet/iipc.h"

#include "diet/context.h"
#include "diet/iipc_set.h"
#include "schc/compress.h"
#include "schc/decompress.h"
#include "base/buf.h"
#include "base/wire.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum {
	HOP_LIMIT_MIN = 8, /* what the path outside may take away */
	ND_FIRST = 133,    /* ICMPv6 router solicitation ... */
	ND_LAST = 137,     /* ... redirect */
	MULTICAST_LINK = 2,
	UDP_LEN_AT = 4,
	UDP_CKSUM_AT = 6,
	UDP_HEADER = 8,
	TCP_CKSUM_AT = 16,
	IPV4_CKSUM_AT = 10,
	IPV4_LEN_AT = 2,
	IPV6_LEN_AT = 4,
	NIBBLE = 4,
};

_Static_assert((int)SCHC_GROWTH_MAX <= (int)BUF_HEADROOM, "what is restored fits in front");

/* RFC 4291: fe80::/10, ff01::/16, ff02::/16; RFC 3927, RFC 5771: 169.254/16, 224.0.0/24. */
static bool stays_on_link(uint8_t version, const uint8_t *addr)
{
	if (version == 6)
		return (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) ||
		       (addr[0] == 0xff && (addr[1] & 15) <= MULTICAST_LINK);
	return (addr[0] == 169 && addr[1] == 254) ||
	       (addr[0] == 224 && addr[1] == 0 && addr[2] == 0);
}

static bool is_neighbor_discovery(const struct ip_packet *ip)
{
	unsigned type = ip->sport >> 8;

	return ip->proto == IP_PROTO_ICMPV6 && ip->has_ports && type >= ND_FIRST && type <= ND_LAST;
}

/* Packets whose Hop Limit means something must not get that of the header outside (section 7). */
bool iipc_hop_limit_may_change(const struct ip_packet *ip)
{
	return ip_packet_hop_limit(ip) >= HOP_LIMIT_MIN && !is_neighbor_discovery(ip) &&
	       !stays_on_link(ip->version, ip->src) && !stays_on_link(ip->version, ip->dst);
}

static bool layer3_restorable(const struct diet_context *context, const struct ip_packet *ip)
{
	if (ip->version != context->ip_version)
		return false;
	if ((context->guard & DIET_GUARD_HOP_LIMIT) && !iipc_hop_limit_may_change(ip))
		return false;
	if ((context->guard & DIET_GUARD_ATOMIC) && ip->fragment)
		return false;
	if (ip->version == 6)
		return get_be16(ip->data + IPV6_LEN_AT) == ip->len - IPV6_HEADER;
	return get_be16(ip->data + IPV4_LEN_AT) == ip->len &&
	       get_be16(ip->data + IPV4_CKSUM_AT) == checksum_ipv4_header(ip->data, IPV4_HEADER);
}

/* Lengths that computing would get right, and checksum values that it could arrive at. */
static bool transport_restorable(const struct ip_packet *ip, const uint8_t *l4, size_t len)
{
	switch (ip->proto) {
	case IP_PROTO_UDP:
		return get_be16(l4 + UDP_LEN_AT) == len &&
		       (ip->version == 4 || ip->sum_pending || get_be16(l4 + UDP_CKSUM_AT));
	case IP_PROTO_UDPLITE:
		return (get_be16(l4 + UDP_LEN_AT) == 0 || get_be16(l4 + UDP_LEN_AT) == len) &&
		       get_be16(l4 + UDP_CKSUM_AT);
	case IP_PROTO_TCP:
		/* Both zeros verify, but only +0 is what a sum over nonzero octets becomes. */
		return ip->sum_pending || get_be16(l4 + TCP_CKSUM_AT) != 0xffff;
	default:
		return true;
	}
}

static bool layer4_restorable(const struct diet_context *context, const struct ip_packet *ip)
{
	size_t header_len = (size_t)context->plan->header_len - context->plan->l4_offset;
	const uint8_t *l4 = ip->data + ip->hdr_len;

	if (ip->fragment || ip->proto != context->plan->proto || ip->len < ip->hdr_len + header_len)
		return false;
	if (!transport_restorable(ip, l4, ip->len - ip->hdr_len))
		return false;
	return !(context->guard & DIET_GUARD_CHECKSUM) || ip->sum_pending ||
	       checksum_transport_ok(ip);
}

static bool rule_fits(const struct diet_context *context, const struct ip_packet *ip)
{
	const struct schc_plan *plan = context->plan;
	size_t at = context->mode == SA_TUNNEL ? 0 : ip->hdr_len;

	if (!schc_matches(plan, ip->data + at, ip->len - at))
		return false;
	if (context->mode == SA_TUNNEL && !layer3_restorable(context, ip))
		return false;
	return !plan->proto || layer4_restorable(context, ip);
}

bool iipc_look(
	const struct diet_context *context, const struct ip_packet *ip, struct iipc_look *look)
{
	if (context->by_set)
		look->by_rule = iipc_set_takes(context, ip, &look->view);
	else
		look->by_rule = context->iipc && rule_fits(context, ip);
	return look->by_rule || context->rule_id || !context->iipc;
}

bool iipc_look_elides_checksum(const struct diet_context *context, const struct iipc_look *look)
{
	const struct schc_plan *plan = context->plan;

	if (!look->by_rule)
		return false;
	if (context->by_set)
		plan = schc_entry_plan(context->by->set, look->view.entry);
	return plan->fixes & SCHC_FIX_L4_CKSUM;
}

static size_t inner_len(const struct diet_context *context, const struct ip_packet *ip)
{
	return context->mode == SA_TUNNEL ? ip->len : ip->len - ip->hdr_len;
}

size_t iipc_look_len(const struct diet_context *context, const struct ip_packet *ip,
	const struct iipc_look *look)
{
	size_t len = inner_len(context, ip);

	if (!look->by_rule)
		return len + context->rule_id;
	if (context->by_set)
		return len - look->view.header_len + look->view.residue_len;
	return len + context->rule_id - context->plan->header_len + context->plan->residue_len;
}

bool iipc_fits(const struct diet_context *context, const struct ip_packet *ip)
{
	struct iipc_look look;

	return iipc_look(context, ip, &look);
}

size_t iipc_compressed_len(const struct diet_context *context, const struct ip_packet *ip)
{
	struct iipc_look look;

	iipc_look(context, ip, &look);
	return iipc_look_len(context, ip, &look);
}

size_t iipc_usual_len(const struct diet_context *context, size_t len)
{
	if (context->by_set || !context->iipc)
		return len;
	return len + context->rule_id - context->plan->header_len + context->plan->residue_len;
}

enum drop iipc_put_rule_id(struct buf *pkt, uint8_t id)
{
	uint8_t *front = buf_push(pkt, 1);

	if (!front)
		return DROP_NO_BUFFER;
	*front = id;
	return DROP_NONE;
}

void iipc_fit_flow_label(const struct diet_context *context, struct outer *outer)
{
	if (context->outer_family == 4)
		outer->flow_label &= 0xffff;
}

enum drop iipc_look_compress(const struct diet_context *context, const struct iipc_look *look,
	struct buf *pkt, struct outer *outer)
{
	const struct schc_plan *plan = context->plan;

	if (context->by_set)
		return iipc_set_compress(context, look->by_rule ? &look->view : NULL, pkt, outer);
	if (!context->iipc)
		return DROP_NONE;
	if (!look->by_rule)
		return context->rule_id ? iipc_put_rule_id(pkt, DIET_RULE_ID_NONE) : DROP_NO_FIT;
	schc_compress(plan, pkt->data, pkt->data + plan->header_len - plan->residue_len, outer);
	buf_pull(pkt, (size_t)plan->header_len - plan->residue_len);
	iipc_fit_flow_label(context, outer);
	return context->rule_id ? iipc_put_rule_id(pkt, DIET_RULE_ID) : DROP_NONE;
}

enum drop iipc_compress(const struct diet_context *context, const struct ip_packet *ip,
	struct buf *pkt, struct outer *outer)
{
	struct iipc_look look;

	iipc_look(context, ip, &look);
	return iipc_look_compress(context, &look, pkt, outer);
}

enum drop iipc_accept_whole(
	const struct diet_context *context, uint8_t next_header, const struct buf *pkt)
{
	unsigned version;

	if (context->mode == SA_TRANSPORT)
		return DROP_NONE;
	if (!pkt->len)
		return DROP_RESIDUE;
	version = pkt->data[0] >> NIBBLE;
	if (version != 4 && version != 6)
		return DROP_IP_VERSION;
	if (next_header && next_header != (version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4))
		return DROP_NEXT_HEADER;
	return DROP_NONE;
}

static enum drop restore(
	const struct diet_context *context, struct buf *pkt, const struct outer *outer)
{
	const struct schc_plan *plan = context->plan;
	uint8_t header[SCHC_HEADER_MAX];
	uint8_t *front;

	if (!schc_decompress(plan, pkt->data, pkt->len, header, outer))
		return DROP_RESIDUE;
	if (pkt->len - plan->residue_len + plan->header_len > BUF_MAX)
		return DROP_RESIDUE;
	buf_pull(pkt, plan->residue_len);
	front = buf_push(pkt, plan->header_len);
	if (!front)
		return DROP_NO_BUFFER;
	memcpy(front, header, plan->header_len);
	schc_compute(plan, pkt->data, pkt->len, outer);
	return DROP_NONE;
}

enum drop iipc_decompress(const struct diet_context *context, uint8_t next_header, struct buf *pkt,
	const struct outer *outer)
{
	if (next_header == IP_PROTO_NONE)
		return DROP_DUMMY;
	if (next_header && context->next_header && next_header != context->next_header)
		return DROP_NEXT_HEADER;
	if (context->by_set)
		return iipc_set_restore(context, next_header, pkt, outer);
	if (!context->iipc)
		return iipc_accept_whole(context, next_header, pkt);
	if (context->rule_id) {
		uint8_t id;

		if (!pkt->len)
			return DROP_RESIDUE;
		id = pkt->data[0];
		buf_pull(pkt, 1);
		if (id == DIET_RULE_ID_NONE)
			return iipc_accept_whole(context, next_header, pkt);
		if (id != DIET_RULE_ID)
			return DROP_RESIDUE;
	}
	return restore(context, pkt, outer);
}
