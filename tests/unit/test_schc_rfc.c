/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 8724 appendix A and RFC 8824, octet by octet. */
#include "schc/bits.h"
#include "ip/packet.h"
#include "reference/inner.h"
#include "reference/rfc_rules.h"
#include "reference/wire.h"

#include <criterion/criterion.h>
#include <string.h>

/* Rule 0 to 3 with RuleIDs of two bits. */
static void rfc8724_rules(struct schc_rule rules[4])
{
	memset(rules, 0, 4 * sizeof *rules);
	for (unsigned i = 0; i < 4; i++) {
		rules[i].id = (uint8_t)i;
		rules[i].id_bits = 2;
	}
	rules[0].nature = SCHC_NO_COMPRESSION;
	rule_rows(&rules[1], rfc8724_rule1);
	rule_rows(&rules[2], rfc8724_rule2);
	rule_rows(&rules[3], rfc8724_rule3);
}

static struct schc_end rfc8724_end(enum schc_di di)
{
	return (struct schc_end){
		.di = di, .has_dev_iid = true, .dev_iid = {2, 0, 0, 0xff, 0xfe, 0, 0, 9}};
}

struct flow {
	const char *dev, *app; /* prefixes */
	uint8_t app_iid[2];
	uint16_t dev_port, app_port;
	uint8_t hop_limit;
};

static size_t rfc8724_packet(const struct flow *flow, enum schc_di di, uint8_t *out)
{
	struct schc_end end = rfc8724_end(di);
	bool up = di == SCHC_DI_UP;
	struct inner inner = {.version = 6,
		.proto = IP_PROTO_UDP,
		.sport = up ? flow->dev_port : flow->app_port,
		.dport = up ? flow->app_port : flow->dev_port,
		.hop_limit = flow->hop_limit,
		.payload = (const uint8_t *)"abc",
		.payload_len = 3};
	uint8_t *dev = up ? inner.src : inner.dst;
	uint8_t *app = up ? inner.dst : inner.src;

	wire_hex(flow->dev, dev);
	memcpy(dev + 8, end.dev_iid, 8);
	wire_hex(flow->app, app);
	memcpy(app + 14, flow->app_iid, 2);
	return inner_build(&inner, out);
}

static void expect_flow(
	const struct schc_rule rules[4], const struct flow *flow, enum schc_di di, const char *hex)
{
	struct schc_end end = rfc8724_end(di);
	struct schc_set *set = wire_compile(rules, 4, &end);
	uint8_t packet[WIRE_ROOM];
	size_t len = rfc8724_packet(flow, di, packet);

	if (hex)
		wire_expect(set, 6, packet, len, hex);
	else
		wire_no_rule(set, 6, packet, len);
	schc_set_free(set);
}

Test(schc_rfc, rfc8724_appendix_a)
{
	static const struct flow management = {LINK_LOCAL, LINK_LOCAL, {0, 1}, 123, 124, 255};
	static const struct flow data = {ALPHA, BETA, {0x10, 0}, 5683, 5683, 255};
	static const struct flow local = {LINK_LOCAL, LINK_LOCAL, {0x10, 0}, 5683, 5683, 255};
	static const struct flow legacy = {ALPHA, GAMMA, {0x10, 0}, 0x2213, 0x221e, 255};
	static const struct flow far = {ALPHA, GAMMA, {0x10, 0}, 0x2213, 0x221e, 42};
	static const struct flow other = {ALPHA, GAMMA, {0x10, 0}, 0x2223, 0x221e, 255};
	struct schc_rule rules[4];

	rfc8724_rules(rules);
	for (enum schc_di di = SCHC_DI_UP; di <= SCHC_DI_DOWN; di++) {
		expect_flow(rules, &management, di, "40616263"); /* 01 */
		expect_flow(rules, &data, di, "80616263");       /* 10 0 00 */
		expect_flow(rules, &local, di, "b0616263");      /* 10 1 10 */
		expect_flow(rules, &other, di, NULL);
	}
	expect_flow(rules, &legacy, SCHC_DI_UP, "cf80616263"); /* 11 0011 1110 */
	expect_flow(rules, &far, SCHC_DI_UP, NULL);
	expect_flow(rules, &far, SCHC_DI_DOWN, "ca8f80616263"); /* 11 00101010 0011 1110 */
}

