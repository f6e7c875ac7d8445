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
};

/* What an attribute that is not in the answer means (draft section 4, diet-esp.md 2). */
static const struct hcp absent = {{0, 0, 0, 3, 32, 32, 1, 0, 0}};
static const uint8_t value_top[HCP_KINDS] = {2, 1, 3, 3, 32, 32, 1, 1, 1};

/* Sets of values, one bit each; 0: not mentioned. */
struct sets {
	uint64_t set[HCP_KINDS];
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
static bool read_proposal(struct slice data, struct sets *sets)
{
	size_t end = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

	memset(sets, 0, sizeof *sets);
	if (data.data[1] != NAME_DIET_ESP)
		return false;
	for (size_t at = PROPOSAL_HEADER_LEN; at < end;) {
		if (!read_attribute(data.data + at, sets))
			return false;
		at += attribute_len(data.data + at, end - at);
	}
	return true;
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

bool payload_hcp_choose(struct slice data, const struct hcp *own, struct hcp *out, uint8_t *number)
{
	struct sets sets;

	while (data.len) {
		size_t len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

		*number = data.data[0];
		if (read_proposal(data, &sets) && pick(&sets, own, out))
			return true;
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
		struct sets offered;
		int differ = 0;

		if (read_proposal(data, &offered)) {
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

static void put_proposal(struct payload_writer *w, const struct hcp *h, uint8_t number, int kinds)
{
	payload_put8(w, number);
	payload_put8(w, NAME_DIET_ESP);
	payload_put16(w, (uint16_t)(kinds * TV_LEN));
	for (int kind = 0; kind < kinds; kind++) {
		payload_put16(w, AF_TV | code_of(kind));
		payload_put16(w, h->value[kind]);
	}
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

void payload_hcp_offer(struct payload_writer *w, const struct hcp *own)
{
	const struct hcp offer = offered_of(own);
	size_t at = begin_notify(w);

	if (has_private(&offer))
		put_proposal(w, &offer, WITH_PRIVATE, HCP_KINDS);
	if (!has_private(&offer) || public_alone_will_do(&offer))
		put_proposal(w, &offer, WITHOUT_PRIVATE, N_PUBLIC);
	payload_end(w, at);
}

void payload_hcp_answer(struct payload_writer *w, const struct hcp *chosen, uint8_t number)
{
	size_t at = begin_notify(w);

	put_proposal(w, chosen, number, has_private(chosen) ? HCP_KINDS : N_PUBLIC);
	payload_end(w, at);
}

/* One proposal, every attribute once and without ranges. */
static bool read_answer(struct slice data, struct hcp *out)
{
	uint32_t seen = 0;

	if (!payload_hcp_valid(data) || data.len < PROPOSAL_HEADER_LEN ||
		data.len != PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2) ||
		data.data[1] != NAME_DIET_ESP)
		return false;
	*out = absent;
	for (size_t at = PROPOSAL_HEADER_LEN; at < data.len; at += TV_LEN) {
		uint16_t type = get_be16(data.data + at);
		int kind = kind_of(type & (uint16_t)~AF_TV);

		if (!(type & AF_TV) || kind < 0 || seen >> kind & 1 ||
			get_be16(data.data + at + 2) > value_top[kind])
			return false;
		seen |= (uint32_t)1 << kind;
		out->value[kind] = (uint8_t)get_be16(data.data + at + 2);
	}
	return true;
}

bool payload_hcp_accept(struct slice data, const struct hcp *own, struct hcp *out)
{
	const struct hcp offer = offered_of(own);
	struct hcp plain = offer;

	if (!read_answer(data, out))
		return false;
	if (data.data[0] == WITH_PRIVATE)
		return has_private(&offer) && !memcmp(out, &offer, sizeof offer);
	memcpy(plain.value + N_PUBLIC, absent.value + N_PUBLIC, HCP_KINDS - N_PUBLIC);
	return data.data[0] == WITHOUT_PRIVATE && !memcmp(out, &plain, sizeof plain) &&
	       (!has_private(&offer) || public_alone_will_do(&offer));
}
