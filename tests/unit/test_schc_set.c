/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets: which rule is tried first, what explaining says, and that what matches comes back. */
#include "schc/coap.h"
#include "schc/explain.h"
#include "schc/group.h"
#include "schc/oscore.h"
#include "base/wire.h"
#include "ip/packet.h"
#include "reference/inner.h"
#include "reference/random.h"
#include "reference/rfc_rules.h"
#include "reference/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The one that saves more comes first, wherever it stands; CoAP may begin in more than one place.
 */
Test(schc_set, rules_are_tried_by_what_they_save)
{
	static const struct rule_row udp[] = {RULE_ANY(SCHC_UDP_DEVPORT, RULE_BI),
		RULE_ANY(SCHC_UDP_APPPORT, RULE_BI), RULE_ANY(SCHC_UDP_LEN, RULE_BI),
		RULE_ANY(SCHC_UDP_CKSUM, RULE_BI), RULE_END};
	static const struct rule_row coap[] = {
		COAP_HEAD(NO_TOKEN), RULE_IS(SCHC_COAP_URI_PATH, RULE_BI, "=path"), RULE_END};
	struct schc_rule rules[3] = {
		wire_rule(udp, 0, 2), wire_rule(udp, 1, 2), wire_rule(coap, 2, 2)};
	struct schc_end end = {.di = SCHC_DI_UP};
	uint8_t packet[WIRE_ROOM];
	size_t len = wire_hex("40011234b470617468"
			      "40011234b470617468",
		packet);
	struct schc_set *set;
	struct schc_view view;

	rule_rows(&rules[1], coap);
	set = wire_compile(rules, 3, &end);
	schc_view_open(&view, set, 0, packet + 9, len - 9);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 2);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 0);
	cr_assert_not(schc_view_next(&view, set));
	memcpy(packet, "12345678", 8);
	schc_view_open(&view, set, 0, packet, 8);
	memmove(packet + 8, packet + 9, 9);
	schc_view_open(&view, set, 0, packet, 17);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 1);
	cr_assert_eq(view.header_len, 17);
	schc_set_free(set);
}

static const struct schc_explained *explain(
	const struct rule_row *rows, const char *message, struct schc_explained *out)
{
	struct schc_rule rule = wire_rule(rows, 1, 8);
	struct schc_end end = {.di = SCHC_DI_UP};
	uint8_t packet[WIRE_ROOM];

	schc_explain(&rule, &end, 0, packet, wire_hex(message, packet), out);
	return out;
}

static void expect_why(
	const struct rule_row *rows, const char *message, unsigned failed, const char *word)
{
	static struct schc_explained out;

	explain(rows, message, &out);
	cr_assert_not(out.matches, "%s", message);
	cr_assert_eq(out.failed, failed, "%s: field %u", message, out.failed);
	cr_assert_not_null(strstr(out.text, word), "'%s' does not say '%s'", out.text, word);
}

Test(schc_set, explains_what_failed_and_where)
{
	static struct schc_explained out;

	explain(rfc8824_table6, "4101000182bb74656d7065726174757265", &out);
	cr_assert(out.matches);
	cr_assert_eq(out.n, 7);
	cr_assert_eq(out.header_bits, 17 * 8);
	cr_assert_eq(out.residue_bits, 8 + 4 + 3);
	cr_assert_eq(out.field[4].sent_bits, 4);
	cr_assert_eq(out.field[6].at, 6 * 8);
	cr_assert_eq(out.field[6].bits, 11 * 8);
	expect_why(rfc8824_table6, "4101001182bb74656d7065726174757265", 4, "first bits");
	expect_why(rfc8824_table6, "4101000182bb74656d7065726174757266", 6, "differs");
	expect_why(rfc8824_table6, "4101000182", 6, "no such option");
	expect_why(rfc8824_table6, "4101000182bb74656d70657261747572651132", 7, "not describe");
	expect_why(rfc8824_table6, "410100", 0, "ends before");
	expect_why(rfc8824_table6, "4101000182bb74", 5, "no CoAP");
	expect_why(rfc8824_table2, "50011234b163025836", 7, "no such option");
	explain(rfc8824_table6,
		"4101000182913"
		"2bb"
		"74656d70657261747572650",
		&out);
	cr_assert(out.has_extra);
	cr_assert_eq(out.extra, 9);
	cr_assert_eq(out.extra_at, 5 * 8);
	expect_why(rfc8724_rule1, "6000000000081100", 0, "ends before");
}

