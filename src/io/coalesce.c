/* SPDX-License-Identifier: Apache-2.0 */
/* Userspace receive offload towards the TUN: which packets may become one, and its header; virtio
 * 1.2 5.1.6.2, RFC 9293, RFC 6864, datapath.md 6.6. */
#include "io/coalesce.h"

#include "base/buf.h"
#include "base/wire.h"
#include "io/l4.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum { SUPER_MAX = 65535, RUN_MAX = 64, IPV4_CHECKSUM_AT = 10 };

/* What an arriving packet is for the coalescer. */
struct candidate {
	const uint8_t *data;
	size_t len;
	uint16_t l4, payload_at;
	uint8_t version, proto;
	bool flow;  /* has addresses and ports where those of a run lie */
	bool joins; /* may stand in a run, at its end at least */
	bool ends;  /* nothing may follow it */
};

/* Without options and extension headers, no fragment: every segment looks the same up to layer 4.
 */
static void view_flow(struct candidate *c, const struct ip_packet *ip)
{
	size_t plain = ip->version == 4 ? IPV4_HEADER : IPV6_HEADER;

	c->flow = !ip->fragment && ip->hdr_len == plain &&
		  (ip->proto == IP_PROTO_TCP || ip->proto == IP_PROTO_UDP);
	c->version = ip->version;
	c->proto = ip->proto;
	c->l4 = ip->hdr_len;
}

static void view_tcp(struct candidate *c)
{
	const uint8_t *tcp = c->data + c->l4;
	size_t header_len = tcp_header_len(tcp, c->len - c->l4);
	uint8_t flags = tcp[TCP_FLAGS_AT];

	c->payload_at = (uint16_t)(c->l4 + header_len);
	c->joins = header_len > 0 && c->payload_at < c->len && (tcp[TCP_OFFSET_AT] & 15) == 0 &&
		   (flags & ~TCP_PSH) == TCP_ACK;
	c->ends = (flags & TCP_PSH) != 0;
}

/* A datagram without checksum has to come out without one. */
static void view_udp(struct candidate *c)
{
	const uint8_t *udp = c->data + c->l4;

	c->payload_at = (uint16_t)(c->l4 + UDP_HEADER);
	c->joins = c->payload_at < c->len && get_be16(udp + UDP_LENGTH_AT) == c->len - c->l4 &&
		   get_be16(udp + UDP_CHECKSUM_AT) != 0;
}

/* A sum of octets that are not all zero never becomes 0xffff: TCP's would come out as 0. */
static bool is_odd_zero(const struct ip_packet *ip)
{
	return ip->proto == IP_PROTO_TCP &&
	       get_be16(ip->data + ip->hdr_len + TCP_CHECKSUM_AT) == 0xffff;
}

/* All of them, as the kernel would make them; what is still to be made will be right. */
static bool checksums_hold(const struct batch_item *item, const struct ip_packet *ip)
{
	if (ip->version == 4 && get_be16(ip->data + IPV4_CHECKSUM_AT) !=
					checksum_ipv4_header(ip->data, IPV4_HEADER))
		return false;
	return item->csum_start != 0 || (!is_odd_zero(ip) && checksum_transport_ok(ip));
}

static struct candidate view(const struct batch_item *item, unsigned kinds)
{
	struct candidate c = {.data = item->pkt->data};
	struct ip_packet ip;

	if (ip_packet_parse(&ip, item->pkt) != DROP_NONE)
		return c;
	c.len = ip.len;
	view_flow(&c, &ip);
	if (!c.flow)
		return c;
	if (c.proto == IP_PROTO_TCP && (kinds & COALESCE_TCP))
		view_tcp(&c);
	else if (c.proto == IP_PROTO_UDP && (kinds & COALESCE_UDP))
		view_udp(&c);
	c.joins = c.joins && checksums_hold(item, &ip);
	return c;
}

static void close_at(struct coalescer *co, size_t at)
{
	co->runs[co->open[at]].open = false;
	co->n_open--;
	memmove(co->open + at, co->open + at + 1, co->n_open - at);
}

static const uint8_t *first_of(const struct coalesce_run *run, const struct batch *batch)
{
	return batch->items[run->first].pkt->data;
}

static bool same_flow(const uint8_t *a, const uint8_t *b, uint8_t version)
{
	/* Source, destination and ports lie side by side. */
	return version == 4 ? memcmp(a + 12, b + 12, 12) == 0 : memcmp(a + 8, b + 8, 36) == 0;
}

/* The open run of this flow; n_open: none. */
static size_t find_open(const struct coalescer *co, const struct batch *batch,
	const struct candidate *c, uint16_t tunnel)
{
	size_t at = 0;

	for (; at < co->n_open; at++) {
		const struct coalesce_run *run = &co->runs[co->open[at]];

		if (run->version == c->version && run->udp == (c->proto == IP_PROTO_UDP) &&
			batch->items[run->first].tunnel == tunnel &&
			same_flow(first_of(run, batch), c->data, c->version))
			break;
	}
	return at;
}

/* Class, label, hop limit; DF and the Identification that counting gives. */
static bool same_ip(const struct coalesce_run *run, const uint8_t *a, const uint8_t *b)
{
	if (run->version == 6)
		return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, 2) == 0;
	return memcmp(a, b, 2) == 0 && memcmp(a + 6, b + 6, 4) == 0 &&
	       get_be16(b + 4) == (uint16_t)(get_be16(a + 4) + run->n);
}

