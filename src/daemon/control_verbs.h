/* SPDX-License-Identifier: Apache-2.0 */
/* The table of control verbs: who may call each, and the ones that change something. */
#ifndef DIETVPN_DAEMON_CONTROL_VERBS_H
#define DIETVPN_DAEMON_CONTROL_VERBS_H

struct control_call;

/* control_params.dispatch; owner: struct daemon. */
void control_dispatch(void *owner, struct control_call *call);

#endif
