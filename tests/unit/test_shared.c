/* SPDX-License-Identifier: Apache-2.0 */
/* One compiled set for many SAs: who shares it, who does not, and who frees it. */
#include "diet/shared.h"

#include "diet/context.h"
#include "ip/addr.h"
#include "reference/rules.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define IPV6_TO(devid, appid) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_ANY(SCHC_IPV6_TC, RULE_BI), \
		RULE_ANY(SCHC_IPV6_FL, RULE_BI), \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11"), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI), \
		RULE_ANY(SCHC_IPV6_DEVPREFIX, RULE_BI), devid, \
		RULE_ANY(SCHC_IPV6_APPPREFIX, RULE_BI), appid

static const struct rule_row sent[] = {
	IPV6_TO(RULE_ANY(SCHC_IPV6_DEVIID, RULE_BI), RULE_ANY(SCHC_IPV6_APPIID, RULE_BI)),
	RULE_END};
static const struct rule_row known[] = {IPV6_TO(RULE_BY(SCHC_IPV6_DEVIID, RULE_BI, SCHC_CDA_DEVIID),
						RULE_ANY(SCHC_IPV6_APPIID, RULE_BI)),
	RULE_END};

static struct schc_rule rule;
static const struct schc_rule_set rules = {&rule, 1};

static void load(const struct rule_row *rows)
{
	memset(&rule, 0, sizeof rule);
	rule.id = 1;
	rule.id_bits = 3;
	rule_rows(&rule, rows);
}

static struct schc_end end_of(enum schc_di di, uint8_t dev, uint8_t app)
{
	struct schc_end end = {.di = di, .has_dev_iid = true, .has_app_iid = true};

	end.dev_iid[0] = dev;
	end.app_iid[0] = app;
	return end;
}

Test(shared, ends_that_differ_in_nothing_a_rule_asks_for_have_one_block)
{
	static const struct {
		const struct rule_row *rows;
		enum schc_di di;
		uint8_t dev, app;
		bool same; /* as Up, 1, 2 */
	} cases[] = {
		{sent, SCHC_DI_UP, 1, 2, true},
		{sent, SCHC_DI_UP, 3, 4, true},
		{sent, SCHC_DI_DOWN, 1, 2, false},
		{known, SCHC_DI_UP, 1, 4, true},
		{known, SCHC_DI_UP, 3, 2, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct diet_shared *shared = diet_shared_create();
		struct schc_end first = end_of(SCHC_DI_UP, 1, 2);
		struct schc_end second = end_of(cases[i].di, cases[i].dev, cases[i].app);
		struct diet_block *a;
		struct diet_block *b;

		load(cases[i].rows);
		cr_assert_eq(diet_shared_take(shared, &rules, &first, &a), 0);
		cr_assert_eq(diet_shared_take(shared, &rules, &second, &b), 0);
		cr_assert_eq(a == b, cases[i].same, "case %zu", i);
		cr_assert_eq(a->users, cases[i].same ? 2 : 1);
		diet_shared_release(shared);
		diet_shared_give(a);
		cr_assert_eq(b->users, 1);
		cr_assert_eq(b->set->n, 1);
		diet_shared_give(b);
	}
}

Test(shared, a_block_that_nobody_uses_is_made_anew)
{
	struct diet_shared *shared = diet_shared_create();
	struct schc_end end = {.di = SCHC_DI_UP};
	struct diet_block *block = NULL;

	load(sent);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(diet_shared_take(shared, &rules, &end, &block), 0);
		cr_assert_eq(block->users, 1);
		diet_shared_give(block);
	}
	load(known);
	block = NULL;
	cr_assert_eq(diet_shared_take(shared, &rules, &end, &block), -EINVAL, "no devIID");
	cr_assert_null(block);
	diet_shared_release(shared);
	diet_shared_release(NULL);
}

/* Contexts of many peers, and the configuration gone before them. */
Test(shared, contexts_share_and_outlive)
{
	enum { PEERS = 4 };
	struct diet_context context[PEERS];
	struct diet_attrs attrs = diet_attrs_plain();
	struct diet_sa sa = {.spi = 256, .out = true, .n_src = 1, .n_dst = 1};

	load(sent);
	attrs.rules = &rules;
	attrs.shared = diet_shared_create();
	attrs.device = true;
	for (int i = 0; i < PEERS; i++) {
		struct ts ts = {.port_end = UINT16_MAX};

		ip_addr_parse("fd00::1", &ts.addr_start);
		ts.addr_start.bytes[15] = (uint8_t)i;
		ts.addr_end = ts.addr_start;
		sa.src = sa.dst = &ts;
		sa.out = i < PEERS / 2;
		cr_assert_eq(diet_context_init(&context[i], &attrs, &sa), 0);
	}
	diet_shared_release(attrs.shared);
	memset(&rule, 0, sizeof rule);
	cr_assert_eq(context[0].by->set, context[1].by->set);
	cr_assert_eq(context[2].by->set, context[3].by->set);
	cr_assert_neq(context[0].by->set, context[2].by->set);
	cr_assert_neq(context[0].by->count, context[1].by->count);
	for (int i = 0; i < PEERS; i++)
		diet_context_fini(&context[i]);
}
