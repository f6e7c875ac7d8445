/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per packet of every stop of the way out and in, and of the whole way, per suite, size
 * and rules; with 10 and 10,000 SAs, the same one or a random one per packet. One line of key=value
 * per figure, medians of many batches.
 */
#include "base/buf.h"
#include "crypto/secret.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "esp/esp.h"
#include "fakes/pair.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SET = 32, BATCHES = 2501, UDP6_HEADERS = 48 };

static struct pair pair;
static uint32_t window; /* 0: the rules' own */
static size_t batches = BATCHES;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* A set of packets in the states between two stops, so that one stop can be repeated alone. */
struct snapshot {
	uint8_t data[SET][PAIR_ROOM];
	size_t len[SET];
};

static struct snapshot inner, compressed, with_trailer, sealed, wire;
static struct pair_link *link_of[SET];
static uint64_t sequence[SET];

static void store(struct snapshot *s, size_t i, const struct buf *pkt)
{
	memcpy(s->data[i], pkt->data, pkt->len);
	s->len[i] = pkt->len;
}

static void load(const struct snapshot *s, size_t i)
{
	pair_put(&pair, i, s->data[i], s->len[i]);
}

/* Every stop works on packet i as the snapshot before it left it. */
struct stop {
	const char *name;
	const struct snapshot *before;
	void (*run)(size_t i);
};

static struct ip_packet view[SET];
static volatile uintptr_t sink;

static void run_parse(size_t i)
{
	sink = ip_packet_parse(&view[i], pair.pkts[i]);
}

static void run_spd(size_t i)
{
	sink = (uintptr_t)spd_match(pair.a.spd, PAIR_TUNNEL_A, &view[i]);
}

static void run_fits(size_t i)
{
	sink = iipc_fits(&link_of[i]->a_out->diet, &view[i]);
}

static void run_compress(size_t i)
{
	struct outer outer = {.hop_limit = 0};

	sink = iipc_compress(&link_of[i]->a_out->diet, &view[i], pair.pkts[i], &outer);
}

static void run_trailer(size_t i)
{
	sink = ctec_add_trailer(&link_of[i]->a_out->diet, IP_PROTO_IPV6, pair.pkts[i]);
}

static void run_seal(size_t i)
{
	sink = esp_seal(link_of[i]->a_out, pair.pkts[i]);
}

static void run_eec(size_t i)
{
	sink = eec_compress(&link_of[i]->a_out->diet, sequence[i], pair.pkts[i]);
}

static void run_sad(size_t i)
{
	sink = (uintptr_t)sad_find_inbound(pair.b.sad, pair.pkts[i]->data, pair.pkts[i]->len);
}

static void run_eec_back(size_t i)
{
	const struct sa *sa = link_of[i]->b_in;
	uint64_t restored = 0;
	uint32_t lsb = 0;

	sink = eec_parse(&sa->diet, pair.pkts[i], &lsb);
	eec_restore_sequence(lsb, sa->diet.sn_bits, sequence[i], sa->window, sa->esn, &restored);
}

static void run_open(size_t i)
{
	sink = esp_open(link_of[i]->b_in, sequence[i], pair.pkts[i]);
}

static void run_trailer_back(size_t i)
{
	uint8_t next_header;

	sink = ctec_remove_trailer(&link_of[i]->b_in->diet, pair.pkts[i], &next_header);
}

static void run_decompress(size_t i)
{
	struct outer outer = {.hop_limit = 64};

	sink = iipc_decompress(&link_of[i]->b_in->diet, IP_PROTO_IPV6, pair.pkts[i], &outer);
}

static const struct stop stops[] = {
	{"parse", &inner, run_parse},
	{"spd", &inner, run_spd},
	{"fits", &inner, run_fits},
	{"compress", &inner, run_compress},
	{"trailer", &compressed, run_trailer},
	{"seal", &with_trailer, run_seal},
	{"eec", &sealed, run_eec},
	{"sad", &wire, run_sad},
	{"eec-back", &wire, run_eec_back},
	{"open", &sealed, run_open},
	{"trailer-back", &with_trailer, run_trailer_back},
	{"decompress", &compressed, run_decompress},
};

static void check(enum drop drop, const char *where)
{
	if (!drop)
		return;
	fprintf(stderr, "bench_path: %s: %s\n", where, drop_name(drop));
	exit(1);
}

