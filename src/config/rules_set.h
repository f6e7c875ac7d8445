/* SPDX-License-Identifier: Apache-2.0 */
/* The rule set of a rule file (RFC 9363, config/yang.h) as the engine's rules. */
#ifndef DIETVPN_CONFIG_RULES_SET_H
#define DIETVPN_CONFIG_RULES_SET_H

#include "codec/tree.h"
#include "crypto/hash.h"
#include "schc/set.h"

struct rules_set {
	struct schc_rule_set set; /* borrows rules */
	struct schc_rule *rules;
	uint32_t version;                /* what its author counts; 0: the file does not say */
	uint8_t digest[HASH_SHA256_LEN]; /* of the encoding, whatever profiles stand beside it */
};

enum { RULES_DIGEST_TEXT = 9 };
/* The first four octets: what two ends compare, as a number and as "1a2b3c4d". */
uint32_t rules_set_digest(const struct rules_set *set);
const char *rules_digest_print(uint32_t digest, char out[static RULES_DIGEST_TEXT]);

/*
 * context: of struct rules_file. Every rule legal, lossless and known to the engine, and the set as
 * a whole sound (schc_set_check). 0, for rules_set_free; -EINVAL with *error, whose path names rule
 * and entry; -ENOMEM.
 */
int rules_set_read(tree_node context, struct rules_set *out, struct tree_error *error);
void rules_set_free(struct rules_set *set);

/* A field's identity, "fid-udp-length"; NULL: it has none (fields by place). */
const char *rules_field_name(enum schc_fid fid);

/* The identities of a descriptor, without their modules; field may be NULL as above. */
struct rules_names {
	const char *field, *direction, *mo, *cda;
	const char *length; /* NULL: field-length is the number of bits */
};
struct rules_names rules_names(const struct schc_field_desc *desc);

#endif
