/* SPDX-License-Identifier: Apache-2.0 */
/* The way in, RFC 4301 5.2 and RFC 4303 3.4: the mirror of outbound.c. */
#include "ipsec/ipsec.h"

#include "base/buf.h"
#include "base/wire.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "esp/sa.h"
#include "ip/addr.h"
#include "ip/icmp.h"
#include "ip/ts.h"
#include "ipsec/path.h"
#include "ipsec/resync.h"
#include "ipsec/sad.h"

enum { SN_BITS = 32 };

enum ecn { NOT_ECT, ECT_1, ECT_0, CE, ECN_MASK = 3 };

/* Without ESN, 32 bits are the whole number. */
static enum drop restore_sequence(const struct sa *sa, uint32_t lsb, uint64_t *sequence)
{
	if (sa->diet.sn_bits == SN_BITS && !sa->esn) {
		*sequence = lsb;
		return DROP_NONE;
	}
	if (eec_restore_sequence(lsb, sa->diet.sn_bits, sa->replay.highest, sa->replay.window,
		    sa->esn, sequence))
		return DROP_NONE;
	return DROP_SEQ_RESTORE;
}

/* The window moves only after the ICV has verified; else a forged number could close it. */
static enum drop unprotect(
	struct ipsec *ipsec, struct sa *sa, struct batch_item *item, uint64_t now_ms)
{
	size_t wire_len = item->pkt->len;
	uint64_t sequence;
	uint32_t lsb;
	bool newest;
	enum drop drop;

	if ((drop = eec_parse(&sa->diet, item->pkt, &lsb)))
		return drop;
	if ((drop = restore_sequence(sa, lsb, &sequence)))
		return drop;
	if ((drop = resync_open(ipsec, sa, item, now_ms, &sequence)))
		return drop;
	newest = sa_accept_sequence(sa, sequence);
	item->moved = path_heard(
		sa->path, &item->outer.local, &item->outer.remote, newest, wire_len, now_ms);
	if (item->moved)
		sa->notices |= SA_NOTICE_MOVED;
	return DROP_NONE;
}

/* Tunnel mode: IPv4 or IPv6; 0 only where the rule leaves it to the packet itself. */
static bool is_tunneled(const struct sa *sa, uint8_t next_header)
{
	if (next_header == 0)
		return !sa->diet.next_header_sent;
	return next_header == IP_PROTO_IPV6 || next_header == IP_PROTO_IPV4;
}

/* And the version that the packet says itself. */
static bool is_next_header(uint8_t next_header, const struct ip_packet *ip)
{
	return next_header == 0 ||
	       next_header == (ip->version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4);
}

static enum drop unpack(struct sa *sa, struct batch_item *item, struct ip_packet *ip)
{
	uint8_t next_header;
	enum drop drop;

	if ((drop = ctec_remove_trailer(&sa->diet, item->pkt, &next_header)))
		return drop;
	if (next_header == IP_PROTO_NONE)
		return DROP_DUMMY;
	if (!is_tunneled(sa, next_header))
		return DROP_NEXT_HEADER;
	if ((drop = iipc_decompress(&sa->diet, next_header, item->pkt, &item->outer)))
		return drop;
	if ((drop = ip_packet_parse(ip, item->pkt)))
		return drop;
	return is_next_header(next_header, ip) ? DROP_NONE : DROP_NEXT_HEADER;
}

static void set_ecn(struct buf *pkt, uint8_t version, uint8_t ecn)
{
	uint8_t *header = pkt->data;
	uint32_t sum;
	uint16_t old;

	if (version == 6) {
		header[1] = (uint8_t)((header[1] & ~(ECN_MASK << 4)) | ecn << 4);
		return;
	}
	/* RFC 1624, so that a wrong checksum stays wrong. */
	old = get_be16(header);
	header[1] = (uint8_t)((header[1] & ~ECN_MASK) | ecn);
	sum = (uint32_t)(uint16_t)~get_be16(header + 10) + (uint16_t)~old + get_be16(header);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(header + 10, (uint16_t)~sum);
}

/* RFC 6040 4.2. Where a rule restored the field from outside, both are equal and nothing changes.
 */
static enum drop merge_ecn(struct buf *pkt, const struct ip_packet *ip, uint8_t traffic_class)
{
	uint8_t outer = traffic_class & ECN_MASK;
	uint8_t inner = ip_packet_traffic_class(ip) & ECN_MASK;

