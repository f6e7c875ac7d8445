/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices find this gateway: what the operator says, or else an address that it has. */
#include "cli/endpoint.h"

#include "cli/uri.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_public_enough(const struct ip_addr *a)
{
	return !ip_addr_is_any(a) && !ip_addr_is_link_local(a) && !ip_addr_is_multicast(a);
}

/* Connecting a UDP socket asks the routing table and sends nothing. */
static bool ask_routes(const char *elsewhere, struct ip_endpoint *out)
{
	struct sockaddr_storage addr;
	struct ip_endpoint to;
	socklen_t len;
	bool found;
	int fd;

	if (ip_endpoint_parse(elsewhere, &to))
		return false;
	len = ip_endpoint_to_sockaddr(&to, &addr);
	fd = socket(addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	found = fd >= 0 && connect(fd, (struct sockaddr *)&addr, len) == 0;
	len = sizeof addr;
	found = found && getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
		ip_endpoint_from_sockaddr((struct sockaddr *)&addr, out) == 0 &&
		is_public_enough(&out->addr);
	if (fd >= 0)
		close(fd);
	return found;
}

/* No route out: an address of an interface that is up, but of none of our tunnels. */
static bool ask_interfaces(struct ip_endpoint *out)
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next)
		found = i->ifa_addr && i->ifa_flags & IFF_UP && !(i->ifa_flags & IFF_LOOPBACK) &&
			strncmp(i->ifa_name, "diet", 4) != 0 &&
			ip_endpoint_from_sockaddr(i->ifa_addr, out) == 0 &&
			is_public_enough(&out->addr);
	freeifaddrs(list);
	return found;
}

static int guess(uint16_t port, char *out, size_t cap)
{
	struct ip_endpoint own = {0};

	/* Addresses of documentation, RFC 5737 and 3849: whoever has a default route, has one to
	 * them. */
	if (!ask_routes("198.51.100.1:9", &own) && !ask_routes("[2001:db8:ffff::1]:9", &own) &&
		!ask_interfaces(&own))
		return cli_fail(CLI_FAILED, "--endpoint HOST:PORT, as devices reach this machine",
			"this machine has no address that devices could use");
	own.port = port;
	ip_endpoint_print(&own, out, cap);
	fprintf(stderr, "note: devices are told to come to %s; --endpoint HOST:PORT says another\n",
		out);
	return CLI_OK;
}

int endpoint_choose(const struct cli *cli, uint16_t port, char *out, size_t cap)
{
	const char *given = cli->endpoint;
	struct ip_endpoint literal;

	if (!given)
		return guess(port, out, cap);
	if (!uri_endpoint_ok(given))
		return cli_fail(CLI_USAGE, "--endpoint gw.example.net:4500",
			"--endpoint %s: not HOST or HOST:PORT", given);
	if (ip_endpoint_parse(given, &literal) == 0) {
		literal.port = literal.port ? literal.port : port;
		ip_endpoint_print(&literal, out, cap);
	} else {
		snprintf(out, cap, strchr(given, ':') ? "%s" : "%s:%u", given, port);
	}
	return CLI_OK;
}
