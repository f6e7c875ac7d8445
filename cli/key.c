/* SPDX-License-Identifier: Apache-2.0 */
/* genkey, pubkey, genpsk: pipes of base64; keygen: files that only their owner can read. */
#include "cli/key.h"

#include "cli/cli.h"
#include "cli/code.h"
#include "cli/file.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "crypto/sign_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_LEN = 32, NAME_LEN = 40, PEM_LINE = 64 };

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

/* Base64 of what PeerKey takes: the 32 octets of an Ed25519 key, else the SubjectPublicKeyInfo. */
static void print_public(const struct sign_public *key)
{
	char text[SECRET_BASE64_LEN(SIGN_SPKI_MAX)];
	struct slice bits = {key->spki, key->spki_len};

	if (key->type == SIGN_ED25519)
		bits = sign_public_bits(key);
	secret_to_base64(bits.data, bits.len, text);
	puts(text);
}

/* RFC 7468: lines of 64 characters. */
static void print_pem(const struct sign_public *key)
{
	char text[SECRET_BASE64_LEN(SIGN_SPKI_MAX)];

	secret_to_base64(key->spki, key->spki_len, text);
	puts("-----BEGIN PUBLIC KEY-----");
	for (const char *at = text; *at; at += strnlen(at, PEM_LINE))
		printf("%.*s\n", PEM_LINE, at);
	puts("-----END PUBLIC KEY-----");
}

static void print_fingerprint(const struct sign_public *key)
{
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];

	sign_public_fingerprint(key, fingerprint);
	fputs("fingerprint  ", stdout);
	for (size_t i = 0; i < sizeof fingerprint; i++)
		printf("%02x", fingerprint[i]);
	puts("");
}

int verb_pubkey(const struct cli *cli)
{
	struct sign_private *key = NULL;
	size_t len;
	char *text;
	int r;

	if (no_argument(cli))
		return CLI_USAGE;
	text = file_read("-", SIGN_TEXT_MAX, &len);
	if (!text)
		return CLI_FAILED;
	r = sign_private_from_text((struct slice){(const uint8_t *)text, len}, &key);
	secret_wipe(text, len);
	free(text);
	if (r)
		return cli_fail(CLI_FAILED, "dietvpn genkey | dietvpn pubkey",
			"standard input is no private key: %s", sign_key_error(r));
	if (cli->pem)
		print_pem(sign_private_public(key));
	else
		print_public(sign_private_public(key));
	sign_private_destroy(key);
	return CLI_OK;
}

static bool name_ok(const char *name)
{
	return *name && strlen(name) <= NAME_LEN && !strchr(name, '/') && name[0] != '.';
}

/* A new file, 0600; as root it goes to the daemon's user. Never overwrites. */
static int write_key(const char *path, const uint8_t *key, size_t len)
{
	char text[SECRET_BASE64_LEN(AEAD_KEYMAT_MAX) + 1];
	struct file_new file = {.path = path, .kind = FILE_SECRET, .data = text};
	int status;

	secret_to_base64(key, len, text);
	strcat(text, "\n");
	file.len = strlen(text);
	status = file_write(&file);
	secret_wipe(text, sizeof text);
	return status;
}

int key_write_random(const char *path)
{
	uint8_t key[KEY_LEN];
	int status;

	secret_random(key, sizeof key);
	status = write_key(path, key, sizeof key);
	secret_wipe(key, sizeof key);
	return status;
}

/* Any 32 octets are the seed of an Ed25519 key (RFC 8032 5.1.5). */
int key_write_ed25519(const char *dir, const char *name, bool quiet)
{
	struct sign_private *key = NULL;
	uint8_t seed[SIGN_ED25519_LEN];
	char path[FILE_PATH_MAX];
	int status = CLI_FAILED;

	secret_random(seed, sizeof seed);
	if (!file_path(path, dir, name))
		status = cli_fail(CLI_USAGE, "", "%s: too long", dir);
	else if (sign_private_from_seed(seed, &key))
		status = cli_fail(CLI_FAILED, "", "out of memory");
	else
		status = write_key(path, seed, sizeof seed);
	secret_wipe(seed, sizeof seed);
	if (!status && !quiet) {
		printf("private key  %s (0600, new)\npublic key   ", path);
		print_public(sign_private_public(key));
		print_fingerprint(sign_private_public(key));
	}
	sign_private_destroy(key);
	return status;
}

static const char *key_dir(const struct cli *cli)
{
	return cli->dir ? cli->dir : "/etc/dietvpn/keys";
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
	status = file_make_dir(key_dir(cli), FILE_SECRET);
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

/* What a device has on its label and the gateway's operator types: "dietvpn adopt CODE --as". */
static int label(const struct cli *cli, const char *dir)
{
	static const char marked[] = "0s"; /* what ikev2 reads as base64 */
	uint8_t key[CODE_KEY_LEN];
	char text[sizeof marked + SECRET_BASE64_LEN(CODE_KEY_LEN) + 1] = "0s";
	char name[NAME_LEN + 8], path[FILE_PATH_MAX], code[CODE_TEXT];
	struct file_new file = {.path = path, .kind = FILE_SECRET, .data = text};
	int status;

	if (!cli->reveal && !isatty(STDOUT_FILENO))
		return cli_fail(CLI_USAGE, "--reveal prints it all the same",
			"standard output is no terminal, and a label is a secret");
	secret_random(key, sizeof key);
	secret_to_base64(key, sizeof key, text + sizeof marked - 1);
	strcat(text, "\n");
	file.len = strlen(text);
	snprintf(name, sizeof name, "%s.psk", cli->argv[0]);
	status = file_path(path, dir, name) ? file_write(&file)
					    : cli_fail(CLI_USAGE, "", "%s: too long", dir);
	code_print(key, code);
	if (!status)
		printf("key      %s (0600, new): Psk of the device\nlabel    %s\n"
		       "gateway  dietvpn adopt %s --as %s\n",
			path, code, code, cli->argv[0]);
	secret_wipe(key, sizeof key);
	secret_wipe(text, sizeof text);
	secret_wipe(code, sizeof code);
	return status;
}

int verb_keygen(const struct cli *cli)
{
	char name[NAME_LEN + 8];
	int status;

	if (cli->manual_pair)
		return manual_pair(cli);
	if (cli->argc != 1 || !name_ok(cli->argv[0]))
		return cli_fail(CLI_USAGE, "dietvpn keygen gw", "name one key");
	status = file_make_dir(key_dir(cli), FILE_SECRET);
	if (status)
		return status;
	if (cli->label)
		return label(cli, key_dir(cli));
	snprintf(name, sizeof name, "%s.key", cli->argv[0]);
	return key_write_ed25519(key_dir(cli), name, cli->quiet);
}
