/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds per sealed and opened packet of every suite; one line key=value per figure. */
#include "crypto/aead.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKETS = 64, LEN_MAX = 1400, ROUNDS_MAX = 501, AAD_LEN = 8 };

struct bench {
	struct aead_key out, in;
	uint64_t sequence;
	int rounds;
	uint8_t iv[PACKETS][8];
	uint8_t data[PACKETS][LEN_MAX + AEAD_ICV_MAX];
	double seal[ROUNDS_MAX], open[ROUNDS_MAX]; /* ns per packet, one entry per round */
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(values[0]), compare);
	return values[n / 2];
}

static void next_ivs(struct bench *b)
{
	for (int i = 0; i < PACKETS; i++) {
		b->sequence++;
		memcpy(b->iv[i], &b->sequence, sizeof(b->iv[i]));
	}
}

/* What is sealed is opened again in its place, so every round works on valid packets. */
static int run_round(struct bench *b, int round, size_t len)
{
	static const uint8_t octets[AAD_LEN] = {1, 2, 3};
	struct slice aad = {octets, sizeof(octets)};
	size_t sealed = len + b->out.suite->icv_len;
	double start, between, end;
	int err = 0;

	next_ivs(b);
	start = now_ns();
	for (int i = 0; i < PACKETS; i++)
		err |= aead_seal(&b->out, b->iv[i], aad, b->data[i], len);
	between = now_ns();
	for (int i = 0; i < PACKETS; i++)
		err |= aead_open(&b->in, b->iv[i], aad, b->data[i], sealed);
	end = now_ns();
	b->seal[round] = (between - start) / PACKETS;
	b->open[round] = (end - between) / PACKETS;
	return err;
}

static void print_figure(
	const struct aead_key *key, const char *op, size_t len, double ns, int rounds)
{
	printf("bench=aead suite=%s op=%s octets=%zu ns=%.0f rounds=%d provider=\"%s\"\n",
		key->suite->name, op, len, ns, rounds, aead_provider(key));
}

static int run_length(struct bench *b, size_t len)
{
	if (run_round(b, 0, len) != 0) /* warm up: contexts, caches, clock rate */
		return -1;
	for (int round = 0; round < b->rounds; round++)
		if (run_round(b, round, len) != 0)
			return -1;
	print_figure(&b->out, "seal", len, median(b->seal, b->rounds), b->rounds);
	print_figure(&b->in, "open", len, median(b->open, b->rounds), b->rounds);
	return 0;
}

static int run_suite(struct bench *b, struct aead_pool *pool, const struct aead_suite *suite)
{
	static const size_t lengths[] = {64, 208, 256, LEN_MAX};
	uint8_t keymat[AEAD_KEYMAT_MAX];
	int err = 0;

	secret_random(keymat, sizeof(keymat));
	aead_key_init(&b->out, pool, suite, keymat);
	aead_key_init(&b->in, pool, suite, keymat);
	b->sequence = 0;
	for (size_t i = 0; err == 0 && i < sizeof(lengths) / sizeof(lengths[0]); i++)
		err = run_length(b, lengths[i]);
	aead_key_fini(&b->out);
	aead_key_fini(&b->in);
	return err;
}

/* bench_aead [--quick] [SUITE] */
int main(int argc, char **argv)
{
	static struct bench b = {.rounds = ROUNDS_MAX};
	const struct aead_suite *suite;
	const char *only = NULL;
	struct aead_pool *pool;
	int err = crypto_init();

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--quick") == 0)
			b.rounds = 3;
		else
			only = argv[i];
	if (only != NULL && aead_suite_by_name(only) == NULL) {
		fprintf(stderr, "bench_aead: no suite %s\n", only);
		return 2;
	}
	pool = aead_pool_create(AEAD_POOL_DEFAULT);
	if (pool == NULL || err != 0)
		return 1;
	for (size_t i = 0; err == 0 && (suite = aead_suite_at(i)) != NULL; i++)
		if (only == NULL || strcmp(only, suite->name) == 0)
			err = run_suite(&b, pool, suite);
	aead_pool_destroy(pool);
	if (err != 0)
		fprintf(stderr, "bench_aead: a packet was not sealed or not opened\n");
	return err == 0 ? 0 : 1;
}
