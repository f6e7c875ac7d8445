/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security policy database, RFC 4301 4.4.1: policies filed under the prefixes of their remote
 * selectors, so that a match costs one look-up per prefix length in use.
 */
#include "ipsec/spd.h"

#include "base/map.h"
#include "base/wire.h"
#include "ip/packet.h"
#include "ip/ts.h"
#include "ipsec/path.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LEN_MAX = 128, LEN_WORDS = LEN_MAX / 64 + 1 };

/* What a bucket is found by; bits behind len are zero. */
struct place {
	uint64_t high, low;
	uint16_t tunnel;
	uint8_t family, len;
};

struct bucket;

/* One policy in one bucket, in order of adding. */
struct link {
	struct list by_bucket;
	struct bucket *bucket;
	struct entry *entry;
};

struct bucket {
	struct place place;
	struct list links;
};

struct entry {
	struct policy policy;
	size_t at;            /* in spd.policies */
	struct ts *selectors; /* in place of those behind the links; NULL: they hold */
	size_t n_links;
	struct link links[];
};

/* Prefix lengths in use by one family. */
struct lengths {
	uint32_t count[LEN_MAX + 1];
	uint64_t used[LEN_WORDS];
};

struct spd {
	struct policy **policies; /* in order of adding; NULL where one went */
	size_t n, cap, holes;
	struct map by_id, buckets;
	struct lengths lengths4, lengths6;
};

static uint64_t place_hash(const struct place *place)
{
	uint64_t rest = (uint64_t)place->tunnel << 16 | (uint64_t)place->family << 8 | place->len;

	return map_mix(map_mix(place->high + rest * 0x9e3779b97f4a7c15) ^ place->low);
}

static bool bucket_is_at(const void *value, const void *key)
{
	const struct place *a = &((const struct bucket *)value)->place;
	const struct place *b = key;

	return a->high == b->high && a->low == b->low && a->tunnel == b->tunnel &&
	       a->family == b->family && a->len == b->len;
}

static bool policy_has_id(const void *value, const void *key)
{
	return ((const struct policy *)value)->id == *(const uint32_t *)key;
}

static struct entry *entry_of(struct policy *policy)
{
	return container_of(policy, struct entry, policy);
}

struct spd *spd_create(void)
{
	struct spd *spd = calloc(1, sizeof(*spd));

	if (!spd)
		return NULL;
	map_init(&spd->by_id, policy_has_id);
	map_init(&spd->buckets, bucket_is_at);
	return spd;
}

static void free_path(struct path *path)
{
	if (path && --path->users == 0)
		free(path);
}

static void free_entry(struct entry *entry)
{
	free_path(entry->policy.path);
	free(entry->selectors);
	free(entry);
}

void spd_destroy(struct spd *spd)
{
	size_t at = 0;

	if (!spd)
		return;
	for (void *bucket; (bucket = map_next(&spd->buckets, &at));)
		free(bucket);
	for (size_t i = 0; i < spd->n; i++)
		if (spd->policies[i])
			free_entry(entry_of(spd->policies[i]));
	map_fini(&spd->by_id);
	map_fini(&spd->buckets);
	free(spd->policies);
	free(spd);
}

static struct lengths *lengths_of(struct spd *spd, uint8_t family)
{
	return family == 4 ? &spd->lengths4 : &spd->lengths6;
}

static void lengths_add(struct lengths *lengths, uint8_t len)
{
	lengths->count[len]++;
	lengths->used[len / 64] |= (uint64_t)1 << (len % 64);
}

static void lengths_sub(struct lengths *lengths, uint8_t len)
{
	if (--lengths->count[len] == 0)
		lengths->used[len / 64] &= ~((uint64_t)1 << (len % 64));
}

/* Keeps the first n bits of x. */
static uint64_t first_bits(uint64_t x, unsigned n)
{
	return n == 0 ? 0 : n >= 64 ? x : x & ~(UINT64_MAX >> n);
}

static void cut_place(struct place *place, unsigned len)
{
	place->len = (uint8_t)len;
	place->high = first_bits(place->high, len);
	place->low = len > 64 ? first_bits(place->low, len - 64) : 0;
}

static struct place whole_place(uint8_t family, const uint8_t *bytes, uint16_t tunnel)
{
	struct place place = {.tunnel = tunnel, .family = family};

	if (family == 4) {
		place.len = 32;
		place.high = (uint64_t)get_be32(bytes) << 32;
	} else {
		place.len = LEN_MAX;
		place.high = get_be64(bytes);
		place.low = get_be64(bytes + 8);
	}
	return place;
}

static unsigned leading_zeros(uint64_t x)
{
	return x ? (unsigned)__builtin_clzll(x) : 64;
}

/* The longest prefix that holds the whole range; a range that is no prefix shares it with others.
 */
static struct place covering_place(const struct ts *ts, uint16_t tunnel)
{
	struct place place = whole_place(ts->addr_start.family, ts->addr_start.bytes, tunnel);
	struct place end = whole_place(ts->addr_end.family, ts->addr_end.bytes, tunnel);
	unsigned same = leading_zeros(place.high ^ end.high);

