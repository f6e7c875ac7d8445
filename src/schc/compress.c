/* SPDX-License-Identifier: Apache-2.0 */
/* Matching and compression by a compiled plan: masked compares, then bits into a register. */
#include "schc/compress.h"

#include "schc/bits.h"
#include "schc/plan.h"
#include "schc/words.h"
#include "ip/packet.h"

#include <string.h>

enum { IPV4_FIRST_OCTET = 0x45, IPV4_FIRST_SHIFT = 56 };

/* Where in its list the field's value stands, or map->n. */
static unsigned map_index(const struct schc_plan *plan, const struct schc_op *op, uint64_t word)
{
	const struct schc_map *map = &schc_plan_maps(plan)[op->arg - 1];
	const uint8_t *list = schc_plan_mapping(plan) + map->first;
	uint64_t value = word >> op->shift & words_mask(map->width);
	const uint8_t *entry;
	unsigned i;

	if (map->width <= 8) {
		entry = memchr(list, (int)value, map->n);
		return entry ? (unsigned)(entry - list) : map->n;
	}
	for (i = 0; i < map->n && get_be64(list + 8 * i) != value; i++)
		;
	return i;
}

/* Every field with a list has a value of it. */
static bool maps_hold(const struct schc_plan *plan, const uint64_t *words)
{
	const struct schc_op *copies = schc_plan_copies(plan);
	const struct schc_map *maps = schc_plan_maps(plan);

	for (unsigned i = 0; i < plan->n_copies; i++) {
		const struct schc_op *op = &copies[i];

		if (op->arg && map_index(plan, op, words[op->word]) == maps[op->arg - 1].n)
			return false;
	}
	return true;
}

bool schc_matches_words(const struct schc_plan *plan, const uint64_t *words)
{
	const uint64_t *mask = schc_plan_mask(plan);
	uint64_t wrong = 0;

	/* The plan's offsets stand for a header without options. */
	if (plan->version == 4 && words[0] >> IPV4_FIRST_SHIFT != IPV4_FIRST_OCTET)
		return false;
	for (unsigned i = 0; i < plan->n_words; i++)
		wrong |= (words[i] ^ plan->value[i]) & mask[i];
	if (wrong)
		return false;
	return !plan->n_maps || maps_hold(plan, words);
}

bool schc_matches(const struct schc_plan *plan, const uint8_t *header, size_t len)
{
	uint64_t words[SCHC_PLAN_WORDS];

	if (len < plan->header_len)
		return false;
	words_load(words, header, plan->header_len);
	return schc_matches_words(plan, words);
}

void schc_take_lower(const struct schc_plan *plan, const uint64_t *words, struct outer *outer)
{
	const struct schc_op *lowers = schc_plan_lowers(plan);

	for (unsigned i = 0; i < plan->n_lowers; i++) {
		const struct schc_op *op = &lowers[i];
		uint64_t value = words[op->word] >> op->shift & words_mask(op->bits);

		switch (op->arg) {
		case SCHC_LOWER_DSCP:
			outer->traffic_class = (uint8_t)(value << 2 | (outer->traffic_class & 3));
			break;
		case SCHC_LOWER_ECN:
			outer->traffic_class = (uint8_t)((outer->traffic_class & ~3u) | value);
			break;
		case SCHC_LOWER_FLOW_LABEL:
			outer->flow_label = (uint32_t)value;
			break;
		default:
			outer->hop_limit = (uint8_t)value;
		}
	}
}

static inline void put_copies(
	const struct schc_plan *plan, const uint64_t *words, struct bit_writer *out)
{
	const struct schc_op *copies = schc_plan_copies(plan);
	struct bit_writer w = *out;

	for (unsigned i = 0; i < plan->n_copies; i++) {
		const struct schc_op *op = &copies[i];
		uint64_t value = op->arg ? map_index(plan, op, words[op->word])
					 : words[op->word] >> op->shift & words_mask(op->bits);

		bits_put_some(&w, value, op->bits);
	}
	*out = w;
}

void schc_put_residue(const struct schc_plan *plan, const uint64_t *words, struct bit_writer *out)
{
	put_copies(plan, words, out);
}

void schc_compress(
	const struct schc_plan *plan, const uint8_t *header, uint8_t *residue, struct outer *outer)
{
	uint64_t words[SCHC_PLAN_WORDS];
	uint8_t out[SCHC_RESIDUE_MAX + 8];
	struct bit_writer w = {.out = out};

	words_load(words, header, plan->header_len);
	put_copies(plan, words, &w);
	schc_take_lower(plan, words, outer);
	memcpy(residue, out, plan->residue_len);
}
