/* SPDX-License-Identifier: Apache-2.0 */
/* Several rules on one SA: RuleIDs, which of them may stand together (RFC 8724 6 and 7.2). */
#ifndef DIETVPN_SCHC_SET_H
#define DIETVPN_SCHC_SET_H

#include "schc/rule.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SCHC_SET_RULES = 64,
	SCHC_IID_LEN = 8,
	SCHC_SET_RESIDUE = 1024, /* bits of RuleID and residue of one packet, at most */
};

/*
 * As it is read from a file; rule[n] is borrowed. Either one rule with an implicit RuleID, or all
 * have one, of 1 to SCHC_RULE_ID_BITS bits and none the beginning of another. At most one is
 * SCHC_NO_COMPRESSION; where none is, schc_set_reserve names the RuleID that stands for it.
 */
struct schc_rule_set {
	const struct schc_rule *rule;
	unsigned n;
};

/* What one end of an SA knows besides: where its packets go, and interface identifiers. */
struct schc_end {
	enum schc_di di; /* SCHC_DI_UP: Dev sends the packets of this SA; else SCHC_DI_DOWN */
	bool has_dev_iid, has_app_iid;
	uint8_t dev_iid[SCHC_IID_LEN], app_iid[SCHC_IID_LEN];
};

/* Where something is wrong. */
struct schc_fault {
	unsigned rule;    /* index; n: the set as a whole */
	unsigned field;   /* index of the descriptor; the rule's n: the rule as a whole */
	const char *text; /* one sentence */
};

/*
 * Everything that schc_rule_check looks at, RuleIDs, and what a set needs so that no packet can be
 * restored wrongly: Version and Next Header are given by a rule, not sent; CoAP's version is 1. The
 * first fault in *fault (may be NULL) and false, or true.
 */
bool schc_set_check(const struct schc_rule_set *set, struct schc_fault *fault);

/*
 * The RuleID for packets that no rule takes: that of the rule that says so, else the first (as bits
 * written out, shortest first) of at most 8 bits that fits to the others; two ends with the same
 * set find the same. *id = 0 and *bits = 0 for a set of one implicit rule. false: none is left.
 */
bool schc_set_reserve(const struct schc_rule_set *set, uint8_t *id, uint8_t *bits);

#endif
