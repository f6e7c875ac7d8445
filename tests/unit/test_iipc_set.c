/* SPDX-License-Identifier: Apache-2.0 */
/* An SA with a rule set: real CoAP traffic, other protocols, the strict guard, and its two ends. */
#include "diet/context.h"
#include "diet/iipc.h"
#include "schc/explain.h"
#include "schc/plan.h"
#include "base/buf.h"
#include "base/wire.h"
#include "fakes/pcap.h"
#include "ip/addr.h"
#include "ip/packet.h"
#include "reference/inner.h"
#include "reference/random.h"
#include "reference/rules.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { ROOM = 2048, RULES = 8 };

#define IPV6(proto, label) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_IS(SCHC_IPV6_TC, RULE_BI, "00"), label, \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, proto), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI)
#define HOSTS \
	RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, "20010db8000a0000"), \
		RULE_BY(SCHC_IPV6_DEVIID, RULE_BI, SCHC_CDA_DEVIID), \
		RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, "20010db8000a0000"), \
		RULE_BY(SCHC_IPV6_APPIID, RULE_BI, SCHC_CDA_APPIID)
#define LABELS    RULE_OF(SCHC_IPV6_FL, RULE_BI, "0ff85f,0fdbce")
#define ANY_LABEL RULE_ANY(SCHC_IPV6_FL, RULE_BI)
#define UDP(dev, app) \
	RULE_IS(SCHC_UDP_DEVPORT, RULE_BI, dev), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, app), \
		RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE)
#define COAP(type, tkl, code) \
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_OF(SCHC_COAP_TYPE, RULE_BI, type), \
		RULE_IS(SCHC_COAP_TKL, RULE_BI, tkl), RULE_OF(SCHC_COAP_CODE, RULE_BI, code), \
		RULE_ANY(SCHC_COAP_MID, RULE_BI)
#define PATH(n) \
	{ \
		SCHC_COAP_URI_PATH, n, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0 \
	}

/* The thermostat of another project: notifications, requests, and what answers them. */
static const struct rule_row notify[] = {IPV6("11", LABELS), HOSTS, UDP("90a0", "1633"),
	COAP("01,00", "02", "45"), RULE_ANY(SCHC_COAP_TOKEN, RULE_BI),
	RULE_ANY(SCHC_COAP_OBSERVE, RULE_BI), RULE_OF(SCHC_COAP_CONTENT_FORMAT, RULE_BI, "2d16,3c"),
	RULE_END};
static const struct rule_row request[] = {IPV6("11", LABELS), HOSTS, UDP("90a0", "1633"),
	COAP("00", "02", "02,03"), RULE_ANY(SCHC_COAP_TOKEN, RULE_BI), PATH(1), PATH(2), PATH(3),
	RULE_ANY(SCHC_COAP_CONTENT_FORMAT, RULE_BI), RULE_END};
static const struct rule_row done[] = {IPV6("11", LABELS), HOSTS, UDP("90a0", "1633"),
	COAP("02", "02", "44"), RULE_ANY(SCHC_COAP_TOKEN, RULE_BI), RULE_END};
static const struct rule_row empty[] = {
	IPV6("11", LABELS), HOSTS, UDP("90a0", "1633"), COAP("02,03", "00", "00"), RULE_END};
static const struct rule_row echo[] = {IPV6("3a", ANY_LABEL), HOSTS,
	RULE_OF(SCHC_ICMPV6_TYPE, RULE_BI, "80,81"), RULE_IS(SCHC_ICMPV6_CODE, RULE_BI, "00"),
	RULE_BY(SCHC_ICMPV6_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_ICMPV6_IDENT, RULE_BI),
	RULE_ANY(SCHC_ICMPV6_SEQNO, RULE_BI), RULE_END};
