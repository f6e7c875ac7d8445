/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets in YANG-CBOR as the engine's rules: what arrives there, and what is refused where. */
#include "config/rules_set.h"

#include "config/sid.h"
#include "config/yang.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One entry, as it is written here and put into CBOR below. */
struct entry {
	const char *field;
	unsigned length; /* 0: fl-variable, 1000: fl-token-length */
	const char *direction, *operator, * action;
	const char *values; /* hexadecimal, several with blanks between; NULL: none */
	const char *argument;
	unsigned position; /* 0: 1 */
};

static void put_identity(struct tree_writer *w, unsigned delta, const char *base, const char *name)
{
	char full[64];
	snprintf(full, sizeof full, "%s%s", base, name);
	const struct sid *sid = sid_identity(full, strlen(full));
	cr_assert(sid, "%s", full);
	tree_put_uint(w, delta);
	tree_put_uint(w, sid->number);
}

static size_t count_values(const char *text)
{
	size_t n = 1;
	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static void put_values(struct tree_writer *w, unsigned delta, const char *text)
{
	if (!text)
		return;
	tree_put_uint(w, delta);
	tree_put_array(w, count_values(text));
	for (unsigned index = 0; *text; index++) {
		uint8_t data[80];
		size_t len = 0;
		unsigned octet;
		for (; sscanf(text, "%2x", &octet) == 1 && *text != ' '; text += 2)
			data[len++] = (uint8_t)octet;
		text += *text == ' ';
		tree_put_map(w, 2);
		tree_put_uint(w, 1);
		tree_put_uint(w, index);
		tree_put_uint(w, 2);
		tree_put_bytes(w, data, len);
	}
}

static void put_entry(struct tree_writer *w, const struct entry *e)
{
	tree_put_map(w, 6u + (e->argument != NULL) + (e->values != NULL));
	put_identity(w, 1, "cda-", e->action);
	put_identity(w, 5, "di-", e->direction);
	put_identity(w, 6, "fid-", e->field);
	tree_put_uint(w, 7);
	if (e->length == 0 || e->length == 1000) {
		const char *name = e->length ? "fl-token-length" : "fl-variable";
		tree_put_tag(w, 45);
		tree_put_uint(w, sid_identity(name, strlen(name))->number);
	} else {
		tree_put_uint(w, e->length);
	}
	tree_put_uint(w, 8);
	tree_put_uint(w, e->position ? e->position : 1);
	put_identity(w, 9, "mo-", e->operator);
	put_values(w, 10, e->argument);
	put_values(w, 13, e->values);
}

struct rule {
	const struct entry *entries;
	size_t n;
	unsigned id, bits;
	const char *nature;
};

/* Reads a set of n rules; like rules_set_read. */
static int read_rules(
	const struct rule *rules, size_t n, struct rules_set *out, struct tree_error *error)
{
	struct tree_writer w;
	tree_writer_init(&w);
	tree_put_map(&w, 1);
	tree_put_uint(&w, 60095);
	tree_put_map(&w, 1);
	tree_put_uint(&w, 1);
	tree_put_array(&w, n);
	for (size_t i = 0; i < n; i++) {
		tree_put_map(&w, 3u + (rules[i].n > 0));
		if (rules[i].n) {
			tree_put_uint(&w, 4);
			tree_put_array(&w, rules[i].n);
		}
		for (size_t k = 0; k < rules[i].n; k++)
			put_entry(&w, &rules[i].entries[k]);
		tree_put_uint(&w, 33);
		tree_put_uint(&w, rules[i].bits);
		tree_put_uint(&w, 34);
		tree_put_uint(&w, rules[i].id);
		put_identity(&w, 35, "nature-", rules[i].nature ? rules[i].nature : "compression");
	}
	struct tree *tree = tree_parse(w.data, w.len, 10, error);
	cr_assert(tree, "%s: %s", error->at, error->text);
	cr_assert(tree_canonical(tree));
	int err = yang_check(tree_root(tree), error) ? rules_set_read(tree_root(tree), out, error)
						     : -EINVAL;
	tree_free(tree);
	tree_writer_fini(&w);
	return err;
}

#define BI "bidirectional"
#define IPV6_HEAD \
	{"ipv6-version", 4, BI, "equal", "not-sent", "06", NULL, 0}, \
		{"ipv6-trafficclass-ds", 6, BI, "ignore", "lower", NULL, NULL, 0}, \
		{"ipv6-trafficclass-ecn", 2, BI, "ignore", "compute", NULL, NULL, 0}, \
		{"ipv6-flowlabel", 20, BI, "ignore", "generated", NULL, NULL, 0}, \
		{"ipv6-payload-length", 16, BI, "ignore", "compute", NULL, NULL, 0}, \
		{"ipv6-nextheader", 8, BI, "equal", "not-sent", "11", NULL, 0}, \
		{"ipv6-hoplimit", 8, BI, "match-mapping", "mapping-sent", "40 ff 01", NULL, 0}, \
		{"ipv6-devprefix", 64, BI, "equal", "not-sent", "20010db800010000", NULL, 0}, \
		{"ipv6-deviid", 64, BI, "msb", "lsb", "0000000000000000", "38", 0}, \
		{"ipv6-appprefix", 64, BI, "equal", "not-sent", "20010db800020000", NULL, 0}, \
	{ \
		"ipv6-appiid", 64, BI, "ignore", "value-sent", NULL, NULL, 0 \
	}
#define UDP_HEAD \
	{"udp-dev-port", 16, BI, "equal", "not-sent", "1633", NULL, 0}, \
		{"udp-app-port", 16, BI, "equal", "not-sent", "1633", NULL, 0}, \
		{"udp-length", 16, BI, "ignore", "compute", NULL, NULL, 0}, \
	{ \
		"udp-checksum", 16, BI, "ignore", "compute", NULL, NULL, 0 \
	}

static const struct entry ipv6_udp[] = {IPV6_HEAD, UDP_HEAD};
static const struct entry coap[] = {
	IPV6_HEAD,
	UDP_HEAD,
	{"coap-version", 2, BI, "equal", "not-sent", "01", NULL, 0},
	{"coap-type", 2, BI, "match-mapping", "mapping-sent", "00 02", NULL, 0},
	{"coap-tkl", 4, BI, "equal", "not-sent", "02", NULL, 0},
	{"coap-code", 8, "up", "equal", "not-sent", "02", NULL, 0},
	{"coap-code", 8, "down", "match-mapping", "mapping-sent", "44 45 84", NULL, 0},
	{"coap-mid", 16, BI, "msb", "lsb", "0000", "08", 0},
	{"coap-token", 1000, BI, "ignore", "value-sent", NULL, NULL, 0},
	{"coap-option-uri-path", 0, "up", "equal", "not-sent", "74656d70", NULL, 1},
	{"coap-option-uri-path", 0, "up", "ignore", "value-sent", NULL, NULL, 2},
	{"coap-option-content-format", 8, "up", "equal", "not-sent", "3c", NULL, 1},
};

enum { N_UDP = sizeof ipv6_udp / sizeof *ipv6_udp, N_COAP = sizeof coap / sizeof *coap };

Test(rules_set, what_arrives)
{
	const struct rule rules[] = {
		{coap, N_COAP, 0, 1, NULL},
		{ipv6_udp, N_UDP, 2, 2, NULL},
		{NULL, 0, 3, 2, "no-compression"},
	};
	struct tree_error error = {0};
	struct rules_set set;
	cr_assert_eq(read_rules(rules, 3, &set, &error), 0, "%s: %s", error.at, error.text);
	cr_assert_eq(set.set.n, 3);
	const struct schc_rule *r = &set.set.rule[0];
	cr_assert_eq(r->n, N_COAP);
	cr_assert(r->id == 0 && r->id_bits == 1 && r->nature == SCHC_COMPRESSION);
	cr_assert_eq(r->field[0].fid, SCHC_IPV6_VER);
	cr_assert_eq(r->field[0].tv[0], 6);
	cr_assert_eq(r->field[1].cda, SCHC_CDA_LOWER);
	cr_assert_eq(r->field[2].cda, SCHC_CDA_LOWER); /* compute of what only the outside has */
	cr_assert_eq(r->field[3].cda, SCHC_CDA_GENERATED);
	cr_assert_eq(r->field[4].cda, SCHC_CDA_COMPUTE);
	cr_assert_eq(r->field[6].mapping_n, 3);
	cr_assert_eq(r->field[8].msb, 56);
	cr_assert_eq(r->field[21].fl, SCHC_FL_TKL);
	cr_assert(r->field[22].fl == SCHC_FL_VARIABLE && r->field[22].fp == 1);
	cr_assert(r->field[18].di == SCHC_DI_UP && r->field[19].di == SCHC_DI_DOWN);
	size_t len;
	const uint8_t *value = schc_rule_value(r, &r->field[22], 0, &len);
	cr_assert(len == 4 && memcmp(value, "temp", 4) == 0);
	cr_assert_eq(set.set.rule[2].nature, SCHC_NO_COMPRESSION);
	rules_set_free(&set);
}

/* Every identity of a field has its own number in the engine, and back. */
Test(rules_set, field_names)
{
	unsigned named = 0;
	for (unsigned fid = 0; fid < SCHC_FIDS; fid++) {
		const char *name = rules_field_name((enum schc_fid)fid);
		if (!name)
			continue;
		named++;
		cr_assert(sid_identity(name, strlen(name)), "%s", name);
		for (unsigned other = 0; other < fid; other++) {
			const char *text = rules_field_name((enum schc_fid)other);
			cr_assert(!text || strcmp(text, name) != 0, "%s", name);
		}
	}
	cr_assert_gt(named, 80, "%u", named);
}

Test(rules_set, sids_ascend)
{
	cr_assert_eq(sid_data("/ietf-schc:schc"), 60095);
	cr_assert_eq(sid_data("/ietf-schc:schc/rule/entry"), 60100);
	cr_assert_eq(sid_identity("ietf-schc:fl-variable", 21)->number, 60077);
	cr_assert_eq(sid_identity("dietvpn-schc:cda-lower", 22)->number, 61001);
	cr_assert_null(sid_identity("ietf-schc:cda-lower", 19));
	cr_assert_null(sid_identity("cda", 3));
	cr_assert_null(sid_find(59999));
	cr_assert_eq(sid_find(60131)->space, SID_DATA);
}

/* One entry of the good rule replaced. */
struct change {
	unsigned at;
	struct entry entry;
	const char *where, *text;
};

Test(rules_set, refused_entries)
{
	static const struct change rows[] = {
		{0, {"ipv6-version", 5, BI, "equal", "not-sent", "06", NULL, 0}, "rule[0].entry[0]",
			"fid-ipv6-version: field-length is not the width of the field"},
		{0, {"ipv6-version", 0, BI, "equal", "not-sent", "06", NULL, 0}, NULL, NULL},
		{0, {"ipv6-version", 4, BI, "equal", "not-sent", NULL, NULL, 0}, "rule[0].entry[0]",
			"fid-ipv6-version: this operator needs a target-value"},
		{0, {"ipv6-version", 4, BI, "equal", "not-sent", "06 07", NULL, 0},
			"rule[0].entry[0]", "fid-ipv6-version: this operator has one target-value"},
		{0, {"ipv6-version", 4, BI, "equal", "not-sent", "0006", NULL, 0},
			"rule[0].entry[0]",
			"fid-ipv6-version: a target-value is longer than the field, or the rule "
			"is full"},
		{0, {"ipv6-version", 4, BI, "equal", "not-sent", "16", NULL, 0}, "rule[0].entry[0]",
			"fid-ipv6-version: the target value is wider than the field"},
		{1, {"ipv6-trafficclass-ds", 6, BI, "ignore", "not-sent", NULL, NULL, 0},
			"rule[0].entry[1]",
			"fid-ipv6-trafficclass-ds: ignore with not-sent loses the value"},
		{1, {"ipv6-trafficclass-ds", 6, BI, "ignore", "padding", NULL, NULL, 0},
			"rule[0].entry[1]",
			"fid-ipv6-trafficclass-ds: its direction, operator or action is not known "
			"to dietvpn"},
		{3, {"ipv6-flowlabel", 20, BI, "equal", "value-sent", "000000", NULL, 0},
			"rule[0].entry[3]",
			"fid-ipv6-flowlabel: this action needs the operator ignore"},
		{8, {"ipv6-deviid", 64, BI, "msb", "lsb", "0000000000000000", NULL, 0},
			"rule[0].entry[8]",
			"fid-ipv6-deviid: mo-msb needs one matching-operator-value"},
		{8, {"ipv6-deviid", 64, BI, "msb", "lsb", "0000000000000000", "38 00", 0},
			"rule[0].entry[8]",
			"fid-ipv6-deviid: mo-msb needs one matching-operator-value"},
		{8, {"ipv6-deviid", 64, BI, "msb", "lsb", "0000000000000000", "000038", 0},
			"rule[0].entry[8]",
			"fid-ipv6-deviid: the length of mo-msb is a number of 1 or 2 octets"},
		{8, {"ipv6-deviid", 64, BI, "msb", "lsb", "0000000000000000", "41", 0},
			"rule[0].entry[8]", "fid-ipv6-deviid: MSB is longer than the field"},
		{10, {"ipv6-appiid", 64, BI, "ignore", "value-sent", NULL, "08", 0},
			"rule[0].entry[10]",
			"fid-ipv6-appiid: only mo-msb has a matching-operator-value"},
		{6, {"ipv6-hoplimit", 8, BI, "match-mapping", "mapping-sent", "40 ff 40", NULL, 0},
			"rule[0].entry[6]", "fid-ipv6-hoplimit: a mapping entry stands twice"},
		{4, {"udp-length", 16, BI, "ignore", "compute", NULL, NULL, 0}, NULL, NULL},
		{5, {"esp-spi", 32, BI, "ignore", "value-sent", NULL, NULL, 0}, "rule[0].entry[5]",
			"fid-esp-spi: this field is not compressed by dietvpn"},
		{14, {"udp-checksum", 16, BI, "ignore", "lower", NULL, NULL, 0}, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct entry entries[N_UDP];
		struct tree_error error = {0};
		struct rules_set set;
		char at[96];
		memcpy(entries, ipv6_udp, sizeof entries);
		entries[rows[i].at] = rows[i].entry;
		const struct rule rule = {entries, N_UDP, 1, 1, NULL};
		cr_expect_eq(read_rules(&rule, 1, &set, &error), -EINVAL, "row %zu", i);
		cr_expect(error.text[0] && error.at[0], "row %zu", i);
		if (!rows[i].where)
			continue;
		snprintf(at, sizeof at, "ietf-schc:schc.%s", rows[i].where);
		cr_expect_str_eq(error.at, at, "row %zu: %s", i, error.at);
		cr_expect_str_eq(error.text, rows[i].text, "row %zu: %s", i, error.text);
	}
}

Test(rules_set, refused_rules)
{
	static const struct {
		struct rule rules[2];
		size_t n;
		const char *at;
	} rows[] = {
		{{{ipv6_udp, N_UDP, 2, 1, NULL}}, 1, "ietf-schc:schc.rule[0]"},
		{{{ipv6_udp, N_UDP, 1, 9, NULL}}, 1, "ietf-schc:schc.rule[0]"},
		{{{ipv6_udp, 0, 1, 1, NULL}}, 1, "ietf-schc:schc.rule[0]"},
		{{{ipv6_udp, N_UDP, 1, 1, "no-compression"}}, 1, "ietf-schc:schc.rule[0]"},
		{{{NULL, 0, 1, 1, "fragmentation"}}, 1, "ietf-schc:schc.rule[0]"},
		{{{ipv6_udp, N_UDP, 1, 2, NULL}, {coap, N_COAP, 1, 2, NULL}}, 2, NULL},
		{{{ipv6_udp, N_UDP, 0, 1, NULL}, {coap, N_COAP, 1, 2, NULL}}, 2, NULL},
		{{{ipv6_udp, N_UDP, 0, 0, NULL}, {coap, N_COAP, 1, 2, NULL}}, 2, NULL},
		{{{ipv6_udp, N_UDP - 1, 1, 2, NULL}}, 1, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tree_error error = {0};
		struct rules_set set;
		cr_expect_eq(
			read_rules(rows[i].rules, rows[i].n, &set, &error), -EINVAL, "row %zu", i);
		cr_expect(error.text[0], "row %zu", i);
		cr_expect(!rows[i].at || strcmp(error.at, rows[i].at) == 0, "row %zu: %s", i,
			error.at);
	}
}
