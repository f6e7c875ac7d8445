/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel has in the kernel: TUN, MTU, addresses, routes and their guards (trust.md 4.5). */
#include "daemon/tunnel_net.h"

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/tunnel.h"
#include "io/dataplane.h"
#include "io/netlink.h"
#include "ip/prefix_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_TAG "tunnel"

const struct ip_prefix *net_prefix(const struct config_peer *peer, size_t i)
{
	if (i < peer->n_addresses)
		return &peer->addresses[i];
	i -= peer->n_addresses;
	return i < peer->n_routes ? &peer->routes[i] : NULL;
}

/* config: the one that peer is of, which tunnel may not have yet. */
typedef int prefix_action(struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, const struct ip_prefix *prefix);

static void add_prefixes(struct prefix_set *set, const struct config *config)
{
	const struct ip_prefix *prefix;

	for (size_t p = 0; p < config->n_peers; p++)
		for (size_t i = 0; (prefix = net_prefix(&config->peers[p], i)); i++)
			prefix_set_add(set, prefix);
	prefix_set_sort(set);
}

/* For each route of config that other (NULL: nothing) does not have. */
static int each_route(struct tunnel *tunnel, const struct config *config,
	const struct config *other, prefix_action *action)
{
	const struct ip_prefix *prefix;
	struct prefix_set others = {0};
	int first = 0;

	if (other)
		add_prefixes(&others, other);
	if (others.failed)
		first = -ENOMEM;
	for (size_t p = 0; p < config->n_peers && !others.failed; p++)
		for (size_t i = 0; (prefix = net_prefix(&config->peers[p], i)); i++) {
			int error = prefix_set_has(&others, prefix)
					    ? 0
					    : action(tunnel, config, &config->peers[p], prefix);

			if (error && !first)
				first = error;
		}
	prefix_set_fini(&others);
	return first;
}

static void say(const char *what, const struct ip_prefix *prefix, int error)
{
	char text[IP_PREFIX_TEXT];

	ip_prefix_print(prefix, text, sizeof(text));
	if (error == -EEXIST)
		log_error("%s %s: another route to it is there already (ip route show %s)", what,
			text, text);
	else
		log_error("%s %s: %s", what, text, strerror(-error));
}

static int add_guard(struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, const struct ip_prefix *prefix)
{
	int error = netlink_guard_add(tunnel->daemon->netlink, prefix);

	(void)config;
	(void)peer;
	if (error)
		say("guard", prefix, error);
	return error;
}

static int del_guard(struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, const struct ip_prefix *prefix)
{
	(void)config;
	(void)peer;
	return netlink_guard_del(tunnel->daemon->netlink, prefix);
}

/* Our own address of that family: what the kernel puts in as the source of what we send there. */
static const struct ip_addr *source_for(const struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, uint8_t family)
{
	const struct config_interface *interface = &config->interface;
	const struct tunnel_peer *giver =
		interface->address_auto ? tunnel_find_peer(tunnel, peer->name) : NULL;

	if (giver && giver->given[family == 6].addr.family)
		return &giver->given[family == 6].addr;
	for (size_t i = 0; i < interface->n_addresses; i++)
		if (interface->addresses[i].addr.family == family)
			return &interface->addresses[i].addr;
	return NULL;
}

static int add_route(struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, const struct ip_prefix *prefix)
{
	int error = netlink_route_add(tunnel->daemon->netlink, tunnel->tun.ifindex, prefix,
		source_for(tunnel, config, peer, prefix->addr.family), 0);

	if (error)
		say("route", prefix, error);
	return error;
}

static int del_route(struct tunnel *tunnel, const struct config *config,
	const struct config_peer *peer, const struct ip_prefix *prefix)
{
	(void)config;
	(void)peer;
	return netlink_route_del(tunnel->daemon->netlink, tunnel->tun.ifindex, prefix);
}

static bool addresses_have(const struct config *config, const struct ip_prefix *prefix)
{
	const struct config_interface *interface = &config->interface;

	for (size_t i = 0; i < interface->n_addresses; i++)
		if (interface->addresses[i].len == prefix->len &&
			ip_addr_equal(&interface->addresses[i].addr, &prefix->addr))
			return true;
	return false;
}

