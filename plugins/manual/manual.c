/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keying = manual: keys and SPIs from files, RFC 4301 4.5.1. The host reserves their sequence
 * numbers on disk (trust.md 4.1); here is only what each SA is made of, and when. Also the example
 * for writers of plugins: configuration in settings.c, the ops table last.
 */
#include "manual/settings.h"

#include "common/peer_attrs.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Inbound first: the peer's answer finds its SA. */
enum part { IN, OUT, IN_PLAIN, OUT_PLAIN, PARTS };

struct peer {
	struct settings settings;
	sa_id sa[PARTS];
	bool up[PARTS];
	bool spent;  /* a hard lifetime or the numbers ran out: only a new key helps */
	bool warned; /* of a key without record */
};

struct keying {
	const struct keying_host *host;
	struct peer *peers;
	size_t n;
};

__attribute__((format(printf, 4, 5))) static void say(
	struct keying *k, enum keying_log level, const struct peer *peer, const char *fmt, ...)
{
	char text[256];
	size_t n = (size_t)snprintf(text, sizeof text, "peer \"%s\": ", peer->settings.core.name);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + n, sizeof text - n, fmt, args);
	va_end(args);
	k->host->log(k->host, level, text);
}

static void tell(struct keying *k, const struct peer *peer, const char *event, const char *remedy)
{
	struct tree_writer w;

	tree_writer_init(&w);
	tree_put_map(&w, 2);
	tree_put_text(&w, "peer");
	tree_put_text(&w, peer->settings.core.name);
	tree_put_text(&w, "remedy");
	tree_put_text(&w, remedy);
	if (!w.error)
		k->host->event(k->host, event, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

/* Both ends derive the plain SA's key from the one they share, so that no second file is needed. */
static void derive_fallback(uint8_t *keymat, size_t len)
{
	static const char info[] = "dietvpn manual fallback";

	hash_hkdf_replace(keymat, len, (struct slice){(const uint8_t *)info, sizeof info - 1});
}

static uint64_t soft(uint64_t hard)
{
	return hard - hard / 10;
}

static struct sa_params params_of(const struct settings *s, enum part part)
{
	bool plain = part == IN_PLAIN || part == OUT_PLAIN;
	enum sa_dir dir = part == IN || part == IN_PLAIN ? SA_IN : SA_OUT;
	struct sa_params p = {
		.dir = dir,
		.mode = SA_TUNNEL,
		.encap = s->encap,
		.policy = s->core.policy,
		.spi = plain ? s->spi[dir] | (uint32_t)SETTINGS_FALLBACK_SPI : s->spi[dir],
		.esn = s->esn,
		.encr = s->encr,
		.keymat_len = s->keymat_len,
		.local = {.port = s->port},
		.remote = s->core.remote,
		.n_ts_local = s->core.local.n,
		.n_ts_remote = s->core.remote_ts.n,
		.soft_s = soft(s->hard_s),
		.hard_s = s->hard_s,
		.soft_packets = soft(s->hard_packets),
		.hard_packets = s->hard_packets,
		.soft_bytes = soft(s->hard_bytes),
		.hard_bytes = s->hard_bytes,
		.window = s->window,
		.long_lived = 1,
		.fallback = plain,
		.pinned = !s->spi_bits,
		.attrs = plain ? peer_attrs_plain() : (struct slice){s->attrs, s->attrs_len},
	};

	memcpy(p.ts_local, s->core.local.list, sizeof p.ts_local);
	memcpy(p.ts_remote, s->core.remote_ts.list, sizeof p.ts_remote);
	return p;
}

static int reserve_and_install(struct keying *k, const struct settings *s, enum part part,
	const struct sa_params *p, sa_id *id)
{
	const struct keying_host *host = k->host;
	uint32_t width = part == IN_PLAIN ? 32 : s->spi_bits;
	uint32_t spi = p->spi;
	int r;

	if (p->dir == SA_OUT || !s->spi_bits)
		return host->sa_install(host, p, id);
	r = host->spi_reserve(host, &p->local, (uint32_t)1 << (width - 1), &spi);
	if (r)
		return r;
	r = host->sa_install(host, p, id);
	if (r)
		host->spi_release(host, &p->local, spi);
	return r;
}

static int install(struct keying *k, struct peer *peer, enum part part)
{
	const struct settings *s = &peer->settings;
	struct sa_params p = params_of(s, part);
	int r = settings_key(k->host, s, p.dir, p.keymat);

	if (r) {
		say(k, KEYING_ERROR, peer, "its key cannot be read: %s", strerror(-r));
		return r;
	}
	if (p.fallback)
		derive_fallback(p.keymat, p.keymat_len);
	r = reserve_and_install(k, s, part, &p, &peer->sa[part]);
	secret_wipe(p.keymat, sizeof p.keymat);
	peer->up[part] = !r;
	if (r == -EIO)
		say(k, KEYING_ERROR, peer,
			"SPI 0x%x stays unused: the record of its key's numbers cannot be used, "
			"`dietvpn status` says why and what to do",
			p.spi);
	else if (r && r != -ENOKEY)
		say(k, KEYING_ERROR, peer, "SPI 0x%x: %s", p.spi, strerror(-r));
	return r;
}

static void warn_no_record(struct keying *k, struct peer *peer)
{
	char remedy[80];

	if (peer->warned)
		return;
	peer->warned = true;
	snprintf(remedy, sizeof remedy, "dietvpn sa fresh-key %s", peer->settings.core.name);
	say(k, KEYING_WARN, peer,
		"no record of its keys' sequence numbers: if they were never used, `%s`; else put "
		"in "
		"new keys",
		remedy);
	tell(k, peer, "no-record", remedy);
}

/* Whatever is missing. One failure does not hide the others: all keys without record get known. */
static void bring_up(struct keying *k, struct peer *peer)
{
	int parts = peer->settings.fallback ? PARTS : IN_PLAIN;
	bool no_record = false;

	if (peer->spent)
		return;
	for (int part = 0; part < parts; part++)
		if (!peer->up[part] && install(k, peer, (enum part)part) == -ENOKEY)
			no_record = true;
	if (no_record)
		warn_no_record(k, peer);
	else
		peer->warned = false;
}

static void take_down(struct keying *k, struct peer *peer)
{
	for (int part = 0; part < PARTS; part++) {
		if (peer->up[part])
			k->host->sa_remove(k->host, peer->sa[part]);
		peer->up[part] = false;
	}
}

static int check(const struct keying_host *host, struct slice config)
{
	struct settings *list;
	size_t n;
	int r = settings_read(host, config, &list, &n);

	if (!r)
		free(list);
	return r;
}

static int load(struct keying *k, struct slice config, struct peer **out, size_t *n)
{
	struct settings *list;
	struct peer *peers;
	int r = settings_read(k->host, config, &list, n);

	if (r)
		return r;
	peers = calloc(*n ? *n : 1, sizeof *peers);
	for (size_t i = 0; peers && i < *n; i++)
		peers[i].settings = list[i];
	free(list);
	*out = peers;
	return peers ? 0 : -ENOMEM;
}

static int create(const struct keying_host *host, struct slice config, struct keying **out)
{
	struct keying *k = calloc(1, sizeof *k);
	int r;

	if (!k)
		return -ENOMEM;
	k->host = host;
	r = load(k, config, &k->peers, &k->n);
	if (r) {
		free(k);
		return r;
	}
	*out = k;
	return 0;
}

/* A peer whose SAs cannot be had says so and stops no other. */
static int start(struct keying *k)
{
	for (size_t i = 0; i < k->n; i++)
		bring_up(k, &k->peers[i]);
	return 0;
}

static bool same_keys(const struct settings *a, const struct settings *b)
{
	return a->encr == b->encr && a->keymat_len == b->keymat_len &&
	       !memcmp(a->spi, b->spi, sizeof a->spi) &&
	       !memcmp(a->digest, b->digest, sizeof a->digest) && a->spi_bits == b->spi_bits &&
	       a->window == b->window && a->hard_s == b->hard_s &&
	       a->hard_packets == b->hard_packets && a->hard_bytes == b->hard_bytes &&
	       a->esn == b->esn;
}

static bool same_attrs(const struct settings *a, const struct settings *b)
{
	return a->attrs_len == b->attrs_len && !memcmp(a->attrs, b->attrs, a->attrs_len) &&
	       a->fallback == b->fallback;
}

static bool same_core(const struct peer_config *a, const struct peer_config *b)
{
	return !strcmp(a->name, b->name) && a->policy == b->policy &&
	       addr_same(&a->remote.addr, &b->remote.addr) && a->remote.port == b->remote.port &&
	       selectors_same(&a->local, &b->local) && selectors_same(&a->remote_ts, &b->remote_ts);
}

/* What differs only in where it stands in the file is the same; padding says nothing. */
static bool same(const struct settings *a, const struct settings *b)
{
	return same_core(&a->core, &b->core) && a->port == b->port && a->encap == b->encap &&
	       same_keys(a, b) && same_attrs(a, b);
}

static struct peer *find(struct peer *peers, size_t n, uint32_t policy)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].settings.core.policy == policy)
			return &peers[i];
	return NULL;
}

