/* SPDX-License-Identifier: Apache-2.0
 * pktcases.h - runs of packets that a segmenter or a coalescer could get wrong, kind by kind. */
#ifndef PKTCASES_H
#define PKTCASES_H
#include "pktmake.h"

struct packet {
	uint8_t *data;
	size_t len;
	int flow; /* order counts among those of one number */
	bool came;
	bool may_miss; /* the daemon may refuse it, but not change it */
};
struct list {
	struct packet *at;
	size_t n, size;
};
struct maker {
	int v;
	size_t mtu;
	uint32_t chance;
	bool elides; /* a rule leaves checksums and lengths out: wrong ones may be refused */
	struct list out;
	uint32_t seq[FLOWS];
	uint16_t id[FLOWS];
};

static inline void list_add(struct list *l, struct packet p, const uint8_t *data)
{
	if (l->n == l->size) {
		l->size = l->size ? l->size * 2 : 64;
		l->at = realloc(l->at, l->size * sizeof *l->at);
	}
	p.data = malloc(p.len ? p.len : 1);
	if (!l->at || !p.data)
		abort();
	memcpy(p.data, data, p.len);
	l->at[l->n++] = p;
}
static inline void list_clear(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].data);
	free(l->at);
	*l = (struct list){0};
}

static inline uint32_t below(struct maker *m, uint32_t n)
{
	return rnd(&m->chance) % n;
}
static inline struct seg base(struct maker *m, int flow, uint8_t proto, size_t len)
{
	return (struct seg){.flow = flow,
		.order = flow,
		.v = (uint8_t)m->v,
		.proto = proto,
		.ttl = 64,
		.id = m->id[flow],
		.df = true,
		.label = m->v == 6 ? 0x5a000u + (uint32_t)flow : 0,
		.sport = (uint16_t)(40000 + flow),
		.dport = (uint16_t)(5000 + flow),
		.seq = m->seq[flow],
		.ack = 0x01020304,
		.flags = ACK,
		.win = 501,
		.len = len,
		.content = rnd(&m->chance)};
}
static inline struct seg tcp(struct maker *m, int flow, size_t len)
{
	return base(m, flow, 6, len);
}
static inline struct seg udp(struct maker *m, int flow, size_t len)
{
	return base(m, flow, 17, len);
}
static inline void emit_missable(struct maker *m, const struct seg *s, bool may_miss)
{
	static uint8_t data[PKT_MAX];
	size_t len = make(s, data);
	if (len > m->mtu) {
		fprintf(stderr, "a packet of %zu octets does not fit\n", len);
		abort();
	}
	list_add(
		&m->out, (struct packet){.len = len, .flow = s->order, .may_miss = may_miss}, data);
	m->seq[s->flow] += (uint32_t)s->len;
	m->id[s->flow]++;
}
static inline void emit(struct maker *m, const struct seg *s)
{
	bool wrong = s->sum == SUM_WRONG || (s->sum == SUM_ZERO && (s->proto == 6 || s->v == 6)) ||
		     s->udp_longer;
	emit_missable(m, s, wrong && m->elides);
}
static inline size_t room(const struct maker *m, const struct seg *s)
{
	return m->mtu - ip_header(s) - transport_header(s);
}
static inline size_t full(struct maker *m, uint8_t proto)
{
	struct seg s = base(m, 0, proto, 0);
	return room(m, &s);
}
static inline void timestamps(struct seg *s, uint32_t value)
{
	static const uint8_t head[4] = {1, 1, 8, 10};
	memcpy(s->opt, head, 4);
	w32(s->opt + 4, value);
	w32(s->opt + 8, 77);
	s->n_opt = 12;
}
static inline void sack(struct seg *s, uint32_t from)
{
	static const uint8_t head[4] = {1, 1, 5, 10};
	memcpy(s->opt, head, 4);
	w32(s->opt + 4, from);
	w32(s->opt + 8, from + 1000);
	s->n_opt = 12;
}
static inline void run(struct maker *m, uint8_t proto, int flow, size_t n, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		struct seg s = base(m, flow, proto, len);
		emit(m, &s);
	}
}

