/* SPDX-License-Identifier: Apache-2.0 */
/* init: the first configuration of a gateway, with a key of its own and a master for its devices.
 */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/conf_text.h"
#include "cli/file.h"
#include "cli/folder.h"
#include "cli/key.h"
#include "cli/uri.h"

#include "crypto/secret.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ULA_LEN = 64, GLOBAL_ID_LEN = 5 };

/* --network, as the gateway's address within it; else a prefix of its own by RFC 4193 3.2. */
static int choose_network(const struct cli *cli, struct ip_prefix *out)
{
	struct ip_addr network;

	if (!cli->network) {
		*out = (struct ip_prefix){.addr = {.family = 6, .bytes = {0xfd}}, .len = ULA_LEN};
		secret_random(out->addr.bytes + 1, GLOBAL_ID_LEN);
		out->addr.bytes[15] = 1;
		return CLI_OK;
	}
	if (!strchr(cli->network, '/') || ip_prefix_parse(cli->network, out) ||
		out->len + 2u > ip_addr_len(&out->addr) * 8 || ip_addr_is_any(&out->addr) ||
		ip_addr_is_multicast(&out->addr))
		return cli_fail(CLI_USAGE, "--network fd00:d1e7::/64, or 10.9.0.0/24",
			"--network %s: not a prefix with room for devices", cli->network);
	network = ip_prefix_network(out);
	if (ip_addr_equal(&network, &out->addr))
		out->addr.bytes[ip_addr_len(&out->addr) - 1] |= 1;
	return CLI_OK;
}

static void print_conf(char text[CONF_TEXT_MAX], const char *name, const char *ifname,
	const struct ip_prefix *ours)
{
	char address[IP_PREFIX_TEXT], network[IP_PREFIX_TEXT];
	const struct ip_prefix pool = {ip_prefix_network(ours), ours->len};

	snprintf(text, CONF_TEXT_MAX,
		"# Written by \"dietvpn init\": the gateway of devices that \"dietvpn enroll\" "
		"lets "
		"in.\n"
		"# dietvpn.conf(5) has all keys.\n"
		"[Interface]\n"
		"Name     = %s\n"
		"Role     = responder\n"
		"Address  = %s\n"
		"Id       = gw.%s\n"
		"Key      = keys/%s.key\n"
		"# The keys of all devices follow from this file: who has it, is all of them.\n"
		"Master   = keys/%s.master\n"
		"\n"
		"# Whoever is enrolled. [Peer \"sensor-*\"] would take only those whose names "
		"begin "
		"so.\n"
		"[Peer \"*\"]\n"
		"Address  = %s\n"
		"# Compress = iot\n"
		"# Allow  = udp 5683 from 5683\n"
		"# Sleepy = yes\n",
		ifname, ip_prefix_print(ours, address, sizeof address), name, name, name,
		ip_prefix_print(&pool, network, sizeof network));
}

static int write_keys(const char *dir, const char *name, bool quiet)
{
	char path[FILE_PATH_MAX];
	char file[CONFIG_NAME_MAX + 16];
	char keys[FILE_PATH_MAX];
	int status = file_path(keys, dir, "keys") ? file_make_dir(keys, FILE_SECRET)
						  : cli_fail(CLI_USAGE, "", "--dir: too long");

	snprintf(file, sizeof file, "%s.master", name);
	if (!status)
		status = file_path(path, keys, file) ? key_write_random(path) : CLI_USAGE;
	if (status)
		return status;
	snprintf(file, sizeof file, "%s.key", name);
	status = key_write_ed25519(keys, file, quiet);
	if (status)
		unlink(path);
	return status;
}

static int make(const struct cli *cli, const char *ifname, const struct ip_prefix *ours)
{
	const char *dir = folder_dir(cli), *name = cli->argv[0];
	char text[CONF_TEXT_MAX], path[FILE_PATH_MAX], file[CONFIG_NAME_MAX + 8];
	struct file_new conf = {.path = path, .kind = FILE_CONF, .data = text};
	int status;

	snprintf(file, sizeof file, "%s.conf", name);
	if (!file_path(path, dir, file))
		return cli_fail(CLI_USAGE, "", "--dir: too long");
	if (access(path, F_OK) == 0)
		return cli_fail(CLI_FAILED, "an existing tunnel is never overwritten",
			"%s is there already", path);
	print_conf(text, name, ifname, ours);
	conf.len = strlen(text);
	status = conf_text_check(dir, name, text);
	if (!status)
		status = file_make_dir(dir, FILE_CONF);
	if (!status)
		status = write_keys(dir, name, cli->quiet);
	if (!status)
		status = file_write(&conf);
	return status;
}

int verb_init(const struct cli *cli)
{
	const char *dir = folder_dir(cli);
	char ifname[CONF_IFNAME_MAX], address[IP_PREFIX_TEXT];
	struct ip_prefix ours;
	int status;

	if (cli->argc != 1 || !uri_name_ok(cli->argv[0]) || strlen(cli->argv[0]) > CONF_INIT_NAME)
		return cli_fail(CLI_USAGE, "dietvpn init home",
			"name one tunnel: letters, digits and . _ -, %d at most", CONF_INIT_NAME);
	status = choose_network(cli, &ours);
	if (!status)
		status = conf_free_ifname(dir, ifname);
	if (!status)
		status = make(cli, ifname, &ours);
	if (status || cli->quiet)
		return status;
	printf("tunnel       %s/%s.conf (new): %s, %s, identity gw.%s\n"
	       "next         dietvpn enroll NAME --qr     a device\n",
		dir, cli->argv[0], ifname, ip_prefix_print(&ours, address, sizeof address),
		cli->argv[0]);
	conf_print_up(cli, cli->argv[0], false);
	return CLI_OK;
}