/* Unchanged SAs stay; all that goes, goes first: keys and SPIs may have moved to another peer. */
static int reload(struct keying *k, struct slice config)
{
	struct peer *peers;
	size_t n;
	int r = load(k, config, &peers, &n);

	if (r)
		return r;
	for (size_t i = 0; i < k->n; i++) {
		struct peer *old = &k->peers[i];
		struct peer *now = find(peers, n, old->settings.core.policy);

		if (now && same(&now->settings, &old->settings))
			memcpy(now, old, sizeof *now);
		else
			take_down(k, old);
	}
	free(k->peers);
	k->peers = peers;
	k->n = n;
	return start(k);
}

static void acquire(struct keying *k, const struct keying_acquire *asked)
{
	struct peer *peer = find(k->peers, k->n, asked->policy);

	if (peer)
		bring_up(k, peer);
}

static struct peer *owner_of(struct keying *k, sa_id id, int *part)
{
	for (size_t i = 0; i < k->n; i++)
		for (*part = 0; *part < PARTS; (*part)++)
			if (k->peers[i].up[*part] && k->peers[i].sa[*part] == id)
				return &k->peers[i];
	return NULL;
}

static void sa_event(struct keying *k, sa_id id, enum sa_event event)
{
	static const char remedy[] = "put new key files in on both sides, then reload";
	int part;
	struct peer *peer = owner_of(k, id, &part);

	if (!peer)
		return;
	switch (event) {
	case SA_SOFT_EXPIRED:
	case SA_SEQUENCE_LOW:
		say(k, KEYING_WARN, peer, "its key is nearly used up: %s", remedy);
		tell(k, peer, "key-low", remedy);
		break;
	case SA_HARD_EXPIRED:
		peer->spent = true;
		say(k, KEYING_ERROR, peer, "its key is used up: %s", remedy);
		tell(k, peer, "key-spent", remedy);
		take_down(k, peer);
		break;
	case SA_REMOVED:
		peer->up[part] = false;
		break;
	case SA_ICV_FAILING:
		say(k, KEYING_WARN, peer,
			"its packets do not verify: are InKey and Cipher the peer's%s?",
			peer->settings.ruled ? ", its rules the same and Device the other" : "");
		break;
	default:
		break;
	}
}

static void stop(struct keying *k)
{
	for (size_t i = 0; i < k->n; i++)
		take_down(k, &k->peers[i]);
}

static void destroy(struct keying *k)
{
	free(k->peers);
	free(k);
}

KEYING_PLUGIN(manual) = {
	.abi = KEYING_ABI,
	.size = sizeof(struct keying_plugin_ops),
	.name = "manual",
	.summary = "keys and SPIs from files, on both sides by hand",
	.keys = settings_keys,
	.check = check,
	.create = create,
	.start = start,
	.reload = reload,
	.acquire = acquire,
	.sa_event = sa_event,
	.stop = stop,
	.destroy = destroy,
};
