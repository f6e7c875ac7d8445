/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel has in the kernel: TUN, MTU, addresses, routes and their guards (trust.md 4.5). */
#ifndef DIETVPN_DAEMON_TUNNEL_NET_H
#define DIETVPN_DAEMON_TUNNEL_NET_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct tunnel;
struct tunnel_peer;

/* Guards, TUN, MTU, addresses, routes. 0 or negative errno with one error added. */
int net_open(struct tunnel *tunnel, struct config_errors *errors);
/* The device was deleted: a new one under the guards that still stand. As net_open. */
int net_reopen(struct tunnel *tunnel, struct config_errors *errors);
/* keep: nothing is taken away, only our descriptor closes. */
void net_close(struct tunnel *tunnel, bool keep);
/* From the present configuration to next: what is new before what is gone. 0 or negative errno
 * with errors added. */
int net_change(struct tunnel *tunnel, const struct config *next, struct config_errors *errors);
/* This peer's given address of its family from now on, and the source of the routes to it. 0 or
 * negative errno with a line in the log. */
int net_give(struct tunnel_peer *peer, const struct ip_prefix *address);
void net_set_mtu(struct tunnel *tunnel, uint32_t mtu);
/* Puts missing routes and guards back; returns how many. */
size_t net_mend(struct tunnel *tunnel);

/* The i-th prefix towards a peer: its addresses, then its routes; NULL past the end. */
const struct ip_prefix *net_prefix(const struct config_peer *peer, size_t i);

#endif
