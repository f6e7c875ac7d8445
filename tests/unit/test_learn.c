/* SPDX-License-Identifier: Apache-2.0 */
/* What is learned of packets: codes, how fields are described, and what is not believed. */
#include "cli/learn.h"

#include "fakes/chance.h"
#include "fakes/ip_build.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { PACKETS = 64, UDP = 8, PAYLOAD = 4, SIZE = 40 + UDP + PAYLOAD, PORT = 7000 };

/* What packet i of a sequence looks like; the caller starts from defaults. */
struct look {
	uint8_t dscp, hop_limit, host;
	uint16_t sport, dport;
	bool wrong_sum;
};
typedef struct look draw(unsigned i);

static void build(uint8_t *p, struct look look)
{
	uint8_t *udp = ip_build(p, 6, IP_PROTO_UDP, UDP + PAYLOAD);

	p[0] = (uint8_t)(0x60 | look.dscp >> 2);
	p[1] = (uint8_t)(look.dscp << 6);
	p[7] = look.hop_limit;
	p[23] = look.host;
	put_be16(udp, look.sport);
	put_be16(udp + 2, look.dport);
	put_be16(udp + 4, UDP + PAYLOAD);
	put_be16(udp + 6, naive_transport(p, IP_PROTO_UDP, udp, UDP + PAYLOAD, UDP + PAYLOAD));
	udp[6] = (uint8_t)(udp[6] ^ look.wrong_sum);
}

typedef void each_packet(struct learn *learn, const struct ip_packet *ip);

static void count(struct learn *learn, const struct ip_packet *ip)
{
	learn_flow_of(learn, ip, true)->packets++;
	learn_vote(learn, ip);
}

static void gather(struct learn *learn, const struct ip_packet *ip)
{
	cr_assert_eq(learn_gather(learn, learn_flow_of(learn, ip, false), ip), 0);
}

static void run(struct learn *learn, draw *next, unsigned n, each_packet *each)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t data[SIZE];
		struct ip_packet ip;
		struct buf *pkt;

		build(data, next(i));
		pkt = exact_buf(data, SIZE);
		cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
		each(learn, &ip);
		buf_free(pkt);
	}
}

/* The rules for n packets; the first one is the escape rule, the second the flow's. */
static struct learn_rules learned(draw *next, unsigned n)
{
	struct learn *learn = calloc(1, sizeof *learn);
	struct learn_rules rules;

	run(learn, next, n, count);
	run(learn, next, n, gather);
	cr_assert_eq(learn_rules_make(learn, &rules), 0);
	learn_fini(learn);
	free(learn);
	cr_assert(schc_set_check(&rules.set, NULL));
	return rules;
}

static const struct schc_field_desc *find(const struct schc_rule *rule, unsigned fid)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (rule->field[i].fid == fid)
			return &rule->field[i];
	cr_assert(false, "no field %s", schc_field(fid)->name);
	return NULL;
}

static void expect(draw *next, unsigned n, unsigned fid, enum schc_cda cda, unsigned values)
{
	struct learn_rules rules = learned(next, n);
	const struct schc_field_desc *desc;

	cr_assert_geq(rules.set.n, 3);
	desc = find(&rules.rule[1], fid);
	cr_expect_eq(desc->cda, cda, "%s: %s", schc_field(fid)->name, schc_cda_name(desc->cda));
	cr_expect_eq(schc_rule_values(desc), values, "%s: %u values", schc_field(fid)->name,
		schc_rule_values(desc));
	learn_rules_free(&rules);
}

static struct look plain(unsigned i)
{
	(void)i;
	return (struct look){.hop_limit = 64, .host = 7, .sport = 40000, .dport = PORT};
}

static struct look counting_port(unsigned i)
{
	struct look look = plain(i);

	look.sport = (uint16_t)(40000 + i);
	return look;
}

static struct look two_hop_limits(unsigned i)
{
	struct look look = plain(i);

	look.hop_limit = i % 3 ? 64 : 63;
	return look;
}

static struct look rare_hop_limit(unsigned i)
{
	struct look look = plain(i);

	look.hop_limit = i == 9 ? 17 : 64;
	return look;
}

static struct look every_hop_limit(unsigned i)
{
	struct look look = plain(i);

	look.hop_limit = (uint8_t)(255 - 3 * i);
	return look;
}

static struct look wrong_sums(unsigned i)
{
	struct look look = plain(i);

	look.wrong_sum = i % 2;
	return look;
}

static struct look four_hosts(unsigned i)
{
	struct look look = plain(i);

	look.host = (uint8_t)(7 + i % 4);
	return look;
}

Test(learn, fields)
{
	expect(plain, PACKETS, SCHC_UDP_APPPORT, SCHC_CDA_NOT_SENT, 1);
	expect(plain, PACKETS, SCHC_IPV6_FL, SCHC_CDA_NOT_SENT, 1);
	expect(plain, PACKETS, SCHC_UDP_LEN, SCHC_CDA_COMPUTE, 0);
	expect(plain, PACKETS, SCHC_UDP_CKSUM, SCHC_CDA_COMPUTE, 0);
	expect(two_hop_limits, PACKETS, SCHC_IPV6_HOP_LMT, SCHC_CDA_MAPPING_SENT, 2);
	expect(four_hosts, PACKETS, SCHC_IPV6_DEVIID, SCHC_CDA_MAPPING_SENT, 4);
	expect(four_hosts, PACKETS, SCHC_IPV6_DEVPREFIX, SCHC_CDA_NOT_SENT, 1);
}

