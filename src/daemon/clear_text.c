/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in clear with inner addresses that arrive outside the tunnel (trust.md 4.5, item 4). */
#include "daemon/clear_text.h"

#include "base/log.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdio.h>

#define LOG_TAG "tunnel"

static bool has_ipv4(const struct config *config)
{
	/* What a peer may give is of its own family. */
	for (size_t i = 0; config->interface.address_auto && i < config->n_peers; i++)
		if (config->peers[i].ts_remote[0].addr_start.family == 4)
			return true;
	for (size_t i = 0; i < config->interface.n_addresses; i++)
		if (config->interface.addresses[i].addr.family == 4)
			return true;
	return false;
}

/* 1: a source must be reachable through the interface that it came from, RFC 3704 2.2. */
static bool reverse_path_is_strict(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/conf/all/rp_filter", "re");
	int mode = file ? fgetc(file) : '1';

	if (file)
		fclose(file);
	return mode == '1';
}

void clear_text_advise(const struct config *config)
{
	if (has_ipv4(config) && !reverse_path_is_strict())
		log_warn("%s: packets in clear with inner source addresses are accepted from "
			 "outside; sysctl net.ipv4.conf.all.rp_filter=1 keeps them out",
			config->tunnel);
}
