/* SPDX-License-Identifier: Apache-2.0 */
/* One security association, RFC 4301 4.4.2: parameters, sequence, lifetimes, counters. */
#ifndef DIETVPN_ESP_SA_H
#define DIETVPN_ESP_SA_H

#include "base/drop.h"
#include "base/list.h"
#include "crypto/aead.h"
#include "diet/context.h"
#include "dietvpn/types.h"
#include "esp/replay.h"

#include <stdbool.h>
#include <stdint.h>

/* What happened on the packet path that somebody above has to act on; bits of sa.notices. */
enum sa_notice {
	SA_NOTICE_SOFT = 1,         /* soft lifetime reached, once */
	SA_NOTICE_HARD = 2,         /* hard lifetime reached, once */
	SA_NOTICE_SEQUENCE_LOW = 4, /* three quarters of the numbers are used, once */
	SA_NOTICE_RESERVE = 8,      /* reserve the next block on disk; sa_watch: sent */
	SA_NOTICE_ICV = 16,         /* a burst of failed ICVs */
	SA_NOTICE_MOVED = 32,       /* the peer's endpoint changed */
	SA_NOTICE_STORE = 64,       /* highest accepted number has advanced enough to be stored */
	SA_NOTICE_RESYNC = 128,     /* a number was found beyond those that its low bits meant */
};

struct sa_counters {
	uint64_t packets, inner_bytes, wire_bytes; /* wire: ESP header to ICV */
	uint32_t replays, icv_failures, other_drops;
	uint32_t uncompressed; /* RuleID mode: packets under RuleID 0 */
	uint32_t resyncs;      /* in: packets behind a gap, ipsec/resync.c */
};

/* Hot fields first. Created and destroyed here, owned by the SAD. */
struct sa {
	sa_id id;
	uint32_t spi;
	uint8_t dir, mode, encap, esn; /* enums of dietvpn/types.h */
	uint8_t long_lived, fallback, pinned,
		dead;          /* dead: hard lifetime or removed, passes nothing */
	uint32_t notices;      /* bits not yet taken by the owner */
	uint32_t told;         /* bits that are set only once */
	struct path *path;     /* ipsec/path.h: the peer's endpoints; borrowed */
	uint64_t sequence;     /* out: last one used */
	uint64_t ceiling;      /* out: numbers below may be used; UINT64_MAX: no reservation */
	uint64_t reserve_at;   /* out: notice when sequence passes it; UINT64_MAX: asked */
	uint64_t sequence_max; /* 2^32-1, with ESN 2^48 (our hard stop) */
	struct replay replay;  /* in */
	uint64_t store_at;     /* in, long-lived: notice when highest passes it */
	uint64_t tries_ms;     /* in: up to then, the time that pays for tries is spent */
	uint64_t hard_ms;      /* deadline on the host's clock, as soft_ms; UINT64_MAX: never */
	uint16_t tunnel;       /* the policy's, ipsec/sad.c */
	uint16_t window;
	uint16_t far_try;  /* in: how far the last packet was looked for, ipsec/resync.c */
	uint8_t icv_burst; /* failures since the last good packet */
	uint8_t n_ts_local, n_ts_remote;
	uint8_t ts_lent;     /* the selectors are the policy's */
	const struct ts *ts; /* local, then remote */
	struct sa_counters counters;
	uint64_t last_ms; /* last packet; 0: none */
	struct aead_key key;
	struct diet_context diet;
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes;
	uint64_t soft_ms, born_ms;
	uint64_t store_step;   /* in, long-lived: how much further store_at moves */
	uint64_t due_ms;       /* ipsec/sad.c: sa_deadline when it was filed */
	struct list by_policy; /* ipsec/sad.c */
	struct list notice_link;
	uint32_t deadline_index; /* ipsec/sad.c: place in its heap, from 1; 0: not in it */
	uint32_t policy;
	uint8_t key_id[16]; /* BLAKE2b-128 of key and salt, of long-lived keys only */
};

/*
 * Copies params and keymat (the caller wipes its own). attrs: of the rules; now_ms: CLOCK_BOOTTIME.
 * 0, -EINVAL (suite, lengths, selectors, attributes), -ENOMEM; *out untouched on error.
 */
int sa_create(const struct sa_params *params, const struct diet_attrs *attrs,
	struct aead_pool *pool, uint64_t now_ms, struct sa **out);
