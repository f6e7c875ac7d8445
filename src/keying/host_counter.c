/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of keys that outlive the process: reserved on disk before they are used (trust.md 4.1 and
 * 5.2). */
#include "keying/instance.h"

#include "base/log.h"
#include "base/wire.h"
#include "esp/sa.h"
#include "io/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "keying"

enum {
	VALUE_LEN = 8,
	AGAIN_MS = 1000, /* after a failed write, and at the latest for a received number */
	UNDER_WAY_MAX = 2,
};

static const char *row_name(char out[STATE_NAME_MAX + 1], uint8_t dir, const uint8_t *digest)
{
	size_t n =
		(size_t)snprintf(out, STATE_NAME_MAX, "core/%s/", dir == SA_OUT ? "seq" : "seen");

	for (size_t i = 0; i < HOST_DIGEST_LEN; i++)
		n += (size_t)snprintf(out + n, STATE_NAME_MAX + 1 - n, "%02x", digest[i]);
	return out;
}

const char *counter_key_name(const uint8_t *digest, char out[9])
{
	snprintf(out, 9, "%08x", get_be32(digest));
	return out;
}

static uint8_t other(uint8_t dir)
{
	return dir == SA_OUT ? SA_IN : SA_OUT;
}

/* 0, -ENOENT, -EBADMSG (not a counter), -EIO. */
static int row_load(struct state *state, uint8_t dir, const uint8_t *digest, uint64_t *value)
{
	char name[STATE_NAME_MAX + 1];
	uint8_t octets[VALUE_LEN];
	size_t len;
	int r = state_load(state, row_name(name, dir, digest), octets, sizeof octets, &len);

	if (r == -EMSGSIZE || (!r && len != sizeof octets))
		return -EBADMSG;
	if (r)
		return r;
	*value = get_be64(octets);
	return dir == SA_OUT && *value == 0 ? -EBADMSG : 0;
}

static void remember(struct peer_slot *slot, const struct host_sa *sa)
{
	for (size_t i = 0; i < slot->n_pending; i++)
		if (!memcmp(slot->pending[i].digest, sa->digest, HOST_DIGEST_LEN))
			return;
	if (slot->n_pending == HOST_PENDING_MAX)
		return;
	slot->pending[slot->n_pending].dir = sa->dir;
	memcpy(slot->pending[slot->n_pending++].digest, sa->digest, HOST_DIGEST_LEN);
}

static void explain(struct peer_slot *slot, const struct host_sa *sa, const char *what)
{
	char key[9];

	snprintf(slot->trouble, sizeof slot->trouble, "%s key %s %s",
		sa->dir == SA_OUT ? "sending" : "receiving", counter_key_name(sa->digest, key),
		what);
}

/*
 * An SA of this key may have gone a moment ago, its last word not yet on disk. Sending goes on from
 * that word: nothing is used before a reservation above it, which is written after it.
 */
static uint64_t newest(const struct host *host, const struct host_sa *sa, uint64_t value)
{
	list_each (node, &host->saves) {
		const struct host_save *save = container_of(node, struct host_save, link);

		if (save->instance || save->dir != sa->dir ||
			memcmp(save->digest, sa->digest, HOST_DIGEST_LEN) != 0)
			continue;
		if (sa->dir == SA_OUT ? save->last : save->value > value)
			value = save->value;
	}
	return value;
}

int counter_load(struct peer_slot *slot, const struct host_sa *sa, uint64_t *value)
{
	struct host *host = slot->instance->host;
	struct state *state = host_state(host, slot->trouble, sizeof slot->trouble);
	uint64_t unused;
	int r;

	if (!state)
		return -EIO;
	/* Its numbers are somebody else's: the other end has sent under it, or we have. */
	if (row_load(state, other(sa->dir), sa->digest, &unused) != -ENOENT) {
		explain(slot, sa, "was used in the other direction: put in a new key");
		return -ENOKEY;
	}
	r = row_load(state, sa->dir, sa->digest, value);
	if (r == -ENOENT) {
		remember(slot, sa);
		explain(slot, sa,
			"has no record: if it was never used, run `dietvpn sa fresh-key PEER` "
			"once, "
			"else put in a new key");
		return -ENOKEY;
	}
	if (r) {
		explain(slot, sa, "has a damaged or unreadable record: put in a new key");
		return -EIO;
	}
	*value = newest(host, sa, *value);
	return 0;
}