/* --- any rules, any messages ---------------------------------------------------------------------
 */

enum { SETS = 1500, MESSAGES = 24, OPTIONS_MAX = 6, RULES_MAX = 10 };

/* A CoAP message in parts. */
struct parts {
	uint8_t fixed[4];
	uint8_t token[8];
	unsigned n;
	struct {
		enum schc_fid fid;
		uint8_t len;
		uint8_t value[40];
	} option[OPTIONS_MAX];
	unsigned payload;
};

/* Flags that are not reserved, and a short kid context: most of these have parts. */
static void likely_oscore(struct rnd *r, uint8_t value[40])
{
	value[0] &= 0x1d;
	value[1 + (value[0] & 7)] = (uint8_t)rnd_below(r, 3);
}

static void random_parts(struct rnd *r, struct parts *p)
{
	static const uint8_t fids[] = {SCHC_COAP_ETAG, SCHC_COAP_OBSERVE, SCHC_COAP_OSCORE,
		SCHC_COAP_URI_PATH, SCHC_COAP_URI_PATH, SCHC_COAP_URI_PATH,
		SCHC_COAP_CONTENT_FORMAT, SCHC_COAP_MAX_AGE, SCHC_COAP_URI_QUERY,
		SCHC_COAP_URI_QUERY, SCHC_COAP_BLOCK2, SCHC_COAP_BLOCK1, SCHC_COAP_SIZE1,
		SCHC_COAP_NO_RESPONSE, SCHC_COAP_REQUEST_TAG};
	unsigned tkl = rnd_below(r, 4) * rnd_below(r, 3);

	rnd_fill(r, p->fixed, 4);
	p->fixed[0] = (uint8_t)(0x40 | rnd_below(r, 4) << 4 | tkl);
	p->fixed[2] = 0;
	rnd_fill(r, p->token, 8);
	p->n = 0;
	for (unsigned i = 0; i < sizeof fids && p->n < OPTIONS_MAX; i++) {
		if (rnd_below(r, 3))
			continue;
		p->option[p->n].fid = fids[i];
		p->option[p->n].len =
			(uint8_t)(rnd_below(r, 4) ? rnd_below(r, 4) : rnd_below(r, 40));
		rnd_fill(r, p->option[p->n].value, 40);
		if (fids[i] == SCHC_COAP_OSCORE)
			likely_oscore(r, p->option[p->n].value);
		p->n++;
	}
	p->payload = rnd_below(r, 2) * rnd_below(r, 20);
}

/* One thing is different, perhaps. */
static void mutate(struct rnd *r, struct parts *p)
{
	unsigned i = p->n ? rnd_below(r, p->n) : 0;

	switch (rnd_below(r, 9)) {
	case 0:
		p->fixed[rnd_below(r, 3) + 1] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 1:
		p->token[rnd_below(r, 8)] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 2:
		if (p->n)
			memmove(&p->option[i], &p->option[i + 1],
				(--p->n - i) * sizeof p->option[0]);
		break;
	case 3:
		if (p->n && p->option[i].len)
			p->option[i].len--;
		break;
	case 4:
		p->option[i].value[rnd_below(r, 3)] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 5:
		p->payload = p->payload ? 0 : 5;
		break;
	default:
		break;
	}
}

