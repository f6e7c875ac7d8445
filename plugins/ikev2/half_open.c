/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes of strangers: a table of fixed size, cookies, budgets (RFC 7296 2.6). The oldest goes
 * first: an honest peer needs one round trip, and whoever floods pushes out himself.
 */
#include "ikev2/half_open.h"

#include "ikev2/familiar.h"

#include "crypto/secret.h"

#include <stdlib.h>
#include <string.h>

enum {
	NONE = HALF_SLOTS,
	NO_LONG = HALF_LONG_SLOTS,
	PER_PREFIX = 3,
	EPOCH_MS = 60000,
	COOKIE_SECRET_LEN = HASH_SHORT_KEY_LEN,
	SPI_PLACE_LEN = 2,
	REFUSALS_PER_S = 10,
	VALUE_MS = 1000,        /* that one half of a key exchange is used under load */
	REFUSED_PREFIXES = 256, /* hashes of prefixes that were refused something lately */
	REFUSED_AGAIN_MS = 1000,
	COMPUTES_PER_S = 1500,
	COMPUTES_FAMILIAR_PER_S = 500, /* on top, for familiar prefixes */
};

/* Tokens that come back with time. */
struct budget {
	uint64_t at_ms;
	uint32_t left, per_s;
};

/* Handshakes in the order in which they began. */
struct queue {
	uint16_t oldest, newest;
	size_t n;
};

/* Our half of key exchanges that begin within one second. */
struct shared_value {
	const struct dh_group *group; /* NULL: none */
	uint64_t until_ms;
	uint8_t private_key[DH_PRIVATE_MAX], public_key[DH_PUBLIC_MAX];
};

struct half_open {
	struct keying *k;
	struct half slots[HALF_SLOTS];
	uint16_t buckets[HALF_SLOTS];
	uint16_t prefixes[HALF_SLOTS]; /* handshakes by hash of their prefix */
	uint16_t free;
	struct queue queues[2]; /* of strangers, and of familiar prefixes */
	uint16_t long_owner[HALF_LONG_SLOTS], long_next[2];
	uint8_t (*longs)[HALF_LONG_LEN];
	uint8_t secrets[2][COOKIE_SECRET_LEN];
	uint8_t epoch;
	uint64_t epoch_ms;
	struct budget refusals, computes, computes_familiar;
	struct familiar familiar;
	struct shared_value value;
	uint64_t refuse_ms[REFUSED_PREFIXES]; /* again from here on */
};

static uint64_t now_ms(const struct half_open *h)
{
	return h->k->host->now_ms(h->k->host);
}

static uint64_t hash(const struct half_open *h, struct slice s)
{
	return hash_short(h->k->table_key, s.data, s.len);
}

struct half_open *half_open_create(struct keying *k)
{
	struct half_open *h = calloc(1, sizeof *h);

	if (h)
		h->longs = calloc(HALF_LONG_SLOTS, sizeof *h->longs);
	if (!h || !h->longs) {
		free(h);
		return NULL;
	}
	h->k = k;
	for (int i = 0; i < 2; i++)
		h->queues[i] = (struct queue){.oldest = NONE, .newest = NONE};
	for (unsigned i = 0; i < HALF_SLOTS; i++) {
		h->slots[i].newer = (uint16_t)(i + 1);
		h->buckets[i] = NONE;
	}
	for (size_t i = 0; i < HALF_LONG_SLOTS; i++)
		h->long_owner[i] = NONE;
	h->refusals.per_s = h->refusals.left = REFUSALS_PER_S;
	h->computes.per_s = h->computes.left = COMPUTES_PER_S;
	h->computes_familiar.per_s = h->computes_familiar.left = COMPUTES_FAMILIAR_PER_S;
	familiar_init(&h->familiar, k->host, k->table_key);
	k->host->random(k->host, h->secrets, sizeof h->secrets);
	h->epoch_ms = now_ms(h);
	return h;
}

void half_open_destroy(struct half_open *h)
{
	if (!h)
		return;
	free(h->longs);
	secret_wipe(h, sizeof *h);
	free(h);
}

size_t half_open_count(const struct half_open *h)
{
	return h->queues[false].n + h->queues[true].n;
}

static uint16_t place(const struct half_open *h, const struct half *half)
{
	return (uint16_t)(half - h->slots);
}

static uint32_t prefix_of(const struct half_open *h, const struct ip_addr *addr)
{
	uint64_t prefix = familiar_prefix(addr);

	return (uint32_t)(hash_short(h->k->table_key, &prefix, sizeof prefix) % HALF_SLOTS);
}

struct slice half_init(const struct half_open *h, const struct half *half)
{
	const uint8_t *data = half->long_at == NO_LONG ? half->init : h->longs[half->long_at];

	return (struct slice){data, half->init_len};
}

struct half *half_find_init(struct half_open *h, struct slice init)
{
	uint64_t digest = hash(h, init);
	uint16_t at = h->buckets[digest % HALF_SLOTS];

