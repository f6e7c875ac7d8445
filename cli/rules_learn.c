/* SPDX-License-Identifier: Apache-2.0 */
/* rules learn: a rule set for what a recording shows, tried on what it was not learned of. */
#include "cli/rules.h"

#include "cli/json.h"
#include "cli/learn.h"
#include "cli/pcap.h"
#include "cli/print.h"
#include "cli/rules_entry.h"
#include "cli/rules_json.h"
#include "cli/rules_subject.h"
#include "cli/rules_trial.h"
#include "base/buf.h"
#include "ip/addr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOWS_SHOWN = 24, WORDS = 256 };

struct work {
	const struct cli *cli;
	struct subject subject; /* ends only */
	struct learn *learn;
	struct learn_rules rules;
	struct buf *pkt;
	struct trial *trial, *versus;
	struct subject other; /* --versus */
	unsigned long long held, before, after, versus_after, taken, lost, regenerated;
};

typedef int each_packet(struct work *work, const struct ip_packet *ip);

/* The whole recording once; packets that are not IP are not looked at. */
static int read_all(struct work *work, each_packet *each)
{
	struct pcap *pcap = malloc(sizeof *pcap);
	int err = pcap ? pcap_open(pcap, work->cli->argv[0]) : -ENOMEM;
	const uint8_t *data;
	long len = 0;

	if (!err) {
		while (!err && (len = pcap_next(pcap, &data)) > 0) {
			struct ip_packet ip;

			if (buf_set(work->pkt, data, (size_t)len) == 0 &&
				ip_packet_parse(&ip, work->pkt) == DROP_NONE)
				err = each(work, &ip);
		}
		pcap_close(pcap);
	}
	free(pcap);
	return err ? err : (int)len;
}

static int count_packet(struct work *work, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(work->learn, ip, true);

	learn_vote(work->learn, ip);
	work->learn->packets++;
	if (flow)
		flow->packets++;
	else
		work->learn->other++;
	return 0;
}

/*
 * The first half of each flow is learned of, the second held back. Taking every other packet would
 * show each value that changes slowly to both halves, and overfitting would go unseen.
 */
static bool is_held(struct learn_flow *flow)
{
	return flow->trained >= (flow->packets + 1) / 2;
}

static int train_packet(struct work *work, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(work->learn, ip, false);

	if (!flow || is_held(flow))
		return 0;
	flow->trained++;
	return learn_gather(work->learn, flow, ip);
}

static void count_result(
	struct work *work, struct learn_flow *flow, const struct trial_result *result)
{
	flow->held++;
	flow->before += result->before;
	flow->after += result->after;
	work->held++;
	work->before += result->before;
	work->after += result->after;
	work->taken += result->rule >= 0;
	work->lost += result->verdict == TRIAL_LOST;
	work->regenerated += result->verdict == TRIAL_ALLOWED;
}

static int try_packet(struct work *work, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(work->learn, ip, false);
	struct trial_result result;

	if (!flow)
		return 0;
	if (!is_held(flow)) {
		flow->trained++;
		return 0;
	}
	result = trial_run(work->trial, ip->data, ip->len);
	count_result(work, flow, &result);
	if (work->versus) {
		result = trial_run(work->versus, ip->data, ip->len);
		work->versus_after += result.after;
	}
	return 0;
}

static void rewind_flows(struct learn *learn)
{
	for (size_t i = 0; i < learn->n_flows; i++)
		learn->flow[i].trained = 0;
}

static const struct ip_addr *only(const struct ts *ts, uint8_t n)
{
	return n == 1 && ip_addr_equal(&ts->addr_start, &ts->addr_end) ? &ts->addr_start : NULL;
}

/* The two ends where they are single IPv6 addresses. */
static void take_ends(struct work *work)
{
	const struct trial_ends *ends = &work->subject.ends;
	const struct trial_sides *sides = ends->sides;
	const struct ip_addr *dev = sides ? only(sides->dev, sides->n_dev) : ends->dev;
	const struct ip_addr *app = sides ? only(sides->app, sides->n_app) : ends->app;

	work->learn->known_dev = dev != NULL;
	work->learn->known_app = app != NULL;
	if (dev)
		work->learn->dev = *dev;
	if (app)
		work->learn->app = *app;
}

static struct diet_attrs profile_of(const struct schc_rule_set *set)
{
	struct diet_attrs attrs = diet_attrs_plain();

	diet_attrs_preset("link", &attrs);
	attrs.rules = set;
	return attrs;
}

static json_t *file_json(const struct schc_rule_set *set)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < set->n; i++)
		if (json_array_append_new(list, rules_rule_json(&set->rule[i]))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:i,s:{s:{s:i,s:i,s:i,s:s,s:b,s:s}},s:{s:o}}", "version", 1, "profiles",
		"learned", "alignment", 8, "esp_spi_lsb", 8, "esp_sn_lsb", 8, "esp_trailer",
		"optional", "rule_id", true, "hop_limit_cda", "not_compressed", "ietf-schc:schc",
		"rule", list);
}

