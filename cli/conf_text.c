/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that dietvpn writes itself: checked as the daemon would before they are written.
 */
#include "cli/conf_text.h"

#include "cli/client.h"
#include "cli/folder.h"

#include <stdio.h>
#include <string.h>

static bool is_taken(const struct folder *folder, const char *ifname)
{
	for (size_t i = 0; i < folder->n; i++)
		if (strcmp(folder->tunnels[i].interface.name, ifname) == 0)
			return true;
	return false;
}

int conf_free_ifname(const char *dir, char out[CONF_IFNAME_MAX])
{
	struct folder *folder = folder_create();
	unsigned n = 0;

	if (!folder)
		return cli_fail(CLI_FAILED, "", "out of memory");
	folder_load(folder, dir);
	do
		snprintf(out, CONF_IFNAME_MAX, "diet%u", n++);
	while (is_taken(folder, out));
	folder_destroy(folder);
	return CLI_OK;
}

static void drop_tunnel(struct folder *folder, const char *name)
{
	for (size_t i = 0; i < folder->n; i++) {
		if (strcmp(folder->tunnels[i].tunnel, name) != 0)
			continue;
		config_fini(&folder->tunnels[i]);
		folder->tunnels[i] = folder->tunnels[--folder->n];
		return;
	}
}

/* The other tunnels, or none where they are no sound measure. */
static void load_others(struct folder *folder, const char *dir, const char *name)
{
	folder_load(folder, dir);
	drop_tunnel(folder, name);
	config_check_all(folder->tunnels, folder->n, &folder->errors);
	while (folder->n && (folder->errors.n || folder->n == FOLDER_TUNNELS_MAX))
		config_fini(&folder->tunnels[--folder->n]);
	folder->errors.n = 0;
}

int conf_text_check(const char *dir, const char *name, const char *text)
{
	struct folder *folder = folder_create();
	int status = CLI_OK;

	if (!folder)
		return cli_fail(CLI_FAILED, "", "out of memory");
	load_others(folder, dir, name);
	if (!config_load_text(
		    name, text, strlen(text), &folder->tunnels[folder->n], &folder->errors)) {
		folder->n++;
		config_check_all(folder->tunnels, folder->n, &folder->errors);
	}
	if (folder->errors.n) {
		folder_print_errors(folder);
		status = cli_fail(
			CLI_CONFIG, "", "%s.conf would not be right: nothing is written", name);
	}
	folder_destroy(folder);
	return status;
}

void conf_print_up(const struct cli *cli, const char *name, bool replaced)
{
	if (client_daemon_runs(cli) && replaced)
		printf("next         dietvpn down %s; dietvpn up %s\n", name, name);
	else if (client_daemon_runs(cli))
		printf("next         dietvpn up %s\n", name);
	else
		printf("next         systemctl start dietvpn, or, where it runs, dietvpn up %s\n",
			name);
}
