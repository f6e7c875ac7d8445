/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that follow from attributes and selectors of one SA. */
#ifndef DIETVPN_DIET_DERIVE_H
#define DIETVPN_DIET_DERIVE_H

#include "diet/attrs.h"
#include "dietvpn/types.h"

struct schc_rule;

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

/* Its selectors as one rule sees them. */
struct diet_selectors {
	struct ts src, dst; /* covers */
	uint8_t version;    /* 4, 6; 0: two families */
	uint8_t proto;      /* 0: ANY */
};
/* -EINVAL: no selectors, or one side alone mixes families. */
int diet_find_selectors(const struct diet_sa *sa, struct diet_selectors *out);
/* The IIPC rule of attributes that diet_attrs_check has passed. */
void diet_derive_iipc(struct schc_rule *rule, const struct diet_attrs *attrs,
	const struct diet_selectors *sel, enum sa_mode mode);

/*
 * The IIPC rule in schc/rule.h's form, for `rules explain`, tests and the plan; 0 or -EINVAL. No
 * fields: nothing is compressed (iipc_not_compressed, transport mode without a layer-4 rule).
 */
int diet_iipc_rule(
	const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule);
/* The EEC rule; the SN's target value is receiver state and left 0. */
int diet_eec_rule(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule);

#endif
