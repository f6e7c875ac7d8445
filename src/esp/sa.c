/* SPDX-License-Identifier: Apache-2.0 */
/* One security association, RFC 4301 4.4.2.1: its parameters, numbers, lifetimes and counters. */
#include "esp/sa.h"

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "ip/ts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MS_PER_S = 1000,
	ESN_BITS = 48,
	SN_BITS = 32,
	BLOCK_MIN = 4096,
	BLOCK_MAX = 1 << 20,
	BLOCK_S = 60, /* a block lasts so long at the rate given */
	STORE_STEP = 4096,
	ICV_BURST = 32,
	TRY_MS = 16,            /* that one try costs */
	TRIES_MS = 64 * TRY_MS, /* that can be saved up */
};

static void tell(struct sa *sa, enum sa_notice notice)
{
	if (sa->told & notice)
		return;
	sa->told |= notice;
	sa->notices |= notice;
}

static void end(struct sa *sa)
{
	tell(sa, SA_NOTICE_HARD);
	sa->dead = 1;
}

static uint64_t or_never(uint64_t value)
{
	return value ? value : UINT64_MAX;
}

static uint64_t deadline_after(uint64_t now_ms, uint64_t s)
{
	if (s == 0 || s > (UINT64_MAX - now_ms) / MS_PER_S)
		return UINT64_MAX;
	return now_ms + s * MS_PER_S;
}

static bool params_ok(const struct sa_params *params)
{
	return (params->dir == SA_OUT || params->dir == SA_IN) && !params->group &&
	       (params->mode == SA_TUNNEL || params->mode == SA_TRANSPORT) &&
	       (params->encap == SA_ENCAP_UDP || params->encap == SA_ENCAP_ESP) &&
	       ts_list_valid(params->ts_local, params->n_ts_local) &&
	       ts_list_valid(params->ts_remote, params->n_ts_remote);
}

static uint32_t choose_window(const struct sa_params *params, const struct diet_attrs *attrs)
{
	if (params->window)
		return params->window;
	return attrs->window ? attrs->window : REPLAY_WINDOW_DEFAULT;
}

/*
 * How far ahead of the highest number seen a number may be and still be restored from its low bits.
 * Without any, only the next number is meant, and the tries are all there is to jump.
 */
static uint64_t longest_jump(const struct sa *sa)
{
	uint64_t numbers = (uint64_t)1 << sa->diet.sn_bits;

	if (!sa->diet.sn_bits)
		return sa_resync_tries(sa);
	return sa->window < numbers ? numbers - sa->window : 1;
}

static void set_identity(struct sa *sa, const struct sa_params *params)
{
	sa->spi = params->spi;
	sa->dir = (uint8_t)params->dir;
	sa->mode = (uint8_t)params->mode;
	sa->encap = (uint8_t)params->encap;
	sa->esn = params->esn ? 1 : 0;
	sa->long_lived = params->long_lived;
	sa->fallback = params->fallback;
	sa->pinned = params->pinned;
	sa->policy = params->policy;
	sa->n_ts_local = params->n_ts_local;
	sa->n_ts_remote = params->n_ts_remote;
	list_init(&sa->by_policy);
	list_init(&sa->notice_link);
	if (params->long_lived)
		hash_digest((struct slice){params->keymat, params->keymat_len}, sa->key_id);
}

static int set_selectors(struct sa *sa, const struct sa_params *params)
{
	size_t local = params->n_ts_local;
	size_t remote = params->n_ts_remote;
	struct ts *ts = malloc((local + remote) * sizeof(*ts));

	if (!ts)
		return -ENOMEM;
	memcpy(ts, params->ts_local, local * sizeof(*ts));
	memcpy(ts + local, params->ts_remote, remote * sizeof(*ts));
	sa->ts = ts;
	return 0;
}

static void free_selectors(struct sa *sa)
{
	if (!sa->ts_lent)
		free((void *)(uintptr_t)sa->ts);
}

void sa_lend_selectors(struct sa *sa, const struct ts *ts)
{
	free_selectors(sa);
	sa->ts = ts;
	sa->ts_lent = 1;
}

int sa_keep_selectors(struct sa *sa)
{
	size_t size = ((size_t)sa->n_ts_local + sa->n_ts_remote) * sizeof(struct ts);
	struct ts *ts;

	if (!sa->ts_lent)
		return 0;
	ts = malloc(size);
	if (!ts)
		return -ENOMEM;
	memcpy(ts, sa->ts, size);
	sa->ts = ts;
	sa->ts_lent = 0;
	return 0;
}

