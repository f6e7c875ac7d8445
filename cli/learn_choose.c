/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What describes a field best: sent bits, and what it costs when a value comes that was not seen.
 * Values seen once say how often new ones come (Good and Turing).
 */
#include "cli/learn.h"

#include "cli/fields.h"

#include <string.h>

enum {
	MISS = 96,         /* bits that a packet costs more under the escape rule */
	EPHEMERAL = 32768, /* ports from here on are a client's own (RFC 6335 6, Linux' range) */
	SURE = 8,          /* packets before a port that is not the service's counts as constant */
	BOUND_WIDTH = 9,   /* narrower fields are not worth an MSB */
	DONT_FRAGMENT = 2,
	OBSERVE = 6,
	BLOCK2 = 23,
	BLOCK1 = 27,
};

const char *learn_how_name(enum learn_how how)
{
	static const char *const names[] = {
		"constant", "of few values", "bounded", "counting", "computed", "sent"};

	return names[how];
}

/* Numbers that a connection or an exchange chooses: what they were says nothing. */
static bool is_fresh(unsigned fid)
{
	switch (fid) {
	case SCHC_TCP_SEQ:
	case SCHC_TCP_ACK:
	case SCHC_SCTP_VTAG:
	case SCHC_COAP_MID:
	case SCHC_ICMPV6_IDENT:
	case SCHC_ICMPV6_SEQNO:
	case SCHC_ICMP_IDENT:
	case SCHC_ICMP_SEQNO:
		return true;
	default:
		return false;
	}
}

static bool is_port(unsigned fid)
{
	return fid == SCHC_UDP_DEVPORT || fid == SCHC_UDP_APPPORT || fid == SCHC_TCP_DEVPORT ||
	       fid == SCHC_TCP_APPPORT || fid == SCHC_UDPLITE_DEVPORT ||
	       fid == SCHC_UDPLITE_APPPORT || fid == SCHC_SCTP_DEVPORT || fid == SCHC_SCTP_APPPORT;
}

static bool is_address(unsigned fid)
{
	return fid == SCHC_IPV4_DEV || fid == SCHC_IPV4_APP ||
	       (fid >= SCHC_IPV6_DEVPREFIX && fid <= SCHC_IPV6_APPIID);
}

static bool put_number(struct schc_rule *rule, struct schc_field_desc *desc, uint64_t value)
{
	uint8_t data[8];
	size_t len = (desc->fl + 7u) / 8;

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	return schc_rule_add_value(rule, desc, data, len);
}

static void act(struct schc_field_desc *desc, enum schc_mo mo, enum schc_cda cda)
{
	desc->mo = (uint8_t)mo;
	desc->cda = (uint8_t)cda;
}

static unsigned index_bits(unsigned n)
{
	unsigned bits = 0;

	while (n > 1u << bits)
		bits++;
	return bits;
}

/* The counts, most first, as indexes. */
static void order(const uint32_t *count, unsigned n, uint8_t *by)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned k = i;

		for (; k && count[by[k - 1]] < count[i]; k--)
			by[k] = by[k - 1];
		by[k] = (uint8_t)i;
	}
}

/* How many of the commonest values to list, 0: none; *cost in bits per packet. */
static unsigned best_list(const uint32_t *count, unsigned n_values, uint32_t n, double *cost)
{
	uint8_t by[LEARN_VALUES];
	uint32_t listed = 0;
	unsigned best = 0;
	double once = 0;

	order(count, n_values, by);
	for (unsigned i = 0; i < n_values; i++)
		once += count[i] == 1 && n_values > 1;
	for (unsigned i = 0; i < n_values; i++) {
		double missed;
		double bits;

		listed += count[by[i]];
		missed = (double)(n - listed) / n;
		/* Values that came only once promise others: listing them gains nothing. */
		if (missed < once / n)
			missed = once / n;
		bits = index_bits(i + 1) + missed * MISS;
		if (bits < *cost) {
			*cost = bits;
			best = i + 1;
		}
	}
	return best;
}

