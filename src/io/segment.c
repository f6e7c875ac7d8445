/* SPDX-License-Identifier: Apache-2.0 */
/* Userspace segmentation of TCP and UDP super-packets, virtio 1.2 5.1.6.2 and RFC 9293 3.7. */
#include "io/segment.h"

#include "base/buf.h"
#include "base/wire.h"
#include "io/l4.h"
#include "ip/checksum.h"
#include "ip/packet.h"
#include "ipsec/ipsec.h"

#include <linux/virtio_net.h>
#include <string.h>

/* The packet itself says what it is; the kernel's words are only compared. */
static bool view(struct ip_packet *ip, const uint8_t *data, size_t len)
{
	return ip_packet_parse_quoted(ip, data, len) && ip->len == len && !ip->fragment &&
	       ip->has_ports;
}

static bool is_kind(const struct ip_packet *ip, uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return ip->version == 4 && ip->proto == IP_PROTO_TCP;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return ip->version == 6 && ip->proto == IP_PROTO_TCP;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return ip->proto == IP_PROTO_UDP;
	default:
		return false;
	}
}

/*
 * The sum of addresses and protocol. Where options or extension headers stand between, the packet
 * may be routed by its source, and then the address that counts is not the one in front; the
 * kernel's own sum over the whole has it.
 */
static uint64_t pseudo(const struct segmenter *s, const struct ip_packet *ip)
{
	size_t plain = ip->version == 4 ? IPV4_HEADER : IPV6_HEADER;

	if (ip->hdr_len == plain)
		return checksum_pseudo(ip->version, ip->src, ip->dst, ip->proto, 0);
	return (uint64_t)get_be16(s->data + ip->hdr_len + s->csum_offset) +
	       (uint16_t) ~(s->len - ip->hdr_len);
}

static bool begin_super(struct segmenter *s, const struct virtio_net_hdr *vnet)
{
	struct ip_packet ip;
	size_t header_len;

	if (!view(&ip, s->data, s->len) || !is_kind(&ip, vnet->gso_type))
		return false;
	s->udp = ip.proto == IP_PROTO_UDP;
	header_len =
		s->udp ? ip.hdr_len + (size_t)UDP_HEADER
		       : ip.hdr_len + tcp_header_len(s->data + ip.hdr_len, s->len - ip.hdr_len);
	if (header_len == ip.hdr_len || header_len >= s->len)
		return false;
	if (s->csum_start != ip.hdr_len || s->csum_offset != l4_csum_at(ip.proto))
		return false;
	s->version = ip.version;
	s->l4 = ip.hdr_len;
	s->header_len = (uint16_t)header_len;
	s->gso_size = vnet->gso_size;
	s->pseudo = pseudo(s, &ip);
	if (!s->udp)
		s->sequence = get_be32(s->data + s->l4 + TCP_SEQUENCE_AT);
	s->at = header_len;
	return s->gso_size > 0;
}

enum drop segment_begin(
	struct segmenter *s, const struct virtio_net_hdr *vnet, const uint8_t *data, size_t len)
{
	bool ok = true;

	*s = (struct segmenter){.data = data, .len = len};
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		s->csum_start = vnet->csum_start;
		s->csum_offset = vnet->csum_offset;
		ok = s->csum_start > 0 && (size_t)s->csum_start + s->csum_offset + 2 <= len;
	}
	if (ok && vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		ok = begin_super(s, vnet);
	if (ok)
		return DROP_NONE;
	s->at = s->len;
	return DROP_TUN_SEGMENT;
}

static void fix_ip(const struct segmenter *s, uint8_t *packet, size_t len)
{
	if (s->version == 6) {
		put_be16(packet + 4, (uint16_t)(len - IPV6_HEADER));
		return;
	}
	put_be16(packet + 2, (uint16_t)len);
	put_be16(packet + 4, (uint16_t)(get_be16(packet + 4) + s->index));
	put_be16(packet + 10, checksum_ipv4_header(packet, s->l4));
}

static void fix_l4(struct segmenter *s, uint8_t *l4, size_t len, bool last)
{
	if (s->udp) {
		put_be16(l4 + UDP_LENGTH_AT, (uint16_t)len);
	} else {
		put_be32(l4 + TCP_SEQUENCE_AT, s->sequence);
		s->sequence += s->gso_size;
		if (!last)
			l4[TCP_FLAGS_AT] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		if (s->index > 0)
			l4[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR;
	}
	/* The kernel's own sum has the length of the whole. */
	put_be16(l4 + s->csum_offset, checksum_fold(s->pseudo + len));
}

static enum drop cut(struct segmenter *s, struct buf *pkt)
{
	size_t n = s->len - s->at;
	size_t from = s->at;
	uint8_t *to;

	if (n > s->gso_size)
		n = s->gso_size;
	s->at += n;
	to = buf_put(pkt, s->header_len + n);
	if (to == NULL)
		return DROP_NO_BUFFER;
	memcpy(to, s->data, s->header_len);
	memcpy(to + s->header_len, s->data + from, n);
	fix_ip(s, to, pkt->len);
	fix_l4(s, to + s->l4, pkt->len - s->l4, s->at == s->len);
	s->index++;
	return DROP_NONE;
}

static enum drop take_whole(struct segmenter *s, struct buf *pkt)
{
	s->at = s->len;
	return buf_set(pkt, s->data, s->len) == 0 ? DROP_NONE : DROP_NO_BUFFER;
}

enum drop segment_next(struct segmenter *s, struct batch_item *item)
{
	item->alike = s->index > 0;
	item->csum_start = s->csum_start;
	item->csum_offset = s->csum_offset;
	return s->gso_size > 0 ? cut(s, item->pkt) : take_whole(s, item->pkt);
}
