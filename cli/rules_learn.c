/* SPDX-License-Identifier: Apache-2.0 */
/* rules learn: a rule set for what a recording shows, tried on what it was not learned of. */
#include "cli/rules.h"

#include "cli/json.h"
#include "cli/learn_print.h"
#include "cli/pcap.h"
#include "cli/rules_entry.h"
#include "cli/rules_json.h"
#include "base/buf.h"
#include "ip/addr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int each_packet(struct learn_work *work, const struct ip_packet *ip);

/* The whole recording once; packets that are not IP are not looked at. */
static int read_all(struct learn_work *work, each_packet *each)
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

static int count_packet(struct learn_work *work, const struct ip_packet *ip)
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

static int train_packet(struct learn_work *work, const struct ip_packet *ip)
{
	struct learn_flow *flow = learn_flow_of(work->learn, ip, false);

	if (!flow || is_held(flow))
		return 0;
	flow->trained++;
	return learn_gather(work->learn, flow, ip);
}

static void count_result(
	struct learn_work *work, struct learn_flow *flow, const struct trial_result *result)
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

static int try_packet(struct learn_work *work, const struct ip_packet *ip)
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
static void take_ends(struct learn_work *work)
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
static int write_rules(const struct learn_work *work)
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

static int read_failed(const struct learn_work *work, int err)
{
	return cli_fail(CLI_FAILED, "", "%s: %s", work->cli->argv[0],
		err == -EPROTO ? "no whole recording in pcap or pcapng" : strerror(-err));
}

static int learn_all(struct learn_work *work)
{
	int err = read_all(work, count_packet);

	if (!err)
		err = read_all(work, train_packet);
	if (err)
		return read_failed(work, err);
	err = learn_rules_make(work->learn, &work->rules);
	if (err == -ENOENT)
		return cli_fail(CLI_FAILED,
			"a longer recording: tcpdump -w FILE, of the inner packets",
			"%s: not %d packets of one kind in the first half", work->cli->argv[0],
			(int)LEARN_SUPPORT);
	return err ? read_failed(work, err) : CLI_OK;
}

static int open_versus(struct learn_work *work, const char **why)
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

static int try_all(struct learn_work *work)
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

static int report(const struct learn_work *work)
{
	json_t *json;

	/* Rules for standard output leave no room for words there. */
	if (!work->cli->output && !work->cli->json)
		return write_rules(work);
	if (work->cli->json) {
		json = learn_result_json(work);
		json_print(json);
		json_decref(json);
	} else if (!work->cli->quiet) {
		learn_print(work);
	}
	return work->cli->output ? write_rules(work) : CLI_OK;
}

static int run(struct learn_work *work)
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
	struct learn_work *work = calloc(1, sizeof *work);
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
