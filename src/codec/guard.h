/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over raw CBOR heads (RFC 8949) that stands before libcbor, which allocates what is
 * claimed. */
#ifndef DIETVPN_CODEC_GUARD_H
#define DIETVPN_CODEC_GUARD_H

#include "codec/tree.h"

enum {
	GUARD_ITEMS_MAX = 16384, /* each costs libcbor about 64 octets */
	GUARD_PAIRS_MAX = 256,   /* of one map: the search for duplicates is quadratic */
};

struct guard_limits {
	unsigned depth;
	size_t octets, items;
};

/*
 * Exactly one item within the profile of codec/tree.h; *canonical: also deterministic as RFC 8949
 * 4.2.1 asks. false with *error (which may be NULL). Allocates nothing.
 */
bool guard_walk(const uint8_t *data, size_t len, const struct guard_limits *limits, bool *canonical,
	struct tree_error *error);

/* Length of the longest beginning of text that is UTF-8 (RFC 3629); len where all of it is. */
size_t guard_utf8(const uint8_t *text, size_t len);

#endif
