/* SPDX-License-Identifier: Apache-2.0 */
/* rules explain: the fields of a rule set's rules, and what they do to a packet, bit by bit. */
#include "cli/rules.h"

#include "base/buf.h"
#include "cli/pcap.h"
#include "cli/print.h"
#include "diet/iipc.h"
#include "ip/addr.h"
#include "ip/packet.h"
#include "schc/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_OCTETS = 8, CELL = 40 };

/* The rule and the direction that come nearest to a packet. */
struct nearest {
	unsigned rule;
	enum schc_di di;
	struct schc_explained told;
};

static const char *field_name(const struct schc_field_desc *desc)
{
	const char *name = rules_field_name(desc->fid);

	return name ? name + strlen("fid-") : schc_field(desc->fid)->name;
}

static const char *how(const struct schc_field_desc *desc, char *out, size_t cap)
{
	if (desc->mo == SCHC_MO_MSB)
		snprintf(out, cap, "MSB(%u) %s", (unsigned)desc->msb, schc_cda_name(desc->cda));
	else
		snprintf(out, cap, "%s %s", schc_mo_name(desc->mo), schc_cda_name(desc->cda));
	return out;
}

static const char *length(const struct schc_field_desc *desc, char *out, size_t cap)
{
	if (desc->fl == SCHC_FL_VARIABLE)
		return "var";
	if (desc->fl == SCHC_FL_TKL)
		return "tkl";
	snprintf(out, cap, "%u", (unsigned)desc->fl);
	return out;
}

static void print_rule(const struct cli *cli, const struct schc_rule *rule)
{
	struct table table;

	if (rule->nature == SCHC_NO_COMPRESSION) {
		printf("rule %u/%u: packets that no other rule takes\n", (unsigned)rule->id,
			(unsigned)rule->id_bits);
		return;
	}
	printf("rule %u/%u: up %u, down %u bits of residue and what is variable\n",
		(unsigned)rule->id, (unsigned)rule->id_bits,
		schc_rule_residue_bits(rule, SCHC_DI_BI) + schc_rule_residue_bits(rule, SCHC_DI_UP),
		schc_rule_residue_bits(rule, SCHC_DI_BI) +
			schc_rule_residue_bits(rule, SCHC_DI_DOWN));
	table_init(&table, 5);
	table_row(&table, "FIELD", "BITS", "WAY", "SENT", "HOW");
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		char bits[8];
		char sent[16];
		char text[CELL];

		snprintf(sent, sizeof sent, "%u", schc_field_sent_bits(desc));
		table_row(&table, field_name(desc), length(desc, bits, sizeof bits),
			schc_di_name(desc->di), sent, how(desc, text, sizeof text));
	}
	table_print(&table, cli->colour);
}

/* The field's value in the packet: hexadecimal, right-aligned, cut where it is long. */
static const char *value(
	const uint8_t *packet, const struct schc_explained_field *field, char *out, size_t cap)
{
	size_t used = 0;
	uint32_t first = (8 - field->bits % 8) % 8; /* bits of the first octet that are not there */

	if (!field->present)
		return "absent";
	for (uint32_t i = 0; i < (field->bits + 7) / 8 && used + 4 < cap; i++) {
		uint8_t octet = 0;

		for (uint32_t b = i ? 0 : first; b < 8; b++) {
			uint32_t at = field->at + 8 * i + b - first;

			octet = (uint8_t)(octet | (packet[at / 8] >> (7 - at % 8) & 1) << (7 - b));
		}
		if (i == HEX_OCTETS) {
			used += (size_t)snprintf(out + used, cap - used, "...");
			break;
		}
		used += (size_t)snprintf(out + used, cap - used, "%02x", octet);
	}
	out[used] = '\0';
	return out;
}

static void print_fields(const struct cli *cli, const struct schc_rule *rule,
	const struct nearest *best, const uint8_t *packet)
{
	struct table table;

	table_init(&table, 5);
	table_row(&table, "FIELD", "VALUE", "BEFORE", "AFTER", "WHY");
	for (unsigned i = 0; i < best->told.n && i <= best->told.failed; i++) {
		const struct schc_explained_field *field = &best->told.field[i];
		const struct schc_field_desc *desc = &rule->field[field->desc];
		char before[16];
		char after[16];
		char hex[CELL];
		char text[CELL];

		snprintf(before, sizeof before, "%u", (unsigned)field->bits);
		snprintf(after, sizeof after, "%u", (unsigned)field->sent_bits);
		table_row(&table, field_name(desc), value(packet, field, hex, sizeof hex), before,
			field->matches ? after : "-",
			field->matches ? how(desc, text, sizeof text) : field->why);
	}
	table_print(&table, cli->colour);
}

