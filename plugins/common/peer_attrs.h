/* SPDX-License-Identifier: Apache-2.0 */
/* The compression attributes of a peer, as they cross the door (diet-esp.md 12, rules.cddl). */
#ifndef DIETVPN_COMMON_PEER_ATTRS_H
#define DIETVPN_COMMON_PEER_ATTRS_H

#include "codec/tree.h"
#include "dietvpn/types.h"

enum {
	ATTR_SPI_LSB = 4, /* below 0: of the door, not on the wire */
	ATTR_IIPC = -1,
	ATTR_RULE_ID = -4,
	ATTR_HOP_LIMIT = -5,
	ATTR_WINDOW = -6,
	ATTR_RULES_DIGEST = -16, /* explicit rules, both or none */
	ATTR_DEVICE = -17,
};

/* RFC 4303 as it is: 32-bit alignment, whole SPI and number, trailer sent, nothing compressed. */
struct slice peer_attrs_plain(void);
/* A number of the map up to max; otherwise what is absent. */
uint64_t peer_attr(tree_node attrs, int key, uint64_t max, uint64_t absent);

#endif