/* Walks packet i out once and keeps what it was before each stop. */
static void prepare(size_t i, size_t size)
{
	struct pair_link *link = link_of[i];
	struct sa *sa = link->a_out;
	struct buf *pkt = pair.pkts[i];
	struct outer outer = {.hop_limit = 0};

	inner.len[i] = pair_packet(
		&pair.random, &link->ts_a, &link->ts_b, size - UDP6_HEADERS, inner.data[i]);
	load(&inner, i);
	check(ip_packet_parse(&view[i], pkt), "parse");
	check(iipc_compress(&sa->diet, &view[i], pkt, &outer), "compress");
	store(&compressed, i, pkt);
	check(ctec_add_trailer(&sa->diet, IP_PROTO_IPV6, pkt), "trailer");
	store(&with_trailer, i, pkt);
	check(sa_take_sequence(sa, pair.now_ms), "sequence");
	sequence[i] = sa->sequence;
	check(esp_seal(sa, pkt), "seal");
	store(&sealed, i, pkt);
	check(eec_compress(&sa->diet, sequence[i], pkt), "eec");
	store(&wire, i, pkt);
	load(&inner, i);
	check(ip_packet_parse(&view[i], pkt), "parse");
}

/*
 * ns per packet of each batch. Their median is what a batch costs whose time nobody else took; the
 * mean would be that of all processes on the machine.
 */
static double samples[2][BATCHES];

static double time_stop(const struct stop *stop)
{
	for (size_t k = 0; k < batches; k++) {
		uint64_t start;

		for (size_t i = 0; i < SET; i++)
			load(stop->before, i);
		start = now_ns();
		for (size_t i = 0; i < SET; i++)
			stop->run(i);
		samples[0][k] = (double)(now_ns() - start) / SET;
	}
	return median(samples[0], batches);
}

struct setting {
	const char *rules, *suite;
	size_t size, n_sas;
	bool random;
};

static void print(const struct setting *s, const char *what, double ns)
{
	printf("bench=path rules=%s suite=%s size=%zu sas=%zu pick=%s stop=%s ns=%.0f\n", s->rules,
		s->suite, s->size, s->n_sas, s->random ? "random" : "same", what, ns);
}

static void choose(struct pair_link *links, const struct setting *s)
{
	struct pair_link *one = &links[s->n_sas - 1];

	for (size_t i = 0; i < SET; i++)
		link_of[i] = s->random ? &links[pair_below(&pair.random, (uint32_t)s->n_sas)] : one;
}

static void fill(struct pair_link *links, const struct setting *s)
{
	choose(links, s);
	for (size_t i = 0; i < SET; i++) {
		inner.len[i] = pair_packet(&pair.random, &link_of[i]->ts_a, &link_of[i]->ts_b,
			s->size - UDP6_HEADERS, inner.data[i]);
		load(&inner, i);
	}
}

/* ns per packet of the whole way. */
struct way {
	double out, in;
};

/* outbound() and inbound() as a whole; a new choice of SAs and new packets in every batch. */
static struct way time_whole(struct pair_link *links, const struct setting *s)
{
	for (size_t k = 0; k < batches; k++) {
		uint64_t start;

		fill(links, s);
		start = now_ns();
		pair_out(&pair, true, SET);
		samples[0][k] = (double)(now_ns() - start) / SET;
		pair_wire(&pair);
		start = now_ns();
		pair_in(&pair, true);
		samples[1][k] = (double)(now_ns() - start) / SET;
		for (size_t i = 0; i < SET; i++)
			check(i < pair.batch.n ? pair.batch.items[i].drop : DROP_NO_SA,
				"whole way");
	}
	return (struct way){median(samples[0], batches), median(samples[1], batches)};
}

static void print_way(const struct setting *s, struct way way)
{
	print(s, "out", way.out);
	print(s, "in", way.in);
}

static struct pair_link *connect_all(const struct setting *s)
{
	struct pair_link *links = calloc(s->n_sas, sizeof(*links));

	if (!links || pair_init(&pair, 1))
		exit(1);
	for (size_t i = 0; i < s->n_sas; i++) {
		char text[64];

		snprintf(text, sizeof(text), "fd00:b::%zx:%zx", i >> 8, (i & 255) + 1);
		links[i].suite = s->suite;
		links[i].window = window;
		if (!diet_attrs_preset(s->rules, &links[i].attrs))
			exit(1);
		if (s->n_sas > 1 && links[i].attrs.esp_spi_lsb < 24) {
			links[i].attrs.esp_spi_lsb = 24;
			links[i].attrs.esp_sn_lsb = 16;
		}
		links[i].ts_a = pair_ts("fd00:a::1", "fd00:a::1", IP_PROTO_UDP, 5683, 5683);
		links[i].ts_b = pair_ts(text, text, IP_PROTO_UDP, 5683, 5683);
		if (pair_connect(&pair, &links[i])) {
			fprintf(stderr, "bench_path: SA %zu cannot be installed\n", i);
			exit(1);
		}
	}
	return links;
}

