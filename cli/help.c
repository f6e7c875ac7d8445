/* SPDX-License-Identifier: Apache-2.0 */
/* What --help says, of all verbs or of one. */
#include "cli/help.h"

#include "cli/print.h"
#include "config/keys.h"

#include <stdio.h>
#include <string.h>

enum { INDENT = 2, COLUMN = 36, NAMES_MAX = 64 };

struct line {
	const char *verbs; /* words; "*": every verb's, "": said with all only */
	const char *option;
	const char *help;
};

static const struct line options[] = {
	{"*", "--json, --cbor", "the result for programs: docs/control.md"},
	{"", "--color=auto|always|never", ""},
	{"", "--socket PATH", "control or status socket of the daemon"},
	{"", "--timeout SECONDS", "for an answer (default 10)"},
	{"check init enroll adopt keygen rules", "--dir DIR",
		"configuration folder (default /etc/dietvpn), or where keygen writes"},
	{"check init adopt", "--plugin-dir DIR", "keying plugins"},
	{"keygen rules", "--cipher NAME",
		"of a manual pair (default chacha20-poly1305-iiv), or around a packet"},
	{"keygen", "--manual-pair", "both keys of two ends, and a [Peer] for either"},
	{"keygen", "--label", "a device's pre-shared key and its typed code"},
	{"pubkey", "--pem", "PEM instead of base64"},
	{"sa", "--ike", "rekey: the IKE SA"},
	{"rules", "-o, --output FILE", "where compile, dump, explain and learn write"},
	{"rules", "--bare", "compile: the rule set alone, as RFC 9254 has it"},
	{"rules", "--diag", "dump: diagnostic notation"},
	{"rules", "--against, --pcap FILE", "check, explain: a recording, pcap or pcapng"},
	{"rules", "--packet N, --hex HEX", "explain: which of its packets, or this one"},
	{"rules", "--svg FILE", "explain: the same as a picture"},
	{"rules", "--versus FILE", "learn: rules to compare with"},
	{"rules", "--peer NAME", "explain, learn: those of a configured peer"},
	{"rules", "--dev, --app ADDRESS", "the SA's two ends, for cda-deviid and cda-appiid"},
	{"rules", "--profile NAME", "of a rule file with several"},
	{"status sa rules", "-v, --verbose", "more: rule sets, ciphers, each field"},
	{"status", "-q, --quiet", "the exit status alone"},
	{"enroll adopt revoke rules", "--tunnel NAME", "which one; on a device: its name"},
	{"enroll", "--endpoint HOST[:PORT]", "where devices find this gateway"},
	{"enroll", "--qr, --svg FILE", "as QR code on the terminal, in a file"},
	{"enroll", "--csv FILE, --labels FILE", "many devices, and their sheet of labels"},
	{"enroll keygen", "--reveal", "secrets even where standard output is no terminal"},
	{"adopt", "--as NAME", "the device's identity"},
	{"adopt", "--gateway HOST[:PORT]", "a code on the device, with --as and --network"},
	{"adopt", "--address ADDRESS", "the device's inner address, or auto"},
	{"adopt", "--seconds N", "with --first: how long to wait (60; 5 to 3600)"},
	{"init adopt", "--network PREFIX",
		"inner addresses: init without it makes a new prefix of fd00::/8"},
	{"enroll adopt", "--force", "replaces what is there"},
	{"why", "--ladder", "also the messages of the exchange, with their octets"},
	{"log", "-f, --follow", "goes on with what happens"},
	{"", "-q, -V, -h", "quiet, version, this text; \"dietvpn VERB -h\" is shorter"},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static void print_line(const char *head, const char *text)
{
	int n = printf("%*s%s", INDENT, "", head);

	if (!*text) {
		putchar('\n');
	} else if (n < COLUMN) {
		printf("%*s", COLUMN - n, "");
		print_wrapped(text, COLUMN, COLUMN);
	} else {
		printf("\n%*s", COLUMN, "");
		print_wrapped(text, COLUMN, COLUMN);
	}
}

/* Whether text holds word, between blanks or at an end. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static bool is_form_of(const struct help_verb *row, const char *verb)
{
	size_t len = strlen(verb);

	return row->help && strncmp(row->name, verb, len) == 0 &&
	       (!row->name[len] || row->name[len] == ' ');
}

/* Among the options of all verbs one says whose it is. */
static void print_option(const struct line *line, bool named)
{
	char text[160];

	if (named || line->verbs[0] == '*' || !line->verbs[0])
		snprintf(text, sizeof text, "%s", line->help);
	else
		snprintf(text, sizeof text, "%s: %s", line->verbs, line->help);
	print_line(line->option, text);
}

void help_print(const struct help_verb *verbs, size_t n, const char *verb)
{
	bool known = false;

	for (size_t i = 0; verb && i < n; i++)
		known = known || is_form_of(&verbs[i], verb);
	puts("usage: dietvpn [OPTION...] [VERB [ARGUMENT...]]\n");
	for (size_t i = 0; i < n; i++) {
		char head[80];

		if (!verbs[i].help || (known && !is_form_of(&verbs[i], verb)))
			continue;
		snprintf(head, sizeof head, "%s %s", verbs[i].name, verbs[i].args);
		print_line(head, verbs[i].help);
	}
	putchar('\n');
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (!known || options[i].verbs[0] == '*' || has_word(options[i].verbs, verb))
			print_option(&options[i], known);
	puts("\nexit status: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 not permitted,\n"
	     "5 configuration error, 6 the answer is \"no\" or \"down\"");
	if (known)
		printf("man dietvpn has the rest%s\n",
			strcmp(verb, "rules") == 0 ? ", man dietvpn-rules explain and learn" : "");
}

const char *help_nearest(const struct help_verb *verbs, size_t n, const char *typed)
{
	const char *names[NAMES_MAX];
	size_t n_names = 0;

	for (size_t i = 0; i < n && n_names < NAMES_MAX; i++)
		if (verbs[i].run && verbs[i].help)
			names[n_names++] = verbs[i].name;
	return keys_nearest(typed, names, n_names);
}
