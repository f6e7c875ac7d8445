/* SPDX-License-Identifier: Apache-2.0 */
/* HCP_PROPOSAL: which compression a child uses
 * (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, with the repairs of diet-esp.md 10). */
#include "ikev2/payload_hcp.h"

#include "base/wire.h"

#include <string.h>

enum {
	PROPOSAL_HEADER_LEN = 4,
	NAME_DIET_ESP = 0,
	AF_TV = 0x8000,
	TYPE_RANGE = 0x7fff,
	PRIVATE_FIRST = 0x4000, /* esp_trailer; hop_limit_cda and rule_id follow */
	TV_LEN = 4,
	RANGE_LEN = 12,
	N_PUBLIC = HCP_TRAILER,
	WITH_PRIVATE = 1, /* numbers of our proposals */
	WITHOUT_PRIVATE = 2,
	WITH_RULES = 3,
	RULES_LEN = 5, /* of HCP_RULES: digest, Dev */
};

/* Behind the private attributes of struct hcp: all three, or none. */
enum rules_attribute { RULES_HIGH, RULES_LOW, RULES_PROPOSER, N_RULES, ALL_RULES = 7 };

/* What an attribute that is not in the answer means (draft section 4, diet-esp.md 2). */
static const struct hcp absent = {{0, 0, 0, 3, 32, 32, 1, 0, 0}};
static const uint8_t value_top[HCP_KINDS] = {2, 1, 3, 3, 32, 32, 1, 1, 1};

/* Sets of values, one bit each; 0: not mentioned. */
struct sets {
	uint64_t set[HCP_KINDS];
};

/* The attributes that name rules, as they are read. */
struct named {
	uint16_t value[N_RULES];
	unsigned seen;
};

static int kind_of(uint16_t code)
{
	if (code < N_PUBLIC)
		return code;
	if (code >= PRIVATE_FIRST && code < PRIVATE_FIRST + HCP_KINDS - N_PUBLIC)
		return code - PRIVATE_FIRST + N_PUBLIC;
	return -1;
}

static uint16_t code_of(int kind)
{
	return (uint16_t)(kind < N_PUBLIC ? kind : kind - N_PUBLIC + PRIVATE_FIRST);
}

static uint16_t code_of_rules(int i)
{
	return (uint16_t)(PRIVATE_FIRST + HCP_KINDS - N_PUBLIC + i);
}

/* false: none of them, or one that was there. */
static bool read_rules_attribute(const uint8_t *at, struct named *named)
{
	unsigned i = (get_be16(at) & (unsigned)~AF_TV) - code_of_rules(0);

	if (!(get_be16(at) & AF_TV) || i >= N_RULES || named->seen >> i & 1)
		return false;
	named->seen |= 1u << i;
	named->value[i] = get_be16(at + 2);
	return i != RULES_PROPOSER || named->value[i] <= 1;
}

static bool take_named(const struct named *named, struct hcp_choice *out)
{
	if (named->seen != ALL_RULES)
		return false;
	out->offered = true;
	out->digest = (uint32_t)named->value[RULES_HIGH] << 16 | named->value[RULES_LOW];
	out->proposer = named->value[RULES_PROPOSER];
	return true;
}

/* Both ends of a range have the same code; it is cut by its length alone. */
static size_t attribute_len(const uint8_t *at, size_t left)
{
	if (left < TV_LEN)
		return 0;
	if (get_be16(at) & AF_TV)
		return TV_LEN;
	if (get_be16(at) != TYPE_RANGE || get_be16(at + 2) != 2 * TV_LEN || left < RANGE_LEN)
		return 0;
	return RANGE_LEN;
}

static bool proposal_valid(struct slice attributes)
{
	for (int n = 0; attributes.len; n++) {
		size_t len = attribute_len(attributes.data, attributes.len);

		if (!len || n == HCP_ATTRIBUTES_MAX)
			return false;
		attributes.data += len;
		attributes.len -= len;
	}
	return true;
}

bool payload_hcp_valid(struct slice data)
{
	for (int n = 0; data.len; n++) {
		size_t len;

		if (n == HCP_PROPOSALS_MAX || data.len < PROPOSAL_HEADER_LEN)
			return false;
		len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);
		if (len > data.len ||
			!proposal_valid((struct slice){
				data.data + PROPOSAL_HEADER_LEN, len - PROPOSAL_HEADER_LEN}))
			return false;
		data.data += len;
		data.len -= len;
	}
	return true;
}

