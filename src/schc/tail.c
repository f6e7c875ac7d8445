/* SPDX-License-Identifier: Apache-2.0 */
/* Token and options under a rule, RFC 8724 7.3, 7.4 and RFC 8824 4.5, 5. */
#include "schc/tail.h"

#include "schc/coap.h"
#include "schc/group.h"
#include "schc/oscore.h"

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

const uint8_t *schc_tail_value(
	const struct schc_tail *tail, const struct schc_tail_op *op, unsigned i, size_t *len)
{
	const uint8_t *at = values_of(tail) + op->value;

	while (i--)
		at += at[0] + 1u;
	*len = at[0];
	return at + 1;
}

static struct span target_of(const struct schc_tail *tail, const struct schc_tail_op *op)
{
	struct span target;

	target.data = schc_tail_value(tail, op, 0, &target.len);
	return target;
}

/* --- a rule's descriptors -------------------------------------------------------------------- */

static bool belongs(const struct schc_field_desc *desc, enum schc_di di)
{
	return !schc_field(desc->fid)->width && (desc->di == SCHC_DI_BI || desc->di == di);
}

static struct schc_tail_op op_of(
	const struct schc_rule *rule, const struct schc_field_desc *desc, size_t value)
{
	return (struct schc_tail_op){.number = schc_field(desc->fid)->option,
		.part = schc_field(desc->fid)->part,
		.group = (uint8_t)schc_rule_group(rule, desc),
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
		out->op[k] = op_of(rule, desc, at);
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
		target = target_of(tail, op);
		return target.len == value.len && memcmp(target.data, value.data, value.len) == 0;
	case SCHC_MO_MSB:
		target = target_of(tail, op);
		return value.len * 8 >= op->msb && prefix_equal(target.data, value.data, op->msb);
	case SCHC_MO_MATCH_MAPPING:
		return find(tail, op, value) < op->n;
	default:
		/* Size 0 says that the option is absent. */
		return !schc_tail_may_be_absent(op) || value.len;
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

bool schc_tail_may_be_absent(const struct schc_tail_op *op)
{
	return op->number && !op->part && op->fl == SCHC_FL_VARIABLE &&
	       op->cda == SCHC_CDA_VALUE_SENT;
}

/* The token, an option or a part of one, as much of it as is there. */
static bool value_of(const struct schc_tail_op *op, const uint8_t *message,
	const struct coap_view *view, unsigned which, struct span *value)
{
	const struct coap_option *option;
	struct oscore_view parts;

	*value = (struct span){message + COAP_FIXED, op->number ? 0 : view->tkl};
	if (!which)
		return true;
	option = &view->option[which - 1];
	*value = (struct span){message + option->at, option->len};
	if (!op->part)
		return true;
	if (!oscore_split(&parts, value->data, value->len))
		return false;
	value->data += parts.at[op->part - 1];
	value->len = (size_t)parts.at[op->part] - parts.at[op->part - 1];
	return true;
}

/* 1 + index of the option that is next, if it is op's; the parts of one share it. 0: it is not. */
static unsigned option_for(
	const struct schc_tail_op *op, const struct coap_view *view, unsigned next)
{
	unsigned i = op->part > 1 ? next - 1 : next;

	return op->number && i < view->n && view->option[i].number == op->number ? i + 1 : 0;
}

/* Which value the options from that one on are; op->n: none. */
static unsigned find_group(const struct schc_tail *tail, const struct schc_tail_op *op,
	const uint8_t *message, const struct coap_view *view, unsigned which)
{
	unsigned i;

	for (i = 0; i < op->n; i++) {
		size_t len;
		const uint8_t *value = schc_tail_value(tail, op, i, &len);

		if (group_equal(view, message, which - 1, value, len))
			break;
	}
	return i;
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
		unsigned which = option_for(op, view, next);
		struct span value;

		match->which[i] = (uint8_t)which;
		if (op->number && !which) {
			if (!schc_tail_may_be_absent(op))
				return false;
			bits += SIZE_BITS;
			continue;
		}
		next = which ? which : next;
		if (!value_of(op, message, view, which, &value))
			return false;
		if (op->group ? find_group(tail, op, message, view, which) == op->n
			      : !holds(tail, op, value))
			return false;
		next += op->group ? op->group - 1u : 0;
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
		unsigned which = match->which[i];
		struct span value;

		if (op->cda == SCHC_CDA_NOT_SENT || !value_of(op, message, view, which, &value))
			continue;
		if (op->cda == SCHC_CDA_MAPPING_SENT) {
			bits_put(out,
				op->group ? find_group(tail, op, message, view, which)
					  : find(tail, op, value),
				op->index_bits);
			continue;
		}
		if (op->fl == SCHC_FL_VARIABLE)
			put_size(out, value.len - op->msb / 8u);
		put_value(out, value, op->msb);
	}
}