/* ---- plain runs */
static inline void sizes_of(struct maker *m, uint8_t proto)
{
	size_t sizes[] = {1, 2, 3, 7, 100, 537, 1000, 1001, full(m, proto) - 1, full(m, proto)};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		run(m, proto, (int)i, 9, sizes[i]);
		run(m, proto, (int)i, 1, sizes[i] > 1 ? sizes[i] - 1 : 1);
	}
}
static inline void tcp_sizes(struct maker *m)
{
	sizes_of(m, 6);
}
static inline void udp_sizes(struct maker *m)
{
	sizes_of(m, 17);
}
static inline void tcp_long(struct maker *m)
{
	run(m, 6, 0, 150, 200);
	run(m, 6, 1, 130, 1);
	run(m, 6, 2, 100, full(m, 6));
}
static inline void udp_long(struct maker *m)
{
	run(m, 17, 0, 150, 200);
	run(m, 17, 1, 130, 1);
	run(m, 17, 2, 100, full(m, 17));
}
static inline void changing_sizes(struct maker *m, uint8_t proto)
{
	for (size_t i = 0; i < 40; i++)
		run(m, proto, 0, 1, 1 + (i * 37) % 500);
	for (size_t i = 0; i < 40; i++)
		run(m, proto, 1, 1, i % 5 == 3 ? 99 : 300);
	for (size_t i = 0; i < 40; i++)
		run(m, proto, 2, 1, i % 6 == 4 ? 301 : 300);
	for (size_t i = 0; i < 40; i++)
		run(m, proto, 3, 1, i % 4 == 2 ? 0 : 64);
}
static inline void tcp_changing(struct maker *m)
{
	changing_sizes(m, 6);
}
static inline void udp_changing(struct maker *m)
{
	changing_sizes(m, 17);
}

