/* SPDX-License-Identifier: Apache-2.0
 * pktmake.h - IP packets with every field at will, checksums summed 16 bits at a time, and the
 * segments that a super-packet stands for. */
#ifndef PKTMAKE_H
#define PKTMAKE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128, AE = 256 };
enum sum { SUM_RIGHT, SUM_WRONG, SUM_ZERO, SUM_OTHER_ZERO };
enum { PKT_MAX = 66000, FLOWS = 64 };

struct seg {
	int flow;  /* makes its addresses and ports */
	int order; /* what comes with the same number comes in order */
	uint8_t v, proto, tos, ttl;
	uint16_t id, frag; /* frag in units of 8 octets */
	bool df, mf, reserved;
	uint32_t label;
	uint8_t ipopt[40];
	size_t n_ipopt;
	uint8_t ext[64]; /* IPv6 extension headers, the first of the kind ext_first */
	size_t n_ext;
	uint8_t ext_first;
	uint16_t sport, dport, flags, win, urg;
	uint32_t seq, ack;
	uint8_t opt[40];
	size_t n_opt;
	size_t len;       /* payload */
	uint32_t content; /* seed of it */
	enum sum sum;
	int udp_longer; /* added to the length that UDP says */
	bool sum_to_0;  /* the payload's last words make the checksum 0 */
};

static inline uint32_t rnd(uint32_t *state)
{
	uint32_t x = *state ? *state : 1;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}
static inline void w16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void w32(uint8_t *p, uint32_t v)
{
	w16(p, v >> 16);
	w16(p + 2, v & 0xffff);
}
static inline unsigned r16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}
static inline uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}
static inline void fill(uint8_t *p, size_t len, uint32_t seed)
{
	uint32_t state = seed * 2654435761u + 1;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(rnd(&state) >> 11);
}
/* Hosts 1 to 4 of 10.71.0.0/24 talk to those of 10.72.0.0/24; the same of fd00:71::, fd00:72::. */
static inline void address(uint8_t *p, int v, int net, int flow)
{
	if (v == 4) {
		w32(p, 0x0a000001u + ((uint32_t)net << 16) + (uint32_t)(flow % 4));
		return;
	}
	memset(p, 0, 16);
	w16(p, 0xfd00);
	p[3] = (uint8_t)(net == 71 ? 0x71 : 0x72);
	p[15] = (uint8_t)(1 + flow % 4);
}
static inline uint32_t pseudo(const uint8_t *ip, uint8_t proto, size_t len)
{
	uint8_t tail[8] = {0};
	uint32_t sum = ip[0] >> 4 == 4 ? sum16(0, ip + 12, 8) : sum16(0, ip + 8, 32);
	w32(tail, (uint32_t)len);
	tail[7] = proto;
	return sum16(sum, tail, 8);
}
static inline size_t ip_header(const struct seg *s)
{
	return s->v == 4 ? 20 + s->n_ipopt : 40 + s->n_ext;
}
static inline size_t transport_header(const struct seg *s)
{
	return s->proto == 6 ? 20 + s->n_opt : s->proto == 17 ? 8 : 0;
}
static inline void put_checksum(const struct seg *s, uint8_t *ip, uint8_t *p, size_t n)
{
	uint8_t *at = p + (s->proto == 6 ? 16 : 6);
	if (s->proto != 6 && s->proto != 17)
		return;
	w16(at, 0);
	if (s->sum_to_0 && s->len >= 4) {
		/* What is missing to 0xffff goes into an aligned word of the payload. */
		uint8_t *word = p + (transport_header(s) + s->len - 2) / 2 * 2 - 2;
		if (word < p + transport_header(s))
			word += 2;
		w16(word, 0);
		w16(word, 0xffff - sum16(pseudo(ip, s->proto, n), p, n));
	}
	uint32_t sum = ~sum16(pseudo(ip, s->proto, n), p, n) & 0xffff;
	if (s->proto == 17 && !sum)
		sum = 0xffff;
	if (s->sum == SUM_WRONG)
		sum ^= 0x0140;
	if (s->sum == SUM_ZERO)
		sum = 0;
	if (s->sum == SUM_OTHER_ZERO && (!sum || sum == 0xffff))
		sum = sum ^ 0xffff;
	w16(at, sum);
}
static inline void put_ip(const struct seg *s, uint8_t *p, size_t behind)
{
	if (s->v == 6) {
		w32(p, 6u << 28 | (uint32_t)s->tos << 20 | s->label);
		w16(p + 4, (unsigned)(s->n_ext + behind));
		p[6] = s->n_ext ? s->ext_first : s->proto;
		p[7] = s->ttl;
		address(p + 8, 6, 71, s->flow);
		address(p + 24, 6, 72, s->flow);
		memcpy(p + 40, s->ext, s->n_ext);
		return;
	}
	p[0] = (uint8_t)(0x40 | ip_header(s) / 4);
	p[1] = s->tos;
	w16(p + 2, (unsigned)(ip_header(s) + behind));
	w16(p + 4, s->id);
	w16(p + 6, s->frag | (s->mf ? 0x2000u : 0) | (s->df ? 0x4000u : 0) |
			   (s->reserved ? 0x8000u : 0));
	p[8] = s->ttl;
	p[9] = s->proto;
	w16(p + 10, 0);
	address(p + 12, 4, 71, s->flow);
	address(p + 16, 4, 72, s->flow);
	memcpy(p + 20, s->ipopt, s->n_ipopt);
	w16(p + 10, ~sum16(0, p, ip_header(s)) & 0xffff);
}
static inline size_t make(const struct seg *s, uint8_t *ip)
{
	uint8_t *p = ip + ip_header(s);
	size_t n = transport_header(s) + s->len;
	put_ip(s, ip, n);
	memset(p, 0, transport_header(s));
	if (s->proto == 6) {
		w16(p, s->sport);
		w16(p + 2, s->dport);
		w32(p + 4, s->seq);
		w32(p + 8, s->ack);
		w16(p + 12, (unsigned)(5 + s->n_opt / 4) << 12 | s->flags);
		w16(p + 14, s->win);
		w16(p + 18, s->urg);
		memcpy(p + 20, s->opt, s->n_opt);
	} else if (s->proto == 17) {
		w16(p, s->sport);
		w16(p + 2, s->dport);
		w16(p + 4, (unsigned)((int)n + s->udp_longer));
	}
	fill(p + transport_header(s), s->len, s->content);
	put_checksum(s, ip, p, n);
	return ip_header(s) + n;
}
/* Number i of the segments of gso_size octets that a super-packet stands for, virtio 1.2 5.1.6.2;
 * l4 is where its TCP or UDP header begins. */
