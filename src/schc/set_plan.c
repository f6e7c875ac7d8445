/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the plans of a rule set into one block, in the order in which they are tried. */
#include "schc/set_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TAIL_ROOM = 4096, /* more than any rule's tail */
	OPTION_HEAD = 8,  /* bits that an option has at least */
};

/* One rule on its way into the block. */
struct part {
	struct schc_plan *plan;
	struct schc_tail *tail; /* NULL: no CoAP */
	int saving;             /* bits */
	uint8_t rule;
};

struct parts {
	struct part part[SCHC_SET_RULES];
	unsigned n;
};

static bool applies(const struct schc_field_desc *desc, enum schc_di di)
{
	return desc->di == SCHC_DI_BI || desc->di == di;
}

static bool takes_part(const struct schc_rule *rule, enum schc_di di)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (applies(&rule->field[i], di))
			return true;
	return false;
}

/* Bits that a descriptor of token or option takes off the packet, as far as the rule knows. */
static int known_bits(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	size_t len;
	const struct schc_field *field = schc_field(desc->fid);
	bool one = field->option && field->part <= 1 && !schc_rule_group(rule, desc);
	int head = one ? OPTION_HEAD : 0; /* a group has its separators */

	if (desc->fl < SCHC_FL_TKL)
		return head + desc->fl;
	if (desc->cda == SCHC_CDA_VALUE_SENT)
		return 0;
	if (desc->cda == SCHC_CDA_LSB)
		return head + desc->msb;
	schc_rule_value(rule, desc, 0, &len);
	return head + (int)len * 8;
}

static int saving_of(const struct schc_rule *rule, const struct schc_plan *plan, enum schc_di di)
{
	int bits = plan->header_len * 8 - rule->id_bits;

	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (!applies(desc, di))
			continue;
		bits -= (int)schc_field_sent_bits(desc);
		if (!schc_field(desc->fid)->width)
			bits += known_bits(rule, desc);
	}
	return bits;
}

static bool has_coap(const struct schc_rule *rule, enum schc_di di)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (rule->field[i].fid == SCHC_COAP_VER && applies(&rule->field[i], di))
			return true;
	return false;
}

static int make_part(struct part *part, const struct schc_rule_set *rules, unsigned i,
	const struct schc_end *end)
{
	const struct schc_rule *rule = &rules->rule[i];
	int err;

	*part = (struct part){.rule = (uint8_t)i};
	err = schc_plan_compile_for(&part->plan, rule, end);
	if (err)
		return err;
	part->saving = saving_of(rule, part->plan, end->di);
	if (!has_coap(rule, end->di))
		return 0;
	part->tail = malloc(TAIL_ROOM);
	if (!part->tail)
		return -ENOMEM;
	return schc_tail_compile(rule, end->di, part->tail, TAIL_ROOM) ? 0 : -E2BIG;
}

/* Without IP header, IPv4, IPv6; then what saves more; then as in the set. */
static int by_saving(const void *a, const void *b)
{
	const struct part *x = a;
	const struct part *y = b;

	if (x->plan->version != y->plan->version)
		return x->plan->version - y->plan->version;
	if (x->saving != y->saving)
		return y->saving - x->saving;
	return x->rule - y->rule;
}

static int make_parts(
	struct parts *parts, const struct schc_rule_set *rules, const struct schc_end *end)
{
	parts->n = 0;
	for (unsigned i = 0; i < rules->n; i++) {
		int err;

		if (!takes_part(&rules->rule[i], end->di))
			continue;
		err = make_part(&parts->part[parts->n++], rules, i, end);
		if (err)
			return err;
	}
	qsort(parts->part, parts->n, sizeof parts->part[0], by_saving);
	return 0;
}

static void free_parts(struct parts *parts)
{
	for (unsigned i = 0; i < parts->n; i++) {
		schc_plan_free(parts->part[i].plan);
		free(parts->part[i].tail);
	}
}