static size_t write_parts(const struct parts *p, uint8_t *out)
{
	unsigned tkl = p->fixed[0] & 15;
	struct coap_writer w = {out + 4 + tkl, 0, 400, 0};
	size_t at;

	memcpy(out, p->fixed, 4);
	memcpy(out + 4, p->token, tkl);
	for (unsigned i = 0; i < p->n; i++) {
		cr_assert(coap_put_option(
			&w, schc_field(p->option[i].fid)->option, p->option[i].len));
		memcpy(w.out + w.at, p->option[i].value, p->option[i].len);
		w.at += p->option[i].len;
	}
	at = 4 + tkl + w.at;
	if (p->payload)
		out[at++] = 0xff;
	for (unsigned i = 0; i < p->payload; i++)
		out[at++] = (uint8_t)i;
	return at;
}

/* Any legal descriptor that this value fulfils (with bits to spare, in whole octets if variable).
 */
static void random_desc(struct rnd *r, struct schc_rule *rule, enum schc_fid fid, unsigned fp,
	const uint8_t *value, size_t len)
{
	struct schc_field_desc *desc = schc_rule_append(rule, fid);
	bool option = schc_field(fid)->option;
	uint8_t other[64] = {0x5a};

	desc->fp = (uint8_t)(rnd_below(r, 4) && option ? fp : !option);
	/* A value that would be read as a group is only sent. */
	if (group_count(schc_field(fid)->option, value, len))
		return;
	if (option && len && rnd_below(r, 3) == 0)
		desc->fl = (uint8_t)(len * 8 < 248 ? len * 8 : SCHC_FL_VARIABLE);
	switch (rnd_below(r, 4)) {
	case 0:
		if (desc->fl < SCHC_FL_TKL && len > 16)
			break;
		desc->mo = SCHC_MO_EQUAL;
		desc->cda = SCHC_CDA_NOT_SENT;
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	case 1:
		if (desc->fl < SCHC_FL_TKL && len > 16)
			break;
		desc->mo = SCHC_MO_MSB;
		desc->cda = SCHC_CDA_LSB;
		desc->msb =
			(uint16_t)rnd_below(r, (unsigned)(desc->fl < 64 ? desc->fl : len * 8) + 1);
		if (desc->fl == SCHC_FL_VARIABLE)
			desc->msb &= (uint16_t)~7u;
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	case 2:
		desc->mo = SCHC_MO_MATCH_MAPPING;
		desc->cda = SCHC_CDA_MAPPING_SENT;
		if (desc->fl >= 8 && rnd_below(r, 2) && (len != 1 || value[0] != 0x5a) && len)
			cr_assert(schc_rule_add_value(rule, desc, other, desc->fl < 254 ? len : 1));
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	default:
		break;
	}
}

/* OSCORE's option in its parts; false: it has none. */
static bool random_oscore(struct rnd *r, struct schc_rule *rule, const uint8_t *value, size_t len)
{
	struct oscore_view view;

	if (!oscore_split(&view, value, len))
		return false;
	for (unsigned i = 0; i < OSCORE_PARTS; i++)
		random_desc(r, rule, SCHC_COAP_OSCORE_FLAGS + i, 1, value + view.at[i],
			(size_t)view.at[i + 1] - view.at[i]);
	return true;
}

/* Option i and those of its number behind it as one value, perhaps one of two; how many they are.
 */
static unsigned random_group(struct schc_rule *rule, const struct parts *p, unsigned i, bool list)
{
	enum schc_fid fid = p->option[i].fid;
	uint8_t mark = fid == SCHC_COAP_URI_PATH ? '/' : '&';
	uint8_t value[SCHC_VALUE_MAX];
	struct schc_field_desc *desc;
	size_t at = 0;
	unsigned n = 0;

	for (; i + n < p->n && p->option[i + n].fid == fid; n++) {
		if (memchr(p->option[i + n].value, mark, p->option[i + n].len))
			return 0;
		value[at++] = mark;
		memcpy(value + at, p->option[i + n].value, p->option[i + n].len);
		at += p->option[i + n].len;
	}
	desc = schc_rule_append(rule, fid);
	desc->mo = list ? SCHC_MO_MATCH_MAPPING : SCHC_MO_EQUAL;
	desc->cda = list ? SCHC_CDA_MAPPING_SENT : SCHC_CDA_NOT_SENT;
	if (list && at > n) { /* the same with one octet more */
		value[at] = 'x';
		cr_assert(schc_rule_add_value(rule, desc, value, at + 1));
	}
	cr_assert(schc_rule_add_value(rule, desc, value, at));
	cr_assert_eq(schc_rule_group(rule, desc), n);
	return n;
}

