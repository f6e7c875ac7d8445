/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and selectors of one SA -> its rules, draft-ietf-ipsecme-diet-esp-07 sections 4 to 6.
 */
#include "diet/derive.h"

#include "base/wire.h"
#include "ip/packet.h"
#include "ip/ts.h"
#include "schc/rule.h"

#include <errno.h>
#include <string.h>

enum { ESP_FIELD_BITS = 32 };

int diet_find_selectors(const struct diet_sa *sa, struct diet_selectors *out)
{
	*out = (struct diet_selectors){0};
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

static void add_addresses(
	struct schc_rule *rule, enum schc_fid src, const struct diet_selectors *sel)
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
	struct schc_rule *rule, const struct diet_attrs *attrs, const struct diet_selectors *sel)
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
	struct schc_rule *rule, const struct diet_attrs *attrs, const struct diet_selectors *sel)
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
static void add_layer4(struct schc_rule *rule, const struct diet_selectors *sel)
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

void diet_derive_iipc(struct schc_rule *rule, const struct diet_attrs *attrs,
	const struct diet_selectors *sel, enum sa_mode mode)
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
	struct diet_selectors sel;

	if (diet_attrs_check(attrs))
		return -EINVAL;
	if (diet_find_selectors(sa, &sel) && attrs->iipc)
		return -EINVAL;
	diet_derive_iipc(rule, attrs, &sel, sa->mode);
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
	desc->msb = (uint8_t)(ESP_FIELD_BITS - attrs->esp_spi_lsb);
	desc = schc_rule_append(rule, SCHC_ESP_SN);
	desc->mo = SCHC_MO_MSB;
	desc->cda = SCHC_CDA_LSB;
	desc->msb = (uint8_t)(ESP_FIELD_BITS - attrs->esp_sn_lsb);
	return 0;
}
