/* SPDX-License-Identifier: Apache-2.0 */
/* Super-packets of the plain forwarding loop, cut and joined. As lean as correct forwarding allows:
 * checksums of cut packets are computed, those of joined ones are verified first; the joiner knows
 * one flow at a time. */
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* headers before Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
	IP_LENGTH = 2,
	IP_ID = 4,
	IP_FRAGMENT = 6,
	IP_PROTOCOL = 9,
	IP_SUM = 10,
	IP_ADDRESSES = 12,
	IP_HEADER = 20,
	UDP_LENGTH = 4,
	UDP_SUM = 6,
	UDP_HEADER = 8,
	TCP_SEQUENCE = 4,
	TCP_ACK = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_SUM = 16,
	TCP_HEADER = 20,
	FLAG_FIN = 0x01,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_CWR = 0x80
};

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* RFC 1071, eight octets a step in the machine's order, carries kept at the other end. */
static uint64_t sum(const uint8_t *at, size_t n, uint64_t total)
{
	uint64_t word;
	for (; n >= sizeof(word); n -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		total += word;
		total += total < word;
	}
	word = 0;
	memcpy(&word, at, n);
	total += word;
	return total + (total < word);
}

static uint16_t fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static void put_sum(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint64_t pseudo_sum(const uint8_t *ip, size_t octets)
{
	return sum(ip + IP_ADDRESSES, 8, 0) + htons(ip[IP_PROTOCOL]) + htons((uint16_t)octets);
}

static void ip_length(uint8_t *ip, size_t l4, size_t n)
{
	put16(ip + IP_LENGTH, n);
	put16(ip + IP_SUM, 0);
	put_sum(ip + IP_SUM, (uint16_t)~fold(sum(ip, l4, 0)));
}

static size_t checksum_at(const uint8_t *ip)
{
	return ip[IP_PROTOCOL] == IPPROTO_UDP ? UDP_SUM : TCP_SUM;
}

static void transport_checksum(uint8_t *ip, size_t l4, size_t n)
{
	uint8_t *field = ip + l4 + checksum_at(ip);
	uint16_t value;
	put16(field, 0);
	value = (uint16_t)~fold(sum(ip + l4, n - l4, pseudo_sum(ip, n - l4)));
	put_sum(field, value ? value : 0xffff);
}

static uint8_t *tx_room(struct tx *tx)
{
	if (tx->n == LOOP_MESSAGES || tx->used + LOOP_RUN_OCTETS > LOOP_TX_OCTETS)
		tx_flush(tx);
	return tx->octets + tx->used;
}

/* The n octets just written at the end become a datagram: of the last message while lengths allow,
 * or of a new one. */
static void tx_commit(struct tx *tx, size_t n)
{
	struct tx_message *m = tx->n > 0 ? &tx->message[tx->n - 1] : NULL;
	if (!m || m->octets != m->size * m->count || n > m->size || m->count == LOOP_SEGMENTS ||
		m->octets + n > LOOP_RUN_OCTETS) {
		m = &tx->message[tx->n++];
		*m = (struct tx_message){tx->used, 0, n, 0};
	}
	m->octets += n;
	m->count++;
	tx->used += n;
}

static void tx_control(struct msghdr *head, uint8_t *control, size_t size)
{
	const uint16_t value = (uint16_t)size;
	head->msg_control = control;
	head->msg_controllen = CMSG_SPACE(sizeof(value));
	struct cmsghdr *c = CMSG_FIRSTHDR(head);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(c), &value, sizeof(value));
}

void tx_flush(struct tx *tx)
{
	struct mmsghdr head[LOOP_MESSAGES] = {0};
	struct iovec part[LOOP_MESSAGES];
	_Alignas(struct cmsghdr) uint8_t control[LOOP_MESSAGES][CMSG_SPACE(sizeof(uint16_t))];
	size_t done = 0;
	for (size_t i = 0; i < tx->n; i++) {
		const struct tx_message *m = &tx->message[i];
		part[i] = (struct iovec){tx->octets + m->at, m->octets};
		head[i].msg_hdr.msg_iov = &part[i];
		head[i].msg_hdr.msg_iovlen = 1;
		if (m->count > 1)
			tx_control(&head[i].msg_hdr, control[i], m->size);
	}
	while (done < tx->n) {
		int went = sendmmsg(tx->sock, head + done, (unsigned)(tx->n - done), 0);
		if (went < 0 && errno == EINTR)
			continue;
		done += went > 0 ? (size_t)went : 1;
	}
	tx->n = tx->used = 0;
}

