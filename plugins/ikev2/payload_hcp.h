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

/* The data of the notify can be cut into proposals and attributes. */
bool payload_hcp_valid(struct slice data);
/* Our wish as the whole notify: with the private attributes, and without where they differ from
 * what is meant when they are absent. */
void payload_hcp_offer(struct payload_writer *w, const struct hcp *own);
/*
 * The first proposal that keeps at least what our own settings keep. *number: for the answer.
 * false: none, then nothing is compressed.
 */
bool payload_hcp_choose(struct slice data, const struct hcp *own, struct hcp *out, uint8_t *number);
/* Values as bits. */
struct hcp_compared {
	uint64_t offered[HCP_KINDS], allowed[HCP_KINDS];
};
/* The proposal with the fewest attributes that we do not take beside what we would take; an
 * attribute that it does not mention is offered as payload_hcp_choose understands it. data: valid.
 * false: it has no proposal that we can read. */
bool payload_hcp_compare(struct slice data, const struct hcp *own, struct hcp_compared *out);
void payload_hcp_answer(struct payload_writer *w, const struct hcp *chosen, uint8_t number);
/* The answer to payload_hcp_offer(own). false: it is not one. */
bool payload_hcp_accept(struct slice data, const struct hcp *own, struct hcp *out);

#endif
