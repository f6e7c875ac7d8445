/* SPDX-License-Identifier: Apache-2.0 */
/* The options of dietvpn: one table says where in struct cli each value goes. */
#include "cli/options.h"

#include "config/keys.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { SHORT, FLAG, TEXT, NUMBER, COLOUR };

struct row {
	const char *name;
	enum kind kind;
	size_t at; /* FLAG, COLOUR: a bool, TEXT: a const char *, NUMBER: a long; SHORT: its letter
		    */
	long max;
};

#define AT(member) offsetof(struct cli, member)

static const struct row rows[] = {
	{"json", FLAG, AT(json), 0},
	{"cbor", FLAG, AT(cbor), 0},
	{"color", COLOUR, AT(colour), 0},
	{"socket", TEXT, AT(socket), 0},
	{"timeout", NUMBER, AT(timeout_s), 86400},
	{"dir", TEXT, AT(dir), 0},
	{"plugin-dir", TEXT, AT(plugin_dir), 0},
	{"manual-pair", FLAG, AT(manual_pair), 0},
	{"cipher", TEXT, AT(cipher), 0},
	{"spi", NUMBER, AT(spi_bits), 32},
	{"sn", NUMBER, AT(sn_bits), 32},
	{"output", TEXT, AT(output), 0},
	{"bare", FLAG, AT(bare), 0},
	{"ike", FLAG, AT(ike), 0},
	{"ladder", FLAG, AT(ladder), 0},
	{"follow", SHORT, 'f', 0},
	{"diag", FLAG, AT(diag), 0},
	{"against", TEXT, AT(against), 0},
	{"pcap", TEXT, AT(against), 0},
	{"peer", TEXT, AT(peer), 0},
	{"packet", NUMBER, AT(packet), LONG_MAX},
	{"hex", TEXT, AT(hex), 0},
	{"svg", TEXT, AT(svg), 0},
	{"versus", TEXT, AT(versus), 0},
	{"profile", TEXT, AT(profile), 0},
	{"dev", TEXT, AT(dev), 0},
	{"app", TEXT, AT(app), 0},
	{"tunnel", TEXT, AT(tunnel), 0},
	{"endpoint", TEXT, AT(endpoint), 0},
	{"gateway", TEXT, AT(gateway), 0},
	{"as", TEXT, AT(as), 0},
	{"network", TEXT, AT(network), 0},
	{"address", TEXT, AT(address), 0},
	{"csv", TEXT, AT(csv), 0},
	{"labels", TEXT, AT(labels), 0},
	{"fingerprint", TEXT, AT(fingerprint), 0},
	{"reset", TEXT, AT(reset), 0},
	{"qr", FLAG, AT(qr), 0},
	{"reveal", FLAG, AT(reveal), 0},
	{"first", FLAG, AT(first), 0},
	{"force", FLAG, AT(force), 0},
	{"pem", FLAG, AT(pem), 0},
	{"label", FLAG, AT(label), 0},
	{"seconds", NUMBER, AT(seconds), 3600},
	{"quiet", SHORT, 'q', 0},
	{"verbose", SHORT, 'v', 0},
	{"version", SHORT, 'V', 0},
	{"help", SHORT, 'h', 0},
};
enum { N_ROWS = sizeof rows / sizeof rows[0], FIRST_LONG = 256 };

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

static bool set(struct cli *cli, const struct row *row)
{
	void *at = (char *)cli + row->at;

	switch (row->kind) {
	case FLAG:
		*(bool *)at = true;
		return true;
	case TEXT:
		*(const char **)at = optarg;
		return true;
	case NUMBER:
		return parse_number(optarg, row->max, at);
	case COLOUR:
		return parse_colour(optarg, at);
	default:
		return false;
	}
}

static enum options_result set_short(struct cli *cli, int letter)
{
	switch (letter) {
	case 'o':
		cli->output = optarg;
		return OPTIONS_GO_ON;
	case 'f':
		cli->follow = true;
		return OPTIONS_GO_ON;
	case 'q':
		cli->quiet = true;
		return OPTIONS_GO_ON;
	case 'v':
		cli->verbose = true;
		return OPTIONS_GO_ON;
	case 'V':
		return OPTIONS_VERSION;
	case 'h':
		return OPTIONS_HELP;
	default:
		return OPTIONS_UNUSABLE;
	}
}

/* A value that its option does not take. */
static enum options_result refuse_value(const struct row *row)
{
	char expected[48] = "auto, always or never";

	if (row->kind == NUMBER && row->max == LONG_MAX)
		snprintf(expected, sizeof expected, "a number");
	else if (row->kind == NUMBER)
		snprintf(expected, sizeof expected, "a number from 0 to %ld", row->max);
	cli_fail(CLI_USAGE, "", "--%s: %s is expected, not \"%s\"", row->name, expected, optarg);
	return OPTIONS_UNUSABLE;
}

/* What getopt_long cannot use: letter is its answer, word where it stands. */
static enum options_result refuse_option(int letter, const char *word)
{
	const char *names[N_ROWS];
	const char *nearest = NULL;
	char name[32] = "";
	char hint[64] = "dietvpn --help lists the options";

	for (int i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	if (strncmp(word, "--", 2) == 0)
		snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	if (*name)
		nearest = keys_nearest(name, names, N_ROWS);
	if (letter == ':')
		cli_fail(CLI_USAGE, "dietvpn --help says which", "%s needs a value", word);
	else if (*name && nearest && strcmp(nearest, name) == 0)
		cli_fail(CLI_USAGE, hint, "--%s takes no value", name);
	else if (*name) {
		if (nearest)
			snprintf(hint, sizeof hint, "did you mean --%s?", nearest);
		cli_fail(CLI_USAGE, hint, "unknown or ambiguous option --%s", name);
	} else
		cli_fail(CLI_USAGE, hint, "unknown option -%c", optopt);
	return OPTIONS_UNUSABLE;
}

enum options_result options_parse(int argc, char **argv, struct cli *cli)
{
	struct option table[N_ROWS + 1] = {0};
	enum options_result result = OPTIONS_GO_ON;
	int opt;

	for (int i = 0; i < N_ROWS; i++)
		table[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].kind >= TEXT ? required_argument : no_argument,
			.val = rows[i].kind == SHORT ? (int)rows[i].at : FIRST_LONG + i,
		};
	opterr = 0;
	while (result != OPTIONS_UNUSABLE &&
		(opt = getopt_long(argc, argv, ":fqvVho:", table, NULL)) != -1) {
		enum options_result one = OPTIONS_GO_ON;

		if (opt == '?' || opt == ':')
			one = refuse_option(opt, argv[optind - 1]);
		else if (opt < FIRST_LONG)
			one = set_short(cli, opt);
		else if (!set(cli, &rows[opt - FIRST_LONG]))
			one = refuse_value(&rows[opt - FIRST_LONG]);
		if (one != OPTIONS_GO_ON)
			result = one;
	}
	cli->argc = argc - optind;
	cli->argv = argv + optind;
	return result;
}
