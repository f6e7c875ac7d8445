/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages of outer sockets, RFC 3542 and Linux's ip(7), ipv6(7) and udp(7). */
#include "io/cmsg.h"

#include "ip/addr.h"
#include "ip/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <linux/in6.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/errqueue.h>

enum { FLOW_LABEL_MASK = 0xfffff };

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)) +
			       CMSG_SPACE(sizeof(uint16_t)) <=
		       CMSG_SEND_SIZE,
	"all that is ever sent fits at once");
_Static_assert(
	CMSG_SPACE(sizeof(struct in6_pktinfo)) + 4 * CMSG_SPACE(sizeof(int)) <= CMSG_RECEIVE_SIZE,
	"all that is ever received fits at once");

/* Where the next control message is written; used counts octets so far. */
struct writer {
	uint8_t *octets;
	size_t used;
};

static void put(struct writer *w, int level, int type, const void *value, size_t len)
{
	struct cmsghdr head = {.cmsg_level = level, .cmsg_type = type};

	head.cmsg_len = CMSG_LEN(len);
	memset(w->octets + w->used, 0, CMSG_SPACE(len));
	memcpy(w->octets + w->used, &head, sizeof(head));
	memcpy(w->octets + w->used + CMSG_LEN(0), value, len);
	w->used += CMSG_SPACE(len);
}

static void put_int(struct writer *w, int level, int type, int value)
{
	put(w, level, type, &value, sizeof(value));
}

static void write_v4(struct writer *w, const struct outer *outer)
{
	if (outer->local.addr.family == 4 && !ip_addr_is_any(&outer->local.addr)) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, outer->local.addr.bytes, 4);
		put(w, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (outer->hop_limit != 0)
		put_int(w, IPPROTO_IP, IP_TTL, outer->hop_limit);
	if (outer->traffic_class != 0)
		put_int(w, IPPROTO_IP, IP_TOS, outer->traffic_class);
}

static void write_v6(struct writer *w, const struct outer *outer)
{
	if (outer->local.addr.family == 6 && !ip_addr_is_any(&outer->local.addr)) {
		struct in6_pktinfo info = {0};

		memcpy(&info.ipi6_addr, outer->local.addr.bytes, 16);
		put(w, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	if (outer->hop_limit != 0)
		put_int(w, IPPROTO_IPV6, IPV6_HOPLIMIT, outer->hop_limit);
	if (outer->traffic_class != 0)
		put_int(w, IPPROTO_IPV6, IPV6_TCLASS, outer->traffic_class);
}

void cmsg_write(struct msghdr *msg, const struct outer *outer, uint16_t segment)
{
	struct writer w = {.octets = msg->msg_control};

	if (outer->remote.addr.family == 4)
		write_v4(&w, outer);
	else
		write_v6(&w, outer);
	if (segment != 0)
		put(&w, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	msg->msg_controllen = w.used;
	if (w.used == 0)
		msg->msg_control = NULL;
}

/* The value, of len octets at most, from a control message that has them. */
static size_t take(const struct cmsghdr *cmsg, void *out, size_t len)
{
	size_t have = cmsg->cmsg_len - CMSG_LEN(0);

	if (have < len)
		len = have;
	memcpy(out, CMSG_DATA(cmsg), len);
	return len;
}

/* Linux sends the traffic class of IPv4 as one octet, everything else as int. */
static uint8_t take_octet(const struct cmsghdr *cmsg)
{
	int value = 0;
	uint8_t octet;

	if (take(cmsg, &value, sizeof(value)) == sizeof(value))
		return (uint8_t)value;
	take(cmsg, &octet, 1);
	return octet;
}

static void read_v4(const struct cmsghdr *cmsg, struct outer *outer)
{
	struct in_pktinfo info;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		if (take(cmsg, &info, sizeof(info)) != sizeof(info))
			break;
		/* spec_dst is an address of ours also where the packet went to a broadcast. */
		outer->local.addr =
			ip_addr_from(4, (const uint8_t *)(IN_MULTICAST(ntohl(info.ipi_addr.s_addr))
								  ? &info.ipi_addr
								  : &info.ipi_spec_dst));
		break;
	case IP_TTL:
		outer->hop_limit = take_octet(cmsg);
		break;
	case IP_TOS:
		outer->traffic_class = take_octet(cmsg);
		break;
	default:
		break;
	}
}

static void read_v6(const struct cmsghdr *cmsg, struct outer *outer)
{
	struct in6_pktinfo info;
	uint32_t flow;

	switch (cmsg->cmsg_type) {
	case IPV6_PKTINFO:
		if (take(cmsg, &info, sizeof(info)) == sizeof(info))
			outer->local.addr = ip_addr_from(6, info.ipi6_addr.s6_addr);
		break;
	case IPV6_HOPLIMIT:
		outer->hop_limit = take_octet(cmsg);
		break;
	case IPV6_TCLASS:
		outer->traffic_class = take_octet(cmsg);
		break;
	case IPV6_FLOWINFO:
		if (take(cmsg, &flow, sizeof(flow)) == sizeof(flow))
			outer->flow_label = ntohl(flow) & FLOW_LABEL_MASK;
		break;
	default:
		break;
	}
}

static size_t read_segment(const struct cmsghdr *cmsg)
{
	int size = 0;

	if (cmsg->cmsg_type != UDP_GRO || take(cmsg, &size, sizeof(size)) != sizeof(size) ||
		size < 0)
		return 0;
	return (size_t)size;
}

size_t cmsg_read(struct msghdr *msg, struct outer *outer)
{
	size_t segment = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
		cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP)
			read_v4(cmsg, outer);
		else if (cmsg->cmsg_level == IPPROTO_IPV6)
			read_v6(cmsg, outer);
		else if (cmsg->cmsg_level == SOL_UDP)
			segment = read_segment(cmsg);
	}
	return segment;
}

static bool is_error(const struct cmsghdr *cmsg)
{
	return (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
	       (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR);
}

uint32_t cmsg_read_mtu(struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
		cmsg = CMSG_NXTHDR(msg, cmsg)) {
		struct sock_extended_err err;

		if (is_error(cmsg) && take(cmsg, &err, sizeof(err)) == sizeof(err) &&
			err.ee_errno == EMSGSIZE)
			return err.ee_info;
	}
	return 0;
}
