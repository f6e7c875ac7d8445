/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute maps and rule files: what they mean, round trips, and what is refused where. */
#include "config/rules.h"
#include "config/rules_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct slice unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned octet;
		cr_assert(sscanf(hex + 2 * i, "%2x", &octet) == 1);
		out[i] = (uint8_t)octet;
	}
	return (struct slice){out, n};
}

/* The 27 octets of the profile "iot", made by another encoder. */
static const char iot[] = "d9d9f7a2000101a163696f74a70001010102030300040805080601";

Test(rules, the_27_octets)
{
	uint8_t data[64];
	struct diet_attrs attrs;
	struct tree_error error = {0};
	struct slice file = unhex(iot, data);
	cr_assert_eq(file.len, 27);
	for (int named = 0; named < 2; named++) {
		memset(&attrs, 0x5a, sizeof attrs);
		cr_assert_eq(rules_file_profile(file, named ? "iot" : "", &attrs, &error), 0,
			"%s %s", error.at, error.text);
		cr_assert_eq(attrs.dscp_cda, DSCP_LOWER);
		cr_assert_eq(attrs.ecn_cda, ECN_LOWER);
		cr_assert_eq(attrs.flow_label_cda, FLOW_LABEL_ZERO);
		cr_assert_eq(attrs.alignment, ALIGNMENT_8);
		cr_assert_eq(attrs.esp_spi_lsb, 8);
		cr_assert_eq(attrs.esp_sn_lsb, 8);
		cr_assert_eq(attrs.esp_trailer, ESP_TRAILER_OPTIONAL);
		cr_assert(attrs.iipc && !attrs.rule_id && attrs.verify_checksum);
		cr_assert_eq(attrs.hop_limit_cda, HOP_LIMIT_LOWER);
		cr_assert_eq(attrs.window, 128);
	}
	cr_assert_eq(rules_file_profile(file, "tiny", &attrs, &error), -ENOENT);
	/* every octet cut off or damaged: an error or another profile, never a crash */
	for (size_t i = 0; i < file.len; i++) {
		cr_assert_eq(
			rules_file_profile((struct slice){data, i}, "", &attrs, &error), -EINVAL);
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			data[i] ^= (uint8_t)bit;
			error.text[0] = '\0';
			int err = rules_file_profile(file, "", &attrs, &error);
			cr_assert(err == 0 || error.text[0]);
			data[i] ^= (uint8_t)bit;
		}
	}
}

Test(rules, defaults_of_an_empty_map)
{
	struct diet_attrs attrs;
	uint8_t data[4];
	cr_assert_eq(rules_attrs_read(unhex("a0", data), &attrs, NULL), 0);
	cr_assert_eq(attrs.alignment, ALIGNMENT_64);
	cr_assert_eq(attrs.esp_trailer, ESP_TRAILER_OPTIONAL);
	cr_assert_eq(attrs.esp_spi_lsb, 32);
	cr_assert_eq(attrs.esp_sn_lsb, 32);
	cr_assert(attrs.iipc);
}

