/* SPDX-License-Identifier: Apache-2.0 */
/* Makes messages of a batch of ESP packets: equal neighbours are one run, which the kernel cuts
 * into datagrams again (UDP_SEGMENT, udp(7)). */
#include "io/transport_socket.h"

#include "base/buf.h"
#include "ip/addr.h"

#include <string.h>

enum {
	RUN_PACKETS_MAX = 64, /* what every kernel with UDP_SEGMENT takes */
	RUN_OCTETS_MAX = 65000,
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
	const void *octets[] = {a, b};

	return memcmp(octets[0], octets[1], sizeof(*a)) == 0 ||
	       (a->hop_limit == b->hop_limit && a->traffic_class == b->traffic_class &&
		       (a->flow_label == b->flow_label || a->remote.addr.family == 4) &&
		       ip_endpoint_equal(&a->remote, &b->remote) &&
		       ip_addr_equal(&a->local.addr, &b->local.addr));
}

void outer_address(struct msghdr *msg, struct outer_place *place, const struct outer *outer)
{
	msg->msg_name = &place->addr;
	msg->msg_namelen = ip_endpoint_to_sockaddr(&outer->remote, &place->addr.room);
	if (outer->remote.addr.family == 6)
		place->addr.v6.sin6_flowinfo = htonl(outer->flow_label & FLOW_LABEL_MAX);
}

void outer_control(
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
		outer_control(msg, &out->places[last], out->outer, segment);
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
		outer_address(msg, &out->places[out->n], &item->outer);
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

void outer_gather(struct outer_outbox *out, const struct batch *batch, uint64_t *todo)
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
