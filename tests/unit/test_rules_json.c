/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files between JSON and CBOR: the vector, round trips, and what people get to read. */
#include "cli/rules_json.h"

#include "config/rules_file.h"
#include "config/rules_set.h"
#include "vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	cr_assert(json, "%s: %s", text, error.text);
	return json;
}

/* {"a": ...} around a profile; an entry's members around a rule. */
static json_t *parse_profile(const char *text)
{
	return json_pack("{s:i,s:{s:o}}", "version", 1, "profiles", "a", parse(text));
}

static json_t *parse_schc(const char *text)
{
	return json_pack(
		"{s:i,s:{s:{}},s:o}", "version", 1, "profiles", "a", "ietf-schc:schc", parse(text));
}

static json_t *parse_entry(const char *text)
{
	return json_pack("{s:i,s:{s:{}},s:{s:[{s:i,s:i,s:s,s:[o]}]}}", "version", 1, "profiles",
		"a", "ietf-schc:schc", "rule", "rule-id-value", 1, "rule-id-length", 8,
		"rule-nature", "nature-compression", "entry", parse(text));
}

Test(rules_json, the_yang_cbor_vector)
{
	json_t *vector = vectors_open("diet-esp-schc-yang-cbor.json");
	const json_t *json = vectors_find(vector, "json");
	uint8_t sorted[1024];
	uint8_t unsorted[1024];
	size_t n = vectors_hex(vector, "cbor_deterministic", sorted, sizeof sorted);
	size_t m = vectors_hex(vector, "cbor", unsorted, sizeof unsorted);
	struct tree_error error = {0};
	struct tree_writer w;
	cr_assert_eq(n, 420);
	tree_writer_init(&w);
	cr_assert(rules_json_compile(json, true, &w, &error), "%s: %s", error.at, error.text);
	cr_assert_eq(w.len, n);
	cr_assert_arr_eq(w.data, sorted, n);
	tree_writer_fini(&w);
	json_t *a = rules_json_dump(sorted, n, &error);
	json_t *b = rules_json_dump(unsorted, m, &error);
	cr_assert(json_equal(a, json));
	cr_assert(json_equal(b, json));
	json_decref(a);
	json_decref(b);
	json_decref(vector);
}

/* The form that another encoder sorted otherwise is shown, but not loaded. */
Test(rules_json, the_daemon_wants_it_deterministic)
{
	json_t *vector = vectors_open("diet-esp-schc-yang-cbor.json");
	uint8_t file[1024] = {
		0xd9, 0xd9, 0xf7, 0xa3, 0x00, 0x01, 0x01, 0xa1, 0x61, 0x61, 0xa0, 0x02};
	size_t head = 12;
	struct tree_error error = {0};
	struct rules_file out;
	size_t n =
		head + vectors_hex(vector, "cbor_deterministic", file + head, sizeof file - head);
	cr_assert_eq(rules_file_open((struct slice){file, n}, &out, &error), 0, "%s: %s", error.at,
		error.text);
	rules_file_close(&out);
	n = head + vectors_hex(vector, "cbor", file + head, sizeof file - head);
	cr_assert_neq(rules_file_open((struct slice){file, n}, &out, &error), 0);
	cr_assert_str_eq(error.text, "not deterministic (RFC 8949 4.2)");
	cr_assert_eq(rules_file_open_any((struct slice){file, n}, &out, &error), 0);
	rules_file_close(&out);
	json_decref(vector);
}

/* The 27 octets of the profile "iot", made by another encoder. */
Test(rules_json, the_27_octets)
{
	static const uint8_t iot[] = {0xd9, 0xd9, 0xf7, 0xa2, 0x00, 0x01, 0x01, 0xa1, 0x63, 0x69,
		0x6f, 0x74, 0xa7, 0x00, 0x01, 0x01, 0x01, 0x02, 0x03, 0x03, 0x00, 0x04, 0x08, 0x05,
		0x08, 0x06, 0x01};
	json_t *json =
		parse("{\"version\": 1, \"profiles\": {\"iot\": {\"dscp_cda\": \"lower\","
		      "\"ecn_cda\": \"lower\", \"flow_label_cda\": \"zero\", \"alignment\": 8,"
		      "\"esp_spi_lsb\": 8, \"esp_sn_lsb\": 8, \"esp_trailer\": \"optional\"}}}");
	struct tree_error error = {0};
	struct tree_writer w;
	tree_writer_init(&w);
	cr_assert(rules_json_compile(json, false, &w, &error));
	cr_assert_eq(w.len, sizeof iot);
	cr_assert_arr_eq(w.data, iot, sizeof iot);
	json_t *again = rules_json_dump(w.data, w.len, &error);
	cr_assert(json_equal(again, json));
	json_decref(again);
	json_decref(json);
	tree_writer_fini(&w);
}

