/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any packet explained under a rule set or a profile: an account that adds up to what the packet
 * path sends, or a refusal; every repair proposed carries the packet, which widen() has tried.
 */
#include "cli/scene.h"

#include "base/buf.h"
#include "crypto/aead.h"
#include "fuzz/must.h"
#include "reference/rules.h"

#include <stdlib.h>
#include <string.h>

enum { RULES = 3, ROOM = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The command's own; here nobody reads it. */
int cli_fail(int status, const char *hint, const char *fmt, ...)
{
	(void)hint;
	(void)fmt;
	return status;
}

#define IPV6(proto) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_BY(SCHC_IPV6_TC, RULE_BI, SCHC_CDA_LOWER), \
		RULE_IS(SCHC_IPV6_FL, RULE_BI, "000000"), \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, proto), \
		RULE_BY(SCHC_IPV6_HOP_LMT, RULE_BI, SCHC_CDA_LOWER), \
		RULE_OF(SCHC_IPV6_DEVPREFIX, RULE_BI, "20010db800000000,fe80000000000000"), \
		RULE_ANY(SCHC_IPV6_DEVIID, RULE_BI), RULE_ANY(SCHC_IPV6_APPPREFIX, RULE_BI), \
		RULE_MSB(SCHC_IPV6_APPIID, RULE_BI, 60, "0000000000000010")
#define UDP \
	RULE_MSB(SCHC_UDP_DEVPORT, RULE_BI, 12, "1630"), \
		RULE_IS(SCHC_UDP_APPPORT, RULE_BI, "1633"), \
		RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE)

static const struct rule_row coap[] = {IPV6("11"), UDP, RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_OF(SCHC_COAP_TYPE, RULE_BI, "00,01,02"), RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_IS(SCHC_COAP_CODE, RULE_UP, "02"), RULE_OF(SCHC_COAP_CODE, RULE_DW, "44,45,84"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 7, "0000"),
	RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=a,=bc,"),
	RULE_MSB(SCHC_COAP_URI_QUERY, RULE_UP, 16, "=k="), RULE_END};
static const struct rule_row echo[] = {IPV6("3a"), RULE_OF(SCHC_ICMPV6_TYPE, RULE_BI, "80,81"),
	RULE_IS(SCHC_ICMPV6_CODE, RULE_BI, "00"),
	RULE_BY(SCHC_ICMPV6_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_ICMPV6_IDENT, RULE_BI),
	RULE_ANY(SCHC_ICMPV6_SEQNO, RULE_BI), RULE_END};

static void make_rules(struct schc_rule rules[RULES])
{
	memset(rules, 0, RULES * sizeof *rules);
	rule_rows(&rules[0], coap);
	rule_rows(&rules[1], echo);
	rules[2].nature = SCHC_NO_COMPRESSION;
	for (uint8_t i = 0; i < RULES; i++) {
		rules[i].id = i;
		rules[i].id_bits = 2;
	}
}

static bool is_inside(enum account_part part)
{
	return part >= ACCOUNT_RULE_ID && part <= ACCOUNT_DATA;
}

/* Nothing of the packet is missing or told twice, and the sum is what the packet path made. */
static void check_account(const struct scene *scene)
{
	const struct account *account = &scene->account;
	uint32_t before = 0;
	uint32_t after = 0;
	uint32_t inside = 0;

	for (unsigned i = 0; i < account->n; i++) {
		const struct account_row *row = &account->row[i];

		before += row->before;
		after += row->after;
		inside += is_inside(row->part) ? row->after : 0;
		must(row->before_at + row->before <= account->before);
		must(row->after_at + row->after <= account->after);
	}
	must(before == account->before && after == account->after && after % 8 == 0);
	must(inside == scene->result.after * 8);
}

static void draw(const struct account *account)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	must(out != NULL);
	account_print(account, out);
	account_print_map(account, out);
	must(account_svg(account, "<&>", out) == 0);
	fclose(out);
	must(len > 0);
	free(text);
	json_decref(account_json(account));
}

static void explain(struct scene *scene)
{
	struct account_input in = {.context = &scene->context,
		.suite = scene->subject->suite,
		.ip = &scene->ip,
		.end = &scene->end};

	if (scene_open(scene))
		return;
	in.rule = scene->rule;
	in.explain = scene->rule ? &scene->told : NULL;
	if (scene->taken) {
		account_make(&in, &scene->account);
		check_account(scene);
	} else if (scene->rule) {
		account_failed(&in, &scene->account);
	}
	draw(&scene->account);
	if (scene->repaired)
		json_decref(repair_patch(&scene->repair, "a"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct schc_rule rules[RULES];
	struct schc_rule_set set = {rules, RULES};
	struct subject subject = {.what = "fuzz", .suite = aead_suite_at(0)};
	struct scene *scene = calloc(1, sizeof *scene);
	struct buf *pkt = buf_alloc(BUF_MAX);

	must(scene && pkt && diet_attrs_preset("iot", &subject.attrs));
	make_rules(rules);
	if (len && data[0] & 1)
		subject.attrs.rules = &set;
	scene->subject = &subject;
	if (len > 1 && len < ROOM && buf_set(pkt, data + 1, len - 1) == 0 &&
		ip_packet_parse(&scene->ip, pkt) == DROP_NONE)
		explain(scene);
	scene_close(scene);
	buf_free(pkt);
	free(scene);
	return 0;
}
