/* SPDX-License-Identifier: Apache-2.0 */
/* adopt: on a device, what a gateway gave it becomes a tunnel; on a gateway, a device with a label
 * or a key of its own is let in. */
#include "cli/adopt.h"

#include "cli/client.h"
#include "cli/code.h"
#include "cli/conf_text.h"
#include "cli/file.h"
#include "cli/folder.h"
#include "cli/uri.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_conf(char text[CONF_TEXT_MAX], const struct enrolment *e, const char *ifname)
{
	char mine[IP_ADDR_TEXT], theirs[IP_ADDR_TEXT], compress[64] = "";
	const char *host = e->ask ? "" : e->address.family == 6 ? "/128" : "/32";

	if (strcmp(e->compress, "safe") != 0)
		snprintf(compress, sizeof compress, "Compress = %s\n", e->compress);
	snprintf(text, CONF_TEXT_MAX,
		"# Written by \"dietvpn adopt\". dietvpn.conf(5) has all keys.\n"
		"[Interface]\n"
		"Name     = %s\n"
		"Role     = initiator\n"
		"Address  = %s%s\n"
		"Id       = %s\n"
		"Psk      = keys/%s.psk\n"
		"\n"
		"[Peer \"%s\"]\n"
		"Endpoint = %s\n"
		"Address  = %s\n"
		"%s"
		"Start    = boot\n",
		ifname, uri_print_address(e, mine), host, e->id, e->tunnel, e->gateway_id,
		e->endpoint, ip_addr_print(&e->gateway.addr, theirs, sizeof theirs), compress);
}

/* keys/NAME.psk: the octets themselves, not their text, are the key; so it is marked. */
static int write_psk(const char *dir, const struct enrolment *e, bool force)
{
	char text[2 + SECRET_BASE64_LEN(ENROL_PSK_LEN) + 1] = "0s";
	char keys[FILE_PATH_MAX], path[FILE_PATH_MAX], name[CONFIG_NAME_MAX + 8];
	struct file_new file = {.path = path, .kind = FILE_SECRET, .data = text, .force = force};
	int status = CLI_OK;

	snprintf(name, sizeof name, "%s.psk", e->tunnel);
	if (!file_path(keys, dir, "keys") || !file_path(path, keys, name))
		return cli_fail(CLI_USAGE, "", "--dir: too long");
	status = file_make_dir(keys, FILE_SECRET);
	secret_to_base64(e->psk, sizeof e->psk, text + 2);
	strcat(text, "\n");
	file.len = strlen(text);
	if (!status)
		status = file_write(&file);
	secret_wipe(text, sizeof text);
	return status;
}

static void drop_psk(const char *dir, const struct enrolment *e)
{
	char path[FILE_PATH_MAX + CONFIG_NAME_MAX + 16];

	snprintf(path, sizeof path, "%s/keys/%s.psk", dir, e->tunnel);
	unlink(path);
}

/* A tunnel that is replaced keeps the name of its device. */
static int choose_ifname(const char *dir, const char *conf, char out[CONF_IFNAME_MAX])
{
	struct folder *folder = access(conf, F_OK) == 0 ? folder_create() : NULL;
	bool found = false;

	if (folder) {
		folder_load_file(folder, conf);
		found = folder->n == 1;
		if (found)
			snprintf(out, CONF_IFNAME_MAX, "%s", folder->tunnels[0].interface.name);
	}
	folder_destroy(folder);
	return found ? CLI_OK : conf_free_ifname(dir, out);
}

/* Whoever types what enroll printed into the gateway itself would lose it by --force. */
static int refuse_existing(const char *path)
{
	struct folder *folder = folder_create();
	bool gateway;

	if (folder)
		folder_load_file(folder, path);
	gateway = folder && folder->n == 1 && folder->tunnels[0].interface.master[0];
	folder_destroy(folder);
	return cli_fail(CLI_FAILED,
		gateway ? "it is a gateway's; what enroll printed is for the device"
			: "--force replaces it, --tunnel NAME gives this one another name",
		"%s is there already", path);
}

/* The key first: a configuration without it would be an error, a key without one is nothing. */
static int write_tunnel(
	const struct cli *cli, const char *dir, const struct enrolment *e, bool *replaced)
{
	char path[FILE_PATH_MAX], name[CONFIG_NAME_MAX + 8], text[CONF_TEXT_MAX];
	char ifname[CONF_IFNAME_MAX];
	struct file_new conf = {.path = path, .kind = FILE_CONF, .data = text, .force = cli->force};
	int status;

	snprintf(name, sizeof name, "%s.conf", e->tunnel);
	if (!file_path(path, dir, name))
		return cli_fail(CLI_USAGE, "", "--dir: too long");
	*replaced = access(path, F_OK) == 0;
	if (*replaced && !cli->force)
		return refuse_existing(path);
	status = choose_ifname(dir, path, ifname);
	print_conf(text, e, ifname);
	conf.len = strlen(text);
	if (!status)
		status = conf_text_check(dir, e->tunnel, text);
	if (!status)
		status = file_make_dir(dir, FILE_CONF);
	if (!status)
		status = write_psk(dir, e, cli->force);
	if (status)
		return status;
	status = file_write(&conf);
	if (status && !cli->force)
		drop_psk(dir, e);
	return status;
}

