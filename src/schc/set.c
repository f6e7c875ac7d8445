/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules may stand together in a set, RFC 8724 6 and diet-esp.md 12.2. */
#include "schc/set.h"

#include "ip/packet.h"

#include <string.h>

enum { COAP_VERSION = 1, IHL_WORDS = 5 };

/* A code word: the first bits of value, left-aligned in an octet. */
struct prefix {
	uint8_t value, bits;
};

static struct prefix prefix_of(uint8_t id, uint8_t bits)
{
	return (struct prefix){(uint8_t)(id << (8 - bits)), bits};
}

static bool clash(struct prefix a, struct prefix b)
{
	unsigned shorter = a.bits < b.bits ? a.bits : b.bits;

	return (a.value ^ b.value) >> (8 - shorter) == 0;
}

static const struct schc_rule *explicit_none(const struct schc_rule_set *set)
{
	for (unsigned i = 0; i < set->n; i++)
		if (set->rule[i].nature == SCHC_NO_COMPRESSION)
			return &set->rule[i];
	return NULL;
}

static bool is_free(const struct schc_rule_set *set, struct prefix word)
{
	for (unsigned i = 0; i < set->n; i++)
		if (clash(prefix_of(set->rule[i].id, set->rule[i].id_bits), word))
			return false;
	return true;
}

bool schc_set_reserve(const struct schc_rule_set *set, uint8_t *id, uint8_t *bits)
{
	const struct schc_rule *none = explicit_none(set);

	*id = none ? none->id : 0;
	*bits = none ? none->id_bits : 0;
	if (none || (set->n == 1 && !set->rule[0].id_bits))
		return true;
	for (unsigned n = 1; n <= SCHC_RULE_ID_BITS; n++)
		for (unsigned value = 0; value < 1u << n; value++) {
			if (!is_free(set, prefix_of((uint8_t)value, (uint8_t)n)))
				continue;
			*id = (uint8_t)value;
			*bits = (uint8_t)n;
			return true;
		}
	return false;
}

static const char *check_id(const struct schc_rule_set *set, unsigned i)
{
	const struct schc_rule *rule = &set->rule[i];

	if (rule->id_bits > SCHC_RULE_ID_BITS)
		return "a RuleID has at most 8 bits";
	if (!rule->id_bits)
		return set->n == 1 ? NULL : "only the rule of a set of one has no RuleID";
	if (rule->id >> rule->id_bits)
		return "the RuleID is wider than its length";
	for (unsigned k = 0; k < i; k++)
		if (clash(prefix_of(rule->id, rule->id_bits),
			    prefix_of(set->rule[k].id, set->rule[k].id_bits)))
			return "the RuleID is the beginning of another one, or the same";
	return NULL;
}

static const char *check_nature(const struct schc_rule_set *set, unsigned i)
{
	const struct schc_rule *rule = &set->rule[i];

	if (rule->nature > SCHC_NO_COMPRESSION)
		return "no such nature";
	if (rule->nature == SCHC_COMPRESSION)
		return rule->n ? NULL : "a rule that compresses needs fields";
	if (rule->n)
		return "a rule that does not compress has no fields";
	if (!rule->id_bits)
		return "a rule that does not compress needs a RuleID";
	return explicit_none(set) == rule ? NULL : "two rules say no-compression";
}

/* The only value that a field of at most 8 bits can have under this rule, or -1. */
static int only_value(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	size_t len;

	if (desc->mo != SCHC_MO_EQUAL &&
		!(desc->mo == SCHC_MO_MATCH_MAPPING && desc->mapping_n == 1))
		return -1;
	return schc_rule_value(rule, desc, 0, &len)[0];
}

static int protocol_of(enum schc_layer layer)
{
	static const uint8_t protocols[SCHC_LAYERS] = {
		[SCHC_UDP] = IP_PROTO_UDP,
		[SCHC_UDPLITE] = IP_PROTO_UDPLITE,
		[SCHC_TCP] = IP_PROTO_TCP,
		[SCHC_SCTP] = IP_PROTO_SCTP,
		[SCHC_ICMPV6] = IP_PROTO_ICMPV6,
		[SCHC_ICMP] = IP_PROTO_ICMP,
	};

	return protocols[layer];
}

/* What offsets, and with them everything behind, rest on has to be known from the rule alone. */
static const char *check_fixed(
	const struct schc_rule *rule, const struct schc_field_desc *desc, int *next)
{
	int value = only_value(rule, desc);

	switch (desc->fid) {
	case SCHC_IPV6_VER:
		return value == 6 ? NULL : "the version of an IPv6 header is equal to 6, not sent";
	case SCHC_IPV4_VER:
		return value == 4 ? NULL : "the version of an IPv4 header is equal to 4, not sent";
	case SCHC_IPV4_IHL:
		return value == IHL_WORDS || desc->mo != SCHC_MO_EQUAL
			       ? NULL
			       : "only IPv4 headers without options are compressed: IHL is 5";
	case SCHC_COAP_VER:
		return value == COAP_VERSION ? NULL : "the version of CoAP is equal to 1, not sent";
	case SCHC_IPV6_NXT:
	case SCHC_IPV4_PROTO:
		*next = value;
		return NULL;
	default:
		return NULL;
	}
}

static const char *check_direction(const struct schc_rule *rule, enum schc_di di, unsigned *at)
{
	enum schc_layer layer = SCHC_LAYERS;
	int next = 0;
	bool ip = false;

	for (*at = 0; *at < rule->n; ++*at) {
		const struct schc_field_desc *desc = &rule->field[*at];
		const char *text;

		if (desc->di != SCHC_DI_BI && desc->di != di)
			continue;
		text = check_fixed(rule, desc, &next);
		if (text)
			return text;
		if (schc_field(desc->fid)->layer == layer)
			continue;
		layer = schc_field(desc->fid)->layer;
		if (layer == SCHC_ESP)
			return "ESP's own header is not a matter of rule sets";
		if (ip && protocol_of(layer) && protocol_of(layer) != next)
			return "the IP header's protocol is equal to that of the next header, not "
			       "sent";
		ip = ip || layer == SCHC_IPV6 || layer == SCHC_IPV4;
	}
	return schc_rule_residue_bits(rule, di) + rule->id_bits > SCHC_SET_RESIDUE
		       ? "the residue has more than 1024 bits"
		       : NULL;
}

static const char *check_rule(const struct schc_rule_set *set, unsigned i, unsigned *field)
{
	const struct schc_rule *rule = &set->rule[i];
	const char *text = check_id(set, i);

	*field = rule->n;
	if (!text)
		text = check_nature(set, i);
	if (!text)
		text = schc_rule_check(rule, field);
	if (!text)
		text = check_direction(rule, SCHC_DI_UP, field);
	return text ? text : check_direction(rule, SCHC_DI_DOWN, field);
}

bool schc_set_check(const struct schc_rule_set *set, struct schc_fault *fault)
{
	struct schc_fault place = {.rule = set->n};
	uint8_t id;
	uint8_t bits;

	if (!set->n)
		place.text = "the set has no rule";
	else if (set->n > SCHC_SET_RULES)
		place.text = "a set has at most 64 rules";
	for (unsigned i = 0; i < set->n && !place.text; i++) {
		place.rule = i;
		place.text = check_rule(set, i, &place.field);
	}
	if (!place.text && !schc_set_reserve(set, &id, &bits))
		place = (struct schc_fault){
			set->n, 0, "no RuleID is left for packets that no rule takes"};
	if (fault)
		*fault = place;
	return !place.text;
}
