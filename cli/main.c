/* SPDX-License-Identifier: Apache-2.0 */
/* dietvpn: one table of verbs, what --help says, exit statuses. */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "crypto/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct help_verb verbs[] = {
	{"status", verb_status, "[TUNNEL|PEER]", "one line per peer; with -q only the exit status"},
	{"show", verb_show, "[TUNNEL|PEER|plugins|policy]", "everything about it, keys hidden"},
	{"sa", verb_sa, "[PEER]", "the SAs: SPI, sequence, replay window, lifetime, counters"},
	{"sa fresh-key", NULL, "PEER", "says that this peer's manual keys have never been used"},
	{"sa delete", NULL, "PEER", "removes its SAs"},
	{"sa initiate", NULL, "PEER", "begins to negotiate with it now"},
	{"sa rekey", NULL, "[--ike] PEER",
		"new keys for its ESP SAs before the old ones go; --ike: for the IKE SA"},
	{"sa terminate", NULL, "PEER", "ends its IKE SA and all that belongs to it"},
	{"peers", verb_peers, "[TUNNEL]",
		"everyone known by name: of the file, enrolled, pinned, revoked"},
	{"why", verb_why, "[PEER|ADDRESS] [--ladder]",
		"the last key exchange that failed: what differs, and the smallest fix"},
	{"drops", verb_drops, "", "every reason why packets were dropped, with its count"},
	{"log", verb_log, "[-f] [TOPIC...]",
		"the last key exchanges; with -f also events as they happen"},
	{"up", verb_up, "NAME", "loads NAME.conf now"},
	{"down", verb_down, "NAME", "takes the tunnel down: interface, routes, SAs, all of it"},
	{"reload", verb_reload, "", "checks all files and applies the difference, or nothing"},
	{"check", verb_check, "[FILE]", "checks the configuration as the daemon would"},
	{"genkey", verb_genkey, "", "a private key to standard output"},
	{"pubkey", verb_pubkey, "", "standard input: private key; standard output: its public key"},
	{"genpsk", verb_genpsk, "", "a pre-shared key to standard output"},
	{"keygen", verb_keygen, "NAME | --manual-pair A B | --label NAME",
		"keys as files, readable by their owner only"},
	{"init", verb_init, "NAME", "a gateway's first NAME.conf, with its keys"},
	{"enroll", verb_enroll, "NAME [--qr]", "what a new device needs: QR code, typed code, URI"},
	{"enroll --csv", NULL, "FILE --labels FILE", "many devices, a sheet of labels"},
	{"adopt", verb_adopt, "'DV1:...' | -", "on a device: what enroll gave becomes NAME.conf"},
	{"adopt CODE", NULL, "--as NAME", "on a gateway: lets in a device by its label"},
	{"adopt --first", NULL, "[--seconds N]", "or the first that shows its key"},
	{"adopt --fingerprint", NULL, "HEX --as NAME", "or the one with this key"},
	{"adopt --reset", NULL, "PEER", "forgets its pinned key"},
	{"revoke", verb_revoke, "NAME", "ends a device's SAs, and its key for good"},
	{"rules", verb_rules, "compile FILE.json",
		"JSON to the CBOR that the daemon loads; -o FILE"},
	{"rules dump", NULL, "FILE.cbor [--diag]",
		"back to JSON, or with --diag diagnostic notation"},
	{"rules check", NULL, "FILE [--against CAPTURE]",
		"is it legal, does it give packets back; digests"},
	{"rules explain", NULL, "FILE [--pcap CAPTURE]",
		"its rules, or what becomes of a packet, octet by octet"},
	{"rules learn", NULL, "CAPTURE [-o FILE.json]",
		"writes rules for what it sees, tried on half of it"},
	{"rules list", NULL, "", "sets in use and what they took; rule files, with digests"},
	{"demo", verb_demo, "", "two hosts in namespaces, a tunnel, every octet shown; needs root"},
	{"__reference", verb_reference, "", NULL},
	{"__mdoc", verb_mdoc, "", NULL},
	{"__bytes", verb_bytes, "INNER.pcap WIRE.pcap", NULL},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

int cli_fail(int status, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("error: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	if (hint && *hint)
		fprintf(stderr, "hint: %s\n", hint);
	return status;
}

static const struct help_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (verbs[i].run && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *typed)
{
	const char *nearest = help_nearest(verbs, N_VERBS, typed);
	char hint[64] = "dietvpn --help lists the verbs";

	if (nearest)
		snprintf(hint, sizeof hint, "did you mean dietvpn %s?", nearest);
	return cli_fail(CLI_USAGE, hint, "unknown verb \"%s\"", typed);
}

int main(int argc, char **argv)
{
	struct cli cli = {
		.dir = NULL,
		.plugin_dir = DIETVPN_PLUGIN_DIR,
		.cipher = "chacha20-poly1305-iiv",
		.timeout_s = 10,
		.spi_bits = 32,
		.sn_bits = 32,
		.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
	};
	enum options_result parsed = options_parse(argc, argv, &cli);
	const struct help_verb *verb;

	if (parsed == OPTIONS_UNUSABLE)
		return CLI_USAGE;
	if (parsed == OPTIONS_VERSION) {
		puts("dietvpn " DIETVPN_VERSION);
		return CLI_OK;
	}
	if (parsed == OPTIONS_HELP || (cli.argc && strcmp(cli.argv[0], "help") == 0)) {
		help_print(verbs, N_VERBS,
			parsed == OPTIONS_HELP ? (cli.argc ? cli.argv[0] : NULL)
			: cli.argc > 1         ? cli.argv[1]
					       : NULL);
		return CLI_OK;
	}
	verb = find_verb(cli.argc ? cli.argv[0] : "status");
	if (!verb)
		return unknown_verb(cli.argv[0]);
	if (crypto_init())
		return cli_fail(CLI_FAILED, "", "libsodium cannot be initialised");
	if (cli.argc) {
		cli.argc--;
		cli.argv++;
	}
	return verb->run(&cli);
}
