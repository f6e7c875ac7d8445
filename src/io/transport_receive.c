/* SPDX-License-Identifier: Apache-2.0 */
/* Receives a batch and tells ESP, keying messages and keepalives apart, RFC 3948 2; reads the error
 * queue for path MTUs, RFC 1191 and RFC 8201. */
#include "io/transport_socket.h"

#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"

#include <errno.h>
#include <string.h>

enum {
	ERRORS_PER_TURN = 64,
	IPV4_TOS = 1, /* offsets in the IPv4 header, RFC 791 */
	IPV4_IDENTIFICATION = 4,
	IPV4_TTL = 8,
};

/* Points message i of the vector at the buffer's whole room. */
static void offer(struct outer_inbox *v, size_t i, struct buf *pkt)
{
	v->iov[i].iov_base = pkt->data;
	v->iov[i].iov_len = buf_tailroom(pkt) - BUF_TAILROOM;
	v->msgs[i].msg_hdr = (struct msghdr){
		.msg_name = &v->addrs[i],
		.msg_namelen = sizeof(v->addrs[i]),
		.msg_iov = &v->iov[i],
		.msg_iovlen = 1,
		.msg_control = v->control[i],
		.msg_controllen = sizeof(v->control[i]),
	};
	v->msgs[i].msg_len = 0;
}

static size_t offer_all(struct transport *t)
{
	size_t n = 0;

	while (n < t->receive_want) {
		struct buf *pkt = buf_pool_get(t->params.pool);

		if (pkt == NULL)
			break;
		offer(&t->inbox, n, pkt);
		t->receive_bufs[n++] = pkt;
	}
	return n;
}

/* A raw IPv4 socket delivers the header as well. false: it is not one. */
static bool strip_ipv4(struct buf *pkt, struct outer *outer)
{
	size_t len = pkt->len > 0 ? (size_t)(pkt->data[0] & 0x0f) * 4 : 0;

	if (len < IPV4_HEADER || pkt->len < len || pkt->data[0] >> 4 != 4)
		return false;
	outer->traffic_class = pkt->data[IPV4_TOS];
	outer->flow_label = get_be16(pkt->data + IPV4_IDENTIFICATION);
	outer->hop_limit = pkt->data[IPV4_TTL];
	return buf_pull(pkt, len) != NULL;
}

static bool is_keepalive(struct slice datagram)
{
	return datagram.len == 1 && datagram.data[0] == KEEPALIVE_OCTET;
}

static bool is_keying(struct slice datagram)
{
	return datagram.len >= NON_ESP_MARKER && get_be32(datagram.data) == 0;
}

static void deliver_keying(struct outer_socket *s, struct slice datagram, const struct outer *outer)
{
	const struct transport_callbacks *cb = &s->transport->callbacks;
	size_t skip = s->kind == OUTER_NAT ? NON_ESP_MARKER : 0;
	struct slice payload = {datagram.data + skip, datagram.len - skip};

	if (payload.len > 0)
		cb->on_keying(cb->owner, s->port, outer, payload);
}

bool outer_is_esp(struct outer_socket *s, struct slice datagram, const struct outer *outer)
{
	const struct transport_callbacks *cb = &s->transport->callbacks;

	if (s->kind == OUTER_NAT && is_keepalive(datagram)) {
		cb->on_keepalive(cb->owner);
		return false;
	}
	if (s->kind == OUTER_IKE || (s->kind == OUTER_NAT && is_keying(datagram))) {
		deliver_keying(s, datagram, outer);
		return false;
	}
	return true;
}

void outer_add(struct outer_socket *s, struct buf *pkt, const struct outer *outer)
{
	struct batch *batch = &s->transport->receive_batch;
	struct batch_item *item = &batch->items[batch->n++];

	memset(item, 0, sizeof(*item));
	item->pkt = pkt;
	item->outer = *outer;
	item->encap = s->kind == OUTER_RAW ? SA_ENCAP_ESP : SA_ENCAP_UDP;
}