static void seal_single(struct tx *tx, struct cipher *c, const uint8_t *packet, size_t n)
{
	uint8_t *at = tx_room(tx);
	memcpy(at + c->head, packet, n);
	tx_commit(tx, cipher_seal(c, at, n));
}

/* A packet whose sender left the checksum to the device. */
static void seal_unsummed(struct tx *tx, struct cipher *c, const struct virtio_net_hdr *v,
	const uint8_t *packet, size_t n)
{
	uint8_t *at = tx_room(tx), *copy = at + c->head;
	const size_t field = (size_t)v->csum_start + v->csum_offset;
	if (field + 2 > n)
		return;
	memcpy(copy, packet, n);
	put_sum(copy + field, (uint16_t)~fold(sum(copy + v->csum_start, n - v->csum_start, 0)));
	tx_commit(tx, cipher_seal(c, at, n));
}

/* What differs from the header that all segments of a super-packet share. */
static void patch_segment(uint8_t *ip, size_t l4, size_t n, size_t offset, size_t size, bool last)
{
	uint8_t *const t = ip + l4;
	put16(ip + IP_ID, (size_t)((ip[IP_ID] << 8) + ip[IP_ID + 1]) + offset / size);
	ip_length(ip, l4, n);
	if (ip[IP_PROTOCOL] == IPPROTO_UDP) {
		put16(t + UDP_LENGTH, n - l4);
	} else {
		put32(t + TCP_SEQUENCE, get32(t + TCP_SEQUENCE) + (uint32_t)offset);
		if (!last)
			t[TCP_FLAGS] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
		if (offset > 0)
			t[TCP_FLAGS] &= (uint8_t)~FLAG_CWR;
	}
	transport_checksum(ip, l4, n);
}

static void cut(struct tx *tx, struct cipher *c, const uint8_t *packet, size_t n, size_t size)
{
	const size_t l4 = (size_t)(packet[0] & 15) * 4;
	const bool udp = packet[IP_PROTOCOL] == IPPROTO_UDP;
	const size_t header = l4 + (udp ? UDP_HEADER : (size_t)(packet[l4 + TCP_OFFSET] >> 4) * 4);
	if (size == 0 || header + size > LOOP_PACKET_OCTETS || header > n)
		return;
	for (size_t at = header; at < n; at += size) {
		const size_t payload = n - at < size ? n - at : size;
		uint8_t *out = tx_room(tx), *copy = out + c->head;
		memcpy(copy, packet, header);
		memcpy(copy + header, packet + at, payload);
		patch_segment(copy, l4, header + payload, at - header, size, at + payload == n);
		tx_commit(tx, cipher_seal(c, out, header + payload));
	}
}