static void set_lifetimes(struct sa *sa, const struct sa_params *params, uint64_t now_ms)
{
	sa->born_ms = now_ms;
	sa->soft_ms = deadline_after(now_ms, params->soft_s);
	sa->hard_ms = deadline_after(now_ms, params->hard_s);
	sa->soft_packets = or_never(params->soft_packets);
	sa->hard_packets = or_never(params->hard_packets);
	sa->soft_bytes = or_never(params->soft_bytes);
	sa->hard_bytes = or_never(params->hard_bytes);
}

/* Only the key of a process's lifetime counts from 1 by itself. */
static void set_numbers(struct sa *sa, const struct sa_params *params)
{
	sa->sequence_max = sa->esn ? (uint64_t)1 << ESN_BITS : UINT32_MAX;
	sa->ceiling = params->long_lived ? 0 : UINT64_MAX;
	sa->reserve_at = params->long_lived ? 0 : UINT64_MAX;
	sa->store_step = sa->diet.sn_bits < SN_BITS ? longest_jump(sa) / 4 : STORE_STEP;
	if (sa->store_step == 0)
		sa->store_step = 1;
	sa->store_at = params->long_lived ? sa->store_step : UINT64_MAX;
}

static int init_diet(struct diet_context *context, const struct sa_params *params,
	const struct diet_attrs *attrs)
{
	bool out = params->dir == SA_OUT;
	struct diet_sa diet = {
		.mode = params->mode,
		.spi = params->spi,
		.esn = params->esn != 0,
		.out = out,
		.src = out ? params->ts_local : params->ts_remote,
		.dst = out ? params->ts_remote : params->ts_local,
		.n_src = out ? params->n_ts_local : params->n_ts_remote,
		.n_dst = out ? params->n_ts_remote : params->n_ts_local,
		.outer_family = params->remote.addr.family,
	};

	return diet_context_init(context, attrs, &diet);
}

/*
 * The plan stands right behind the SA: no other place in memory has to be fetched for a packet. Of
 * explicit rules only the counters stand there; the rules are shared.
 */
static int alloc_sa(const struct sa_params *params, const struct diet_attrs *attrs, struct sa **out)
{
	struct diet_context diet;
	struct sa *sa;
	int error = init_diet(&diet, params, attrs);

	if (error)
		return error;
	sa = calloc(1, sizeof(*sa) + diet_context_size(&diet));
	if (sa) {
		diet_context_move(&diet, sa + 1);
		sa->diet = diet;
	} else {
		diet_context_fini(&diet);
	}
	*out = sa;
	return sa ? 0 : -ENOMEM;
}

int sa_create(const struct sa_params *params, const struct diet_attrs *attrs,
	struct aead_pool *pool, uint64_t now_ms, struct sa **out)
{
	const struct aead_suite *suite = aead_suite_find(params->encr, params->keymat_len);
	uint32_t window = choose_window(params, attrs);
	struct sa *sa;
	int error;

	if (!suite || !params_ok(params) || window > REPLAY_WINDOW_MAX)
		return -EINVAL;
	error = alloc_sa(params, attrs, &sa);
	if (error)
		return error;
	set_identity(sa, params);
	set_lifetimes(sa, params, now_ms);
	sa->window = (uint16_t)window;
	set_numbers(sa, params);
	error = set_selectors(sa, params);
	if (error)
		goto no_selectors;
	error = params->dir == SA_IN ? replay_init(&sa->replay, sa->window) : 0;
	if (error)
		goto no_window;
	aead_key_init(&sa->key, pool, suite, params->keymat);
	sa->key.seal = params->dir == SA_OUT;
	*out = sa;
	return 0;

no_window:
	free_selectors(sa);
no_selectors:
	diet_context_leave(&sa->diet);
	free(sa);
	return error;
}

void sa_destroy(struct sa *sa)
{
	if (!sa)
		return;
	aead_key_fini(&sa->key);
	replay_fini(&sa->replay);
	free_selectors(sa);
	diet_context_leave(&sa->diet);
	secret_wipe(sa, sizeof(*sa));
	free(sa);
}

enum drop sa_check(struct sa *sa, enum sa_dir dir, uint64_t now_ms)
{
	if (sa->dir != dir)
		return DROP_SA_STATE;
	if (now_ms >= sa->hard_ms)
		end(sa);
	if (!sa->dead)
		return DROP_NONE;
	return sa->told & SA_NOTICE_HARD ? DROP_LIFETIME : DROP_SA_STATE;
}

static void ask_for_block(struct sa *sa)
{
	if (sa->reserve_at == UINT64_MAX)
		return;
	sa->reserve_at = UINT64_MAX;
	sa->notices |= SA_NOTICE_RESERVE;
}

enum drop sa_peek_sequence(struct sa *sa, uint64_t now_ms)
{
	enum drop drop = sa_check(sa, SA_OUT, now_ms);