Test(learn, what_is_not_believed)
{
	/* One connection says nothing about the port of the next one. */
	expect(plain, PACKETS, SCHC_UDP_DEVPORT, SCHC_CDA_VALUE_SENT, 0);
	expect(counting_port, 12, SCHC_UDP_DEVPORT, SCHC_CDA_VALUE_SENT, 0);
	/* A value seen once is left to the escape rule; many of them say that others come. */
	expect(rare_hop_limit, PACKETS, SCHC_IPV6_HOP_LMT, SCHC_CDA_NOT_SENT, 1);
	expect(every_hop_limit, 12, SCHC_IPV6_HOP_LMT, SCHC_CDA_VALUE_SENT, 0);
	expect(wrong_sums, PACKETS, SCHC_UDP_CKSUM, SCHC_CDA_VALUE_SENT, 0);
}

Test(learn, escape_rules_take_what_was_not_seen)
{
	static const uint8_t open[] = {SCHC_IPV6_DSCP, SCHC_IPV6_ECN, SCHC_IPV6_HOP_LMT,
		SCHC_UDP_DEVPORT, SCHC_UDP_APPPORT};
	struct learn_rules rules = learned(plain, PACKETS);

	cr_assert_eq(rules.flow[0], LEARN_FLOWS);
	for (size_t i = 0; i < sizeof open; i++)
		cr_expect_eq(find(&rules.rule[0], open[i])->cda, SCHC_CDA_VALUE_SENT, "%s",
			schc_field(open[i])->name);
	cr_assert_eq(rules.rule[rules.set.n - 1].nature, SCHC_NO_COMPRESSION);
	cr_assert_lt(rules.rule[1].id_bits, rules.rule[0].id_bits);
	learn_rules_free(&rules);
}

/* 16 values of 60 octets fill most of what a rule can hold: the next list is sent instead. */
Test(learn, a_list_without_room_is_sent)
{
	struct learn_option option = {
		.number = 11, .min_len = 60, .max_len = 60, .n = 32, .n_values = LEARN_VALUES};
	struct schc_rule rule = {0};
	enum learn_how how;

	for (uint8_t i = 0; i < LEARN_VALUES; i++) {
		option.value[i].len = 60;
		option.value[i].count = 2;
		option.value[i].data[0] = i;
	}
	cr_assert(learn_option_desc(&option, &rule, &how));
	cr_expect_eq(how, LEARN_FEW);
	uint16_t taken = rule.n_mapping;
	cr_assert(learn_option_desc(&option, &rule, &how));
	cr_expect_eq(how, LEARN_SENT);
	cr_expect_eq(rule.n_mapping, taken);
	cr_expect_eq(rule.field[1].cda, SCHC_CDA_VALUE_SENT);
	cr_expect_eq(schc_rule_values(&rule.field[1]), 0);
}

Test(learn, too_few_packets)
{
	struct learn *learn = calloc(1, sizeof *learn);
	struct learn_rules rules;

	run(learn, plain, LEARN_SUPPORT - 1, count);
	run(learn, plain, LEARN_SUPPORT - 1, gather);
	cr_assert_eq(learn_rules_make(learn, &rules), -ENOENT);
	learn_fini(learn);
	free(learn);
}

static void check_code(const uint32_t *weight, size_t n)
{
	uint8_t bits[SCHC_SET_RULES];
	uint8_t word[SCHC_SET_RULES];
	unsigned used = 0;

	learn_code(weight, n, bits, word);
	for (size_t i = 0; i < n; i++) {
		cr_assert(bits[i] >= 1 && bits[i] <= SCHC_RULE_ID_BITS && !(word[i] >> bits[i]));
		used += 1u << (SCHC_RULE_ID_BITS - bits[i]);
		for (size_t k = 0; k < n; k++) {
			unsigned less = bits[i] < bits[k] ? bits[i] : bits[k];

			cr_assert(i == k ||
				  word[i] >> (bits[i] - less) != word[k] >> (bits[k] - less));
			cr_assert(weight[i] <= weight[k] || bits[i] <= bits[k]);
		}
	}
	cr_assert(used <= 1u << SCHC_RULE_ID_BITS);
}

Test(learn, codes_are_prefix_free_and_short_for_the_frequent)
{
	uint64_t state = 5;
	uint32_t weight[SCHC_SET_RULES];

	for (size_t n = 1; n <= SCHC_SET_RULES; n++)
		for (unsigned shape = 0; shape < 20; shape++) {
			for (size_t i = 0; i < n; i++)
				weight[i] = (uint32_t)(chance(&state) >> (32 + shape % 30));
			check_code(weight, n);
		}
	for (size_t i = 0; i < SCHC_SET_RULES; i++)
		weight[i] = i < 31 ? 1u << i : UINT32_MAX; /* the steepest that there is */
	check_code(weight, SCHC_SET_RULES);
}