int counter_create(struct state *state, const struct pending_key *key)
{
	char name[STATE_NAME_MAX + 1];
	uint8_t octets[VALUE_LEN];
	uint64_t unused;
	int r = row_load(state, other(key->dir), key->digest, &unused);

	if (r != -ENOENT)
		return r == 0 || r == -EBADMSG ? -EEXIST : r;
	put_be64(octets, key->dir == SA_OUT ? 1 : 0);
	return state_create(
		state, row_name(name, key->dir, key->digest), (struct slice){octets, VALUE_LEN});
}

static void on_timer(uv_timer_t *timer);

static void arm(struct host_sa *sa)
{
	if (!uv_is_active((uv_handle_t *)sa->timer))
		uv_timer_start(sa->timer, on_timer, AGAIN_MS, 0);
}

static void failed(struct host_sa *sa, int error)
{
	struct peer_slot *slot = key_find(&sa->instance->host->slots, sa->policy);

	if (!sa->failing)
		log_error("%s: numbers of its key cannot be written: %s; %s",
			slot ? slot->peer->name : "?", strerror(-error),
			sa->dir == SA_OUT ? "sending stops where the record ends"
					  : "a crash now lets received packets be replayed");
	sa->failing = true;
	if (slot)
		snprintf(slot->trouble, sizeof slot->trouble, "state store: %s", strerror(-error));
	arm(sa);
}

static void recovered(struct host_sa *sa)
{
	struct peer_slot *slot = key_find(&sa->instance->host->slots, sa->policy);

	if (!sa->failing)
		return;
	sa->failing = false;
	log_info("%s: numbers of its key are written again", slot ? slot->peer->name : "?");
	if (slot && !slot->n_pending)
		slot->trouble[0] = '\0';
}

static int put(struct host_sa *sa, uint64_t value, bool last, state_saved *done)
{
	char name[STATE_NAME_MAX + 1];
	uint8_t octets[VALUE_LEN];
	struct host_save save = {
		.sa = sa->id,
		.dir = sa->dir,
		.last = last,
		.value = value,
		.asked_ms = dataplane_now_ms(),
	};

	memcpy(save.digest, sa->digest, HOST_DIGEST_LEN);
	put_be64(octets, value);
	return host_save(sa->instance->host, &save, row_name(name, sa->dir, sa->digest),
		(struct slice){octets, sizeof octets}, done);
}

/* Numbers per second since the last reservation; less than a millisecond counts as one. */
static uint64_t rate(const struct host_sa *sa, const struct sa *esp, uint64_t now_ms)
{
	uint64_t used = esp->sequence > sa->marked ? esp->sequence - sa->marked : 0;
	uint64_t elapsed = now_ms > sa->marked_ms ? now_ms - sa->marked_ms : 1;

	return used * 1000 / elapsed;
}

static void reserved(void *owner, int error);

static void ask(struct host_sa *sa, struct sa *esp, uint64_t block)
{
	uint64_t value = sa->ceiling + block;
	int r;

	if (value > esp->sequence_max + 1)
		value = esp->sequence_max + 1;
	if (value <= sa->ceiling || sa->under_way == UNDER_WAY_MAX)
		return;
	r = put(sa, value, false, reserved);
	if (r) {
		failed(sa, r);
		return;
	}
	sa->ceiling = value;
	sa->under_way++;
}

/*
 * A second block at once where the first may be used up before it is on disk, unless both together
 * lead further than the peer can follow after a crash.
 */
