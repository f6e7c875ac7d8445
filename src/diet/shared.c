/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of compiled rules, counted by their users: SAs that look alike hold the same one. */
#include "diet/shared.h"

#include "base/map.h"
#include "base/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct diet_shared {
	unsigned users; /* who was given it, and every block */
	struct map blocks;
};

static bool same_end(const void *value, const void *key)
{
	const struct schc_end *a = value;
	const struct schc_end *b = key;

	return a->di == b->di && a->has_dev_iid == b->has_dev_iid &&
	       a->has_app_iid == b->has_app_iid && !memcmp(a->dev_iid, b->dev_iid, SCHC_IID_LEN) &&
	       !memcmp(a->app_iid, b->app_iid, SCHC_IID_LEN);
}

static uint64_t hash_of(const struct schc_end *end)
{
	uint64_t flags = end->has_dev_iid * 2u + end->has_app_iid * 4u + (end->di == SCHC_DI_UP);

	return map_mix(map_mix(get_be64(end->dev_iid) ^ flags) ^ get_be64(end->app_iid));
}

struct diet_shared *diet_shared_create(void)
{
	struct diet_shared *shared = calloc(1, sizeof *shared);

	if (!shared)
		return NULL;
	map_init(&shared->blocks, same_end);
	shared->users = 1;
	return shared;
}

static struct diet_shared *hold(struct diet_shared *shared)
{
	shared->users++;
	return shared;
}

void diet_shared_release(struct diet_shared *shared)
{
	if (!shared || --shared->users)
		return;
	map_fini(&shared->blocks);
	free(shared);
}

/* Whether a rule looks at interface identifiers: devIID or appIID. */
static bool asks_iid(const struct schc_rule_set *rules, enum schc_cda cda)
{
	for (unsigned r = 0; r < rules->n; r++)
		for (unsigned f = 0; f < rules->rule[r].n; f++)
			if (rules->rule[r].field[f].cda == cda)
				return true;
	return false;
}

/* What no rule asks for does not make two ends different. */
static struct schc_end relevant(const struct schc_rule_set *rules, const struct schc_end *end)
{
	struct schc_end out = *end;

	if (!asks_iid(rules, SCHC_CDA_DEVIID) || !end->has_dev_iid) {
		out.has_dev_iid = false;
		memset(out.dev_iid, 0, sizeof out.dev_iid);
	}
	if (!asks_iid(rules, SCHC_CDA_APPIID) || !end->has_app_iid) {
		out.has_app_iid = false;
		memset(out.app_iid, 0, sizeof out.app_iid);
	}
	return out;
}

static int add_block(
	struct diet_shared *shared, const struct schc_rule_set *rules, struct diet_block *block)
{
	int err = schc_set_compile(&block->set, rules, &block->end);

	if (err)
		return err;
	err = map_add(&shared->blocks, hash_of(&block->end), block);
	if (err) {
		schc_set_free(block->set);
		return err;
	}
	block->shared = hold(shared);
	return 0;
}

int diet_shared_take(struct diet_shared *shared, const struct schc_rule_set *rules,
	const struct schc_end *end, struct diet_block **block)
{
	struct schc_end key = relevant(rules, end);
	struct diet_block *found = map_find(&shared->blocks, hash_of(&key), &key);
	int err;

	if (!found) {
		found = calloc(1, sizeof *found);
		if (!found)
			return -ENOMEM;
		found->end = key;
		err = add_block(shared, rules, found);
		if (err) {
			free(found);
			return err;
		}
	}
	found->users++;
	*block = found;
	return 0;
}

void diet_shared_give(struct diet_block *block)
{
	if (--block->users)
		return;
	map_remove(&block->shared->blocks, hash_of(&block->end), &block->end);
	diet_shared_release(block->shared);
	schc_set_free(block->set);
	free(block);
}
