/* SPDX-License-Identifier: Apache-2.0 */
/* One outer socket and the transport that holds them all; for transport*.c only. */
#ifndef DIETVPN_IO_TRANSPORT_SOCKET_H
#define DIETVPN_IO_TRANSPORT_SOCKET_H

#include "io/cmsg.h"
#include "io/transport.h"
#include "ipsec/ipsec.h"

#include <netinet/in.h>
#include <linux/in6.h>
#include <sys/socket.h>
#include <uv.h>

enum outer_kind { OUTER_NAT, OUTER_IKE, OUTER_RAW, OUTER_KINDS };

enum {
	OUTER_SOCKETS = OUTER_KINDS * 2, /* of both families */
	NON_ESP_MARKER = 4,              /* octets, RFC 3948 2.2 */
	KEEPALIVE_OCTET = 0xff,          /* RFC 3948 2.3 */
	FLOW_LABEL_MAX = 0xfffff,
};

struct outer_socket {
	struct transport *transport;
	int fd; /* -1: not open */
	uint8_t kind, family;
	uint16_t port;
	bool polled; /* the poll handle exists and has to be closed */
	uv_poll_t poll;
};

union outer_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* A message's address and control messages. */
struct outer_place {
	union outer_sockaddr addr;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SEND_SIZE];
};

/* What a receive reads: one datagram per message, straight into buffers of the pool. */
struct outer_inbox {
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	union outer_sockaddr addrs[BATCH_MAX];
	_Alignas(struct cmsghdr) uint8_t control[BATCH_MAX][CMSG_RECEIVE_SIZE];
};

/* What a batch sends through one socket: messages of one or several packets, in order. */
struct outer_outbox {
	struct outer_socket *socket;
	size_t n, n_packets;
	/* Of the last message: its octets in all, those of its first packet, what its packets
	 * share, whether another may join, whether its fields are those of the one before. */
	size_t octets, octets_each;
	const struct outer *outer;
	bool open, same_as_before;
	uint16_t segment_before; /* of the one before */
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX]; /* of the packets, in order */
	uint8_t items[BATCH_MAX];    /* where in the batch each of them is */
	/* Neighbours with equal fields share one place. */
	struct outer_place places[BATCH_MAX];
};

struct outer_gro; /* transport_gro.c: what joined datagrams are received into */

struct transport {
	uv_loop_t *loop;
	struct transport_params params;
	struct transport_callbacks callbacks;
	struct outer_socket sockets[OUTER_SOCKETS];
	unsigned open_handles;
	uint64_t labels_refused;
	size_t receive_want; /* buffers offered per receive: grows with the traffic, so that an idle
				process touches few */
	struct buf *receive_bufs[BATCH_MAX];
	struct batch receive_batch;
	struct outer_inbox inbox;
	struct outer_outbox outbox;
	struct outer_gro *gro; /* NULL: UDP_GRO is off */
	bool gso;
	struct transport_counts counts;
	/* tail.n unsent packets of full sockets, in order */
	struct batch tail;
};

/* Opens and binds; the port is what was bound. 0 or negative errno, said in the log. */
int outer_socket_open(struct outer_socket *s, uint16_t port);
/* The socket of this kind and family; NULL: not open. */
struct outer_socket *outer_socket_find(
	struct transport *transport, enum outer_kind kind, uint8_t family);

/* transport_receive.c: what a readable or erring socket has. */
void outer_receive(struct outer_socket *s);
void outer_receive_errors(struct outer_socket *s);
/* Its endpoints and fields, and in *segment what cmsg_read says. false: not usable. */
bool outer_read(struct outer_socket *s, struct msghdr *msg, struct outer *outer, size_t *segment);
/* true: the datagram is ESP; a keying message and a keepalive have gone to their callbacks. */
bool outer_is_esp(struct outer_socket *s, struct slice datagram, const struct outer *outer);
/* One more packet in the batch, which has room; and the batch to its callback, if there is one. */
void outer_add(struct outer_socket *s, struct buf *pkt, const struct outer *outer);
void outer_hand_over(struct transport *transport);
void outer_drop(struct transport *transport, enum drop drop);

/* transport_gro.c: the same for a socket with UDP_GRO. 0 or negative errno. */
int outer_gro_start(struct transport *transport);
void outer_gro_stop(struct transport *transport);
void outer_gro_receive(struct outer_socket *s);

/* transport_run.c: messages for out->socket of those items whose bits are in todo; takes these bits
 * off. */
void outer_gather(struct outer_outbox *out, const struct batch *batch, uint64_t *todo);
/* The destination, and the control messages as cmsg_write has them, of one message. */
void outer_address(struct msghdr *msg, struct outer_place *place, const struct outer *outer);
void outer_control(
	struct msghdr *msg, struct outer_place *place, const struct outer *outer, uint16_t segment);
struct outer_socket *outer_socket_of(struct transport *transport, const struct batch_item *item);

/* transport_messages.c: sends what has no drop reason yet; bit i: item i found its socket full. */
uint64_t outer_send_batch(struct transport *transport, struct batch *batch);
/* One message; 0 or negative errno, -EAGAIN where the socket is full. */
int outer_send_message(const struct outer_socket *s, const struct msghdr *msg);

/* transport_send.c: the kept packets, when a socket takes data again. */
void outer_send_tail(struct transport *transport);
/* transport.c: which events the socket is polled for. */
void outer_watch(struct outer_socket *s, bool writable);

#endif
