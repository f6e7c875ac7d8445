/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses and routes over rtnetlink (RFC 3549, Linux's rtnetlink manual page). */
#include "io/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	REQUEST_MAX = 512, /* our own requests: headers and a dozen attributes */
	ANSWER_MAX = 32768,
	STRANGERS_MAX = 64,
	METRIC_V6 = 1024, /* what the kernel takes for 0 in IPv6 */
};

struct netlink {
	struct mnl_socket *sock;
	unsigned port, seq;
};

/* alignas: libmnl casts the octets to struct nlmsghdr. */
struct request {
	_Alignas(struct nlmsghdr) char octets[REQUEST_MAX];
};

static int family_of(const struct ip_prefix *prefix)
{
	return prefix->addr.family == 4 ? AF_INET : AF_INET6;
}

int netlink_open(struct netlink **out)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int err;
	int on = 1;

	if (nl == NULL)
		return -ENOMEM;
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->sock == NULL || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		netlink_close(nl);
		return err;
	}
	/* Lets the kernel filter dumps (4.20 and later); without it we filter ourselves. */
	mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nl->port = mnl_socket_get_portid(nl->sock);
	*out = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->sock != NULL)
		mnl_socket_close(nl->sock);
	free(nl);
}

static struct nlmsghdr *begin(struct netlink *nl, struct request *req, uint16_t type, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(req->octets);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

/* Sends the request and reads to the end of its answer. 0 or negative errno. */
static int talk(struct netlink *nl, const struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(nl->sock, answer, sizeof(answer));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		more = mnl_cb_run(answer, (size_t)got, nlh->nlmsg_seq, nl->port, each, arg);
		/* Left over from a request that ended early. */
		if (more < 0 && errno == EPROTO)
			more = MNL_CB_OK;
	}
	return more < 0 ? -errno : 0;
}

static int command(struct netlink *nl, struct nlmsghdr *nlh)
{
	nlh->nlmsg_flags |= NLM_F_ACK;
	return talk(nl, nlh, NULL, NULL);
}

static int unless(int err, int fine)
{
	return err == -fine ? 0 : err;
}

/* What is gone need not be taken away. */
static int unless_gone(int err)
{
	return unless(unless(unless(err, ESRCH), ENODEV), EADDRNOTAVAIL);
}

