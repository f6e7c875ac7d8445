/* SPDX-License-Identifier: Apache-2.0 */
/* The SID tables; sid_*.def hold the numbers (RFC 9595). */
#include "config/sid.h"

#include <string.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): the words of a table */
static const struct sid table[] = {
#define SID(n, s, i) {.number = n, .space = SID_##s, .identifier = i, .module = "ietf-schc"},
#include "config/sid_ietf_schc.def"
#undef SID
#define SID(n, s, i) {.number = n, .space = SID_##s, .identifier = i, .module = "dietvpn-schc"},
#include "config/sid_dietvpn_schc.def"
#undef SID
};
/* NOLINTEND(bugprone-macro-parentheses) */

enum { N_SIDS = sizeof table / sizeof *table };

const struct sid *sid_find(uint64_t number)
{
	for (size_t i = 0; i < N_SIDS; i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

const struct sid *sid_identity(const char *name, size_t len)
{
	const char *colon = memchr(name, ':', len);
	size_t prefix = colon ? (size_t)(colon - name) : 0;
	const char *local = colon ? colon + 1 : name;
	size_t local_len = len - (size_t)(local - name);
	for (size_t i = 0; i < N_SIDS; i++) {
		const struct sid *sid = &table[i];
		if (sid->space != SID_IDENTITY || strlen(sid->identifier) != local_len ||
			memcmp(sid->identifier, local, local_len) != 0)
			continue;
		if (!colon ||
			(strlen(sid->module) == prefix && memcmp(sid->module, name, prefix) == 0))
			return sid;
	}
	return NULL;
}

bool sid_is_kind(const struct sid *sid, const char *base)
{
	return sid->space == SID_IDENTITY && strncmp(sid->identifier, base, strlen(base)) == 0 &&
	       !strstr(sid->identifier, "-base-type");
}

size_t sid_names(const char *base, const char **out, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < N_SIDS && n < cap; i++)
		if (sid_is_kind(&table[i], base))
			out[n++] = table[i].identifier;
	return n;
}

uint64_t sid_data(const char *path)
{
	for (size_t i = 0; i < N_SIDS; i++)
		if (table[i].space == SID_DATA && strcmp(table[i].identifier, path) == 0)
			return table[i].number;
	return 0;
}