static void print_packet(const struct cli *cli, const struct schc_rule *rule,
	const struct nearest *best, const struct ip_packet *ip)
{
	const struct schc_explained *told = &best->told;

	printf("rule %u/%u, %s: %s\n", (unsigned)rule->id, (unsigned)rule->id_bits,
		schc_di_name(best->di),
		told->matches ? "matches" : "comes nearest and does not match");
	print_fields(cli, rule, best, ip->data);
	if (!told->matches)
		printf("%s\n", told->text);
	else
		printf("%u octets of header become %u bits with the RuleID, %u octets\n",
			(unsigned)told->header_bits / 8, (unsigned)told->residue_bits,
			(unsigned)(told->residue_bits + 7) / 8);
}

/* A match that leaves least; without one, the rule whose first failure is furthest behind. */
static bool is_better(const struct schc_explained *a, const struct schc_explained *b)
{
	if (a->matches != b->matches)
		return a->matches;
	if (a->matches)
		return a->header_bits - a->residue_bits > b->header_bits - b->residue_bits;
	return a->failed > b->failed;
}

static bool find_nearest(const struct rules *rules, const struct schc_end *known,
	const struct ip_packet *ip, struct nearest *best)
{
	struct nearest *one = malloc(sizeof *one);
	bool found = false;

	for (unsigned i = 0; one && i < rules->set.set.n; i++)
		for (unsigned way = 0; way < 2; way++) {
			struct schc_end end = *known;

			end.di = way ? SCHC_DI_DOWN : SCHC_DI_UP;
			if (rules->set.rules[i].nature != SCHC_COMPRESSION)
				continue;
			*one = (struct nearest){.rule = i, .di = end.di};
			schc_explain(&rules->set.rules[i], &end, iipc_restorable(ip), ip->data,
				ip->len, &one->told);
			if (!found || is_better(&one->told, &best->told))
				*best = *one;
			found = true;
		}
	free(one);
	return found;
}

static bool read_end(const char *text, bool *has, uint8_t *iid)
{
	struct ip_addr addr;

	if (!text)
		return true;
	if (ip_addr_parse(text, &addr) || addr.family != 6)
		return false;
	*has = true;
	memcpy(iid, addr.bytes + 8, SCHC_IID_LEN);
	return true;
}

/* One packet; -EAGAIN: it is not IP. */
static int explain_ip(const struct cli *cli, const struct rules *rules, struct buf *pkt,
	const struct schc_end *end)
{
	struct nearest *best;
	struct ip_packet ip;
	int status = CLI_FAILED;

	if (ip_packet_parse(&ip, pkt))
		return -EAGAIN;
	best = calloc(1, sizeof *best);
	if (!best)
		return cli_fail(CLI_FAILED, "", "out of memory");
	if (find_nearest(rules, end, &ip, best)) {
		print_packet(cli, &rules->set.rules[best->rule], best, &ip);
		status = best->told.matches ? CLI_OK : CLI_NO;
	} else {
		cli_fail(CLI_FAILED, "", "%s: no rule that compresses", cli->argv[0]);
	}
	free(best);
	return status;
}

static int explain_first(const struct cli *cli, const struct rules *rules, struct pcap *pcap,
	const struct schc_end *end)
{
	struct buf *pkt = buf_alloc(BUF_MAX);
	const uint8_t *data;
	int status = -EAGAIN;
	long len;

	if (!pkt)
		return cli_fail(CLI_FAILED, "", "out of memory");
	while (status == -EAGAIN && (len = pcap_next(pcap, &data)) > 0)
		if (buf_set(pkt, data, (size_t)len) == 0)
			status = explain_ip(cli, rules, pkt, end);
	buf_free(pkt);
	return status == -EAGAIN ? cli_fail(CLI_FAILED, "", "%s: no IP packet", cli->against)
				 : status;
}

static int explain_packet(const struct cli *cli, const struct rules *rules)
{
	struct schc_end end = {0};
	struct pcap *pcap;
	int status;
	int err;

	if (!read_end(cli->dev, &end.has_dev_iid, end.dev_iid) ||
		!read_end(cli->app, &end.has_app_iid, end.app_iid))
		return cli_fail(CLI_USAGE, "", "--dev and --app are IPv6 addresses");
	pcap = malloc(sizeof *pcap);
	err = pcap ? pcap_open(pcap, cli->against) : -ENOMEM;
	if (err) {
		free(pcap);
		return cli_fail(CLI_FAILED, "", "%s: %s", cli->against,
			err == -EPROTO ? "no recording in pcap or pcapng" : strerror(-err));
	}
	status = explain_first(cli, rules, pcap, &end);
	pcap_close(pcap);
	free(pcap);
	return status;
}

int rules_explain(const struct cli *cli)
{
	struct rules rules;
	int status;

	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "dietvpn rules explain x.cbor [--against cap.pcapng]",
			"rules explain takes one file");
	status = rules_open(cli->argv[0], &rules);
	if (status)
		return status;
	if (!rules.set.set.n)
		status = cli_fail(CLI_CONFIG, "rules explain is about rule sets",
			"%s: has profiles only", cli->argv[0]);
	else if (cli->against)
		status = explain_packet(cli, &rules);
	for (unsigned i = 0; !status && !cli->against && i < rules.set.set.n; i++)
		print_rule(cli, &rules.set.rules[i]);
	rules_close(&rules);
	return status;
}
