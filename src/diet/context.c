/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and selectors of one SA -> its rules, draft-ietf-ipsecme-diet-esp-07 sections 4 to 6.
 */
#include "diet/context.h"

#include "diet/shared.h"
#include "schc/set_packet.h"
#include "base/wire.h"
#include "ip/packet.h"
#include "ip/ts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_DEFAULT = 1024,
	WINDOW_IOT = 64,
	WINDOW_MAX = 16384,
	LSB_MAX = 32,
	DSCP_VALUES = 64,
	IID_AT = 8, /* octet of an IPv6 address */
};

/* The selectors as one rule sees them. */
struct selectors {
	struct ts src, dst; /* covers */
	uint8_t version;    /* 4, 6; 0: two families */
	uint8_t proto;      /* 0: ANY */
};

struct diet_attrs diet_attrs_plain(void)
{
	return (struct diet_attrs){
		.wire_profile = WIRE_DIET_ESP_07,
		.iipc = false,
		.dscp_cda = DSCP_NOT_COMPRESSED,
		.ecn_cda = ECN_NOT_COMPRESSED,
		.flow_label_cda = FLOW_LABEL_NOT_COMPRESSED,
		.hop_limit_cda = HOP_LIMIT_NOT_COMPRESSED,
		.alignment = ALIGNMENT_32,
		.esp_trailer = ESP_TRAILER_MANDATORY,
		.esp_spi_lsb = LSB_MAX,
		.esp_sn_lsb = LSB_MAX,
		.verify_checksum = true,
		.window = WINDOW_DEFAULT,
	};
}

/* What is elided is known from the SA or computed; the outer header decides nothing inside. */
static struct diet_attrs preset_safe(void)
{
	struct diet_attrs attrs = diet_attrs_plain();

	attrs.iipc = true;
	/* The Next Header follows from the selectors; Optional is also what IKE peers assume. */
	attrs.esp_trailer = ESP_TRAILER_OPTIONAL;
	return attrs;
}

static struct diet_attrs preset_iot(void)
{
	struct diet_attrs attrs = preset_safe();

	attrs.dscp_cda = DSCP_LOWER;
	attrs.ecn_cda = ECN_LOWER;
	/* Not zero: hosts label every IPv6 flow, and each such packet would need the fallback. */
	attrs.flow_label_cda = FLOW_LABEL_GENERATED;
	attrs.hop_limit_cda = HOP_LIMIT_LOWER;
	attrs.alignment = ALIGNMENT_8;
	attrs.esp_spi_lsb = 8;
	attrs.esp_sn_lsb = 8;
	attrs.window = WINDOW_IOT;
	return attrs;
}

static struct diet_attrs preset_link(void)
{
	struct diet_attrs attrs = preset_safe();

	attrs.alignment = ALIGNMENT_8;
	attrs.esp_spi_lsb = 16;
	attrs.esp_sn_lsb = 16;
	return attrs;
}

bool diet_attrs_preset(const char *name, struct diet_attrs *out)
{
	static const struct {
		const char *name;
		struct diet_attrs (*make)(void);
	} presets[] = {
		{"off", diet_attrs_plain},
		{"safe", preset_safe},
		{"iot", preset_iot},
		{"link", preset_link},
	};

	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		if (strcmp(name, presets[i].name) != 0)
			continue;
		*out = presets[i].make();
		return true;
	}
	return false;
}

static const char *check_dscp_list(const struct diet_attrs *attrs)
{
	if (attrs->n_dscp > DIET_DSCP_MAX)
		return "dscp_list has more than 64 entries";
	if (attrs->dscp_cda == DSCP_SA && !attrs->n_dscp)
		return "dscp_cda = sa needs a dscp_list";
	for (unsigned i = 0; i < attrs->n_dscp; i++) {
		if (attrs->dscp_list[i] >= DSCP_VALUES)
			return "dscp_list: a DSCP has 6 bits";
		if (memchr(attrs->dscp_list, attrs->dscp_list[i], i))
			return "dscp_list: a value stands twice";
	}
	return NULL;
}

