/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in clear with inner addresses that arrive outside the tunnel (trust.md 4.5, item 4). */
#ifndef DIETVPN_DAEMON_CLEAR_TEXT_H
#define DIETVPN_DAEMON_CLEAR_TEXT_H

struct config;

/* One log line where the system would accept them over IPv4 although it need not. The daemon sets
 * nothing that belongs to other interfaces, and for IPv6 the remedy is a firewall rule
 * (dietvpnd(8)). */
void clear_text_advise(const struct config *config);

#endif
