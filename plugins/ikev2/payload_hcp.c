/* SPDX-License-Identifier: Apache-2.0 */
/* HCP_PROPOSAL: which compression a child uses
 * (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, with the repairs of diet-esp.md 10). */
#include "ikev2/payload_hcp.h"

#include "base/wire.h"
#include "ikev2/payload_hcp_read.h"

#include <string.h>

enum {
	WITH_PRIVATE = 1, /* numbers of our proposals */
	WITHOUT_PRIVATE = 2,
	WITH_RULES = 3,
	RULES_LEN = 5, /* of HCP_RULES: digest, Dev */
};

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
	return memcmp(h->value + N_PUBLIC, hcp_absent.value + N_PUBLIC, HCP_KINDS - N_PUBLIC) != 0;
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
		put_attribute(w, hcp_code_of(kind), h->value[kind]);
}

static void put_by_rules(struct payload_writer *w, const struct hcp *h, uint8_t number,
	uint32_t digest, bool proposer)
{
	put_proposal(w, h, number, HCP_KINDS + N_RULES);
	put_attribute(w, hcp_code_of_rules(RULES_HIGH), (uint16_t)(digest >> 16));
	put_attribute(w, hcp_code_of_rules(RULES_LOW), (uint16_t)digest);
	put_attribute(w, hcp_code_of_rules(RULES_PROPOSER), proposer);
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
	int kind = hcp_kind_of(type & (uint16_t)~AF_TV);

	if (!(type & AF_TV) || kind < 0 || *seen >> kind & 1 ||
		get_be16(at + 2) > hcp_value_top[kind])
		return false;
	*seen |= (uint32_t)1 << kind;
	out->value[kind] = (uint8_t)get_be16(at + 2);
	return true;
}

/* One proposal, every attribute once and without ranges. */
static bool read_answer(struct slice data, struct hcp_choice *out)
{
	struct hcp_named named = {0};
	uint32_t seen = 0;

	if (!payload_hcp_valid(data) || data.len < PROPOSAL_HEADER_LEN ||
		data.len != PROPOSAL_HEADER_LEN + (size_t)get_be16(data.data + 2) ||
		data.data[1] != NAME_DIET_ESP)
		return false;
	*out = (struct hcp_choice){.hcp = hcp_absent, .number = data.data[0]};
	for (size_t at = PROPOSAL_HEADER_LEN; at < data.len; at += TV_LEN)
		if (!hcp_read_rules(data.data + at, &named) &&
			!read_value(data.data + at, &seen, &out->hcp))
			return false;
	out->by_rules = hcp_take_rules(&named, out);
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
	memcpy(plain.value + N_PUBLIC, hcp_absent.value + N_PUBLIC, HCP_KINDS - N_PUBLIC);
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
