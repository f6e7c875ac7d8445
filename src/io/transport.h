/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outer sockets: UDP 500 and 4500 (RFC 3948) and raw ESP, IPv4 and IPv6, with control messages for
 * source address, hop limit, traffic class and flow label. Tells ESP from keying messages.
 */
#ifndef DIETVPN_IO_TRANSPORT_H
#define DIETVPN_IO_TRANSPORT_H

#include "base/drop.h"
#include "dietvpn/types.h"
#include "ip/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct buf_pool;
typedef struct uv_loop_s uv_loop_t;

struct transport; /* opaque: descriptors, poll handles, receive vectors */

struct transport_params {
	uint16_t port_ike, port_nat; /* 500, 4500; port_ike 0: not opened; port_nat 0: any free */
	bool raw;                    /* open protocol 50 too: needs CAP_NET_RAW */
	struct buf_pool *pool;       /* outlives the transport */
};

struct transport_callbacks {
	/* ESP packets; items[].pkt from the pool, outer, encap filled; the callee gives the buffers
	 * back. */
	void (*on_esp)(void *owner, struct batch *batch);
	/* A keying message on 500, or on 4500 behind its four zero octets (taken off). */
	void (*on_keying)(
		void *owner, uint16_t port, const struct outer *outer, struct slice payload);
	void (*on_keepalive)(void *owner);
	/* The path to remote has a smaller MTU (error queue), outer header included. */
	void (*on_path_mtu)(void *owner, const struct ip_endpoint *remote, uint32_t mtu);
	void (*on_writable)(void *owner); /* after transport_send said "full" */
	/* A datagram ended here, before or after its batch: too large for a buffer, no buffer left,
	 * or refused when it was sent later than its batch. */
	void (*on_drop)(void *owner, enum drop drop);
	/* CLOCK_BOOTTIME in ms, read once per wake-up by the owner. */
	uint64_t (*now_ms)(void *owner);
	void *owner;
};

/*
 * Opens all sockets; IPv6 is left out where the kernel has none. 0 or negative errno; -EPERM and
 * -EACCES say that CAP_NET_RAW or CAP_NET_BIND_SERVICE is missing, -EADDRINUSE that another daemon
 * has the port (log names which). No callback may destroy the transport.
 */
int transport_create(uv_loop_t *loop, const struct transport_params *params,
	const struct transport_callbacks *callbacks, struct transport **out);
void transport_destroy(
	struct transport *transport); /* closes; handles end with the loop's next turn */

/*
 * Sends every item with drop == DROP_NONE to item.outer.remote by item.encap; sets item.drop where
 * it did not go (DROP_SEND_*, DROP_TOO_BIG, DROP_NO_ENDPOINT). Returns false when the socket is
 * full: stop reading the TUN until on_writable. At most one batch of unsent packets is then kept
 * and sent later: their item.pkt is NULL afterwards, and the buffer goes to the pool.
 */
bool transport_send(struct transport *transport, struct batch *batch);
/* A keying message from this address of ours (family 0: the kernel chooses); on port_nat four zero
 * octets are put in front. 0 or negative errno. */
int transport_send_keying(struct transport *transport, uint16_t port, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload);
int transport_send_keepalive(
	struct transport *transport, const struct ip_endpoint *to); /* one octet 0xff */
/* Kernel's view of the path to remote: MTU of the route, and our source address there (may be
 * NULL). 0 or negative errno. */
int transport_route(const struct ip_endpoint *remote, uint32_t *mtu, struct ip_addr *source);
/* The local address of port_nat or raw, as told to peers; port 0 for raw. */
uint16_t transport_port(const struct transport *transport, enum sa_encap encap);
/* What the kernel does for several packets at once on the UDP socket of ESP; bits. */
enum transport_offload { TRANSPORT_GSO = 1, TRANSPORT_GRO = 2 };
/*
 * Asks for these, or for none (0); without it there are none. What is asked and what the kernel
 * gives: UDP_SEGMENT (Linux 4.18) sends neighbours of one batch that are marked item.run, equal
 * long and go to one endpoint as one message; it is given up where a device or kernel refuses it,
 * until it is asked for anew (a TUN comes or goes). UDP_GRO (Linux 5.0) receives so, into
 * 2 MiB of its own, touched as far as traffic asks for it. Raw ESP has neither. What is received
 * but not read when UDP_GRO is switched off may be lost. Not from within a callback.
 */
void transport_set_offload(struct transport *transport, unsigned wanted);
unsigned transport_offload(const struct transport *transport);
/* What went through the sockets of ESP (4500 and raw; received: keying and keepalives as well). */
struct transport_counts {
	uint64_t sent_messages, sent_packets;         /* messages: as the kernel took them */
	uint64_t received_messages, received_packets; /* as the kernel gave them */
};
struct transport_counts transport_counts(const struct transport *transport);
/* Packets that went without the flow label they asked for, because the kernel refused it. */
uint64_t transport_labels_refused(const struct transport *transport);

#endif
