/* SPDX-License-Identifier: Apache-2.0 */
/* The way out, RFC 4301 5.1, with the three compressors of Diet-ESP between its steps. */
#include "ipsec/ipsec.h"

#include "base/buf.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "esp/esp.h"
#include "esp/sa.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/icmp.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"

enum {
	IPV4_MTU_FLOOR = 576, /* what every host accepts, RFC 791 */
	ECN_MASK = 3,
	TCP_CHECKSUM_AT = 16, /* RFC 9293 3.1 */
	UDP_CHECKSUM_AT = 6,  /* RFC 768 */
};

static void make_checksum(struct batch_item *item, const struct ip_packet *ip)
{
	struct buf *pkt = item->pkt;

	checksum_complete(pkt->data, pkt->len, item->csum_start, item->csum_offset, ip->proto);
	item->csum_start = 0;
}

static bool is_usable(const struct sa *sa, const struct ip_packet *ip, struct iipc_look *look)
{
	return sa && !sa->dead && iipc_look(&sa->diet, ip, look);
}

/* The newest SA whose rules fit, else the uncompressed one; look: what it does with the packet. */
static enum drop choose_sa(const struct policy *policy, const struct ip_packet *ip, struct sa **sa,
	struct iipc_look *look)
{
	const struct sa *any = policy->out ? policy->out : policy->out_fallback;

	if (is_usable(policy->out, ip, look))
		*sa = policy->out;
	else if (is_usable(policy->out_fallback, ip, look))
		*sa = policy->out_fallback;
	else if (!any)
		return DROP_NO_SA;
	else
		return any->dead ? DROP_LIFETIME : DROP_NO_FIT;
	return DROP_NONE;
}

/* As if the peer's packet that this ICMP error is about had been ours: RFC 4301 6.2. Only who sent
 * that packet is told. */
static struct policy *match_quoted(
	const struct spd *spd, uint16_t tunnel, const struct ip_packet *error)
{
	struct ip_packet quoted;
	struct ip_packet reversed;
	struct ip_addr to = ip_packet_dst(error);
	struct ip_addr from;

	if (!icmp_error_quoted(error, &quoted))
		return NULL;
	from = ip_packet_src(&quoted);
	if (!ip_addr_equal(&to, &from))
		return NULL;
	reversed = quoted;
	reversed.src = quoted.dst;
	reversed.dst = quoted.src;
	reversed.sport = quoted.dport;
	reversed.dport = quoted.sport;
	return spd_match(spd, tunnel, &reversed);
}

static enum drop find_sa(const struct ipsec *ipsec, struct batch_item *item,
	const struct ip_packet *ip, struct iipc_look *look)
{
	/* Same selectors as the item before: same policy. */
	if (item->alike)
		item->policy = item[-1].policy;
	else
		item->policy = spd_match(ipsec->spd, item->tunnel, ip);
	if (!item->policy)
		item->policy = match_quoted(ipsec->spd, item->tunnel, ip);
	if (!item->policy)
		return DROP_NO_POLICY;
	if (item->policy->action == POLICY_DISCARD)
		return DROP_DISCARD;
	if (item->policy->action == POLICY_TEMPLATE)
		return DROP_NO_PEER;
	if (item->policy->out)
		sa_prefetch(item->policy->out);
	return choose_sa(item->policy, ip, &item->sa, look);
}

/* What does not fit is refused while the sender can do something about it, else it is fragmented
 * outside: an inner packet of 1280 octets must always get through (RFC 8200 5). */
static enum drop check_size(
	struct batch_item *item, const struct ip_packet *ip, size_t len, size_t wire_len)
{
	const struct sa *sa = item->sa;
	const struct path *path = sa->path;
	uint32_t floor = ip->version == 6 ? IPV6_MIN_MTU : IPV4_MTU_FLOOR;

	if (path->mtu == 0 || path_outer_len(path) + wire_len <= path->mtu)
		return DROP_NONE;
	if (ip->len <= IPV6_MIN_MTU || !ip_packet_dont_fragment(ip)) {
		item->fragment = true;
		return DROP_NONE;
	}
	/* The rule saves the same number of octets on a shorter packet. */
	item->mtu = (uint32_t)(ipsec_payload_room(sa, path->mtu) + ip->len - len);
	if (item->mtu < floor)
		item->mtu = floor;
	return DROP_TOO_BIG;
}