	if (same == 64)
		same += leading_zeros(place.low ^ end.low);
	cut_place(&place, same < place.len ? same : place.len);
	return place;
}

static struct bucket *bucket_get(struct spd *spd, const struct place *place)
{
	uint64_t hash = place_hash(place);
	struct bucket *bucket = map_find(&spd->buckets, hash, place);

	if (bucket)
		return bucket;
	bucket = malloc(sizeof(*bucket));
	if (!bucket)
		return NULL;
	bucket->place = *place;
	list_init(&bucket->links);
	if (map_add(&spd->buckets, hash, bucket)) {
		free(bucket);
		return NULL;
	}
	return bucket;
}

static void unlink_one(struct spd *spd, struct link *link)
{
	struct bucket *bucket = link->bucket;

	list_remove(&link->by_bucket);
	lengths_sub(lengths_of(spd, bucket->place.family), bucket->place.len);
	if (!list_empty(&bucket->links))
		return;
	map_remove(&spd->buckets, place_hash(&bucket->place), &bucket->place);
	free(bucket);
}

static void unlink_entry(struct spd *spd, struct entry *entry)
{
	while (entry->n_links)
		unlink_one(spd, &entry->links[--entry->n_links]);
}

static bool is_linked(const struct entry *entry, const struct bucket *bucket)
{
	for (size_t i = 0; i < entry->n_links; i++)
		if (entry->links[i].bucket == bucket)
			return true;
	return false;
}

static int link_entry(struct spd *spd, struct entry *entry)
{
	const struct policy *policy = &entry->policy;

	for (size_t i = 0; i < policy->n_remote; i++) {
		struct place place = covering_place(&policy->remote[i], policy->tunnel);
		struct bucket *bucket = bucket_get(spd, &place);
		struct link *link = &entry->links[entry->n_links];

		if (!bucket) {
			unlink_entry(spd, entry);
			return -ENOMEM;
		}
		if (is_linked(entry, bucket))
			continue;
		link->bucket = bucket;
		link->entry = entry;
		list_append(&bucket->links, &link->by_bucket);
		lengths_add(lengths_of(spd, place.family), place.len);
		entry->n_links++;
	}
	return 0;
}

/* The selectors and the name lie behind the links: as long as they have to be. */
static struct entry *alloc_entry(const struct policy_params *params)
{
	size_t n_ts = (size_t)params->n_local + params->n_remote;
	const char *end = memchr(params->name, '\0', POLICY_NAME_MAX);
	size_t name = end ? (size_t)(end - params->name) : POLICY_NAME_MAX;
	struct entry *entry =
		calloc(1, sizeof(*entry) + params->n_remote * sizeof(entry->links[0]) +
				  n_ts * sizeof(struct ts) + name + 1);
	struct ts *ts;
	char *text;

	if (!entry)
		return NULL;
	ts = (struct ts *)&entry->links[params->n_remote];
	text = (char *)&ts[n_ts];
	memcpy(ts, params->local, params->n_local * sizeof(*ts));
	memcpy(ts + params->n_local, params->remote, params->n_remote * sizeof(*ts));
	memcpy(text, params->name, name);
	entry->policy.local = ts;
	entry->policy.remote = ts + params->n_local;
	entry->policy.name = text;
	return entry;
}

static struct entry *create_entry(const struct policy_params *params, const struct policy *with)
{
	struct entry *entry = alloc_entry(params);
	struct policy *policy;

	if (!entry)
		return NULL;
	policy = &entry->policy;
	policy->id = params->id;
	policy->tunnel = params->tunnel;
	policy->action = params->action;
	policy->n_local = params->n_local;
	policy->n_remote = params->n_remote;
	policy->path = with ? with->path : calloc(1, sizeof(*policy->path));
	if (!policy->path) {
		free(entry);
		return NULL;
	}
	policy->path->users++;
	list_init(&policy->sas);
	return entry;
}

static int make_room(struct spd *spd)
{
	size_t cap = spd->cap ? 2 * spd->cap : 16;
	struct policy **grown;

	if (spd->n < spd->cap)
		return 0;
	grown = realloc(spd->policies, cap * sizeof(struct policy *));
	if (!grown)
		return -ENOMEM;
	spd->policies = grown;
	spd->cap = cap;
	return 0;
}

int spd_add(struct spd *spd, const struct policy_params *params, const struct policy *with,
	struct policy **out)
{
	struct entry *entry;

	if (!ts_list_valid(params->local, params->n_local) ||
		!ts_list_valid(params->remote, params->n_remote) ||
		params->action > POLICY_TEMPLATE)
		return -EINVAL;
	if (spd_find(spd, params->id))
		return -EEXIST;
	if (make_room(spd))
		return -ENOMEM;
	entry = create_entry(params, with);
	if (!entry)
		return -ENOMEM;
	if (link_entry(spd, entry))
		goto no_links;
	if (map_add(&spd->by_id, map_mix(params->id), &entry->policy))
		goto no_id;
	entry->at = spd->n;
	spd->policies[spd->n++] = &entry->policy;
	*out = &entry->policy;
	return 0;

no_id:
	unlink_entry(spd, entry);
no_links:
	free_entry(entry);
	return -ENOMEM;
}

