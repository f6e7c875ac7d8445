/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The negotiated attributes (AfRG of draft-ietf-ipsecme-diet-esp-07 section 4) and the IIPC, CTEC
 * and EEC rules that follow from them for one SA.
 */
#ifndef DIETVPN_DIET_CONTEXT_H
#define DIETVPN_DIET_CONTEXT_H

#include "dietvpn/types.h"
#include "schc/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diet_block;
struct diet_shared;
struct schc_end;
struct schc_rule;
struct schc_rule_set;
struct schc_set;

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

/* What else the rules need to know of the SA; src is always the sender's side. */
struct diet_sa {
	enum sa_mode mode;
	uint32_t spi;
	bool esn;
	bool out; /* we are the sender */
	const struct ts *src, *dst;
	uint8_t n_src, n_dst;
	uint8_t outer_family; /* 4, 6 or 0: not known yet (then "lower" of the flow label is as for
				 6) */
};

/* What the lossless guard (section 3.5) looks at beyond the rule's own matching operators. */
enum diet_guard {
	DIET_GUARD_HOP_LIMIT = 1, /* lower: section 7 */
	DIET_GUARD_ATOMIC = 2,    /* generated Identification: no fragments (RFC 6864) */
	DIET_GUARD_CHECKSUM = 4,  /* verify before eliding */
};

/* What went under one rule: whole packets, and RuleID, residue and payload of them. */
struct diet_count {
	uint64_t packets, before, after;
};

/* Explicit rules as one SA has them. */
struct diet_by_set {
	const struct schc_set *set; /* the block's */
	struct diet_block *block;
	uint32_t strange;          /* came behind a good ICV, and was no packet */
	uint32_t n;                /* entries of the set */
	struct diet_count count[]; /* of each, then of packets that no rule took */
};

/* Size matters: one per SA. */
struct diet_context {
	uint32_t spi;
	uint8_t spi_bits, sn_bits, header_len; /* EEC: octets on the wire before the IV */
	uint8_t align, pad_length_sent, next_header_sent, next_header; /* CTEC; align in octets */
	uint8_t rule_id, iipc;                                         /* 0 or 1 */
	uint8_t mode, ip_version, proto; /* enum sa_mode; 0: not single */
	uint8_t guard;                   /* what the lossless guard looks at, enum diet_guard */
	uint8_t outer_family;            /* as in struct diet_sa */
	bool by_set;                     /* explicit rules: by is meant, not plan */
	union {
		struct schc_plan *plan; /* IIPC by the derived rule; owned */
		struct diet_by_set *by; /* IIPC by explicit rules; owned */
	};
};

/*
 * Derives and compiles the rules, for diet_context_fini. 0; -EINVAL where diet_attrs_check
 * complains or the selectors admit no rule (two families, then only iipc_not_compressed works), and
 * for explicit rules where schc_set_check complains, an interface identifier is not known, or one
 * begins with another header than the mode's (IP, or a transport); -E2BIG: schc_set_compile;
 * -ENOMEM. *context is untouched on error.
 */
int diet_context_init(
	struct diet_context *context, const struct diet_attrs *attrs, const struct diet_sa *sa);
void diet_context_fini(struct diet_context *context);
/* Octets of plan or by, and: they move to a place of that size, aligned as malloc does, that the
 * caller owns from then on; before he frees it he calls diet_context_leave instead of _fini. */
size_t diet_context_size(const struct diet_context *context);
void diet_context_move(struct diet_context *context, void *place);
void diet_context_leave(struct diet_context *context);

/*
 * The IIPC rule in schc/rule.h's form, for `rules explain`, tests and the plan; 0 or -EINVAL. No
 * fields: nothing is compressed (iipc_not_compressed, transport mode without a layer-4 rule).
 */
int diet_iipc_rule(
	const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule);
/* The EEC rule; the SN's target value is receiver state and left 0. */
int diet_eec_rule(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule);
/*
 * What attrs->rules need to know of this SA (schc/set.h): the direction, and as interface
 * identifiers the last 64 bits of those IPv6 selectors that admit only one.
 */
void diet_schc_end(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_end *end);
/* Tunnel mode: every rule begins with IP; transport mode: with what IP carries. */
bool diet_suits_mode(const struct schc_rule_set *rules, enum sa_mode mode);

#endif