Test(rules, refused)
{
	static const struct {
		const char *hex, *at, *text;
	} rows[] = {
		/* attribute maps */
		{"", "", "empty"},
		{"80", "", "a profile is a map"},
		{"a10003", "[0]", "dscp_cda is a number from 0 to 2"},
		{"a10102", "[1]", "ecn_cda is a number from 0 to 1"},
		{"a10204", "[2]", "flow_label_cda is a number from 0 to 3"},
		{"a10304", "[3]", "alignment is a number from 0 to 3"},
		{"a1041821", "[4]", "esp_spi_lsb is a number from 0 to 32"},
		{"a1051821", "[5]", "esp_sn_lsb is a number from 0 to 32"},
		{"a10602", "[6]", "esp_trailer is a number from 0 to 1"},
		{"a12002", "[-1]", "iipc_profile is a number from 0 to 1"},
		{"a12302", "[-4]", "rule_id is a number from 0 to 1"},
		{"a12402", "[-5]", "hop_limit_cda is a number from 0 to 1"},
		{"a12500", "[-6]", "window is a number from 1 to 16384"},
		{"a125194001", "[-6]", "window is a number from 1 to 16384"},
		{"a100f5", "[0]", "dscp_cda is a number from 0 to 2"},
		{"a10700", "[7]", "unknown attribute"},
		{"a12600", "[-7]", "unknown attribute"},
		{"a122a0", "[-3]", "static traffic selectors are not loaded in this version"},
		{"a1616100", "", "a profile has integer keys only"},
		{"a12180", "[-2]", "dscp_list has 1 to 64 entries"},
		{"a1218140", "[-2]", "dscp_list holds numbers from 0 to 63"},
		{"a121811840", "[-2]", "dscp_list holds numbers from 0 to 63"},
		{"a121820101", "[-2]", "dscp_list holds 1 twice"},
		{"a10002", "", "dscp_cda = sa needs a dscp_list"},
		{"a20008000a", "[0]", "key stands twice"},
		{"a10407", "", "esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8 bits"},
		{"a20508251881", "",
			"the replay window is larger than half the range of esp_sn_lsb"},
		/* files */
		{"a2000101a161616100", "", "not a rule file: a map with tag 55799 is expected"},
		{"d9d9f780", "", "not a rule file: a map with tag 55799 is expected"},
		{"d9d9f8a2000101a16161a0", "", "not a rule file: a map with tag 55799 is expected"},
		{"d9d9f7a101a16161a0", "[0]", "the version of a rule file is 1"},
		{"d9d9f7a2000201a16161a0", "[0]", "the version of a rule file is 1"},
		{"d9d9f7a10001", "[1]", "a map of profiles is expected"},
		{"d9d9f7a2000101a0", "[1]", "a map of profiles is expected"},
		{"d9d9f7a2000101a101a0", "[1]", "the name of a profile has 1 to 40 octets"},
		{"d9d9f7a2000101a160a0", "[1]", "the name of a profile has 1 to 40 octets"},
		{"d9d9f7a3000101a16161a002a0", "",
			"a map with the one key 60095, the SID of ietf-schc:schc, is expected"},
		{"d9d9f7a3000101a16161a00300", "", "unknown key in a rule file"},
		{"d9d9f7a201a16161a00001", "", "not deterministic (RFC 8949 4.2)"},
		{"d9d9f7a200180101a16161a0", "", "not deterministic (RFC 8949 4.2)"},
		{"d9d9f7a2000101a16161a100f6", "a[0]", "dscp_cda is a number from 0 to 2"},
		{"d9d9f7a2000101a26161a06162a10407", "b",
			"esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8 bits"},
		{"d9d9f7a2000101a161618181818181818181818100", "[1].a[0][0][0][0][0][0][0]",
			"nested too deep"},
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct diet_attrs attrs;
		struct diet_attrs untouched;
		struct tree_error error = {0};
		struct slice cbor = unhex(rows[i].hex, data);
		memset(&attrs, 0x5a, sizeof attrs);
		memcpy(&untouched, &attrs, sizeof attrs);
		bool file = strncmp(rows[i].hex, "d9d9", 4) == 0 ||
			    strncmp(rows[i].hex, "a2000101a1", 10) == 0;
		int err = file ? rules_file_profile(cbor, "a", &attrs, &error)
			       : rules_attrs_read(cbor, &attrs, &error);
		cr_expect_eq(err, -EINVAL, "%s: %d", rows[i].hex, err);
		cr_expect_str_eq(error.at, rows[i].at, "%s: at %s", rows[i].hex, error.at);
		cr_expect_str_eq(error.text, rows[i].text, "%s: %s", rows[i].hex, error.text);
		cr_expect(memcmp(&attrs, &untouched, sizeof attrs) == 0, "%s", rows[i].hex);
	}
}

Test(rules, several_profiles)
{
	uint8_t data[64];
	struct diet_attrs attrs;
	struct tree_error error = {0};
	struct slice file = unhex("d9d9f7a2000101a26161a103006162a10301", data);
	cr_assert_eq(rules_file_profile(file, "", &attrs, &error), -ENOENT);
	cr_assert_str_eq(error.text, "several profiles, so give a name");
	cr_assert_eq(rules_file_profile(file, "b", &attrs, &error), 0);
	cr_assert_eq(attrs.alignment, ALIGNMENT_16);
}

static bool same(const struct diet_attrs *a, const struct diet_attrs *b)
{
	return a->wire_profile == b->wire_profile && a->iipc == b->iipc &&
	       a->dscp_cda == b->dscp_cda && a->ecn_cda == b->ecn_cda &&
	       a->flow_label_cda == b->flow_label_cda && a->alignment == b->alignment &&
	       a->esp_trailer == b->esp_trailer && a->hop_limit_cda == b->hop_limit_cda &&
	       a->esp_spi_lsb == b->esp_spi_lsb && a->esp_sn_lsb == b->esp_sn_lsb &&
	       a->rule_id == b->rule_id && a->verify_checksum == b->verify_checksum &&
	       a->n_dscp == b->n_dscp && memcmp(a->dscp_list, b->dscp_list, a->n_dscp) == 0 &&
	       a->window == b->window;
}