static uint64_t bits(unsigned low, unsigned high)
{
	return low > high ? 0 : (UINT64_MAX >> (63 - (high - low))) << low;
}

/* Adds what one attribute allows; false: it is none of ours, and the proposal is not for us. */
static bool read_attribute(const uint8_t *at, struct sets *sets)
{
	bool range = get_be16(at) == TYPE_RANGE;
	const uint8_t *low = range ? at + TV_LEN : at;
	const uint8_t *high = range ? low + TV_LEN : at;
	int kind = kind_of(get_be16(low) & (uint16_t)~AF_TV);
	unsigned from = get_be16(low + 2);
	unsigned to = get_be16(high + 2);

	if (kind < 0 || !(get_be16(low) & AF_TV) || get_be16(high) != get_be16(low) || from > to ||
		to > value_top[kind])
		return false;
	sets->set[kind] |= bits(from, to);
	return true;
}

/* data: a valid proposal. false: it is skipped. */
static bool read_proposal(struct slice data, struct sets *sets, struct named *named)
{
	size_t end = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

	memset(sets, 0, sizeof *sets);
	memset(named, 0, sizeof *named);
	if (data.data[1] != NAME_DIET_ESP)
		return false;
	for (size_t at = PROPOSAL_HEADER_LEN; at < end;) {
		if (!read_rules_attribute(data.data + at, named) &&
			!read_attribute(data.data + at, sets))
			return false;
		at += attribute_len(data.data + at, end - at);
	}
	return !named->seen || named->seen == ALL_RULES;
}

/* What loses no more than our own setting does. */
static void acceptable(const struct hcp *own, struct sets *out)
{
	static const uint64_t flow_labels[] = {1, 3, 7, 9}; /* generated may be kept or copied */

	for (int kind = 0; kind < HCP_KINDS; kind++)
		out->set[kind] = bits(0, value_top[kind]);
	out->set[HCP_DSCP] = own->value[HCP_DSCP] == 1 ? 3 : 1;
	out->set[HCP_ECN] = own->value[HCP_ECN] ? 3 : 1;
	out->set[HCP_FLOW_LABEL] = flow_labels[own->value[HCP_FLOW_LABEL] & 3];
	out->set[HCP_SPI_LSB] = bits(own->value[HCP_SPI_LSB], HCP_VALUE_MAX);
	out->set[HCP_SN_LSB] = bits(own->value[HCP_SN_LSB], HCP_VALUE_MAX);
	out->set[HCP_HOP_LIMIT] = own->value[HCP_HOP_LIMIT] ? 2 : 3;
}

static uint8_t lowest(uint64_t set)
{
	uint8_t n = 0;

	while (!(set >> n & 1))
		n++;
	return n;
}

/* The EEC header is whole octets: both together, the fewest bits that fit. */
static bool pick_header(const struct sets *both, const struct hcp *own, struct hcp *out)
{
	unsigned best = 2 * HCP_VALUE_MAX + 1;
	uint64_t spis = both->set[HCP_SPI_LSB];
	uint64_t sns = both->set[HCP_SN_LSB];

	for (unsigned spi = own->value[HCP_SPI_LSB]; spi <= HCP_VALUE_MAX; spi++)
		for (unsigned sn = own->value[HCP_SN_LSB]; sn <= HCP_VALUE_MAX; sn++) {
			if (!(spis >> spi & 1) || !(sns >> sn & 1) || (spi + sn) % 8 ||
				spi + sn >= best)
				continue;
			best = spi + sn;
			out->value[HCP_SPI_LSB] = (uint8_t)spi;
			out->value[HCP_SN_LSB] = (uint8_t)sn;
		}
	return best <= 2 * HCP_VALUE_MAX;
}

/* A private attribute that the proposal does not mention has its default, any other one any value.
 */
static uint64_t meant(const struct sets *offered, int kind)
{
	if (offered->set[kind])
		return offered->set[kind];
	return kind < N_PUBLIC ? UINT64_MAX : bits(absent.value[kind], absent.value[kind]);
}

