/* SPDX-License-Identifier: Apache-2.0 */
/* The saving of learned rules: per flow, in all, and against other rules. */
#include "cli/learn_print.h"

#include "cli/print.h"

#include <stdio.h>

enum { FLOWS_SHOWN = 24, WORDS = 256 };

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

static void print_flows(const struct learn_work *work)
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

static double saved(const struct learn_work *work, unsigned long long after)
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

void learn_print(const struct learn_work *work)
{
	const struct learn_rules *rules = &work->rules;

	printf("%llu packets of %zu flow%s: rules of the first half of each, tried on the second\n",
		work->learn->packets - work->learn->other, work->learn->n_flows,
		work->learn->n_flows == 1 ? "" : "s");
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

static json_t *flows_json(const struct learn_work *work)
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

json_t *learn_result_json(const struct learn_work *work)
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