static int add_address(struct tunnel *tunnel, const struct ip_prefix *prefix)
{
	int error = netlink_addr_add(tunnel->daemon->netlink, tunnel->tun.ifindex, prefix);

	if (error)
		say("address", prefix, error);
	return error;
}

static int add_addresses(struct tunnel *tunnel, const struct config *config)
{
	const struct config_interface *interface = &config->interface;
	int error = 0;

	for (size_t i = 0; !error && i < interface->n_addresses; i++)
		error = add_address(tunnel, &interface->addresses[i]);
	return error;
}

static void del_addresses(
	struct tunnel *tunnel, const struct config *config, const struct config *other)
{
	const struct config_interface *interface = &config->interface;

	for (size_t i = 0; i < interface->n_addresses; i++)
		if (!addresses_have(other, &interface->addresses[i]))
			netlink_addr_del(tunnel->daemon->netlink, tunnel->tun.ifindex,
				&interface->addresses[i]);
}

static void store_name(const struct tunnel *tunnel, char out[NOTIFY_NAME_MAX])
{
	snprintf(out, NOTIFY_NAME_MAX, "tun-%s", tunnel->config->tunnel);
}

static int open_tun(struct tunnel *tunnel, struct config_errors *errors)
{
	struct daemon *daemon = tunnel->daemon;
	const char *ifname = tunnel->config->interface.name;
	unsigned flags = TUN_PERSISTENT | (tunnel->config->interface.offload ? TUN_OFFLOAD : 0u);
	char name[NOTIFY_NAME_MAX];
	const char *hint;
	int fd;
	int error;

	store_name(tunnel, name);
	fd = notify_fds_take(&daemon->fds, name);
	error = tun_open(&tunnel->tun, ifname, fd, flags);
	if (error && fd >= 0) { /* of another device by now */
		close(fd);
		error = tun_open(&tunnel->tun, ifname, -1, flags);
	}
	if (!error) {
		notify_store(&daemon->notify, name, tunnel->tun.fd);
		return 0;
	}
	hint = error == -ENOENT   ? "load the module: modprobe tun; a container needs --device "
				    "/dev/net/tun"
	       : error == -EBUSY  ? "another process holds this device"
	       : error == -EINVAL ? "a device of this name is there and is no TUN: ip link show"
	       : error == -EACCES ? "chmod 0666 /dev/net/tun, or restart dietvpnd: it opens "
				    "devices while it is root"
	       : error == -EPERM  ? "CAP_NET_ADMIN is missing"
				  : "";
	config_errors_add(errors, tunnel->config->tunnel, hint, "TUN %s cannot be opened: %s",
		ifname, strerror(-error));
	return error;
}

static int fail(
	const struct tunnel *tunnel, const char *what, int error, struct config_errors *errors)
{
	config_errors_add(errors, tunnel->config->tunnel,
		error == -EPERM ? "CAP_NET_ADMIN is missing" : "the log says which", "%s of %s: %s",
		what, tunnel->config->interface.name, strerror(-error));
	return error;
}

static size_t own_addresses(const struct tunnel *tunnel, struct ip_addr *own)
{
	struct ip_prefix list[TUNNEL_ADDRESSES_MAX];
	size_t n = tunnel_addresses(tunnel, list, TUNNEL_ADDRESSES_MAX);

	for (size_t i = 0; i < n; i++)
		own[i] = list[i].addr;
	return n;
}

static int attach(struct tunnel *tunnel)
{
	struct ip_addr own[TUNNEL_ADDRESSES_MAX];
	size_t n_own = own_addresses(tunnel, own);
	int error = dataplane_tun_add(
		tunnel->daemon->dataplane, tunnel->index, &tunnel->tun, own, n_own);

	tunnel->attached = !error;
	if (!error)
		dataplane_set_mtu(tunnel->daemon->dataplane, tunnel->index, tunnel->mtu);
	return error;
}

