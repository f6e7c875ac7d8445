/* SPDX-License-Identifier: Apache-2.0 */
/* Microseconds per operation of a key exchange: groups, signatures, PRFs; one line key=value each.
 */
#include "crypto/dh.h"
#include "crypto/prf.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 101, REPEAT = 16, TEXT_LEN = 400, FILE_MAX = SIGN_TEXT_MAX };

/* One operation and what it works on; 0 or an error. */
struct work {
	const struct dh_group *group;
	const struct prf *prf;
	const struct sign_private *key;
	const struct sign_alg *alg;
	uint8_t private_key[DH_PRIVATE_MAX], public_key[DH_PUBLIC_MAX], out[PRF_LEN_MAX * 8];
	uint8_t text[TEXT_LEN];
	struct sign_value value;
	int rounds;
};

typedef int (*op_fn)(struct work *w);

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static int run(const char *what, const char *op, op_fn fn, struct work *w)
{
	double us[ROUNDS_MAX];
	int err = fn(w); /* warm up: fetches, caches, clock rate */

	for (int round = 0; round < w->rounds; round++) {
		double start = now_us();

		for (int i = 0; i < REPEAT; i++)
			err |= fn(w);
		us[round] = (now_us() - start) / REPEAT;
	}
	qsort(us, (size_t)w->rounds, sizeof(us[0]), compare);
	printf("bench=keys what=%s op=%s us=%.2f rounds=%d\n", what, op, us[w->rounds / 2],
		w->rounds);
	return err;
}

static int generate(struct work *w)
{
	return dh_generate(w->group, w->private_key, w->public_key);
}

static int compute(struct work *w)
{
	struct slice peer = {w->public_key, w->group->public_len};

	return dh_compute(w->group, w->private_key, peer, w->out);
}

static int sign(struct work *w)
{
	return sign_make(w->key, w->alg, (struct slice){w->text, sizeof(w->text)}, &w->value);
}

static int verify(struct work *w)
{
	return sign_verify(sign_private_public(w->key), w->alg,
		(struct slice){w->text, sizeof(w->text)},
		(struct slice){w->value.data, w->value.len});
}

/* As a stranger's CERT payload is read. */
static int read_spki(struct work *w)
{
	const struct sign_public *key = sign_private_public(w->key);
	struct sign_public out;

	return sign_public_from_spki((struct slice){key->spki, key->spki_len}, &out);
}

static int prf(struct work *w)
{
	struct slice text = {w->text, 64};

	return prf_compute(w->prf, (struct slice){w->text, 32}, &text, 1, w->out);
}

/* SK_* of an IKE SA with ChaCha20-Poly1305 and SHA-256 take 168 octets. */
static int plus(struct work *w)
{
	struct slice text = {w->text, 80};

	return prf_plus(
		&(struct prf_plus){w->prf, (struct slice){w->text, 32}, &text, 1}, w->out, 168);
}

static int run_key(const char *path, struct work *w)
{
	static char text[FILE_MAX];
	struct sign_private *key = NULL;
	FILE *f = fopen(path, "r");
	size_t len = f != NULL ? fread(text, 1, sizeof(text), f) : 0;
	int err = sign_private_from_text((struct slice){(uint8_t *)text, len}, &key);

	if (f != NULL)
		fclose(f);
	if (err != 0) {
		fprintf(stderr, "bench_keys: %s: %s\n", path, sign_key_error(err));
		return err;
	}
	w->key = key;
	err = run(sign_key_type_name(sign_private_public(key)->type), "spki", read_spki, w);
	for (size_t i = 0; (w->alg = sign_at(i)) != NULL; i++)
		if (w->alg->type == sign_private_public(key)->type && !w->alg->verify_only) {
			err |= run(w->alg->name, "sign", sign, w);
			err |= run(w->alg->name, "verify", verify, w);
		}
	sign_private_destroy(key);
	return err;
}

static int run_ed25519(struct work *w)
{
	struct sign_private *key = NULL;
	int err = sign_private_from_seed(w->text, &key);

	if (err != 0)
		return err;
	w->key = key;
	w->alg = sign_by_name("ed25519");
	err = run(w->alg->name, "spki", read_spki, w);
	err |= run(w->alg->name, "sign", sign, w);
	err |= run(w->alg->name, "verify", verify, w);
	sign_private_destroy(key);
	return err;
}

/* bench_keys [--quick] [FILE of a private key]... */
int main(int argc, char **argv)
{
	static struct work w = {.rounds = ROUNDS_MAX};
	int err = crypto_init();

	secret_random(w.text, sizeof(w.text));
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--quick") == 0)
			w.rounds = 3;
	for (size_t i = 0; (w.group = dh_at(i)) != NULL; i++) {
		err |= run(w.group->name, "generate", generate, &w);
		err |= run(w.group->name, "compute", compute, &w);
	}
	for (size_t i = 0; (w.prf = prf_at(i)) != NULL; i++) {
		err |= run(w.prf->name, "prf", prf, &w);
		err |= run(w.prf->name, "prf+168", plus, &w);
	}
	err |= run_ed25519(&w);
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--quick") != 0)
			err |= run_key(argv[i], &w);
	if (err != 0)
		fprintf(stderr, "bench_keys: an operation failed\n");
	return err == 0 ? 0 : 1;
}
