/* SPDX-License-Identifier: Apache-2.0 */
/* adopt on a gateway, and revoke: devices with a label or a key of their own, by the daemon's
 * enroll verbs. */
#include "cli/adopt.h"

#include "cli/client.h"
#include "cli/json.h"
#include "crypto/secret.h"
#include "crypto/sign_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS_DEFAULT = 60 };

static int need_name(const struct cli *cli)
{
	return cli->as ? CLI_OK
		       : cli_fail(CLI_USAGE, "--as sensor-07; on the device itself: --gateway HOST",
				 "name the device");
}

/* with is taken. */
static int ask_for(
	const struct cli *cli, const char *verb, struct tree_writer *with, json_t **result)
{
	struct client *client = NULL;
	int status = client_open(cli, true, &client);

	if (!status)
		status = client_ask(client, verb, with, result);
	client_close(client);
	if (with->data)
		secret_wipe(with->data, with->cap);
	tree_writer_fini(with);
	if (!status && cli->json)
		json_print(*result);
	return status;
}

static int ask(const struct cli *cli, const char *verb, struct tree_writer *with)
{
	json_t *result = NULL;
	int status = ask_for(cli, verb, with, &result);

	json_decref(result);
	return status;
}

/* A map of so many pairs, and the tunnel where the operator names one. */
static void put_begin(const struct cli *cli, struct tree_writer *with, size_t pairs)
{
	tree_writer_init(with);
	tree_put_map(with, pairs + (cli->tunnel != NULL));
	if (!cli->tunnel)
		return;
	tree_put_text(with, "tunnel");
	tree_put_text(with, cli->tunnel);
}

static void put_name(struct tree_writer *with, const char *name)
{
	tree_put_text(with, "name");
	tree_put_text(with, name);
}

static void say(const struct cli *cli, const char *name, const char *what)
{
	if (!cli->json && !cli->cbor && !cli->quiet)
		printf("%s %s\n", name, what);
}

static int adopt_with(const struct cli *cli, const char *key, const uint8_t *octets, size_t len)
{
	struct tree_writer with;
	int status = need_name(cli);

	if (status)
		return status;
	put_begin(cli, &with, 2);
	put_name(&with, cli->as);
	tree_put_text(&with, key);
	tree_put_bytes(&with, octets, len);
	status = ask(cli, "enroll.adopt", &with);
	if (!status)
		say(cli, cli->as, "is adopted: it may come");
	return status;
}

int adopt_device_psk(const struct cli *cli, const uint8_t *psk, size_t len)
{
	return adopt_with(cli, "psk", psk, len);
}

/* 64 hexadecimal digits, with ':', '-' and spaces anywhere. */
static bool read_fingerprint(const char *text, uint8_t out[SIGN_FINGERPRINT_LEN])
{
	size_t n = 0;

	memset(out, 0, SIGN_FINGERPRINT_LEN);
	for (; *text; text++) {
		const char *digits = "0123456789abcdef";
		const char *at = strchr(digits, tolower((unsigned char)*text));

		if (strchr(":- ", *text))
			continue;
		if (!at || n == 2 * (size_t)SIGN_FINGERPRINT_LEN)
			return false;
		out[n / 2] = (uint8_t)(out[n / 2] << 4 | (at - digits));
		n++;
	}
	return n == 2 * (size_t)SIGN_FINGERPRINT_LEN;
}

int adopt_fingerprint(const struct cli *cli)
{
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];

	if (!read_fingerprint(cli->fingerprint, fingerprint))
		return cli_fail(CLI_USAGE, "dietvpn keygen prints it: 64 hexadecimal digits",
			"--fingerprint: not a fingerprint");
	return adopt_with(cli, "fingerprint", fingerprint, sizeof fingerprint);
}

static int reset(const struct cli *cli, const char *name)
{
	struct tree_writer with;
	int status;

	put_begin(cli, &with, 1);
	put_name(&with, name);
	status = ask(cli, "enroll.reset", &with);
	if (!status)
		say(cli, name, "is forgotten: its key counts no more");
	return status;
}

