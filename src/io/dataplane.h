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

/*
 * News for the owner; called from the loop, never within outbound() or inbound(). SAs may be
 * installed in all of them, removed in notice and keying only; policies in none.
 */
struct dataplane_events {
	/* At most once a second and policy. */
	void (*acquire)(void *owner, struct policy *policy, const struct ip_packet *ip);
	void (*notice)(void *owner, struct sa *sa, uint32_t notices); /* enum sa_notice */
	void (*keying)(void *owner, uint16_t port, const struct outer *outer, struct slice payload);
	/* At most once a second and reason; sa may be NULL. */
	void (*audit)(void *owner, enum drop drop, const struct outer *outer, const struct sa *sa);
	/* Optional: the device is gone (deleted by somebody); only dataplane_tun_remove is left to
	 * do. */
	void (*tun_lost)(void *owner, uint16_t tunnel, int error);
	void *owner;
};

struct dataplane_params {
	uv_loop_t *loop;
	struct ipsec *ipsec;
	struct dataplane_events events;
	uint16_t port_ike, port_nat;
	bool raw;
};

enum {
	DATAPLANE_MTU_MAX = 9000,      /* the largest TUN MTU whose packets fit our buffers */
	DATAPLANE_KEEPALIVE_MS = 20000 /* RFC 3948 4 */
};

/* 0, -ENOMEM, or what transport_create says. */
int dataplane_create(const struct dataplane_params *params, struct dataplane **out);
/* The memory goes with the loop's next turn. */
void dataplane_destroy(struct dataplane *dp);

enum { DATAPLANE_OWN_MAX = 24 };
/*
 * The tunnel index that its policies carry; tun is borrowed until it is removed. own: our inner
 * addresses, source of the ICMP errors that cannot come from the packet's destination (see
 * dataplane_icmp.c). 0, -EEXIST, -ENOMEM or libuv's.
 */
int dataplane_tun_add(struct dataplane *dp, uint16_t tunnel, const struct tun *tun,
	const struct ip_addr *own, size_t n_own);
/* Other inner addresses of ours, the first DATAPLANE_OWN_MAX of them. */
void dataplane_set_own(
	struct dataplane *dp, uint16_t tunnel, const struct ip_addr *own, size_t n_own);
void dataplane_tun_remove(struct dataplane *dp, uint16_t tunnel);
/* The device's MTU, at most DATAPLANE_MTU_MAX: no Packet Too Big ever tells more. 0: not known. */
void dataplane_set_mtu(struct dataplane *dp, uint16_t tunnel, uint32_t mtu);

enum { DATAPLANE_OFFLOAD_TEXT = 64 };
/* The way that packets of this tunnel take now: "tun: csum tso uso; udp: gso gro", or "off". */
void dataplane_describe_offload(const struct dataplane *dp, uint16_t tunnel, char *out, size_t cap);

/* The sockets outside, which the data path owns. */
struct transport *dataplane_transport(struct dataplane *dp);
uint64_t dataplane_now_ms(void); /* CLOCK_BOOTTIME in ms */
/* After SAs were added, removed, or their ceiling raised, and after a change of routes: deadlines
 * and path MTUs are looked at anew, held packets tried again, all with the loop's next turn. */
void dataplane_kick(struct dataplane *dp);
/* Sends keepalives (RFC 3948 4) to this path every 20 s of silence while on; one timer for all.
 * Switch it off before the policy goes. */
void dataplane_keepalive(struct dataplane *dp, struct policy *policy, bool on);

#endif
