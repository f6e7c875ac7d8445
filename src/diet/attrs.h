/* SPDX-License-Identifier: Apache-2.0 */
/* The negotiated attributes: AfRG of draft-ietf-ipsecme-diet-esp-07 section 4, and ours. */
#ifndef DIETVPN_DIET_ATTRS_H
#define DIETVPN_DIET_ATTRS_H

#include <stdbool.h>
#include <stdint.h>

struct diet_shared;
struct schc_rule_set;

/* A later draft's wire format is a new value. */
enum wire_profile { WIRE_DIET_ESP_07 };

enum dscp_cda { DSCP_NOT_COMPRESSED, DSCP_LOWER, DSCP_SA };
enum ecn_cda { ECN_NOT_COMPRESSED, ECN_LOWER };
enum flow_label_cda {
	FLOW_LABEL_NOT_COMPRESSED,
	FLOW_LABEL_LOWER,
	FLOW_LABEL_GENERATED,
	FLOW_LABEL_ZERO
};
enum alignment { ALIGNMENT_8, ALIGNMENT_16, ALIGNMENT_32, ALIGNMENT_64 };
enum esp_trailer { ESP_TRAILER_MANDATORY, ESP_TRAILER_OPTIONAL };
enum hop_limit_cda { HOP_LIMIT_LOWER, HOP_LIMIT_NOT_COMPRESSED };

enum { DIET_DSCP_MAX = 64, DIET_RULE_ID = 0x01, DIET_RULE_ID_NONE = 0x00 };

struct diet_attrs {
	enum wire_profile wire_profile;
	bool iipc; /* iipc_profile: iipc_diet-esp, else iipc_not_compressed */
	uint8_t dscp_cda, ecn_cda, flow_label_cda, alignment, esp_trailer,
		hop_limit_cda;           /* enums above */
	uint8_t esp_spi_lsb, esp_sn_lsb; /* bits; their sum a multiple of 8 */
	bool rule_id;                    /* private: one octet of RuleID before the residue */
	bool verify_checksum; /* guard: never elide a checksum that is wrong; default true */
	uint8_t n_dscp;
	uint8_t dscp_list[DIET_DSCP_MAX];
	uint32_t window; /* replay window, packets */
	/*
	 * Explicit rules, both directions; NULL: only the derived one. Borrowed while a context or
	 * an SA is made. With them a RuleID always travels, of as many bits as it has, rule_id is
	 * not looked at, and no rule is derived from the other attributes.
	 */
	const struct schc_rule_set *rules;
	struct diet_shared *shared; /* diet/shared.h: of rules, for all their SAs; NULL: each has
				       its own */
	/* Rules are meant that others know by this digest: the first octets of the SHA-256 of their
	 * encoding. What makes rules of it is the host. */
	bool rules_named;
	uint32_t rules_digest;
	bool device; /* this end is Dev: what it sends goes Up; local, not negotiated */
};

/* Plain ESP: RFC 4303 with 32-bit alignment, nothing compressed, SPI and SN whole. */
struct diet_attrs diet_attrs_plain(void);
/* Presets off, safe, iot, link. false: no such name. */
bool diet_attrs_preset(const char *name, struct diet_attrs *out);
/* NULL, or one sentence saying which constraint of diet-esp.md sections 2 and 12.2 is violated. */
const char *diet_attrs_check(const struct diet_attrs *attrs);

#endif
