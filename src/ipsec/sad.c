/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security association database, RFC 4301 4.4.2: inbound by the SPI's prefix code or by source
 * address, outbound by policy, by id, and a heap of deadlines.
 */
#include "ipsec/sad.h"

#include "base/list.h"
#include "base/map.h"
#include "base/wire.h"
#include "esp/sa.h"
#include "esp/spi.h"
#include "ip/addr.h"
#include "ip/ts.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* An id is a slot and the slot's generation, so that an old id names nobody for a long time. */
enum {
	SLOT_BITS = 20,
	SLOT_MASK = (1 << SLOT_BITS) - 1,
	GENERATION_MAX = (1 << (32 - SLOT_BITS)) - 1,
	FREE_MIN = 256, /* slots that rest before the first is used again */
};

#define NO_SLOT UINT32_MAX

struct slot {
	struct sa *sa; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

/* All raw ESP from this address means this SA. */
struct source {
	struct ip_addr addr;
	struct sa *sa;
};

struct sad {
	struct spi_table *spis;
	struct map sources;
	size_t n_raw; /* inbound SAs of raw ESP that are found by their SPI */
	struct slot *slots;
	size_t n_slots, cap, count;
	uint32_t first_free, last_free; /* a queue: the slot free for longest goes first */
	size_t n_free;
	struct sa **heap; /* by due_ms, earliest first */
	size_t n_heap;
};

static bool source_is_at(const void *value, const void *key)
{
	return ip_addr_equal(&((const struct source *)value)->addr, key);
}

/* Only keying puts addresses in, so that strangers cannot make the table slow. */
static uint64_t addr_hash(const struct ip_addr *addr)
{
	if (addr->family == 4)
		return map_mix(get_be32(addr->bytes));
	return map_mix(map_mix(get_be64(addr->bytes)) ^ get_be64(addr->bytes + 8));
}

struct sad *sad_create(struct spi_table *spis)
{
	struct sad *sad = calloc(1, sizeof(*sad));

	if (!sad)
		return NULL;
	sad->spis = spis;
	map_init(&sad->sources, source_is_at);
	sad->first_free = NO_SLOT;
	sad->last_free = NO_SLOT;
	return sad;
}

void sad_destroy(struct sad *sad)
{
	size_t at = 0;

	if (!sad)
		return;
	for (void *source; (source = map_next(&sad->sources, &at));)
		free(source);
	map_fini(&sad->sources);
	for (size_t i = 0; i < sad->n_slots; i++) {
		struct sa *sa = sad->slots[i].sa;

		if (sa && sa->dir == SA_IN && !sad_has_source(sa))
			spi_release(sad->spis, sa->spi);
		sa_destroy(sa);
	}
	free(sad->slots);
	free(sad->heap);
	free(sad);
}

static bool may_reuse(const struct sad *sad)
{
	return sad->n_free >= FREE_MIN || (sad->n_free && sad->n_slots > SLOT_MASK);
}

/* The heap grows with the slots, so that filing a deadline never fails. */
static int make_room(struct sad *sad)
{
	size_t cap = sad->cap ? 2 * sad->cap : 16;
	struct slot *slots;
	struct sa **heap;

	if (may_reuse(sad) || sad->n_slots < sad->cap)
		return 0;
	if (sad->n_slots > SLOT_MASK)
		return -ENOSPC;
	slots = realloc(sad->slots, cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	sad->slots = slots;
	heap = realloc(sad->heap, cap * sizeof(struct sa *));
	if (!heap)
		return -ENOMEM;
	sad->heap = heap;
	sad->cap = cap;
	return 0;
}

static uint32_t take_slot(struct sad *sad)
{
	uint32_t index = sad->first_free;

	if (!may_reuse(sad)) {
		index = (uint32_t)sad->n_slots++;
		sad->slots[index] = (struct slot){.generation = 0};
		return index;
	}
	sad->first_free = sad->slots[index].next_free;
	if (--sad->n_free == 0)
		sad->last_free = NO_SLOT;
	return index;
}

static void give_slot(struct sad *sad, uint32_t index)
{
	sad->slots[index].sa = NULL;
	sad->slots[index].next_free = NO_SLOT;
	if (sad->last_free == NO_SLOT)
		sad->first_free = index;
	else
		sad->slots[sad->last_free].next_free = index;
	sad->last_free = index;
	sad->n_free++;
}

static void file_by_id(struct sad *sad, struct sa *sa)
{
	uint32_t index = take_slot(sad);
	struct slot *slot = &sad->slots[index];

	slot->generation = slot->generation < GENERATION_MAX ? slot->generation + 1 : 1;
	slot->sa = sa;
	sa->id = slot->generation << SLOT_BITS | index;
	sad->count++;
}

static void heap_set(struct sad *sad, size_t at, struct sa *sa)
{
	sad->heap[at] = sa;
	sa->deadline_index = (uint32_t)at + 1;
}

static void heap_up(struct sad *sad, size_t at)
{
	struct sa *sa = sad->heap[at];

	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (sad->heap[parent]->due_ms <= sa->due_ms)
			break;
		heap_set(sad, at, sad->heap[parent]);
		at = parent;
	}
	heap_set(sad, at, sa);
}

static void heap_down(struct sad *sad, size_t at)
{
	struct sa *sa = sad->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= sad->n_heap)
			break;
		if (child + 1 < sad->n_heap &&
			sad->heap[child + 1]->due_ms < sad->heap[child]->due_ms)
			child++;
		if (sa->due_ms <= sad->heap[child]->due_ms)
			break;
		heap_set(sad, at, sad->heap[child]);
		at = child;
	}
	heap_set(sad, at, sa);
}

