/* SPDX-License-Identifier: Apache-2.0 */
/* rules check: is a rule file what the daemon loads, and does it give packets back unchanged? */
#include "cli/rules.h"

#include "cli/json.h"
#include "cli/pcap.h"
#include "cli/print.h"
#include "cli/rules_subject.h"
#include "cli/rules_trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the packets of one rule came to; the last one of a list: those that no rule took. */
struct share {
	unsigned long long packets, before, after;
};

struct against {
	struct share share[SCHC_SET_RULES + 1];
	unsigned n; /* rules; share[n]: no rule */
	unsigned long long packets, lost, regenerated, not_ip;
	unsigned long long first_lost; /* number in the recording, from 1 */
};

static void print_summary(const char *path, const struct rules *rules)
{
	size_t profiles = tree_count(rules->file.profiles);

	printf("%s: %zu octets, digest %.*s\n", path, rules->octets, RULES_DIGEST_SHOWN,
		rules->digest);
	printf("  %zu profile%s:", profiles, profiles == 1 ? "" : "s");
	for (size_t i = 0; i < profiles; i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		tree_node key;
		tree_node value;

		tree_pair(rules->file.profiles, i, &key, &value);
		if (tree_text_copy(key, name, sizeof name))
			printf(" %s", name);
	}
	putchar('\n');
	if (!rules->set.set.n)
		return;
	printf("  %u rule%s, ", rules->set.set.n, rules->set.set.n == 1 ? "" : "s");
	if (rules->set.version)
		printf("version %u, ", (unsigned)rules->set.version);
	printf("digest %.*s\n", RULES_DIGEST_SHOWN, rules->set_digest);
}

static json_t *summary(const struct rules *rules)
{
	json_t *names = json_array();
	json_t *out;

	for (size_t i = 0; i < tree_count(rules->file.profiles); i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		tree_node key;
		tree_node value;

		tree_pair(rules->file.profiles, i, &key, &value);
		if (tree_text_copy(key, name, sizeof name))
			json_array_append_new(names, json_string(name));
	}
	out = json_pack("{s:I,s:s,s:o,s:i}", "octets", (json_int_t)rules->octets, "digest",
		rules->digest, "profiles", names, "rules", (int)rules->set.set.n);
	rules_put_set(rules, out);
	return out;
}

static void count(struct against *sum, const struct trial_result *result, unsigned long long i)
{
	bool own = sum->n == 1 || result->rule >= 0;
	struct share *share = &sum->share[sum->n];

	if (result->verdict == TRIAL_NOT_IP) {
		sum->not_ip++;
		return;
	}
	if (result->verdict != TRIAL_UNFIT && own)
		share = &sum->share[result->rule < 0 ? 0 : result->rule];
	sum->packets++;
	share->packets++;
	share->before += result->before;
	share->after += result->after;
	sum->regenerated += result->verdict == TRIAL_ALLOWED;
	if (result->verdict == TRIAL_LOST && sum->lost++ == 0)
		sum->first_lost = i;
}

static int run_all(struct pcap *pcap, struct trial *trial, struct against *sum)
{
	const uint8_t *packet;
	long len;

	for (unsigned long long i = 1; (len = pcap_next(pcap, &packet)) > 0; i++) {
		struct trial_result result = trial_run(trial, packet, (size_t)len);

		count(sum, &result, i);
	}
	return (int)len;
}

static int replay(const struct cli *cli, struct subject *subject, struct against *sum)
{
	const char *why = "";
	struct pcap *pcap = malloc(sizeof *pcap);
	struct trial *trial = pcap ? trial_open(&subject->attrs, &subject->ends, &why) : NULL;
	int status = trial ? CLI_OK : cli_fail(CLI_CONFIG, "", "%s: %s", subject->what, why);
	int err = trial ? pcap_open(pcap, cli->against) : 0;

	sum->n = subject->attrs.rules ? subject->attrs.rules->n : 1;
	if (trial && !err) {
		err = run_all(pcap, trial, sum);
		pcap_close(pcap);
	}
	if (err)
		status = cli_fail(CLI_FAILED, "", "%s: %s", cli->against,
			err == -EPROTO ? "no whole recording in pcap or pcapng" : strerror(-err));
	trial_close(trial);
	free(pcap);
	return status;
}