/* Compiled once, so that nothing is written that the daemon would refuse. */
static int write_rules(const struct work *work)
{
	json_t *json = file_json(&work->rules.set);
	struct tree_error error = {.text = "out of memory"};
	struct tree_writer w;
	struct rules rules;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int status = CLI_FAILED;

	tree_writer_init(&w);
	if (!json || !out || !rules_json_compile(json, false, &w, &error) || w.error ||
		rules_parse((struct slice){w.data, w.len}, &rules, &error)) {
		cli_fail(CLI_FAILED, "this is a fault of dietvpn: please tell it", "%s: %s",
			error.at, error.text);
	} else {
		rules_close(&rules);
		rules_json_print(json, out);
		fflush(out);
		status = rules_write_file(work->cli->output, text, len);
	}
	tree_writer_fini(&w);
	if (out)
		fclose(out);
	free(text);
	json_decref(json);
	return status;
}

static const char *flow_name(const struct learn_flow *flow, char *out, size_t cap)
{
	const char *proto = ip_proto_name(flow->proto);
	char port[16] = "";
	char number[16];

	snprintf(number, sizeof number, "proto %u", (unsigned)flow->proto);
	if (flow->port)
		snprintf(port, sizeof port, " %u", (unsigned)flow->port);
	snprintf(out, cap, "ipv%u %s%s%s", (unsigned)flow->version, proto ? proto : number, port,
		flow->coap ? " coap" : "");
	return out;
}

static unsigned rules_of(const struct learn_rules *rules, uint32_t flow)
{
	unsigned n = 0;

	for (unsigned i = 0; i + 1 < rules->set.n; i++)
		n += rules->flow[i] == flow;
	return n;
}

static void print_row(struct table *table, const char *name, unsigned rules,
	unsigned long long packets, const unsigned long long sizes[2])
{
	char text[5][24];
	double n = packets ? (double)packets : 1;

	snprintf(text[0], sizeof text[0], "%u", rules);
	snprintf(text[1], sizeof text[1], "%llu", packets);
	snprintf(text[2], sizeof text[2], "%.1f", (double)sizes[0] / n);
	snprintf(text[3], sizeof text[3], "%.1f", (double)sizes[1] / n);
	snprintf(text[4], sizeof text[4], "%.1f", ((double)sizes[0] - (double)sizes[1]) / n);
	table_row(table, name, text[0], text[1], text[2], text[3], text[4]);
}

/* Among the FLOWS_SHOWN with most packets. */
static bool is_large(const struct learn *learn, const struct learn_flow *flow)
{
	size_t larger = 0;

	for (size_t i = 0; i < learn->n_flows; i++)
		larger += learn->flow[i].packets > flow->packets;
	return larger < FLOWS_SHOWN;
}

static void print_flows(const struct work *work)
{
	const unsigned long long all[2] = {work->before, work->after};
	struct table table;
	char name[40];
	size_t small = 0;

	table_init(&table, 6);
	table_row(&table, "FLOW", "RULES", "HELD BACK", "BEFORE", "AFTER", "SAVED/PACKET");
	for (size_t i = 0; i < work->learn->n_flows; i++) {
		const struct learn_flow *flow = &work->learn->flow[i];
		const unsigned long long sizes[2] = {flow->before, flow->after};
		bool shown = flow->held && is_large(work->learn, flow);

		if (shown)
			print_row(&table, flow_name(flow, name, sizeof name),
				rules_of(&work->rules, (uint32_t)i), flow->held, sizes);
		small += !shown;
	}
	print_row(&table, "all", work->rules.set.n - 1, work->held, all);
	table_print(&table, work->cli->colour);
	if (small)
		printf("%zu smaller flows are not listed\n", small);
}

static double saved(const struct work *work, unsigned long long after)
{
	return work->held ? ((double)work->before - (double)after) / (double)work->held : 0;
}

static void print_hows(const struct learn_rules *rules)
{
	char text[WORDS];
	int used = snprintf(text, sizeof text,
		"%u rules, %u of them to escape to, and that of no compression; fields:",
		rules->set.n - 1, rules_of(rules, LEARN_FLOWS));
	const char *gap = "";

	for (unsigned how = 0; how < LEARN_HOWS && used > 0 && (size_t)used < sizeof text; how++)
		if (rules->hows[how]) {
			used += snprintf(text + used, sizeof text - (size_t)used, "%s %u %s", gap,
				rules->hows[how], learn_how_name((enum learn_how)how));
			gap = ",";
		}
	print_words(text);
}

static void print_result(const struct work *work)
{
	const struct learn_rules *rules = &work->rules;

	printf("%llu packets of %zu flows: rules of the first half of each, tried on the second\n",
		work->learn->packets - work->learn->other, work->learn->n_flows);
	print_flows(work);
	print_hows(rules);
	if (work->regenerated)
		printf("%llu packets with another flow label or Identification: \"generated\"\n",
			work->regenerated);
	printf("%s comes back unchanged\n", work->regenerated ? "all else" : "every packet");
	if (work->versus)
		printf("versus %s: it saves %.1f octets per packet, the learned rules %.1f\n",
			work->cli->versus, saved(work, work->versus_after),
			saved(work, work->after));
	if (work->learn->other)
		printf("%llu packets not looked at: fragments, extension headers, too many flows\n",
			work->learn->other);
}

