/* SPDX-License-Identifier: Apache-2.0 */
/* From which length OpenSSL seals ChaCha20-Poly1305 faster than libsodium; inside this wing only.
 */
#include "aead_choice.h"

#include "aead_ops.h"

#include <string.h>
#include <time.h>

enum { ROUNDS = 8, PACKETS = 4, TEXT_MAX = 1400, TIE = 16 };

/* A length stands for all from its class's start to the next one's; fast steps are 64 octets. */
static const struct {
	size_t from, len;
	const char *name;
} points[AEAD_CHOICE_POINTS] = {
	{0, 40, "OpenSSL"},
	{64, 96, "libsodium below 64 octets, OpenSSL from there"},
	{128, 160, "libsodium below 128 octets, OpenSSL from there"},
	{192, 224, "libsodium below 192 octets, OpenSSL from there"},
	{256, 384, "libsodium below 256 octets, OpenSSL from there"},
	{512, 768, "libsodium below 512 octets, OpenSSL from there"},
	{1024, TEXT_MAX, "libsodium below 1024 octets, OpenSSL from there"},
};

/* ISO C's only fine clock. It may be set meanwhile: a minimum that is not negative bears that. */
static int64_t now(void)
{
	struct timespec t;

	if (timespec_get(&t, TIME_UTC) != TIME_UTC)
		return 0;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct trial {
	const struct aead_key *key;
	void *context; /* keyed for key */
	uint8_t text[TEXT_MAX + AEAD_ICV_MAX];
};

/* Whoever takes the processor away only adds: the least of all rounds is what it costs. */
static void time_packets(
	struct trial *trial, const struct aead_ops *ops, size_t len, uint64_t *least)
{
	static const uint8_t aad[8];
	struct aead_job job = {.aad = {aad, sizeof(aad)}, .data = trial->text, .len = len};
	int64_t start = now();
	int64_t took;

	for (int i = 0; i < PACKETS; i++)
		if (ops->seal(trial->context, trial->key, &job) != 0)
			return;
	took = now() - start;
	if (took > 0 && (uint64_t)took < *least)
		*least = (uint64_t)took;
}

static void time_all(struct trial *trial, struct aead_choice_costs *costs)
{
	memset(costs, 0xff, sizeof(*costs));
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < AEAD_CHOICE_POINTS; i++) {
			time_packets(trial, &aead_sodium, points[i].len, &costs->sodium[i]);
			time_packets(trial, &aead_evp, points[i].len, &costs->evp[i]);
		}
}

static uint64_t add(uint64_t sum, uint64_t cost)
{
	return cost > UINT64_MAX - sum ? UINT64_MAX : sum + cost;
}

/* What all lengths cost if OpenSSL takes those from point "first" on. */
static uint64_t total(const struct aead_choice_costs *costs, int first)
{
	uint64_t sum = 0;

	for (int i = 0; i < AEAD_CHOICE_POINTS; i++)
		if (i < first)
			sum = add(sum, costs->sodium[i]);
		else
			sum = add(sum, add(costs->evp[i], costs->evp[i] / TIE));
	return sum;
}

size_t aead_choice_from(const struct aead_choice_costs *costs)
{
	int best = AEAD_CHOICE_POINTS;

	for (int first = AEAD_CHOICE_POINTS - 1; first >= 0; first--)
		if (total(costs, first) < total(costs, best))
			best = first;
	return best == AEAD_CHOICE_POINTS ? AEAD_CHOICE_NEVER : points[best].from;
}

size_t aead_choice_measure(void)
{
	const struct aead_suite *suite = aead_suite_find(ENCR_CHACHA20_POLY1305, 36);
	struct aead_key key = {.suite = suite, .seal = true}; /* all zeros, and so is the text */
	struct trial trial = {.key = &key, .context = aead_evp_create()};
	size_t from = AEAD_CHOICE_NEVER;
	struct aead_choice_costs costs;

	if (trial.context != NULL && aead_evp_rekey(trial.context, &key, NULL) == 0) {
		time_all(&trial, &costs);
		from = aead_choice_from(&costs);
	}
	aead_evp_destroy(trial.context);
	return from;
}

const char *aead_choice_name(size_t from)
{
	for (int i = 0; i < AEAD_CHOICE_POINTS; i++)
		if (points[i].from == from)
			return points[i].name;
	return aead_sodium.provider;
}