static void heap_add(struct sad *sad, struct sa *sa)
{
	sa->due_ms = sa_deadline(sa);
	if (sa->due_ms == UINT64_MAX)
		return;
	heap_set(sad, sad->n_heap, sa);
	heap_up(sad, sad->n_heap++);
}

static void heap_remove(struct sad *sad, struct sa *sa)
{
	size_t at = sa->deadline_index;
	struct sa *last;

	if (at == 0)
		return;
	sa->deadline_index = 0;
	last = sad->heap[--sad->n_heap];
	if (last == sa)
		return;
	heap_set(sad, at - 1, last);
	heap_up(sad, at - 1);
	heap_down(sad, last->deadline_index - 1);
}

static bool are_equal(const struct ts *a, size_t n_a, const struct ts *b, size_t n_b)
{
	bool equal = n_a == n_b;

	for (size_t i = 0; equal && i < n_a; i++)
		equal = ts_equal(&a[i], &b[i]);
	return equal;
}

/* The usual case: keying has negotiated what the policy says, and one copy is enough. */
static void lend_selectors(const struct policy *policy, struct sa *sa)
{
	if (are_equal(policy->local, policy->n_local, sa_ts_local(sa), sa->n_ts_local) &&
		are_equal(policy->remote, policy->n_remote, sa_ts_remote(sa), sa->n_ts_remote))
		sa_lend_selectors(sa, policy->local);
}

static void file_by_policy(struct policy *policy, struct sa *sa)
{
	lend_selectors(policy, sa);
	sa->path = policy->path;
	sa->tunnel = policy->tunnel;
	list_append(&policy->sas, &sa->by_policy);
	if (sa->dir == SA_OUT && sa->fallback)
		policy->out_fallback = sa;
	else if (sa->dir == SA_OUT)
		policy->out = sa;
}

bool sad_has_source(const struct sa *sa)
{
	return sa->dir == SA_IN && sa->diet.spi_bits == 0;
}

static bool is_raw(const struct sa *sa)
{
	return sa->dir == SA_IN && sa->encap == SA_ENCAP_ESP;
}

struct sa *sad_find_source(const struct sad *sad, const struct ip_addr *remote)
{
	const struct source *source;

	if (!sad->sources.used)
		return NULL;
	source = map_find(&sad->sources, addr_hash(remote), remote);
	return source ? source->sa : NULL;
}

/* Somebody's raw ESP from there is found by its SPI, and would not be any more. */
static bool has_neighbour(const struct sad *sad, const struct ip_addr *remote)
{
	const struct sa *sa;
	size_t at = 0;

	if (!sad->n_raw)
		return false;
	while ((sa = sad_next(sad, &at)))
		if (is_raw(sa) && ip_addr_equal(&sa->path->remote.addr, remote))
			return true;
	return false;
}