static int link_change(struct netlink *nl, int ifindex, unsigned flags, uint32_t mtu)
{
	struct request req;
	struct nlmsghdr *nlh = begin(nl, &req, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(nlh, sizeof(*link));

	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	link->ifi_flags = flags;
	link->ifi_change = flags;
	if (mtu != 0)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return command(nl, nlh);
}

/*
 * A link-local address on the TUN would have the kernel solicit routers into it for ever: wake-ups
 * for packets that no policy lets pass. Without IPv6 in the kernel this is refused, and not needed.
 */
static void no_link_local(struct netlink *nl, int ifindex)
{
	struct request req;
	struct nlmsghdr *nlh = begin(nl, &req, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(nlh, sizeof(*link));
	struct nlattr *families, *inet6;

	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	families = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, families);
	(void)command(nl, nlh);
}

int netlink_link_up(struct netlink *nl, int ifindex, uint32_t mtu)
{
	no_link_local(nl, ifindex);
	return link_change(nl, ifindex, IFF_UP, mtu);
}

int netlink_link_mtu(struct netlink *nl, int ifindex, uint32_t mtu)
{
	return link_change(nl, ifindex, 0, mtu);
}

static struct nlmsghdr *address(struct netlink *nl, struct request *req, uint16_t type, int flags)
{
	struct nlmsghdr *nlh = begin(nl, req, type, flags);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	return nlh;
}

static void address_fill(struct nlmsghdr *nlh, int ifindex, const struct ip_prefix *addr)
{
	struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);

	ifa->ifa_family = (uint8_t)family_of(addr);
	ifa->ifa_prefixlen = addr->len;
	ifa->ifa_index = (uint32_t)ifindex;
	ifa->ifa_scope = ip_addr_is_link_local(&addr->addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(nlh, IFA_LOCAL, ip_addr_len(&addr->addr), addr->addr.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, ip_addr_len(&addr->addr), addr->addr.bytes);
}

int netlink_addr_add(struct netlink *nl, int ifindex, const struct ip_prefix *addr)
{
	struct request req;
	struct nlmsghdr *nlh = address(nl, &req, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);

	address_fill(nlh, ifindex, addr);
	/* Nobody else is on this link; a tentative address could not be used for a second. */
	if (addr->addr.family == 6)
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	return unless(command(nl, nlh), EEXIST);
}

int netlink_addr_del(struct netlink *nl, int ifindex, const struct ip_prefix *addr)
{
	struct request req;
	struct nlmsghdr *nlh = address(nl, &req, RTM_DELADDR, 0);

	address_fill(nlh, ifindex, addr);
	return unless_gone(command(nl, nlh));
}

/* Addresses of one device that are not among keep, as many as fit. */
struct strangers {
	int ifindex;
	const struct ip_prefix *keep;
	size_t n_keep, n;
	struct ip_prefix list[STRANGERS_MAX];
};

static int note_local(const struct nlattr *attr, void *arg)
{
	struct ip_prefix *addr = arg;
	unsigned type = mnl_attr_get_type(attr);

	/* IPv6 has no IFA_LOCAL where there is no peer. */
	if ((type == IFA_LOCAL || (type == IFA_ADDRESS && addr->addr.family == 6)) &&
		mnl_attr_get_payload_len(attr) == ip_addr_len(&addr->addr))
		memcpy(addr->addr.bytes, mnl_attr_get_payload(attr), ip_addr_len(&addr->addr));
	return MNL_CB_OK;
}

static int note_stranger(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct strangers *strangers = arg;
	struct ip_prefix addr = {
		.addr.family = ifa->ifa_family == AF_INET ? 4 : 6, .len = ifa->ifa_prefixlen};

	if (nlh->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != strangers->ifindex ||
		strangers->n == STRANGERS_MAX ||
		mnl_attr_parse(nlh, sizeof(*ifa), note_local, &addr) < 0 ||
		ip_addr_is_link_local(&addr.addr))
		return MNL_CB_OK;
	for (size_t i = 0; i < strangers->n_keep; i++)
		if (strangers->keep[i].len == addr.len &&
			ip_addr_equal(&strangers->keep[i].addr, &addr.addr))
			return MNL_CB_OK;
	strangers->list[strangers->n++] = addr;
	return MNL_CB_OK;
}

static int dump_addrs(struct netlink *nl, struct strangers *strangers)
{
	struct request req;
	struct nlmsghdr *nlh = address(nl, &req, RTM_GETADDR, NLM_F_DUMP);

	strangers->n = 0;
	return talk(nl, nlh, note_stranger, strangers);
}

int netlink_addrs_keep(struct netlink *nl, int ifindex, const struct ip_prefix *keep, size_t n)
{
	struct strangers strangers = {.ifindex = ifindex, .keep = keep, .n_keep = n};
	int err = dump_addrs(nl, &strangers);

	for (size_t i = 0; err == 0 && i < strangers.n; i++)
		err = netlink_addr_del(nl, ifindex, &strangers.list[i]);
	return err;
}

/* A route as we write it; ifindex 0: the guard. */
struct route {
	const struct ip_prefix *dst;
	int ifindex;
	const struct ip_addr *source;
	uint32_t mtu;
};

static uint32_t route_metric(const struct route *route)
{
	if (route->ifindex == 0)
		return NETLINK_GUARD_METRIC;
	return route->dst->addr.family == 6 ? METRIC_V6 : 0;
}

static void route_header(struct nlmsghdr *nlh, const struct route *route)
{
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = (uint8_t)family_of(route->dst);
	rtm->rtm_dst_len = route->dst->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = NETLINK_PROTOCOL;
	rtm->rtm_scope = route->ifindex != 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = route->ifindex != 0 ? RTN_UNICAST : RTN_UNREACHABLE;
}

static int route_command(struct netlink *nl, uint16_t type, int flags, const struct route *route)
{
	struct request req;
	struct nlmsghdr *nlh = begin(nl, &req, type, flags);
	struct ip_addr dst = ip_prefix_network(route->dst);
	uint32_t metric = route_metric(route);

	route_header(nlh, route);
	mnl_attr_put(nlh, RTA_DST, ip_addr_len(&dst), dst.bytes);
	if (route->ifindex != 0)
		mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)route->ifindex);
	if (metric != 0)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	if (route->source != NULL && !ip_addr_is_any(route->source))
		mnl_attr_put(nlh, RTA_PREFSRC, ip_addr_len(route->source), route->source->bytes);
	if (route->mtu != 0) {
		struct nlattr *metrics = mnl_attr_nest_start(nlh, RTA_METRICS);

		mnl_attr_put_u32(nlh, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(nlh, metrics);
	}
	return command(nl, nlh);
}