int spd_set_local(struct spd *spd, uint32_t id, const struct ts *local, uint8_t n)
{
	struct policy *policy = spd_find(spd, id);
	struct entry *entry;
	struct ts *ts;

	if (!policy)
		return -ENOENT;
	if (!ts_list_valid(local, n))
		return -EINVAL;
	ts = malloc(((size_t)n + policy->n_remote) * sizeof(*ts));
	if (!ts)
		return -ENOMEM;
	memcpy(ts, local, n * sizeof(*ts));
	memcpy(ts + n, policy->remote, policy->n_remote * sizeof(*ts));
	entry = entry_of(policy);
	free(entry->selectors);
	entry->selectors = ts;
	policy->n_local = n;
	policy->local = ts;
	policy->remote = ts + n;
	return 0;
}

static void close_holes(struct spd *spd)
{
	size_t n = 0;

	for (size_t i = 0; i < spd->n; i++) {
		struct policy *policy = spd->policies[i];

		if (!policy)
			continue;
		entry_of(policy)->at = n;
		spd->policies[n++] = policy;
	}
	spd->n = n;
	spd->holes = 0;
}

/* Moving up all that follow each time would cost the square of their number. */
static void forget_order(struct spd *spd, struct policy *policy)
{
	spd->policies[entry_of(policy)->at] = NULL;
	spd->holes++;
	if (2 * spd->holes >= spd->n)
		close_holes(spd);
}

void spd_remove(struct spd *spd, uint32_t id)
{
	struct policy *policy = map_remove(&spd->by_id, map_mix(id), &id);

	if (!policy)
		return;
	assert(list_empty(&policy->sas));
	forget_order(spd, policy);
	unlink_entry(spd, entry_of(policy));
	free_entry(entry_of(policy));
}

struct policy *spd_find(const struct spd *spd, uint32_t id)
{
	return map_find(&spd->by_id, map_mix(id), &id);
}

static struct policy *match_bucket(
	const struct spd *spd, const struct place *place, const struct ip_packet *ip)
{
	const struct bucket *bucket = map_find(&spd->buckets, place_hash(place), place);

	if (!bucket)
		return NULL;
	list_each (node, &bucket->links) {
		struct policy *policy = &container_of(node, struct link, by_bucket)->entry->policy;

		if (ts_match_packet(
			    policy->local, policy->n_local, policy->remote, policy->n_remote, ip))
			return policy;
	}
	return NULL;
}

static bool list_meets(const struct ts *list, size_t n, const struct ts *ts)
{
	struct ts common;

	for (size_t i = 0; i < n; i++)
		if (ts_narrow(&list[i], ts, &common))
			return true;
	return false;
}

static struct policy *bucket_meets(const struct spd *spd, const struct place *place,
	const struct ts *local, const struct ts *remote, const struct policy *except)
{
	const struct bucket *bucket = map_find(&spd->buckets, place_hash(place), place);

	if (!bucket)
		return NULL;
	list_each (node, &bucket->links) {
		struct policy *policy = &container_of(node, struct link, by_bucket)->entry->policy;

		if (policy != except && policy->action != POLICY_TEMPLATE &&
			list_meets(policy->local, policy->n_local, local) &&
			list_meets(policy->remote, policy->n_remote, remote))
			return policy;
	}
	return NULL;
}

struct policy *spd_meets(const struct spd *spd, uint16_t tunnel, const struct ts *local,
	const struct ts *remote, const struct policy *except)
{
	const struct lengths *lengths =
		remote->addr_start.family == 4 ? &spd->lengths4 : &spd->lengths6;
	struct place place =
		whole_place(remote->addr_start.family, remote->addr_start.bytes, tunnel);

	for (unsigned len = place.len + 1u; len-- > 0;) {
		struct policy *policy;

		if (!lengths->count[len])
			continue;
		cut_place(&place, len);
		policy = bucket_meets(spd, &place, local, remote, except);
		if (policy)
			return policy;
	}
	return NULL;
}

struct policy *spd_match(const struct spd *spd, uint16_t tunnel, const struct ip_packet *ip)
{
	const struct lengths *lengths = ip->version == 4 ? &spd->lengths4 : &spd->lengths6;
	struct place place = whole_place(ip->version, ip->dst, tunnel);

	for (unsigned word = LEN_WORDS; word-- > 0;) {
		uint64_t left = lengths->used[word];

		while (left) {
			unsigned bit = 63 - leading_zeros(left);
			struct policy *policy;

			left &= ~((uint64_t)1 << bit);
			cut_place(&place, word * 64 + bit);
			policy = match_bucket(spd, &place, ip);
			if (policy)
				return policy;
		}
	}
	return NULL;
}

struct policy *spd_next(const struct spd *spd, size_t *at)
{
	while (*at < spd->n) {
		struct policy *policy = spd->policies[(*at)++];

		if (policy)
			return policy;
	}
	return NULL;
}