static void reserve(struct host_sa *sa, struct sa *esp)
{
	uint64_t now_ms = dataplane_now_ms();
	uint64_t per_s = rate(sa, esp, now_ms);
	uint64_t block = sa_reservation_block(esp, per_s);
	uint64_t jump = 2 * sa_reservation_block(esp, UINT32_MAX);

	ask(sa, esp, block);
	if (per_s * sa->commit_ms / 1000 >= block / 2 &&
		sa->ceiling + block - esp->sequence <= jump)
		ask(sa, esp, block);
	sa->marked = esp->sequence;
	sa->marked_ms = now_ms;
}

static struct host_sa *find(const struct host_save *save)
{
	return key_find(&save->host->sas, save->sa);
}

static void reserved(void *owner, int error)
{
	struct host_save *save = owner;
	struct host_sa *sa = host_save_take(save) ? find(save) : NULL;
	struct sa *esp = sa ? host_sa_esp(sa) : NULL;

	if (esp) {
		sa->under_way--;
		if (error) {
			/* What failed is asked for again, not more: the peer must not be left
			 * behind. */
			if (!sa->under_way)
				sa->ceiling = sa->stored;
			failed(sa, error);
		} else {
			sa->commit_ms = dataplane_now_ms() - save->asked_ms;
			sa_set_ceiling(esp, save->value, save->value - sa->stored);
			sa->stored = save->value;
			recovered(sa);
			host_kick(save->host);
		}
	}
	free(save);
}

static void seen(void *owner, int error)
{
	struct host_save *save = owner;
	struct host_sa *sa = host_save_take(save) ? find(save) : NULL;

	if (sa && error) {
		sa->ceiling = sa->stored;
		failed(sa, error);
	} else if (sa) {
		sa->stored = save->value;
		recovered(sa);
	}
	free(save);
}

static void store(struct host_sa *sa, struct sa *esp)
{
	int r;

	uv_timer_stop(sa->timer);
	esp->store_at = esp->replay.highest + 1; /* the next packet starts the clock again */
	if (esp->replay.highest <= sa->ceiling)
		return;
	r = put(sa, esp->replay.highest, false, seen);
	if (r)
		failed(sa, r);
	else
		sa->ceiling = esp->replay.highest;
}

static void on_timer(uv_timer_t *timer)
{
	struct host_sa *sa = timer->data;
	struct sa *esp = host_sa_esp(sa);

	if (!esp)
		return;
	if (sa->dir == SA_IN) {
		store(sa, esp);
		return;
	}
	sa_set_ceiling(esp, 0, UINT64_MAX); /* the next packet asks */
	host_kick(sa->instance->host);
}

void counter_begin(struct host_sa *sa, struct sa *esp, uint64_t value)
{
	sa->ceiling = value;
	sa->stored = value;
	sa->marked = value;
	sa->marked_ms = dataplane_now_ms();
	if (sa->dir == SA_OUT) {
		/* Nothing is reserved before the first packet: an idle restart costs no number. */
		sa_resume(esp, value - 1);
		sa_set_ceiling(esp, value, 0);
	} else {
		sa_resume(esp, value);
		esp->store_at = esp->replay.highest + 1;
	}
}

void counter_notice(struct host_sa *sa, struct sa *esp, uint32_t notices)
{
	if (notices & SA_NOTICE_RESERVE && sa->dir == SA_OUT)
		reserve(sa, esp);
	if (!(notices & SA_NOTICE_STORE) || sa->dir != SA_IN)
		return;
	if (esp->replay.highest - sa->ceiling >= esp->store_step)
		store(sa, esp);
	else
		arm(sa);
}

static void ended(void *owner, int error)
{
	struct host_save *save = owner;
	char key[9];

	if (error)
		log_warn("key %s: its last number could not be written back: %s",
			counter_key_name(save->digest, key), strerror(-error));
	host_save_take(save);
	free(save);
}

/* Below what the row says, and above all that was used: the SA takes no further number. */
void counter_end(struct host_sa *sa, const struct sa *esp)
{
	uint64_t value = sa->dir == SA_OUT ? esp->sequence + 1 : esp->replay.highest;

	if (value == sa->stored && sa->ceiling == sa->stored && !sa->under_way)
		return;
	if (put(sa, value, true, ended))
		log_warn("no memory to write a key's last number back");
}
