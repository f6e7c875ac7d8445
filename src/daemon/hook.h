/* SPDX-License-Identifier: Apache-2.0 */
/* OnUp and OnDown: commands of the operator, run as the daemon's user. */
#ifndef DIETVPN_DAEMON_HOOK_H
#define DIETVPN_DAEMON_HOOK_H

typedef struct uv_loop_s uv_loop_t;

/*
 * Starts "/bin/sh -c COMMAND" with PATH, DIETVPN_TUNNEL, DIETVPN_IFNAME and nothing else in its
 * environment, and does not wait; a failure is a line in the log. An empty command does nothing.
 */
void hook_run(uv_loop_t *loop, const char *command, const char *tunnel, const char *ifname);
/* At the end of the loop: commands that still run go on without us, and nobody waits for them. */
void hook_forget_all(uv_loop_t *loop);

#endif
