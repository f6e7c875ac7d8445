/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and endpoints: compare, print, parse, to and from sockaddr. */
#ifndef DIETVPN_IP_ADDR_H
#define DIETVPN_IP_ADDR_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IP_ADDR_TEXT = 46,     /* an address with its final NUL */
	IP_PREFIX_TEXT = 50,   /* "/128" behind it */
	IP_ENDPOINT_TEXT = 56, /* "[...]:65535" */
};

struct ip_prefix {
	struct ip_addr addr; /* as written: host bits are kept, for "fd00::1/64" */
	uint8_t len;
};

struct sockaddr;

static inline size_t ip_addr_len(const struct ip_addr *a)
{
	return a->family == 6 ? 16 : a->family == 4 ? 4 : 0;
}

struct ip_addr ip_addr_from(uint8_t family, const uint8_t *bytes); /* 4 or 16 octets */
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b); /* family first */
bool ip_addr_is_any(const struct ip_addr *a);                          /* family 0 or all zero */
bool ip_addr_is_link_local(const struct ip_addr *a); /* fe80::/10, 169.254/16, ff02::/16 */
bool ip_addr_is_multicast(const struct ip_addr *a);
bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b);

/* 0 or -EINVAL; *out untouched on error. No names, no zones. */
int ip_addr_parse(const char *text, struct ip_addr *out);
int ip_prefix_parse(const char *text, struct ip_prefix *out); /* without "/n": a host */
/* "addr", "addr:port", "[addr6]", "[addr6]:port", bare "addr6"; port 0 where none is given. */
int ip_endpoint_parse(const char *text, struct ip_endpoint *out);

/* All print into out, cut where cap is small, and return out. */
const char *ip_addr_print(const struct ip_addr *a, char *out, size_t cap);
const char *ip_prefix_print(const struct ip_prefix *p, char *out, size_t cap);
const char *ip_endpoint_print(const struct ip_endpoint *e, char *out, size_t cap);

/* false also where the families differ. */
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
/* First and last address of the prefix. */
void ip_prefix_range(const struct ip_prefix *p, struct ip_addr *start, struct ip_addr *end);
struct ip_addr ip_prefix_network(const struct ip_prefix *p); /* host bits cleared */
/* Smallest prefix that holds start..end; -EINVAL: the range is no prefix. */
int ip_range_prefix(const struct ip_addr *start, const struct ip_addr *end, struct ip_prefix *out);

/* out: a struct sockaddr_storage; returns the length. */
unsigned ip_endpoint_to_sockaddr(const struct ip_endpoint *e, void *out);
int ip_endpoint_from_sockaddr(
	const struct sockaddr *sa, struct ip_endpoint *out); /* -EAFNOSUPPORT */

#endif