void sa_destroy(struct sa *sa); /* wipes; NULL is allowed */
/* These are n_ts_local and n_ts_remote selectors equal to its own and outlive it: uses them. */
void sa_lend_selectors(struct sa *sa, const struct ts *ts);
/* What was lent is about to go: a copy of its own. 0 or -ENOMEM. */
int sa_keep_selectors(struct sa *sa);

enum { SA_PLAN_USUAL = 128 }; /* octets of most plans, which stand behind the SA */

/*
 * Asks for all of it at once: with thousands of SAs none is in the cache, and one line after the
 * other costs more than the cipher.
 */
static inline void sa_prefetch(const struct sa *sa)
{
	for (size_t at = 0; at < sizeof(*sa) + SA_PLAN_USUAL; at += 64)
		__builtin_prefetch((const char *)sa + at);
}

static inline const struct ts *sa_ts_local(const struct sa *sa)
{
	return sa->ts;
}

static inline const struct ts *sa_ts_remote(const struct sa *sa)
{
	return sa->ts + sa->n_ts_local;
}

/*
 * May be used in this direction now: DROP_SA_STATE (direction, removed) or DROP_LIFETIME; notes a
 * hard lifetime that has passed.
 */
enum drop sa_check(struct sa *sa, enum sa_dir dir, uint64_t now_ms);
/* What sa_take_sequence would answer now: for those who have something to lose before they take. */
enum drop sa_peek_sequence(struct sa *sa, uint64_t now_ms);
/*
 * The next number goes to sa->sequence: incremented first, then compared with the ceiling, so no
 * number is ever given twice. DROP_SEQ_WAIT, DROP_SEQ_OVERFLOW, DROP_SA_STATE, DROP_LIFETIME. The
 * only place that gives an outbound number. Sets notices.
 */
enum drop sa_take_sequence(struct sa *sa, uint64_t now_ms);
/*
 * Numbers below ceiling are on disk now; block is the size of the next reservation. A ceiling below
 * the present one changes nothing but asks again: so a failed write is repeated. A long-lived
 * outbound SA begins with ceiling 0 and sends nothing.
 */
void sa_set_ceiling(struct sa *sa, uint64_t ceiling, uint64_t block);
/* SA_NOTICE_RESERVE or, inbound, SA_NOTICE_STORE with the next packet, once. Not long-lived ones.
 */
void sa_watch(struct sa *sa);
/*
 * Takes a stored number over, only upwards: outbound the last one that may have been used (the
 * stored ceiling less one), inbound the highest accepted one.
 */
void sa_resume(struct sa *sa, uint64_t sequence);
/* Inbound, after the ICV: moves the window; true: above all numbers before it. Sets
 * SA_NOTICE_STORE. */
bool sa_accept_sequence(struct sa *sa, uint64_t sequence);
/* Inbound: counts an ICV failure; a burst of them is a notice, once until a good packet. */
void sa_count_icv_failure(struct sa *sa);
/*
 * How many numbers beyond the one that n low bits mean are tried, each 2^n further (diet-esp.md
 * 5.1): 32 for n = 0, where a single loss would end the SA, else 1; none where all 32 bits travel.
 */
static inline unsigned sa_resync_tries(const struct sa *sa)
{
	return sa->diet.sn_bits >= 32 ? 0 : sa->diet.sn_bits ? 1 : 32;
}

/* Tries are paid from a bucket of 64 that fills within about a second, whoever spends them. */
bool sa_has_try(const struct sa *sa, uint64_t now_ms);
bool sa_take_try(struct sa *sa, uint64_t now_ms); /* false: the bucket is empty */

/* The next lifetime by the clock that has not been told; UINT64_MAX: none. */
uint64_t sa_deadline(const struct sa *sa);
/* Sets the notices of the lifetimes that have passed by now_ms; a hard one ends the SA. */
void sa_expire(struct sa *sa, uint64_t now_ms);
/* Counts one packet of inner_len octets that passed, and sets lifetime notices. */
void sa_count(struct sa *sa, size_t inner_len, size_t wire_len, uint64_t now_ms);
/* Reservation block for this SA, trust.md 5.2: min(rate block, half of the jump the peer can
 * follow). */
uint64_t sa_reservation_block(const struct sa *sa, uint64_t packets_per_s);

#endif