static bool pick(const struct sets *offered, const struct hcp *own, struct hcp *out)
{
	struct sets both;

	acceptable(own, &both);
	for (int kind = 0; kind < HCP_KINDS; kind++) {
		both.set[kind] &= meant(offered, kind);
		if (!both.set[kind])
			return false;
		out->value[kind] = both.set[kind] >> own->value[kind] & 1 ? own->value[kind]
									  : lowest(both.set[kind]);
	}
	return pick_header(&both, own, out);
}

/* Another set would restore other packets, and two Devs each other's ends. */
static bool rules_fit(
	const struct named *named, const struct hcp_rules *own, struct hcp_choice *out)
{
	if (!named->seen)
		return !own || !own->only;
	take_named(named, out);
	return own && own->digest == out->digest && own->here != out->proposer;
}

bool payload_hcp_choose(struct slice data, const struct hcp *own, const struct hcp_rules *rules,
	struct hcp_choice *out)
{
	struct named named;
	struct sets sets;

	*out = (struct hcp_choice){0};
	while (data.len) {
		size_t len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

		out->number = data.data[0];
		if (read_proposal(data, &sets, &named) && rules_fit(&named, rules, out) &&
			pick(&sets, own, &out->hcp)) {
			out->by_rules = named.seen != 0;
			return true;
		}
		data.data += len;
		data.len -= len;
	}
	return false;
}

bool payload_hcp_compare(struct slice data, const struct hcp *own, struct hcp_compared *out)
{
	int least = HCP_KINDS + 1;
	struct sets takes;

	acceptable(own, &takes);
	while (data.len) {
		size_t len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);
		struct named named;
		struct sets offered;
		int differ = 0;

		if (read_proposal(data, &offered, &named) && !named.seen) {
			for (int kind = 0; kind < HCP_KINDS; kind++)
				differ += !(meant(&offered, kind) & takes.set[kind]);
			for (int kind = 0; differ < least && kind < HCP_KINDS; kind++) {
				out->offered[kind] = meant(&offered, kind);
				out->allowed[kind] = takes.set[kind];
			}
			least = differ < least ? differ : least;
		}
		data.data += len;
		data.len -= len;
	}
	return least <= HCP_KINDS;
}

/* As in our offer: dscp_cda = sa needs a list that no attribute carries. */
static struct hcp offered_of(const struct hcp *own)
{
	struct hcp offer = *own;

	if (offer.value[HCP_DSCP] > 1)
		offer.value[HCP_DSCP] = 0;
	return offer;
}

static bool has_private(const struct hcp *h)
{
	return memcmp(h->value + N_PUBLIC, absent.value + N_PUBLIC, HCP_KINDS - N_PUBLIC) != 0;
}

static void put_attribute(struct payload_writer *w, uint16_t code, uint16_t value)
{
	payload_put16(w, AF_TV | code);
	payload_put16(w, value);
}

static void put_proposal(struct payload_writer *w, const struct hcp *h, uint8_t number, int kinds)
{
	payload_put8(w, number);
	payload_put8(w, NAME_DIET_ESP);
	payload_put16(w, (uint16_t)(kinds * TV_LEN));
	for (int kind = 0; kind < kinds && kind < HCP_KINDS; kind++)
		put_attribute(w, code_of(kind), h->value[kind]);
}

static void put_by_rules(struct payload_writer *w, const struct hcp *h, uint8_t number,
	uint32_t digest, bool proposer)
{
	put_proposal(w, h, number, HCP_KINDS + N_RULES);
	put_attribute(w, code_of_rules(RULES_HIGH), (uint16_t)(digest >> 16));
	put_attribute(w, code_of_rules(RULES_LOW), (uint16_t)digest);
	put_attribute(w, code_of_rules(RULES_PROPOSER), proposer);
}

static size_t begin_notify(struct payload_writer *w)
{
	size_t at = payload_begin(w, PAYLOAD_NOTIFY);

	payload_put16(w, 0);
	payload_put16(w, HCP_PROPOSAL);
	return at;
}

/* A hop limit that must be kept cannot be had without the private attribute. */
static bool public_alone_will_do(const struct hcp *h)
{
	return !h->value[HCP_HOP_LIMIT];
}

static void put_attributes_alone(struct payload_writer *w, const struct hcp *offer)
{
	if (has_private(offer))
		put_proposal(w, offer, WITH_PRIVATE, HCP_KINDS);
	if (!has_private(offer) || public_alone_will_do(offer))
		put_proposal(w, offer, WITHOUT_PRIVATE, N_PUBLIC);
}