	if (inner == NOT_ECT)
		return outer == CE ? DROP_ECN : DROP_NONE;
	if (outer == CE || (outer == ECT_1 && inner == ECT_0))
		set_ecn(pkt, ip->version, outer);
	return DROP_NONE;
}

/* Or an ICMP error about a packet that we may have sent there, RFC 4301 6.2. */
static enum drop check_selectors(const struct sa *sa, const struct ip_packet *ip)
{
	const struct ts *local = sa_ts_local(sa);
	const struct ts *remote = sa_ts_remote(sa);
	struct ip_packet quoted;
	struct ip_addr to;
	struct ip_addr from;

	if (ts_match_packet(remote, sa->n_ts_remote, local, sa->n_ts_local, ip))
		return DROP_NONE;
	if (!icmp_error_quoted(ip, &quoted) ||
		!ts_match_packet(local, sa->n_ts_local, remote, sa->n_ts_remote, &quoted))
		return DROP_POLICY_MISMATCH;
	to = ip_packet_dst(ip);
	from = ip_packet_src(&quoted);
	return ip_addr_equal(&to, &from) ? DROP_NONE : DROP_POLICY_MISMATCH;
}

/* A peer whose SPI does not travel is known by its address, else the first bits say it. */
static struct sa *find_sa(const struct sad *sad, const struct batch_item *item)
{
	struct sa *sa = NULL;

	if (item->encap == SA_ENCAP_ESP)
		sa = sad_find_source(sad, &item->outer.remote.addr);
	return sa ? sa : sad_find_inbound(sad, item->pkt->data, item->pkt->len);
}

static enum drop inbound_one(struct ipsec *ipsec, struct batch_item *item, uint64_t now_ms)
{
	size_t wire_len = item->pkt->len;
	struct ip_packet ip;
	struct sa *sa;
	enum drop drop;

	sa = find_sa(ipsec->sad, item);
	if (!sa)
		return DROP_UNKNOWN_SPI;
	item->sa = sa;
	sa_prefetch(sa);
	if (item->encap != sa->encap)
		return DROP_ENCAP;
	if ((drop = sa_check(sa, SA_IN, now_ms)))
		return drop;
	if ((drop = unprotect(ipsec, sa, item, now_ms)))
		return drop;
	if ((drop = unpack(sa, item, &ip)))
		return drop;
	if ((drop = merge_ecn(item->pkt, &ip, item->outer.traffic_class)))
		return drop;
	if ((drop = check_selectors(sa, &ip)))
		return drop;
	item->tunnel = sa->tunnel;
	sa_count(sa, item->pkt->len, wire_len, now_ms);
	return DROP_NONE;
}

/* What comes of a good ICV where two ends have different rules. */
static bool is_strange(enum drop drop)
{
	switch (drop) {
	case DROP_RULE:
	case DROP_NEXT_HEADER:
	case DROP_POLICY_MISMATCH:
	case DROP_IP_SHORT:
	case DROP_IP_VERSION:
	case DROP_IP_HEADER:
	case DROP_IP_CHAIN:
	case DROP_TRANSPORT_SHORT:
		return true;
	default:
		return false;
	}
}

static void count_drop(struct sa *sa, enum drop drop)
{
	if (sa->diet.by_set && is_strange(drop))
		sa->diet.by->strange++;
	if (drop == DROP_ICV)
		sa_count_icv_failure(sa);
	else if (drop == DROP_REPLAY_SEEN || drop == DROP_REPLAY_OLD)
		sa->counters.replays++;
	else if (drop)
		sa->counters.other_drops++;
}

/* The auditable events of RFC 4301 5.2 and RFC 4303 3.4. */
static bool is_audited(enum drop drop)
{
	switch (drop) {
	case DROP_UNKNOWN_SPI:
	case DROP_REPLAY_SEEN:
	case DROP_REPLAY_OLD:
	case DROP_ICV:
	case DROP_POLICY_MISMATCH:
		return true;
	default:
		return false;
	}
}

void inbound(struct ipsec *ipsec, struct batch *batch)
{
	ipsec->received += batch->n;
	for (size_t i = 0; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		item->sa = NULL;
		item->policy = NULL;
		item->moved = false;
		item->csum_start = 0;
		item->drop = inbound_one(ipsec, item, batch->now_ms);
		ipsec->drops[item->drop]++; /* DROP_NONE counts what passed */
		ipsec->audits += is_audited(item->drop);
		if (!item->sa)
			continue;
		count_drop(item->sa, item->drop);
		if (item->sa->notices)
			ipsec_note(ipsec, item->sa);
	}
}