static const char *check_header(const struct diet_attrs *attrs)
{
	unsigned n = attrs->esp_sn_lsb;

	if (attrs->esp_spi_lsb > LSB_MAX || n > LSB_MAX)
		return "esp_spi_lsb and esp_sn_lsb are 0 to 32 bits";
	if ((attrs->esp_spi_lsb + n) % 8)
		return "esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8 bits";
	if (!attrs->window || attrs->window > WINDOW_MAX)
		return "the replay window is 1 to 16384 packets";
	if (n && attrs->window > (uint64_t)1 << (n - 1))
		return "the replay window is larger than half the range of esp_sn_lsb";
	return NULL;
}

const char *diet_attrs_check(const struct diet_attrs *attrs)
{
	const char *text;

	if (attrs->wire_profile != WIRE_DIET_ESP_07)
		return "unknown wire profile";
	if (attrs->dscp_cda > DSCP_SA)
		return "dscp_cda is not_compressed, lower or sa";
	if (attrs->ecn_cda > ECN_LOWER)
		return "ecn_cda is not_compressed or lower";
	if (attrs->flow_label_cda > FLOW_LABEL_ZERO)
		return "flow_label_cda is not_compressed, lower, generated or zero";
	if (attrs->hop_limit_cda > HOP_LIMIT_NOT_COMPRESSED)
		return "hop_limit_cda is lower or not_compressed";
	if (attrs->alignment > ALIGNMENT_64)
		return "alignment is 8, 16, 32 or 64 bit";
	if (attrs->esp_trailer > ESP_TRAILER_OPTIONAL)
		return "esp_trailer is Mandatory or Optional";
	text = check_dscp_list(attrs);
	return text ? text : check_header(attrs);
}

/* -EINVAL: no selectors, or one side alone mixes families. */
static int find_selectors(const struct diet_sa *sa, struct selectors *out)
{
	*out = (struct selectors){0};
	if (!ts_cover(sa->src, sa->n_src, &out->src) || !ts_cover(sa->dst, sa->n_dst, &out->dst))
		return -EINVAL;
	if (out->src.addr_start.family != out->dst.addr_start.family)
		return -EINVAL;
	out->version = out->src.addr_start.family;
	if (out->src.ip_proto == out->dst.ip_proto)
		out->proto = out->src.ip_proto;
	return 0;
}

/* msb(start, end): how many leading bits of fl are common. */
static unsigned common_bits(const uint8_t *start, const uint8_t *end, unsigned fl)
{
	for (unsigned i = 0; i < fl; i++)
		if ((start[i / 8] ^ end[i / 8]) >> (7 - i % 8) & 1)
			return i;
	return fl;
}

static void add_range(
	struct schc_rule *rule, enum schc_fid fid, const uint8_t *start, const uint8_t *end)
{
	struct schc_field_desc *desc = schc_rule_append(rule, fid);

	memcpy(desc->tv, start, desc->fl / 8u);
	desc->mo = SCHC_MO_MSB;
	desc->cda = SCHC_CDA_LSB;
	desc->msb = (uint8_t)common_bits(start, end, desc->fl);
}

static void add_ports(struct schc_rule *rule, enum schc_fid fid, const struct ts *ts)
{
	uint8_t start[2];
	uint8_t end[2];

	put_be16(start, ts->port_start);
	put_be16(end, ts->port_end);
	add_range(rule, fid, start, end);
}

static void add_addresses(struct schc_rule *rule, enum schc_fid src, const struct selectors *sel)
{
	add_range(rule, src, sel->src.addr_start.bytes, sel->src.addr_end.bytes);
	add_range(rule, src + 1, sel->dst.addr_start.bytes, sel->dst.addr_end.bytes);
}

static void add_cda(struct schc_rule *rule, enum schc_fid fid, enum schc_cda cda)
{
	schc_rule_append(rule, fid)->cda = (uint8_t)cda;
}

