/* SPDX-License-Identifier: Apache-2.0 */
/* The IIPC, CTEC and EEC compressors of one SA, made of its attributes and selectors. */
#ifndef DIETVPN_DIET_CONTEXT_H
#define DIETVPN_DIET_CONTEXT_H

#include "diet/by_set.h"
#include "schc/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the lossless guard (section 3.5) looks at beyond the rule's own matching operators. */
enum diet_guard {
	DIET_GUARD_HOP_LIMIT = 1, /* lower: section 7 */
	DIET_GUARD_ATOMIC = 2,    /* generated Identification: no fragments (RFC 6864) */
	DIET_GUARD_CHECKSUM = 4,  /* verify before eliding */
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

#endif