void payload_hcp_offer(
	struct payload_writer *w, const struct hcp *own, const struct hcp_rules *rules)
{
	const struct hcp offer = offered_of(own);
	size_t at = begin_notify(w);

	if (rules)
		put_by_rules(w, &offer, WITH_RULES, rules->digest, rules->here);
	if (!rules || !rules->only)
		put_attributes_alone(w, &offer);
	payload_end(w, at);
}

void payload_hcp_answer(struct payload_writer *w, const struct hcp_choice *chosen)
{
	const struct hcp *hcp = &chosen->hcp;
	size_t at = begin_notify(w);

	if (chosen->by_rules)
		put_by_rules(w, hcp, chosen->number, chosen->digest, chosen->proposer);
	else
		put_proposal(w, hcp, chosen->number, has_private(hcp) ? HCP_KINDS : N_PUBLIC);
	payload_end(w, at);
}

/* false: an attribute that is none of ours, or stands twice. */
static bool read_value(const uint8_t *at, uint32_t *seen, struct hcp *out)
{
	uint16_t type = get_be16(at);
	int kind = kind_of(type & (uint16_t)~AF_TV);

	if (!(type & AF_TV) || kind < 0 || *seen >> kind & 1 || get_be16(at + 2) > value_top[kind])
		return false;
	*seen |= (uint32_t)1 << kind;
	out->value[kind] = (uint8_t)get_be16(at + 2);
	return true;
}

/* One proposal, every attribute once and without ranges. */
static bool read_answer(struct slice data, struct hcp_choice *out)
{
	struct named named = {0};
	uint32_t seen = 0;

	if (!payload_hcp_valid(data) || data.len < PROPOSAL_HEADER_LEN ||
		data.len != PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2) ||
		data.data[1] != NAME_DIET_ESP)
		return false;
	*out = (struct hcp_choice){.hcp = absent, .number = data.data[0]};
	for (size_t at = PROPOSAL_HEADER_LEN; at < data.len; at += TV_LEN)
		if (!read_rules_attribute(data.data + at, &named) &&
			!read_value(data.data + at, &seen, &out->hcp))
			return false;
	out->by_rules = take_named(&named, out);
	return out->by_rules || !named.seen;
}

/* What each of our proposals says, in the words of an answer to it. */
static bool is_offer(
	const struct hcp_choice *out, const struct hcp *offer, const struct hcp_rules *rules)
{
	struct hcp plain = *offer;

	if (out->number == WITH_RULES)
		return rules && out->by_rules && out->digest == rules->digest &&
		       out->proposer == rules->here && !memcmp(&out->hcp, offer, sizeof *offer);
	if (out->by_rules || (rules && rules->only))
		return false;
	if (out->number == WITH_PRIVATE)
		return has_private(offer) && !memcmp(&out->hcp, offer, sizeof *offer);
	memcpy(plain.value + N_PUBLIC, absent.value + N_PUBLIC, HCP_KINDS - N_PUBLIC);
	return out->number == WITHOUT_PRIVATE && !memcmp(&out->hcp, &plain, sizeof plain) &&
	       (!has_private(offer) || public_alone_will_do(offer));
}

bool payload_hcp_accept(struct slice data, const struct hcp *own, const struct hcp_rules *rules,
	struct hcp_choice *out)
{
	const struct hcp offer = offered_of(own);

	return read_answer(data, out) && is_offer(out, &offer, rules);
}

void payload_hcp_tell_rules(struct payload_writer *w, const struct hcp_rules *rules)
{
	uint8_t data[RULES_LEN];

	put_be32(data, rules->digest);
	data[RULES_LEN - 1] = rules->here;
	payload_add_notify(w, HCP_RULES, (struct slice){data, sizeof data});
}

bool payload_hcp_told_rules(const struct payloads *p, struct hcp_rules *out)
{
	const struct notify *n = payloads_notify(p, HCP_RULES);

	if (!n || n->data.len != RULES_LEN)
		return false;
	*out = (struct hcp_rules){
		.digest = get_be32(n->data.data), .here = n->data.data[RULES_LEN - 1] == 1};
	return true;
}