/* One route of the main table as the kernel shows it. */
struct shown {
	struct ip_prefix dst;
	int ifindex;
	uint8_t protocol, type;
	uint32_t metric;
};

static int note_attr(const struct nlattr *attr, void *arg)
{
	struct shown *shown = arg;
	size_t len = ip_addr_len(&shown->dst.addr);

	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		if (mnl_attr_get_payload_len(attr) == len)
			memcpy(shown->dst.addr.bytes, mnl_attr_get_payload(attr), len);
		break;
	case RTA_OIF:
		if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			shown->ifindex = (int)mnl_attr_get_u32(attr);
		break;
	case RTA_PRIORITY:
		if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			shown->metric = mnl_attr_get_u32(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

/* false: of another table or kind, or none that we understand. */
static bool show(const struct nlmsghdr *nlh, struct shown *shown)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_table != RT_TABLE_MAIN ||
		(rtm->rtm_flags & RTM_F_CLONED) != 0)
		return false;
	memset(shown, 0, sizeof(*shown));
	shown->dst.addr.family = rtm->rtm_family == AF_INET ? 4 : 6;
	shown->dst.len = rtm->rtm_dst_len;
	shown->protocol = rtm->rtm_protocol;
	shown->type = rtm->rtm_type;
	return mnl_attr_parse(nlh, sizeof(*rtm), note_attr, shown) >= 0;
}

