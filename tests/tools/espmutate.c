/* SPDX-License-Identifier: Apache-2.0
 * espmutate - sends forged, mutated and replayed copies of captured ESP packets as fast as it can.
 *
 *   espmutate CAPTURE.pcap DST [-s SRC[:PORT]] [-n PER_KIND] [-r SEED] [-k KIND]
 * Takes the ESP-in-UDP packets over IPv4 towards DST from a classic pcap and sends PER_KIND (1000)
 * of each kind through a raw socket, from the address they came from or from SRC. Prints one JSON
 * line: sent in all, by kind, seconds. Kinds: replay flip1 flip4 spi sn icv trunc extend splice
 * zero random marker tiny large. Needs root; only in a namespace of one's own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "pcapin.h"

enum { CORPUS = 512, SIZE_MAX_OCTETS = 60000 };
enum kind {
	REPLAY,
	FLIP1,
	FLIP4,
	SPI,
	SN,
	ICV,
	TRUNC,
	EXTEND,
	SPLICE,
	ZERO,
	RANDOM,
	MARKER,
	TINY,
	LARGE,
	KINDS
};
static const char *const kind_names[KINDS] = {"replay", "flip1", "flip4", "spi", "sn", "icv",
	"trunc", "extend", "splice", "zero", "random", "marker", "tiny", "large"};

struct sample {
	uint8_t esp[2048];
	int len;
	uint8_t src[4];
	uint16_t sport, dport;
};

static uint64_t seed = 1;
static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static int load(const char *file, const uint8_t dst[4], struct sample *out)
{
	static struct pin pin;
	const uint8_t *ip;
	int n, count = 0;

	if (pin_open(&pin, file))
		exit(1);
	while (count < CORPUS && pin_next(&pin, &ip, &n)) {
		int h = (ip[0] & 15) * 4;
		struct sample *s = &out[count];

		if (ip[0] >> 4 != 4 || ip[9] != 17 || n < h + 8 + 9 || memcmp(ip + 16, dst, 4))
			continue;
		if ((int)g16(ip + 2) < n)
			n = (int)g16(ip + 2);
		s->len = n - h - 8;
		if (s->len < 9 || s->len > 1500)
			continue;
		memcpy(s->esp, ip + h + 8, (size_t)s->len);
		memcpy(s->src, ip + 12, 4);
		s->sport = g16(ip + h);
		s->dport = g16(ip + h + 2);
		count++;
	}
	return count;
}

static int flip(uint8_t *p, int len, int bits)
{
	for (int i = 0; i < bits; i++) {
		int bit = (int)(rnd() % (unsigned)(len * 8));

		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	return len;
}

static void noise(uint8_t *p, int len)
{
	for (int i = 0; i < len; i++)
		p[i] = (uint8_t)rnd();
}

/* Returns the new length; other is a second sample. */
static int mutate(enum kind kind, uint8_t *p, int len, const struct sample *other)
{
	int n;

	switch (kind) {
	case FLIP1:
		return flip(p, len, 1);
	case FLIP4:
		return flip(p, len, 4);
	case SPI:
		p[0] ^= (uint8_t)(1 + rnd() % 255);
		return len;
	case SN:
		p[1 + rnd() % 7] ^= (uint8_t)(1 + rnd() % 255);
		return len;
	case ICV:
		p[len - 1 - (int)(rnd() % 8)] ^= (uint8_t)(1 + rnd() % 255);
		return len;
	case TRUNC:
		return 1 + (int)(rnd() % (unsigned)(len - 1));
	case EXTEND:
		n = 1 + (int)(rnd() % 64);
		noise(p + len, n);
		return len + n;
	case SPLICE:
		memcpy(p + 2, other->esp + 2, (size_t)(other->len - 2));
		p[other->len - 1] ^= 1; /* two samples may be equal */
		return other->len;
	case ZERO:
		memset(p + 2, 0, (size_t)len - 2);
		return len;
	case RANDOM:
		noise(p + 1, len - 1);
		return len;
	case MARKER:
		memset(p, 0, 4);
		return len;
	case TINY:
		n = (int)(rnd() % 8);
		memset(p, rnd() & 1 ? 0xff : 0, 8);
		return n;
	case LARGE:
		n = 1500 + (int)(rnd() % (SIZE_MAX_OCTETS - 1500));
		noise(p + len, n - len);
		return n;
	default:
		return len;
	}
}

