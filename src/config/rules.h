/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute maps in CBOR (diet-esp.md section 12) to and from struct diet_attrs. */
#ifndef DIETVPN_CONFIG_RULES_H
#define DIETVPN_CONFIG_RULES_H

#include "codec/tree.h"
#include "diet/context.h"
#include "dietvpn/types.h"

/* One key of an attribute map, as CBOR and as people write it. */
struct rules_attribute {
	int64_t key;
	const char *name;
	uint32_t min, max;
	const char *words[4]; /* words[value]; words[0] NULL: a number */
};
/* All of them, in the order of their encoded keys. */
const struct rules_attribute *rules_attributes(size_t *n);
/* An array of such numbers, not one: dscp_list. */
bool rules_attribute_is_list(const struct rules_attribute *attribute);

/*
 * The profile map alone, as a plugin hands it over, where it may name a rule set, too. Absent keys
 * have the defaults of IKEv2 (extension -04: 64-bit alignment, optional trailer, SPI and SN whole,
 * nothing else compressed) and a window that fits; diet_attrs_check has passed. 0 or -EINVAL with
 * *error.
 */
int rules_attrs_read(struct slice cbor, struct diet_attrs *out, struct tree_error *error);
/* The same of a node in a tree; path is where it stands, for *error. */
int rules_attrs_take(
	tree_node map, const char *path, struct diet_attrs *out, struct tree_error *error);
/* Every attribute, so that reading it gives the same; deterministic. */
void rules_attrs_write(struct tree_writer *w, const struct diet_attrs *attrs);

#endif
