/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.list: the last key exchanges, as their plugins described them (docs/control.md). */
#ifndef DIETVPN_DAEMON_CONTROL_EXCHANGE_H
#define DIETVPN_DAEMON_CONTROL_EXCHANGE_H

struct control_call;
struct daemon;

void show_exchanges(struct daemon *daemon, struct control_call *call);

#endif