void segment(struct tx *tx, struct cipher *c, const uint8_t *from_tun, size_t n)
{
	struct virtio_net_hdr v;
	const uint8_t *packet = from_tun + sizeof(v);
	if (n < sizeof(v) + IP_HEADER + TCP_HEADER)
		return;
	memcpy(&v, from_tun, sizeof(v));
	n -= sizeof(v);
	if (v.gso_type != VIRTIO_NET_HDR_GSO_NONE && packet[0] >> 4 == 4)
		cut(tx, c, packet, n, v.gso_size);
	else if (v.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return;
	else if (v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		seal_unsummed(tx, c, &v, packet, n);
	else
		seal_single(tx, c, packet, n);
}

/* Offset of the payload if the packet may stand in a run, 0 otherwise. */
static size_t joinable(const uint8_t *ip, size_t n)
{
	const uint8_t *t = ip + IP_HEADER;
	size_t header = IP_HEADER + UDP_HEADER;
	if (n <= header || ip[0] != 0x45 || (ip[IP_FRAGMENT] & 0x3f) || ip[IP_FRAGMENT + 1])
		return 0;
	if (ip[IP_PROTOCOL] == IPPROTO_TCP) {
		if (n <= IP_HEADER + TCP_HEADER)
			return 0;
		header = IP_HEADER + (size_t)(t[TCP_OFFSET] >> 4) * 4;
		if ((t[TCP_FLAGS] & ~FLAG_PSH) != FLAG_ACK || n <= header)
			return 0;
	} else if (ip[IP_PROTOCOL] != IPPROTO_UDP) {
		return 0;
	}
	if (fold(sum(t, n - IP_HEADER, pseudo_sum(ip, n - IP_HEADER))) != 0xffff)
		return 0;
	return header;
}

static bool same_tcp(const struct run *r, const uint8_t *ip)
{
	const uint8_t *mine = r->head + r->l4, *its = ip + r->l4;
	const size_t options = r->header - r->l4 - TCP_HEADER;
	return get32(its + TCP_SEQUENCE) == r->next && !memcmp(mine + TCP_ACK, its + TCP_ACK, 5) &&
	       !memcmp(mine + TCP_WINDOW, its + TCP_WINDOW, 2) &&
	       !memcmp(mine + TCP_HEADER, its + TCP_HEADER, options);
}

/* IPv4's second octet, the lifetime, protocol, addresses and ports agree; the payload fits. */
static bool continues(const struct run *r, const uint8_t *ip, size_t header, size_t payload)
{
	if (r->n == 0 || r->closed || header != r->header || payload > r->size ||
		r->n == LOOP_SEGMENTS || r->header + r->payload + payload > LOOP_RUN_OCTETS)
		return false;
	return r->head[1] == ip[1] && !memcmp(r->head + 8, ip + 8, 2) &&
	       !memcmp(r->head + IP_ADDRESSES, ip + IP_ADDRESSES, 8) &&
	       !memcmp(r->head + r->l4, ip + r->l4, 4) &&
	       (ip[IP_PROTOCOL] == IPPROTO_UDP || same_tcp(r, ip));
}

static void run_begin(struct run *r, uint8_t *ip, size_t n, size_t header)
{
	r->head = ip;
	r->l4 = IP_HEADER;
	r->header = header;
	r->size = r->payload = n - header;
	r->closed = header == 0;
	r->part[1] = (struct iovec){ip, n};
	r->n = 1;
	if (!r->closed && ip[IP_PROTOCOL] == IPPROTO_TCP) {
		r->next = get32(ip + IP_HEADER + TCP_SEQUENCE) + (uint32_t)r->size;
		r->closed = ip[IP_HEADER + TCP_FLAGS] & FLAG_PSH;
	}
}

static void run_extend(struct run *r, uint8_t *ip, size_t payload)
{
	r->part[++r->n] = (struct iovec){ip + r->header, payload};
	r->payload += payload;
	r->next += (uint32_t)payload;
	r->closed = payload < r->size;
	if (ip[IP_PROTOCOL] == IPPROTO_TCP && ip[r->l4 + TCP_FLAGS] & FLAG_PSH) {
		r->head[r->l4 + TCP_FLAGS] |= FLAG_PSH;
		r->closed = true;
	}
}

void run_join(struct run *r, uint8_t *packet, size_t n)
{
	if (n < IP_HEADER)
		return;
	const size_t header = joinable(packet, n);
	if (header > 0 && continues(r, packet, header, n - header)) {
		run_extend(r, packet, n - header);
		return;
	}
	run_flush(r);
	run_begin(r, packet, n, header);
}

static void describe(const struct run *r, struct virtio_net_hdr *v)
{
	const size_t n = r->header + r->payload;
	const bool udp = r->head[IP_PROTOCOL] == IPPROTO_UDP;
	uint8_t *t = r->head + r->l4;
	ip_length(r->head, r->l4, n);
	if (udp)
		put16(t + UDP_LENGTH, n - r->l4);
	put_sum(t + checksum_at(r->head), fold(pseudo_sum(r->head, n - r->l4)));
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 : VIRTIO_NET_HDR_GSO_TCPV4;
	v->hdr_len = (uint16_t)r->header;
	v->gso_size = (uint16_t)r->size;
	v->csum_start = (uint16_t)r->l4;
	v->csum_offset = (uint16_t)checksum_at(r->head);
}

void run_flush(struct run *r)
{
	struct virtio_net_hdr v = {0};
	if (r->n == 0)
		return;
	if (r->n > 1)
		describe(r, &v);
	r->part[0] = (struct iovec){&v, sizeof(v)};
	if (writev(r->tun, r->part, (int)r->n + 1) < 0 && errno == EINTR)
		(void)!writev(r->tun, r->part, (int)r->n + 1);
	r->n = 0;
}
