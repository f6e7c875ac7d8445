/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors, RFC 4301 4.4.1 and RFC 7296 3.13.1: match, cover, narrow. */
#ifndef DIETVPN_IP_TS_H
#define DIETVPN_IP_TS_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>

struct ip_packet;
struct ip_prefix;

enum { TS_TEXT = 128 };

struct ts ts_from_prefix(
	const struct ip_prefix *prefix, uint8_t proto, uint16_t port_start, uint16_t port_end);
bool ts_valid(
	const struct ts *ts); /* one family, start <= end, ports only where the protocol has them */
bool ts_list_valid(const struct ts *ts, size_t n); /* each of them, and 1 to TS_MAX */
bool ts_equal(const struct ts *a, const struct ts *b);
/*
 * One selector of src[] matches the packet's source and one of dst[] its destination, with the same
 * protocol. A later fragment has no ports: it matches only selectors that allow every port
 * (RFC 4301 4.4.1.1 OPAQUE/ANY).
 */
bool ts_match_packet(const struct ts *src, size_t n_src, const struct ts *dst, size_t n_dst,
	const struct ip_packet *ip);
/* The smallest single selector that holds all n of one family; false: families differ or n is 0. */
bool ts_cover(const struct ts *ts, size_t n, struct ts *out);
/* Intersection; false: empty. RFC 7296 2.9. */
bool ts_narrow(const struct ts *a, const struct ts *b, struct ts *out);
const char *ts_print(const struct ts *ts, char *out, size_t cap);

#endif
