/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of OSCORE's option, RFC 8613 6.1, as RFC 8824 6.4 names them. */
#ifndef DIETVPN_SCHC_OSCORE_H
#define DIETVPN_SCHC_OSCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the wire; schc_field.part is 1 more. */
enum { OSCORE_FLAGS, OSCORE_PIV, OSCORE_KIDCTX, OSCORE_KID, OSCORE_PARTS };

struct oscore_view {
	uint16_t at[OSCORE_PARTS + 1]; /* part i: the octets from at[i] to at[i + 1] of the value */
};

/*
 * Where each part of an option's value lies; the kid context includes the octet that says how long
 * it is. Side by side they are the whole value. false: reserved flags, or parts that are not there.
 */
bool oscore_split(struct oscore_view *view, const uint8_t *value, size_t len);

#endif
