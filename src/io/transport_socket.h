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

/* What the system call of a batch reads and writes; one for each direction. */
struct outer_vector {
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	union outer_sockaddr addrs[BATCH_MAX];
	_Alignas(struct cmsghdr) uint8_t control[BATCH_MAX][CMSG_RECEIVE_SIZE];
};

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
	struct outer_vector receive_vector, send_vector;
	/* tail.n unsent packets of a full socket, in order */
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
/* transport_send.c: the kept packets, when the first one's socket takes data again. */
void outer_send_tail(struct transport *transport);
/* transport.c: which events the socket is polled for. */
void outer_watch(struct outer_socket *s, bool writable);

#endif
