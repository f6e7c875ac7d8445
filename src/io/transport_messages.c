/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the messages of a batch and finds out which packet an error of the system call belongs to,
 * and whether it ends the use of UDP_SEGMENT, udp(7). */
#include "io/transport_socket.h"

#define LOG_TAG "transport"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

enum { UDP_HEADER = 8 };

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

int outer_send_message(const struct outer_socket *s, const struct msghdr *msg)
{
	ssize_t sent;

	do {
		sent = sendmsg(s->fd, msg, MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The messages of the outbox share their places: an attempt has its own. */
static int attempt(const struct outer_socket *s, struct iovec *iov, const struct outer *outer)
{
	struct outer_place place;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 1};

	outer_address(&msg, &place, outer);
	outer_control(&msg, &place, outer, 0);
	return outer_send_message(s, &msg);
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
static int send_again(
	struct outer_socket *s, struct iovec *iov, const struct batch_item *item, int err)
{
	struct outer outer = item->outer;

	if (s->family == 6 && outer.flow_label != 0 && (err == -EINVAL || err == -ENOENT)) {
		if (lease_label(s, &outer)) {
			err = attempt(s, iov, &outer);
			if (err == 0 || err == -EAGAIN)
				return err;
		} else {
			s->transport->labels_refused++;
			outer.flow_label = 0;
		}
	}
	err = attempt(s, iov, &outer);
	if (!may_be_source(err) || outer.local.addr.family == 0)
		return err;
	outer.local.addr.family = 0;
	return attempt(s, iov, &outer);
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

static bool exceeds_route(const struct batch_item *item)
{
	size_t headers =
		(item->outer.remote.addr.family == 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER;
	uint32_t mtu;

	return transport_route(&item->outer.remote, &mtu, NULL) == 0 &&
	       item->pkt->len + headers > mtu;
}

/*
 * A run was refused and its packet went alone: EINVAL and EIO are then the word of a device or a
 * kernel that does not cut. But kernels before 6.14 may say EINVAL, not EMSGSIZE, also where a
 * packet exceeds the path, which may then be cut by fragmentation only.
 */
static void judge_run(struct transport *t, const struct batch_item *item, int err)
{
	if (err == -EMSGSIZE || (err == -EINVAL && exceeds_route(item))) {
		report_mtu(t, &item->outer.remote);
		return;
	}
	if ((err != -EINVAL && err != -EIO) || !t->gso)
		return;
	t->gso = false;
	log_info("UDP_SEGMENT refused (%s): datagrams go singly from now on", strerror(-err));
}

/*
 * The packets of message m, which the kernel refused, one by one, each with its own verdict. 0, or
 * -EAGAIN: what the message still holds has not gone.
 */
static int send_singly(struct outer_outbox *out, size_t m, struct batch *batch, int refused)
{
	struct outer_socket *s = out->socket;
	struct transport *t = s->transport;
	struct msghdr *msg = &out->msgs[m].msg_hdr;
	bool run = msg->msg_iovlen > 1, judged = !run;

	for (; msg->msg_iovlen > 0; msg->msg_iovlen--, msg->msg_iov++) {
		struct batch_item *item = &batch->items[out->items[msg->msg_iov - out->iov]];
		int err = run ? attempt(s, msg->msg_iov, &item->outer) : refused;

		if (err == 0 && !judged)
			judge_run(t, item, refused);
		if (err != 0 && err != -EAGAIN)
			err = send_again(s, msg->msg_iov, item, err);
		if (err == -EAGAIN)
			return err;
		/* What went at the second attempt was refused for its own label or source. */
		judged = judged || err == 0;
		item->drop = verdict(err);
		if (err == -EMSGSIZE)
			report_mtu(t, &item->outer.remote);
		t->counts.sent_messages += err == 0;
		t->counts.sent_packets += err == 0;
	}
	return 0;
}

/* Which packet the messages from m on begin with. */
static size_t first_packet(const struct outer_outbox *out, size_t m)
{
	return m < out->n ? (size_t)(out->msgs[m].msg_hdr.msg_iov - out->iov) : out->n_packets;
}

static void count(struct outer_outbox *out, size_t from, size_t to)
{
	struct transport_counts *counts = &out->socket->transport->counts;

	counts->sent_messages += to - from;
	counts->sent_packets += first_packet(out, to) - first_packet(out, from);
}

/*
 * The message that the kernel refused: a run once more as it is, for the error may belong to an
 * earlier packet, perhaps another peer's; then its packets. 0 or -EAGAIN.
 */
static int send_refused(struct outer_outbox *out, size_t m, struct batch *batch, int err)
{
	const struct msghdr *msg = &out->msgs[m].msg_hdr;

	if (msg->msg_iovlen > 1)
		err = outer_send_message(out->socket, msg);
	if (err == 0)
		count(out, m, m + 1);
	return err == 0 || err == -EAGAIN ? err : send_singly(out, m, batch, err);
}

/* Returns the first packet that the socket had no room for. */
static size_t send_messages(struct outer_outbox *out, struct batch *batch)
{
	size_t at = 0;

	while (at < out->n) {
		int n = sendmmsg(
			out->socket->fd, out->msgs + at, (unsigned)(out->n - at), MSG_DONTWAIT);
		int err = n < 0 ? -errno : 0;

		if (n > 0) {
			count(out, at, at + (size_t)n);
			at += (size_t)n;
			continue;
		}
		if (err == -EINTR)
			continue;
		if (err == -EAGAIN || send_refused(out, at, batch, err) == -EAGAIN)
			break;
		at++;
	}
	return first_packet(out, at);
}

/* Marks what cannot go at all; bit i: item i can. */
static uint64_t sendable(struct transport *t, struct batch *batch)
{
	uint64_t todo = 0;

	for (size_t i = 0; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		if (item->drop != DROP_NONE)
			continue;
		if (outer_socket_of(t, item) != NULL)
			todo |= (uint64_t)1 << i;
		else
			item->drop = item->outer.remote.addr.family == 0 ? DROP_NO_ENDPOINT
									 : DROP_SEND_UNREACHABLE;
	}
	return todo;
}

uint64_t outer_send_batch(struct transport *t, struct batch *batch)
{
	struct outer_outbox *out = &t->outbox;
	uint64_t todo = sendable(t, batch);
	uint64_t unsent = 0;

	for (size_t i = 0; i < batch->n && todo != 0; i++) {
		if (!(todo >> i & 1))
			continue;
		out->socket = outer_socket_of(t, &batch->items[i]);
		outer_gather(out, batch, &todo);
		for (size_t p = send_messages(out, batch); p < out->n_packets; p++)
			unsent |= (uint64_t)1 << out->items[p];
	}
	return unsent;
}