static json_t *flows_json(const struct work *work)
{
	json_t *list = json_array();
	char name[40];

	for (size_t i = 0; i < work->learn->n_flows; i++) {
		const struct learn_flow *flow = &work->learn->flow[i];

		json_array_append_new(
			list, json_pack("{s:s,s:I,s:I,s:I,s:I,s:i}", "flow",
				      flow_name(flow, name, sizeof name), "packets",
				      (json_int_t)flow->packets, "held_back",
				      (json_int_t)flow->held, "before", (json_int_t)flow->before,
				      "after", (json_int_t)flow->after, "rules",
				      (int)rules_of(&work->rules, (uint32_t)i)));
	}
	return list;
}

static json_t *result_json(const struct work *work)
{
	json_t *out = json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:i}", "flows", flows_json(work),
		"held_back", (json_int_t)work->held, "under_a_rule", (json_int_t)work->taken,
		"before", (json_int_t)work->before, "after", (json_int_t)work->after, "lost",
		(json_int_t)work->lost, "regenerated", (json_int_t)work->regenerated, "rules",
		(int)work->rules.set.n);

	if (work->versus)
		json_object_set_new(
			out, "versus_after", json_integer((json_int_t)work->versus_after));
	return out;
}

static int read_failed(const struct work *work, int err)
{
	return cli_fail(CLI_FAILED, "", "%s: %s", work->cli->argv[0],
		err == -EPROTO ? "no whole recording in pcap or pcapng" : strerror(-err));
}

static int learn_all(struct work *work)
{
	int err = read_all(work, count_packet);

	if (!err)
		err = read_all(work, train_packet);
	if (err)
		return read_failed(work, err);
	err = learn_rules_make(work->learn, &work->rules);
	if (err == -ENOENT)
		return cli_fail(CLI_FAILED, "", "%s: not %d packets of one kind in the first half",
			work->cli->argv[0], (int)LEARN_SUPPORT);
	return err ? read_failed(work, err) : CLI_OK;
}

static int open_versus(struct work *work, const char **why)
{
	struct cli cli = *work->cli;
	char *name = (char *)(uintptr_t)cli.versus;
	int status;

	cli.argc = 1;
	cli.argv = &name;
	cli.peer = NULL;
	status = subject_open(&cli, &work->other);
	if (status)
		return status;
	work->versus = trial_open(&work->other.attrs, &work->subject.ends, why);
	return work->versus ? CLI_OK : cli_fail(CLI_CONFIG, "", "%s: %s", name, *why);
}

static int try_all(struct work *work)
{
	struct diet_attrs attrs = profile_of(&work->rules.set);
	const char *why = "";
	int status = CLI_OK;
	int err;

	work->trial = trial_open(&attrs, &work->subject.ends, &why);
	if (!work->trial)
		return cli_fail(CLI_FAILED, "", "the rules that were learned: %s", why);
	if (work->cli->versus)
		status = open_versus(work, &why);
	if (status)
		return status;
	rewind_flows(work->learn);
	err = read_all(work, try_packet);
	if (err)
		return read_failed(work, err);
	return work->lost ? cli_fail(CLI_NO, "this is a fault of dietvpn: please tell it",
				    "%llu of %llu packets do not come back unchanged", work->lost,
				    work->held)
			  : CLI_OK;
}

static int report(const struct work *work)
{
	json_t *json;

	/* Rules for standard output leave no room for words there. */
	if (!work->cli->output && !work->cli->json)
		return write_rules(work);
	if (work->cli->json) {
		json = result_json(work);
		json_print(json);
		json_decref(json);
	} else if (!work->cli->quiet) {
		print_result(work);
	}
	return work->cli->output ? write_rules(work) : CLI_OK;
}

static int run(struct work *work)
{
	int status = subject_open_ends(work->cli, &work->subject);

	if (status)
		return status;
	take_ends(work);
	status = learn_all(work);
	if (!status)
		status = try_all(work);
	if (!status)
		status = report(work);
	trial_close(work->trial);
	trial_close(work->versus);
	subject_close(&work->other);
	subject_close(&work->subject);
	learn_rules_free(&work->rules);
	learn_fini(work->learn);
	return status;
}

int rules_learn(const struct cli *cli)
{
	struct work *work = calloc(1, sizeof *work);
	int status;

	if (cli->argc != 1) {
		free(work);
		return cli_fail(CLI_USAGE, "dietvpn rules learn cap.pcapng -o FILE.json",
			"rules learn takes one recording");
	}
	if (work) {
		work->cli = cli;
		work->learn = calloc(1, sizeof *work->learn);
		work->pkt = buf_alloc(BUF_MAX);
	}
	status = work && work->learn && work->pkt ? run(work)
						  : cli_fail(CLI_FAILED, "", "out of memory");
	if (work) {
		free(work->learn);
		buf_free(work->pkt);
	}
	free(work);
	return status;
}