static enum drop check_path(struct path *path, size_t wire_len, uint64_t now_ms)
{
	if (!path->remote.addr.family)
		return DROP_NO_ENDPOINT;
	if (!path_may_send(path, path_outer_len(path) + wire_len, now_ms))
		return DROP_NO_ENDPOINT;
	return DROP_NONE;
}

/* RFC 6040 4.1: the congestion field always goes outside, whatever the rules copy. */
static void fill_outer(struct batch_item *item, const struct ip_packet *ip)
{
	const struct sa *sa = item->sa;
	item->encap = sa->encap;
	item->outer = (struct outer){.local = sa->path->local, .remote = sa->path->remote};
	item->outer.traffic_class = ip_packet_traffic_class(ip) & ECN_MASK;
}

/*
 * The kernel leaves the sum over its own packets to us. Only TCP's and UDP's at their usual place
 * can wait for the rule; an elided one is never made, and is right by construction. Another's field
 * may lie anywhere, in the addresses too: what is looked at from then on is what will travel.
 */
static enum drop note_checksum(struct batch_item *item, struct ip_packet *ip)
{
	size_t at = ip->proto == IP_PROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;

	if (!item->csum_start)
		return DROP_NONE;
	ip->sum_pending = ip->has_ports && item->csum_start == ip->hdr_len &&
			  item->csum_offset == at &&
			  (ip->proto == IP_PROTO_TCP || ip->proto == IP_PROTO_UDP);
	if (ip->sum_pending)
		return DROP_NONE;
	make_checksum(item, ip);
	return ip_packet_parse(ip, item->pkt);
}

/* The sum that will travel; a rule that sends it has to see it. */
static void finish_checksum(
	struct batch_item *item, const struct ip_packet *ip, struct iipc_look *look)
{
	const struct diet_context *diet = &item->sa->diet;

	if (!item->csum_start || iipc_look_elides_checksum(diet, look))
		return;
	make_checksum(item, ip);
	iipc_look(diet, ip, look);
}

/* From here on the packet is changed; the number is taken as late as can be. */
static enum drop protect(struct batch_item *item, const struct ip_packet *ip,
	const struct iipc_look *look, uint64_t now_ms)
{
	uint8_t next_header = ip->version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4;
	struct buf *pkt = item->pkt;
	struct sa *sa = item->sa;
	enum drop drop;

	item->csum_start = 0;
	if ((drop = iipc_look_compress(&sa->diet, look, pkt, &item->outer)))
		return drop;
	if ((drop = ctec_add_trailer(&sa->diet, next_header, pkt)))
		return drop;
	if ((drop = sa_take_sequence(sa, now_ms)))
		return drop;
	if ((drop = esp_seal(sa, pkt)))
		return drop;
	return eec_compress(&sa->diet, sa->sequence, pkt);
}

static enum drop outbound_one(struct ipsec *ipsec, struct batch_item *item, uint64_t now_ms)
{
	struct ip_packet ip;
	struct iipc_look look;
	struct sa *sa;
	size_t inner_len;
	size_t len;
	size_t wire_len;
	enum drop drop;

	if ((drop = ip_packet_parse(&ip, item->pkt)))
		return drop;
	if ((drop = note_checksum(item, &ip)))
		return drop;
	if ((drop = find_sa(ipsec, item, &ip, &look)))
		return drop;
	sa = item->sa;
	inner_len = ip.len;
	finish_checksum(item, &ip, &look);
	len = iipc_look_len(&sa->diet, &ip, &look);
	wire_len = sa->diet.header_len + esp_overhead(sa) + len + ctec_trailer_len(&sa->diet, len);
	if ((drop = check_size(item, &ip, len, wire_len)))
		return drop;
	if ((drop = sa_peek_sequence(sa, now_ms)))
		return drop;
	if ((drop = check_path(sa->path, wire_len, now_ms)))
		return drop;
	fill_outer(item, &ip);
	if ((drop = protect(item, &ip, &look, now_ms)))
		return drop;
	sa_count(sa, inner_len, item->pkt->len, now_ms);
	return DROP_NONE;
}

void outbound(struct ipsec *ipsec, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		item->sa = NULL;
		item->policy = NULL;
		item->mtu = 0;
		item->fragment = false;
		item->drop = outbound_one(ipsec, item, batch->now_ms);
		ipsec->drops[item->drop]++; /* DROP_NONE counts what passed */
		if (!item->sa)
			continue;
		/* Held, not dropped: it comes once more. */
		if (item->drop && item->drop != DROP_SEQ_WAIT)
			item->sa->counters.other_drops++;
		if (item->sa->notices)
			ipsec_note(ipsec, item->sa);
	}
}
