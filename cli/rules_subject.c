/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, selectors and cipher of one SA, from a rule file or from the configuration of a peer. */
#include "cli/rules_subject.h"

#include "cli/folder.h"
#include "crypto/aead.h"
#include "ip/addr.h"

#include <stdlib.h>
#include <string.h>

static const struct aead_suite *peer_suite(const struct config_peer *peer)
{
	const struct aead_suite *suite = NULL;

	for (size_t i = 0; peer->n_ciphers && (suite = aead_suite_at(i)); i++)
		if (suite->encr == peer->ciphers[0].encr &&
			(!peer->ciphers[0].key_bits ||
				suite->key_len * 8u == peer->ciphers[0].key_bits))
			break;
	return suite ? suite : aead_suite_at(0);
}

/* Our side is Dev where the configuration says so, else the peer's is. */
static void take_sides(const struct config_peer *peer, struct trial_sides *out)
{
	bool device = peer->attrs.device;

	out->n_dev = device ? peer->n_ts_local : peer->n_ts_remote;
	out->n_app = device ? peer->n_ts_remote : peer->n_ts_local;
	memcpy(out->dev, device ? peer->ts_local : peer->ts_remote, sizeof out->dev);
	memcpy(out->app, device ? peer->ts_remote : peer->ts_local, sizeof out->app);
}

/* How many peers have this name; the last one is out's. */
static size_t find_peer(const struct cli *cli, struct subject *out)
{
	size_t found = 0;

	for (size_t i = 0; i < out->folder->n; i++) {
		const struct config *config = &out->folder->tunnels[i];

		if (cli->tunnel && strcmp(config->tunnel, cli->tunnel) != 0)
			continue;
		for (size_t k = 0; k < config->n_peers; k++) {
			if (strcmp(config->peers[k].name, cli->peer) != 0)
				continue;
			out->peer = &config->peers[k];
			found++;
		}
	}
	return found;
}

static int open_peer(const struct cli *cli, struct subject *out)
{
	out->folder = folder_create();
	if (!out->folder)
		return cli_fail(CLI_FAILED, "", "out of memory");
	folder_load(out->folder, folder_dir(cli));
	if (find_peer(cli, out) > 1)
		return cli_fail(CLI_USAGE, "--tunnel NAME says which",
			"several tunnels in %s have a peer \"%s\"", folder_dir(cli), cli->peer);
	if (!out->peer) {
		folder_print_errors(out->folder);
		return cli_fail(CLI_CONFIG, "--dir DIR names another folder",
			"no peer \"%s\" in the files of %s", cli->peer, folder_dir(cli));
	}
	out->what = cli->peer;
	out->attrs = out->peer->attrs;
	out->suite = peer_suite(out->peer);
	take_sides(out->peer, &out->sides);
	out->ends.sides = &out->sides;
	return CLI_OK;
}

static int read_ends(const struct cli *cli, struct subject *out)
{
	if ((cli->dev && ip_addr_parse(cli->dev, &out->addr[0])) ||
		(cli->app && ip_addr_parse(cli->app, &out->addr[1])))
		return cli_fail(CLI_USAGE, "", "--dev and --app are addresses");
	out->ends.dev = cli->dev ? &out->addr[0] : NULL;
	out->ends.app = cli->app ? &out->addr[1] : NULL;
	out->suite = aead_suite_by_name(cli->cipher);
	return out->suite ? CLI_OK
			  : cli_fail(CLI_USAGE, "dietvpn.conf(5) lists them under Cipher",
				    "--cipher %s: no such cipher", cli->cipher);
}

static int open_file(const struct cli *cli, struct subject *out)
{
	struct tree_error error = {0};
	int status;

	if (cli->argc < 1)
		return cli_fail(CLI_USAGE, "or --peer NAME", "name a rule file");
	out->what = cli->argv[0];
	status = rules_open(cli->argv[0], &out->rules);
	if (status)
		return status;
	out->has_rules = true;
	if (rules_file_find(
		    &out->rules.file, cli->profile ? cli->profile : "", &out->attrs, &error))
		return cli_fail(CLI_CONFIG, "--profile NAME", "%s: %s", cli->argv[0], error.text);
	out->attrs.rules = out->rules.set.set.n ? &out->rules.set.set : NULL;
	return CLI_OK;
}

int subject_open_ends(const struct cli *cli, struct subject *out)
{
	int status;

	memset(out, 0, sizeof *out);
	status = read_ends(cli, out);
	if (!status && cli->peer)
		status = open_peer(cli, out);
	if (status)
		subject_close(out);
	return status;
}

int subject_open(const struct cli *cli, struct subject *out)
{
	int status = subject_open_ends(cli, out);

	if (!status && !cli->peer)
		status = open_file(cli, out);
	if (status)
		subject_close(out);
	return status;
}

void subject_close(struct subject *subject)
{
	if (subject->has_rules)
		rules_close(&subject->rules);
	folder_destroy(subject->folder);
	*subject = (struct subject){0};
}
