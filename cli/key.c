/* SPDX-License-Identifier: Apache-2.0 */
/* genkey, pubkey, genpsk: pipes of base64; keygen: files that only their owner can read. */
#include "cli/cli.h"

#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_LEN = 32, NAME_LEN = 40 };

static int no_argument(const struct cli *cli)
{
	return cli->argc ? cli_fail(CLI_USAGE, "dietvpn --help", "unexpected argument \"%s\"",
				   cli->argv[0])
			 : CLI_OK;
}

static int print_random(const struct cli *cli)
{
	uint8_t key[KEY_LEN];
	char text[SECRET_BASE64_LEN(KEY_LEN)];

	if (no_argument(cli))
		return CLI_USAGE;
	secret_random(key, sizeof key);
	secret_to_base64(key, sizeof key, text);
	puts(text);
	secret_wipe(key, sizeof key);
	secret_wipe(text, sizeof text);
	return fflush(stdout) ? cli_fail(CLI_FAILED, "", "standard output: %s", strerror(errno))
			      : CLI_OK;
}

int verb_genkey(const struct cli *cli)
{
	if (isatty(STDOUT_FILENO) && !cli->quiet)
		fputs("note: this private key is shown on a screen; \"dietvpn keygen NAME\" writes "
		      "a file\n",
			stderr);
	return print_random(cli);
}

int verb_genpsk(const struct cli *cli)
{
	return print_random(cli);
}

int verb_pubkey(const struct cli *cli)
{
	char line[128];
	uint8_t private_key[KEY_LEN];
	uint8_t public_key[KEY_LEN];
	char text[SECRET_BASE64_LEN(KEY_LEN)];
	size_t len;
	bool ok;

	if (no_argument(cli))
		return CLI_USAGE;
	ok = fgets(line, sizeof line, stdin) &&
	     !secret_from_base64(line, strlen(line), private_key, sizeof private_key, &len) &&
	     len == KEY_LEN;
	if (ok) {
		dh_x25519_public(private_key, public_key);
		secret_to_base64(public_key, sizeof public_key, text);
		puts(text);
	}
	secret_wipe(line, sizeof line);
	secret_wipe(private_key, sizeof private_key);
	return ok ? CLI_OK
		  : cli_fail(CLI_FAILED, "dietvpn genkey | dietvpn pubkey",
			    "standard input is no key: base64 of 32 octets");
}

static bool name_ok(const char *name)
{
	return *name && strlen(name) <= NAME_LEN && !strchr(name, '/') && name[0] != '.';
}

/* A new file, 0600; as root below /etc it goes to the daemon's user. Never overwrites. */
static int write_key(const char *path, const uint8_t *key, size_t len)
{
	char text[SECRET_BASE64_LEN(AEAD_KEYMAT_MAX)];
	const struct passwd *user = geteuid() == 0 ? getpwnam("_dietvpn") : NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return cli_fail(CLI_FAILED,
			errno == EEXIST ? "an existing key is never overwritten: remove it first"
					: "",
			"%s: %s", path, strerror(errno));
	secret_to_base64(key, len, text);
	ok = dprintf(fd, "%s\n", text) > 0 && (!user || !fchown(fd, user->pw_uid, user->pw_gid)) &&
	     !fsync(fd);
	secret_wipe(text, sizeof text);
	if (close(fd) || !ok) {
		unlink(path);
		return cli_fail(CLI_FAILED, "", "%s: %s", path, strerror(errno));
	}
	return CLI_OK;
}

static const char *key_dir(const struct cli *cli)
{
	return cli->dir ? cli->dir : "/etc/dietvpn/keys";
}

static int make_dir(const char *dir)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return cli_fail(CLI_FAILED, "--dir FOLDER writes elsewhere", "%s: %s", dir,
			strerror(errno));
	return CLI_OK;
}