int net_open(struct tunnel *tunnel, struct config_errors *errors)
{
	struct netlink *netlink = tunnel->daemon->netlink;
	const struct config *config = tunnel->config;
	struct ip_prefix own[TUNNEL_ADDRESSES_MAX];
	size_t n_own = tunnel_addresses(tunnel, own, TUNNEL_ADDRESSES_MAX);
	int error = each_route(tunnel, config, NULL, add_guard);

	if (error)
		return fail(tunnel, "guard routes", error, errors);
	error = open_tun(tunnel, errors);
	if (error)
		return error;
	error = netlink_link_up(netlink, tunnel->tun.ifindex, tunnel->mtu);
	if (error)
		return fail(tunnel, "link", error, errors);
	/* First: with its first IPv4 address a subnet's others go too. */
	error = netlink_addrs_keep(netlink, tunnel->tun.ifindex, own, n_own);
	for (size_t i = 0; !error && i < n_own; i++)
		error = add_address(tunnel, &own[i]);
	if (error)
		return fail(tunnel, "addresses", error, errors);
	error = each_route(tunnel, config, NULL, add_route);
	if (error)
		return fail(tunnel, "routes", error, errors);
	error = attach(tunnel);
	return error ? fail(tunnel, "data path", error, errors) : 0;
}

int net_reopen(struct tunnel *tunnel, struct config_errors *errors)
{
	char name[NOTIFY_NAME_MAX];

	store_name(tunnel, name);
	notify_unstore(&tunnel->daemon->notify, name);
	tun_close(&tunnel->tun);
	return net_open(tunnel, errors);
}

void net_close(struct tunnel *tunnel, bool keep)
{
	struct daemon *daemon = tunnel->daemon;
	char name[NOTIFY_NAME_MAX];

	if (tunnel->attached)
		dataplane_tun_remove(daemon->dataplane, tunnel->index);
	tunnel->attached = false;
	if (keep) {
		tun_close(&tunnel->tun);
		return;
	}
	if (tunnel->tun.fd >= 0) {
		each_route(tunnel, tunnel->config, NULL, del_route);
		store_name(tunnel, name);
		notify_unstore(&daemon->notify, name);
		tun_remove(&tunnel->tun);
	}
	each_route(tunnel, tunnel->config, NULL, del_guard);
}

static bool same_addresses(const struct config *a, const struct config *b)
{
	const struct config_interface *interface = &a->interface;

	for (size_t i = 0; i < interface->n_addresses; i++)
		if (!addresses_have(b, &interface->addresses[i]))
			return false;
	return interface->n_addresses == b->interface.n_addresses;
}

/* What peers gave that are gone, or begin anew, goes. */
static int keep_given(struct tunnel *tunnel, const struct config *next)
{
	struct ip_prefix keep[TUNNEL_ADDRESSES_MAX];
	size_t n = next->interface.n_addresses;
	int error;

	memcpy(keep, next->interface.addresses, n * sizeof(*keep));
	if (next->interface.address_auto)
		n = tunnel_addresses(tunnel, keep, TUNNEL_ADDRESSES_MAX);
	error = netlink_addrs_keep(tunnel->daemon->netlink, tunnel->tun.ifindex, keep, n);
	return error ? error : add_addresses(tunnel, next);
}

/*
 * With the first IPv4 address of a subnet the kernel takes the others of it away, and with a
 * route's source the route: what goes, goes first, and everything else is put there again. The
 * guards hold packets back meanwhile.
 */
static int change_addresses(struct tunnel *tunnel, const struct config *next)
{
	const struct config *present = tunnel->config;
	bool given = present->interface.address_auto || next->interface.address_auto;
	bool same = same_addresses(present, next) && !given;
	int error = 0;

	if (given)
		error = keep_given(tunnel, next);
	else if (!same) {
		del_addresses(tunnel, present, next);
		error = add_addresses(tunnel, next);
	}
	return error ? error : each_route(tunnel, next, same ? present : NULL, add_route);
}

int net_change(struct tunnel *tunnel, const struct config *next, struct config_errors *errors)
{
	const struct config *present = tunnel->config;
	int error = each_route(tunnel, next, present, add_guard);

	if (!error)
		error = change_addresses(tunnel, next);
	if (error)
		fail(tunnel, "addresses or routes", error, errors);
	each_route(tunnel, present, next, del_route);
	each_route(tunnel, present, next, del_guard);
	return error;
}