static int dump(struct netlink *nl, int family, mnl_cb_t each, void *arg)
{
	struct request req;
	struct nlmsghdr *nlh = begin(nl, &req, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = (uint8_t)family;
	rtm->rtm_table = RT_TABLE_MAIN;
	/* A table that nobody has filled yet does not exist. */
	return unless(talk(nl, nlh, each, arg), ENOENT);
}

struct search {
	const struct route *route;
	bool on_our_link, ours, another;
};

static int compare(const struct nlmsghdr *nlh, void *arg)
{
	struct search *search = arg;
	struct ip_addr dst = ip_prefix_network(search->route->dst);
	struct shown shown;

	if (!show(nlh, &shown) || shown.dst.len != search->route->dst->len ||
		!ip_addr_equal(&shown.dst.addr, &dst) ||
		shown.metric != route_metric(search->route))
		return MNL_CB_OK;
	if (shown.ifindex != search->route->ifindex)
		search->another = true;
	else if (shown.protocol == NETLINK_PROTOCOL)
		search->ours = true;
	else
		search->on_our_link = true;
	return MNL_CB_OK;
}

/*
 * Asks for the one entry that the kernel would take for the prefix's first address: with thousands
 * of routes, a dump for each of them takes minutes. true only where that is the route itself, alone
 * (a shared one shows no link) and ours; all else a dump has to tell.
 */
static bool is_ours_at_first_sight(struct netlink *nl, const struct route *route)
{
	struct request req;
	struct nlmsghdr *nlh = begin(nl, &req, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct ip_addr dst = ip_prefix_network(route->dst);
	struct search search = {.route = route};

	rtm->rtm_family = (uint8_t)family_of(route->dst);
	rtm->rtm_dst_len = (uint8_t)(ip_addr_len(&dst) * 8);
	rtm->rtm_flags = RTM_F_FIB_MATCH;
	mnl_attr_put(nlh, RTA_DST, ip_addr_len(&dst), dst.bytes);
	nlh->nlmsg_flags |= NLM_F_ACK; /* or nothing would say that this was all */
	return talk(nl, nlh, compare, &search) == 0 && search.ours && !search.another;
}

int netlink_route_add(struct netlink *nl, int ifindex, const struct ip_prefix *dst,
	const struct ip_addr *source, uint32_t mtu)
{
	const struct route route = {dst, ifindex, source, mtu};
	struct search search = {.route = &route};
	int err = route_command(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route);
	int looked;

	if (err != -EEXIST)
		return err;
	if (is_ours_at_first_sight(nl, &route))
		return route_command(nl, RTM_NEWROUTE, NLM_F_REPLACE, &route);
	looked = dump(nl, family_of(dst), compare, &search);
	if (looked != 0)
		return looked;
	/* A stranger's route to the same prefix would carry the traffic past us. */
	if (search.another)
		return -EEXIST;
	/* Ours may have another MTU or source; the kernel's own for our address serves as well. */
	return search.ours ? route_command(nl, RTM_NEWROUTE, NLM_F_REPLACE, &route)
			   : (search.on_our_link ? 0 : -EEXIST);
}

int netlink_route_del(struct netlink *nl, int ifindex, const struct ip_prefix *dst)
{
	const struct route route = {.dst = dst, .ifindex = ifindex};

	return unless_gone(route_command(nl, RTM_DELROUTE, 0, &route));
}

int netlink_guard_add(struct netlink *nl, const struct ip_prefix *dst)
{
	const struct route route = {.dst = dst};

	return unless(route_command(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route), EEXIST);
}

int netlink_guard_del(struct netlink *nl, const struct ip_prefix *dst)
{
	const struct route route = {.dst = dst};

	return unless_gone(route_command(nl, RTM_DELROUTE, 0, &route));
}

struct ours {
	void (*each)(void *arg, const struct ip_prefix *dst, int ifindex, bool guard);
	void *arg;
};

static int tell_ours(const struct nlmsghdr *nlh, void *arg)
{
	const struct ours *ours = arg;
	struct shown shown;

	if (show(nlh, &shown) && shown.protocol == NETLINK_PROTOCOL)
		ours->each(ours->arg, &shown.dst, shown.ifindex, shown.type == RTN_UNREACHABLE);
	return MNL_CB_OK;
}

int netlink_routes_ours(struct netlink *nl,
	void (*each)(void *arg, const struct ip_prefix *dst, int ifindex, bool guard), void *arg)
{
	struct ours ours = {each, arg};
	int err = dump(nl, AF_INET, tell_ours, &ours);

	return err != 0 ? err : dump(nl, AF_INET6, tell_ours, &ours);
}

int netlink_monitor_open(int *fd)
{
	const unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err = 0;

	if (sock == NULL)
		return -errno;
	/* A copy outlives libmnl's wrapper, which would have to be kept for nothing. */
	if (mnl_socket_bind(sock, groups, MNL_SOCKET_AUTOPID) < 0 ||
		(*fd = fcntl(mnl_socket_get_fd(sock), F_DUPFD_CLOEXEC, 0)) < 0)
		err = -errno;
	mnl_socket_close(sock);
	return err;
}

void netlink_monitor_drain(int fd)
{
	char octets[512];

	/* ENOBUFS says that news were lost: as all of it is thrown away, that changes nothing. */
	while (recv(fd, octets, sizeof(octets), MSG_DONTWAIT) >= 0 || errno == EINTR ||
		errno == ENOBUFS)
		continue;
}
