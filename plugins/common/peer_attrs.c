/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the compression attributes of a peer (diet-esp.md 12). */
#include "common/peer_attrs.h"

struct slice peer_attrs_plain(void)
{
	/* {0: 0, 1: 0, 2: 0, 3: 2, 4: 32, 5: 32, 6: 0, -1: 0} */
	static const uint8_t plain[] = {
		0xa8, 0, 0, 1, 0, 2, 0, 3, 2, 4, 0x18, 32, 5, 0x18, 32, 6, 0, 0x20, 0};

	return (struct slice){plain, sizeof plain};
}

uint64_t peer_attr(tree_node attrs, int key, uint64_t max, uint64_t absent)
{
	uint64_t value;

	return tree_uint(tree_get_int(attrs, key), max, &value) ? value : absent;
}
