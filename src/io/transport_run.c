/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a batch of ESP packets in few messages, equal neighbours as one (UDP_SEGMENT, udp(7)), and
 * finds out which packet an error of the system call belongs to. */
#include "io/transport_socket.h"

#define LOG_TAG "transport"

#include "base/buf.h"
#include "base/log.h"
#include "ip/addr.h"

#include <errno.h>
#include <string.h>

enum {
	RUN_PACKETS_MAX = 64, /* what every kernel with UDP_SEGMENT takes */
	RUN_OCTETS_MAX = 65000,
	UDP_HEADER = 8,
};

_Static_assert(BATCH_MAX <= 64, "the items of a batch are bits of one word");

static enum outer_kind kind_of(const struct batch_item *item)
{
	return item->encap == SA_ENCAP_UDP ? OUTER_NAT : OUTER_RAW;
}

struct outer_socket *outer_socket_of(struct transport *t, const struct batch_item *item)
{
	return outer_socket_find(t, kind_of(item), item->outer.remote.addr.family);
}

/* Equal octets are equal fields; others may still differ in padding, or where IPv4 has no label. */
static bool same_outer(const struct outer *a, const struct outer *b)
{
	return memcmp(a, b, sizeof(*a)) == 0 ||
	       (a->hop_limit == b->hop_limit && a->traffic_class == b->traffic_class &&
		       (a->flow_label == b->flow_label || a->remote.addr.family == 4) &&
		       ip_endpoint_equal(&a->remote, &b->remote) &&
		       ip_addr_equal(&a->local.addr, &b->local.addr));
}

static void address(struct msghdr *msg, struct outer_place *place, const struct outer *outer)
{
	msg->msg_name = &place->addr;
	msg->msg_namelen = ip_endpoint_to_sockaddr(&outer->remote, &place->addr.room);
	if (outer->remote.addr.family == 6)
		place->addr.v6.sin6_flowinfo = htonl(outer->flow_label & FLOW_LABEL_MAX);
}

static void control(
	struct msghdr *msg, struct outer_place *place, const struct outer *outer, uint16_t segment)
{
	msg->msg_control = place->control;
	msg->msg_controllen = CMSG_SEND_SIZE;
	cmsg_write(msg, outer, segment);
}

static bool may_lead(const struct outer_outbox *out, const struct batch_item *item)
{
	return item->run && !item->fragment && item->pkt->len > 0 &&
	       out->socket->kind == OUTER_NAT && out->socket->transport->gso;
}

/* The last message, whose fields are the same, takes this packet as well. */
static bool may_join(const struct outer_outbox *out, const struct batch_item *item)
{
	size_t len = item->pkt->len;

	return out->open && item->run && !item->fragment && len > 0 && len <= out->octets_each &&
	       out->octets + len <= RUN_OCTETS_MAX &&
	       out->msgs[out->n - 1].msg_hdr.msg_iovlen < RUN_PACKETS_MAX;
}

static uint16_t segment_of(const struct outer_outbox *out)
{
	return out->msgs[out->n - 1].msg_hdr.msg_iovlen > 1 ? (uint16_t)out->octets_each : 0;
}

/* The last message is complete: its control messages are those of the one before, or written. */
static void close_message(struct outer_outbox *out)
{
	size_t last = out->n - 1;
	struct msghdr *msg = &out->msgs[last].msg_hdr;
	uint16_t segment = segment_of(out);

	if (out->same_as_before && segment == out->segment_before) {
		msg->msg_control = out->msgs[last - 1].msg_hdr.msg_control;
		msg->msg_controllen = out->msgs[last - 1].msg_hdr.msg_controllen;
	} else {
		control(msg, &out->places[last], out->outer, segment);
	}
	out->segment_before = segment;
}

static void open_message(struct outer_outbox *out, const struct batch_item *item, bool same)
{
	struct msghdr *msg = &out->msgs[out->n].msg_hdr;

	*msg = (struct msghdr){.msg_iov = &out->iov[out->n_packets], .msg_iovlen = 1};
	if (same) {
		msg->msg_name = out->msgs[out->n - 1].msg_hdr.msg_name;
		msg->msg_namelen = out->msgs[out->n - 1].msg_hdr.msg_namelen;
	} else {
		address(msg, &out->places[out->n], &item->outer);
	}
	out->n++;
	out->same_as_before = same;
	out->outer = &item->outer;
	out->octets = out->octets_each = item->pkt->len;
	out->open = may_lead(out, item);
}

static void add(struct outer_outbox *out, const struct batch_item *item)
{
	bool same = out->n > 0 && same_outer(&item->outer, out->outer);

	if (same && may_join(out, item)) {
		out->msgs[out->n - 1].msg_hdr.msg_iovlen++;
		out->octets += item->pkt->len;
		/* Only the last may be shorter. */
		out->open = item->pkt->len == out->octets_each;
	} else {
		if (out->n > 0)
			close_message(out);
		open_message(out, item, same);
	}
	out->iov[out->n_packets].iov_base = item->pkt->data;
	out->iov[out->n_packets].iov_len = item->pkt->len;
	out->n_packets++;
}

/* The packets of one socket, of those in todo; takes their bits off. */
static void gather(struct outer_outbox *out, struct batch *batch, uint64_t *todo)
{
	const struct outer_socket *s = out->socket;

	out->n = out->n_packets = 0;
	for (size_t i = 0; i < batch->n; i++) {
		const struct batch_item *item = &batch->items[i];

		if (!(*todo >> i & 1) || kind_of(item) != s->kind ||
			item->outer.remote.addr.family != s->family)
			continue;
		*todo &= ~((uint64_t)1 << i);
		out->items[out->n_packets] = (uint8_t)i;
		add(out, item);
	}
	close_message(out);
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

	address(&msg, &place, outer);
	control(&msg, &place, outer, 0);
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
 * kernel that does not cut. But kernels before 6.14 say EINVAL, not EMSGSIZE, also where a packet
 * exceeds the path, which may then be cut by fragmentation only.
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
		judged = judged || err == 0;
		if (err != 0 && err != -EAGAIN)
			err = send_again(s, msg->msg_iov, item, err);
		if (err == -EAGAIN)
			return err;
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
		gather(out, batch, &todo);
		for (size_t p = send_messages(out, batch); p < out->n_packets; p++)
			unsent |= (uint64_t)1 << out->items[p];
	}
	return unsent;
}
