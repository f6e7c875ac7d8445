/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses, routes and the guard, judged by iproute2 and by packets that may not leave. */
#include "io/netlink.h"

#include "fakes/netns.h"
#include "io/tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix out;

	cr_assert_eq(ip_prefix_parse(text, &out), 0);
	return out;
}

static bool shows(const char *line, const char *text)
{
	char out[4096];

	return strstr(sh_read(line, out, sizeof(out)), text) != NULL;
}

static struct netlink *enter(struct tun *tun, bool persistent)
{
	struct netlink *nl;

	netns_new();
	netns_need_tun();
	cr_assert_eq(netlink_open(&nl), 0);
	cr_assert_eq(tun_open(tun, "diet7", -1, persistent), 0);
	return nl;
}

Test(netlink, link_and_addresses)
{
	struct ip_prefix v4 = prefix("10.9.0.1/24"), v6 = prefix("fd09::1/64");
	struct tun tun;
	struct netlink *nl = enter(&tun, false);

	cr_assert_eq(netlink_link_up(nl, tun.ifindex, 1400), 0);
	cr_assert(shows("ip -o link show diet7", "UP"));
	cr_assert(shows("ip -o link show diet7", "mtu 1400"));
	cr_assert_not(shows("ip -6 addr show dev diet7", "fe80"), "no link-local address");
	for (int twice = 0; twice < 2; twice++) {
		cr_assert_eq(netlink_addr_add(nl, tun.ifindex, &v4), 0);
		cr_assert_eq(netlink_addr_add(nl, tun.ifindex, &v6), 0);
	}
	cr_assert(shows("ip addr show diet7", "10.9.0.1/24"));
	cr_assert(shows("ip addr show diet7", "fd09::1/64"));
	cr_assert_not(shows("ip addr show diet7", "tentative"));
	cr_assert_eq(netlink_link_mtu(nl, tun.ifindex, 1300), 0);
	cr_assert(shows("ip -o link show diet7", "mtu 1300"));
	cr_assert_eq(netlink_link_mtu(nl, tun.ifindex, 10), -EINVAL);
	for (int twice = 0; twice < 2; twice++) {
		cr_assert_eq(netlink_addr_del(nl, tun.ifindex, &v4), 0);
		cr_assert_eq(netlink_addr_del(nl, tun.ifindex, &v6), 0);
	}
	cr_assert_not(shows("ip addr show diet7", "10.9.0.1"));
	cr_assert_not(shows("ip addr show diet7", "fd09::1"));
	cr_assert_eq(netlink_addr_add(nl, 4711, &v4), -ENODEV);
	cr_assert_eq(netlink_link_up(nl, 4711, 0), -ENODEV);
	cr_assert_eq(netlink_addr_del(nl, 4711, &v4), 0);
	netlink_close(nl);
	tun_close(&tun);
}

struct seen {
	char text[1024];
	int n;
};

static void note(void *arg, const struct ip_prefix *dst, int ifindex, bool guard)
{
	struct seen *seen = arg;
	char text[IP_PREFIX_TEXT];
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s%s%s ",
		ip_prefix_print(dst, text, sizeof(text)), guard ? "!" : "",
		!guard && ifindex == 0 ? "?" : "");
	seen->n++;
}

