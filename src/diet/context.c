/* SPDX-License-Identifier: Apache-2.0 */
/* The compressors of one SA as one block: rules compiled, trailer and guard decided once
 * (draft-ietf-ipsecme-diet-esp-07 section 4). */
#include "diet/context.h"

#include "diet/by_set.h"
#include "diet/derive.h"
#include "diet/shared.h"
#include "ip/packet.h"
#include "schc/rule.h"
#include "schc/set_packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The table of section 4. */
static void derive_ctec(struct diet_context *context, const struct diet_attrs *attrs)
{
	bool mandatory = attrs->esp_trailer == ESP_TRAILER_MANDATORY;
	bool unknown = context->mode == SA_TRANSPORT && !context->proto;

	context->align = (uint8_t)(1u << attrs->alignment);
	context->pad_length_sent = mandatory || context->align > 1;
	context->next_header_sent = mandatory || unknown;
	if (context->mode == SA_TRANSPORT)
		context->next_header = context->proto;
	else if (context->ip_version)
		context->next_header = context->ip_version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4;
}

static unsigned derive_guard(const struct diet_context *context, const struct diet_attrs *attrs)
{
	unsigned guard = 0;

	if (context->mode == SA_TUNNEL && attrs->hop_limit_cda == HOP_LIMIT_LOWER)
		guard |= DIET_GUARD_HOP_LIMIT;
	if (!context->by_set && (context->plan->fixes & SCHC_FIX_IPV4_ID))
		guard |= DIET_GUARD_ATOMIC;
	if (attrs->verify_checksum)
		guard |= DIET_GUARD_CHECKSUM;
	return guard;
}

static int compile_derived(struct schc_plan **plan, const struct diet_attrs *attrs,
	const struct diet_selectors *sel, enum sa_mode mode)
{
	struct schc_rule rule;
	int err;

	diet_derive_iipc(&rule, attrs, sel, mode);
	err = schc_plan_compile(plan, &rule);
	return !err || err == -ENOMEM ? err : -EINVAL;
}

static int derive_iipc_context(struct diet_context *context, const struct diet_attrs *attrs,
	const struct diet_sa *sa, const struct diet_selectors *sel)
{
	int err;

	context->by_set = attrs->rules != NULL;
	err = context->by_set ? diet_by_set_make(&context->by, attrs, sa)
			      : compile_derived(&context->plan, attrs, sel, sa->mode);
	if (err)
		return err;
	context->iipc = attrs->iipc || context->by_set;
	context->rule_id = context->by_set ? schc_set_none_len(context->by->set) != 0
					   : attrs->iipc && attrs->rule_id;
	context->guard = (uint8_t)derive_guard(context, attrs);
	return 0;
}

int diet_context_init(
	struct diet_context *context, const struct diet_attrs *attrs, const struct diet_sa *sa)
{
	struct diet_context made;
	struct diet_selectors sel;
	int err;

	if (diet_attrs_check(attrs))
		return -EINVAL;
	if (diet_find_selectors(sa, &sel) && attrs->iipc && !attrs->rules)
		return -EINVAL;
	made = (struct diet_context){
		.spi = sa->spi,
		.spi_bits = attrs->esp_spi_lsb,
		.sn_bits = attrs->esp_sn_lsb,
		.header_len = (uint8_t)((attrs->esp_spi_lsb + attrs->esp_sn_lsb) / 8),
		.mode = (uint8_t)sa->mode,
		.ip_version = sel.version,
		.proto = sel.proto,
		.outer_family = sa->outer_family,
	};
	err = derive_iipc_context(&made, attrs, sa, &sel);
	if (err)
		return err;
	derive_ctec(&made, attrs);
	*context = made;
	return 0;
}

void diet_context_fini(struct diet_context *context)
{
	if (context->by_set) {
		diet_shared_give(context->by->block);
		free(context->by);
	} else {
		schc_plan_free(context->plan);
	}
	*context = (struct diet_context){0};
}

size_t diet_context_size(const struct diet_context *context)
{
	return context->by_set ? diet_by_set_size(context->by) : context->plan->size;
}

void diet_context_move(struct diet_context *context, void *place)
{
	if (context->by_set) {
		memcpy(place, context->by, diet_by_set_size(context->by));
		free(context->by);
		context->by = place;
	} else {
		memcpy(place, context->plan, context->plan->size);
		schc_plan_free(context->plan);
		context->plan = place;
	}
}

void diet_context_leave(struct diet_context *context)
{
	if (context->by_set)
		diet_shared_give(context->by->block);
	*context = (struct diet_context){0};
}