/* How many of the others a packet with this word as x wants it cannot fit. */
static unsigned excluded(const struct parts *parts, const struct schc_plan *x, unsigned word)
{
	unsigned n = 0;

	for (unsigned i = 0; i < parts->n; i++) {
		const struct schc_plan *y = parts->part[i].plan;

		if (y->version == x->version && word < y->n_words)
			n += ((x->value[word] ^ y->value[word]) & schc_plan_mask(x)[word] &
				     schc_plan_mask(y)[word]) != 0;
	}
	return n;
}

static unsigned count_bits(uint64_t value)
{
	unsigned n = 0;

	for (; value; value &= value - 1)
		n++;
	return n;
}

/* Among equals the one that compares most bits. */
static unsigned first_word(const struct parts *parts, const struct schc_plan *plan)
{
	unsigned best = 0;
	unsigned best_score = 0;

	for (unsigned w = 0; w < plan->n_words; w++) {
		unsigned score =
			excluded(parts, plan, w) * 65 + count_bits(schc_plan_mask(plan)[w]);

		if (score > best_score) {
			best = w;
			best_score = score;
		}
	}
	return best;
}

static size_t rounded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static void mark_prefix(struct schc_set *set, uint8_t id, unsigned bits, uint8_t what)
{
	unsigned first = (unsigned)id << (8 - bits);

	for (unsigned i = 0; i < 1u << (8 - bits); i++)
		set->first[first + i] = what;
}

static void set_entry(struct schc_set *set, const struct parts *parts,
	const struct schc_rule_set *rules, unsigned i, size_t *at)
{
	const struct part *part = &parts->part[i];
	const struct schc_plan *plan = part->plan;
	const struct schc_rule *rule = &rules->rule[part->rule];
	unsigned word = first_word(parts, plan);
	unsigned chain = schc_set_chain(plan->version);

	set->entry[i] = (struct schc_entry){.value = plan->value[word],
		.mask = plan->n_words ? schc_plan_mask(plan)[word] : 0,
		.plan = (uint32_t)*at,
		.word = (uint8_t)word,
		.header_len = plan->header_len,
		.id = rule->id,
		.id_bits = rule->id_bits,
		.rule = part->rule};
	memcpy((uint8_t *)set + *at, plan, plan->size);
	*at += rounded(plan->size);
	if (part->tail) {
		set->entry[i].tail = (uint32_t)*at;
		memcpy((uint8_t *)set + *at, part->tail, part->tail->size);
		*at += part->tail->size;
	}
	if (set->begin[chain] == set->end[chain])
		set->begin[chain] = (uint8_t)i;
	set->end[chain] = (uint8_t)(i + 1);
	mark_prefix(set, rule->id, rule->id_bits, (uint8_t)(i + 1));
}

static struct schc_set *pack(const struct parts *parts, const struct schc_rule_set *rules)
{
	size_t size = sizeof(struct schc_set) + parts->n * sizeof(struct schc_entry);
	size_t at = size;
	struct schc_set *set;

	for (unsigned i = 0; i < parts->n; i++) {
		size += rounded(parts->part[i].plan->size);
		if (parts->part[i].tail)
			size += parts->part[i].tail->size;
	}
	set = calloc(1, size);
	if (!set)
		return NULL;
	set->size = (uint32_t)size;
	set->n = (uint8_t)parts->n;
	schc_set_reserve(rules, &set->none_id, &set->none_bits);
	if (set->none_bits)
		mark_prefix(set, set->none_id, set->none_bits, SCHC_UNCOMPRESSED);
	for (unsigned i = 0; i < parts->n; i++)
		set_entry(set, parts, rules, i, &at);
	return set;
}

int schc_set_compile(
	struct schc_set **set, const struct schc_rule_set *rules, const struct schc_end *end)
{
	struct parts parts;
	struct schc_set *packed = NULL;
	int err;

	if (!schc_set_check(rules, NULL) || (end->di != SCHC_DI_UP && end->di != SCHC_DI_DOWN))
		return -EINVAL;
	err = make_parts(&parts, rules, end);
	if (!err) {
		packed = pack(&parts, rules);
		err = packed ? 0 : -ENOMEM;
	}
	free_parts(&parts);
	if (!err)
		*set = packed;
	return err;
}

void schc_set_free(struct schc_set *set)
{
	free(set);
}