/* ---- TCP's fields */
static inline void tcp_flags(struct maker *m)
{
	static const uint16_t odd[] = {ACK | PSH, ACK | FIN, ACK | FIN | PSH, ACK | URG, ACK | RST,
		RST, ACK | ECE, ACK | CWR, ACK | ECE | CWR, ACK | AE, ACK | AE | CWR | ECE,
		ACK | 0x800, ACK | 0x200, SYN, SYN | ACK, SYN | ECE | CWR, 0, PSH, FIN, 0xfff};
	for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
		for (size_t i = 0; i < 12; i++) {
			struct seg s = tcp(m, (int)k, i == 11 ? 99 : 200);
			if (i % 5 == 2 || (i == 11 && k % 2))
				s.flags = odd[k];
			if (s.flags & URG)
				s.urg = 17;
			emit(m, &s);
		}
}
static inline void tcp_flags_all_along(struct maker *m)
{
	static const uint16_t odd[] = {
		ACK | PSH, ACK | ECE, ACK | CWR, ACK | URG, ACK | AE, ACK | FIN, 0};
	for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
		for (size_t i = 0; i < 20; i++) {
			struct seg s = tcp(m, (int)k, 200);
			s.flags = odd[k];
			emit(m, &s);
		}
}
static inline void tcp_urgent_pointer(struct maker *m)
{
	for (uint16_t i = 0; i < 40; i++) {
		struct seg s = tcp(m, 0, 100);
		s.urg = i % 9 == 4 ? 5
				   : 0; /* without URG: meaningless, yet an octet of the packet */
		emit(m, &s);
	}
}
static inline void tcp_options(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = tcp(m, (int)(i / 40), 301);
		if (i < 40)
			timestamps(&s, 1000 + i / 7);
		else if (i < 80 && i % 6 < 4)
			sack(&s, i % 6 < 2 ? 1 : 5);
		else if (i >= 80 && i % 5)
			memset(s.opt, i % 5 == 3 ? 0 : 1, s.n_opt = 4 * (i % 3));
		emit(m, &s);
	}
}
static inline void tcp_windows(struct maker *m)
{
	for (uint32_t i = 0; i < 60; i++) {
		struct seg s = tcp(m, 0, 257);
		s.win = (uint16_t)(501 + i / 8);
		s.ack += i / 11;
		emit(m, &s);
	}
}
static inline void tcp_order(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = tcp(m, 0, 211);
		uint32_t start = 0xfffff000; /* wraps */
		s.seq = start + 211 * (i % 6 == 2           ? i + 1
					      : i % 6 == 3  ? i - 1
					      : i % 11 == 7 ? i - 4
							    : i);
		if (i % 17 == 5)
			s.seq += 100; /* overlaps */
		emit(m, &s);
	}
}
static inline void tcp_acks(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = tcp(m, (int)(i / 60), i % 6 == 5 || i >= 90 ? 0 : 333);
		if (i % 13 == 12) {
			s.seq--;
			s.len = 1; /* keepalive */
		}
		emit(m, &s);
		if (i % 13 == 12)
			m->seq[s.flow]--;
	}
}
/* ---- IP's fields */
static inline void ids_of(struct maker *m, uint8_t proto)
{
	for (uint32_t i = 0; i < 240; i++) {
		struct seg s = base(m, (int)(i / 30), proto, 150);
		switch (s.flow) {
		case 0:
			s.id = 4711;
			break; /* constant, DF */
		case 1:
			s.id = 4711;
			s.df = false;
			break;
		case 2:
			s.id = (uint16_t)(0xfff0 + i);
			break; /* wraps */
		case 3:
			s.id = 0;
			break;
		case 4:
			s.id = (uint16_t)rnd(&m->chance);
			break;
		case 5:
			s.df = i % 7 < 4;
			break;
		case 6:
			s.id = (uint16_t)(i - i % 5);
			s.df = false;
			break;
		default:
			s.reserved = i % 9 == 4;
			s.id = (uint16_t)(9000 - i);
			break;
		}
		s.label = s.flow == 5 ? i / 6 : s.flow == 6 ? 0 : s.label;
		emit(m, &s);
	}
}
static inline void tcp_ids(struct maker *m)
{
	ids_of(m, 6);
}
static inline void udp_ids(struct maker *m)
{
	ids_of(m, 17);
}
static inline void ip_fields(struct maker *m)
{
	for (uint32_t i = 0; i < 240; i++) {
		struct seg s = base(m, (int)(i / 40), i % 80 < 40 ? 6 : 17, 177);
		switch (s.flow) {
		case 0:
		case 1:
			s.tos = (uint8_t)(i / 5 % 4);
			break; /* the four codepoints of ECN */
		case 2:
		case 3:
			s.tos = (uint8_t)((i / 6 % 64) << 2);
			break;
		default:
			s.ttl = (uint8_t)(60 + i / 5 % 9);
			break;
		}
		emit(m, &s);
	}
	for (uint32_t i = 0; i < 20; i++) { /* a CE mark here and there */
		struct seg s = tcp(m, 7, 400);
		s.tos = i % 6 == 3 ? 3 : 2;
		emit(m, &s);
	}
}
static inline void ip_options(struct maker *m)
{
	static const uint8_t kinds[5][8] = {{1, 1, 1, 1}, {148, 4, 0, 0}, {1, 1, 1, 0, 0, 0, 0, 0},
		{136, 4, 1, 2, 0, 0, 0, 0}, {222, 8, 1, 2, 3, 4, 5, 6}};
	for (uint32_t i = 0; i < 160; i++) {
		struct seg s = base(m, (int)(i / 16), i % 32 < 16 ? 6 : 17, 222);
		unsigned kind = (unsigned)s.flow / 2;
		s.n_ipopt = i % 16 < 9 ? (kinds[kind][4] ? 8 : 4) : 0;
		memcpy(s.ipopt, kinds[kind], s.n_ipopt);
		emit(m, &s);
	}
}
static inline void ip_extensions(struct maker *m)
{
	static const struct {
		uint8_t first, n;
		uint8_t octets[24];
	} kinds[] = {
		{60, 8, {0, 0, 1, 4, 0, 0, 0, 0}}, /* destination options, PadN */
		{0, 8, {0, 0, 1, 4, 0, 0, 0, 0}},  /* hop by hop */
		{60, 16, {60, 0, 1, 4, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0}},
		{44, 8, {0, 0, 0, 0, 0, 0, 0, 9}}, /* atomic fragment */
		{43, 24,
			{0, 2, 4, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0x99}}, /* routing, no segments left */
	};
	for (uint32_t i = 0; i < 160; i++) {
		struct seg s = base(m, (int)(i / 16), i % 32 < 16 ? 6 : 17, 222);
		unsigned kind = (unsigned)s.flow / 2;
		if (i % 16 < 9) {
			s.ext_first = kinds[kind].first;
			s.n_ext = kinds[kind].n;
			memcpy(s.ext, kinds[kind].octets, s.n_ext);
			s.ext[kind == 2 ? 8 : 0] = s.proto;
			if (kind == 3)
				s.ext[7] = (uint8_t)i;
		}
		emit(m, &s);
	}
}
/* One datagram or segment in pieces; flow's number is kept, so order counts among the pieces too.
 */