static void random_options(struct rnd *r, struct schc_rule *rule, const struct parts *p)
{
	unsigned fp = 0;

	for (unsigned i = 0; i < p->n; i++) {
		enum schc_fid fid = p->option[i].fid;
		unsigned n = 0;

		fp = i && p->option[i].fid == p->option[i - 1].fid ? fp + 1 : 1;
		if (fid == SCHC_COAP_OSCORE && rnd_below(r, 4) &&
			random_oscore(r, rule, p->option[i].value, p->option[i].len))
			continue;
		if (fp == 1 && (fid == SCHC_COAP_URI_PATH || fid == SCHC_COAP_URI_QUERY) &&
			rnd_below(r, 3) == 0)
			n = random_group(rule, p, i, rnd_below(r, 2));
		if (n)
			i += n - 1;
		else
			random_desc(r, rule, fid, fp, p->option[i].value, p->option[i].len);
	}
}

static void random_coap(struct rnd *r, struct schc_rule *rule, const struct parts *p)
{
	uint8_t type = p->fixed[0] >> 4 & 3;
	uint8_t tkl = p->fixed[0] & 15;

	rule_rows(rule, (const struct rule_row[]){RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_END});
	random_desc(r, rule, SCHC_COAP_TYPE, 1, &type, 1);
	random_desc(r, rule, SCHC_COAP_TKL, 1, &tkl, 1);
	random_desc(r, rule, SCHC_COAP_CODE, 1, p->fixed + 1, 1);
	random_desc(r, rule, SCHC_COAP_MID, 1, p->fixed + 2, 2);
	random_desc(r, rule, SCHC_COAP_TOKEN, 1, p->token, tkl);
	random_options(r, rule, p);
}

/* Code words that are not each other's beginning, one of them left over. */
static void random_ids(struct rnd *r, struct schc_rule *rules, unsigned n)
{
	struct {
		uint8_t value, bits;
	} word[RULES_MAX + 1] = {{0, 1}, {1, 1}};
	unsigned have = 2;

	while (have < n + 1) {
		unsigned i = rnd_below(r, have);

		if (word[i].bits == SCHC_RULE_ID_BITS)
			continue;
		word[i].bits++;
		word[i].value = (uint8_t)(word[i].value << 1);
		word[have] = word[i];
		word[have++].value |= 1;
	}
	for (unsigned i = 0; i < n; i++) {
		rules[i].id = word[i].value;
		rules[i].id_bits = word[i].bits;
	}
}

static const struct rule_row any_ipv6_udp[] = {RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"),
	RULE_ANY(SCHC_IPV6_TC, RULE_BI), RULE_ANY(SCHC_IPV6_FL, RULE_UP),
	RULE_IS(SCHC_IPV6_FL, RULE_DW, "000000"), RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11"), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI),
	RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, ALPHA),
	RULE_IS(SCHC_IPV6_DEVIID, RULE_BI, "0000000000000001"),
	RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, BETA),
	RULE_MSB(SCHC_IPV6_APPIID, RULE_BI, 56, "0000000000000000"),
	RULE_MSB(SCHC_UDP_DEVPORT, RULE_BI, 8, "1600"), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, "1633"),
	RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_END};