static const struct rule_row tcp[] = {IPV6("06", ANY_LABEL), HOSTS,
	RULE_ANY(SCHC_TCP_DEVPORT, RULE_BI), RULE_IS(SCHC_TCP_APPPORT, RULE_BI, "0050"),
	RULE_ANY(SCHC_TCP_SEQ, RULE_BI), RULE_ANY(SCHC_TCP_ACK, RULE_BI),
	RULE_ANY(SCHC_TCP_DOFF, RULE_BI), RULE_ANY(SCHC_TCP_RSVFLAGS, RULE_BI),
	RULE_ANY(SCHC_TCP_WIN, RULE_BI), RULE_BY(SCHC_TCP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_IS(SCHC_TCP_URG, RULE_BI, "00"), RULE_END};
static const struct rule_row ipv4[] = {RULE_IS(SCHC_IPV4_VER, RULE_BI, "04"),
	RULE_IS(SCHC_IPV4_IHL, RULE_BI, "05"), RULE_ANY(SCHC_IPV4_DSCP, RULE_BI),
	RULE_ANY(SCHC_IPV4_ECN, RULE_BI), RULE_BY(SCHC_IPV4_TLEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_ANY(SCHC_IPV4_ID, RULE_BI), RULE_ANY(SCHC_IPV4_FLAGS, RULE_BI),
	RULE_ANY(SCHC_IPV4_FRAGOFF, RULE_BI), RULE_BY(SCHC_IPV4_TTL, RULE_BI, SCHC_CDA_LOWER),
	RULE_OF(SCHC_IPV4_PROTO, RULE_BI, "01"),
	RULE_BY(SCHC_IPV4_CKSUM, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_MSB(SCHC_IPV4_DEV, RULE_BI, 24, "0a000100"),
	RULE_MSB(SCHC_IPV4_APP, RULE_BI, 24, "0a000200"), RULE_ANY(SCHC_ICMP_TYPE, RULE_BI),
	RULE_IS(SCHC_ICMP_CODE, RULE_BI, "00"), RULE_BY(SCHC_ICMP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_ANY(SCHC_ICMP_IDENT, RULE_BI), RULE_ANY(SCHC_ICMP_SEQNO, RULE_BI), RULE_END};
static const struct rule_row other_udp[] = {IPV6("11", ANY_LABEL), HOSTS,
	RULE_ANY(SCHC_UDP_DEVPORT, RULE_BI), RULE_ANY(SCHC_UDP_APPPORT, RULE_BI),
	RULE_ANY(SCHC_UDP_LEN, RULE_BI), RULE_ANY(SCHC_UDP_CKSUM, RULE_BI), RULE_END};

/* Both ends of one SA from Dev to App, or back. */
struct pair {
	struct schc_rule rule[RULES];
	struct schc_rule_set rules;
	struct ts ts[2]; /* Dev's, App's */
	struct diet_context sender, receiver;
};

static void pair_make(struct pair *pair, const struct rule_row *const *tables, unsigned n)
{
	static const char *const hosts[] = {"2001:db8:a::3", "2001:db8:a::20"};

	memset(pair, 0, sizeof *pair);
	pair->rules = (struct schc_rule_set){pair->rule, n};
	for (unsigned i = 0; i < n; i++) {
		pair->rule[i].id = (uint8_t)i;
		pair->rule[i].id_bits = 4;
		rule_rows(&pair->rule[i], tables[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		pair->ts[i].port_end = UINT16_MAX;
		ip_addr_parse(hosts[i], &pair->ts[i].addr_start);
		pair->ts[i].addr_end = pair->ts[i].addr_start;
	}
}

static int end_init(const struct pair *pair, bool up, bool out, struct diet_context *context)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct diet_sa sa = {.spi = 256,
		.out = out,
		.src = &pair->ts[up ? 0 : 1],
		.dst = &pair->ts[up ? 1 : 0],
		.n_src = 1,
		.n_dst = 1};

	attrs.rules = &pair->rules;
	attrs.device = up == out;
	return diet_context_init(context, &attrs, &sa);
}

static void pair_open(struct pair *pair, bool up)
{
	cr_assert_eq(end_init(pair, up, true, &pair->sender), 0);
	cr_assert_eq(end_init(pair, up, false, &pair->receiver), 0);
}

static void pair_close(struct pair *pair)
{
	diet_context_fini(&pair->sender);
	diet_context_fini(&pair->receiver);
}

/* Through both ends; octets that travel. */
static size_t carry(const struct pair *pair, const uint8_t *packet, size_t len)
{
	struct outer outer = {.hop_limit = 64};
	struct buf *pkt = buf_alloc(ROOM);
	struct ip_packet ip;
	size_t said;
	size_t wire;

	cr_assert_not_null(pkt);
	cr_assert_eq(buf_set(pkt, packet, len), 0);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert(iipc_fits(&pair->sender, &ip));
	said = iipc_compressed_len(&pair->sender, &ip);
	cr_assert_eq(iipc_compress(&pair->sender, &ip, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, said);
	wire = pkt->len;
	cr_assert_eq(iipc_decompress(&pair->receiver, 0, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, len);
	cr_assert_arr_eq(pkt->data, packet, len);
	buf_free(pkt);
	return wire;
}

/* --- what others sent ------------------------------------------------------------------------ */

struct traffic {
	struct pair up, down;
	unsigned packets, compressed;
	size_t octets, wire,
		headers; /* headers: what travels of compressed ones before a payload */
};

static void take(void *arg, const uint8_t *data, size_t len)
{
	struct traffic *t = arg;
	bool up = data[23] == 3;
	size_t wire = carry(up ? &t->up : &t->down, data, len);

	t->packets++;
	t->octets += len;
	t->wire += wire;
	t->compressed += wire < len;
}

Test(iipc_set, a_thermostat_of_others)
{
	static const struct rule_row *const tables[] = {notify, request, done, empty};
	static struct traffic t;
	const char *dir = getenv("DIETVPN_DATA_DIR");
	struct pcap_count count;
	char path[256];
	int error;

	snprintf(path, sizeof path, "%s/schc/microschc_leshan-thermostat-readings.pcapng",
		dir ? dir : "");
	pair_make(&t.up, tables, 4);
	pair_make(&t.down, tables, 4);
	pair_open(&t.up, true);
	pair_open(&t.down, false);
	error = pcap_each(path, take, &t, &count);
	pair_close(&t.up);
	pair_close(&t.down);
	if (error)
		cr_skip_test("no capture at %s", path);
	printf("iipc_set: %u packets, %u compressed, %zu -> %zu octets\n", t.packets, t.compressed,
		t.octets, t.wire);
	cr_assert_gt(t.packets, 9000);
	cr_assert_eq(t.compressed, t.packets);
}

/* --- other protocols, and the guard -------------------------------------------------------------
 */

static size_t build(struct inner *inner, uint8_t *out)
{
	memcpy(inner->src, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 0xa, [15] = 3}, 16);
	memcpy(inner->dst, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 0xa, [15] = 0x20}, 16);
	if (inner->version == 4) {
		memcpy(inner->src, (uint8_t[]){10, 0, 1, 7}, 4);
		memcpy(inner->dst, (uint8_t[]){10, 0, 2, 9}, 4);
	}
	inner->hop_limit = 64;
	inner->payload = (const uint8_t *)"payload";
	inner->payload_len = 7;
	return inner_build(inner, out);
}

static const struct rule_row *const mixed[] = {notify, echo, tcp, ipv4, other_udp};

Test(iipc_set, flows_of_every_kind_share_an_sa)
{
	static const struct {
		struct inner inner;
		size_t saved; /* octets, RuleID counted */
	} flows[] = {
		{{.version = 6, .proto = 58}, 48 - 9}, /* 4 + 20 + 8 + 1 + 32 bits */
		{{.version = 6, .proto = 6, .sport = 40000, .dport = 80}, 60 - 18},
		{{.version = 4, .proto = 1}, 28 - 13}, /* 4 + 8 + 16 + 16 + 16 + 8 + 32 bits */
		{{.version = 6, .proto = 17, .sport = 9, .dport = 10}, 48 - 12},
		{{.version = 6, .proto = 136, .sport = 9, .dport = 10}, 0},
		{{.version = 6, .proto = 6, .sport = 40000, .dport = 81}, 0},
	};
	static struct pair pair;
	uint8_t packet[ROOM];

	pair_make(&pair, mixed, 5);
	pair_open(&pair, true);
	for (unsigned i = 0; i < sizeof flows / sizeof *flows; i++) {
		struct inner inner = flows[i].inner;
		size_t len = build(&inner, packet);
		size_t wire = carry(&pair, packet, len);

		cr_assert_eq(wire, flows[i].saved ? len - flows[i].saved : len + 1,
			"flow %u: %zu of %zu", i, wire, len);
	}
	pair_close(&pair);
}

/* What computing would not restore goes by another rule that sends it, or whole. */
Test(iipc_set, the_guard_is_strict)
{
	static struct pair pair;
	struct inner inner = {.version = 6, .proto = 58};
	uint8_t packet[ROOM];
	size_t len;

	pair_make(&pair, mixed, 5);
	pair_open(&pair, true);
	len = build(&inner, packet);
	packet[42] ^= 1; /* the checksum is wrong and stays wrong */
	cr_assert_eq(carry(&pair, packet, len), len + 1);
	inner = (struct inner){.version = 6, .proto = 17, .sport = 9, .dport = 10};
	len = build(&inner, packet);
	packet[46] ^= 1;
	cr_assert_eq(carry(&pair, packet, len), len - 36);
	inner.extension = true;
	len = build(&inner, packet);
	cr_assert_eq(carry(&pair, packet, len), len + 1);
	inner = (struct inner){.version = 4, .proto = 1, .fragment = 0x2000};
	len = build(&inner, packet);
	cr_assert_eq(carry(&pair, packet, len), len + 1);
	inner.fragment = 0;
	len = build(&inner, packet);
	packet[8] = 3; /* TTL under lower */
	inner_fix(packet, len, 0, 0);
	cr_assert_eq(carry(&pair, packet, len), len + 1);
	inner.ihl = 6;
	len = build(&inner, packet);
	cr_assert_eq(carry(&pair, packet, len), len + 1);
	pair_close(&pair);
}

Test(iipc_set, restorable_says_what_computing_gives_back)
{
	struct buf *pkt = buf_alloc(ROOM);
	struct inner inner = {.version = 4, .proto = 17, .sport = 5, .dport = 6};
	uint8_t packet[ROOM];
	struct ip_packet ip;
	size_t len = build(&inner, packet);
	unsigned all = SCHC_FIX_IPV4_LEN | SCHC_FIX_IPV4_CKSUM | SCHC_FIX_IPV4_ID |
		       SCHC_FIX_L4_LEN | SCHC_FIX_L4_CKSUM | SCHC_FIX_FLOW_LABEL;

	buf_set(pkt, packet, len);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert_eq(iipc_restorable(&ip), all);
	pkt->data[27] = pkt->data[26] = 0; /* no checksum: a legal one in IPv4 */
	cr_assert_eq(iipc_restorable(&ip), all & ~(unsigned)SCHC_FIX_L4_CKSUM);
	put_be16(pkt->data + 24, 12);
	cr_assert_eq(iipc_restorable(&ip), all & ~(unsigned)(SCHC_FIX_L4_CKSUM | SCHC_FIX_L4_LEN));
	pkt->data[10] ^= 1;
	cr_assert_eq(iipc_restorable(&ip) & SCHC_FIX_IPV4_CKSUM, 0);
	buf_free(pkt);
}

/* --- contexts ------------------------------------------------------------------------------------
 */

Test(iipc_set, sets_that_do_not_suit_the_sa_are_refused)
{
	static const struct rule_row coap_only[] = {COAP("00", "00", "01"), RULE_END};
	static const struct rule_row *const tables[] = {notify};
	static struct pair pair;
	struct diet_context context;

	pair_make(&pair, tables, 1);
	/* Dev's interface identifier is not one any more. */
	pair.ts[0].addr_end.bytes[15]++;
	cr_assert_eq(end_init(&pair, true, true, &context), -EINVAL);
	pair_make(&pair, (const struct rule_row *const[]){coap_only}, 1);
	cr_assert_eq(end_init(&pair, true, true, &context), -EINVAL);
	pair_make(&pair, tables, 1);
	pair.rule[0].id_bits = 9;
	cr_assert_eq(end_init(&pair, true, true, &context), -EINVAL);
}

/* One rule that travels without RuleID: what it does not take does not fit. */
Test(iipc_set, an_implicit_rule_needs_a_fallback)
{
	static const struct rule_row *const tables[] = {echo};
	static struct pair pair;
	struct inner inner = {.version = 6, .proto = 58};
	uint8_t packet[ROOM];
	struct buf *pkt = buf_alloc(ROOM);
	struct ip_packet ip;
	size_t len;

	pair_make(&pair, tables, 1);
	pair.rule[0].id_bits = 0;
	pair_open(&pair, true);
	len = build(&inner, packet);
	cr_assert_eq(carry(&pair, packet, len), len - 48 + 8); /* 61 bits */
	packet[41] = 1;
	inner_fix(packet, len, 40, 58);
	buf_set(pkt, packet, len);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert_not(iipc_fits(&pair.sender, &ip));
	buf_free(pkt);
	pair_close(&pair);
}
