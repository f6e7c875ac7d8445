/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR reader and writer against RFC 8949 appendix A and the cases of tinycbor, libcbor, nlohmann.
 */
#include "codec/tree.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { DATA_MAX = 1 << 17 };

static char *data_path(const char *name, char *out, size_t cap)
{
	const char *dir = getenv("DIETVPN_DATA_DIR");
	snprintf(out, cap, "%s/cbor/%s", dir ? dir : "", name);
	FILE *f = dir && *dir ? fopen(out, "rb") : NULL;
	if (!f)
		cr_skip_test("no test data of others: DIETVPN_DATA_DIR/cbor/%s", name);
	fclose(f);
	return out;
}

static json_t *data_json(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *list =
		json_load_file(data_path(name, path, sizeof path), JSON_DECODE_INT_AS_REAL, &error);
	cr_assert(list, "%s:%d: %s", path, error.line, error.text);
	return list;
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	cr_assert(n <= DATA_MAX);
	for (size_t i = 0; i < n; i++) {
		unsigned octet;
		cr_assert(sscanf(hex + 2 * i, "%2x", &octet) == 1);
		out[i] = (uint8_t)octet;
	}
	return n;
}

/* Writes the item again: equal to the input where that was deterministic. */
static void put_again(struct tree_writer *w, tree_node node)
{
	uint64_t u;
	int64_t i;
	bool b;
	const char *text;
	const uint8_t *bytes;
	size_t len;
	char copy[512];
	tree_node key;
	tree_node value;
	switch (tree_kind(node)) {
	case TREE_UINT:
		cr_assert(tree_uint(node, UINT64_MAX, &u));
		tree_put_uint(w, u);
		break;
	case TREE_NINT:
		if (tree_int(node, &i))
			tree_put_int(w, i);
		else /* below -2^63: only the head can say it */
			tree_put_raw(w,
				(const uint8_t[]){0x3b, 255, 255, 255, 255, 255, 255, 255, 255}, 9);
		break;
	case TREE_BYTES:
		cr_assert(tree_bytes(node, &bytes, &len));
		tree_put_bytes(w, bytes, len);
		break;
	case TREE_TEXT:
		cr_assert(tree_text(node, &text, &len) && len < sizeof copy);
		memcpy(copy, text, len);
		copy[len] = '\0';
		tree_put_text(w, copy);
		break;
	case TREE_ARRAY:
		tree_put_array(w, tree_count(node));
		for (size_t k = 0; k < tree_count(node); k++)
			put_again(w, tree_at(node, k));
		break;
	case TREE_MAP:
		tree_put_map(w, tree_count(node));
		for (size_t k = 0; k < tree_count(node); k++) {
			tree_pair(node, k, &key, &value);
			put_again(w, key);
			put_again(w, value);
		}
		break;
	case TREE_BOOL:
		cr_assert(tree_bool(node, &b));
		tree_put_bool(w, b);
		break;
	case TREE_NULL:
		tree_put_null(w);
		break;
	case TREE_TAG:
		value = tree_tagged(node, &u);
		cr_assert(value);
		tree_put_tag(w, u);
		put_again(w, value);
		break;
	}
}

/* A well-formed item was refused: the reason has to be one that its octets show. */
static void check_reason(const char *hex, const struct tree_error *error)
{
	static const struct {
		const char *text;
		const char *heads[26];
	} reasons[] = {
		{"floating", {"f9", "fa", "fb"}},
		{"indefinite", {"5f", "7f", "9f", "bf"}},
		{"simple", {"e0", "f0", "f3", "f7", "f8"}},
		{"a tag that", {"c6", "d4"}},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (!strstr(error->text, reasons[i].text))
			continue;
		for (size_t k = 0; reasons[i].heads[k]; k++)
			if (strstr(hex, reasons[i].heads[k]))
				return;
	}
	cr_assert_fail("%s refused: %s", hex, error->text);
}

