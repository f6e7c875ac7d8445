/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SA with a rule set. The first octet chooses: octets that came (any residue gives a packet that
 * the set itself carries, or a drop), an inner packet (what a rule takes comes back, and explain
 * agrees), or the rules themselves (refused, or harmless).
 */
#include "diet/context.h"
#include "diet/iipc.h"
#include "schc/explain.h"
#include "schc/set_packet.h"
#include "base/buf.h"
#include "fuzz/must.h"
#include "ip/packet.h"
#include "reference/rules.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, RULES = 8, HOP_LIMIT = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define IPV6(proto) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_BY(SCHC_IPV6_TC, RULE_BI, SCHC_CDA_LOWER), \
		RULE_ANY(SCHC_IPV6_FL, RULE_BI), \
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
	RULE_OF(SCHC_COAP_TYPE, RULE_BI, "00,01,02"), RULE_ANY(SCHC_COAP_TKL, RULE_BI),
	RULE_IS(SCHC_COAP_CODE, RULE_UP, "02"), RULE_OF(SCHC_COAP_CODE, RULE_DW, "44,45,84"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 7, "0000"), RULE_MSB(SCHC_COAP_TOKEN, RULE_BI, 3, "a0"),
	RULE_ANY(SCHC_COAP_OBSERVE, RULE_BI), RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=a,=bc,"),
	{SCHC_COAP_URI_PATH, 2, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0},
	RULE_MSB(SCHC_COAP_URI_QUERY, RULE_UP, 16, "=k="), RULE_END};
static const struct rule_row oscore[] = {IPV6("11"), UDP, RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_ANY(SCHC_COAP_TYPE, RULE_BI), RULE_ANY(SCHC_COAP_TKL, RULE_BI),
	RULE_ANY(SCHC_COAP_CODE, RULE_BI), RULE_ANY(SCHC_COAP_MID, RULE_BI),
	RULE_ANY(SCHC_COAP_TOKEN, RULE_BI), RULE_ANY(SCHC_COAP_OSCORE_FLAGS, RULE_BI),
	RULE_ANY(SCHC_COAP_OSCORE_PIV, RULE_BI), RULE_ANY(SCHC_COAP_OSCORE_KIDCTX, RULE_BI),
	RULE_ANY(SCHC_COAP_OSCORE_KID, RULE_BI),
	RULE_OF(SCHC_COAP_URI_PATH, RULE_UP, "=/a/b,=/c/d"), RULE_END};
static const struct rule_row plain_coap[] = {IPV6("11"), UDP, RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_ANY(SCHC_COAP_TYPE, RULE_BI), RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_ANY(SCHC_COAP_CODE, RULE_BI), RULE_ANY(SCHC_COAP_MID, RULE_BI),
	RULE_ANY(SCHC_COAP_BLOCK2, RULE_BI), RULE_ANY(SCHC_COAP_SIZE1, RULE_BI), RULE_END};
static const struct rule_row udp[] = {IPV6("11"), UDP, RULE_END};
static const struct rule_row echo[] = {IPV6("3a"), RULE_OF(SCHC_ICMPV6_TYPE, RULE_BI, "80,81"),
	RULE_IS(SCHC_ICMPV6_CODE, RULE_BI, "00"),
	RULE_BY(SCHC_ICMPV6_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_ICMPV6_IDENT, RULE_BI),
	RULE_ANY(SCHC_ICMPV6_SEQNO, RULE_BI), RULE_END};
