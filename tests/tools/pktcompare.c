/* SPDX-License-Identifier: Apache-2.0
 * pktcompare - what goes in on one side of a tunnel comes out on the other, octet by octet and in
 * order per flow.
 *   pktcompare -n NETNS_PREFIX -v 4|6 -m MTU [-g|-t] [-e] [-k id] [-k label] [-s SEED] [-a PID -b
 * PID] Hosts in a row, each a namespace: s (in0) - a (lan0, diet0) = tunnel = b (diet0, lan0) - d
 * (in0). Packets enter at s by a packet socket and are captured at d; a and b forward, so the hop
 * limit is 2 less and the IPv4 header checksum fits that; nothing else may differ. -g: crafted
 * super-packets instead of packets. -t: compared with what a's TUN was given, where a's kernel may
 * have gathered packets to super-packets, not always faithfully. -e: the SA's rule elides, so what
 * it cannot restore may be refused. -k: the rule declares that it makes this field anew. -w: so
 * many at a time, the next when those have come. -a, -b: the daemons, stopped while packets queue
 * up, so that they are worked in large batches. One line per kind; exit status 1: something
 * differed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "pktcases.h"

enum {
	ETHERNET = 14,
	VNET = 10,
	CHUNK = 64,
	IDLE_MS = 600, /* nothing came for so long: it is lost */
	LATE_MS = 40,  /* all came that has to */
	GATHER_MS = 6, /* packets reach a's TUN */
	QUEUE_MS = 20, /* a works what waits there */
};

struct options {
	const char *prefix, *only;
	int v;
	size_t mtu;
	bool super, tun, elides, any_id, any_label;
	uint32_t seed;
	size_t most; /* packets on the way */
	pid_t a, b;
};
struct super {
	struct seg seg;
	size_t gso_size; /* 0: one packet, its checksum left half done */
};
struct walk {
	struct options o;
	int in, out, tun_a, tun_b;
	unsigned long supers_a, supers_b;
	unsigned failed;
};
struct verdict {
	size_t arrived, wrong, next[FLOWS];
	uint64_t keys[FLOWS];    /* of the flows at a's TUN */
	struct packet *expected; /* of the first that was wrong */
	uint8_t *got;
	size_t got_len;
	const char *why;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}
static int packet_socket(const char *prefix, const char *ns, const char *device)
{
	char path[256];
	snprintf(path, sizeof path, "/var/run/netns/%s-%s", prefix, ns);
	int fd = open(path, O_RDONLY | O_CLOEXEC), big = 64 << 20;
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
		.sll_protocol = htons(3), /* ETH_P_ALL */
		.sll_ifindex = (int)if_nametoindex(device)};
	if (s < 0 || !at.sll_ifindex || bind(s, (void *)&at, sizeof at))
		die(device);
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	return s;
}
static void nap(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}
static void ethernet(uint8_t *p, int v)
{
	static const uint8_t to_a[12] = {2, 0, 0, 0, 0x0a, 1, 2, 0, 0, 0, 0x0a, 2};
	memcpy(p, to_a, 12);
	w16(p + 12, v == 4 ? 0x0800 : 0x86dd);
}