/* write and read are the identity over legal attributes; the octets are deterministic. */
Test(rules, round_trip)
{
	static const char *const presets[] = {"off", "safe", "iot", "link"};
	uint32_t seed = 1;
	size_t legal = 0;
	for (unsigned i = 0; i < 4000; i++) {
		struct diet_attrs attrs = diet_attrs_plain();
		struct diet_attrs again;
		struct tree_error error = {0};
		struct tree_writer w;
		uint32_t r[8];
		for (size_t k = 0; k < 8; k++) {
			seed = seed * 1664525 + 1013904223;
			r[k] = seed >> 8;
		}
		if (i < 4) {
			cr_assert(diet_attrs_preset(presets[i], &attrs));
		} else {
			attrs.iipc = r[0] & 1;
			attrs.dscp_cda = (uint8_t)(r[0] / 2 % 3);
			attrs.ecn_cda = r[0] / 8 % 2;
			attrs.flow_label_cda = r[0] / 16 % 4;
			attrs.alignment = r[0] / 64 % 4;
			attrs.esp_trailer = r[0] / 256 % 2;
			attrs.hop_limit_cda = r[0] / 512 % 2;
			attrs.rule_id = r[0] / 1024 % 2;
			attrs.esp_spi_lsb = (uint8_t)(r[1] % 33);
			attrs.esp_sn_lsb = (uint8_t)(r[2] % 33);
			attrs.window = 1 + r[3] % 200;
			for (unsigned k = 0; k < r[4] % 65; k++)
				attrs.dscp_list[attrs.n_dscp++] = (uint8_t)((k + r[5]) % 64);
		}
		if (diet_attrs_check(&attrs))
			continue;
		legal++;
		tree_writer_init(&w);
		rules_attrs_write(&w, &attrs);
		cr_assert_eq(w.error, 0);
		cr_assert_eq(rules_attrs_read((struct slice){w.data, w.len}, &again, &error), 0,
			"%s %s", error.at, error.text);
		cr_assert(same(&attrs, &again), "%u", i);
		struct tree *tree = tree_parse(w.data, w.len, TREE_DEPTH_FILE, NULL);
		cr_assert(tree && tree_canonical(tree));
		tree_free(tree);
		tree_writer_fini(&w);
	}
	cr_assert_gt(legal, 200, "%zu", legal);
}

/* The files of conf/rules say what the presets of the same name do. */
Test(rules, files_of_the_presets)
{
	static const char *const names[] = {"safe", "iot", "link"};
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uint8_t data[256];
		char path[4096];
		struct diet_attrs attrs;
		struct diet_attrs preset;
		struct tree_error error = {0};
		snprintf(path, sizeof path, "%s/conf/rules/%s.cbor", dir ? dir : ".", names[i]);
		FILE *f = fopen(path, "rb");
		cr_assert(f, "%s", path);
		size_t len = fread(data, 1, sizeof data, f);
		fclose(f);
		cr_assert_eq(
			rules_file_profile((struct slice){data, len}, names[i], &attrs, &error), 0,
			"%s: %s %s", path, error.at, error.text);
		cr_assert(diet_attrs_preset(names[i], &preset));
		cr_assert(same(&attrs, &preset), "%s", path);
	}
}

/* Through the door a rule set is named, by a digest and the end of Dev: both or neither, never in a
 * file. */
Test(rules, attributes_that_name_rules)
{
	static const struct {
		const char *hex;
		bool ok;
	} rows[] = {
		{"a22f1a1a2b3c4d3001", true},
		{"a22f003000", true},
		{"a12f1a1a2b3c4d", false},
		{"a13001", false},
		{"a22f053002", false},
		{"a22f1b00000001000000003001", false},
		{"a22f41003001", false},
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct diet_attrs attrs;
		struct diet_attrs again;
		struct tree_error error = {0};
		struct slice map = unhex(rows[i].hex, data);
		cr_assert_eq(rules_attrs_read(map, &attrs, &error), rows[i].ok ? 0 : -EINVAL,
			"%s: %s", rows[i].hex, error.text);
		if (!rows[i].ok) {
			cr_assert_str_eq(error.at, "[-16]");
			continue;
		}
		cr_assert(attrs.rules_named && !attrs.rules);
		struct tree_writer w;
		tree_writer_init(&w);
		rules_attrs_write(&w, &attrs);
		cr_assert_eq(rules_attrs_read((struct slice){w.data, w.len}, &again, NULL), 0);
		cr_assert(again.rules_named);
		cr_assert_eq(again.rules_digest, attrs.rules_digest);
		cr_assert_eq(again.device, attrs.device);
		tree_writer_fini(&w);
	}
	struct diet_attrs attrs;
	struct tree_error error = {0};
	struct slice file = unhex("d9d9f7a2000101a16161a22f053001", data);
	cr_assert_eq(rules_file_profile(file, "a", &attrs, &error), -EINVAL);
	cr_assert_str_eq(error.text, "unknown attribute");
}