static size_t packet_of(struct rnd *r, const struct parts *p, enum schc_di di, uint8_t *out)
{
	uint8_t message[512];
	bool up = di == SCHC_DI_UP;
	struct inner inner = {.version = 6,
		.proto = IP_PROTO_UDP,
		.traffic_class = (uint8_t)rnd_u64(r),
		.flow_label = rnd_below(r, 2) * 77,
		.hop_limit = (uint8_t)rnd_u64(r),
		.sport = (uint16_t)(up ? 0x1600 | rnd_below(r, 256) : 0x1633),
		.dport = (uint16_t)(up ? 0x1633 : 0x1600 | rnd_below(r, 256)),
		.payload = message};
	uint8_t *dev = up ? inner.src : inner.dst;
	uint8_t *app = up ? inner.dst : inner.src;

	wire_hex(ALPHA "0000000000000001", dev);
	wire_hex(BETA "0000000000000000", app);
	app[15] = (uint8_t)rnd_u64(r);
	if (rnd_below(r, 16) == 0)
		app[14] = 1;
	inner.payload_len = write_parts(p, message);
	return inner_build(&inner, out);
}

/* What explain says of each rule is what the plans do; all that match give the packet back. */
static unsigned compare_packet(const struct schc_rule_set *rules, const struct schc_set *set,
	const struct schc_end *end, const uint8_t *packet, size_t len)
{
	bool taken[RULES_MAX] = {false};
	uint8_t wire[WIRE_ROOM];
	struct schc_view view;
	unsigned n = 0;

	schc_view_open(&view, set, 6, packet, len);
	while (schc_view_next(&view, set)) {
		struct schc_explained explained;

		taken[view.entry->rule] = true;
		n++;
		schc_explain(&rules->rule[view.entry->rule], end, ~0u, packet, len, &explained);
		cr_assert(explained.matches, "%s", explained.text);
		cr_assert_eq((explained.residue_bits + 7) / 8, view.residue_len);
		cr_assert_eq(explained.header_bits / 8, view.header_len);
		wire_restored(set, wire, wire_put(set, &view, wire), packet, len);
	}
	for (unsigned i = 0; i < rules->n; i++) {
		struct schc_explained explained;

		if (taken[i])
			continue;
		schc_explain(&rules->rule[i], end, ~0u, packet, len, &explained);
		cr_assert_not(explained.matches, "rule %u matches nevertheless", i);
	}
	return n;
}

Test(schc_set, what_matches_comes_back)
{
	static struct schc_rule rules[RULES_MAX];
	static struct parts parts[RULES_MAX];
	struct rnd r = rnd_start("schc_set");
	unsigned matched = 0;
	unsigned none = 0;

	for (unsigned i = 0; i < SETS; i++) {
		struct schc_rule_set rule_set = {rules, 1 + rnd_below(&r, RULES_MAX)};
		struct schc_end end = {.di = rnd_below(&r, 2) ? SCHC_DI_UP : SCHC_DI_DOWN};
		struct schc_set *set;

		memset(rules, 0, sizeof rules);
		random_ids(&r, rules, rule_set.n);
		for (unsigned k = 0; k < rule_set.n; k++) {
			if (!k || rnd_below(&r, 2))
				random_parts(&r, &parts[k]);
			else
				parts[k] = parts[k - 1];
			mutate(&r, &parts[k]);
			rule_rows(&rules[k], any_ipv6_udp);
			if (rnd_below(&r, 8))
				random_coap(&r, &rules[k], &parts[k]);
		}
		set = wire_compile(rules, rule_set.n, &end);
		for (unsigned m = 0; m < MESSAGES; m++) {
			struct parts p = parts[rnd_below(&r, rule_set.n)];
			uint8_t packet[WIRE_ROOM];
			unsigned n;

			mutate(&r, &p);
			n = compare_packet(
				&rule_set, set, &end, packet, packet_of(&r, &p, end.di, packet));
			matched += n;
			none += !n;
		}
		schc_set_free(set);
	}
	printf("schc_set: %u messages, %u without a rule, %u matches\n", SETS * MESSAGES, none,
		matched);
	cr_assert_gt(matched, SETS * MESSAGES / 2);
	cr_assert_gt(none, SETS);
}