/* Every attribute with every word, names out of order: JSON -> CBOR -> JSON -> CBOR. */
Test(rules_json, round_trip)
{
	static const char *const texts[] = {
		"{\"version\": 1, \"profiles\": {\"bb\": {}, \"a\": {\"window\": 7}, \"c\": "
		"{\"alignment\": 64}, \"aaa\": {\"alignment\": 16}, \"ab\": {\"alignment\": 32}}}",
		"{\"version\": 1, \"profiles\": {\"x\": {\"window\": 16384, \"rule_id\": true, "
		"\"hop_limit_cda\": \"not_compressed\", \"dscp_list\": [46, 0, 63], \"dscp_cda\": "
		"\"sa\", \"iipc_profile\": \"not_compressed\", \"esp_trailer\": \"mandatory\", "
		"\"flow_label_cda\": \"generated\", \"ecn_cda\": \"not_compressed\"}, \"y\": "
		"{\"rule_id\": false, \"hop_limit_cda\": \"lower\", \"iipc_profile\": "
		"\"diet-esp\", \"flow_label_cda\": \"lower\", \"dscp_cda\": \"not_compressed\"}}}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		json_t *json = parse(texts[i]);
		struct tree_error error = {0};
		struct tree_writer w;
		struct tree_writer again;
		struct rules_file file;
		tree_writer_init(&w);
		tree_writer_init(&again);
		cr_assert(rules_json_compile(json, false, &w, &error), "%s: %s", error.at,
			error.text);
		cr_assert_eq(rules_file_open((struct slice){w.data, w.len}, &file, &error), 0,
			"%s: %s", error.at, error.text);
		rules_file_close(&file);
		json_t *dump = rules_json_dump(w.data, w.len, &error);
		cr_assert(json_equal(dump, json));
		cr_assert(rules_json_compile(dump, false, &again, &error));
		cr_assert_eq(again.len, w.len);
		cr_assert_arr_eq(again.data, w.data, w.len);
		json_decref(dump);
		json_decref(json);
		tree_writer_fini(&w);
		tree_writer_fini(&again);
	}
}

/* A set with these members besides its one rule, in CBOR and back; its version and digest. */
static uint32_t version_of(const char *members, uint8_t digest[static HASH_SHA256_LEN])
{
	char text[256];
	struct tree_error error = {0};
	struct tree_writer w;
	struct rules_file file;
	struct rules_set set;
	snprintf(text, sizeof text,
		"{%s\"rule\": [{\"rule-id-value\": 1, \"rule-id-length\": 8, \"rule-nature\": "
		"\"ietf-schc:nature-no-compression\"}]}",
		members);
	json_t *json = parse_schc(text);
	tree_writer_init(&w);
	cr_assert(rules_json_compile(json, false, &w, &error), "%s: %s", error.at, error.text);
	cr_assert_eq(rules_file_open((struct slice){w.data, w.len}, &file, &error), 0, "%s: %s",
		error.at, error.text);
	cr_assert_eq(rules_set_read(file.context, &set, &error), 0, "%s: %s", error.at, error.text);
	json_t *dump = rules_json_dump(w.data, w.len, &error);
	cr_assert(json_equal(dump, json));
	memcpy(digest, set.digest, HASH_SHA256_LEN);
	uint32_t version = set.version;
	rules_set_free(&set);
	rules_file_close(&file);
	json_decref(dump);
	json_decref(json);
	tree_writer_fini(&w);
	return version;
}

