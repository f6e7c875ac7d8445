/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration payload: inner addresses asked for and given (RFC 7296 2.19 and 3.15). */
#ifndef DIETVPN_IKEV2_PAYLOAD_CP_H
#define DIETVPN_IKEV2_PAYLOAD_CP_H

#include "ikev2/payload.h"

enum { CP_DNS_MAX = 4 };

/* Index of what stands once per family. */
enum family_index { INNER_IPV4, INNER_IPV6, INNER_FAMILIES };

struct cp {
	uint8_t type;             /* enum cp_type */
	bool has[INNER_FAMILIES]; /* an address of this family is asked for, or given */
	struct ip_addr address[INNER_FAMILIES]; /* family 0: any */
	struct ip_addr dns[CP_DNS_MAX];
	uint8_t n_dns, subnets; /* subnets: how many of them were named */
};

/* Of a valid body: the first address of each family, resolvers; all else is skipped. */
void payload_cp_parse(struct slice body, struct cp *out);
/* The type and the addresses, as those of one host. */
void payload_cp_add(struct payload_writer *w, const struct cp *cp);

#endif