Test(schc_rfc, rfc8824_examples)
{
	/* Figures 8 and 16, 9 and 17. */
	wire_message(rfc8824_table6, SCHC_DI_UP, "4101000182bb74656d7065726174757265", "0114");
	wire_message(rfc8824_table6, SCHC_DI_DOWN, "6145000182ff32332043", "010a32332043");
	/* Other path, other code, another option, more of the Message ID. */
	wire_message(rfc8824_table6, SCHC_DI_UP, "4101000182bb74656d7065726174757266", NULL);
	wire_message(rfc8824_table6, SCHC_DI_DOWN, "6144000182ff32332043", NULL);
	wire_message(rfc8824_table6, SCHC_DI_DOWN, "6145000182c132ff32332043", NULL);
	wire_message(rfc8824_table6, SCHC_DI_DOWN, "6145001182ff32332043", NULL);
	/* Table 3: 5 bits of code, 9 of the Message ID; on the way Up one of the type. */
	wire_message(rfc8824_table3, SCHC_DI_DOWN, "40020017b470617468ff21", "01105c21");
	wire_message(rfc8824_table3, SCHC_DI_UP, "60440017", "01202e");
	/* Table 2: 2 "X6", 4 "eth0". */
	wire_message(rfc8824_table2, SCHC_DI_UP,
		"50011234b16302583646"
		"6b3d65746830",
		"0125836465746830");
}

/* The bits of RuleID and residue, then the payload without the pad bits in between: what RFC 8724
 * sends, where we begin the payload in an octet of its own. */
static size_t joined(const uint8_t *wire, size_t len, unsigned bits, uint8_t *out)
{
	size_t begin = (bits + 7u) / 8u;
	struct bit_writer w = {.out = out};

	memset(out, 0, WIRE_ROOM);
	bits_put_octets(&w, wire, bits / 8);
	if (bits % 8)
		bits_put(&w, (uint8_t)(wire[bits / 8] >> (8 - bits % 8)), bits % 8);
	bits_put_octets(&w, wire + begin, len - begin);
	return bits_written(&w);
}

/* The message becomes these octets as the RFC prints them, residue and payload side by side. */
static void expect_printed(
	const struct rule_row *rows, enum schc_di di, unsigned residue_bits, const char *texts[2])
{
	struct schc_rule rule = wire_rule(rows, 0, 8);
	struct schc_end end = {.di = di};
	struct schc_set *set = wire_compile(&rule, 1, &end);
	uint8_t message[WIRE_ROOM];
	uint8_t printed[WIRE_ROOM];
	uint8_t wire[WIRE_ROOM];
	uint8_t got[WIRE_ROOM];
	size_t len = wire_hex(texts[0], message);
	size_t n = wire_hex(texts[1], printed);
	struct schc_view view;

	schc_view_open(&view, set, 0, message, len);
	cr_assert(schc_view_next(&view, set), "no rule for what should become %s", texts[1]);
	len = wire_put(set, &view, wire);
	cr_assert_eq(joined(wire, len, 8 + residue_bits, got), n, "%s", texts[1]);
	cr_assert_arr_eq(got, printed, n, "%s", texts[1]);
	wire_hex(texts[0], message);
	wire_restored(set, wire, len, message, view.len);
	schc_set_free(set);
}

#define EXPECT_PRINTED(rows, di, bits, message, printed) \
	expect_printed(rows, di, bits, (const char *[]){message, printed})

Test(schc_rfc, rfc8824_oscore)
{
	/* Figures 10 and 11: the plaintexts, behind 4 octets of header that no residue has. */
	EXPECT_PRINTED(rfc8824_table4, SCHC_DI_UP, 0,
		"40010000"
		"bb74656d7065726174757265",
		"00");
	EXPECT_PRINTED(rfc8824_table4, SCHC_DI_DOWN, 1, "40450000ff32332043", "001919902180");
	/* Figures 12 and 14, 13 and 15, with OSCORE's number, 9, instead of a draft's, 21. */
	EXPECT_PRINTED(rfc8824_table5, SCHC_DI_UP, 15,
		"4102000182980904636c69656e74ffa2c54fe1b434297b62", "001489458a9fc3686852f6c4");
	EXPECT_PRINTED(rfc8824_table5, SCHC_DI_DOWN, 7,
		"614400018290ff10c6d7c26cc1e9aef3f2461e0c29", "0014218daf84d983d35de7e48c3c1852");
	/* Another kid, other flags, a kid context: under another rule. */
	wire_message(rfc8824_table5, SCHC_DI_UP, "4102000182980904636c69656e84ff00", NULL);
	wire_message(rfc8824_table5, SCHC_DI_UP, "410200018292090400ff00", NULL);
	wire_message(rfc8824_table5, SCHC_DI_UP, "41020001829a190401aa636c69656e74ff00", NULL);
}

Test(schc_rfc, rfc8824_regrouped_paths)
{
	/* 1 bit says /c/d, then 1 and 2 octets behind their size. */
	wire_message(rfc8824_table1, SCHC_DI_UP,
		"50011234b1630164"
		"0165",
		"018b28");
	wire_message(rfc8824_table1, SCHC_DI_UP,
		"50011234b1610162"
		"026566",
		"01132b30");
	wire_message(rfc8824_table1, SCHC_DI_UP, "50011234b1610162", "0100");
	wire_message(rfc8824_table1, SCHC_DI_UP,
		"50011234b1610164"
		"0165",
		NULL);
	wire_message(rfc8824_table1, SCHC_DI_UP, "50011234b161", NULL);
	wire_message(rfc8824_table1, SCHC_DI_UP, "50011234b42f612f62", NULL);
}
