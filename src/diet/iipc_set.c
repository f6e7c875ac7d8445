/* SPDX-License-Identifier: Apache-2.0 */
/* The lossless guard of explicit rules, and packets under them (RFC 8724 7.2, diet-esp.md 3.5). */
#include "diet/iipc_set.h"

#include "diet/context.h"
#include "diet/iipc.h"
#include "schc/decompress.h"
#include "base/buf.h"
#include "base/wire.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum {
	UDP_LEN_AT = 4,
	UDP_CKSUM_AT = 6,
	UDP_HEADER = 8,
	TCP_CKSUM_AT = 16,
	ICMP_CKSUM_AT = 2,
	IPV4_CKSUM_AT = 10,
	IPV4_LEN_AT = 2,
	IPV6_LEN_AT = 4,
};

/* Just as computing makes it: no "none" in UDP, the one zero that a sum over octets becomes. */
static bool sum_is_canonical(const struct ip_packet *ip, const uint8_t *l4, size_t len)
{
	if (ip->sum_pending)
		return true;
	switch (ip->proto) {
	case IP_PROTO_UDP:
		return get_be16(l4 + UDP_LEN_AT) == len && get_be16(l4 + UDP_CKSUM_AT);
	case IP_PROTO_UDPLITE:
		return get_be16(l4 + UDP_CKSUM_AT);
	case IP_PROTO_TCP:
		return get_be16(l4 + TCP_CKSUM_AT) != UINT16_MAX;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
		return get_be16(l4 + ICMP_CKSUM_AT) != UINT16_MAX;
	default:
		return ip->proto == IP_PROTO_SCTP;
	}
}

/* All but the transport checksum, which is the only one that costs something to look at. */
static unsigned restorable_lengths(const struct ip_packet *ip)
{
	const uint8_t *l4 = ip->data + ip->hdr_len;
	size_t len = ip->len - ip->hdr_len;
	unsigned fixes = SCHC_FIX_FLOW_LABEL;

	if (ip->version == 6) {
		if (get_be16(ip->data + IPV6_LEN_AT) == ip->len - IPV6_HEADER)
			fixes |= SCHC_FIX_IPV6_LEN;
	} else {
		if (get_be16(ip->data + IPV4_LEN_AT) == ip->len)
			fixes |= SCHC_FIX_IPV4_LEN;
		if (get_be16(ip->data + IPV4_CKSUM_AT) ==
			checksum_ipv4_header(ip->data, IPV4_HEADER))
			fixes |= SCHC_FIX_IPV4_CKSUM;
	}
	if (ip->fragment)
		return fixes;
	fixes |= SCHC_FIX_IPV4_ID;
	if ((ip->proto == IP_PROTO_UDP || ip->proto == IP_PROTO_UDPLITE) && len >= UDP_HEADER &&
		get_be16(l4 + UDP_LEN_AT) == len)
		fixes |= SCHC_FIX_L4_LEN;
	return fixes;
}

static bool sum_restorable(const struct ip_packet *ip, bool verify)
{
	return !ip->fragment &&
	       sum_is_canonical(ip, ip->data + ip->hdr_len, ip->len - ip->hdr_len) &&
	       (!verify || ip->sum_pending || checksum_transport_ok(ip));
}

unsigned iipc_restorable(const struct ip_packet *ip)
{
	return restorable_lengths(ip) | (sum_restorable(ip, true) ? SCHC_FIX_L4_CKSUM : 0);
}

/* What the guard knows of a packet so far. */
struct facts {
	unsigned lengths; /* restorable_lengths, once known */
	bool looked, summed, sum_ok;
};

static bool fixes_hold(const struct diet_context *context, const struct schc_plan *plan,
	const struct ip_packet *ip, struct facts *facts)
{
	if (!facts->looked) {
		facts->looked = true;
		facts->lengths = restorable_lengths(ip);
	}
	if (plan->fixes & ~(facts->lengths | SCHC_FIX_L4_CKSUM))
		return false;
	if (!(plan->fixes & SCHC_FIX_L4_CKSUM))
		return true;
	if (!facts->summed) {
		facts->summed = true;
		facts->sum_ok = sum_restorable(ip, context->guard & DIET_GUARD_CHECKSUM);
	}
	return facts->sum_ok;
}