static int build(uint8_t *out, const struct sample *s, const uint8_t src[4], const uint8_t dst[4],
	uint16_t sport)
{
	memset(out, 0, 28);
	out[0] = 0x45;
	out[8] = 64;
	out[9] = 17;
	memcpy(out + 12, src, 4);
	memcpy(out + 16, dst, 4);
	p16(out + 20, sport);
	p16(out + 22, s->dport);
	return 28; /* the kernel fills total length, identification and header checksum; UDP
		      checksum 0 */
}

/* In fragments where it is larger than Ethernet's MTU: raw sockets make none. */
static int send_datagram(int fd, const uint8_t *pkt, int len, const struct sockaddr_in *to)
{
	static uint16_t id;
	uint8_t piece[1500];
	int payload = len - 20;

	id++;
	for (int off = 0; off < payload; off += 1480) {
		int n = payload - off < 1480 ? payload - off : 1480;

		memcpy(piece, pkt, 20);
		memcpy(piece + 20, pkt + 20 + off, (size_t)n);
		p16(piece + 2, (uint16_t)(20 + n));
		p16(piece + 4, id);
		p16(piece + 6, (uint16_t)(off / 8 | (off + n < payload ? 0x2000 : 0)));
		if (sendto(fd, piece, (size_t)(20 + n), 0, (const struct sockaddr *)to,
			    sizeof *to) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct sample samples[CORPUS];
	static uint8_t pkt[28 + SIZE_MAX_OCTETS + 2048];
	uint8_t dst[4], src[4];
	bool spoof = false;
	uint16_t spoof_port = 0;
	long per_kind = 1000;
	int only = -1, n, opt, fd;
	uint64_t sent = 0, failed = 0, by_kind[KINDS] = {0};
	struct timespec t0, t1;

	while ((opt = getopt(argc, argv, "s:n:r:k:")) != -1) {
		char *colon;

		switch (opt) {
		case 's':
			if ((colon = strchr(optarg, ':'))) {
				*colon = 0;
				spoof_port = (uint16_t)atoi(colon + 1);
			}
			spoof = inet_pton(AF_INET, optarg, src) == 1;
			break;
		case 'n':
			per_kind = atol(optarg);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 0) | 1;
			break;
		case 'k':
			for (int k = 0; k < KINDS; k++)
				if (!strcmp(optarg, kind_names[k]))
					only = k;
			break;
		default:
			return 2;
		}
	}
	if (optind + 2 != argc || inet_pton(AF_INET, argv[optind + 1], dst) != 1) {
		fprintf(stderr, "usage: espmutate CAPTURE.pcap DST [-s SRC[:PORT]] [-n PER_KIND] "
				"[-r SEED] [-k KIND]\n");
		return 2;
	}
	n = load(argv[optind], dst, samples);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (!n || fd < 0) {
		fprintf(stderr, "espmutate: %s\n",
			n ? "no raw socket" : "no ESP in UDP towards DST in the capture");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int k = 0; k < KINDS; k++) {
		/* Large ones are forty fragments each. */
		long count = k == LARGE ? (per_kind < 200 ? per_kind : 200) : per_kind;

		if (only >= 0 && k != only)
			continue;
		for (long i = 0; i < count; i++) {
			const struct sample *s = &samples[rnd() % (unsigned)n];
			struct sockaddr_in to = {.sin_family = AF_INET};
			int h = build(pkt, s, spoof ? src : s->src, dst,
				spoof_port ? spoof_port : s->sport);
			int len;

			memcpy(pkt + h, s->esp, (size_t)s->len);
			len = mutate((enum kind)k, pkt + h, s->len, &samples[rnd() % (unsigned)n]);
			memcpy(&to.sin_addr, dst, 4);
			p16(pkt + 24, (uint16_t)(8 + len));
			if (send_datagram(fd, pkt, h + len, &to))
				failed++;
			else {
				sent++;
				by_kind[k]++;
			}
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("{\"sent\": %llu, \"failed\": %llu, \"seconds\": %.3f", (unsigned long long)sent,
		(unsigned long long)failed,
		(double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
	for (int k = 0; k < KINDS; k++)
		printf(", \"%s\": %llu", kind_names[k], (unsigned long long)by_kind[k]);
	printf("}\n");
	return 0;
}
