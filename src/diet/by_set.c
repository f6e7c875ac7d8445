/* SPDX-License-Identifier: Apache-2.0 */
/* Explicit rules (RFC 8724) for one SA: its end of them, compiled once for all SAs that share it.
 */
#include "diet/by_set.h"

#include "diet/shared.h"
#include "ip/ts.h"
#include "schc/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IID_AT = 8 }; /* octet of an IPv6 address */

/* 64 bits that all addresses of these selectors share. */
static bool only_iid(const struct ts *ts, uint8_t n, uint8_t *iid)
{
	struct ts cover;

	if (!ts_cover(ts, n, &cover) || cover.addr_start.family != 6)
		return false;
	memcpy(iid, cover.addr_start.bytes + IID_AT, SCHC_IID_LEN);
	return memcmp(cover.addr_start.bytes, cover.addr_end.bytes, sizeof cover.addr_end.bytes) ==
	       0;
}

void diet_schc_end(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_end *end)
{
	bool up = attrs->device == sa->out;

	*end = (struct schc_end){.di = up ? SCHC_DI_UP : SCHC_DI_DOWN};
	end->has_dev_iid =
		only_iid(up ? sa->src : sa->dst, up ? sa->n_src : sa->n_dst, end->dev_iid);
	end->has_app_iid =
		only_iid(up ? sa->dst : sa->src, up ? sa->n_dst : sa->n_src, end->app_iid);
}

bool diet_suits_mode(const struct schc_rule_set *rules, enum sa_mode mode)
{
	for (unsigned i = 0; i < rules->n; i++) {
		const struct schc_rule *rule = &rules->rule[i];
		unsigned layer;

		if (!rule->n)
			continue;
		layer = schc_field(rule->field[0].fid)->layer;
		if (layer == SCHC_COAP ||
			(layer == SCHC_IPV6 || layer == SCHC_IPV4) != (mode == SA_TUNNEL))
			return false;
	}
	return true;
}

static int take_block(
	struct diet_block **block, const struct diet_attrs *attrs, const struct schc_end *end)
{
	struct diet_shared *own;
	int err;

	if (attrs->shared)
		return diet_shared_take(attrs->shared, attrs->rules, end, block);
	own = diet_shared_create();
	if (!own)
		return -ENOMEM;
	err = diet_shared_take(own, attrs->rules, end, block);
	diet_shared_release(own);
	return err;
}

static struct diet_by_set *by_block(struct diet_block *block)
{
	const struct schc_set *set = block->set;
	struct diet_by_set *by =
		calloc(1, sizeof *by + (set->n + (size_t)1) * sizeof(struct diet_count));

	if (!by)
		return NULL;
	by->set = set;
	by->block = block;
	by->n = set->n;
	return by;
}

int diet_by_set_make(
	struct diet_by_set **by, const struct diet_attrs *attrs, const struct diet_sa *sa)
{
	struct diet_block *block;
	struct schc_end end;
	int err;

	if (!schc_set_check(attrs->rules, NULL) || !diet_suits_mode(attrs->rules, sa->mode))
		return -EINVAL;
	diet_schc_end(attrs, sa, &end);
	err = take_block(&block, attrs, &end);
	if (err)
		return err;
	*by = by_block(block);
	if (*by)
		return 0;
	diet_shared_give(block);
	return -ENOMEM;
}

size_t diet_by_set_size(const struct diet_by_set *by)
{
	return sizeof *by + (by->n + (size_t)1) * sizeof(struct diet_count);
}
