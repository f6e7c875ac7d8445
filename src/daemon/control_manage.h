/* SPDX-License-Identifier: Apache-2.0 */
/* The control verbs about peers by name, which the keying plugins answer (docs/control.md). */
#ifndef DIETVPN_DAEMON_CONTROL_MANAGE_H
#define DIETVPN_DAEMON_CONTROL_MANAGE_H

struct control_call;
struct daemon;

/* enroll.add, enroll.adopt, enroll.revoke, enroll.reset: asked of the one plugin that knows
 * enrolment, of with.tunnel where several do. */
void manage_enroll(struct daemon *daemon, struct control_call *call);
/* peer.list: what every such plugin lists, in frames of one plugin each. */
void manage_peers(struct daemon *daemon, struct control_call *call);

#endif
