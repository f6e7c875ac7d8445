/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses, routes by libmnl. All calls are idempotent: what exists already is fine. */
#ifndef DIETVPN_IO_NETLINK_H
#define DIETVPN_IO_NETLINK_H

#include "ip/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum { NETLINK_PROTOCOL = 0xd7 /* rtm_protocol of our routes */ };

/* Metric of the unreachable route behind each of ours (too large for an enumerator). */
#define NETLINK_GUARD_METRIC 4000000000U

struct netlink; /* one socket */

/* 0 or negative errno; netlink_close() ends it. Every call waits for the kernel's answer. */
int netlink_open(struct netlink **out);
void netlink_close(struct netlink *nl);
/* Up, without an IPv6 link-local address; mtu 0: as it is. */
int netlink_link_up(struct netlink *nl, int ifindex, uint32_t mtu);
int netlink_link_mtu(struct netlink *nl, int ifindex, uint32_t mtu);
/* No duplicate address detection. The kernel's own route to the prefix stays: what no policy covers
 * then ends in the TUN and is discarded there, instead of leaving in the clear. */
int netlink_addr_add(struct netlink *nl, int ifindex, const struct ip_prefix *addr);
int netlink_addr_del(struct netlink *nl, int ifindex, const struct ip_prefix *addr);
/* Takes away what else the device has, link-local addresses apart: an earlier life's, or it would
 * be the source of packets that no policy covers. */
int netlink_addrs_keep(struct netlink *nl, int ifindex, const struct ip_prefix *keep, size_t n);
/* source: preferred source address, NULL or any: none. mtu 0: the device's. -EEXIST: the prefix has
 * a route through another device already, with the same metric (IPv4 0, IPv6 1024). */
int netlink_route_add(struct netlink *nl, int ifindex, const struct ip_prefix *dst,
	const struct ip_addr *source, uint32_t mtu);
int netlink_route_del(struct netlink *nl, int ifindex, const struct ip_prefix *dst);
/* The guard: an unreachable route of the worst metric to the same prefix. */
int netlink_guard_add(struct netlink *nl, const struct ip_prefix *dst);
int netlink_guard_del(struct netlink *nl, const struct ip_prefix *dst);
/* Calls back for each route of NETLINK_PROTOCOL in the main table: to find what an earlier life
 * left. */
int netlink_routes_ours(struct netlink *nl,
	void (*each)(void *arg, const struct ip_prefix *dst, int ifindex, bool guard), void *arg);
/* A second socket that becomes readable when links, addresses or routes change, by us or others. */
int netlink_monitor_open(int *fd);
/* Throws the news away, lost ones included: the caller looks at what it cares for anew. */
void netlink_monitor_drain(int fd);

#endif
