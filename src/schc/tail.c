/* SPDX-License-Identifier: Apache-2.0 */
/* Token and options under a rule, RFC 8724 7.3, 7.4 and RFC 8824 4.5, 5. */
#include "schc/tail.h"

#include "schc/coap.h"

#include <string.h>

enum {
	SIZE_BITS = 4, /* RFC 8724 7.4.2 */
	SIZE_MARK = 15,
	SIZE_BITS_2 = 8,
	SIZE_MARK_2 = 255,
	SIZE_BITS_3 = 16,
};

struct span {
	const uint8_t *data;
	size_t len;
};

static const uint8_t *values_of(const struct schc_tail *tail)
{
	return (const uint8_t *)(tail->op + tail->n);
}

static struct span value_of(
	const struct schc_tail *tail, const struct schc_tail_op *op, unsigned index)
{
	const uint8_t *at = values_of(tail) + op->value;

	while (index--)
		at += at[0] + 1u;
	return (struct span){at + 1, at[0]};
}

/* --- a rule's descriptors -------------------------------------------------------------------- */

static bool belongs(const struct schc_field_desc *desc, enum schc_di di)
{
	return !schc_field(desc->fid)->width && (desc->di == SCHC_DI_BI || desc->di == di);
}

static struct schc_tail_op op_of(const struct schc_field_desc *desc, size_t value)
{
	return (struct schc_tail_op){.number = schc_field(desc->fid)->option,
		.msb = desc->mo == SCHC_MO_MSB ? desc->msb : 0,
		.value = (uint16_t)value,
		.mo = desc->mo,
		.cda = desc->cda,
		.fl = desc->fl,
		.n = (uint8_t)schc_rule_values(desc),
		.index_bits = desc->cda == SCHC_CDA_MAPPING_SENT
				      ? (uint8_t)schc_field_sent_bits(desc)
				      : 0};
}

size_t schc_tail_compile(
	const struct schc_rule *rule, enum schc_di di, struct schc_tail *out, size_t cap)
{
	uint8_t *values;
	size_t room;
	size_t at = 0;

	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < rule->n; i++)
		out->n += belongs(&rule->field[i], di);
	if (cap < sizeof *out + out->n * sizeof out->op[0] + sizeof(uint64_t))
		return 0;
	values = (uint8_t *)(out->op + out->n);
	room = cap - sizeof *out - out->n * sizeof out->op[0] - sizeof(uint64_t);
	for (unsigned i = 0, k = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (!belongs(desc, di))
			continue;
		out->op[k] = op_of(desc, at);
		for (unsigned v = 0; v < out->op[k].n; v++) {
			size_t len;
			const uint8_t *value = schc_rule_value(rule, desc, v, &len);

			if (len + 1 > room - at)
				return 0;
			values[at++] = (uint8_t)len;
			memcpy(values + at, value, len);
			at += len;
		}
		k++;
	}
	at += sizeof *out + out->n * sizeof out->op[0];
	out->size = (uint16_t)((at + 7) & ~(size_t)7);
	memset((uint8_t *)out + at, 0, out->size - at);
	return out->size;
}

/* --- matching -------------------------------------------------------------------------------- */

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned odd = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return !odd || (a[bits / 8] ^ b[bits / 8]) >> (8 - odd) == 0;
}

static unsigned find(const struct schc_tail *tail, const struct schc_tail_op *op, struct span value)
{
	const uint8_t *at = values_of(tail) + op->value;
	unsigned i;

	for (i = 0; i < op->n; i++) {
		if (at[0] == value.len && memcmp(at + 1, value.data, value.len) == 0)
			break;
		at += at[0] + 1u;
	}
	return i;
}

static bool holds(const struct schc_tail *tail, const struct schc_tail_op *op, struct span value)
{
	struct span target;

	if (op->fl < SCHC_FL_TKL && value.len * 8 != op->fl)
		return false;
	switch (op->mo) {
	case SCHC_MO_EQUAL:
		target = value_of(tail, op, 0);
		return target.len == value.len && memcmp(target.data, value.data, value.len) == 0;
	case SCHC_MO_MSB:
		target = value_of(tail, op, 0);
		return value.len * 8 >= op->msb && prefix_equal(target.data, value.data, op->msb);
	case SCHC_MO_MATCH_MAPPING:
		return find(tail, op, value) < op->n;
	default:
		/* Size 0 says that the option is absent. */
		return op->fl != SCHC_FL_VARIABLE || value.len;
	}
}

static unsigned size_bits(size_t size)
{
	if (size < SIZE_MARK)
		return SIZE_BITS;
	return size < SIZE_MARK_2 ? SIZE_BITS + SIZE_BITS_2 : SIZE_BITS + SIZE_BITS_2 + SIZE_BITS_3;
}

static unsigned sent_bits(const struct schc_tail_op *op, size_t len)
{
	unsigned bits = (unsigned)len * 8 - op->msb;

	if (op->cda != SCHC_CDA_VALUE_SENT && op->cda != SCHC_CDA_LSB)
		return op->index_bits;
	return op->fl == SCHC_FL_VARIABLE ? size_bits(bits / 8) + bits : bits;
}

