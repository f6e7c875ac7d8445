/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of module ietf-schc (RFC 9363) that describes compression, and what dietvpn-schc adds to
 * it, as a table: what YANG-CBOR
 * (RFC 9254) and JSON (RFC 7951) of a rule set must look like.
 */
#ifndef DIETVPN_CONFIG_YANG_H
#define DIETVPN_CONFIG_YANG_H

#include "codec/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yang_type {
	YANG_CONTAINER,
	YANG_LIST,
	YANG_UINT,
	YANG_BINARY,
	YANG_IDENTITY,
	YANG_LENGTH /* a number, or an identity of base (tag 45 in CBOR) */
};

enum { YANG_TAG_IDENTITY = 45, YANG_PATH_MAX = 96 }; /* octets of a schema path */

struct yang_node {
	const char *name; /* as a member of a JSON object */
	enum yang_type type;
	bool mandatory;
	uint32_t min;     /* of a number */
	uint32_t max;     /* of a number; of a binary's octets; of a list's entries */
	const char *base; /* identities: what their names begin with, "mo-" */
	const struct yang_node *child;
	size_t n_child;
};

#define YANG_ROOT "ietf-schc:schc"
/* The leaf that dietvpn-schc adds to it, as a member of a JSON object. */
#define YANG_VERSION "dietvpn-schc:version"

/* The container schc. */
const struct yang_node *yang_root(void);
/* NULL: no such member. */
const struct yang_node *yang_child(const struct yang_node *node, const char *name, size_t len);

/* Where a walk over a rule set stands, for errors; a chain on the C stack. */
struct yang_place {
	const struct yang_place *up;
	const char *name; /* NULL: index */
	size_t index;
};
/* Path and sentence into *error (which may be NULL); returns false. */
bool yang_refuse(struct tree_error *error, const struct yang_place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The map {SID of schc: content} follows the schema: known members only, types, ranges, mandatory
 * ones there, keys of lists single. false with *error, whose path has JSON's names:
 * "ietf-schc:schc.rule[0].entry[3].field-length".
 */
bool yang_check(tree_node root, struct tree_error *error);

#endif