	while (at != NONE) {
		struct half *half = &h->slots[at];

		if (half->digest == digest && slice_equal(half_init(h, half), init))
			return half;
		at = half->bucket_next;
	}
	return NULL;
}

/* Its last octets say where it lies, hidden by a mask. */
static void make_spi(struct half_open *h, const struct half *half, uint8_t spi[IKE_SPI_LEN])
{
	uint16_t at = place(h, half);

	ike_sa_random_spi(h->k, spi);
	spi[IKE_SPI_LEN - 2] = (uint8_t)(at >> 8 ^ h->k->table_key[0]);
	spi[IKE_SPI_LEN - 1] = (uint8_t)(at ^ h->k->table_key[1]);
}

struct half *half_find(struct half_open *h, const uint8_t spi_r[IKE_SPI_LEN])
{
	unsigned at = (unsigned)(spi_r[IKE_SPI_LEN - 2] ^ h->k->table_key[0]) << 8 |
		      (unsigned)(spi_r[IKE_SPI_LEN - 1] ^ h->k->table_key[1]);
	struct half *half;

	if (at >= HALF_SLOTS)
		return NULL;
	half = &h->slots[at];
	return half->at_ms && !memcmp(half->spis + IKE_SPI_LEN, spi_r, IKE_SPI_LEN) ? half : NULL;
}

static void leave_bucket(struct half_open *h, const struct half *half)
{
	uint16_t *at = &h->buckets[half->digest % HALF_SLOTS];

	while (*at != place(h, half))
		at = &h->slots[*at].bucket_next;
	*at = half->bucket_next;
}

static void leave_queue(struct half_open *h, const struct half *half)
{
	struct queue *q = &h->queues[half->familiar];

	if (half->older == NONE)
		q->oldest = half->newer;
	else
		h->slots[half->older].newer = half->newer;
	if (half->newer == NONE)
		q->newest = half->older;
	else
		h->slots[half->newer].older = half->older;
	q->n--;
}

void half_drop(struct half_open *h, struct half *half)
{
	uint16_t at = place(h, half);

	leave_bucket(h, half);
	leave_queue(h, half);
	if (half->long_at != NO_LONG)
		h->long_owner[half->long_at] = NONE;
	h->prefixes[half->prefix]--;
	fragment_forget(&half->assembly);
	secret_wipe(half->secret, sizeof half->secret);
	half->at_ms = 0;
	half->newer = h->free;
	h->free = at;
}

static void keep_init(struct half_open *h, struct half *half, struct slice init)
{
	uint16_t first = half->familiar ? HALF_LONG_STRANGERS : 0;
	uint16_t n = half->familiar ? HALF_LONG_SLOTS - HALF_LONG_STRANGERS : HALF_LONG_STRANGERS;
	uint16_t at = (uint16_t)(first + h->long_next[half->familiar] % n);

	half->init_len = (uint16_t)init.len;
	half->long_at = NO_LONG;
	if (init.len <= HALF_INIT_LEN) {
		memcpy(half->init, init.data, init.len);
		return;
	}
	h->long_next[half->familiar] = (uint16_t)(at - first + 1);
	if (h->long_owner[at] != NONE)
		half_drop(h, &h->slots[h->long_owner[at]]);
	h->long_owner[at] = place(h, half);
	half->long_at = at;
	memcpy(h->longs[at], init.data, init.len);
}

static void enter(struct half_open *h, struct half *half)
{
	uint16_t *bucket = &h->buckets[half->digest % HALF_SLOTS];
	struct queue *q = &h->queues[half->familiar];

	half->bucket_next = *bucket;
	*bucket = place(h, half);
	half->older = q->newest;
	half->newer = NONE;
	if (q->newest == NONE)
		q->oldest = place(h, half);
	else
		h->slots[q->newest].newer = place(h, half);
	q->newest = place(h, half);
	q->n++;
	h->prefixes[half->prefix]++;
}

/* Each kind pushes out its own. When the table is full the familiar ones have a quarter at least.
 */
static void make_room(struct half_open *h, bool familiar)
{
	const struct queue *strangers = &h->queues[false];

	if (!familiar && strangers->n > 0 && (strangers->n >= HALF_STRANGERS || h->free == NONE))
		half_drop(h, &h->slots[strangers->oldest]);
	else if (h->free == NONE)
		half_drop(h, &h->slots[h->queues[true].oldest]);
}

struct half *half_add(struct half_open *h, const uint8_t spi_i[IKE_SPI_LEN], const struct way *way,
	struct slice init)
{
	bool familiar = familiar_has(&h->familiar, &way->remote.addr);
	struct half *half;

	if (init.len > HALF_LONG_LEN)
		return NULL;
	make_room(h, familiar);
	half = &h->slots[h->free];
	h->free = half->newer;
	memset(half, 0, offsetof(struct half, init));
	half->familiar = familiar;
	keep_init(h, half, init);
	memcpy(half->spis, spi_i, IKE_SPI_LEN);
	make_spi(h, half, half->spis + IKE_SPI_LEN);
	half->way = *way;
	half->at_ms = now_ms(h) | 1;
	half->digest = hash(h, init);
	half->prefix = prefix_of(h, &way->remote.addr);
	enter(h, half);
	return half;
}