static bool same_tcp(const struct coalesce_run *run, const uint8_t *a, const uint8_t *b)
{
	size_t options = (size_t)run->payload_at - run->l4 - TCP_OPTIONS_AT;

	return get_be32(b + TCP_SEQUENCE_AT) == run->sequence &&
	       memcmp(a + TCP_ACK_AT, b + TCP_ACK_AT, 5) == 0 && /* and the data offset */
	       memcmp(a + TCP_WINDOW_AT, b + TCP_WINDOW_AT, 2) == 0 &&
	       memcmp(a + TCP_URGENT_AT, b + TCP_URGENT_AT, 2) == 0 &&
	       memcmp(a + TCP_OPTIONS_AT, b + TCP_OPTIONS_AT, options) == 0;
}

static bool continues(
	const struct coalesce_run *run, const struct batch *batch, const struct candidate *c)
{
	const uint8_t *first = first_of(run, batch);
	size_t payload = c->len - c->payload_at;

	if (!c->joins || payload > run->gso_size || run->n == RUN_MAX ||
		run->len + payload > SUPER_MAX || c->payload_at != run->payload_at)
		return false;
	return same_ip(run, first, c->data) &&
	       (run->udp || same_tcp(run, first + run->l4, c->data + run->l4));
}

/* true: nothing may follow. */
static bool append(
	struct coalescer *co, struct coalesce_run *run, const struct candidate *c, uint8_t i)
{
	size_t payload = c->len - c->payload_at;

	co->next[run->last] = i;
	run->last = i;
	run->n++;
	run->len += payload;
	run->sequence += (uint32_t)payload;
	return c->ends || payload < run->gso_size;
}

static void start(struct coalescer *co, const struct candidate *c, uint8_t i)
{
	struct coalesce_run *run = &co->runs[co->n_runs];

	run->header_len = 0;
	run->n = 1;
	run->first = run->last = i;
	run->open = c->joins && !c->ends;
	if (run->open) {
		run->udp = c->proto == IP_PROTO_UDP;
		run->version = c->version;
		run->l4 = c->l4;
		run->payload_at = c->payload_at;
		run->len = c->len;
		run->gso_size = (uint16_t)(c->len - c->payload_at);
		if (!run->udp)
			run->sequence = get_be32(c->data + c->l4 + TCP_SEQUENCE_AT) + run->gso_size;
		if (co->n_open == COALESCE_OPEN)
			close_at(co, 0);
		co->open[co->n_open++] = (uint8_t)co->n_runs;
	}
	co->n_runs++;
}

void coalesce_begin(struct coalescer *co)
{
	co->n_runs = 0;
	co->n_open = 0;
}

void coalesce_add(struct coalescer *co, const struct batch *batch, uint8_t i, unsigned kinds)
{
	const struct batch_item *item = &batch->items[i];
	struct candidate c = {0};
	size_t at;

	if (kinds != 0)
		c = view(item, kinds);
	if (!c.flow) {
		/* A fragment, or something behind options, may belong to any of them. */
		while (co->n_open > 0)
			close_at(co, co->n_open - 1);
		start(co, &c, i);
		return;
	}
	at = find_open(co, batch, &c, item->tunnel);
	if (at < co->n_open && continues(&co->runs[co->open[at]], batch, &c)) {
		if (append(co, &co->runs[co->open[at]], &c, i))
			close_at(co, at);
		return;
	}
	if (at < co->n_open)
		close_at(co, at);
	start(co, &c, i);
}

/* A packet by itself: only its checksum may be left to make. */
static void describe_one(struct coalesce_run *run, const struct batch_item *item)
{
	run->vnet = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	if (item->csum_start == 0)
		return;
	run->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	run->vnet.csum_start = item->csum_start;
	run->vnet.csum_offset = item->csum_offset;
	run->vnet.hdr_len = (uint16_t)(item->csum_start + item->csum_offset + 2);
}

static void make_ip(struct coalesce_run *run)
{
	uint8_t *ip = run->header;

	if (run->version == 6) {
		put_be16(ip + 4, (uint16_t)(run->len - IPV6_HEADER));
		return;
	}
	put_be16(ip + 2, (uint16_t)run->len);
	put_be16(ip + IPV4_CHECKSUM_AT, checksum_ipv4_header(ip, IPV4_HEADER));
}

static void make_l4(struct coalesce_run *run, const uint8_t *last)
{
	size_t len = run->len - run->l4;
	uint8_t proto = run->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
	size_t addresses = run->version == 4 ? 12 : 8;
	size_t size = run->version == 4 ? 4 : 16;
	uint8_t *l4 = run->header + run->l4;
	uint64_t pseudo = checksum_pseudo(run->version, run->header + addresses,
		run->header + addresses + size, proto, (uint32_t)len);

	if (run->udp)
		put_be16(l4 + UDP_LENGTH_AT, (uint16_t)len);
	else
		l4[TCP_FLAGS_AT] |= last[run->l4 + TCP_FLAGS_AT] & TCP_PSH;
	put_be16(l4 + l4_csum_at(proto), checksum_fold(pseudo));
	run->vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = run->udp            ? VIRTIO_NET_HDR_GSO_UDP_L4
			    : run->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
						: VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = run->header_len,
		.gso_size = run->gso_size,
		.csum_start = run->l4,
		.csum_offset = l4_csum_at(proto),
	};
}

void coalesce_end(struct coalescer *co, const struct batch *batch)
{
	for (size_t i = 0; i < co->n_runs; i++) {
		struct coalesce_run *run = &co->runs[i];

		if (run->n == 1) {
			describe_one(run, &batch->items[run->first]);
			continue;
		}
		run->header_len = run->payload_at;
		memcpy(run->header, first_of(run, batch), run->header_len);
		make_ip(run);
		make_l4(run, batch->items[run->last].pkt->data);
	}
}

void coalesce_single(struct coalesce_run *run, const struct batch *batch, uint8_t i)
{
	run->header_len = 0;
	run->n = 1;
	run->first = run->last = i;
	run->open = false;
	describe_one(run, &batch->items[i]);
}