static int write_node(const struct cli *cli, const struct enrolment *e)
{
	const char *dir = folder_dir(cli);
	char address[IP_ADDR_TEXT];
	bool replaced;
	int status = write_tunnel(cli, dir, e, &replaced);

	if (status || cli->quiet)
		return status;
	printf("tunnel       %s/%s.conf (%s)\n"
	       "device       %s, address %s\n"
	       "gateway      %s at %s\n",
		dir, e->tunnel, replaced ? "replaced" : "new", e->id, uri_print_address(e, address),
		e->gateway_id, e->endpoint);
	conf_print_up(cli, e->tunnel, replaced);
	return CLI_OK;
}

/* The arguments as the URI that they stand for, so that one parser judges both; its key is put
 * back behind it. */
static int parse_arguments(const struct cli *cli, struct enrolment *e, char why[URI_WHY])
{
	const char *tunnel = cli->tunnel ? cli->tunnel : "home";
	const char *address = cli->address ? cli->address : "";
	char text[URI_MAX];
	int n = snprintf(text, sizeof text, "DV1:%s?h=%s&i=%s&k=AAAAAAAAAAAAAAAAAAAAAA&g=%s%s%s",
		tunnel, cli->gateway, cli->as, cli->network, *address ? "&a=" : "", address);

	if (n < 0 || n >= (int)sizeof text || strpbrk(tunnel, "&?%") ||
		strpbrk(cli->gateway, "&%") || strpbrk(cli->as, "&%") ||
		strpbrk(cli->network, "&%") || strpbrk(address, "&%")) {
		snprintf(why, URI_WHY, "an argument is too long, or has a character out of place");
		return -EINVAL;
	}
	return uri_parse(text, (size_t)n, e, why);
}

/* What --tunnel, --gateway, --as, --network and --address say in the place of a URI. */
static int fill_typed(const struct cli *cli, struct enrolment *e)
{
	uint8_t psk[ENROL_PSK_LEN];
	char why[URI_WHY];
	int r;

	if (!cli->as || !cli->network)
		return cli_fail(CLI_USAGE,
			"dietvpn adopt CODE --gateway gw.example.net --as sensor-07 --network "
			"fd00:1::/64",
			"--gateway needs --as and --network");
	memcpy(psk, e->psk, sizeof psk);
	r = parse_arguments(cli, e, why);
	memcpy(e->psk, psk, sizeof psk);
	secret_wipe(psk, sizeof psk);
	return r ? cli_fail(CLI_USAGE, "h is --gateway, i is --as, g is --network, a is --address",
			   "%s", why)
		 : CLI_OK;
}

static int adopt_typed(const struct cli *cli, const char *code)
{
	struct enrolment e = {0};
	char why[CODE_WHY];
	int status;

	if (code_parse(code, e.psk, why))
		return cli_fail(CLI_FAILED,
			"a code has seven groups of four characters, a URI begins with DV1:", "%s",
			why);
	if (cli->gateway) {
		status = fill_typed(cli, &e);
		if (!status)
			status = write_node(cli, &e);
	} else {
		status = adopt_device_psk(cli, e.psk, sizeof e.psk);
	}
	secret_wipe(&e, sizeof e);
	return status;
}

static int adopt_uri(const struct cli *cli, const char *text, size_t len)
{
	struct enrolment e;
	char why[URI_WHY];
	int status;

	if (uri_parse(text, len, &e, why))
		return cli_fail(CLI_FAILED, "dietvpn enroll NAME, on the gateway, prints it again",
			"%s", why);
	if (cli->tunnel && !uri_name_ok(cli->tunnel)) {
		status = cli_fail(CLI_USAGE, "letters, digits and . _ -", "--tunnel %s: no name",
			cli->tunnel);
	} else {
		if (cli->tunnel)
			strcpy(e.tunnel, cli->tunnel);
		status = write_node(cli, &e);
	}
	secret_wipe(&e, sizeof e);
	return status;
}

static int adopt_text(const struct cli *cli, char *text)
{
	size_t len = strcspn(text, "\r\n");

	text[len] = '\0';
	if (strncmp(text, "DV", 2) == 0 && strchr(text, ':'))
		return adopt_uri(cli, text, len);
	return adopt_typed(cli, text);
}

/* What the operator typed into the command line is taken out of it: others can read that. */
static int adopt_argument(const struct cli *cli)
{
	size_t len;
	char *text;
	int status;

	if (strcmp(cli->argv[0], "-") != 0) {
		len = strlen(cli->argv[0]);
		text = strndup(cli->argv[0], len);
		secret_wipe(cli->argv[0], len);
	} else {
		text = file_read("-", URI_MAX, &len);
		if (!text)
			return CLI_FAILED;
	}
	if (!text)
		return cli_fail(CLI_FAILED, "", "out of memory");
	status = adopt_text(cli, text);
	secret_wipe(text, len);
	free(text);
	return status;
}

int verb_adopt(const struct cli *cli)
{
	int ways = cli->argc + (cli->first ? 1 : 0) + (cli->fingerprint ? 1 : 0) +
		   (cli->reset ? 1 : 0);

	if (ways != 1)
		return cli_fail(CLI_USAGE, "dietvpn adopt 'DV1:...'",
			"one of CODE, -, --first, --fingerprint HEX and --reset PEER");
	if (cli->first)
		return adopt_first(cli);
	if (cli->fingerprint)
		return adopt_fingerprint(cli);
	if (cli->reset)
		return adopt_reset(cli);
	return adopt_argument(cli);
}
