/* SPDX-License-Identifier: Apache-2.0 */
/* Sends batches of ESP packets, keying messages and keepalives; RFC 3948, and datapath.md 6.4 for
 * what each error of the system call means. */
#include "io/transport_socket.h"

#include "base/buf.h"
#include "ip/addr.h"

#include <errno.h>
#include <string.h>

/* How a run of a batch ended. */
enum sent { SENT_ALL, SENT_FULL };

static struct outer_socket *socket_of(struct transport *t, const struct batch_item *item)
{
	return outer_socket_find(t, item->encap == SA_ENCAP_UDP ? OUTER_NAT : OUTER_RAW,
		item->outer.remote.addr.family);
}

static void address(struct outer_vector *v, size_t i, const struct outer *outer, bool label)
{
	struct msghdr *msg = &v->msgs[i].msg_hdr;

	msg->msg_name = &v->addrs[i];
	msg->msg_namelen = ip_endpoint_to_sockaddr(&outer->remote, &v->addrs[i].room);
	msg->msg_control = v->control[i];
	msg->msg_controllen = CMSG_SEND_SIZE;
	if (outer->remote.addr.family == 6 && label)
		v->addrs[i].v6.sin6_flowinfo = htonl(outer->flow_label & FLOW_LABEL_MAX);
	cmsg_write(msg, outer);
}

static void fill(struct outer_vector *v, size_t i, const struct batch_item *item)
{
	v->iov[i].iov_base = item->pkt->data;
	v->iov[i].iov_len = item->pkt->len;
	memset(&v->msgs[i], 0, sizeof(v->msgs[i]));
	v->msgs[i].msg_hdr.msg_iov = &v->iov[i];
	v->msgs[i].msg_hdr.msg_iovlen = 1;
	address(v, i, &item->outer, true);
}

/* Where labels are reserved, ours must be leased first (ipv6(7), the kernel's flow label manager).
 */
static bool lease_label(const struct outer_socket *s, const struct outer *outer)
{
	struct in6_flowlabel_req req = {
		.flr_label = htonl(outer->flow_label & FLOW_LABEL_MAX),
		.flr_action = IPV6_FL_A_GET,
		.flr_share = IPV6_FL_S_ANY,
		.flr_flags = IPV6_FL_F_CREATE,
	};

	memcpy(&req.flr_dst, outer->remote.addr.bytes, sizeof(req.flr_dst));
	return setsockopt(s->fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &req, sizeof(req)) == 0;
}

