/* SPDX-License-Identifier: Apache-2.0 */
/* The packet path of rule sets, RFC 8724 7.2: one look at the packet, compares, bits. */
#include "schc/set_packet.h"

#include "schc/bits.h"
#include "schc/compress.h"
#include "schc/decompress.h"
#include "schc/tail_restore.h"
#include "schc/words.h"
#include "ip/packet.h"

#include <string.h>

enum { MARKER = 0xff, TKL_MASK = 15, OCTET = 8 };

void schc_view_open(struct schc_view *view, const struct schc_set *set, unsigned version,
	const uint8_t *header, size_t len)
{
	unsigned chain = schc_set_chain(version);
	size_t n = len < SCHC_HEADER_MAX ? len & ~(size_t)3 : SCHC_HEADER_MAX;

	view->header = header;
	view->len = len;
	view->next = set->begin[chain];
	view->end = set->end[chain];
	view->entry = NULL;
	view->coap_at = 0;
	if (n < SCHC_HEADER_MAX)
		memset(view->words, 0, sizeof view->words);
	words_load(view->words, header, n);
}

/* CoAP's fixed header is the plan's end. The message is parsed once for rules that agree on it. */
static bool fits_tail(struct schc_view *view, const struct schc_tail *tail, unsigned plan_len,
	unsigned *residue_bits)
{
	unsigned at = plan_len - COAP_FIXED;

	if (view->coap_at != at + 1u) {
		view->coap_at = (uint16_t)(at + 1u);
		view->is_coap = coap_parse(&view->coap, view->header + at, view->len - at);
	}
	if (!view->is_coap || !schc_tail_matches(tail, view->header + at, &view->coap, &view->tail))
		return false;
	*residue_bits += view->tail.residue_bits;
	view->header_len = (uint16_t)(at + view->coap.header_len);
	return true;
}

static bool takes(
	struct schc_view *view, const struct schc_set *set, const struct schc_entry *entry)
{
	const struct schc_plan *plan = schc_entry_plan(set, entry);
	const struct schc_tail *tail = schc_entry_tail(set, entry);
	unsigned bits = entry->id_bits + (unsigned)plan->residue_bits;

	if (!schc_matches_words(plan, view->words))
		return false;
	view->header_len = plan->header_len;
	if (tail && !fits_tail(view, tail, plan->header_len, &bits))
		return false;
	if (bits > SCHC_SET_RESIDUE)
		return false;
	view->residue_len = (uint16_t)((bits + 7) / 8);
	return view->residue_len <= view->header_len + 1u &&
	       view->header_len - view->residue_len <= SCHC_GROWTH_MAX;
}

bool schc_view_next(struct schc_view *view, const struct schc_set *set)
{
	while (view->next < view->end) {
		const struct schc_entry *entry = &set->entry[view->next++];

		if ((view->words[entry->word] ^ entry->value) & entry->mask)
			continue;
		if (view->len < entry->header_len || !takes(view, set, entry))
			continue;
		view->entry = entry;
		return true;
	}
	return false;
}

void schc_view_compress(const struct schc_view *view, const struct schc_set *set, uint8_t *residue,
	struct outer *outer)
{
	const struct schc_entry *entry = view->entry;
	const struct schc_plan *plan = schc_entry_plan(set, entry);
	const struct schc_tail *tail = schc_entry_tail(set, entry);
	uint8_t out[SCHC_SET_RESIDUE_LEN + 8];
	struct bit_writer w = {.out = out};

	bits_put(&w, entry->id, entry->id_bits);
	schc_put_residue(plan, view->words, &w);
	if (tail)
		schc_tail_compress(tail, view->header + plan->header_len - COAP_FIXED, &view->coap,
			&view->tail, &w);
	schc_take_lower(plan, view->words, outer);
	memcpy(residue, out, view->residue_len);
}

size_t schc_set_none_len(const struct schc_set *set)
{
	return set->none_bits ? 1 : 0;
}

uint8_t schc_set_none(const struct schc_set *set)
{
	return (uint8_t)(set->none_id << (OCTET - set->none_bits));
}

/* The only rule has no RuleID. */
static const struct schc_entry *find(
	const struct schc_set *set, const uint8_t *data, size_t len, bool *uncompressed)
{
	unsigned what = set->none_bits ? (len ? set->first[data[0]] : SCHC_UNKNOWN) : set->n;

	*uncompressed = set->none_bits && what == SCHC_UNCOMPRESSED;
	return what == SCHC_UNKNOWN || *uncompressed ? NULL : &set->entry[what - 1];
}

static int restore_tail(const struct schc_tail *tail, const struct schc_plan *plan,
	struct bit_reader *in, uint8_t *header)
{
	unsigned tkl = header[plan->header_len - COAP_FIXED] & TKL_MASK;
	/* One octet stays free for the marker. */
	size_t room = SCHC_SET_HEADER_MAX - plan->header_len - 1u;

	if (tkl > COAP_TOKEN_MAX)
		return -1;
	return schc_tail_decompress(tail, tkl, in, header + plan->header_len, room);
}

bool schc_set_restore(const struct schc_set *set, const uint8_t *data, size_t len, uint8_t *header,
	const struct outer *outer, struct schc_restored *restored)
{
	struct bit_reader in = {.in = data, .end = len * 8};
	const struct schc_entry *entry;
	const struct schc_plan *plan;
	const struct schc_tail *tail;
	bool uncompressed;
	int more;

	entry = find(set, data, len, &uncompressed);
	*restored = (struct schc_restored){.entry = entry, .taken = schc_set_none_len(set)};
	if (!entry)
		return uncompressed;
	plan = schc_entry_plan(set, entry);
	tail = schc_entry_tail(set, entry);
	in.at = entry->id_bits;
	if (!schc_decompress_from(plan, &in, header, outer))
		return false;
	restored->header_len = plan->header_len;
	more = tail ? restore_tail(tail, plan, &in, header) : 0;
	if (more < 0)
		return false;
	restored->header_len += (size_t)more;
	restored->taken = (in.at + 7) / 8;
	if (tail && restored->taken < len)
		header[restored->header_len++] = MARKER;
	return true;
}