static void disconnect(struct pair_link *links)
{
	pair_fini(&pair);
	free(links);
}

static void run_stops(const struct setting *s)
{
	struct pair_link *links = connect_all(s);

	choose(links, s);
	for (size_t i = 0; i < SET; i++)
		prepare(i, s->size);
	for (size_t k = 0; k < sizeof(stops) / sizeof(stops[0]); k++)
		print(s, stops[k].name, time_stop(&stops[k]));
	/* The numbers that prepare took are behind the receiver's window now. */
	replay_restore(&links[s->n_sas - 1].b_in->replay, sequence[SET - 1]);
	print_way(s, time_whole(links, s));
	disconnect(links);
}

static void run_suites(bool quick)
{
	static const size_t sizes[] = {64, 256, 1400};
	static const char *const rules[] = {"off", "iot"};
	const struct aead_suite *suite;

	for (size_t k = 0; (suite = aead_suite_at(k)); k++)
		for (size_t r = 0; r < 2; r++)
			for (size_t z = 0; z < 3; z++) {
				struct setting s = {rules[r], suite->name, sizes[z], 1, false};

				if (!quick || k == 0)
					run_stops(&s);
			}
}

enum { TURNS = 3, FEW = 10, MANY = 10000 };

/* Few and many in turns, so that both have the same neighbours on a shared machine. */
static void scale_turn(const char *suite, size_t turn, struct way ways[2][2][TURNS])
{
	for (size_t many = 0; many < 2; many++) {
		struct setting s = {
			.rules = "iot", .suite = suite, .size = 64, .n_sas = many ? MANY : FEW};
		struct pair_link *links = connect_all(&s);

		ways[many][0][turn] = time_whole(links, &s);
		s.random = true;
		ways[many][1][turn] = time_whole(links, &s);
		disconnect(links);
	}
}

static struct way median_way(const struct way turns[TURNS])
{
	double out[TURNS];
	double in[TURNS];

	for (size_t i = 0; i < TURNS; i++) {
		out[i] = turns[i].out;
		in[i] = turns[i].in;
	}
	return (struct way){median(out, TURNS), median(in, TURNS)};
}

static void scale_suite(const char *suite)
{
	struct way ways[2][2][TURNS];

	for (size_t turn = 0; turn < TURNS; turn++)
		scale_turn(suite, turn, ways);
	for (int random = 0; random < 2; random++) {
		struct way few = median_way(ways[0][random]);
		struct way many = median_way(ways[1][random]);
		struct setting s = {.rules = "iot", .suite = suite, .size = 64, .random = random};

		s.n_sas = FEW;
		print_way(&s, few);
		s.n_sas = MANY;
		print_way(&s, many);
		printf("bench=scale suite=%s pick=%s out_ratio=%.2f in_ratio=%.2f\n", suite,
			random ? "random" : "same", many.out / few.out, many.in / few.in);
	}
}

/* Without and with a cipher context per key; of those there are fewer than these SAs. */
static void run_scale(void)
{
	scale_suite("chacha20-poly1305-iiv");
	scale_suite("aes-gcm-16-iiv");
}

/* What the heap of both ends holds more for each pair of SAs with its policy, tables included. */
static void print_memory(void)
{
	struct setting s = {"iot", "chacha20-poly1305-iiv", 64, 10, false};
	struct setting many = {"iot", "chacha20-poly1305-iiv", 64, 10000, false};
	struct pair_link *links = connect_all(&s);
	size_t few_bytes = mallinfo2().uordblks;
	size_t bytes;

	disconnect(links);
	links = connect_all(&many);
	bytes = mallinfo2().uordblks - (many.n_sas - s.n_sas) * sizeof(*links);
	printf("bench=memory sa=%zu diet_context=%zu schc_plan=%u replay_window=%u policy=%zu "
	       "path=%zu octets_per_pair=%zu\n",
		sizeof(struct sa), sizeof(struct diet_context), links->a_out->diet.plan->size,
		links->b_in->window, sizeof(struct policy), sizeof(struct path),
		(bytes - few_bytes) / (many.n_sas - s.n_sas) / 2);
	disconnect(links);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	if (crypto_init())
		return 1;
	if (quick)
		batches = 90;
	window = 1024;
	print_memory();
	window = 0;
	run_suites(quick);
	run_scale();
	return 0;
}