static int send_one(const struct outer_socket *s, const struct msghdr *msg)
{
	ssize_t sent;

	do {
		sent = sendmsg(s->fd, msg, MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* What the kernel says, depending on version and family, when our source address has gone. */
static bool may_be_source(int err)
{
	return err == -EINVAL || err == -EADDRNOTAVAIL || err == -ENETUNREACH ||
	       err == -EHOSTUNREACH;
}

/*
 * A second attempt for the packet that the kernel refused: many errors belong to an earlier packet,
 * perhaps another peer's. EINVAL can mean the flow label; where our source address has gone since,
 * the kernel shall choose another.
 */
static int send_again(struct outer_socket *s, size_t i, const struct batch_item *item, int err)
{
	struct outer_vector *v = &s->transport->send_vector;
	struct outer outer = item->outer;
	bool label = s->family == 6 && outer.flow_label != 0;

	if (label && (err == -EINVAL || err == -ENOENT)) {
		if (lease_label(s, &outer)) {
			err = send_one(s, &v->msgs[i].msg_hdr);
			if (err == 0 || err == -EAGAIN)
				return err;
		} else {
			s->transport->labels_refused++;
			label = false;
		}
	}
	address(v, i, &outer, label);
	err = send_one(s, &v->msgs[i].msg_hdr);
	if (!may_be_source(err) || outer.local.addr.family == 0)
		return err;
	outer.local.addr.family = 0;
	address(v, i, &outer, label);
	return send_one(s, &v->msgs[i].msg_hdr);
}

static enum drop verdict(int err)
{
	switch (err) {
	case 0:
		return DROP_NONE;
	case -EMSGSIZE:
		return DROP_TOO_BIG;
	case -ENOBUFS:
	case -ENOMEM:
		return DROP_SEND_QUEUE;
	default:
		return DROP_SEND_UNREACHABLE;
	}
}

/* The path shrank below what we hold, or beyond any datagram: the owner learns the route's MTU. */
static void report_mtu(struct transport *t, const struct ip_endpoint *remote)
{
	uint32_t mtu;

	if (transport_route(remote, &mtu, NULL) == 0)
		t->callbacks.on_path_mtu(t->callbacks.owner, remote, mtu);
}

/* Packets [from, to) of the batch through one socket; *done is the first that is still unsent. */
static enum sent send_run(
	struct outer_socket *s, struct batch *batch, size_t from, size_t to, size_t *done)
{
	struct outer_vector *v = &s->transport->send_vector;
	size_t at = from;

	for (size_t i = from; i < to; i++)
		fill(v, i, &batch->items[i]);
	while (at < to) {
		int n = sendmmsg(s->fd, v->msgs + at, (unsigned)(to - at), MSG_DONTWAIT);
		int err = n < 0 ? -errno : 0;

		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		if (err == -EINTR)
			continue;
		if (err != -EAGAIN)
			err = send_again(s, at, &batch->items[at], err);
		if (err == -EAGAIN)
			break;
		batch->items[at].drop = verdict(err);
		if (err == -EMSGSIZE)
			report_mtu(s->transport, &batch->items[at].outer.remote);
		at++;
	}
	*done = at;
	return at == to ? SENT_ALL : SENT_FULL;
}

/* The packets that cannot go at all are marked; the rest goes in runs of one socket each. */
static enum sent send_from(struct transport *t, struct batch *batch, size_t from, size_t *done)
{
	size_t at = from;

	while (at < batch->n) {
		struct batch_item *item = &batch->items[at];
		struct outer_socket *s = item->drop == DROP_NONE ? socket_of(t, item) : NULL;
		size_t to = at + 1;

		if (s == NULL) {
			if (item->drop == DROP_NONE)
				item->drop = item->outer.remote.addr.family == 0
						     ? DROP_NO_ENDPOINT
						     : DROP_SEND_UNREACHABLE;
			at++;
			continue;
		}
		while (to < batch->n && batch->items[to].drop == DROP_NONE &&
			socket_of(t, &batch->items[to]) == s)
			to++;
		if (send_run(s, batch, at, to, &at) == SENT_FULL) {
			*done = at;
			return SENT_FULL;
		}
	}
	*done = at;
	return SENT_ALL;
}

/* Takes the unsent packets over, behind those that wait already. */
static void keep(struct transport *t, struct batch *batch, size_t from)
{
	for (size_t i = from; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		if (item->drop != DROP_NONE)
			continue;
		if (t->tail.n == BATCH_MAX) {
			item->drop = DROP_SEND_QUEUE;
			continue;
		}
		/* Neither the SA nor the policy may be looked at later: they can be gone by then.
		 */
		t->tail.items[t->tail.n++] = (struct batch_item){
			.pkt = item->pkt, .outer = item->outer, .encap = item->encap};
		item->pkt = NULL;
	}
}

static void watch_tail(struct transport *t)
{
	for (unsigned i = 0; i < OUTER_SOCKETS; i++) {
		struct outer_socket *s = &t->sockets[i];

		if (s->fd >= 0)
			outer_watch(s, t->tail.n > 0 && socket_of(t, &t->tail.items[0]) == s);
	}
}

bool transport_send(struct transport *t, struct batch *batch)
{
	size_t done = 0;

	/* Never past those that wait: one SA's packets keep their order. */
	if (t->tail.n > 0) {
		keep(t, batch, 0);
		return false;
	}
	if (send_from(t, batch, 0, &done) == SENT_ALL)
		return true;
	keep(t, batch, done);
	watch_tail(t);
	return false;
}

void outer_send_tail(struct transport *t)
{
	const struct transport_callbacks *cb = &t->callbacks;
	size_t done = 0;

	if (t->tail.n == 0)
		return;
	send_from(t, &t->tail, 0, &done);
	for (size_t i = 0; i < done; i++) {
		if (t->tail.items[i].drop != DROP_NONE)
			cb->on_drop(cb->owner, t->tail.items[i].drop);
		buf_pool_put(t->params.pool, t->tail.items[i].pkt);
	}
	t->tail.n -= done;
	memmove(t->tail.items, t->tail.items + done, t->tail.n * sizeof(t->tail.items[0]));
	watch_tail(t);
	if (t->tail.n == 0)
		cb->on_writable(cb->owner);
}

/* A few octets at once, kept by nobody: what does not go is the caller's to repeat. */
static int send_octets(
	const struct outer_socket *s, const struct ip_endpoint *to, struct iovec *iov, size_t n)
{
	union outer_sockaddr addr;
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = ip_endpoint_to_sockaddr(to, &addr.room),
		.msg_iov = iov,
		.msg_iovlen = n,
	};
	int err = send_one(s, &msg);

	/* Once more where the error was an earlier packet's. */
	return err == 0 || err == -EAGAIN ? err : send_one(s, &msg);
}

int transport_send_keying(
	struct transport *t, uint16_t port, const struct ip_endpoint *to, struct slice payload)
{
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
	return send_octets(s, to, nat ? iov : iov + 1, nat ? 2 : 1);
}

int transport_send_keepalive(struct transport *t, const struct ip_endpoint *to)
{
	uint8_t octet = KEEPALIVE_OCTET;
	struct iovec iov = {&octet, 1};
	struct outer_socket *s = outer_socket_find(t, OUTER_NAT, to->addr.family);

	if (s == NULL)
		return to->addr.family == 0 ? -EDESTADDRREQ : -EAFNOSUPPORT;
	return send_octets(s, to, &iov, 1);
}