static inline size_t segment(const uint8_t *super, size_t n, size_t l4, bool udp, size_t gso_size,
	size_t i, uint8_t *out)
{
	size_t header = l4 + (udp ? 8 : (size_t)(super[l4 + 12] >> 4) * 4),
	       at = header + i * gso_size;
	size_t len = n - at < gso_size ? n - at : gso_size;
	uint8_t *l4_out = out + l4, *sum = l4_out + (udp ? 6 : 16);
	memcpy(out, super, header);
	memcpy(out + header, super + at, len);
	if (udp) {
		w16(l4_out + 4, (unsigned)(8 + len));
	} else {
		w32(l4_out + 4, (uint32_t)(r16(super + l4 + 4) << 16) + r16(super + l4 + 6) +
					(uint32_t)(i * gso_size));
		if (at + len < n)
			l4_out[13] &= (uint8_t) ~(FIN | PSH);
		if (i)
			l4_out[13] &= (uint8_t)~CWR;
	}
	len += header;
	w16(sum, 0);
	unsigned checksum = ~sum16(pseudo(out, udp ? 17 : 6, len - l4), l4_out, len - l4) & 0xffff;
	w16(sum, udp && !checksum ? 0xffff : checksum);
	if (out[0] >> 4 == 6) {
		w16(out + 4, (unsigned)(len - 40));
		return len;
	}
	w16(out + 2, (unsigned)len);
	w16(out + 4, (r16(super + 4) + (unsigned)i) & 0xffff);
	w16(out + 10, 0);
	w16(out + 10, ~sum16(0, out, (size_t)(out[0] & 15) * 4) & 0xffff);
	return len;
}
#endif