/* value has to fit into the first octet of the target value: fields of up to 8 bits, or 0. */
static void add_equal(struct schc_rule *rule, enum schc_fid fid, uint8_t value)
{
	struct schc_field_desc *desc = schc_rule_append(rule, fid);

	desc->mo = SCHC_MO_EQUAL;
	desc->cda = SCHC_CDA_NOT_SENT;
	desc->tv[0] = value;
}

static void add_dscp(struct schc_rule *rule, enum schc_fid fid, const struct diet_attrs *attrs)
{
	if (attrs->dscp_cda == DSCP_SA && attrs->n_dscp == 1)
		add_equal(rule, fid, attrs->dscp_list[0]);
	else if (attrs->dscp_cda == DSCP_SA)
		(void)schc_rule_map(
			rule, schc_rule_append(rule, fid), attrs->dscp_list, attrs->n_dscp);
	else
		add_cda(rule, fid,
			attrs->dscp_cda == DSCP_LOWER ? SCHC_CDA_LOWER : SCHC_CDA_VALUE_SENT);
}

static void add_flow_label(
	struct schc_rule *rule, enum schc_fid fid, const struct diet_attrs *attrs)
{
	static const uint8_t cda[] = {
		[FLOW_LABEL_NOT_COMPRESSED] = SCHC_CDA_VALUE_SENT,
		[FLOW_LABEL_LOWER] = SCHC_CDA_LOWER,
		[FLOW_LABEL_GENERATED] = SCHC_CDA_GENERATED,
	};

	if (attrs->flow_label_cda == FLOW_LABEL_ZERO)
		add_equal(rule, fid, 0);
	else
		add_cda(rule, fid, cda[attrs->flow_label_cda]);
}

static void add_proto(struct schc_rule *rule, enum schc_fid fid, uint8_t proto)
{
	if (proto)
		add_equal(rule, fid, proto);
	else
		schc_rule_append(rule, fid);
}

static enum schc_cda ecn_action(const struct diet_attrs *attrs)
{
	return attrs->ecn_cda == ECN_LOWER ? SCHC_CDA_LOWER : SCHC_CDA_VALUE_SENT;
}

static enum schc_cda hop_limit_action(const struct diet_attrs *attrs)
{
	return attrs->hop_limit_cda == HOP_LIMIT_LOWER ? SCHC_CDA_LOWER : SCHC_CDA_VALUE_SENT;
}

static void add_ipv6(
	struct schc_rule *rule, const struct diet_attrs *attrs, const struct selectors *sel)
{
	add_equal(rule, SCHC_IPV6_VER, 6);
	add_dscp(rule, SCHC_IPV6_DSCP, attrs);
	add_cda(rule, SCHC_IPV6_ECN, ecn_action(attrs));
	add_flow_label(rule, SCHC_IPV6_FL, attrs);
	add_cda(rule, SCHC_IPV6_LEN, SCHC_CDA_COMPUTE);
	add_proto(rule, SCHC_IPV6_NXT, sel->proto);
	add_cda(rule, SCHC_IPV6_HOP_LMT, hop_limit_action(attrs));
	add_addresses(rule, SCHC_IPV6_SRC, sel);
}

static void add_ipv4(
	struct schc_rule *rule, const struct diet_attrs *attrs, const struct selectors *sel)
{
	add_equal(rule, SCHC_IPV4_VER, 4);
	schc_rule_append(rule, SCHC_IPV4_IHL);
	add_dscp(rule, SCHC_IPV4_DSCP, attrs);
	add_cda(rule, SCHC_IPV4_ECN, ecn_action(attrs));
	add_cda(rule, SCHC_IPV4_TLEN, SCHC_CDA_COMPUTE);
	add_flow_label(rule, SCHC_IPV4_ID, attrs);
	/* No version of the draft mentions these two; elided they would be lost. */
	schc_rule_append(rule, SCHC_IPV4_FLAGS);
	schc_rule_append(rule, SCHC_IPV4_FRAGOFF);
	add_cda(rule, SCHC_IPV4_TTL, hop_limit_action(attrs));
	add_proto(rule, SCHC_IPV4_PROTO, sel->proto);
	add_cda(rule, SCHC_IPV4_CKSUM, SCHC_CDA_COMPUTE);
	add_addresses(rule, SCHC_IPV4_SRC, sel);
}

