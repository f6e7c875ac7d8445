/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded resynchronisation of sequence numbers, diet-esp.md section 5.1. */
#include "ipsec/resync.h"

#include "base/buf.h"
#include "esp/esp.h"
#include "esp/sa.h"
#include "ip/addr.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"

#include <string.h>

enum { FEW_BITS = 8, FAR_MAX = 4096 };

/*
 * Only then is the ciphertext kept. Where few bits travel, a burst of losses is likely and packets
 * are small; with more bits, a first failure has to show that numbers were left behind.
 */
static bool may_look_ahead(
	const struct sa *sa, const struct batch_item *item, uint64_t now_ms, enum drop drop)
{
	if (!sa_resync_tries(sa) || (sa->diet.sn_bits > FEW_BITS && !sa->icv_burst && !drop))
		return false;
	return sa_has_try(sa, now_ms) && ip_endpoint_equal(&sa->path->remote, &item->outer.remote);
}

/* Adds ranges * 2^n; false: beyond the last number. */
static bool next_candidate(const struct sa *sa, uint64_t ranges, uint64_t *sequence)
{
	uint64_t range = ranges << sa->diet.sn_bits;

	if (*sequence > sa->sequence_max || sa->sequence_max - *sequence < range)
		return false;
	*sequence += range;
	return true;
}

/* A refused open has destroyed the ciphertext: every attempt begins with the copy. */
static enum drop open_copy(const struct ipsec *ipsec, struct sa *sa, uint64_t sequence,
	struct buf *pkt, struct slice at)
{
	enum drop drop = replay_check(&sa->replay, sequence);

	if (drop)
		return drop;
	pkt->data = (uint8_t *)(uintptr_t)at.data;
	pkt->len = at.len;
	memcpy(pkt->data, ipsec->spare, at.len);
	return esp_open(sa, sequence, pkt);
}

static bool found(const struct ipsec *ipsec, struct sa *sa, struct buf *pkt, struct slice at,
	uint64_t candidate)
{
	if (open_copy(ipsec, sa, candidate, pkt, at))
		return false;
	sa->far_try = 0;
	sa->counters.resyncs++;
	sa->notices |= SA_NOTICE_RESYNC;
	return true;
}

/*
 * A manual key has no other way back after a long silence: each packet in vain after the first is
 * tried one range further than the one before it, so that as many packets reach any gap. The
 * distance grows by one range in 2^n packets only. Not where no bits travel: there it grows as fast
 * as the search.
 */
static bool look_far(const struct ipsec *ipsec, struct sa *sa, struct batch_item *item,
	uint64_t now_ms, struct slice at, uint64_t *sequence)
{
	uint64_t candidate = *sequence;

	if (!sa->diet.sn_bits || !sa->icv_burst || !sa_has_try(sa, now_ms))
		return false;
	if (sa->far_try < sa_resync_tries(sa) || sa->far_try == FAR_MAX)
		sa->far_try = (uint16_t)sa_resync_tries(sa);
	sa->far_try++;
	if (!next_candidate(sa, sa->far_try, &candidate) || !sa_take_try(sa, now_ms) ||
		!found(ipsec, sa, item->pkt, at, candidate))
		return false;
	*sequence = candidate;
	return true;
}

static bool look_ahead(const struct ipsec *ipsec, struct sa *sa, struct batch_item *item,
	uint64_t now_ms, struct slice at, uint64_t *sequence)
{
	uint64_t candidate = *sequence;

	for (unsigned i = sa_resync_tries(sa); i > 0; i--) {
		if (!next_candidate(sa, 1, &candidate) || !sa_take_try(sa, now_ms))
			return false;
		if (found(ipsec, sa, item->pkt, at, candidate)) {
			*sequence = candidate;
			return true;
		}
	}
	return look_far(ipsec, sa, item, now_ms, at, sequence);
}

enum drop resync_open(struct ipsec *ipsec, struct sa *sa, struct batch_item *item, uint64_t now_ms,
	uint64_t *sequence)
{
	struct slice at = {item->pkt->data, item->pkt->len};
	enum drop drop = replay_check(&sa->replay, *sequence);
	bool ahead = at.len <= BUF_MAX && may_look_ahead(sa, item, now_ms, drop);

	if (ahead)
		memcpy(ipsec->spare, at.data, at.len);
	if (!drop)
		drop = esp_open(sa, *sequence, item->pkt);
	if (!ahead || drop == DROP_NONE || drop == DROP_ESP_SHORT || drop == DROP_CRYPTO)
		return drop;
	/* What was refused first is the reason: the further numbers are only guesses. */
	return look_ahead(ipsec, sa, item, now_ms, at, sequence) ? DROP_NONE : drop;
}
