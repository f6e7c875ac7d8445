/* SPDX-License-Identifier: Apache-2.0 */
/* The control verbs that read (docs/control.md says what each key means). */
#ifndef DIETVPN_DAEMON_CONTROL_SHOW_H
#define DIETVPN_DAEMON_CONTROL_SHOW_H

struct control_call;
struct daemon;

/* The verbs that only look, one each: docs/control.md says what they answer. */
void show_status(struct daemon *daemon, struct control_call *call);
void show_all(struct daemon *daemon, struct control_call *call);
void show_sas(struct daemon *daemon, struct control_call *call);
void show_drops(struct daemon *daemon, struct control_call *call);
void show_policies(struct daemon *daemon, struct control_call *call);
void show_plugins(struct daemon *daemon, struct control_call *call);

#endif
