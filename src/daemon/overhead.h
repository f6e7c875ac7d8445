/* SPDX-License-Identifier: Apache-2.0 */
/* What this SA puts around the smallest packet that its selectors allow: a figure for status. */
#ifndef DIETVPN_DAEMON_OVERHEAD_H
#define DIETVPN_DAEMON_OVERHEAD_H

#include <stddef.h>
#include <stdint.h>

struct sa;

/*
 * Octets from the ESP header to the ICV around an empty UDP datagram (or the one protocol that the
 * selectors allow) between their first addresses and ports; -1: the rules do not fit such a packet,
 * or an SA of transport mode.
 */
int overhead_smallest(const struct sa *sa);
/* The same traffic as ESP of RFC 4303 with this cipher and 32-bit alignment, padding at its mean.
 */
uint64_t overhead_plain(const struct sa *sa);

#endif