Test(tree, appendix_a)
{
	static uint8_t data[DATA_MAX];
	json_t *list = data_json("rfc_appendix_a.json");
	json_t *row;
	size_t i;
	size_t read = 0;
	cr_assert_eq(json_array_size(list), 82);
	json_array_foreach(list, i, row)
	{
		const char *hex = json_string_value(json_object_get(row, "hex"));
		struct tree_error error = {0};
		size_t len = unhex(hex, data);
		struct tree *tree = tree_parse(data, len, TREE_DEPTH_FRAME, &error);
		if (!tree) {
			check_reason(hex, &error);
			continue;
		}
		struct tree_writer w;
		tree_writer_init(&w);
		put_again(&w, tree_root(tree));
		cr_assert_eq(w.error, 0);
		cr_assert(tree_canonical(tree), "%s", hex);
		cr_assert(w.len == len && memcmp(w.data, data, len) == 0, "%s", hex);
		tree_writer_fini(&w);
		tree_free(tree);
		read++;
	}
	cr_assert_eq(read, 44, "%zu", read);
	json_decref(list);
}

Test(tree, tinycbor_cases)
{
	static uint8_t data[DATA_MAX];
	json_t *list = data_json("tinycbor_parser_cases.json");
	json_t *row;
	size_t i;
	size_t read = 0;
	size_t bad = 0;
	cr_assert_eq(json_array_size(list), 434);
	json_array_foreach(list, i, row)
	{
		const char *hex = json_string_value(json_object_get(row, "hex"));
		const char *must_fail = json_string_value(json_object_get(row, "error"));
		struct tree_error error = {0};
		struct tree *tree = tree_parse(data, unhex(hex, data), TREE_DEPTH_FRAME, &error);
		if (must_fail) {
			cr_assert_null(tree, "%s must fail: %s", hex, must_fail);
			cr_assert(error.text[0]);
			bad++;
		} else if (tree) {
			read++;
		} else if (strcmp(hex, "590100") != 0 && strcmp(hex, "790100") != 0) {
			/* those two stand in the data without the 256 octets that follow them */
			check_reason(hex, &error);
		}
		tree_free(tree);
	}
	cr_assert_eq(bad, 197);
	cr_assert(read >= 127, "%zu", read);
	json_decref(list);
}

static size_t read_file(const char *path, uint8_t *out)
{
	FILE *f = fopen(path, "rb");
	cr_assert(f, "%s", path);
	size_t n = fread(out, 1, DATA_MAX, f);
	fclose(f);
	return n;
}

Test(tree, files_of_others)
{
	static const struct {
		const char *name;
		const char *text; /* NULL: reads */
	} files[] = {
		{"libcbor/integer.cbor", NULL},
		{"libcbor/map.cbor", NULL},
		{"libcbor/nested_array.cbor", NULL},
		{"libcbor/tagged_date.cbor", NULL},
		{"libcbor/floats.cbor", "floating"},
		{"libcbor/indef_string.cbor", "indefinite"},
		{"nlohmann_binary_data/cbor_binary.cbor", ""},
	};
	static uint8_t data[DATA_MAX];
	char path[512];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct tree_error error = {0};
		size_t len = read_file(data_path(files[i].name, path, sizeof path), data);
		struct tree *tree = tree_parse(data, len, TREE_DEPTH_FRAME, &error);
		if (files[i].text)
			cr_assert(!tree && strstr(error.text, files[i].text), "%s: %s",
				files[i].name, error.text);
		else
			cr_assert(tree, "%s: %s", files[i].name, error.text);
		tree_free(tree);
	}
	for (int i = 1; i <= 21; i++) { /* inputs that once crashed a parser */
		char name[64];
		snprintf(name, sizeof name, "nlohmann_cbor_regression/test%02d", i);
		tree_free(tree_parse(data, read_file(data_path(name, path, sizeof path), data),
			TREE_DEPTH_FRAME, NULL));
	}
}

