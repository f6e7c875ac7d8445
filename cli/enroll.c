/* SPDX-License-Identifier: Apache-2.0 */
/* enroll: what a new device needs, as QR code, typed code and URI. */
#include "cli/cli.h"
#include "cli/code.h"
#include "cli/file.h"
#include "cli/gateway.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/qr.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int no_qr(void)
{
	return cli_fail(CLI_FAILED, "", "the QR code cannot be made: %s", strerror(errno));
}

/* *text is the caller's to wipe and free, also after an error. */
static int draw_svg(const char *uri, char **text, size_t *len)
{
	struct qr *qr = qr_create(uri, true);
	FILE *out = qr ? open_memstream(text, len) : NULL;

	if (!out) {
		qr_destroy(qr);
		return no_qr();
	}
	qr_print_svg(qr, out);
	qr_destroy(qr);
	return fclose(out) ? no_qr() : CLI_OK;
}

/* What --svg writes, 0600: it holds the key. */
static int write_svg(const struct cli *cli, const char *uri)
{
	struct file_new file = {.path = cli->svg, .kind = FILE_OWN, .force = cli->force};
	char *text = NULL;
	size_t len = 0;
	int status = draw_svg(uri, &text, &len);

	file.data = text;
	file.len = len;
	if (!status)
		status = file_write(&file);
	if (text)
		secret_wipe(text, len);
	free(text);
	if (!status && !cli->quiet && !cli->json)
		printf("picture  %s (0600: it holds the key)\n", cli->svg);
	return status;
}

/* A picture whose lines are broken cannot be read. */
static void note_width(const struct qr *qr)
{
	unsigned needed = qr_width(qr) + 2 * QR_QUIET;
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_col < needed)
		fprintf(stderr,
			"note: the picture needs %u columns, the terminal has %u; --svg FILE "
			"draws it\n",
			needed, size.ws_col);
}

static int print_qr(const struct cli *cli, const char *uri)
{
	struct qr *qr = qr_create(uri, false);

	if (!qr)
		return no_qr();
	note_width(qr);
	qr_print(qr, cli->colour, stdout);
	qr_destroy(qr);
	return CLI_OK;
}

/* As typed, and the URI with the rest. */
static void print_codes(const struct enrolment *e, const char *uri, bool drawn)
{
	char code[CODE_TEXT], network[IP_PREFIX_TEXT], address[IP_ADDR_TEXT];
	struct ip_addr derived = {0};
	bool moved = !e->ask &&
		     (uri_derive_address(e, &derived) || !ip_addr_equal(&derived, &e->address));

	code_print(e->psk, code);
	printf("%son the device:\n  dietvpn adopt '%s'\nor type:\n  dietvpn adopt %s "
	       "--tunnel %s --as %s \\\n    --gateway %s --network %s",
		drawn ? "scan it, or " : "", uri, code, e->tunnel, e->id, e->endpoint,
		ip_prefix_print(&e->gateway, network, sizeof network));
	if (e->ask)
		fputs(" --address auto", stdout);
	if (moved)
		printf(" --address %s", ip_addr_print(&e->address, address, sizeof address));
	puts("");
	secret_wipe(code, sizeof code);
}

static int print_json(const struct enrolment *e, const char *uri)
{
	char code[CODE_TEXT], address[IP_ADDR_TEXT];
	json_t *of;
	int status;

	code_print(e->psk, code);
	of = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", e->id, "tunnel", e->tunnel,
		"gateway", e->gateway_id, "endpoint", e->endpoint, "address",
		uri_print_address(e, address), "code", code, "uri", uri);
	secret_wipe(code, sizeof code);
	status = of ? json_print(of) : cli_fail(CLI_FAILED, "", "out of memory");
	json_decref(of);
	return status;
}

static void print_device(const struct enrolment *e)
{
	char address[IP_ADDR_TEXT];

	printf("device   %s, address %s in tunnel %s\ngateway  %s at %s\n", e->id,
		uri_print_address(e, address), e->tunnel, e->gateway_id, e->endpoint);
}

static int show(const struct cli *cli, const struct enrolment *e, const char *uri)
{
	int status = CLI_OK;

	if (!cli->json && !cli->quiet)
		print_device(e);
	if (cli->svg)
		status = write_svg(cli, uri);
	if (status || !(cli->reveal || isatty(STDOUT_FILENO)))
		return status;
	if (cli->json)
		return print_json(e, uri);
	if (cli->qr)
		status = print_qr(cli, uri);
	if (!status)
		print_codes(e, uri, cli->qr);
	return status;
}

/* Before anything is asked: where shall it go? */
static int need_place(const struct cli *cli)
{
	if (cli->reveal || cli->svg || isatty(STDOUT_FILENO))
		return CLI_OK;
	return cli_fail(CLI_USAGE, "--reveal prints it all the same, --svg FILE draws it",
		"standard output is no terminal, and what is enrolled is a secret");
}

static int enrol_one(const struct cli *cli)
{
	struct gateway *gateway = NULL;
	struct enrolment e = {0};
	char uri[URI_MAX] = "";
	int status = need_place(cli);

	if (!status)
		status = gateway_open(cli, &gateway);
	if (!status)
		status = gateway_enrol(gateway, cli->argv[0], &e);
	if (!status && uri_print(&e, uri))
		status = cli_fail(CLI_FAILED, "", "no code can hold this");
	if (!status)
		status = show(cli, &e, uri);
	gateway_close(gateway);
	secret_wipe(uri, sizeof uri);
	secret_wipe(&e, sizeof e);
	return status;
}

int verb_enroll(const struct cli *cli)
{
	if (cli->csv || cli->labels) {
		if (cli->argc || !cli->csv || !cli->labels)
			return cli_fail(CLI_USAGE,
				"dietvpn enroll --csv devices.csv --labels labels.svg",
				"many devices need --csv and --labels, and no name");
		return labels_enrol(cli);
	}
	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "dietvpn enroll sensor-07 --qr", "name one device");
	return enrol_one(cli);
}
