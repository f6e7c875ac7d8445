/* SPDX-License-Identifier: Apache-2.0 */
/* HCP_PROPOSAL cut into proposals and attributes
 * (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, diet-esp.md 10). */
#include "ikev2/payload_hcp_read.h"

#include "base/wire.h"

#include <string.h>

const struct hcp hcp_absent = {{0, 0, 0, 3, 32, 32, 1, 0, 0}};
const uint8_t hcp_value_top[HCP_KINDS] = {2, 1, 3, 3, 32, 32, 1, 1, 1};

int hcp_kind_of(uint16_t code)
{
	if (code < N_PUBLIC)
		return code;
	if (code >= PRIVATE_FIRST && code < PRIVATE_FIRST + HCP_KINDS - N_PUBLIC)
		return code - PRIVATE_FIRST + N_PUBLIC;
	return -1;
}

uint16_t hcp_code_of(int kind)
{
	return (uint16_t)(kind < N_PUBLIC ? kind : kind - N_PUBLIC + PRIVATE_FIRST);
}

uint16_t hcp_code_of_rules(int i)
{
	return (uint16_t)(PRIVATE_FIRST + HCP_KINDS - N_PUBLIC + i);
}

bool hcp_read_rules(const uint8_t *at, struct hcp_named *named)
{
	unsigned i = (get_be16(at) & (unsigned)~AF_TV) - hcp_code_of_rules(0);

	if (!(get_be16(at) & AF_TV) || i >= N_RULES || named->seen >> i & 1)
		return false;
	named->seen |= 1u << i;
	named->value[i] = get_be16(at + 2);
	return i != RULES_PROPOSER || named->value[i] <= 1;
}

bool hcp_take_rules(const struct hcp_named *named, struct hcp_choice *out)
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

uint64_t hcp_bits(unsigned low, unsigned high)
{
	return low > high ? 0 : (UINT64_MAX >> (63 - (high - low))) << low;
}

/* Adds what one attribute allows; false: it is none of ours, and the proposal is not for us. */
static bool read_attribute(const uint8_t *at, struct hcp_sets *sets)
{
	bool range = get_be16(at) == TYPE_RANGE;
	const uint8_t *low = range ? at + TV_LEN : at;
	const uint8_t *high = range ? low + TV_LEN : at;
	int kind = hcp_kind_of(get_be16(low) & (uint16_t)~AF_TV);
	unsigned from = get_be16(low + 2);
	unsigned to = get_be16(high + 2);

	if (kind < 0 || !(get_be16(low) & AF_TV) || get_be16(high) != get_be16(low) || from > to ||
		to > hcp_value_top[kind])
		return false;
	sets->set[kind] |= hcp_bits(from, to);
	return true;
}

bool hcp_read_proposal(struct slice data, struct hcp_sets *sets, struct hcp_named *named)
{
	size_t end = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

	memset(sets, 0, sizeof *sets);
	memset(named, 0, sizeof *named);
	if (data.data[1] != NAME_DIET_ESP)
		return false;
	for (size_t at = PROPOSAL_HEADER_LEN; at < end;) {
		if (!hcp_read_rules(data.data + at, named) && !read_attribute(data.data + at, sets))
			return false;
		at += attribute_len(data.data + at, end - at);
	}
	return !named->seen || named->seen == ALL_RULES;
}