Test(tree, refused_with_place)
{
	static const struct {
		const char *hex, *at, *text;
	} rows[] = {
		{"", "", "empty"},
		{"18", "", "ends inside a head"},
		{"81", "", "claims 1 entries where 0"},
		{"9a10000000", "", "claims 268435456 entries where 0"},
		{"9a1000000000", "", "claims 268435456 entries where 1"},
		{"bb8000000000000000", "", "claims 9223372036854775808 entries"},
		{"a20102", "", "claims 2 entries where 2"},
		{"5a7fffffff00", "", "claims 2147483647 octets where 1"},
		{"0000", "", "1 octets behind the item"},
		{"a2016001a0", "[1]", "key stands twice"},
		{"a201601801a0", "[1]", "key stands twice"}, /* 1 in two forms is one key */
		{"a36162006161006162f6", "b", "key stands twice"},
		{"a161619f0102ff", "a", "indefinite"},
		{"a16161a161628200f90000", "a.b[1]", "floating"},
		{"a1616161ff", "a", "not UTF-8"},
		{"62c080", "", "not UTF-8"},     /* overlong NUL */
		{"63eda080", "", "not UTF-8"},   /* surrogate */
		{"64f4908080", "", "not UTF-8"}, /* above 10FFFF */
		{"a1410000", "[0]", "neither integer nor text"},
		{"a1f400", "[0]", "neither integer nor text"},
		{"a12081f7", "[-1][0]", "simple value"},
		{"81f8ff", "[0]", "simple value"},
		{"1c", "", "reserved head"},
		{"ff", "", "indefinite"},
		{"c1", "", "claims 1 entries where 0"},
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tree_error error = {0};
		struct tree *tree =
			tree_parse(data, unhex(rows[i].hex, data), TREE_DEPTH_FRAME, &error);
		cr_assert_null(tree, "%s", rows[i].hex);
		cr_expect_str_eq(error.at, rows[i].at, "%s: at %s", rows[i].hex, error.at);
		cr_expect(strstr(error.text, rows[i].text), "%s: %s", rows[i].hex, error.text);
	}
}

Test(tree, depth)
{
	uint8_t data[40];
	memset(data, 0x81, sizeof data);
	for (unsigned depth = 1; depth <= TREE_DEPTH_FRAME; depth++) {
		struct tree *tree;
		data[depth] = 0x00;
		tree = tree_parse(data, depth + 1, depth, NULL);
		cr_assert(tree);
		tree_free(tree);
		cr_assert_null(tree_parse(data, depth + 1, depth - 1, NULL));
		data[depth] = 0x81;
	}
}

Test(tree, canonical)
{
	static const struct {
		const char *hex;
		bool canonical;
	} rows[] = {
		{"a20001016161", true},
		{"a201000000", false},
		{"1801", false},
		{"1900ff", false},
		{"1a0000ffff", false},
		{"1b00000000ffffffff", false},
		{"5801aa", false},
		{"a2616100626161", false},
		{"a2616100626161f6", true},
		{"a2200061610a", true},
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tree *tree = tree_parse(data, unhex(rows[i].hex, data), 8, NULL);
		if (!tree) { /* the row whose last value is missing */
			cr_assert_str_eq(rows[i].hex, "a2616100626161");
			continue;
		}
		cr_expect_eq(tree_canonical(tree), rows[i].canonical, "%s", rows[i].hex);
		tree_free(tree);
	}
}

Test(tree, own_data_may_be_large)
{
	struct tree_writer w;
	tree_writer_init(&w);
	tree_put_array(&w, 20000);
	for (int i = 0; i < 20000; i++)
		tree_put_text(&w, "a peer");
	struct tree_error error = {0};
	cr_assert_null(tree_parse(w.data, w.len, 8, &error));
	cr_assert_str_eq(error.text, "longer than 65536 octets");
	struct tree *tree = tree_parse_own(w.data, w.len, 8, &error);
	cr_assert(tree && tree_count(tree_root(tree)) == 20000);
	tree_free(tree);
	cr_assert_null(tree_parse_own(w.data, w.len - 1, 8, &error));
	cr_assert_null(tree_parse_own(w.data, w.len, 0, &error));
	tree_writer_fini(&w);
}