static bool put_list(struct schc_rule *rule, struct schc_field_desc *desc,
	const struct learn_field *field, unsigned n)
{
	uint8_t by[LEARN_VALUES];

	order(field->count, field->n_values, by);
	if (n == 1) {
		act(desc, SCHC_MO_EQUAL, SCHC_CDA_NOT_SENT);
		return put_number(rule, desc, field->value[by[0]]);
	}
	act(desc, SCHC_MO_MATCH_MAPPING, SCHC_CDA_MAPPING_SENT);
	for (unsigned i = 0; i < n; i++)
		if (!put_number(rule, desc, field->value[by[i]]))
			return false;
	return true;
}

/* The rule had no room for the list: the value is sent, in what length it has. */
static void take_back(struct schc_rule *rule, struct schc_field_desc *desc, uint16_t taken)
{
	rule->n_mapping = taken;
	desc->mapping_n = 0;
	act(desc, SCHC_MO_IGNORE, SCHC_CDA_VALUE_SENT);
}

static unsigned common_bits(const struct learn_field *field, unsigned width)
{
	unsigned n = 0;

	while (n < width && !(field->differ >> (width - 1 - n) & 1))
		n++;
	return n;
}

/* A range was seen; the next value lies outside it with about 2 / (n + 1). */
static bool put_bound(struct schc_rule *rule, struct schc_field_desc *desc,
	const struct learn_field *field, double cost)
{
	unsigned width = desc->fl;
	unsigned common = common_bits(field, width);
	double bits = width - common + 2.0 / (field->n + 1.0) * MISS;

	if (!common || common == width || width < BOUND_WIDTH || bits >= cost)
		return false;
	act(desc, SCHC_MO_MSB, SCHC_CDA_LSB);
	desc->msb = (uint16_t)common;
	return put_number(rule, desc, field->first >> (width - common) << (width - common));
}

static bool counts(const struct learn_field *field)
{
	return field->n > 2 && field->steps * 2 >= field->n - 1;
}

/* A port that is not the service's belongs to whoever opened it. */
static bool is_own_port(const struct learn_kind *kind, const struct learn_field *field)
{
	if (!is_port(field->fid) || (field->first == kind->service && !field->differ))
		return false;
	return field->differ || field->first >= EPHEMERAL || field->n < SURE;
}

/* What escape rules do not rest on: only headers and addresses are theirs. */
static bool is_open(const struct learn_kind *kind, const struct learn_field *field)
{
	if (kind->flow == LEARN_FLOWS)
		return !is_address(field->fid);
	/* A length or checksum that computing does not give is an accident. */
	return is_fresh(field->fid) || is_own_port(kind, field) ||
	       schc_field(field->fid)->source == SCHC_FROM_PACKET;
}

/* Who is who the SA knows, where both its ends are single addresses. */
static bool put_known(const struct learn *learn, struct schc_field_desc *desc)
{
	if (desc->fid == SCHC_IPV6_DEVIID && learn->known_dev)
		act(desc, SCHC_MO_IGNORE, SCHC_CDA_DEVIID);
	else if (desc->fid == SCHC_IPV6_APPIID && learn->known_app)
		act(desc, SCHC_MO_IGNORE, SCHC_CDA_APPIID);
	else
		return false;
	return true;
}

/* An Identification may be chosen anew only where nobody fragments (RFC 6864 4.1). */
static bool may_generate(const struct learn_kind *kind, const struct learn_field *field)
{
	if (field->fid == SCHC_IPV6_FL)
		return true;
	for (unsigned i = 0; field->fid == SCHC_IPV4_ID && i < kind->n_fields; i++)
		if (kind->field[i].fid == SCHC_IPV4_FLAGS)
			return kind->field[i].first == DONT_FRAGMENT && !kind->field[i].differ;
	return false;
}