/* Ports by range, what can be computed computed, everything else in its place. */
static void add_layer4(struct schc_rule *rule, const struct selectors *sel)
{
	enum schc_layer layer;
	enum schc_fid fid;
	enum schc_fid end;

	switch (sel->proto) {
	case IP_PROTO_UDP:
		layer = SCHC_UDP;
		break;
	case IP_PROTO_UDPLITE:
		layer = SCHC_UDPLITE;
		break;
	case IP_PROTO_TCP:
		layer = SCHC_TCP;
		break;
	case IP_PROTO_SCTP:
		layer = SCHC_SCTP;
		break;
	default:
		return;
	}
	fid = schc_layer_first(layer);
	end = fid + schc_layer_fields(layer);
	add_ports(rule, fid++, &sel->src);
	add_ports(rule, fid++, &sel->dst);
	for (; fid < end; fid++)
		add_cda(rule, fid,
			schc_field(fid)->source == SCHC_FROM_PACKET ? SCHC_CDA_COMPUTE
								    : SCHC_CDA_VALUE_SENT);
}

static void derive_iipc(struct schc_rule *rule, const struct diet_attrs *attrs,
	const struct selectors *sel, enum sa_mode mode)
{
	memset(rule, 0, sizeof *rule);
	if (!attrs->iipc)
		return;
	if (mode == SA_TUNNEL && sel->version == 6)
		add_ipv6(rule, attrs, sel);
	else if (mode == SA_TUNNEL)
		add_ipv4(rule, attrs, sel);
	add_layer4(rule, sel);
}

int diet_iipc_rule(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule)
{
	struct selectors sel;

	if (diet_attrs_check(attrs))
		return -EINVAL;
	if (find_selectors(sa, &sel) && attrs->iipc)
		return -EINVAL;
	derive_iipc(rule, attrs, &sel, sa->mode);
	return 0;
}

int diet_eec_rule(const struct diet_attrs *attrs, const struct diet_sa *sa, struct schc_rule *rule)
{
	struct schc_field_desc *desc;

	if (diet_attrs_check(attrs))
		return -EINVAL;
	memset(rule, 0, sizeof *rule);
	desc = schc_rule_append(rule, SCHC_ESP_SPI);
	put_be32(desc->tv, sa->spi);
	desc->mo = SCHC_MO_MSB;
	desc->cda = SCHC_CDA_LSB;
	desc->msb = (uint8_t)(LSB_MAX - attrs->esp_spi_lsb);
	desc = schc_rule_append(rule, SCHC_ESP_SN);
	desc->mo = SCHC_MO_MSB;
	desc->cda = SCHC_CDA_LSB;
	desc->msb = (uint8_t)(LSB_MAX - attrs->esp_sn_lsb);
	return 0;
}

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

static int compile_set(
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

static int compile_derived(struct schc_plan **plan, const struct diet_attrs *attrs,
	const struct selectors *sel, enum sa_mode mode)
{
	struct schc_rule rule;
	int err;

	derive_iipc(&rule, attrs, sel, mode);
	err = schc_plan_compile(plan, &rule);
	return !err || err == -ENOMEM ? err : -EINVAL;
}

static int derive_iipc_context(struct diet_context *context, const struct diet_attrs *attrs,
	const struct diet_sa *sa, const struct selectors *sel)
{
	int err;

	context->by_set = attrs->rules != NULL;
	err = context->by_set ? compile_set(&context->by, attrs, sa)
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
	struct selectors sel;
	int err;

	if (diet_attrs_check(attrs))
		return -EINVAL;
	if (find_selectors(sa, &sel) && attrs->iipc && !attrs->rules)
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

static size_t by_size(const struct diet_by_set *by)
{
	return sizeof *by + (by->n + (size_t)1) * sizeof(struct diet_count);
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
	return context->by_set ? by_size(context->by) : context->plan->size;
}

void diet_context_move(struct diet_context *context, void *place)
{
	if (context->by_set) {
		memcpy(place, context->by, by_size(context->by));
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