/* The lossless guard of one rule, strict: no exception but what is generated or under lower. */
static bool guard_holds(const struct diet_context *context, const struct schc_plan *plan,
	const struct ip_packet *ip, struct facts *facts)
{
	if (plan->proto && (ip->fragment || ip->proto != plan->proto))
		return false;
	if (plan->proto && context->mode == SA_TUNNEL && ip->hdr_len != plan->l4_offset)
		return false;
	if ((plan->lowered & 1u << SCHC_LOWER_HOP_LIMIT) && !iipc_hop_limit_may_change(ip))
		return false;
	return fixes_hold(context, plan, ip, facts);
}

bool iipc_set_takes(
	const struct diet_context *context, const struct ip_packet *ip, struct schc_view *view)
{
	bool tunnel = context->mode == SA_TUNNEL;
	size_t at = tunnel ? 0 : ip->hdr_len;
	struct facts facts = {0};

	schc_view_open(
		view, context->by->set, tunnel ? ip->version : 0, ip->data + at, ip->len - at);
	while (schc_view_next(view, context->by->set))
		if (guard_holds(
			    context, schc_entry_plan(context->by->set, view->entry), ip, &facts))
			return true;
	return false;
}

/* entry NULL: under the RuleID of no compression. */
static void count(
	struct diet_by_set *by, const struct schc_entry *entry, size_t before, size_t after)
{
	struct diet_count *count = &by->count[entry ? (size_t)(entry - by->set->entry) : by->n];

	count->packets++;
	count->before += before;
	count->after += after;
}

static enum drop put_residue(const struct diet_context *context, const struct schc_view *view,
	struct buf *pkt, struct outer *outer)
{
	uint8_t residue[SCHC_SET_RESIDUE_LEN];
	uint8_t *front;

	schc_view_compress(view, context->by->set, residue, outer);
	iipc_fit_flow_label(context, outer);
	buf_pull(pkt, view->header_len);
	front = buf_push(pkt, view->residue_len);
	if (!front)
		return DROP_NO_BUFFER;
	memcpy(front, residue, view->residue_len);
	return DROP_NONE;
}

enum drop iipc_set_compress(const struct diet_context *context, const struct schc_view *view,
	struct buf *pkt, struct outer *outer)
{
	size_t before = pkt->len;
	enum drop drop = DROP_NO_FIT;

	if (view)
		drop = put_residue(context, view, pkt, outer);
	else if (context->rule_id)
		drop = iipc_put_rule_id(pkt, schc_set_none(context->by->set));
	if (!drop)
		count(context->by, view ? view->entry : NULL, before, pkt->len);
	return drop;
}

static enum drop rebuild(const struct diet_context *context, const struct schc_restored *restored,
	const uint8_t *header, struct buf *pkt, const struct outer *outer)
{
	uint8_t *front;

	if (pkt->len + restored->header_len > BUF_MAX)
		return DROP_RULE;
	front = buf_push(pkt, restored->header_len);
	if (!front)
		return DROP_NO_BUFFER;
	memcpy(front, header, restored->header_len);
	schc_compute(
		schc_entry_plan(context->by->set, restored->entry), pkt->data, pkt->len, outer);
	return DROP_NONE;
}

enum drop iipc_set_restore(const struct diet_context *context, uint8_t next_header, struct buf *pkt,
	const struct outer *outer)
{
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	size_t after = pkt->len;
	enum drop drop;

	if (!schc_set_restore(context->by->set, pkt->data, pkt->len, header, outer, &restored))
		return DROP_RULE;
	buf_pull(pkt, restored.taken);
	if (!restored.entry)
		drop = iipc_accept_whole(context, next_header, pkt);
	else if (context->mode == SA_TRANSPORT && next_header &&
		 next_header != schc_entry_plan(context->by->set, restored.entry)->proto)
		drop = DROP_NEXT_HEADER;
	else
		drop = rebuild(context, &restored, header, pkt, outer);
	if (!drop)
		count(context->by, restored.entry, pkt->len, after);
	return drop;
}