static bool put_computed(const struct learn *learn, const struct learn_kind *kind,
	const struct learn_field *field, struct schc_field_desc *desc)
{
	double missed = field->n ? (double)(field->n - field->restorable) / field->n : 1;

	if (put_known(learn, desc))
		return true;
	if (may_generate(kind, field) && (field->differ || field->first)) {
		act(desc, SCHC_MO_IGNORE, SCHC_CDA_GENERATED);
		return true;
	}
	if (schc_field(field->fid)->source != SCHC_FROM_PACKET || missed * MISS >= desc->fl)
		return false;
	act(desc, SCHC_MO_IGNORE, SCHC_CDA_COMPUTE);
	return true;
}

bool learn_field_desc(const struct learn *learn, const struct learn_kind *kind,
	const struct learn_field *field, struct schc_rule *rule, enum learn_how *how)
{
	struct schc_field_desc *desc = schc_rule_append(rule, field->fid);
	uint16_t taken = rule->n_mapping;
	double cost;
	unsigned listed;

	if (!desc)
		return false;
	*how = LEARN_COMPUTED;
	if (put_computed(learn, kind, field, desc))
		return true;
	*how = LEARN_SENT;
	cost = desc->fl;
	listed = fields_is_structure(field->fid) ? 1 : 0;
	if (!listed && !is_open(kind, field))
		listed = best_list(field->count, field->n_values, field->n, &cost);
	if (listed) {
		*how = listed == 1 ? LEARN_CONSTANT : LEARN_FEW;
		if (put_list(rule, desc, field, listed))
			return true;
		take_back(rule, desc, taken);
		*how = LEARN_SENT;
	}
	if (counts(field))
		*how = LEARN_COUNTING;
	else if (!is_open(kind, field) && put_bound(rule, desc, field, cost))
		*how = LEARN_BOUNDED;
	return true;
}

static bool put_texts(struct schc_rule *rule, struct schc_field_desc *desc,
	const struct learn_option *option, unsigned n)
{
	uint32_t count[LEARN_VALUES];
	uint8_t by[LEARN_VALUES];

	for (unsigned i = 0; i < option->n_values; i++)
		count[i] = option->value[i].count;
	order(count, option->n_values, by);
	if (n == 1)
		act(desc, SCHC_MO_EQUAL, SCHC_CDA_NOT_SENT);
	else
		act(desc, SCHC_MO_MATCH_MAPPING, SCHC_CDA_MAPPING_SENT);
	for (unsigned i = 0; i < n; i++)
		if (!schc_rule_add_value(
			    rule, desc, option->value[by[i]].data, option->value[by[i]].len))
			return false;
	return true;
}

/* Counters and block numbers: their lengths and values go on. */
static bool goes_on(unsigned number)
{
	return number == OBSERVE || number == BLOCK1 || number == BLOCK2;
}

bool learn_option_desc(
	const struct learn_option *option, struct schc_rule *rule, enum learn_how *how)
{
	enum schc_fid fid = fields_option(option->number);
	struct schc_field_desc *desc = fid == SCHC_FIDS ? NULL : schc_rule_append(rule, fid);
	uint32_t count[LEARN_VALUES];
	double cost = 4 + 8.0 * option->max_len;
	uint16_t taken = rule->n_mapping;
	unsigned listed;

	if (!desc)
		return false;
	for (unsigned i = 0; i < option->n_values; i++)
		count[i] = option->value[i].count;
	listed = best_list(count, option->n_values, option->n, &cost);
	if (listed && !(goes_on(option->number) && (option->n_values > 1 || option->others))) {
		*how = listed == 1 ? LEARN_CONSTANT : LEARN_FEW;
		if (put_texts(rule, desc, option, listed))
			return true;
		take_back(rule, desc, taken);
	}
	*how = goes_on(option->number) ? LEARN_COUNTING : LEARN_SENT;
	return true;
}
