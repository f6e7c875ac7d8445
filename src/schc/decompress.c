/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression by a compiled plan: template, residue bits, lower, and what is computed. */
#include "schc/decompress.h"

#include "schc/bits.h"
#include "schc/plan.h"
#include "schc/words.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum {
	IPV4_LEN_AT = 2,
	IPV4_ID_AT = 4,
	IPV4_CKSUM_AT = 10,
	IPV4_SRC_AT = 12,
	IPV4_DST_AT = 16,
	IPV6_LEN_AT = 4,
	IPV6_SRC_AT = 8,
	IPV6_DST_AT = 24,
	UDP_LEN_AT = 4,
	UDP_CKSUM_AT = 6,
	TCP_CKSUM_AT = 16,
	SCTP_CKSUM_AT = 8,
	ICMP_CKSUM_AT = 2,
	IHL_SHIFT = 56,
	IHL_WORDS = 5,
	FLOW_LABEL_MASK = 0xfffff,
};

static void give_lower(const struct schc_plan *plan, uint64_t *words, const struct outer *outer)
{
	const struct schc_op *lowers = schc_plan_lowers(plan);

	for (unsigned i = 0; i < plan->n_lowers; i++) {
		const struct schc_op *op = &lowers[i];
		uint64_t value;

		switch (op->arg) {
		case SCHC_LOWER_DSCP:
			value = outer->traffic_class >> 2;
			break;
		case SCHC_LOWER_ECN:
			value = outer->traffic_class & 3;
			break;
		case SCHC_LOWER_FLOW_LABEL:
			value = outer->flow_label;
			break;
		default:
			value = outer->hop_limit;
		}
		words[op->word] |= (value & words_mask(op->bits)) << op->shift;
	}
}

static uint64_t map_value(const struct schc_plan *plan, const struct schc_map *map, unsigned index)
{
	const uint8_t *list = schc_plan_mapping(plan) + map->first;

	return map->width <= 8 ? list[index] : get_be64(list + 8 * index);
}

/* Template, residue from bit at of in, lower; in has 8 octets more than are looked at. */
static inline bool restore_words(const struct schc_plan *plan, const uint8_t *in, size_t at,
	uint64_t *words, const struct outer *outer)
{
	const struct schc_op *copies = schc_plan_copies(plan);

	memcpy(words, plan->value, SCHC_PLAN_WORDS * sizeof *words); /* some behind n_words */
	for (unsigned i = 0; i < plan->n_copies; i++) {
		const struct schc_op *op = &copies[i];
		uint64_t value = get_be64(in + at / 8) << at % 8 >> (64 - op->bits);

		at += op->bits;
		if (op->arg) {
			const struct schc_map *map = &schc_plan_maps(plan)[op->arg - 1];

			if (value >= map->n)
				return false;
			value = map_value(plan, map, (unsigned)value);
		}
		words[op->word] |= value << op->shift;
	}
	if (plan->version == 4 && (words[0] >> IHL_SHIFT & 15) != IHL_WORDS)
		return false;
	give_lower(plan, words, outer);
	return true;
}

bool schc_decompress(const struct schc_plan *plan, const uint8_t *residue, size_t len,
	uint8_t *header, const struct outer *outer)
{
	uint64_t words[SCHC_PLAN_WORDS];
	uint8_t in[SCHC_RESIDUE_MAX + 8];

	if (len < plan->residue_len)
		return false;
	memcpy(in, residue, plan->residue_len);
	memset(in + plan->residue_len, 0, 8);
	if (!restore_words(plan, in, 0, words, outer))
		return false;
	words_store(words, header, plan->header_len);
	return true;
}

bool schc_decompress_from(const struct schc_plan *plan, struct bit_reader *in, uint8_t *header,
	const struct outer *outer)
{
	uint64_t words[SCHC_PLAN_WORDS];
	uint8_t copy[SCHC_RESIDUE_MAX + 1 + 8];
	size_t first = in->at / 8;
	size_t octets = (in->at % 8 + plan->residue_bits + 7u) / 8;

	if (plan->residue_bits > in->end - in->at)
		return false;
	memcpy(copy, in->in + first, octets);
	memset(copy + octets, 0, 8);
	if (!restore_words(plan, copy, in->at % 8, words, outer))
		return false;
	in->at += plan->residue_bits;
	words_store(words, header, plan->header_len);
	return true;
}

/* A sum of 32-bit words folds to the same 16 bits as one of 16-bit words (RFC 1071 section 2). */
static uint64_t sum_words(uint64_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i += 4)
		sum += get_be32(data + i);
	return sum;
}

/* The pseudo header's part of a checksum; a rule without layer 3 sees the addresses outside. */
static uint64_t pseudo_sum(
	const struct schc_plan *plan, const uint8_t *packet, size_t len, const struct outer *outer)
{
	uint64_t sum = plan->proto + (uint64_t)len;

	if (plan->version == 6)
		return sum_words(sum, packet + IPV6_SRC_AT, IPV6_HEADER - IPV6_SRC_AT);
	if (plan->version == 4)
		return sum_words(sum, packet + IPV4_SRC_AT, IPV4_HEADER - IPV4_SRC_AT);
	sum = sum_words(sum, outer->remote.addr.bytes, ip_addr_len(&outer->remote.addr));
	return sum_words(sum, outer->local.addr.bytes, ip_addr_len(&outer->local.addr));
}