Test(netlink, routes_are_ours_only)
{
	const char *const table[] = {"10.77.0.0/16", "10.78.1.2/32", "0.0.0.0/1", "fd77::/32",
		"fd78::1/128", "8000::/1"};
	struct ip_addr source4, source6;
	struct tun tun;
	struct netlink *nl = enter(&tun, false);
	struct seen seen = {0};
	struct ip_prefix v4 = prefix("10.9.0.1/32"), v6 = prefix("fd09::1/128");

	ip_addr_parse("10.9.0.1", &source4);
	ip_addr_parse("fd09::1", &source6);
	cr_assert_eq(netlink_routes_ours(nl, note, &seen), 0);
	cr_assert_eq(seen.n, 0);
	cr_assert_eq(netlink_link_up(nl, tun.ifindex, 0), 0);
	cr_assert_eq(netlink_addr_add(nl, tun.ifindex, &v4), 0);
	cr_assert_eq(netlink_addr_add(nl, tun.ifindex, &v6), 0);
	cr_assert(sh("ip route add 10.1.0.0/16 dev lo && ip route add fd01::/64 dev lo"));
	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < 6; i++) {
			struct ip_prefix p = prefix(table[i]);

			cr_assert_eq(netlink_route_add(nl, tun.ifindex, &p,
					     i < 3 ? &source4 : &source6, twice ? 1350 : 0),
				0);
			cr_assert_eq(netlink_guard_add(nl, &p), 0);
		}
	cr_assert(shows("ip route get 10.77.3.4", "dev diet7 src 10.9.0.1"));
	cr_assert(shows("ip route get fd77::4", "dev diet7"));
	cr_assert(shows("ip route get fd77::4", "src fd09::1"));
	cr_assert(shows("ip route show 10.77.0.0/16 metric 0", "mtu 1350"));
	cr_assert(shows("ip -6 route show fd77::/32 dev diet7", "mtu 1350"));
	cr_assert(shows(
		"ip route show type unreachable", "10.77.0.0/16 proto 215 metric 4000000000"));
	cr_assert_eq(netlink_routes_ours(nl, note, &seen), 0);
	cr_assert_eq(seen.n, 12, "%s", seen.text);
	for (size_t i = 0; i < 6; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s ", table[i]);
		cr_assert(strstr(seen.text, text), "%s in %s", text, seen.text);
		snprintf(text, sizeof(text), "%s! ", table[i]);
		cr_assert(strstr(seen.text, text), "%s in %s", text, seen.text);
	}
	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < 6; i++) {
			struct ip_prefix p = prefix(table[i]);

			cr_assert_eq(netlink_route_del(nl, tun.ifindex, &p), 0);
			cr_assert_eq(netlink_guard_del(nl, &p), 0);
		}
	seen = (struct seen){0};
	cr_assert_eq(netlink_routes_ours(nl, note, &seen), 0);
	cr_assert_eq(seen.n, 0, "%s", seen.text);
	cr_assert(shows("ip route", "10.1.0.0/16"));
	cr_assert(shows("ip -6 route", "fd01::/64"));
	netlink_close(nl);
	tun_close(&tun);
}

/* Somebody else's route to the prefix would carry the traffic past the tunnel: not fine. */
Test(netlink, a_strangers_route_is_told)
{
	const char *const table[] = {"10.77.0.0/16", "fd77::/32"};
	struct tun tun;
	struct netlink *nl = enter(&tun, false);

	cr_assert_eq(netlink_link_up(nl, tun.ifindex, 0), 0);
	cr_assert(sh("ip route add 10.77.0.0/16 dev lo"));
	cr_assert(sh("ip -6 route add fd77::/32 dev lo metric 1024"));
	for (size_t i = 0; i < 2; i++) {
		struct ip_prefix p = prefix(table[i]);

		cr_assert_eq(netlink_route_add(nl, tun.ifindex, &p, NULL, 0), -EEXIST);
		cr_assert_eq(netlink_route_del(nl, tun.ifindex, &p), 0);
	}
	cr_assert(shows("ip route", "10.77.0.0/16 dev lo"));
	cr_assert(shows("ip -6 route", "fd77::/32 dev lo"));
	/* The kernel's own route for an address of the TUN serves as well as ours. */
	cr_assert(sh("ip addr add 10.79.0.1/16 dev diet7"));
	cr_assert_eq(
		netlink_route_add(nl, tun.ifindex, &(struct ip_prefix){{4, {10, 79}}, 16}, NULL, 0),
		0);
	netlink_close(nl);
	tun_close(&tun);
}

/* Counts IP packets on the wire, whatever they are, that carry this mark. */
static int leaked(int wire)
{
	uint8_t frame[2048];
	int n = 0;

	usleep(50000);
	for (ssize_t len; (len = recv(wire, frame, sizeof(frame), MSG_DONTWAIT)) > 0;)
		n += memmem(frame, (size_t)len, "CLEARTEXT", 9) != NULL;
	return n;
}

static int try_send(int family, const char *to)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = {.any.sa_family = (sa_family_t)family};
	int fd = socket(family, SOCK_DGRAM, 0);
	ssize_t sent;
	int err;

	addr.v4.sin_port = htons(7);
	inet_pton(family, to,
		family == AF_INET ? (void *)&addr.v4.sin_addr : (void *)&addr.v6.sin6_addr);
	sent = sendto(fd, "CLEARTEXT", 9, 0, &addr.any, sizeof(addr));
	err = sent < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int open_wire(const char *dev)
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(dev)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	cr_assert(bind(fd, (struct sockaddr *)&sll, sizeof(sll)) == 0);
	return fd;
}

