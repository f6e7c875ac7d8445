/* SPDX-License-Identifier: Apache-2.0 */
/* YANG schema item identifiers (RFC 9254, RFC 9595): the tables of ietf-schc and dietvpn-schc. */
#ifndef DIETVPN_CONFIG_SID_H
#define DIETVPN_CONFIG_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sid_namespace { SID_MODULE, SID_IDENTITY, SID_FEATURE, SID_DATA };

struct sid {
	uint64_t number;
	enum sid_namespace space;
	const char *identifier; /* "mo-equal", "/ietf-schc:schc/rule" */
	const char *module;     /* that defines it */
};

/* NULL: no item has this number. */
const struct sid *sid_find(uint64_t number);
/* An identity by name, len octets: "mo-equal" or "ietf-schc:mo-equal". NULL: unknown. */
const struct sid *sid_identity(const char *name, size_t len);
/* A concrete identity (no ...-base-type) whose name begins with base: "mo-". */
bool sid_is_kind(const struct sid *sid, const char *base);
/* Names of the identities of a kind, at most cap of them; how many. */
size_t sid_names(const char *base, const char **out, size_t cap);
/* A data node by its path; 0: none. */
uint64_t sid_data(const char *path);

#endif
