/* SPDX-License-Identifier: Apache-2.0 */
/* One peer, one tunnel's details, one SA as maps of the control protocol. */
#ifndef DIETVPN_DAEMON_CONTROL_PEER_H
#define DIETVPN_DAEMON_CONTROL_PEER_H

#include <stdbool.h>

struct daemon;
struct policy;
struct put;
struct sa;
struct tree_writer;
struct tunnel;
struct tunnel_peer;

/* One map each, as docs/control.md names its keys; details: also routes, selectors and attributes.
 */
void control_put_peer(const struct tunnel_peer *peer, bool details, struct tree_writer *w);
void control_put_tunnel_details(struct put *map, const struct tunnel *tunnel);
void control_put_sa(const struct daemon *daemon, const struct sa *sa, const struct policy *policy,
	struct tree_writer *w);

#endif