Test(rules_json, version_of_a_set)
{
	uint8_t none[HASH_SHA256_LEN];
	uint8_t one[HASH_SHA256_LEN];
	uint8_t last[HASH_SHA256_LEN];
	cr_assert_eq(version_of("", none), 0);
	cr_assert_eq(version_of("\"dietvpn-schc:version\": 1, ", one), 1);
	cr_assert_eq(version_of("\"dietvpn-schc:version\": 4294967295, ", last), UINT32_MAX);
	cr_assert(memcmp(none, one, sizeof none) != 0 && memcmp(one, last, sizeof one) != 0);
}

struct refusal {
	const char *json, *at, *text;
};

static void refused(json_t *(*make)(const char *), const struct refusal *row)
{
	json_t *json = make(row->json);
	struct tree_error error = {0};
	struct tree_writer w;
	cr_assert(json, "%s", row->json);
	tree_writer_init(&w);
	cr_expect(!rules_json_compile(json, false, &w, &error), "%s", row->json);
	cr_expect_str_eq(error.at, row->at, "%s: at %s", row->json, error.at);
	cr_expect_str_eq(error.text, row->text, "%s: %s", row->json, error.text);
	tree_writer_fini(&w);
	json_decref(json);
}

Test(rules_json, refused_files)
{
	static const struct refusal rows[] = {
		{"[]", "", "an object is expected"},
		{"{}", "version", "the version of a rule file is 1"},
		{"{\"version\": \"1\"}", "version", "the version of a rule file is 1"},
		{"{\"version\": 2}", "version", "the version of a rule file is 1"},
		{"{\"version\": 1}", "profiles", "an object with 1 to 64 profiles is expected"},
		{"{\"version\": 1, \"profiles\": {}}", "profiles",
			"an object with 1 to 64 profiles is expected"},
		{"{\"version\": 1, \"profiles\": {\"\": {}}}", "profiles",
			"the name of a profile has 1 to 40 octets"},
		{"{\"version\": 1, \"profiles\": {\"a\": 1}}", "profiles.a",
			"an object is expected"},
		{"{\"version\": 1, \"name\": 1}", "",
			"name is no member of a rule file: version, profiles and ietf-schc:schc "
			"are"},
	};
	static const struct refusal profiles[] = {
		{"{\"dscp_cd\": 1}", "profiles.a",
			"dscp_cd is no attribute; did you mean dscp_cda?"},
		{"{\"something_else\": 1}", "profiles.a", "something_else is no attribute"},
		{"{\"dscp_cda\": \"low\"}", "profiles.a.dscp_cda",
			"not_compressed, lower or sa is expected"},
		{"{\"dscp_cda\": 1}", "profiles.a.dscp_cda",
			"not_compressed, lower or sa is expected"},
		{"{\"alignment\": 24}", "profiles.a.alignment", "8, 16, 32 or 64 is expected"},
		{"{\"rule_id\": null}", "profiles.a.rule_id", "false or true is expected"},
		{"{\"esp_sn_lsb\": 33}", "profiles.a.esp_sn_lsb",
			"a number from 0 to 32 is expected"},
		{"{\"esp_sn_lsb\": -1}", "profiles.a.esp_sn_lsb",
			"a number from 0 to 32 is expected"},
		{"{\"window\": 0}", "profiles.a.window", "a number from 1 to 16384 is expected"},
		{"{\"dscp_list\": []}", "profiles.a.dscp_list",
			"a list of 1 to 64 numbers is expected"},
		{"{\"dscp_list\": [0, 64]}", "profiles.a.dscp_list[1]",
			"a number from 0 to 63 is expected"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refused(parse, &rows[i]);
	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
		refused(parse_profile, &profiles[i]);
}

#define ENTRY(more) \
	"{\"field-id\": \"fid-ipv6-version\", \"field-length\": 4, \"field-position\": 1, " \
	"\"direction-indicator\": \"di-bidirectional\", \"matching-operator\": \"mo-ignore\", " \
	"\"comp-decomp-action\": \"cda-value-sent\"" more "}"

Test(rules_json, refused_rule_sets)
{
	static const char entry[] = "ietf-schc:schc.rule[0].entry[0]";
	static const struct refusal sets[] = {
		{"1", "ietf-schc:schc", "an object is expected"},
		{"{}", "ietf-schc:schc", "rule is missing"},
		{"{\"rule\": {}}", "ietf-schc:schc.rule", "an array is expected"},
		{"{\"dietvpn-schc:version\": 0, \"rule\": [{\"rule-id-value\": 1, "
		 "\"rule-id-length\": 8, \"rule-nature\": \"nature-no-compression\"}]}",
			"ietf-schc:schc.dietvpn-schc:version",
			"a number from 1 to 4294967295 is expected"},
		{"{\"version\": 1, \"rule\": []}", "ietf-schc:schc",
			"version is no member of ietf-schc:schc"},
		{"{\"rule\": []}", "ietf-schc:schc.rule", "has 1 to 256 entries"},
		{"{\"rule\": [{}]}", "ietf-schc:schc.rule[0]", "rule-id-value is missing"},
		{"{\"rule\": [{\"rule-id-value\": 1, \"rule-id-length\": 33, \"rule-nature\": "
		 "\"nature-compression\"}]}",
			"ietf-schc:schc.rule[0].rule-id-length",
			"a number from 0 to 32 is expected"},
		{"{\"rule\": [{\"rule-id-value\": 1, \"rule-id-length\": 8, \"rule-nature\": "
		 "\"nature-compresion\"}]}",
			"ietf-schc:schc.rule[0].rule-nature",
			"nature-compresion is no identity nature-...; did you mean "
			"nature-compression?"},
		{"{\"rule\": [{\"rule-id-value\": 1, \"rule-id-length\": 8, \"rule-nature\": "
		 "\"nature-base-type\"}]}",
			"ietf-schc:schc.rule[0].rule-nature",
			"nature-base-type is no identity nature-..."},
		{"{\"rule\": [{\"rule-id-value\": 1, \"rule-id-length\": 8, \"rule-nature\": "
		 "\"nature-fragmentation\", \"fcn-size\": 3}]}",
			"ietf-schc:schc.rule[0]",
			"fcn-size belongs to fragmentation, which is not done"},
	};
	static const struct refusal entries[] = {
		{"{}", entry, "field-id is missing"},
		{ENTRY(", \"value\": 1"), entry, "value is no member of entry"},
		{ENTRY(", \"target-value\": 6"), "ietf-schc:schc.rule[0].entry[0].target-value",
			"an array is expected"},
		{ENTRY(", \"target-value\": [{\"index\": 0}]"),
			"ietf-schc:schc.rule[0].entry[0].target-value[0]", "value is missing"},
		{ENTRY(", \"target-value\": [{\"index\": 0, \"value\": \"Bg\"}]"),
			"ietf-schc:schc.rule[0].entry[0].target-value[0].value",
			"base64 (RFC 4648) of at most 64 octets is expected"},
		{ENTRY(", \"target-value\": [{\"index\": 65536, \"value\": \"Bg==\"}]"),
			"ietf-schc:schc.rule[0].entry[0].target-value[0].index",
			"a number from 0 to 65535 is expected"},
	};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		refused(parse_schc, &sets[i]);
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		refused(parse_entry, &entries[i]);
}

Test(rules_json, identities)
{
	static const struct {
		const char *member, *value, *text;
	} rows[] = {
		{"field-id", "fid-ipv6-versoin",
			"fid-ipv6-versoin is no identity fid-...; did you mean fid-ipv6-version?"},
		{"field-id", "mo-equal", "mo-equal is no identity fid-..."},
		{"field-id", "ietf-schc:fid-ipv4-ttl",
			"ietf-schc:fid-ipv4-ttl is no identity fid-...; did you mean "
			"fid-ipv4-ttl?"},
		{"matching-operator", "mo-equals",
			"mo-equals is no identity mo-...; did you mean mo-equal?"},
		{"comp-decomp-action", "cda-sent", "cda-sent is no identity cda-..."},
		{"field-length", "fl-var", "fl-var is no identity fl-..."},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *json = parse_entry(ENTRY(""));
		json_t *rule = json_array_get(
			json_object_get(json_object_get(json, "ietf-schc:schc"), "rule"), 0);
		json_t *entry = json_array_get(json_object_get(rule, "entry"), 0);
		struct tree_error error = {0};
		struct tree_writer w;
		json_object_set_new(entry, rows[i].member, json_string(rows[i].value));
		tree_writer_init(&w);
		cr_expect(!rules_json_compile(json, false, &w, &error));
		cr_expect_str_eq(error.text, rows[i].text, "%s", error.text);
		tree_writer_fini(&w);
		json_decref(json);
	}
}