static void drop_value(struct half_open *h)
{
	secret_wipe(&h->value, sizeof h->value);
}

bool half_expire(struct half_open *h)
{
	uint64_t now = now_ms(h);

	if (now >= h->value.until_ms)
		drop_value(h);

	for (int i = 0; i < 2; i++) {
		const struct queue *q = &h->queues[i];

		while (q->oldest != NONE && now >= h->slots[q->oldest].at_ms + HALF_LIFE_MS)
			half_drop(h, &h->slots[q->oldest]);
	}
	return half_open_count(h);
}

bool half_wants_cookie(const struct half_open *h, const struct ip_addr *from)
{
	return half_open_count(h) >= h->k->settings.cookie_threshold ||
	       h->prefixes[prefix_of(h, from)] >= PER_PREFIX;
}

static void turn_epoch(struct half_open *h)
{
	uint64_t now = now_ms(h);

	if (now - h->epoch_ms < EPOCH_MS)
		return;
	h->epoch++;
	h->k->host->random(h->k->host, h->secrets[h->epoch & 1], COOKIE_SECRET_LEN);
	/* After a long rest the one before is too old as well. */
	if (now - h->epoch_ms >= (uint64_t)2 * EPOCH_MS)
		h->k->host->random(h->k->host, h->secrets[~h->epoch & 1], COOKIE_SECRET_LEN);
	h->epoch_ms = now;
}

/* epoch | SipHash-2-4-128(secret, SPIi | Ni | address) */
static void make_cookie(const struct half_open *h, uint8_t epoch, const uint8_t *spi_i,
	struct slice nonce, const struct ip_addr *from, uint8_t *out)
{
	uint8_t text[IKE_SPI_LEN + NONCE_MAX + sizeof from->bytes];
	memcpy(text, spi_i, IKE_SPI_LEN);
	memcpy(text + IKE_SPI_LEN, nonce.data, nonce.len);
	memcpy(text + IKE_SPI_LEN + nonce.len, from->bytes, sizeof from->bytes);
	out[0] = epoch;
	hash_short_mac(h->secrets[epoch & 1],
		(struct slice){text, IKE_SPI_LEN + nonce.len + sizeof from->bytes}, out + 1);
}

void half_cookie(struct half_open *h, const struct message *m, struct slice nonce,
	const struct ip_addr *from, uint8_t out[HALF_COOKIE_LEN])
{
	turn_epoch(h);
	make_cookie(h, h->epoch, m->spis, nonce, from, out);
}

bool half_cookie_holds(struct half_open *h, const struct message *m, struct slice nonce,
	const struct ip_addr *from, struct slice cookie)
{
	uint8_t want[HALF_COOKIE_LEN];

	turn_epoch(h);
	if (cookie.len != HALF_COOKIE_LEN || (uint8_t)(h->epoch - cookie.data[0]) > 1)
		return false;
	make_cookie(h, cookie.data[0], m->spis, nonce, from, want);
	return secret_equal_bytes(want, cookie.data, HALF_COOKIE_LEN);
}

static bool spend(const struct half_open *h, struct budget *b)
{
	uint64_t now = now_ms(h);
	uint64_t more = (now - b->at_ms) * b->per_s / 1000;

	if (more) {
		b->left = b->left + more > b->per_s ? b->per_s : b->left + (uint32_t)more;
		b->at_ms = now;
	}
	if (!b->left)
		return false;
	b->left--;
	return true;
}

bool half_may_refuse(struct half_open *h, const struct ip_addr *from)
{
	uint64_t *at = from ? &h->refuse_ms[prefix_of(h, from) % REFUSED_PREFIXES] : NULL;

	if (at && now_ms(h) < *at)
		return false;
	if (!spend(h, &h->refusals))
		return false;
	if (at)
		*at = now_ms(h) + REFUSED_AGAIN_MS;
	return true;
}

int half_generate(struct half_open *h, struct half *half, const struct dh_group *group)
{
	struct shared_value *v = &h->value;
	int r;

	if (half_open_count(h) < h->k->settings.cookie_threshold)
		return dh_generate(group, half->secret, half->public_key);
	if (v->group != group || now_ms(h) >= v->until_ms) {
		drop_value(h);
		r = dh_generate(group, v->private_key, v->public_key);
		if (r)
			return r;
		v->group = group;
		v->until_ms = now_ms(h) + VALUE_MS;
	}
	memcpy(half->secret, v->private_key, sizeof half->secret);
	memcpy(half->public_key, v->public_key, sizeof half->public_key);
	return 0;
}

bool half_may_compute(struct half_open *h, const struct half *half)
{
	return spend(h, &h->computes) || (half->familiar && spend(h, &h->computes_familiar));
}

void half_learn(struct half_open *h, const struct ip_addr *from)
{
	familiar_add(&h->familiar, from);
}

void half_save(struct half_open *h)
{
	familiar_save(&h->familiar);
}
