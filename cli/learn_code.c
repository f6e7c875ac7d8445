/* SPDX-License-Identifier: Apache-2.0 */
/* RuleIDs: a prefix-free code with short words for heavy rules (RFC 8724 6, Huffman's lengths). */
#include "cli/learn.h"

#include <string.h>

enum { NODES = 2 * SCHC_SET_RULES, NO_NODE = 0xff };

/* The two lightest nodes without a parent become one; lengths are depths. */
static unsigned huffman(const uint64_t *leaf, size_t n, uint8_t *bits)
{
	uint64_t weight[NODES];
	uint8_t parent[NODES];
	size_t nodes = n;
	unsigned longest = 0;

	memcpy(weight, leaf, n * sizeof *leaf);
	memset(parent, NO_NODE, sizeof parent);
	for (; nodes < 2 * n - 1; nodes++) {
		weight[nodes] = 0;
		for (unsigned pick = 0; pick < 2; pick++) {
			size_t light = nodes;

			for (size_t i = 0; i < nodes; i++)
				if (parent[i] == NO_NODE &&
					(light == nodes || weight[i] < weight[light]))
					light = i;
			parent[light] = (uint8_t)nodes;
			weight[nodes] += weight[light];
		}
	}
	for (size_t i = 0; i < n; i++) {
		bits[i] = n == 1;
		for (size_t at = i; parent[at] != NO_NODE; at = parent[at])
			bits[i]++;
		longest = bits[i] > longest ? bits[i] : longest;
	}
	return longest;
}

/* The same lengths, the shortest to the heaviest: flattening may have made ties of differences. */
static void rearrange(const uint32_t *weight, size_t n, uint8_t *bits)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (weight[i] > weight[k] && bits[i] > bits[k]) {
				uint8_t longer = bits[i];

				bits[i] = bits[k];
				bits[k] = longer;
			}
}

/* Words of each length one after the other, from the shortest on: canonical. */
static void assign(const uint8_t *bits, size_t n, uint8_t *word)
{
	unsigned next = 0;

	for (unsigned len = 1; len <= SCHC_RULE_ID_BITS; len++) {
		next <<= 1;
		for (size_t i = 0; i < n; i++)
			if (bits[i] == len)
				word[i] = (uint8_t)next++;
	}
}

void learn_code(const uint32_t *weight, size_t n, uint8_t *bits, uint8_t *word)
{
	uint64_t flat[SCHC_SET_RULES + 1];

	for (size_t i = 0; i < n; i++)
		flat[i] = weight[i] ? weight[i] : 1;
	/* Flatter weights until no word is too long; with 64 words equal ones have 6 bits. */
	while (huffman(flat, n, bits) > SCHC_RULE_ID_BITS)
		for (size_t i = 0; i < n; i++)
			flat[i] = (flat[i] + 1) / 2;
	for (size_t i = 0; i < n; i++)
		rearrange(weight, n, bits);
	assign(bits, n, word);
}