static void default_route(void)
{
	cr_assert(sh("ip link add w0 type veth peer name w1 && ip link set w1 up && "
		     "ip link set w0 up && ip addr add 192.0.2.2/24 dev w0 && "
		     "ip -6 addr add 2001:db8::2/64 dev w0 nodad && "
		     "ip route add default via 192.0.2.1 && "
		     "ip -6 route add default via 2001:db8::1 && "
		     "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev w0 && "
		     "ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev w0"));
}

Test(netlink, the_guard_outlives_the_tun)
{
	struct ip_prefix v4 = prefix("10.77.0.0/16"), v6 = prefix("fd77::/32");
	struct tun tun;
	struct netlink *nl = enter(&tun, true);
	int wire;

	default_route();
	wire = open_wire("w1");
	cr_assert_eq(netlink_link_up(nl, tun.ifindex, 0), 0);
	cr_assert_eq(netlink_route_add(nl, tun.ifindex, &v4, NULL, 0), 0);
	cr_assert_eq(netlink_route_add(nl, tun.ifindex, &v6, NULL, 0), 0);
	cr_assert_eq(netlink_guard_add(nl, &v4), 0);
	cr_assert_eq(netlink_guard_add(nl, &v6), 0);

	/* Alive; then its process dead; then the device deleted. */
	cr_assert_eq(try_send(AF_INET, "10.77.0.5"), 0);
	cr_assert_eq(try_send(AF_INET6, "fd77::5"), 0);
	cr_assert_eq(leaked(wire), 0);
	tun_close(&tun);
	try_send(AF_INET, "10.77.0.5");
	try_send(AF_INET6, "fd77::5");
	cr_assert_eq(leaked(wire), 0);
	/* The kernel marks routes of a device without carrier a moment later. */
	for (int i = 0; i < 30 && !shows("ip route show 10.77.0.0/16", "linkdown"); i++)
		usleep(100000);
	cr_assert(sh("sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1 "
		     "net.ipv4.conf.diet7.ignore_routes_with_linkdown=1 "
		     "net.ipv6.conf.all.ignore_routes_with_linkdown=1 "
		     "net.ipv6.conf.diet7.ignore_routes_with_linkdown=1"));
	cr_assert_eq(try_send(AF_INET, "10.77.0.5"), -EHOSTUNREACH);
	cr_assert_eq(try_send(AF_INET6, "fd77::5"), -EHOSTUNREACH);
	cr_assert_eq(leaked(wire), 0);
	cr_assert_eq(tun_open(&tun, "diet7", -1, true), 0);
	cr_assert_eq(tun_remove(&tun), 0);
	cr_assert_eq(try_send(AF_INET, "10.77.0.5"), -EHOSTUNREACH);
	cr_assert_eq(try_send(AF_INET6, "fd77::5"), -EHOSTUNREACH);
	cr_assert_eq(leaked(wire), 0);

	/* The detector sees: without the guard the same packets leave. */
	cr_assert_eq(netlink_guard_del(nl, &v4), 0);
	cr_assert_eq(netlink_guard_del(nl, &v6), 0);
	cr_assert_eq(try_send(AF_INET, "10.77.0.5"), 0);
	cr_assert_eq(try_send(AF_INET6, "fd77::5"), 0);
	cr_assert_eq(leaked(wire), 2);
	close(wire);
	netlink_close(nl);
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 100) == 1;
}

Test(netlink, the_monitor_tells_of_changes)
{
	const char *const changes[] = {"ip link add d0 type veth peer name d1", "ip link set d0 up",
		"ip addr add 192.0.2.9/24 dev d0", "ip addr add 2001:db8::9/64 dev d0 nodad",
		"ip route add 198.51.100.0/24 dev d0", "ip route add 2001:db8:1::/48 dev d0",
		"ip link del d0"};
	int fd;

	netns_new();
	cr_assert_eq(netlink_monitor_open(&fd), 0);
	netlink_monitor_drain(fd);
	cr_assert_not(is_readable(fd));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		cr_assert(sh("%s", changes[i]));
		cr_assert(is_readable(fd), "%s", changes[i]);
		netlink_monitor_drain(fd);
	}
	/* More than its buffer holds: news are lost, the socket works on. */
	cr_assert(
		sh("for i in $(seq 1 400); do echo route add 198.51.$((i / 256)).$((i %% 256))/32 "
		   "dev lo; done | ip -batch -"));
	cr_assert(is_readable(fd));
	usleep(100000);
	netlink_monitor_drain(fd);
	cr_assert_not(is_readable(fd));
	cr_assert(sh("ip link add d0 type veth peer name d1"));
	cr_assert(is_readable(fd));
	close(fd);
}