static void print_peer_section(
	const struct cli *cli, const char *me, const char *other, const unsigned spis[2])
{
	printf("\n# on %s, in /etc/dietvpn/NAME.conf\n[Peer \"%s\"]\nKeying   = manual\nEndpoint = "
	       "ADDRESS OF %s\n"
	       "Address  = INNER ADDRESS OF %s\nCipher   = %s\nOutSpi   = 0x%x\nOutKey   = "
	       "keys/%s-to-%s.key\n"
	       "InSpi    = 0x%x\nInKey    = keys/%s-to-%s.key\n",
		me, other, other, other, cli->cipher, spis[0], me, other, spis[1], other, me);
}

/* An SPI whose low bits begin with no zero octet at any width of whole octets, and unlike
 * another's. */
static unsigned random_spi(unsigned other)
{
	unsigned spi = 0;

	do {
		uint8_t r[4];

		secret_random(r, sizeof r);
		for (size_t i = 0; i < sizeof r; i++)
			spi = spi << 8 | (r[i] % 0x7fU + 1);
	} while ((spi & 0xff) == (other & 0xff));
	return spi;
}

static int manual_pair(const struct cli *cli)
{
	const struct aead_suite *suite = aead_suite_by_name(cli->cipher);
	int status;
	unsigned a;
	unsigned b;

	if (cli->argc != 2 || !name_ok(cli->argv[0]) || !name_ok(cli->argv[1]) ||
		strcmp(cli->argv[0], cli->argv[1]) == 0)
		return cli_fail(CLI_USAGE, "dietvpn keygen --manual-pair router sensor",
			"name the two ends");
	if (!suite)
		return cli_fail(CLI_USAGE, "dietvpn.conf(5) lists them under Cipher",
			"no cipher is called \"%s\"", cli->cipher);
	status = make_dir(key_dir(cli));
	for (int i = 0; i < 2 && !status; i++) {
		uint8_t key[AEAD_KEYMAT_MAX];
		size_t len = (size_t)suite->key_len + suite->salt_len;
		char path[512];

		secret_random(key, len);
		snprintf(path, sizeof path, "%s/%s-to-%s.key", key_dir(cli), cli->argv[i],
			cli->argv[1 - i]);
		status = write_key(path, key, len);
		secret_wipe(key, sizeof key);
		if (!status)
			printf("key      %s (0600, new)\n", path);
	}
	if (status)
		return status;
	a = random_spi(0);
	b = random_spi(a);
	print_peer_section(cli, cli->argv[0], cli->argv[1], (const unsigned[2]){a, b});
	print_peer_section(cli, cli->argv[1], cli->argv[0], (const unsigned[2]){b, a});
	printf("\nBoth files belong on both ends. Say once on each end that they are new:\n"
	       "  dietvpn sa fresh-key %s      (on %s)\n  dietvpn sa fresh-key %s      (on %s)\n",
		cli->argv[1], cli->argv[0], cli->argv[0], cli->argv[1]);
	return CLI_OK;
}

int verb_keygen(const struct cli *cli)
{
	uint8_t key[KEY_LEN];
	uint8_t public_key[KEY_LEN];
	char text[SECRET_BASE64_LEN(KEY_LEN)];
	char path[512];
	int status;

	if (cli->manual_pair)
		return manual_pair(cli);
	if (cli->argc != 1 || !name_ok(cli->argv[0]))
		return cli_fail(CLI_USAGE, "dietvpn keygen gw", "name one key");
	status = make_dir(key_dir(cli));
	if (status)
		return status;
	secret_random(key, sizeof key);
	snprintf(path, sizeof path, "%s/%s.key", key_dir(cli), cli->argv[0]);
	status = write_key(path, key, sizeof key);
	if (!status) {
		dh_x25519_public(key, public_key);
		secret_to_base64(public_key, sizeof public_key, text);
		printf("private key  %s (0600, new)\npublic key   %s\n", path, text);
	}
	secret_wipe(key, sizeof key);
	return status;
}
