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
static void offer(struct outer_vector *v, size_t i, struct buf *pkt)
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
		offer(&t->receive_vector, n, pkt);
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

static bool is_keepalive(const struct buf *pkt)
{
	return pkt->len == 1 && pkt->data[0] == KEEPALIVE_OCTET;
}

static bool is_keying(const struct buf *pkt)
{
	return pkt->len >= NON_ESP_MARKER && get_be32(pkt->data) == 0;
}

static void deliver_keying(struct outer_socket *s, const struct buf *pkt, const struct outer *outer)
{
	const struct transport_callbacks *cb = &s->transport->callbacks;
	size_t skip = s->kind == OUTER_NAT ? NON_ESP_MARKER : 0;
	struct slice payload = {pkt->data + skip, pkt->len - skip};

	if (payload.len > 0)
		cb->on_keying(cb->owner, s->port, outer, payload);
}

/* true: it is ESP, and the batch has taken the buffer. */
static bool classify(struct outer_socket *s, struct buf *pkt, const struct outer *outer)
{
	struct transport *t = s->transport;
	struct batch_item *item;

	if (s->kind == OUTER_NAT && is_keepalive(pkt)) {
		t->callbacks.on_keepalive(t->callbacks.owner);
		return false;
	}
	if (s->kind == OUTER_IKE || (s->kind == OUTER_NAT && is_keying(pkt))) {
		deliver_keying(s, pkt, outer);
		return false;
	}
	item = &t->receive_batch.items[t->receive_batch.n++];
	memset(item, 0, sizeof(*item));
	item->pkt = pkt;
	item->outer = *outer;
	item->encap = s->kind == OUTER_RAW ? SA_ENCAP_ESP : SA_ENCAP_UDP;
	return true;
}

static bool take(struct outer_socket *s, struct mmsghdr *msg, struct buf *pkt)
{
	const struct transport_callbacks *cb = &s->transport->callbacks;
	struct outer outer = {.local.port = s->port};

	if (msg->msg_hdr.msg_flags & MSG_TRUNC) {
		cb->on_drop(cb->owner, DROP_TOO_LONG);
		return false;
	}
	if (ip_endpoint_from_sockaddr(msg->msg_hdr.msg_name, &outer.remote) != 0)
		return false;
	if (s->kind == OUTER_RAW)
		outer.remote.port = 0;
	cmsg_read(&msg->msg_hdr, &outer);
	buf_put(pkt, msg->msg_len);
	if (s->kind == OUTER_RAW && s->family == 4 && !strip_ipv4(pkt, &outer))
		return false;
	return pkt->len > 0 && classify(s, pkt, &outer);
}

void outer_receive(struct outer_socket *s)
{
	struct transport *t = s->transport;
	size_t n = offer_all(t);
	int got;

	if (n == 0)
		t->callbacks.on_drop(t->callbacks.owner, DROP_NO_BUFFER);
	/* Errors here are of earlier sends; the error queue has them, the datagrams are behind. */
	got = recvmmsg(s->fd, t->receive_vector.msgs, (unsigned)n, MSG_DONTWAIT, NULL);
	t->receive_batch.n = 0;
	for (size_t i = 0; i < n; i++) {
		if (got <= 0 || i >= (size_t)got ||
			!take(s, &t->receive_vector.msgs[i], t->receive_bufs[i]))
			buf_pool_put(t->params.pool, t->receive_bufs[i]);
	}
	if (got > 0 && (size_t)got == t->receive_want && t->receive_want < BATCH_MAX)
		t->receive_want *= 2;
	if (t->receive_batch.n == 0)
		return;
	t->receive_batch.now_ms = t->callbacks.now_ms(t->callbacks.owner);
	t->callbacks.on_esp(t->callbacks.owner, &t->receive_batch);
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
