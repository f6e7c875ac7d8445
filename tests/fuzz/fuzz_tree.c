/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets into tree_parse; what it accepts is walked by every getter. */
#include "codec/tree.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t walk(tree_node node)
{
	const char *text;
	const uint8_t *bytes;
	size_t len = 0;
	uint64_t u;
	int64_t i;
	size_t seen = 1;
	tree_node key;
	tree_node value;
	if (tree_text(node, &text, &len) || tree_bytes(node, &bytes, &len))
		return seen + len;
	if (tree_int(node, &i) && tree_get_int(node, i))
		abort();
	for (size_t k = 0; k < tree_count(node); k++) {
		tree_pair(node, k, &key, &value);
		seen += tree_kind(node) == TREE_MAP ? walk(key) + walk(value)
						    : walk(tree_at(node, k));
	}
	value = tree_tagged(node, &u);
	return value ? seen + walk(value) : seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tree_error error = {0};
	struct tree *tree = tree_parse(data, len, TREE_DEPTH_FRAME, &error);
	if (!tree && !error.text[0])
		abort();
	if (tree && walk(tree_root(tree)) > 2 * len)
		abort();
	tree_free(tree);
	return 0;
}