static long peak_kib(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

Test(tree, bombs_cost_no_memory)
{
	static uint8_t deep[200000];
	static uint8_t flat[TREE_SIZE_MAX];
	static const char *const claims[] = {"9a1000000000", "ba1000000000", "5a7fffffff00",
		"7b7fffffffffffffff00", "9bffffffffffffffff00", "9b1fffffffffffffff00",
		"da1000000081"};
	uint8_t data[16];
	memset(deep, 0x81, sizeof deep);
	memset(flat, 0x00, sizeof flat);
	memcpy(flat, "\x99\xff\xfd", 3);
	long before = peak_kib();
	for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
		cr_assert_null(tree_parse(data, unhex(claims[i], data), 16, NULL));
	cr_assert_null(tree_parse(deep, sizeof deep, 16, NULL));
	cr_assert_null(tree_parse(deep, 65536, 16, NULL));
	cr_assert_null(tree_parse(flat, sizeof flat, 16, NULL));
	/* the dearest map: many keys out of order */
	uint8_t *p = flat;
	*p++ = 0x99;
	*p++ = 0;
	*p++ = 60;
	for (int m = 0; m < 60; m++) {
		*p++ = 0xb9;
		*p++ = 0x01;
		*p++ = 0x00;
		for (int k = 255; k >= 0; k--, p += 3) {
			p[0] = 0x18;
			p[1] = (uint8_t)k;
			p[2] = 0x00;
		}
	}
	cr_assert_null(tree_parse(flat, (size_t)(p - flat), 16, NULL));
	long growth = peak_kib() - before;
	cr_assert(growth < 2048, "%ld KiB", growth);
}

Test(tree, getters_and_writer)
{
	struct tree_writer w;
	tree_writer_init(&w);
	tree_put_map(&w, 4);
	tree_put_int(&w, -3);
	tree_put_array(&w, 2);
	tree_put_uint(&w, 300);
	tree_put_int(&w, INT64_MIN);
	tree_put_text(&w, "a");
	tree_put_bytes(&w, "\0\1", 2);
	tree_put_text(&w, "b");
	tree_put_text(&w, "x\xff\xc3\xa4y\xe2\x82"); /* stray octets become '?' */
	tree_put_text(&w, "c");
	tree_put_bytes(&w, NULL, 0);
	cr_assert_eq(w.error, 0);
	struct tree *tree = tree_parse(w.data, w.len, 8, NULL);
	cr_assert(tree);
	tree_node root = tree_root(tree);
	uint64_t u;
	int64_t i;
	bool b;
	const uint8_t *bytes;
	size_t len;
	char text[8];
	char small[7];
	tree_node list = tree_get_int(root, -3);
	cr_assert_eq(tree_count(root), 4);
	cr_assert(tree_uint(tree_at(list, 0), 300, &u) && u == 300);
	cr_assert_not(tree_uint(tree_at(list, 0), 299, &u));
	cr_assert_not(tree_uint(tree_at(list, 1), UINT64_MAX, &u));
	cr_assert(tree_int(tree_at(list, 1), &i) && i == INT64_MIN);
	cr_assert_null(tree_at(list, 2));
	cr_assert_null(tree_at(root, 0));
	cr_assert_null(tree_get(root, "d"));
	cr_assert_null(tree_get(NULL, "d"));
	cr_assert_null(tree_get_int(root, 0));
	cr_assert(tree_bytes(tree_get(root, "a"), &bytes, &len) && len == 2 && bytes[1] == 1);
	cr_assert(tree_bytes(tree_get(root, "c"), &bytes, &len) && len == 0 && bytes);
	cr_assert_not(tree_bool(tree_get(root, "a"), &b));
	cr_assert(tree_text_copy(tree_get(root, "b"), text, sizeof text));
	cr_assert_str_eq(text, "x?\xc3\xa4y??");
	cr_assert_not(tree_text_copy(tree_get(root, "b"), small, sizeof small));
	tree_free(tree);
	tree_writer_fini(&w);
	tree_free(NULL);
}