void outer_hand_over(struct transport *t)
{
	if (t->receive_batch.n > 0)
		t->callbacks.on_esp(t->callbacks.owner, &t->receive_batch);
	t->receive_batch.n = 0;
}

void outer_drop(struct transport *t, enum drop drop)
{
	t->callbacks.on_drop(t->callbacks.owner, drop);
}

bool outer_read(struct outer_socket *s, struct msghdr *msg, struct outer *outer, size_t *segment)
{
	*outer = (struct outer){.local.port = s->port};
	if (msg->msg_flags & MSG_TRUNC) {
		outer_drop(s->transport, DROP_TOO_LONG);
		return false;
	}
	if (ip_endpoint_from_sockaddr(msg->msg_name, &outer->remote) != 0)
		return false;
	if (s->kind == OUTER_RAW)
		outer->remote.port = 0;
	*segment = cmsg_read(msg, outer);
	return true;
}

/* true: the batch has taken the buffer. */
static bool take(struct outer_socket *s, struct mmsghdr *msg, struct buf *pkt)
{
	struct outer outer;
	size_t segment;

	if (!outer_read(s, &msg->msg_hdr, &outer, &segment))
		return false;
	buf_put(pkt, msg->msg_len);
	if (s->kind == OUTER_RAW && s->family == 4 && !strip_ipv4(pkt, &outer))
		return false;
	if (pkt->len == 0 || !outer_is_esp(s, (struct slice){pkt->data, pkt->len}, &outer))
		return false;
	outer_add(s, pkt, &outer);
	return true;
}

static void receive_singly(struct outer_socket *s)
{
	struct transport *t = s->transport;
	size_t n = offer_all(t);
	size_t got;
	int err;

	if (n == 0)
		outer_drop(t, DROP_NO_BUFFER);
	/* Errors here are of earlier sends; the error queue has them, the datagrams are behind. */
	err = recvmmsg(s->fd, t->inbox.msgs, (unsigned)n, MSG_DONTWAIT, NULL);
	got = err > 0 ? (size_t)err : 0;
	for (size_t i = 0; i < n; i++) {
		if (i >= got || !take(s, &t->inbox.msgs[i], t->receive_bufs[i]))
			buf_pool_put(t->params.pool, t->receive_bufs[i]);
	}
	if (got == t->receive_want && t->receive_want < BATCH_MAX)
		t->receive_want *= 2;
	if (s->kind == OUTER_IKE)
		return;
	t->counts.received_messages += got;
	t->counts.received_packets += got;
}

void outer_receive(struct outer_socket *s)
{
	struct transport *t = s->transport;

	t->receive_batch.n = 0;
	t->receive_batch.now_ms = t->callbacks.now_ms(t->callbacks.owner);
	if (s->kind == OUTER_NAT && t->gro != NULL)
		outer_gro_receive(s);
	else
		receive_singly(s);
	outer_hand_over(t);
}

/* One report; what it quotes of our packet is not needed. false: the queue is empty. */
static bool receive_error(struct outer_socket *s)
{
	struct transport *t = s->transport;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_ERROR_SIZE];
	union outer_sockaddr addr;
	struct ip_endpoint remote;
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	uint32_t mtu;

	if (recvmsg(s->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	mtu = cmsg_read_mtu(&msg);
	if (mtu == 0 || ip_endpoint_from_sockaddr(&addr.any, &remote) != 0)
		return true;
	if (s->kind == OUTER_RAW)
		remote.port = 0;
	t->callbacks.on_path_mtu(t->callbacks.owner, &remote, mtu);
	return true;
}

void outer_receive_errors(struct outer_socket *s)
{
	int pending;
	socklen_t len = sizeof(pending);

	for (int i = 0; i < ERRORS_PER_TURN && receive_error(s); i++)
		continue;
	/* Takes the pending error away, or poll would report it for ever. */
	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &pending, &len);
}
