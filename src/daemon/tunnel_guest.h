/* SPDX-License-Identifier: Apache-2.0 */
/* Peers of a tunnel that do not stand in its file: a template has let them in. */
#ifndef DIETVPN_DAEMON_TUNNEL_GUEST_H
#define DIETVPN_DAEMON_TUNNEL_GUEST_H

#include <stdint.h>

struct host_guest;
struct tunnel;
struct tunnel_peer;

/* struct host_params: owner is the daemon. */
int guest_add(void *owner, const struct host_guest *params, uint32_t *made);
void guest_remove(void *owner, uint32_t policy);

void guests_init(struct tunnel *tunnel);
/* NULL: no guest has this name. */
struct tunnel_peer *guests_find(const struct tunnel *tunnel, const char *name);
/* After the tunnel got another file: what its templates say now; guests whose name or traffic is a
 * [Peer]'s end. */
void guests_follow(struct tunnel *tunnel);
/* When keying has stopped, and with it all of them. */
void guests_fini(struct tunnel *tunnel);

#endif