/* ---- what a's TUN was given */
static bool is_ours(const uint8_t *ip, size_t len, int v)
{
	if (v == 4)
		return len >= 20 && ip[0] >> 4 == 4 && ip[12] == 10 && ip[13] == 71;
	return len >= 40 && ip[0] >> 4 == 6 && ip[8] == 0xfd && ip[11] == 0x71;
}
/* Its number among the flows of the list; pieces without ports go by their addresses alone. */
static int flow_of(uint64_t keys[FLOWS], const uint8_t *ip, size_t len)
{
	size_t l4 = ip[0] >> 4 == 4 ? (size_t)(ip[0] & 15) * 4 : 40;
	uint8_t proto = ip[ip[0] >> 4 == 4 ? 9 : 6];
	bool piece = ip[0] >> 4 == 4 && r16(ip + 6) & 0x1fff;
	while (ip[0] >> 4 == 6 && l4 + 8 <= len &&
		(proto == 0 || proto == 60 || proto == 43 || proto == 44)) {
		piece = piece || (proto == 44 && r16(ip + l4 + 2) & 0xfff8);
		proto = ip[l4];
		l4 += (size_t)(ip[l4 + 1] + 1) * 8;
	}
	uint64_t key = 1u + ip[ip[0] >> 4 == 4 ? 15 : 23];
	if (!piece && (proto == 6 || proto == 17) && l4 + 4 <= len)
		key |= (uint64_t)r16(ip + l4) << 48 | (uint64_t)r16(ip + l4 + 2) << 32 |
		       (uint64_t)proto << 16;
	for (int f = 0; f < FLOWS; f++) {
		if (!keys[f])
			keys[f] = key;
		if (keys[f] == key)
			return f;
	}
	fprintf(stderr, "too many flows\n");
	exit(2);
}
/* Adds the packets that those waiting at a's TUN stand for; how many super-packets. */
static size_t tun_was_given(const struct walk *w, struct verdict *v, struct list *given)
{
	static uint8_t b[VNET + PKT_MAX], out[PKT_MAX];
	uint8_t *ip = b + VNET;
	size_t supers = 0;
	for (ssize_t r; (r = recv(w->tun_a, b, sizeof b, MSG_DONTWAIT)) >= VNET;) {
		size_t n = (size_t)r - VNET, i = 0;
		uint16_t words[4]; /* header length, gso size, checksum's start and place */
		memcpy(words, b + 2, sizeof words);
		if (!is_ours(ip, n, w->o.v))
			continue;
		struct packet p = {.flow = flow_of(v->keys, ip, n), .len = n};
		bool udp = words[3] == 6;
		size_t l4 = words[2], piece = b[1] ? words[1] : n;
		/* Wrong checksums cannot be known from right ones here: all may be refused. */
		p.may_miss = w->o.elides && !(b[0] & 1);
		supers += b[1] != 0;
		if (!(b[0] & 1)) {
			list_add(given, p, ip);
			continue;
		}
		size_t header = l4 + (udp ? 8 : (size_t)(ip[l4 + 12] >> 4) * 4);
		do {
			p.len = segment(ip, n, l4, udp, piece, i++, out);
			list_add(given, p, out);
		} while (header + i * piece < n);
	}
	return supers;
}