static const struct rule_row ipv4[] = {RULE_IS(SCHC_IPV4_VER, RULE_BI, "04"),
	RULE_ANY(SCHC_IPV4_IHL, RULE_BI), RULE_ANY(SCHC_IPV4_DSCP, RULE_BI),
	RULE_ANY(SCHC_IPV4_ECN, RULE_BI), RULE_BY(SCHC_IPV4_TLEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_ANY(SCHC_IPV4_ID, RULE_BI), RULE_ANY(SCHC_IPV4_FLAGS, RULE_BI),
	RULE_ANY(SCHC_IPV4_FRAGOFF, RULE_BI), RULE_ANY(SCHC_IPV4_TTL, RULE_BI),
	RULE_IS(SCHC_IPV4_PROTO, RULE_BI, "06"),
	RULE_BY(SCHC_IPV4_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_IPV4_DEV, RULE_BI),
	RULE_MSB(SCHC_IPV4_APP, RULE_BI, 24, "0a000200"), RULE_ANY(SCHC_TCP_DEVPORT, RULE_BI),
	RULE_ANY(SCHC_TCP_APPPORT, RULE_BI), RULE_ANY(SCHC_TCP_SEQ, RULE_BI),
	RULE_ANY(SCHC_TCP_ACK, RULE_BI), RULE_ANY(SCHC_TCP_DOFF, RULE_BI),
	RULE_ANY(SCHC_TCP_RSVFLAGS, RULE_BI), RULE_ANY(SCHC_TCP_WIN, RULE_BI),
	RULE_BY(SCHC_TCP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_TCP_URG, RULE_BI),
	RULE_END};

static void make_rules(struct schc_rule rules[RULES], struct schc_rule_set *set)
{
	static const struct rule_row *const tables[] = {coap, plain_coap, udp, echo, ipv4, oscore};
	static const uint8_t ids[][2] = {{0, 1}, {2, 2}, {6, 3}, {28, 5}, {29, 5}, {30, 5}};

	memset(rules, 0, RULES * sizeof *rules);
	*set = (struct schc_rule_set){rules, sizeof tables / sizeof *tables};
	for (unsigned i = 0; i < set->n; i++) {
		rules[i].id = ids[i][0];
		rules[i].id_bits = ids[i][1];
		rule_rows(&rules[i], tables[i]);
	}
}

/* Explain and the plans judge a packet alike; restorable is the guard's part. */
static void compare_explained(const struct diet_context *context, const struct schc_rule_set *rules,
	const struct schc_end *end, const struct ip_packet *ip)
{
	bool taken[RULES] = {false};
	struct schc_view view;

	schc_view_open(&view, context->by->set, ip->version, ip->data, ip->len);
	while (schc_view_next(&view, context->by->set))
		taken[view.entry->rule] = true;
	for (unsigned i = 0; i < rules->n; i++) {
		static struct schc_explained explained;

		schc_explain(&rules->rule[i], end, ~0u, ip->data, ip->len, &explained);
		must(explained.matches == taken[i]);
	}
}

/* Whatever fits comes back as it was; hop limits under lower cross unchanged. */
static void carry(const struct diet_context *context, const struct schc_rule_set *rules,
	const struct schc_end *end, struct buf *pkt)
{
	static uint8_t before[ROOM + SCHC_SET_HEADER_MAX];
	struct outer outer = {0};
	struct ip_packet ip;
	size_t len;
	size_t said;

	if (ip_packet_parse(&ip, pkt) != DROP_NONE)
		return;
	len = pkt->len;
	must(len <= sizeof before && iipc_fits(context, &ip));
	memcpy(before, pkt->data, len);
	compare_explained(context, rules, end, &ip);
	said = iipc_compressed_len(context, &ip);
	must(iipc_compress(context, &ip, pkt, &outer) == DROP_NONE);
	must(pkt->len == said && said <= len + 1);
	must(iipc_decompress(context, 0, pkt, &outer) == DROP_NONE);
	must(pkt->len == len && memcmp(pkt->data, before, len) == 0);
}

static void fuzz_wire(const struct diet_context *context, const struct schc_rule_set *rules,
	const struct schc_end *end, struct buf *pkt)
{
	struct outer outer = {.hop_limit = HOP_LIMIT};

	if (iipc_decompress(context, 0, pkt, &outer) == DROP_NONE)
		carry(context, rules, end, pkt);
}

static void fuzz_packets(uint8_t choice, const uint8_t *data, size_t len)
{
	static struct schc_rule rules[RULES];
	struct schc_rule_set set;
	struct diet_attrs attrs = diet_attrs_plain();
	struct diet_sa sa = {.out = true};
	struct diet_context context;
	struct schc_end end;
	struct buf *pkt = buf_alloc(ROOM + SCHC_SET_HEADER_MAX);

	make_rules(rules, &set);
	attrs.rules = &set;
	attrs.device = choice & 1;
	must(pkt && diet_context_init(&context, &attrs, &sa) == 0);
	diet_schc_end(&attrs, &sa, &end);
	must(buf_set(pkt, data, len) == 0);
	if (choice & 2)
		carry(&context, &set, &end, pkt);
	else
		fuzz_wire(&context, &set, &end, pkt);
	buf_free(pkt);
	diet_context_fini(&context);
}

/* Rules as octets: what the checks let through compiles and restores without harm. */
static void fuzz_rules(const uint8_t *data, size_t len)
{
	static struct schc_rule rules[2];
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_rule_set set = {rules, 2};
	struct schc_end end = {.di = SCHC_DI_DOWN, .has_dev_iid = true};
	struct outer outer = {0};
	struct schc_restored restored;
	struct schc_fault fault;
	struct schc_set *compiled;
	int err;

	memset(rules, 0, sizeof rules);
	memcpy(&rules[0], data, len < sizeof rules ? len : sizeof rules);
	if (!schc_set_check(&set, &fault))
		must(fault.text && fault.rule <= set.n);
	err = schc_set_compile(&compiled, &set, &end);
	must(err != 0 || !fault.text);
	if (err)
		return;
	for (unsigned first = 0; first < 256; first++) {
		uint8_t wire[64];

		memset(wire, (int)first, sizeof wire);
		if (schc_set_restore(compiled, wire, sizeof wire, header, &outer, &restored))
			must(restored.taken <= sizeof wire && restored.header_len <= sizeof header);
	}
	schc_set_free(compiled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len || len > ROOM)
		return 0;
	if (data[0] & 4)
		fuzz_rules(data + 1, len - 1);
	else
		fuzz_packets(data[0], data + 1, len - 1);
	return 0;
}