static inline void emit_fragments(struct maker *m, const struct seg *s, size_t piece)
{
	static uint8_t whole[PKT_MAX], part[PKT_MAX];
	size_t header = ip_header(s), n = make(s, whole) - header;
	static uint32_t identification = 1;
	identification++;
	for (size_t at = 0; at < n; at += piece) {
		struct seg f = *s;
		bool more = n - at > piece;
		f.proto = s->proto;
		f.frag = (uint16_t)(at / 8);
		f.mf = more;
		f.df = false;
		size_t len = more ? piece : n - at;
		if (s->v == 6) {
			f.ext_first = 44;
			f.n_ext = 8;
			f.ext[0] = s->proto;
			w16(f.ext + 2, (unsigned)at | more);
			w32(f.ext + 4, identification);
		}
		put_ip(&f, part, len);
		memcpy(part + ip_header(&f), whole + header + at, len);
		list_add(&m->out, (struct packet){.len = ip_header(&f) + len, .flow = s->order},
			part);
	}
	m->seq[s->flow] += (uint32_t)s->len;
	m->id[s->flow]++;
}
static inline void fragments_of(struct maker *m, uint8_t proto)
{
	for (uint32_t i = 0; i < 60; i++) {
		struct seg s = base(m, (int)(i / 20), proto, 160);
		if (i % 5 == 3)
			s.len = i < 20 ? 900 : i < 40 ? 2400 : 24;
		if (i % 5 == 3)
			emit_fragments(m, &s, i < 20 ? 160 + 8 : i < 40 ? 1200 : 24);
		else
			emit(m, &s);
	}
}
static inline void udp_fragments(struct maker *m)
{
	fragments_of(m, 17);
}
static inline void tcp_fragments(struct maker *m)
{
	fragments_of(m, 6);
}

/* ---- UDP's fields, checksums */
static inline void udp_zero(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = udp(m, (int)(i / 40), 333);
		if (i < 40 || (i < 80 && i % 5 == 2) || (i >= 80 && i % 8 < 4))
			s.sum = SUM_ZERO;
		emit(m, &s);
	}
}
static inline void wrong_sums(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = base(m, (int)(i / 30), i % 60 < 30 ? 6 : 17, 123);
		if (i >= 60 || i % 7 == 3)
			s.sum = SUM_WRONG;
		emit(m, &s);
	}
}
/* The one checksum that has two spellings: 0 and 0xffff; UDP never sends the first. */
static inline void sums_of_zero(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = base(m, (int)(i / 30), i < 60 ? 6 : 17, 124);
		s.sum_to_0 = i % 6 != 1;
		if (i >= 30 && i < 60 && i % 4 == 2)
			s.sum = SUM_OTHER_ZERO;
		emit_missable(m, &s, m->elides && s.sum == SUM_OTHER_ZERO);
	}
}
static inline void udp_lengths(struct maker *m)
{
	for (uint32_t i = 0; i < 120; i++) {
		struct seg s = udp(m, (int)(i / 40), 240);
		if (i % 6 == 3)
			s.udp_longer = i < 40 ? -40 : i < 80 ? -241 : 8;
		emit_missable(m, &s, s.udp_longer && (m->elides || i >= 40));
	}
}
/* ---- flows */
static inline void interleaved(struct maker *m, int flows)
{
	for (int i = 0; i < 240; i++) {
		int flow = flows <= 2 ? i % flows : (int)below(m, (uint32_t)flows);
		struct seg s =
			base(m, flow, flow % 3 == 1 ? 17 : 6, flow == 0 && i % 40 > 36 ? 31 : 260);
		if (flow % 3 != 1 && i % 13 == 0)
			s.flags |= PSH;
		emit(m, &s);
	}
}
static inline void flows_2(struct maker *m)
{
	interleaved(m, 2);
}
static inline void flows_8(struct maker *m)
{
	interleaved(m, 8);
}
static inline void flows_20(struct maker *m)
{
	interleaved(m, 20);
}
static inline void reordered(struct maker *m)
{
	run(m, 6, 0, 80, 300);
	run(m, 17, 1, 80, 300);
	for (size_t i = 0; i < m->out.n; i++) {
		size_t j = i / 80 * 80 + below(m, 80);
		struct packet p = m->out.at[i];
		m->out.at[i] = m->out.at[j];
		m->out.at[j] = p;
	}
}
static inline void other_protocols(struct maker *m)
{
	static const uint8_t protos[] = {132, 47, 136, 89, 50, 253, 59};
	for (uint32_t i = 0; i < 140; i++) {
		struct seg s = base(m, (int)(i / 20), 6, 199);
		if (i % 4 == 1) {
			s.proto = protos[s.flow];
			s.len = 60;
		}
		/* What looks like a header of SCTP or UDP-Lite is noise: a checksum that is wrong.
		 */
		emit_missable(m, &s, i % 4 == 1 && m->elides && (s.proto == 132 || s.proto == 136));
	}
}
/* Any field of any packet of a few flows, now and then. */
static inline void mutate(struct maker *m, struct seg *s)
{
	switch (below(m, 24)) {
	case 0:
		s->tos = (uint8_t)rnd(&m->chance);
		break;
	case 1:
		s->ttl = (uint8_t)(3 + below(m, 250));
		break;
	case 2:
		s->id = (uint16_t)rnd(&m->chance);
		break;
	case 3:
		s->df = !s->df;
		break;
	case 4:
		s->label = m->v == 6 ? rnd(&m->chance) & 0xfffff : 0;
		break;
	case 5:
		s->flags = (uint16_t)(rnd(&m->chance) & 0xfff);
		break;
	case 6:
		s->flags |= PSH;
		break;
	case 7:
		s->flags |= (uint16_t)(1u << below(m, 12));
		break;
	case 8:
		s->win++;
		break;
	case 9:
		s->urg = (uint16_t)rnd(&m->chance);
		break;
	case 10:
		s->seq += below(m, 3) - 1;
		break;
	case 11:
		s->seq = rnd(&m->chance);
		break;
	case 12:
		s->ack++;
		break;
	case 13:
		timestamps(s, below(m, 3));
		break;
	case 14:
		sack(s, below(m, 3));
		break;
	case 15:
		s->len = below(m, (uint32_t)full(m, 17) - 40);
		break;
	case 16:
		s->len = s->len > 1 ? s->len - 1 : 1;
		break;
	case 17:
		s->len = 0;
		break;
	case 18:
		s->sum = SUM_WRONG;
		break;
	case 19:
		s->sum = s->proto == 17 && s->v == 4 ? SUM_ZERO : SUM_RIGHT;
		break;
	case 20:
		s->sum_to_0 = true;
		break;
	case 21:
		memset(s->ipopt, 1, s->n_ipopt = m->v == 4 ? 4 : 0);
		break;
	case 22:
		s->sport ^= 1;
		s->order += 8;
		break;
	default:
		s->dport ^= 1;
		s->order += 16;
		break;
	}
	if (s->len + ip_header(s) + transport_header(s) > m->mtu)
		s->len = 100;
}
static inline void mutations(struct maker *m)
{
	size_t len = 1 + below(m, 1000);
	uint32_t flows = 1 + below(m, 4), often = 2 + below(m, 12);
	for (int i = 0; i < 240; i++) {
		int flow = (int)below(m, flows);
		struct seg s = base(m, flow, flow % 2 ? 17 : 6, len);
		if (below(m, often) == 0)
			mutate(m, &s);
		emit(m, &s);
	}
}