static bool may_be_absent(const struct schc_tail_op *op)
{
	return op->number && op->fl == SCHC_FL_VARIABLE && op->cda == SCHC_CDA_VALUE_SENT;
}

static struct span option_value(
	const uint8_t *message, const struct coap_view *view, unsigned index)
{
	return (struct span){message + view->option[index].at, view->option[index].len};
}

static struct span token_of(const uint8_t *message, const struct coap_view *view)
{
	return (struct span){message + COAP_FIXED, view->tkl};
}

bool schc_tail_matches(const struct schc_tail *tail, const uint8_t *message,
	const struct coap_view *view, struct schc_tail_match *match)
{
	unsigned bits = 0;
	unsigned next = 0;

	if (view->tkl && (!tail->n || tail->op[0].number))
		return false;
	for (unsigned i = 0; i < tail->n; i++) {
		const struct schc_tail_op *op = &tail->op[i];
		struct span value;

		match->which[i] = 0;
		if (!op->number) {
			value = token_of(message, view);
		} else if (next < view->n && view->option[next].number == op->number) {
			value = option_value(message, view, next);
			match->which[i] = (uint8_t)++next;
		} else if (may_be_absent(op)) {
			bits += SIZE_BITS;
			continue;
		} else {
			return false;
		}
		if (!holds(tail, op, value))
			return false;
		bits += sent_bits(op, value.len);
	}
	match->residue_bits = (uint16_t)bits;
	return next == view->n;
}

/* --- compression ----------------------------------------------------------------------------- */

static void put_size(struct bit_writer *out, size_t size)
{
	if (size < SIZE_MARK) {
		bits_put(out, size, SIZE_BITS);
		return;
	}
	bits_put(out, SIZE_MARK, SIZE_BITS);
	if (size < SIZE_MARK_2) {
		bits_put(out, size, SIZE_BITS_2);
		return;
	}
	bits_put(out, SIZE_MARK_2, SIZE_BITS_2);
	bits_put(out, size, SIZE_BITS_3);
}

/* Without the first skip bits. */
static void put_value(struct bit_writer *out, struct span value, unsigned skip)
{
	unsigned odd = skip % 8;
	size_t at = skip / 8;

	if (odd) {
		bits_put(out, value.data[at] & 0xffu >> odd, 8 - odd);
		at++;
	}
	bits_put_octets(out, value.data + at, value.len - at);
}

void schc_tail_compress(const struct schc_tail *tail, const uint8_t *message,
	const struct coap_view *view, const struct schc_tail_match *match, struct bit_writer *out)
{
	for (unsigned i = 0; i < tail->n; i++) {
		const struct schc_tail_op *op = &tail->op[i];
		struct span value = token_of(message, view);
		bool absent = op->number && !match->which[i];

		if (op->cda == SCHC_CDA_NOT_SENT)
			continue;
		if (op->number && !absent)
			value = option_value(message, view, match->which[i] - 1u);
		if (absent)
			value.len = 0;
		if (op->cda == SCHC_CDA_MAPPING_SENT) {
			bits_put(out, find(tail, op, value), op->index_bits);
			continue;
		}
		if (op->fl == SCHC_FL_VARIABLE)
			put_size(out, value.len - op->msb / 8u);
		put_value(out, value, op->msb);
	}
}

/* --- decompression --------------------------------------------------------------------------- */

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
	struct span known; /* value, or its first op->msb bits */
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
		told->known = value_of(tail, op, index);
	} else if (!told->sent || op->msb) {
		return false;
	}
	if (!told->sent)
		told->len = told->known.len;
	else if (op->fl == SCHC_FL_TKL)
		told->len = tkl;
	else if (op->fl != SCHC_FL_VARIABLE)
		told->len = op->fl / 8u;
	else if (!get_size(in, &told->len))
		return false;
	if (told->sent && op->fl == SCHC_FL_VARIABLE) {
		told->absent = may_be_absent(op) && !told->len;
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
		if (told->known.data)
			memcpy(out, told->known.data, told->len);
		return;
	}
	if (at && told->known.data)
		memcpy(out, told->known.data, at);
	if (odd && told->known.data) {
		out[at] =
			(uint8_t)((told->known.data[at] & ~(0xffu >> odd)) | bits_get(in, 8 - odd));
		at++;
	}
	for (; at < told->len; at++)
		out[at] = (uint8_t)bits_get(in, 8);
}

int schc_tail_decompress(
	const struct schc_tail *tail, unsigned tkl, struct bit_reader *in, uint8_t *out, size_t cap)
{
	struct coap_writer w = {.out = out, .cap = cap};

	if (tkl && (!tail->n || tail->op[0].number))
		return -1;
	for (unsigned i = 0; i < tail->n; i++) {
		const struct schc_tail_op *op = &tail->op[i];
		struct told told;

		if (!read_told(tail, op, tkl, in, &told))
			return -1;
		if (told.absent)
			continue;
		if (op->number ? !coap_put_option(&w, op->number, told.len)
			       : told.len > w.cap - w.at)
			return -1;
		write_value(op, &told, in, w.out + w.at);
		w.at += told.len;
		if (in->short_of)
			return -1;
	}
	return (int)w.at;
}
