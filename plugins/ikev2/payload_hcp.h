/* SPDX-License-Identifier: Apache-2.0 */
/* HCP_PROPOSAL: which compression a child uses
 * (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, with the repairs of diet-esp.md 10). */
#ifndef DIETVPN_IKEV2_PAYLOAD_HCP_H
#define DIETVPN_IKEV2_PAYLOAD_HCP_H

#include "ikev2/payload.h"

/* The attributes in the order of struct hcp; the last three are private, behind our Vendor ID. */
enum hcp_kind {
	HCP_DSCP,
	HCP_ECN,
	HCP_FLOW_LABEL,
	HCP_ALIGNMENT,
	HCP_SPI_LSB,
	HCP_SN_LSB,
	HCP_TRAILER,
	HCP_HOP_LIMIT,
	HCP_RULE_ID,
	HCP_KINDS,
};

enum { HCP_PROPOSALS_MAX = 8, HCP_ATTRIBUTES_MAX = 32, HCP_VALUE_MAX = 32 };

/* One value of each, as sa_install has them. */
struct hcp {
	uint8_t value[HCP_KINDS];
};

/* Explicit rules of this end; they travel by name only, in private attributes. */
struct hcp_rules {
	uint32_t digest; /* first octets of the SHA-256 of the encoded set */
	bool here;       /* this end is Dev */
	bool only;       /* the rules or no child */
};

/* What came out. */
struct hcp_choice {
	struct hcp hcp;
	uint8_t number;  /* of the proposal */
	bool by_rules;   /* it names our rules */
	bool offered;    /* rules were offered, maybe others: */
	uint32_t digest; /* theirs */
	bool proposer;   /* who offers is their Dev */
};

/* The data of the notify can be cut into proposals and attributes. */
bool payload_hcp_valid(struct slice data);
/*
 * Our wish as the whole notify: with the rules (NULL: none); with the private attributes, and
 * without where they differ from what is meant when they are absent.
 */
void payload_hcp_offer(
	struct payload_writer *w, const struct hcp *own, const struct hcp_rules *rules);
/*
 * The first proposal that keeps at least what our own settings keep, and has no rules but ours.
 * false: none, then nothing is compressed; out->offered, digest and proposer hold all the same.
 */
bool payload_hcp_choose(struct slice data, const struct hcp *own, const struct hcp_rules *rules,
	struct hcp_choice *out);
/* Values as bits. */
struct hcp_compared {
	uint64_t offered[HCP_KINDS], allowed[HCP_KINDS];
};
/* The proposal with the fewest attributes that we do not take beside what we would take; an
 * attribute that it does not mention is offered as payload_hcp_choose understands it. data: valid.
 * false: it has no proposal that we can read. */
bool payload_hcp_compare(struct slice data, const struct hcp *own, struct hcp_compared *out);
void payload_hcp_answer(struct payload_writer *w, const struct hcp_choice *chosen);
/* The answer to payload_hcp_offer(own, rules). false: it is not one. */
bool payload_hcp_accept(struct slice data, const struct hcp *own, const struct hcp_rules *rules,
	struct hcp_choice *out);
/*
 * Our rules, for an end that offered others or none: a notify of its own, digest and whether we are
 * Dev. And read: false where the peer has sent none.
 */
void payload_hcp_tell_rules(struct payload_writer *w, const struct hcp_rules *rules);
bool payload_hcp_told_rules(const struct payloads *p, struct hcp_rules *out);

#endif