static int add_source(struct sad *sad, const struct ip_addr *remote, struct sa *sa)
{
	struct source *source;

	if (!is_raw(sa) || !remote->family)
		return -EINVAL;
	if (has_neighbour(sad, remote))
		return -EADDRINUSE;
	source = malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;
	*source = (struct source){*remote, sa};
	if (map_add(&sad->sources, addr_hash(remote), source)) {
		free(source);
		return -ENOMEM;
	}
	return 0;
}

/* The path may already lead elsewhere. */
static void remove_source(struct sad *sad, const struct sa *sa)
{
	struct source *source;
	size_t at = 0;

	do
		source = map_next(&sad->sources, &at);
	while (source && source->sa != sa);
	if (!source)
		return;
	map_remove(&sad->sources, addr_hash(&source->addr), &source->addr);
	free(source);
}

static int add_inbound(struct sad *sad, const struct ip_addr *remote, struct sa *sa)
{
	int error;

	if (is_raw(sa) && sad_find_source(sad, remote))
		return -EADDRINUSE;
	if (sad_has_source(sa))
		return add_source(sad, remote, sa);
	error = spi_bind(sad->spis, sa->spi, sa->diet.spi_bits, sa);
	if (!error)
		sad->n_raw += is_raw(sa);
	return error;
}

static void remove_inbound(struct sad *sad, const struct sa *sa)
{
	if (sad_has_source(sa)) {
		remove_source(sad, sa);
		return;
	}
	spi_release(sad->spis, sa->spi);
	sad->n_raw -= is_raw(sa);
}

int sad_add(struct sad *sad, struct policy *policy, const struct ip_addr *remote, struct sa *sa)
{
	int error;

	if (!policy)
		return -ENOENT;
	error = make_room(sad);
	if (error)
		return error;
	if (sa->dir == SA_IN) {
		error = add_inbound(sad, remote, sa);
		if (error)
			return error;
	}
	file_by_id(sad, sa);
	file_by_policy(policy, sa);
	heap_add(sad, sa);
	return 0;
}

/* The newest SA that is left takes over what the removed one did. */
static void choose_out(struct policy *policy)
{
	policy->out = NULL;
	policy->out_fallback = NULL;
	list_each (node, &policy->sas) {
		struct sa *sa = container_of(node, struct sa, by_policy);

		if (sa->dir == SA_OUT && sa->fallback)
			policy->out_fallback = sa;
		else if (sa->dir == SA_OUT)
			policy->out = sa;
	}
}

void sad_remove(struct sad *sad, struct spd *spd, struct sa *sa)
{
	struct policy *policy = spd_find(spd, sa->policy);

	if (sa->dir == SA_IN)
		remove_inbound(sad, sa);
	heap_remove(sad, sa);
	list_remove(&sa->by_policy);
	list_remove(&sa->notice_link);
	if (policy)
		choose_out(policy);
	give_slot(sad, sa->id & SLOT_MASK);
	sad->count--;
	sa_destroy(sa);
}

struct sa *sad_find(const struct sad *sad, sa_id id)
{
	size_t index = id & SLOT_MASK;
	struct sa *sa = index < sad->n_slots ? sad->slots[index].sa : NULL;

	return sa && sa->id == id ? sa : NULL;
}

struct sa *sad_find_inbound(const struct sad *sad, const uint8_t *wire, size_t len)
{
	return spi_find(sad->spis, wire, len);
}

struct sa *sad_next(const struct sad *sad, size_t *at)
{
	while (*at < sad->n_slots) {
		struct sa *sa = sad->slots[(*at)++].sa;

		if (sa)
			return sa;
	}
	return NULL;
}

size_t sad_count(const struct sad *sad)
{
	return sad->count;
}

uint64_t sad_next_deadline(const struct sad *sad)
{
	return sad->n_heap ? sad->heap[0]->due_ms : UINT64_MAX;
}

/* An SA whose packets or octets ran out first was told already: it only moves in the heap. */
struct sa *sad_take_due(struct sad *sad, uint64_t now_ms)
{
	while (sad->n_heap) {
		struct sa *sa = sad->heap[0];
		uint32_t told = sa->told;

		if (sa->due_ms > now_ms)
			return NULL;
		sa_expire(sa, now_ms);
		heap_remove(sad, sa);
		heap_add(sad, sa);
		if (sa->told != told)
			return sa;
	}
	return NULL;
}
