/* SPDX-License-Identifier: Apache-2.0 */
/* Sends batches and keeps what a full socket does not take; sends keying messages and keepalives,
 * RFC 3948. */
#include "io/transport_socket.h"

#include "base/buf.h"
#include "ip/addr.h"

#include <errno.h>
#include <string.h>

/* Takes the packets of these bits over, behind those that wait already. */
static void keep(struct transport *t, struct batch *batch, uint64_t unsent)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		if (!(unsent >> i & 1) || item->drop != DROP_NONE)
			continue;
		if (t->tail.n == BATCH_MAX) {
			item->drop = DROP_SEND_QUEUE;
			continue;
		}
		/* Neither the SA nor the policy may be looked at later: they can be gone by then.
		 */
		t->tail.items[t->tail.n++] = (struct batch_item){
			.pkt = item->pkt,
			.outer = item->outer,
			.encap = item->encap,
			.fragment = item->fragment,
			.run = item->run,
		};
		item->pkt = NULL;
	}
}

static bool waits(struct transport *t, const struct outer_socket *s)
{
	for (size_t i = 0; i < t->tail.n; i++)
		if (outer_socket_of(t, &t->tail.items[i]) == s)
			return true;
	return false;
}

static void watch_tail(struct transport *t)
{
	for (unsigned i = 0; i < OUTER_SOCKETS; i++) {
		struct outer_socket *s = &t->sockets[i];

		if (s->fd >= 0)
			outer_watch(s, waits(t, s));
	}
}

bool transport_send(struct transport *t, struct batch *batch)
{
	uint64_t unsent;

	/* Never past those that wait: one SA's packets keep their order. */
	if (t->tail.n > 0) {
		keep(t, batch, UINT64_MAX);
		return false;
	}
	unsent = outer_send_batch(t, batch);
	if (unsent == 0)
		return true;
	keep(t, batch, unsent);
	watch_tail(t);
	return false;
}

void outer_send_tail(struct transport *t)
{
	const struct transport_callbacks *cb = &t->callbacks;
	struct batch *tail = &t->tail;
	uint64_t unsent;
	size_t n = 0;

	if (tail->n == 0)
		return;
	unsent = outer_send_batch(t, tail);
	for (size_t i = 0; i < tail->n; i++) {
		if (unsent >> i & 1) {
			tail->items[n++] = tail->items[i];
			continue;
		}
		if (tail->items[i].drop != DROP_NONE)
			cb->on_drop(cb->owner, tail->items[i].drop);
		buf_pool_put(t->params.pool, tail->items[i].pkt);
	}
	tail->n = n;
	watch_tail(t);
	if (n == 0)
		cb->on_writable(cb->owner);
}

/* A few octets at once, kept by nobody: what does not go is the caller's to repeat. */
static int send_octets(
	const struct outer_socket *s, const struct outer *way, struct iovec *iov, size_t n)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SEND_SIZE];
	union outer_sockaddr addr;
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = ip_endpoint_to_sockaddr(&way->remote, &addr.room),
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int err;

	cmsg_write(&msg, way, 0);
	err = outer_send_message(s, &msg);

	/* Once more where the error was an earlier packet's. */
	return err == 0 || err == -EAGAIN ? err : outer_send_message(s, &msg);
}

int transport_send_keying(struct transport *t, uint16_t port, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload)
{
	const struct outer way = {.local.addr = *local, .remote = *to};
	uint8_t marker[NON_ESP_MARKER] = {0};
	uint8_t *data;
	struct iovec iov[2] = {{marker, sizeof(marker)}, {NULL, payload.len}};
	bool nat = port == t->sockets[OUTER_NAT * 2].port;
	struct outer_socket *s = outer_socket_find(t, nat ? OUTER_NAT : OUTER_IKE, to->addr.family);

	if (s == NULL)
		return to->addr.family == 0 ? -EDESTADDRREQ : -EAFNOSUPPORT;
	if (s->port != port)
		return -EINVAL;
	/* An iovec has no const; the kernel only reads. */
	memcpy(&data, &payload.data, sizeof(data));
	iov[1].iov_base = data;
	return send_octets(s, &way, nat ? iov : iov + 1, nat ? 2 : 1);
}

int transport_send_keepalive(struct transport *t, const struct ip_endpoint *to)
{
	const struct outer way = {.remote = *to};
	uint8_t octet = KEEPALIVE_OCTET;
	struct iovec iov = {&octet, 1};
	struct outer_socket *s = outer_socket_find(t, OUTER_NAT, to->addr.family);

	if (s == NULL)
		return to->addr.family == 0 ? -EDESTADDRREQ : -EAFNOSUPPORT;
	return send_octets(s, &way, &iov, 1);
}
