/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in fragments: cut and sealed, collected within bounds and put together (RFC 7383). */
#include "ikev2/fragment.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct part {
	uint8_t *octets; /* NULL: not there yet */
	size_t len;
};

struct assembly {
	struct list link;
	struct fragment_pool *pool;
	struct assembly **place;
	uint64_t began_ms;
	size_t octets, charged;
	uint32_t id;
	bool response;
	uint8_t first;
	uint16_t total, have;
	struct part parts[];
};

void fragment_pool_init(struct fragment_pool *pool, size_t max)
{
	list_init(&pool->all);
	pool->octets = 0;
	pool->max = max;
}

static void drop(struct assembly *a)
{
	for (size_t i = 0; i < a->total; i++) {
		if (a->parts[i].octets)
			secret_wipe(a->parts[i].octets, a->parts[i].len);
		free(a->parts[i].octets);
	}
	*a->place = NULL;
	a->pool->octets -= a->charged;
	list_remove(&a->link);
	free(a);
}

void fragment_pool_fini(struct fragment_pool *pool)
{
	list_each_safe (node, &pool->all)
		drop(container_of(node, struct assembly, link));
}

bool fragment_expire(struct fragment_pool *pool, uint64_t now_ms)
{
	list_each_safe (node, &pool->all) {
		struct assembly *a = container_of(node, struct assembly, link);

		if (now_ms - a->began_ms >= FRAGMENT_LIFE_MS)
			drop(a);
	}
	return !list_empty(&pool->all);
}

void fragment_forget(struct assembly **place)
{
	if (*place)
		drop(*place);
}

static bool is_response(const struct message *m)
{
	return m->flags & MESSAGE_FLAG_RESPONSE;
}

static bool is_of(const struct assembly *a, const struct message *m)
{
	return a && a->id == m->id && a->response == is_response(m);
}

int fragment_check(const struct assembly *have, const struct message *m, const struct payloads *p)
{
	uint16_t number;
	uint16_t total;

	if (p->sk_type == PAYLOAD_SK)
		return 0;
	if (p->sk_type != PAYLOAD_SKF || p->sk.len < FRAGMENT_HEADER_LEN)
		return -EINVAL;
	number = get_be16(p->sk.data);
	total = get_be16(p->sk.data + 2);
	if (!number || number > total || total > FRAGMENTS_MAX)
		return -EINVAL;
	if (!is_of(have, m) || total > have->total)
		return 0;
	/* Fewer than before: that one was sent earlier, the peer has found a narrower path. */
	if (total < have->total)
		return -EINVAL;
	return have->parts[number - 1].octets ? -EALREADY : 0;
}

/* The oldest others make room for need octets more. */
static bool charge(struct fragment_pool *pool, const struct assembly *keep, size_t need)
{
	list_each_safe (node, &pool->all) {
		struct assembly *a = container_of(node, struct assembly, link);

		if (pool->octets + need <= pool->max)
			break;
		if (a != keep)
			drop(a);
	}
	if (pool->octets + need > pool->max)
		return false;
	pool->octets += need;
	return true;
}

static struct assembly *create(struct fragment_pool *pool, struct assembly **place,
	const struct fragment *f, uint16_t total)
{
	size_t size = sizeof(struct assembly) + total * sizeof(struct part);
	struct assembly *a = charge(pool, NULL, size) ? calloc(1, size) : NULL;

	if (!a)
		return NULL;
	a->pool = pool;
	a->place = place;
	a->charged = size;
	a->began_ms = f->now_ms;
	a->id = f->message->id;
	a->response = is_response(f->message);
	a->total = total;
	list_append(&pool->all, &a->link);
	*place = a;
	return a;
}

static int store(struct assembly *a, const struct fragment *f, size_t len)
{
	uint16_t number = get_be16(f->outer->sk.data);
	struct part *part = &a->parts[number - 1];

	if (a->octets + len > FRAGMENT_OCTETS_MAX)
		return -EMSGSIZE;
	if (!charge(a->pool, a, len))
		return -ENOMEM;
	a->charged += len;
	part->octets = malloc(len ? len : 1);
	if (!part->octets)
		return -ENOMEM;
	memcpy(part->octets, f->plain, len);
	part->len = len;
	a->octets += len;
	a->have++;
	if (number == 1)
		a->first = f->outer->next_sk;
	return a->have == a->total ? 0 : -EINPROGRESS;
}

static void join(const struct assembly *a, uint8_t *plain, struct opened *out)
{
	out->len = 0;
	out->first = a->first;
	for (size_t i = 0; i < a->total; i++) {
		memcpy(plain + out->len, a->parts[i].octets, a->parts[i].len);
		out->len += a->parts[i].len;
	}
}

/* The tag has verified: what is older than this fragment makes place for it. */
static int take(struct fragment_pool *pool, struct assembly **place, const struct fragment *f,
	struct opened *out)
{
	uint16_t total = get_be16(f->outer->sk.data + 2);
	struct assembly *a = *place;
	int r;

	if (a && (!is_of(a, f->message) || total > a->total)) {
		drop(a);
		a = NULL;
	}
	if (!a)
		a = create(pool, place, f, total);
	if (!a)
		return -ENOMEM;
	r = store(a, f, out->len);
	if (!r)
		join(a, f->plain, out);
	if (r != -EINPROGRESS)
		drop(a);
	return r;
}

int fragment_open(struct fragment_pool *pool, struct assembly **place, const struct fragment *f,
	struct opened *out)
{
	int r = fragment_check(*place, f->message, f->outer);

	if (r)
		return r;
	if (f->outer->sk_type == PAYLOAD_SKF && *place &&
		(*place)->response != is_response(f->message))
		return -EBUSY;
	if (message_open(f->message, f->outer, f->key, f->plain, &out->len))
		return -EBADMSG;
	if (f->outer->sk_type == PAYLOAD_SKF)
		return take(pool, place, f, out);
	out->first = f->outer->next_sk;
	/* One message never comes both ways at once: the whole one counts. */
	if (is_of(*place, f->message))
		drop(*place);
	return 0;
}

static uint16_t count(size_t len, size_t room)
{
	return (uint16_t)((len + room - 1) / room);
}

/* All payloads wait at the end of the block while the fragments grow from its beginning. */
static size_t cut(struct message_writer *w, struct aead_key *key, uint64_t *iv, size_t limit)
{
	size_t room = limit - message_overhead(key->suite) - FRAGMENT_HEADER_LEN;
	size_t left = w->payloads.len;
	uint16_t total = count(left, room);
	uint8_t *from = w->data + w->cap - left;
	uint8_t *to = w->data;

	if (total > FRAGMENTS_MAX || total * limit + left > w->cap)
		return 0;
	memmove(from, w->payloads.data, left);
	for (uint16_t number = 1; number <= total; number++) {
		struct slice part = {from, left < room ? left : room};
		size_t n = message_seal_fragment(
			w, key, (*iv)++, &(struct message_fragment){to, number, total, part});

		if (!n)
			return 0;
		to += n;
		from += part.len;
		left -= part.len;
	}
	return (size_t)(to - w->data);
}

size_t fragment_end(struct message_writer *w, struct aead_key *key, uint64_t *iv, size_t limit)
{
	if (!w->sealed || w->payloads.overflow || !limit ||
		message_overhead(key->suite) + w->payloads.len <= limit)
		return message_end(w, key, (*iv)++);
	return cut(w, key, iv, limit);
}