static void row(struct table *table, const char *name, const struct share *share)
{
	char text[4][24];

	snprintf(text[0], sizeof text[0], "%llu", share->packets);
	snprintf(text[1], sizeof text[1], "%llu", share->before);
	snprintf(text[2], sizeof text[2], "%llu", share->after);
	snprintf(text[3], sizeof text[3], "%.1f",
		share->packets
			? ((double)share->before - (double)share->after) / (double)share->packets
			: 0.0);
	table_row(table, name, text[0], text[1], text[2], text[3]);
}

static const char *rule_name(const struct rules *rules, unsigned i, char *out, size_t cap)
{
	if (!rules->set.set.n)
		return "derived";
	snprintf(out, cap, "%u/%u", (unsigned)rules->set.rules[i].id,
		(unsigned)rules->set.rules[i].id_bits);
	return out;
}

static void print_against(
	const struct cli *cli, const struct rules *rules, const struct against *sum)
{
	struct share all = {0};
	struct table table;
	char name[24];

	table_init(&table, 5);
	table_row(&table, "RULE", "PACKETS", "BEFORE", "AFTER", "SAVED/PACKET");
	for (unsigned i = 0; i <= sum->n; i++) {
		const struct share *share = &sum->share[i];

		all.packets += share->packets;
		all.before += share->before;
		all.after += share->after;
		if (i < sum->n && (sum->n == 1 || share->packets))
			row(&table, rule_name(rules, i, name, sizeof name), share);
	}
	if (sum->share[sum->n].packets)
		row(&table, "none", &sum->share[sum->n]);
	row(&table, "all", &all);
	table_print(&table, cli->colour);
	if (sum->regenerated)
		printf("%llu packets with another flow label or Identification: \"generated\"\n",
			sum->regenerated);
	if (sum->not_ip)
		printf("%llu frames without a whole IP packet\n", sum->not_ip);
	if (!sum->lost)
		puts(sum->regenerated ? "all else comes back unchanged"
				      : "every packet comes back unchanged");
}

static json_t *against_json(const struct rules *rules, const struct against *sum)
{
	json_t *list = json_array();
	char name[24];

	for (unsigned i = 0; i <= sum->n; i++) {
		const struct share *share = &sum->share[i];

		json_array_append_new(list,
			json_pack("{s:s,s:I,s:I,s:I}", "rule",
				i < sum->n ? rule_name(rules, i, name, sizeof name) : "none",
				"packets", (json_int_t)share->packets, "before",
				(json_int_t)share->before, "after", (json_int_t)share->after));
	}
	return json_pack("{s:o,s:I,s:I,s:I,s:I}", "rules", list, "packets",
		(json_int_t)sum->packets, "lost", (json_int_t)sum->lost, "regenerated",
		(json_int_t)sum->regenerated, "not_ip", (json_int_t)sum->not_ip);
}

/* sum: NULL without a recording. */
static void print_result(
	const struct cli *cli, const struct rules *rules, const struct against *sum)
{
	if (cli->json) {
		json_t *result = summary(rules);

		if (sum)
			json_object_set_new(result, "against", against_json(rules, sum));
		json_print(result);
		json_decref(result);
		return;
	}
	if (cli->quiet)
		return;
	print_summary(cli->argv[0], rules);
	if (sum)
		print_against(cli, rules, sum);
}

/* The file alone needs no profile chosen. */
static int check_file(const struct cli *cli)
{
	struct rules rules;
	int status = rules_open(cli->argv[0], &rules);

	if (status)
		return status;
	print_result(cli, &rules, NULL);
	rules_close(&rules);
	return CLI_OK;
}

static int check_against(const struct cli *cli)
{
	struct against sum = {0};
	struct subject subject;
	int status = subject_open(cli, &subject);

	if (status)
		return status;
	status = replay(cli, &subject, &sum);
	if (!status)
		print_result(cli, &subject.rules, &sum);
	subject_close(&subject);
	if (!status && sum.lost)
		status = cli_fail(CLI_NO, "this is a fault of dietvpn: please tell it",
			"%llu of %llu packets do not come back unchanged, the first is %llu",
			sum.lost, sum.packets, sum.first_lost);
	return status;
}

int rules_check(const struct cli *cli)
{
	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "dietvpn rules check x.cbor [--against cap.pcapng]",
			"rules check takes one file");
	return cli->against ? check_against(cli) : check_file(cli);
}