int adopt_reset(const struct cli *cli)
{
	return reset(cli, cli->reset);
}

int verb_revoke(const struct cli *cli)
{
	const char *name = cli->argc == 1 ? cli->argv[0] : NULL;
	struct tree_writer with;
	json_t *result = NULL;
	int status;

	if (!name)
		return cli_fail(CLI_USAGE, "dietvpn revoke sensor-07", "name one device");
	put_begin(cli, &with, 1);
	put_name(&with, name);
	status = ask_for(cli, "enroll.revoke", &with, &result);
	if (!status && !cli->json && !cli->cbor && !cli->quiet)
		printf("%s is revoked: its SAs are gone, its key is refused\n"
		       "to let it in again: dietvpn enroll %s\n",
			name, name);
	if (!status && !cli->quiet && json_is_true(json_object_get(result, "new")))
		fputs("note: nobody of that name has been here; names: dietvpn peers\n", stderr);
	json_decref(result);
	return status;
}

/* The one that came while the window was open. */
struct first {
	char name[64], fingerprint[2 * SIGN_FINGERPRINT_LEN + 1], check[64];
	bool refused;
};

static bool is_news(void *arg, const char *event, json_t *of)
{
	struct first *first = arg;
	bool adopted = strcmp(event, "plugin.ikev2.adopted") == 0;

	first->refused = strcmp(event, "plugin.ikev2.adopt-refused") == 0;
	if (!adopted && !first->refused)
		return true;
	snprintf(first->name, sizeof first->name, "%s", json_text(of, "peer", "?"));
	snprintf(first->fingerprint, sizeof first->fingerprint, "%s",
		json_text(of, "fingerprint", "?"));
	snprintf(first->check, sizeof first->check, "%s", json_text(of, "check", ""));
	return false;
}

static int open_window(const struct cli *cli, long seconds)
{
	struct tree_writer with;

	put_begin(cli, &with, 2);
	tree_put_text(&with, "first");
	tree_put_bool(&with, true);
	tree_put_text(&with, "seconds");
	tree_put_uint(&with, (uint64_t)seconds);
	return ask(cli, "enroll.adopt", &with);
}

static bool says_yes(void)
{
	char line[16];

	fputs("Is this the fingerprint of the device? [y/N] ", stdout);
	fflush(stdout);
	return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* What came, or that nothing did. */
static int judge(const struct cli *cli, const struct first *first)
{
	if (!first->name[0])
		return cli_fail(CLI_NO, "", "nobody came");
	if (first->refused)
		return cli_fail(CLI_FAILED, "switch the other one off and begin again",
			"two devices came with different keys: neither is adopted");
	printf("device       %s\nfingerprint  %s\n", first->name, first->fingerprint);
	if (first->check[0])
		printf("check        %s, the same on the device\n", first->check);
	if (!isatty(STDIN_FILENO) || cli->quiet || says_yes())
		return CLI_OK;
	return reset(cli, first->name);
}

int adopt_first(const struct cli *cli)
{
	long seconds = cli->seconds ? cli->seconds : SECONDS_DEFAULT;
	struct first first = {0};
	struct client *client = NULL;
	struct tree_writer with;
	int status = client_open(cli, true, &client);

	if (status)
		return status;
	tree_writer_init(&with);
	tree_put_map(&with, 1);
	tree_put_text(&with, "topics");
	tree_put_array(&with, 1);
	tree_put_text(&with, "plugin");
	/* Watching first: the device may come at once. */
	status = client_watch_begin(client, &with);
	tree_writer_fini(&with);
	if (!status)
		status = open_window(cli, seconds);
	if (!status && !cli->quiet)
		fprintf(stderr, "for %ld s the first device that shows its key is adopted\n",
			seconds);
	if (!status)
		status = client_watch_until(client, seconds * 1000, is_news, &first);
	client_close(client);
	return status ? status : judge(cli, &first);
}
