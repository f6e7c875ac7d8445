/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR diagnostic notation (RFC 8949 section 8): what is small on one line, the rest indented. */
#include "cli/rules_diag.h"

#include <inttypes.h>
#include <stdbool.h>

enum { INDENT = 2, SMALL = 12 };

/* How many items a node has within, SMALL at most. */
static size_t weight(tree_node node)
{
	tree_node key;
	tree_node value;
	uint64_t tag;
	size_t sum = 1;

	if (tree_kind(node) == TREE_TAG)
		return 1 + weight(tree_tagged(node, &tag));
	for (size_t i = 0; i < tree_count(node) && sum < SMALL; i++) {
		tree_pair(node, i, &key, &value);
		sum += weight(key ? value : tree_at(node, i));
	}
	return sum;
}

static void print_text(tree_node node, FILE *out)
{
	const char *text;
	size_t len;

	if (!tree_text(node, &text, &len))
		return;
	putc('"', out);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			fprintf(out, "\\u%04x", (unsigned char)text[i]);
		else
			fprintf(out, text[i] == '"' || text[i] == '\\' ? "\\%c" : "%c", text[i]);
	putc('"', out);
}

static void print_bytes(tree_node node, FILE *out)
{
	const uint8_t *data;
	size_t len;

	fputs("h'", out);
	if (tree_bytes(node, &data, &len))
		for (size_t i = 0; i < len; i++)
			fprintf(out, "%02x", data[i]);
	putc('\'', out);
}

static void print_node(tree_node node, unsigned depth, FILE *out);

static void print_inside(tree_node node, unsigned depth, FILE *out)
{
	bool wide = weight(node) >= SMALL;
	tree_node key;
	tree_node value;

	putc(tree_kind(node) == TREE_MAP ? '{' : '[', out);
	for (size_t i = 0; i < tree_count(node); i++) {
		if (wide)
			fprintf(out, "\n%*s", (int)((depth + 1) * INDENT), "");
		tree_pair(node, i, &key, &value);
		if (key) {
			print_node(key, depth + 1, out);
			fputs(": ", out);
		}
		print_node(key ? value : tree_at(node, i), depth + 1, out);
		if (i + 1 < tree_count(node))
			fputs(wide ? "," : ", ", out);
	}
	if (wide)
		fprintf(out, "\n%*s", (int)(depth * INDENT), "");
	putc(tree_kind(node) == TREE_MAP ? '}' : ']', out);
}

static void print_node(tree_node node, unsigned depth, FILE *out)
{
	uint64_t number = 0;
	int64_t negative = 0;
	bool flag = false;
	tree_node inner;

	switch (tree_kind(node)) {
	case TREE_UINT:
		tree_uint(node, UINT64_MAX, &number);
		fprintf(out, "%" PRIu64, number);
		break;
	case TREE_NINT:
		tree_int(node, &negative);
		fprintf(out, "%" PRId64, negative);
		break;
	case TREE_BYTES:
		print_bytes(node, out);
		break;
	case TREE_TEXT:
		print_text(node, out);
		break;
	case TREE_ARRAY:
	case TREE_MAP:
		print_inside(node, depth, out);
		break;
	case TREE_BOOL:
		tree_bool(node, &flag);
		fputs(flag ? "true" : "false", out);
		break;
	case TREE_NULL:
		fputs("null", out);
		break;
	case TREE_TAG:
		inner = tree_tagged(node, &number);
		fprintf(out, "%" PRIu64 "(", number);
		print_node(inner, depth, out);
		putc(')', out);
	}
}

void rules_diag_print(tree_node root, FILE *out)
{
	print_node(root, 0, out);
	putc('\n', out);
}