/* RFC 9260 6.8: the CRC goes out least significant octet first. */
static void put_crc32c(uint8_t *at, uint32_t crc)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(crc >> 8 * i);
}

/* RFC 3828 3.1: UDP-Lite sums as many octets as its coverage says, 0 meaning all. */
static size_t covered(const struct schc_plan *plan, const uint8_t *l4, size_t len)
{
	size_t coverage = get_be16(l4 + UDP_LEN_AT);

	if (plan->proto != IP_PROTO_UDPLITE || !coverage || coverage > len)
		return len;
	return coverage;
}

static void fix_l4_checksum(
	const struct schc_plan *plan, uint8_t *packet, size_t len, const struct outer *outer)
{
	uint8_t *l4 = packet + plan->l4_offset;
	size_t l4_len = len - plan->l4_offset;
	uint16_t sum;

	if (plan->proto == IP_PROTO_SCTP) {
		put_crc32c(l4 + SCTP_CKSUM_AT, checksum_crc32c(l4, l4_len));
		return;
	}
	if (plan->proto == IP_PROTO_ICMP) { /* no pseudo header */
		put_be16(l4 + ICMP_CKSUM_AT, checksum_finish(checksum_add(0, l4, l4_len)));
		return;
	}
	sum = checksum_finish(checksum_add(
		pseudo_sum(plan, packet, l4_len, outer), l4, covered(plan, l4, l4_len)));
	if (plan->proto == IP_PROTO_TCP || plan->proto == IP_PROTO_ICMPV6) {
		put_be16(l4 + (plan->proto == IP_PROTO_TCP ? TCP_CKSUM_AT : ICMP_CKSUM_AT), sum);
		return;
	}
	/* RFC 768, RFC 3828: a transmitted 0 would mean "none". */
	put_be16(l4 + UDP_CKSUM_AT, sum ? sum : 0xffff);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* RFC 6437 2: the same label for all packets of a flow, and never 0. */
static void fix_flow_label(uint8_t *packet, size_t len)
{
	uint64_t hash = packet[6];
	uint8_t proto = packet[6];
	uint32_t label;
	uint32_t word;

	for (unsigned at = IPV6_SRC_AT; at < IPV6_HEADER; at += 8)
		hash = mix(hash, get_be64(packet + at));
	if ((proto == IP_PROTO_UDP || proto == IP_PROTO_TCP || proto == IP_PROTO_UDPLITE ||
		    proto == IP_PROTO_SCTP) &&
		len >= IPV6_HEADER + 4)
		hash = mix(hash, get_be32(packet + IPV6_HEADER));
	label = (uint32_t)hash & FLOW_LABEL_MASK;
	word = get_be32(packet) & ~(uint32_t)FLOW_LABEL_MASK;
	put_be32(packet, word | (label ? label : 1));
}

/*
 * RFC 6864 asks for different numbers only where a packet may still be fragmented; the octets of
 * layer 4 that differ from packet to packet see to that without state.
 */
static void fix_ipv4_id(uint8_t *packet, size_t len)
{
	uint64_t hash = mix(packet[9], get_be64(packet + IPV4_SRC_AT));
	uint16_t id;

	for (size_t at = IPV4_HEADER; at + 4 <= len && at < IPV4_HEADER + 8; at += 4)
		hash = mix(hash, get_be32(packet + at));
	id = (uint16_t)hash;
	put_be16(packet + IPV4_ID_AT, id ? id : 1);
}

void schc_compute(
	const struct schc_plan *plan, uint8_t *packet, size_t len, const struct outer *outer)
{
	unsigned fixes = plan->fixes;

	if (fixes & SCHC_FIX_IPV6_LEN)
		put_be16(packet + IPV6_LEN_AT, (uint16_t)(len - IPV6_HEADER));
	if (fixes & SCHC_FIX_IPV4_LEN)
		put_be16(packet + IPV4_LEN_AT, (uint16_t)len);
	if (fixes & SCHC_FIX_L4_LEN)
		put_be16(packet + plan->l4_offset + UDP_LEN_AT, (uint16_t)(len - plan->l4_offset));
	if (fixes & SCHC_FIX_L4_CKSUM)
		fix_l4_checksum(plan, packet, len, outer);
	if (fixes & SCHC_FIX_FLOW_LABEL)
		fix_flow_label(packet, len);
	if (fixes & SCHC_FIX_IPV4_ID)
		fix_ipv4_id(packet, len);
	if (fixes & SCHC_FIX_IPV4_CKSUM)
		put_be16(packet + IPV4_CKSUM_AT, checksum_ipv4_header(packet, IPV4_HEADER));
}