static const struct kind {
	const char *name;
	void (*make)(struct maker *m);
	int only; /* IP version */
} kinds[] = {
	{"TCP sizes", tcp_sizes, 0},
	{"UDP sizes", udp_sizes, 0},
	{"TCP runs above 64", tcp_long, 0},
	{"UDP runs above 64", udp_long, 0},
	{"TCP changing sizes", tcp_changing, 0},
	{"UDP changing sizes", udp_changing, 0},
	{"TCP flags in runs", tcp_flags, 0},
	{"TCP flags all along", tcp_flags_all_along, 0},
	{"TCP urgent pointer", tcp_urgent_pointer, 0},
	{"TCP options", tcp_options, 0},
	{"TCP windows and ACKs", tcp_windows, 0},
	{"TCP out of order", tcp_order, 0},
	{"TCP without payload", tcp_acks, 0},
	{"TCP IDs, DF, labels", tcp_ids, 0},
	{"UDP IDs, DF, labels", udp_ids, 0},
	{"ECN, DSCP, TTL", ip_fields, 0},
	{"IPv4 options", ip_options, 4},
	{"IPv6 extension headers", ip_extensions, 6},
	{"UDP fragments", udp_fragments, 0},
	{"TCP fragments", tcp_fragments, 0},
	{"UDP zero checksums", udp_zero, 0},
	{"wrong checksums", wrong_sums, 0},
	{"checksums of 0 and 0xffff", sums_of_zero, 0},
	{"UDP lengths", udp_lengths, 0},
	{"2 flows", flows_2, 0},
	{"8 flows", flows_8, 0},
	{"20 flows", flows_20, 0},
	{"shuffled", reordered, 0},
	{"other protocols between", other_protocols, 0},
	{"mutations 1", mutations, 0},
	{"mutations 2", mutations, 0},
	{"mutations 3", mutations, 0},
	{"mutations 4", mutations, 0},
	{"mutations 5", mutations, 0},
	{"mutations 6", mutations, 0},
};
#endif
