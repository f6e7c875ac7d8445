/* SPDX-License-Identifier: Apache-2.0 */
/* dietvpn: one table of verbs, global options, exit statuses. */
#include "cli/cli.h"

#include "crypto/secret.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
	const char *name;
	cli_verb *run;
	const char *args;
	const char *help; /* NULL: hidden */
};

static const struct verb verbs[] = {
	{"status", verb_status, "[TUNNEL|PEER]", "one line per peer; with -q only the exit status"},
	{"show", verb_show, "[TUNNEL|PEER|plugins|policy]", "everything about it, keys hidden"},
	{"sa", verb_sa, "[PEER]", "the SAs: SPI, sequence, replay window, lifetime, counters"},
	{"sa fresh-key", NULL, "PEER", "says that this peer's manual keys have never been used"},
	{"sa delete", NULL, "PEER|ID", "removes SAs"},
	{"sa initiate", NULL, "PEER", "begins to negotiate with it now"},
	{"sa rekey", NULL, "PEER",
		"new keys for its ESP SAs, with --ike for the IKE SA, before the old ones go"},
	{"sa terminate", NULL, "PEER", "ends its IKE SA and all that belongs to it"},
	{"why", verb_why, "PEER", "why it has no SA, in one sentence"},
	{"drops", verb_drops, "", "every reason why packets were dropped, with its count"},
	{"log", verb_log, "[TOPIC...]", "events as they happen"},
	{"up", verb_up, "NAME", "loads NAME.conf now"},
	{"down", verb_down, "NAME", "takes the tunnel down: interface, routes, SAs, all of it"},
	{"reload", verb_reload, "", "checks all files and applies the difference, or nothing"},
	{"check", verb_check, "[FILE]", "checks the configuration as the daemon would"},
	{"genkey", verb_genkey, "", "a private key to standard output"},
	{"pubkey", verb_pubkey, "", "standard input: private key; standard output: its public key"},
	{"genpsk", verb_genpsk, "", "a pre-shared key to standard output"},
	{"keygen", verb_keygen, "NAME | --manual-pair A B",
		"keys as files, readable by their owner only"},
	{"rules", verb_rules, "compile FILE.json",
		"JSON to the CBOR that the daemon loads; -o FILE"},
	{"rules dump", NULL, "FILE.cbor", "back to JSON, or with --diag diagnostic notation"},
	{"rules check", NULL, "FILE [--against CAPTURE]",
		"is it legal, does it give packets back; digests"},
	{"rules explain", NULL, "FILE [--against CAPTURE]",
		"its rules, or what they do to the first packet"},
	{"rules list", NULL, "", "rule files of this machine, and digests to compare two ends"},
	{"demo", verb_demo, "", "two hosts in namespaces, a tunnel, every octet shown; needs root"},
	{"__reference", verb_reference, "", NULL},
	{"__mdoc", verb_mdoc, "", NULL},
	{"__bytes", verb_bytes, "INNER.pcap WIRE.pcap", NULL},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

enum option_id {
	OPT_JSON = 256,
	OPT_CBOR,
	OPT_COLOUR,
	OPT_SOCKET,
	OPT_TIMEOUT,
	OPT_DIR,
	OPT_PLUGINS,
	OPT_PAIR,
	OPT_CIPHER,
	OPT_SPI,
	OPT_SN,
	OPT_BARE,
	OPT_IKE,
	OPT_DIAG,
	OPT_AGAINST,
	OPT_PROFILE,
	OPT_DEV,
	OPT_APP
};

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"cbor", no_argument, NULL, OPT_CBOR},
	{"color", required_argument, NULL, OPT_COLOUR},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"dir", required_argument, NULL, OPT_DIR},
	{"plugin-dir", required_argument, NULL, OPT_PLUGINS},
	{"manual-pair", no_argument, NULL, OPT_PAIR},
	{"cipher", required_argument, NULL, OPT_CIPHER},
	{"spi", required_argument, NULL, OPT_SPI},
	{"sn", required_argument, NULL, OPT_SN},
	{"output", required_argument, NULL, 'o'},
	{"bare", no_argument, NULL, OPT_BARE},
	{"ike", no_argument, NULL, OPT_IKE},
	{"diag", no_argument, NULL, OPT_DIAG},
	{"against", required_argument, NULL, OPT_AGAINST},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"dev", required_argument, NULL, OPT_DEV},
	{"app", required_argument, NULL, OPT_APP},
	{"quiet", no_argument, NULL, 'q'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

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

static void help(FILE *out)
{
	fputs("usage: dietvpn [OPTION...] [VERB [ARGUMENT...]]\n\n", out);
	for (size_t i = 0; i < N_VERBS; i++) {
		char head[64];

		if (!verbs[i].help)
			continue;
		snprintf(head, sizeof head, "%s %s", verbs[i].name, verbs[i].args);
		fprintf(out, "  %-34s %s\n", head, verbs[i].help);
	}
	fputs("\n  --json, --cbor          machine-readable result (dietvpn-status(7))\n"
	      "  --color=auto|always|never\n"
	      "  --socket PATH           control or status socket of the daemon\n"
	      "  --timeout SECONDS       for an answer (default 10)\n"
	      "  --dir DIR               configuration folder (default /etc/dietvpn), or where "
	      "keygen writes\n"
	      "  --plugin-dir DIR        keying plugins, for check\n"
	      "  --cipher NAME           of a manual pair (default chacha20-poly1305-iiv)\n"
	      "  -o, --output FILE       where rules compile and dump write\n"
	      "  --bare                  rules compile: the rule set alone, as RFC 9254 has it\n"
	      "  --diag                  rules dump: diagnostic notation\n"
	      "  --against FILE          rules check, explain: a recording, pcap or pcapng\n"
	      "  --dev, --app ADDRESS    the SA's two ends, for rules with cda-deviid, cda-appiid\n"
	      "  --profile NAME          of a rule file with several\n"
	      "  -q, -V, -h              quiet, version, this text\n\n"
	      "exit status: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 not permitted,\n"
	      "5 configuration error, 6 the answer is \"no\" or \"down\"\n",
		out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (verbs[i].run && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool parse_number(const char *text, long max, long *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > max)
		return false;
	*out = n;
	return true;
}

static bool parse_colour(const char *text, bool *out)
{
	if (strcmp(text, "always") == 0)
		*out = true;
	else if (strcmp(text, "never") == 0)
		*out = false;
	else
		return strcmp(text, "auto") == 0;
	return true;
}

/* 0 to go on, -1 after a complaint by getopt or us, 1 when all is done. */
static int parse_option(struct cli *cli, int opt)
{
	switch (opt) {
	case OPT_JSON:
		cli->json = true;
		return 0;
	case OPT_CBOR:
		cli->cbor = true;
		return 0;
	case OPT_COLOUR:
		return parse_colour(optarg, &cli->colour) ? 0 : -1;
	case OPT_SOCKET:
		cli->socket = optarg;
		return 0;
	case OPT_TIMEOUT:
		return parse_number(optarg, 86400, &cli->timeout_s) ? 0 : -1;
	case OPT_DIR:
		cli->dir = optarg;
		return 0;
	case OPT_PLUGINS:
		cli->plugin_dir = optarg;
		return 0;
	case OPT_PAIR:
		cli->manual_pair = true;
		return 0;
	case OPT_CIPHER:
		cli->cipher = optarg;
		return 0;
	case OPT_SPI:
		return parse_number(optarg, 32, &cli->spi_bits) ? 0 : -1;
	case OPT_SN:
		return parse_number(optarg, 32, &cli->sn_bits) ? 0 : -1;
	case OPT_BARE:
		cli->bare = true;
		return 0;
	case OPT_IKE:
		cli->ike = true;
		return 0;
	case OPT_DIAG:
		cli->diag = true;
		return 0;
	case OPT_AGAINST:
		cli->against = optarg;
		return 0;
	case OPT_PROFILE:
		cli->profile = optarg;
		return 0;
	case OPT_DEV:
		cli->dev = optarg;
		return 0;
	case OPT_APP:
		cli->app = optarg;
		return 0;
	case 'o':
		cli->output = optarg;
		return 0;
	case 'q':
		cli->quiet = true;
		return 0;
	case 'V':
		puts("dietvpn " DIETVPN_VERSION);
		return 1;
	case 'h':
		help(stdout);
		return 1;
	default:
		return -1;
	}
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
	const struct verb *verb;
	int opt;

	while ((opt = getopt_long(argc, argv, "qVho:", options, NULL)) != -1) {
		int done = parse_option(&cli, opt);

		if (done < 0)
			return cli_fail(CLI_USAGE, "dietvpn --help lists verbs and options",
				"unusable option");
		if (done)
			return CLI_OK;
	}
	if (optind < argc && strcmp(argv[optind], "help") == 0) {
		help(stdout);
		return CLI_OK;
	}
	verb = find_verb(optind < argc ? argv[optind] : "status");
	if (!verb)
		return cli_fail(CLI_USAGE, "dietvpn --help lists the verbs", "unknown verb \"%s\"",
			argv[optind]);
	if (crypto_init())
		return cli_fail(CLI_FAILED, "", "libsodium cannot be initialised");
	cli.argc = optind < argc ? argc - optind - 1 : 0;
	cli.argv = argv + (optind < argc ? optind + 1 : argc);
	return verb->run(&cli);
}
