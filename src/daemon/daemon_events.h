/* SPDX-License-Identifier: Apache-2.0 */
/* News from below (data path, kernel, signals, timers) and who gets them. */
#ifndef DIETVPN_DAEMON_DAEMON_EVENTS_H
#define DIETVPN_DAEMON_DAEMON_EVENTS_H

#include "io/dataplane.h"
#include "keying/host.h"

struct daemon;

/* What the data path reports, bound to the daemon; for dataplane_create(). */
struct dataplane_events events_of_dataplane(struct daemon *daemon);
/* host_params.event */
void events_of_host(void *owner, const char *name, struct slice of);
/* host_params.inner_address */
int events_of_address(void *owner, uint32_t policy, const struct ip_prefix *address);
/* Signals, watchdog, monitor. 0 or negative errno; what was started is closed by events_stop. */
int events_start(struct daemon *daemon);
void events_stop(struct daemon *daemon);

#endif