/* ---- going in */
static void send_all(const struct walk *w, const struct list *l)
{
	static uint8_t frames[CHUNK][ETHERNET + 2048];
	for (size_t at = 0; at < l->n;) {
		struct mmsghdr m[CHUNK] = {0};
		struct iovec v[CHUNK];
		size_t n = l->n - at < CHUNK ? l->n - at : CHUNK;
		for (size_t i = 0; i < n; i++) {
			struct packet *p = &l->at[at + i];
			ethernet(frames[i], w->o.v);
			memcpy(frames[i] + ETHERNET, p->data, p->len);
			v[i] = (struct iovec){frames[i], ETHERNET + p->len};
			m[i].msg_hdr.msg_iov = &v[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		int sent = sendmmsg(w->in, m, (unsigned)n, 0);
		if (sent <= 0 && errno != EINTR && errno != ENOBUFS)
			die("sendmmsg");
		at += sent > 0 ? (size_t)sent : 0;
	}
}
static void send_super(const struct walk *w, const struct super *s)
{
	static uint8_t f[VNET + ETHERNET + PKT_MAX];
	uint8_t *ip = f + VNET + ETHERNET;
	size_t header = ip_header(&s->seg), n = make(&s->seg, ip);
	uint8_t type = s->seg.proto == 17 ? 5 : s->seg.v == 4 ? 1 : 4;
	uint16_t words[4] = {(uint16_t)(ETHERNET + header + transport_header(&s->seg)),
		(uint16_t)s->gso_size, (uint16_t)(ETHERNET + header), s->seg.proto == 6 ? 16 : 6};
	f[0] = 1; /* NEEDS_CSUM */
	f[1] = s->gso_size ? type | (s->seg.flags & CWR && s->seg.proto == 6 ? 0x80 : 0) : 0;
	memcpy(f + 2, words, sizeof words);
	ethernet(f + VNET, s->seg.v);
	w16(ip + header + words[3], pseudo(ip, s->seg.proto, n - header));
	if (send(w->in, f, VNET + ETHERNET + n, 0) < 0)
		die("send of a super-packet");
}

/* ---- coming out */
static const char *differs(
	const struct options *o, const uint8_t *got, size_t len, const struct packet *want)
{
	static uint8_t x[PKT_MAX], y[PKT_MAX];
	unsigned ttl = o->v == 4 ? 8 : 7;
	if (len != want->len)
		return "length";
	memcpy(x, got, len);
	memcpy(y, want->data, len);
	if (o->v == 4 && sum16(0, x, (size_t)(x[0] & 15) * 4) != 0xffff)
		return "IPv4 header checksum";
	if (x[ttl] + (o->tun ? 1 : 2) != y[ttl])
		return "hop limit";
	x[ttl] = y[ttl];
	if (o->v == 4)
		w16(x + 10, 0), w16(y + 10, 0);
	if (o->v == 4 && o->any_id)
		w16(x + 4, 0), w16(y + 4, 0);
	if (o->v == 6 && o->any_label) {
		x[1] &= 0xf0, y[1] &= 0xf0;
		w16(x + 2, 0), w16(y + 2, 0);
	}
	return memcmp(x, y, len) ? "octets" : NULL;
}
/* The first packet at or behind from, of this flow, not yet come, that this one is; or l->n. */
static size_t find(const struct options *o, const struct list *l, size_t from, int flow,
	const uint8_t *got, size_t len)
{
	for (size_t i = from; i < l->n; i++)
		if (l->at[i].flow == flow && !l->at[i].came && !differs(o, got, len, &l->at[i]))
			return i;
	return l->n;
}
static size_t distance(const uint8_t *a, size_t n, const struct packet *p)
{
	size_t d = n > p->len ? n - p->len : p->len - n;
	for (size_t i = 0; i < n && i < p->len; i++)
		d += a[i] != p->data[i];
	return d;
}
static void came(struct verdict *v, struct packet *p)
{
	p->came = true;
	v->arrived++;
}
static void wrong(const struct options *o, struct verdict *v, const struct list *l,
	const uint8_t *got, size_t len)
{
	struct packet *nearest = NULL;
	const char *why = NULL;
	for (int f = 0; f < FLOWS && !why; f++) {
		size_t i = find(o, l, 0, f, got, len);
		if (i == l->n)
			continue;
		why = "out of order";
		nearest = &l->at[i];
		came(v, nearest);
	}
	for (size_t i = 0; i < l->n && !why; i++)
		if (!nearest || distance(got, len, &l->at[i]) < distance(got, len, nearest))
			nearest = &l->at[i];
	if (v->wrong++)
		return;
	v->expected = nearest;
	v->why = why ? why : nearest ? differs(o, got, len, nearest) : "nothing was sent";
	v->why = v->why ? v->why : "came a second time";
	v->got = malloc(len);
	if (!v->got)
		abort();
	memcpy(v->got, got, len);
	v->got_len = len;
}
/* What one flow's packet leaves behind itself is missing, or out of order if it comes yet. */
static void judge(const struct options *o, struct verdict *v, const struct list *l,
	const uint8_t *got, size_t len)
{
	for (int f = 0; f < FLOWS; f++) {
		size_t i = find(o, l, v->next[f], f, got, len);
		if (i == l->n)
			continue;
		v->next[f] = i + 1;
		came(v, &l->at[i]);
		return;
	}
	wrong(o, v, l, got, len);
}
static size_t drain_supers(int fd, size_t mtu)
{
	uint8_t b[64];
	size_t n = 0;
	for (ssize_t r; (r = recv(fd, b, sizeof b, MSG_DONTWAIT | MSG_TRUNC)) >= 0;)
		n += (size_t)r > mtu;
	return n;
}
/* Of the packets up to end: none is still to be waited for. */
static bool all_came(const struct list *l, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (!l->at[i].came && !l->at[i].may_miss)
			return false;
	return true;
}
static void receive(const struct walk *w, const struct list *l, size_t end, struct verdict *v)
{
	static uint8_t b[PKT_MAX];
	struct pollfd p = {w->out, POLLIN, 0};
	while (poll(&p, 1, v->arrived >= end ? 3 : all_came(l, end) ? LATE_MS : IDLE_MS) > 0) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(w->out, b, sizeof b, 0, (void *)&from, &size);
		if (n < ETHERNET || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (is_ours(b + ETHERNET, (size_t)n - ETHERNET, w->o.v))
			judge(&w->o, v, l, b + ETHERNET, (size_t)n - ETHERNET);
	}
}

/* ---- one kind */
static void row(const char *name, const uint8_t *p, size_t n, size_t at)
{
	printf("     | %s %04zx:", name, at);
	for (size_t i = at; i < at + 16 && i < n; i++)
		printf(" %02x", p[i]);
	printf("\n");
}
static void explain(const struct verdict *v)
{
	printf("     | first: %s; %zu octets came\n", v->why, v->got_len);
	if (!v->expected)
		return;
	printf("     | packet of %zu octets, flow %d\n", v->expected->len, v->expected->flow);
	unsigned rows = 0;
	for (size_t at = 0; at < v->got_len && rows < 6; at += 16) {
		size_t n = v->got_len - at < 16 ? v->got_len - at : 16;
		if (at >= 48 && at + n <= v->expected->len &&
			!memcmp(v->got + at, v->expected->data + at, n))
			continue;
		row("sent", v->expected->data, v->expected->len, at);
		row("came", v->got, v->got_len, at);
		rows++;
	}
}
static void report(
	struct walk *w, const char *name, size_t sent, const struct list *l, struct verdict *v)
{
	size_t missing = 0, refused = 0;
	for (size_t i = 0; i < l->n; i++)
		*(l->at[i].may_miss ? &refused : &missing) += !l->at[i].came;
	size_t a = w->o.tun ? 0 : drain_supers(w->tun_a, w->o.mtu),
	       b = drain_supers(w->tun_b, w->o.mtu);
	bool good = !v->wrong && !missing && sent == l->n;
	w->supers_a += a;
	w->supers_b += b;
	w->failed += !good;
	printf("%s IPv%d %s: %zu of %zu as sent", good ? "ok  " : "FAIL", w->o.v, name, v->arrived,
		l->n);
	if (refused)
		printf(", %zu refused", refused);
	if (!good)
		printf(", %zu missing, %zu wrong, %zu at a's TUN of %zu sent", missing, v->wrong,
			l->n, sent);
	printf(" (super-packets in %zu, out %zu)\n", a, b);
	if (v->wrong)
		explain(v);
	free(v->got);
	fflush(stdout);
}
static void stopped(const struct walk *w, int signal)
{
	if (w->o.b)
		kill(w->o.b, signal);
	if (w->o.a)
		kill(w->o.a, signal);
	if (w->o.a)
		nap(2);
}
static void released(const struct walk *w)
{
	if (!w->o.a)
		return;
	kill(w->o.a, SIGCONT);
	nap(QUEUE_MS);
	kill(w->o.b, SIGCONT);
}
static void empty(int fd)
{
	uint8_t b[64];
	while (recv(fd, b, sizeof b, MSG_DONTWAIT) >= 0)
		;
}
/* A part of the list goes in, and comes out as far as it does. */
static void walk_part(
	struct walk *w, const struct list *part, struct list *expected, struct verdict *v)
{
	stopped(w, SIGSTOP);
	send_all(w, part);
	nap(w->o.a ? GATHER_MS : 0);
	if (w->o.tun)
		w->supers_a += tun_was_given(w, v, expected);
	released(w);
	receive(w, expected, w->o.tun ? expected->n : (size_t)(part->at - expected->at) + part->n,
		v);
}
static void one_kind(struct walk *w, const struct kind *k, size_t number)
{
	struct maker m = {.v = w->o.v,
		.mtu = w->o.mtu,
		.elides = w->o.elides,
		.chance = w->o.seed * 7919u + (uint32_t)number * 104729u + 1};
	struct verdict v = {0};
	struct list given = {0};
	for (int f = 0; f < FLOWS; f++) {
		m.seq[f] = rnd(&m.chance);
		m.id[f] = (uint16_t)rnd(&m.chance);
	}
	k->make(&m);
	empty(w->out);
	empty(w->tun_a);
	for (size_t at = 0; at < m.out.n; at += w->o.most) {
		size_t n = m.out.n - at < w->o.most ? m.out.n - at : w->o.most;
		struct list part = {.at = m.out.at + at, .n = n};
		walk_part(w, &part, w->o.tun ? &given : &m.out, &v);
	}
	report(w, k->name, m.out.n, w->o.tun ? &given : &m.out, &v);
	list_clear(&given);
	list_clear(&m.out);
}

/* ---- crafted super-packets: some at once, what they stand for comes out */
static size_t make_supers(struct maker *m, int kind, struct super out[16])
{
	static const size_t sizes[] = {1, 2, 7, 100, 537, 1001, 1199};
	static const uint16_t flags[] = {ACK, ACK | PSH, ACK | FIN | PSH, ACK | FIN, ACK | CWR,
		ACK | CWR | PSH, ACK | ECE, ACK | ECE | CWR, ACK | URG, ACK};
	size_t n = kind == 0 ? 7 : kind < 3 ? 10 : kind == 3 ? 7 : 8;
	for (size_t i = 0; i < n; i++) {
		struct super *s = &out[i];
		s->seg = base(m, (int)(kind == 1 ? 0 : i % 3),
			kind < 3    ? 6
			: kind == 3 ? 17
			: i % 2     ? 6
				    : 17,
			0);
		s->gso_size = kind == 4                ? 0
			      : kind == 0 || kind == 3 ? sizes[i]
						       : 97 + 100 * (size_t)i;
		size_t segments = kind == 4 ? 0 : 2 + below(m, 30);
		s->seg.len = segments * s->gso_size + 1 +
			     below(m, (uint32_t)(s->gso_size ? s->gso_size : 1000));
		if (kind == 1)
			s->seg.flags = flags[i];
		if (s->seg.flags & URG)
			s->seg.urg = 3;
		if (kind == 2) {
			timestamps(&s->seg, (uint32_t)i);
			s->seg.df = i % 2;
			s->seg.id = (uint16_t)(i % 3 ? 0xfffa : 0);
			s->seg.tos = (uint8_t)(i * 3);
			s->seg.ttl = (uint8_t)(10 + i);
		}
		m->seq[s->seg.flow] += (uint32_t)s->seg.len;
		m->id[s->seg.flow] = (uint16_t)(s->seg.id + segments + 1);
	}
	return n;
}
/* A packet in IPv4 in our packet, its checksum left half done: csum_start is not where the outer
 * header ends. */
static void one_nested(struct walk *w)
{
	static uint8_t f[VNET + ETHERNET + PKT_MAX], whole[PKT_MAX];
	struct maker m = {.v = w->o.v, .mtu = w->o.mtu, .chance = w->o.seed + 99};
	struct verdict v = {0};
	empty(w->out);
	for (int i = 0; i < 16; i++) {
		struct seg inner = i % 2 ? udp(&m, 1, 301) : tcp(&m, 0, 300);
		struct seg outer = base(&m, 0, 4, 0);
		uint8_t *ip = f + VNET + ETHERNET, *in = ip + ip_header(&outer);
		inner.v = 4, inner.label = 0;
		outer.len = make(&inner, in);
		put_ip(&outer, ip, outer.len);
		size_t n = ip_header(&outer) + outer.len;
		memcpy(whole, ip, n);
		list_add(&m.out, (struct packet){.len = n}, whole);
		uint16_t words[4] = {0, 0, (uint16_t)(in + 20 - f - VNET), i % 2 ? 6 : 16};
		memset(f, 0, VNET);
		f[0] = 1;
		memcpy(f + 2, words, sizeof words);
		ethernet(f + VNET, w->o.v);
		w16(in + 20 + words[3], pseudo(in, inner.proto, outer.len - 20));
		if (send(w->in, f, VNET + ETHERNET + n, 0) < 0)
			die("send of a nested packet");
		m.id[0]++;
	}
	receive(w, &m.out, m.out.n, &v);
	report(w, "half done checksums of packets in packets", m.out.n, &m.out, &v);
	list_clear(&m.out);
}
static size_t pieces(const struct super *s)
{
	return s->gso_size ? (s->seg.len + s->gso_size - 1) / s->gso_size : 1;
}
static void one_super(struct walk *w, int kind)
{
	static const char *const names[] = {"TCP super-packets, sizes", "TCP super-packets, flags",
		"TCP super-packets, header fields", "UDP super-packets, sizes",
		"half done checksums"};
	static uint8_t data[PKT_MAX], whole[PKT_MAX];
	struct maker m = {
		.v = w->o.v, .mtu = w->o.mtu, .chance = w->o.seed * 31u + (uint32_t)kind + 1};
	struct super supers[16];
	struct verdict v = {0};
	size_t n = make_supers(&m, kind, supers);
	for (size_t i = 0; i < n; i++) {
		const struct super *s = &supers[i];
		size_t whole_len = make(&s->seg, whole);
		size_t piece = s->gso_size ? s->gso_size : s->seg.len;
		for (size_t at = 0; at < s->seg.len; at += piece) {
			size_t len = segment(whole, whole_len, ip_header(&s->seg),
				s->seg.proto == 17, piece, at / piece, data);
			list_add(&m.out, (struct packet){.len = len, .flow = s->seg.flow}, data);
		}
	}
	empty(w->out);
	for (size_t i = 0, sent = 0; i < n;) {
		size_t from = i, most = sent + w->o.most;
		stopped(w, SIGSTOP);
		for (; i < n && (i == from || sent + pieces(&supers[i]) <= most); i++) {
			send_super(w, &supers[i]);
			sent += pieces(&supers[i]);
		}
		released(w);
		receive(w, &m.out, sent, &v);
	}
	report(w, names[kind], m.out.n, &m.out, &v);
	list_clear(&m.out);
}
static void parse(int argc, char **argv, struct options *o)
{
	for (int c; (c = getopt(argc, argv, "n:v:m:gtek:s:w:x:a:b:")) != -1;)
		switch (c) {
		case 'n':
			o->prefix = optarg;
			break;
		case 'v':
			o->v = atoi(optarg);
			break;
		case 'm':
			o->mtu = (size_t)atoi(optarg);
			break;
		case 'g':
			o->super = true;
			break;
		case 't':
			o->tun = true;
			break;
		case 'e':
			o->elides = true;
			break;
		case 'k':
			*(strcmp(optarg, "id") ? &o->any_label : &o->any_id) = true;
			break;
		case 's':
			o->seed = (uint32_t)atoi(optarg);
			break;
		case 'x':
			o->only = optarg;
			break;
		case 'w':
			o->most = (size_t)atoi(optarg);
			break;
		case 'a':
			o->a = atoi(optarg);
			break;
		case 'b':
			o->b = atoi(optarg);
			break;
		default:
			exit(2);
		}
	if (!o->prefix || (o->v != 4 && o->v != 6) || o->mtu < 1280 || o->mtu > 2000 || !o->most ||
		!o->a != !o->b) {
		fprintf(stderr,
			"usage: pktcompare -n PREFIX -v 4|6 -m MTU [-g|-t] [-e] [-k id] [-k label]"
			" [-s SEED] [-w MOST] [-x TEXT] [-a PID -b PID]\n");
		exit(2);
	}
}
int main(int argc, char **argv)
{
	struct walk w = {.o = {.seed = 1, .most = 1000}};
	int on = 1;
	parse(argc, argv, &w.o);
	w.in = packet_socket(w.o.prefix, "s", "in0");
	w.out = packet_socket(w.o.prefix, "d", "in0");
	w.tun_a = packet_socket(w.o.prefix, "a", "diet0");
	w.tun_b = packet_socket(w.o.prefix, "b", "diet0");
	if (w.o.super && setsockopt(w.in, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on))
		die("PACKET_VNET_HDR");
	if (w.o.tun && setsockopt(w.tun_a, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on))
		die("PACKET_VNET_HDR");
	for (int k = 0; w.o.super && k < 5; k++)
		one_super(&w, k);
	if (w.o.super)
		one_nested(&w);
	for (size_t i = 0; !w.o.super && i < sizeof kinds / sizeof *kinds; i++)
		if ((!kinds[i].only || kinds[i].only == w.o.v) &&
			(!w.o.only || strstr(kinds[i].name, w.o.only)))
			one_kind(&w, &kinds[i], i);
	printf("{\"supers_in\": %lu, \"supers_out\": %lu}\n", w.supers_a, w.supers_b);
	return w.failed ? 1 : 0;
}
