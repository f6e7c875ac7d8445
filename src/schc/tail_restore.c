/* SPDX-License-Identifier: Apache-2.0 */
/* The way back of token and options: sizes, values, groups, parts (RFC 8724 7.4.2, RFC 8824 5). */
#include "schc/tail_restore.h"

#include "schc/bits.h"
#include "schc/coap.h"
#include "schc/group.h"
#include "schc/oscore.h"
#include "schc/tail.h"

#include <string.h>

enum {
	SIZE_BITS = 4,
	SIZE_MARK = 15,
	SIZE_BITS_2 = 8,
	SIZE_MARK_2 = 255,
	SIZE_BITS_3 = 16,
};

/* false: there is a shorter way to say it. */
static bool get_size(struct bit_reader *in, size_t *size)
{
	*size = bits_get(in, SIZE_BITS);
	if (*size < SIZE_MARK)
		return true;
	*size = bits_get(in, SIZE_BITS_2);
	if (*size < SIZE_MARK_2)
		return *size >= SIZE_MARK;
	*size = bits_get(in, SIZE_BITS_3);
	return *size >= SIZE_MARK_2;
}

/* What the residue says of one descriptor. */
struct told {
	const uint8_t *known; /* value, or its first op->msb bits */
	size_t known_len;
	size_t len;        /* of the value */
	bool absent, sent; /* sent: the rest follows in the residue */
};

static bool read_told(const struct schc_tail *tail, const struct schc_tail_op *op, unsigned tkl,
	struct bit_reader *in, struct told *told)
{
	unsigned index = op->index_bits ? bits_get(in, op->index_bits) : 0;

	*told = (struct told){.sent = op->cda == SCHC_CDA_VALUE_SENT || op->cda == SCHC_CDA_LSB};
	if (op->n) {
		if (index >= op->n)
			return false;
		told->known = schc_tail_value(tail, op, index, &told->known_len);
	} else if (!told->sent || op->msb) {
		return false;
	}
	if (!told->sent)
		told->len = told->known_len;
	else if (op->fl == SCHC_FL_TKL)
		told->len = tkl;
	else if (op->fl != SCHC_FL_VARIABLE)
		told->len = op->fl / 8u;
	else if (!get_size(in, &told->len))
		return false;
	if (told->sent && op->fl == SCHC_FL_VARIABLE) {
		told->absent = schc_tail_may_be_absent(op) && !told->len;
		told->len += op->msb / 8u;
	}
	if (!op->number && told->len != tkl)
		return false;
	return told->len * 8 >= op->msb && !in->short_of;
}

static void write_value(
	const struct schc_tail_op *op, const struct told *told, struct bit_reader *in, uint8_t *out)
{
	unsigned odd = op->msb % 8u;
	size_t at = op->msb / 8u;

	if (!told->sent) {
		if (told->known)
			memcpy(out, told->known, told->len);
		return;
	}
	if (at && told->known)
		memcpy(out, told->known, at);
	if (odd && told->known) {
		out[at] = (uint8_t)((told->known[at] & ~(0xffu >> odd)) | bits_get(in, 8 - odd));
		at++;
	}
	for (; at < told->len; at++)
		out[at] = (uint8_t)bits_get(in, 8);
}

static bool put_option(struct coap_writer *w, unsigned number, const uint8_t *value, size_t len)
{
	if (!coap_put_option(w, number, len))
		return false;
	if (len)
		memcpy(w->out + w->at, value, len);
	w->at += len;
	return true;
}

/* One value that several options of the message are. */
static bool put_group(struct coap_writer *w, const struct schc_tail_op *op, const struct told *told)
{
	for (unsigned i = 0; i < op->group; i++) {
		size_t len;
		const uint8_t *value = group_element(told->known, told->known_len, i, &len);

		if (!put_option(w, op->number, value, len))
			return false;
	}
	return true;
}

/* OSCORE's option, part by part: how long it is shows with the last one. */
struct collected {
	uint8_t value[SCHC_VALUE_MAX];
	struct oscore_view view;
};

static bool collect(struct collected *all, const struct schc_tail_op *op, const struct told *told,
	struct bit_reader *in)
{
	size_t at = op->part > 1 ? all->view.at[op->part - 1] : 0;

	if (told->len > sizeof all->value - at)
		return false;
	write_value(op, told, in, all->value + at);
	all->view.at[0] = 0;
	all->view.at[op->part] = (uint16_t)(at + told->len);
	return true;
}

/* Parts that compressing would have found elsewhere are not what a compressor left. */
static bool put_collected(
	struct coap_writer *w, const struct schc_tail_op *op, const struct collected *all)
{
	size_t len = all->view.at[OSCORE_PARTS];
	struct oscore_view view;

	return oscore_split(&view, all->value, len) &&
	       memcmp(view.at, all->view.at, sizeof view.at) == 0 &&
	       put_option(w, op->number, all->value, len);
}

static bool put_value(struct coap_writer *w, const struct schc_tail_op *op, const struct told *told,
	struct bit_reader *in)
{
	if (op->number ? !coap_put_option(w, op->number, told->len) : told->len > w->cap - w->at)
		return false;
	write_value(op, told, in, w->out + w->at);
	w->at += told->len;
	return true;
}

static bool restore(struct coap_writer *w, const struct schc_tail_op *op, const struct told *told,
	struct bit_reader *in, struct collected *all)
{
	if (told->absent)
		return true;
	if (op->group)
		return put_group(w, op, told);
	if (!op->part)
		return put_value(w, op, told, in);
	return collect(all, op, told, in) && (op->part < OSCORE_PARTS || put_collected(w, op, all));
}

int schc_tail_decompress(
	const struct schc_tail *tail, unsigned tkl, struct bit_reader *in, uint8_t *out, size_t cap)
{
	struct coap_writer w = {.out = out, .cap = cap};
	struct collected all;

	if (tkl && (!tail->n || tail->op[0].number))
		return -1;
	for (unsigned i = 0; i < tail->n; i++) {
		const struct schc_tail_op *op = &tail->op[i];
		struct told told;

		if (!read_told(tail, op, tkl, in, &told) || !restore(&w, op, &told, in, &all) ||
			in->short_of)
			return -1;
	}
	return (int)w.at;
}