	if (drop)
		return drop;
	if (sa->sequence >= sa->sequence_max) {
		tell(sa, SA_NOTICE_HARD);
		return DROP_SEQ_OVERFLOW;
	}
	if (sa->sequence + 1 >= sa->ceiling) {
		ask_for_block(sa);
		return DROP_SEQ_WAIT;
	}
	return DROP_NONE;
}

enum drop sa_take_sequence(struct sa *sa, uint64_t now_ms)
{
	enum drop drop = sa_peek_sequence(sa, now_ms);

	if (drop)
		return drop;
	sa->sequence++;
	if (sa->sequence >= sa->reserve_at)
		ask_for_block(sa);
	if (sa->sequence >= sa->sequence_max / 4 * 3)
		tell(sa, SA_NOTICE_SEQUENCE_LOW);
	return DROP_NONE;
}

void sa_set_ceiling(struct sa *sa, uint64_t ceiling, uint64_t block)
{
	if (ceiling > sa->ceiling)
		sa->ceiling = ceiling;
	if (sa->ceiling == UINT64_MAX)
		sa->reserve_at = UINT64_MAX;
	else
		sa->reserve_at = sa->ceiling > block / 2 ? sa->ceiling - block / 2 : 0;
}

void sa_watch(struct sa *sa)
{
	if (sa->long_lived)
		return;
	if (sa->dir == SA_OUT)
		sa->reserve_at = sa->sequence + 1;
	else
		sa->store_at = 0;
}

void sa_resume(struct sa *sa, uint64_t sequence)
{
	if (sa->dir == SA_OUT) {
		if (sequence > sa->sequence)
			sa->sequence = sequence;
		return;
	}
	replay_restore(&sa->replay, sequence);
	sa->store_at = sa->replay.highest + sa->store_step;
}

bool sa_accept_sequence(struct sa *sa, uint64_t sequence)
{
	bool newest = sequence > sa->replay.highest;

	replay_commit(&sa->replay, sequence);
	sa->icv_burst = 0;
	if (sa->replay.highest >= sa->store_at) {
		sa->store_at = sa->long_lived ? sa->replay.highest + sa->store_step : UINT64_MAX;
		sa->notices |= SA_NOTICE_STORE;
	}
	return newest;
}

void sa_count_icv_failure(struct sa *sa)
{
	sa->counters.icv_failures++;
	if (sa->icv_burst < ICV_BURST && ++sa->icv_burst == ICV_BURST)
		sa->notices |= SA_NOTICE_ICV;
}

void sa_count(struct sa *sa, size_t inner_len, size_t wire_len, uint64_t now_ms)
{
	struct sa_counters *counters = &sa->counters;

	counters->packets++;
	counters->inner_bytes += inner_len;
	counters->wire_bytes += wire_len;
	sa->last_ms = now_ms;
	if (counters->packets >= sa->soft_packets || counters->inner_bytes >= sa->soft_bytes)
		tell(sa, SA_NOTICE_SOFT);
	if (counters->packets >= sa->hard_packets || counters->inner_bytes >= sa->hard_bytes)
		end(sa);
}

static uint64_t spent_until(const struct sa *sa, uint64_t now_ms)
{
	uint64_t oldest = now_ms > TRIES_MS ? now_ms - TRIES_MS : 0;

	return sa->tries_ms > oldest ? sa->tries_ms : oldest;
}

bool sa_has_try(const struct sa *sa, uint64_t now_ms)
{
	return spent_until(sa, now_ms) + TRY_MS <= now_ms;
}

bool sa_take_try(struct sa *sa, uint64_t now_ms)
{
	if (!sa_has_try(sa, now_ms))
		return false;
	sa->tries_ms = spent_until(sa, now_ms) + TRY_MS;
	return true;
}

uint64_t sa_deadline(const struct sa *sa)
{
	uint64_t soft = sa->told & SA_NOTICE_SOFT ? UINT64_MAX : sa->soft_ms;
	uint64_t hard = sa->told & SA_NOTICE_HARD ? UINT64_MAX : sa->hard_ms;

	return soft < hard ? soft : hard;
}

void sa_expire(struct sa *sa, uint64_t now_ms)
{
	if (now_ms >= sa->soft_ms)
		tell(sa, SA_NOTICE_SOFT);
	if (now_ms >= sa->hard_ms)
		end(sa);
}

/* With half the jump, the peer still follows after a second crash before a packet got through. */
uint64_t sa_reservation_block(const struct sa *sa, uint64_t packets_per_s)
{
	uint64_t block = BLOCK_MIN;
	uint64_t limit;

	while (block < BLOCK_MAX && block / BLOCK_S < packets_per_s)
		block *= 2;
	if (sa->diet.sn_bits >= SN_BITS)
		return block;
	limit = longest_jump(sa) / 2;
	if (limit == 0)
		limit = 1;
	return block < limit ? block : limit;
}
