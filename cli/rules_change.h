/* SPDX-License-Identifier: Apache-2.0 */
/* One descriptor of a rule made wider, or put in, so that the rule takes a packet (RFC 8724 7.2).
 */
#ifndef DIETVPN_CLI_RULES_CHANGE_H
#define DIETVPN_CLI_RULES_CHANGE_H

#include "schc/explain.h"

enum { CHANGE_VALUE_MAX = 64 };

/* Also this value; fewer first bits; any value. */
enum change_how { CHANGE_NOTHING, CHANGE_LIST, CHANGE_PREFIX, CHANGE_SEND };

/* What to do with one descriptor, or which one to put in front of it. */
struct change {
	unsigned at;
	bool insert;
	enum schc_fid fid; /* inserted */
	enum schc_di di;
	uint8_t fp;
	enum change_how how;
	uint16_t msb;
	uint8_t value[CHANGE_VALUE_MAX];
	size_t len;
};

/* What lets the field's value through; false: nothing does, the rule is for other headers. */
bool change_for_field(const struct schc_rule *rule, const struct schc_explained_field *field,
	const uint8_t *packet, struct change *out);
/* An entry for the CoAP option that the rule does not have, where its number belongs. */
bool change_for_option(
	const struct schc_rule *rule, enum schc_di di, unsigned number, struct change *out);
/* An entry for the token, behind the Message ID. */
bool change_for_token(const struct schc_rule *rule, enum schc_di di, struct change *out);
/* A hop limit that the rule takes from the outer header is sent. */
bool change_for_hop_limit(const struct schc_rule *rule, struct change *out);
/* The rule with the change; false: it has no room. */
bool change_apply(const struct schc_rule *from, const struct change *change, struct schc_rule *to);

#endif
