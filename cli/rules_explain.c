/* SPDX-License-Identifier: Apache-2.0 */
/* rules explain: a packet's octets before and after, and why; or why no rule takes it. */
#include "cli/rules.h"

#include "cli/pcap.h"
#include "cli/rules_table.h"
#include "cli/scene.h"
#include "base/buf.h"
#include "ip/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NO_OCTET = 256 };

/* A packet that travels whole is drawn as that. */
static int draw(struct scene *scene, const struct account_input *in)
{
	struct account_input whole = *in;
	struct account *account = malloc(sizeof *account);
	int status;

	if (!account)
		return cli_fail(CLI_FAILED, "", "out of memory");
	if (!scene->taken)
		whole.explain = NULL;
	account_make(&whole, account);
	status = scene_write_svg(scene, account);
	free(account);
	return status;
}

static int tell(struct scene *scene)
{
	struct account_input in = {.context = &scene->context,
		.suite = scene->subject->suite,
		.ip = &scene->ip,
		.rule = scene->rule,
		.explain = scene->rule ? &scene->told : NULL,
		.end = &scene->end};
	int status = scene->taken ? CLI_OK : CLI_NO;

	if (scene->taken)
		account_make(&in, &scene->account);
	else if (scene->rule)
		account_failed(&in, &scene->account);
	scene_print(scene);
	if (scene->cli->svg && draw(scene, &in))
		status = CLI_FAILED;
	if (scene->cli->output && scene_write_repaired(scene))
		status = CLI_FAILED;
	return status;
}

static int explain_buf(const struct cli *cli, const struct subject *subject, struct buf *pkt)
{
	struct scene *scene = calloc(1, sizeof *scene);
	int status;

	if (!scene)
		return cli_fail(CLI_FAILED, "", "out of memory");
	scene->cli = cli;
	scene->subject = subject;
	if (ip_packet_parse(&scene->ip, pkt))
		status = cli_fail(CLI_FAILED, "", "this is no whole IP packet");
	else
		status = scene_open(scene);
	if (!status)
		status = tell(scene);
	scene_close(scene);
	free(scene);
	return status;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* -1: not two digits. */
static int read_octet(const char *text)
{
	int high = digit(text[0]);
	int low = high < 0 ? -1 : digit(text[1]);

	return low < 0 ? -1 : high * 16 + low;
}

/* Pairs of digits, spaces and colons between them. */
static int read_hex(const char *text, struct buf *pkt)
{
	uint8_t *data = malloc(strlen(text) / 2 + 1);
	size_t len = 0;
	int err = data ? 0 : -ENOMEM;

	while (!err && *text) {
		int octet = strchr(" :\t\n", *text) ? NO_OCTET : read_octet(text);

		if (octet < 0)
			err = -EINVAL;
		else if (octet != NO_OCTET)
			data[len++] = (uint8_t)octet;
		text += octet == NO_OCTET ? 1 : 2;
	}
	if (!err)
		err = buf_set(pkt, data, len);
	free(data);
	return err ? cli_fail(CLI_USAGE, "", "--hex: pairs of hexadecimal digits are expected")
		   : CLI_OK;
}

/* Packet --packet N of the recording, counted as IP packets from 1. */
static int read_recording(const struct cli *cli, struct buf *pkt)
{
	struct pcap *pcap = malloc(sizeof *pcap);
	int err = pcap ? pcap_open(pcap, cli->against) : -ENOMEM;
	const uint8_t *data;
	long wanted = cli->packet ? cli->packet : 1;
	long len = 0;

	if (!err) {
		for (long i = 0; i < wanted && (len = pcap_next(pcap, &data)) > 0; i++)
			if (i + 1 == wanted)
				err = buf_set(pkt, data, (size_t)len);
		pcap_close(pcap);
	}
	free(pcap);
	if (err || len < 0)
		return cli_fail(CLI_FAILED, "", "%s: %s", cli->against,
			err && err != -EPROTO ? strerror(-err) : "no recording in pcap or pcapng");
	return len ? CLI_OK
		   : cli_fail(CLI_FAILED, "", "%s: it has no IP packet %ld", cli->against, wanted);
}

static int explain_packet(const struct cli *cli, const struct subject *subject)
{
	struct buf *pkt = buf_alloc(BUF_MAX);
	int status;

	if (!pkt)
		return cli_fail(CLI_FAILED, "", "out of memory");
	status = cli->hex ? read_hex(cli->hex, pkt) : read_recording(cli, pkt);
	if (!status)
		status = explain_buf(cli, subject, pkt);
	buf_free(pkt);
	return status;
}

static int explain_rules(const struct cli *cli, const struct subject *subject)
{
	const struct schc_rule_set *set = subject->attrs.rules;

	if (!set)
		return cli_fail(CLI_CONFIG,
			"--pcap FILE or --hex HEX gives a packet that profiles say something about",
			"%s: has profiles only", subject->what);
	if (cli->json)
		return cli_fail(CLI_USAGE, "dietvpn rules dump prints the rules as JSON",
			"--json is for what becomes of a packet: --pcap FILE or --hex HEX");
	for (unsigned i = 0; i < set->n; i++)
		rules_table(&set->rule[i], cli->colour);
	return CLI_OK;
}

int rules_explain(const struct cli *cli)
{
	struct subject subject;
	int status;

	if (cli->argc != (cli->peer ? 0 : 1))
		return cli_fail(CLI_USAGE, "dietvpn rules explain x.cbor [--pcap cap.pcapng]",
			"rules explain takes one file, or --peer");
	status = subject_open(cli, &subject);
	if (status)
		return status;
	status = cli->against || cli->hex ? explain_packet(cli, &subject)
					  : explain_rules(cli, &subject);
	subject_close(&subject);
	return status;
}
