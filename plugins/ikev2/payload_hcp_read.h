/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals and attributes of HCP_PROPOSAL as they stand on the wire; for payload_hcp*.c only. */
#ifndef DIETVPN_IKEV2_PAYLOAD_HCP_READ_H
#define DIETVPN_IKEV2_PAYLOAD_HCP_READ_H

#include "ikev2/payload_hcp.h"

enum {
	PROPOSAL_HEADER_LEN = 4,
	NAME_DIET_ESP = 0,
	AF_TV = 0x8000,
	TYPE_RANGE = 0x7fff,
	PRIVATE_FIRST = 0x4000, /* esp_trailer; hop_limit_cda and rule_id follow */
	TV_LEN = 4,
	RANGE_LEN = 12,
	N_PUBLIC = HCP_TRAILER,
};

/* Behind the private attributes of struct hcp: all three, or none. */
enum rules_attribute { RULES_HIGH, RULES_LOW, RULES_PROPOSER, N_RULES, ALL_RULES = 7 };

/* What an attribute that is not in the answer means (draft section 4, diet-esp.md 2). */
extern const struct hcp hcp_absent;
extern const uint8_t hcp_value_top[HCP_KINDS];

/* Sets of values, one bit each; 0: not mentioned. */
struct hcp_sets {
	uint64_t set[HCP_KINDS];
};

/* The attributes that name rules, as they are read. */
struct hcp_named {
	uint16_t value[N_RULES];
	unsigned seen;
};

/* The kind of an attribute's number, -1: none of ours; and back; and of the i-th that names rules.
 */
int hcp_kind_of(uint16_t code);
uint16_t hcp_code_of(int kind);
uint16_t hcp_code_of_rules(int i);
/* The values from low to high as a set. */
uint64_t hcp_bits(unsigned low, unsigned high);
/* One attribute that names rules. false: it does not, or one that was there. */
bool hcp_read_rules(const uint8_t *at, struct hcp_named *named);
/* All three of them into the choice. false: some are missing. */
bool hcp_take_rules(const struct hcp_named *named, struct hcp_choice *out);
/* data: begins with a valid proposal. false: it is skipped. */
bool hcp_read_proposal(struct slice data, struct hcp_sets *sets, struct hcp_named *named);

#endif
