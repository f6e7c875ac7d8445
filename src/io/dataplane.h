/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds TUNs, transport and ipsec on the loop: reads, calls outbound and inbound, acts on the
 * verdicts, counts, arms one timer at the next deadline.
 */
#ifndef DIETVPN_IO_DATAPLANE_H
#define DIETVPN_IO_DATAPLANE_H

#include "base/drop.h"
#include "dietvpn/types.h"
#include "io/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataplane;
struct ip_packet;
struct ipsec;
struct policy;
struct sa;
struct tun;

/* News for the owner; called from the loop, never within outbound() or inbound(). */
struct dataplane_events {
	void (*acquire)(void *owner, struct policy *policy, const struct ip_packet *ip);
	void (*notice)(void *owner, struct sa *sa, uint32_t notices); /* enum sa_notice */
	void (*keying)(void *owner, uint16_t port, const struct outer *outer, struct slice payload);
	void (*audit)(void *owner, enum drop drop, const struct outer *outer,
		const struct sa *sa); /* rate-limited */
	void *owner;
};

struct dataplane_params {
	uv_loop_t *loop;
	struct ipsec *ipsec;
	struct dataplane_events events;
	uint16_t port_ike, port_nat;
	bool raw;
};

int dataplane_create(const struct dataplane_params *params, struct dataplane **out);
void dataplane_destroy(struct dataplane *dp);

/* The tunnel index that its policies carry; own: our inner addresses, source of ICMP errors. 0 or
 * -errno. */
int dataplane_tun_add(struct dataplane *dp, uint16_t tunnel, const struct tun *tun,
	const struct ip_addr *own, size_t n_own);
void dataplane_tun_remove(struct dataplane *dp, uint16_t tunnel);
void dataplane_set_mtu(struct dataplane *dp, uint16_t tunnel, uint32_t mtu);

struct transport *dataplane_transport(struct dataplane *dp);
uint64_t dataplane_now_ms(void); /* CLOCK_BOOTTIME in ms */
/* After SAs were added, removed, or their ceiling raised: deadlines are looked at anew, held
 * packets tried again. */
void dataplane_kick(struct dataplane *dp);
/* Sends keepalives (RFC 3948 4) to this path every 20 s of silence while on; one timer for all. */
void dataplane_keepalive(struct dataplane *dp, struct policy *policy, bool on);

#endif
