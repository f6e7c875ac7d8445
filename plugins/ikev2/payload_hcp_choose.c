/* SPDX-License-Identifier: Apache-2.0 */
/* HCP_PROPOSAL of a peer: the proposal that keeps what our own settings keep (diet-esp.md 10). */
#include "ikev2/payload_hcp_read.h"

#include "base/wire.h"

#include <string.h>

/* What loses no more than our own setting does. */
static void acceptable(const struct hcp *own, struct hcp_sets *out)
{
	static const uint64_t flow_labels[] = {1, 3, 7, 9}; /* generated may be kept or copied */

	for (int kind = 0; kind < HCP_KINDS; kind++)
		out->set[kind] = hcp_bits(0, hcp_value_top[kind]);
	out->set[HCP_DSCP] = own->value[HCP_DSCP] == 1 ? 3 : 1;
	out->set[HCP_ECN] = own->value[HCP_ECN] ? 3 : 1;
	out->set[HCP_FLOW_LABEL] = flow_labels[own->value[HCP_FLOW_LABEL] & 3];
	out->set[HCP_SPI_LSB] = hcp_bits(own->value[HCP_SPI_LSB], HCP_VALUE_MAX);
	out->set[HCP_SN_LSB] = hcp_bits(own->value[HCP_SN_LSB], HCP_VALUE_MAX);
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
static bool pick_header(const struct hcp_sets *both, const struct hcp *own, struct hcp *out)
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
static uint64_t meant(const struct hcp_sets *offered, int kind)
{
	if (offered->set[kind])
		return offered->set[kind];
	return kind < N_PUBLIC ? UINT64_MAX
			       : hcp_bits(hcp_absent.value[kind], hcp_absent.value[kind]);
}

static bool pick(const struct hcp_sets *offered, const struct hcp *own, struct hcp *out)
{
	struct hcp_sets both;

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
	const struct hcp_named *named, const struct hcp_rules *own, struct hcp_choice *out)
{
	if (!named->seen)
		return !own || !own->only;
	hcp_take_rules(named, out);
	return own && own->digest == out->digest && own->here != out->proposer;
}

bool payload_hcp_choose(struct slice data, const struct hcp *own, const struct hcp_rules *rules,
	struct hcp_choice *out)
{
	struct hcp_named named;
	struct hcp_sets sets;

	*out = (struct hcp_choice){0};
	while (data.len) {
		size_t len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);

		out->number = data.data[0];
		if (hcp_read_proposal(data, &sets, &named) && rules_fit(&named, rules, out) &&
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
	struct hcp_sets takes;

	acceptable(own, &takes);
	while (data.len) {
		size_t len = PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2);
		struct hcp_named named;
		struct hcp_sets offered;
		int differ = 0;

		if (hcp_read_proposal(data, &offered, &named) && !named.seen) {
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
