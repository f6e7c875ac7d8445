/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tests/vectors/ for unit tests: JSON fields, hexadecimal strings, Diet-ESP SAs. */
#ifndef DIETVPN_TESTS_VECTORS_H
#define DIETVPN_TESTS_VECTORS_H

#include "diet/context.h"
#include "ip/packet.h"

#include <jansson.h>

/* Whatever is missing or malformed ends the test program with a line that names it. */

/* The file of tests/vectors/ as JSON; the caller releases it by json_decref. */
json_t *vectors_open(const char *file);
/* path: keys and array indexes joined by dots, "iipc.rule.0.fid"; NULL where there is none. */
const json_t *vectors_find(const json_t *object, const char *path);
const char *vectors_text(const json_t *object, const char *path);
long long vectors_number(const json_t *object, const char *path);
bool vectors_bool(const json_t *object, const char *path);
/* Decodes the hexadecimal string at path; returns its octets, at most cap. */
size_t vectors_hex(const json_t *object, const char *path, uint8_t *out, size_t cap);

/* One vector of diet-esp-draft07.json as diet_context_init wants it. */
struct vectors_sa {
	struct diet_attrs attrs;
	struct ts src, dst;
	struct diet_sa sa; /* borrows src and dst of this structure */
	uint64_t sequence;
};
void vectors_sa(const json_t *vector, struct vectors_sa *out);

/* The outer header of an outer packet as its receiver sees it. Returns the octets of the header. */
size_t vectors_outer(const uint8_t *packet, struct outer *out);

#endif
