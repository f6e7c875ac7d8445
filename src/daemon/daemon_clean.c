/* SPDX-License-Identifier: Apache-2.0 */
/* --clean: what an earlier life left in the kernel so that nothing leaks (trust.md section 4.5). */
#include "base/log.h"
#include "daemon/configs.h"
#include "daemon/daemon.h"
#include "io/netlink.h"
#include "io/tun.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "clean"

struct route {
	struct ip_prefix dst;
	int ifindex;
	bool guard;
};

struct routes {
	struct route *list;
	size_t n;
	bool failed;
};

static void note(void *arg, const struct ip_prefix *dst, int ifindex, bool guard)
{
	struct routes *routes = arg;
	struct route *list = realloc(routes->list, (routes->n + 1) * sizeof(*list));

	if (!list) {
		routes->failed = true;
		return;
	}
	list[routes->n++] = (struct route){.dst = *dst, .ifindex = ifindex, .guard = guard};
	routes->list = list;
}

/* Devices first, else their packets would find another way while the guards go. */
static int remove_device(const char *name)
{
	struct tun tun;
	int error;

	if (!if_nametoindex(name))
		return 0;
	error = tun_open(&tun, name, -1, TUN_PERSISTENT);
	if (!error)
		error = tun_remove(&tun);
	if (error)
		log_error("%s: %s", name,
			error == -EBUSY ? "in use: a dietvpnd runs, dietvpn down is the way"
					: strerror(-error));
	else
		log_info("%s removed", name);
	return error;
}

static int remove_devices(const struct options *options)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct configs configs = {0};
	int first = errors ? 0 : -ENOMEM;

	if (errors && configs_load(options->conf_dir, &configs, errors)) {
		configs_print_errors(stderr, errors);
		log_warn("devices named in these files are left alone: ip link del NAME");
	}
	for (size_t i = 0; i < configs.n; i++) {
		int error = remove_device(configs.list[i].interface.name);

		if (!first)
			first = error;
	}
	configs_fini(&configs);
	free(errors);
	return first;
}

static int remove_routes(struct netlink *netlink)
{
	struct routes routes = {0};
	char text[IP_PREFIX_TEXT];
	int first = netlink_routes_ours(netlink, note, &routes);

	for (size_t i = 0; i < routes.n; i++) {
		const struct route *route = &routes.list[i];
		int error = route->guard ? netlink_guard_del(netlink, &route->dst)
					 : netlink_route_del(netlink, route->ifindex, &route->dst);

		log_info("%s %s %s", route->guard ? "guard" : "route",
			ip_prefix_print(&route->dst, text, sizeof(text)),
			error ? strerror(-error) : "removed");
		if (!first)
			first = error;
	}
	free(routes.list);
	return routes.failed ? -ENOMEM : first;
}

int daemon_clean(const struct options *options)
{
	struct netlink *netlink;
	int error = remove_devices(options);

	/* A device that stays is in use, and so are its routes. */
	if (!error)
		error = netlink_open(&netlink);
	if (!error) {
		error = remove_routes(netlink);
		netlink_close(netlink);
	}
	if (error)
		log_error("clean: %s", strerror(-error));
	return error ? EXIT_FAILED : 0;
}