/* Another peer may have given the same one. */
static bool is_given(const struct tunnel *tunnel, const struct ip_prefix *address)
{
	const struct tunnel_peer *peer;

	for (size_t i = 0; i < tunnel->n_peers; i++) {
		peer = tunnel->peers[i];
		if (ip_addr_equal(&peer->given[address->addr.family == 6].addr, &address->addr))
			return true;
	}
	return false;
}

/* The new address first, then its routes: with an old source the kernel would take them away. */
int net_give(struct tunnel_peer *peer, const struct ip_prefix *address)
{
	struct tunnel *tunnel = peer->tunnel;
	const struct config_peer *config = tunnel_config_of(peer);
	struct ip_prefix *place = &peer->given[address->addr.family == 6];
	struct ip_prefix was = *place;
	struct ip_addr own[TUNNEL_ADDRESSES_MAX];
	const struct ip_prefix *prefix;
	int error = config ? add_address(tunnel, address) : -ENOENT;

	if (error)
		return error;
	*place = *address;
	for (size_t i = 0; !error && (prefix = net_prefix(config, i)); i++)
		if (prefix->addr.family == address->addr.family)
			error = add_route(tunnel, tunnel->config, config, prefix);
	if (was.addr.family && !is_given(tunnel, &was))
		netlink_addr_del(tunnel->daemon->netlink, tunnel->tun.ifindex, &was);
	if (tunnel->attached)
		dataplane_set_own(
			tunnel->daemon->dataplane, tunnel->index, own, own_addresses(tunnel, own));
	return error;
}

void net_set_mtu(struct tunnel *tunnel, uint32_t mtu)
{
	struct daemon *daemon = tunnel->daemon;
	int error = netlink_link_mtu(daemon->netlink, tunnel->tun.ifindex, mtu);

	if (error) {
		log_warn("%s: mtu %u: %s", tunnel->tun.name, mtu, strerror(-error));
		return;
	}
	tunnel->mtu = mtu;
	dataplane_set_mtu(daemon->dataplane, tunnel->index, mtu);
}

/* Our routes and guards as the kernel has them now. */
struct seen {
	int ifindex;
	struct prefix_set routes, guards;
};

static void note(void *arg, const struct ip_prefix *dst, int ifindex, bool guard)
{
	struct seen *seen = arg;

	if (guard)
		prefix_set_add(&seen->guards, dst);
	else if (ifindex == seen->ifindex)
		prefix_set_add(&seen->routes, dst);
}

/* false: they cannot be told. */
static bool look(const struct tunnel *tunnel, struct seen *seen)
{
	*seen = (struct seen){.ifindex = tunnel->tun.ifindex};
	if (netlink_routes_ours(tunnel->daemon->netlink, note, seen) || seen->routes.failed ||
		seen->guards.failed)
		return false;
	prefix_set_sort(&seen->routes);
	prefix_set_sort(&seen->guards);
	return true;
}

static size_t mend_one(struct tunnel *tunnel, const struct seen *seen,
	const struct config_peer *peer, const struct ip_prefix *prefix)
{
	bool guard = prefix_set_has(&seen->guards, prefix);
	bool route = prefix_set_has(&seen->routes, prefix);
	char text[IP_PREFIX_TEXT];

	if (guard && route)
		return 0;
	if (!guard)
		add_guard(tunnel, tunnel->config, peer, prefix);
	if (!route)
		add_route(tunnel, tunnel->config, peer, prefix);
	log_warn("%s: somebody removed %s %s; it is back", tunnel->config->tunnel,
		guard   ? "the route to"
		: route ? "the guard of"
			: "route and guard of",
		ip_prefix_print(prefix, text, sizeof(text)));
	return 1;
}

size_t net_mend(struct tunnel *tunnel)
{
	const struct config *config = tunnel->config;
	const struct ip_prefix *prefix;
	struct seen seen;
	size_t mended = 0;

	if (!tunnel->attached)
		return 0;
	if (look(tunnel, &seen))
		for (size_t p = 0; p < config->n_peers; p++)
			for (size_t i = 0; (prefix = net_prefix(&config->peers[p], i)); i++)
				mended += mend_one(tunnel, &seen, &config->peers[p], prefix);
	prefix_set_fini(&seen.routes);
	prefix_set_fini(&seen.guards);
	return mended;
}
