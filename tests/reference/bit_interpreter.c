/* SPDX-License-Identifier: Apache-2.0 */
/* The slow and obvious SCHC interpreter, RFC 8724 section 7. */
#include "reference/bit_interpreter.h"

#include <string.h>

static bool get_bit(const uint8_t *data, size_t at)
{
	return data[at / 8] & 0x80 >> at % 8;
}

static void set_bit(uint8_t *data, size_t at, bool bit)
{
	data[at / 8] = (uint8_t)(data[at / 8] & ~(0x80 >> at % 8));
	if (bit)
		data[at / 8] = (uint8_t)(data[at / 8] | 0x80 >> at % 8);
}

static uint64_t value_of(const uint8_t *data, size_t at, size_t bits)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bits; i++)
		value = value * 2 + (get_bit(data, at + i) ? 1 : 0);
	return value;
}

static void write_value(uint8_t *data, size_t at, size_t bits, uint64_t value)
{
	for (size_t i = bits; i > 0; i--) {
		set_bit(data, at + i - 1, value % 2);
		value /= 2;
	}
}

/* Bit i of the target value, which is right-aligned in its octets. */
static bool target_bit(const struct schc_field_desc *desc, size_t i)
{
	size_t octets = (desc->fl + 7u) / 8;

	return get_bit(desc->tv, octets * 8 - desc->fl + i);
}

size_t ref_header_len(const struct schc_rule *rule)
{
	size_t bits = 0;

	for (unsigned i = 0; i < rule->n; i++)
		bits += rule->field[i].fl;
	return bits / 8;
}

static bool is_ipv4(const struct schc_rule *rule)
{
	return rule->n && rule->field[0].fid == SCHC_IPV4_VER;
}

static uint64_t entry(
	const struct schc_rule *rule, const struct schc_field_desc *desc, unsigned index)
{
	size_t octets = (desc->fl + 7u) / 8;

	return value_of(rule->mapping + desc->mapping_first + index * octets, 0, octets * 8);
}

static int find_in_list(
	const struct schc_rule *rule, const struct schc_field_desc *desc, uint64_t value)
{
	for (int i = 0; i < desc->mapping_n; i++)
		if (entry(rule, desc, (unsigned)i) == value)
			return i;
	return -1;
}

static bool field_matches(const struct schc_rule *rule, const struct schc_field_desc *desc,
	const uint8_t *header, size_t at)
{
	size_t compared = desc->mo == SCHC_MO_EQUAL ? desc->fl : desc->msb;

	if (desc->mo == SCHC_MO_IGNORE)
		return true;
	if (desc->mo == SCHC_MO_MATCH_MAPPING)
		return find_in_list(rule, desc, value_of(header, at, desc->fl)) >= 0;
	for (size_t i = 0; i < compared; i++)
		if (get_bit(header, at + i) != target_bit(desc, i))
			return false;
	return true;
}

bool ref_matches(const struct schc_rule *rule, const uint8_t *header, size_t len)
{
	size_t at = 0;

	if (len < ref_header_len(rule))
		return false;
	if (is_ipv4(rule) && header[0] != 0x45)
		return false;
	for (unsigned i = 0; i < rule->n; i++) {
		if (!field_matches(rule, &rule->field[i], header, at))
			return false;
		at += rule->field[i].fl;
	}
	return true;
}

/* The smallest number of binary digits that writes 0..n-1. */
static size_t digits(unsigned n)
{
	size_t bits = 0;
	unsigned names = 1;

	while (names < n) {
		names *= 2;
		bits++;
	}
	return bits;
}

size_t ref_compress(const struct schc_rule *rule, const uint8_t *header, char *bits)
{
	size_t at = 0;
	size_t n = 0;

	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		size_t from = desc->cda == SCHC_CDA_LSB ? desc->msb : 0;

		if (desc->cda == SCHC_CDA_VALUE_SENT || desc->cda == SCHC_CDA_LSB)
			for (size_t b = from; b < desc->fl; b++)
				bits[n++] = get_bit(header, at + b) ? '1' : '0';
		if (desc->cda == SCHC_CDA_MAPPING_SENT) {
			int index = find_in_list(rule, desc, value_of(header, at, desc->fl));

			for (size_t b = digits(desc->mapping_n); b > 0; b--)
				bits[n++] = index >> (b - 1) & 1 ? '1' : '0';
		}
		at += desc->fl;
	}
	bits[n] = 0;
	return n;
}

static unsigned outer_value(enum schc_fid fid, const struct outer *outer)
{
	switch (fid) {
	case SCHC_IPV6_DSCP:
	case SCHC_IPV4_DSCP:
		return outer->traffic_class / 4;
	case SCHC_IPV6_ECN:
	case SCHC_IPV4_ECN:
		return outer->traffic_class % 4;
	case SCHC_IPV6_FL:
	case SCHC_IPV4_ID:
		return outer->flow_label;
	default:
		return outer->hop_limit;
	}
}

bool ref_decompress(
	const struct schc_rule *rule, const char *bits, uint8_t *header, const struct outer *outer)
{
	size_t at = 0;

	memset(header, 0, ref_header_len(rule));
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		size_t from = desc->cda == SCHC_CDA_VALUE_SENT ? 0 : desc->msb;
		unsigned index = 0;

		switch (desc->cda) {
		case SCHC_CDA_NOT_SENT:
			for (size_t b = 0; b < desc->fl; b++)
				set_bit(header, at + b, target_bit(desc, b));
			break;
		case SCHC_CDA_VALUE_SENT:
		case SCHC_CDA_LSB:
			for (size_t b = 0; b < from; b++)
				set_bit(header, at + b, target_bit(desc, b));
			for (size_t b = from; b < desc->fl; b++) {
				if (!*bits)
					return false;
				set_bit(header, at + b, *bits++ == '1');
			}
			break;
		case SCHC_CDA_MAPPING_SENT:
			for (size_t b = 0; b < digits(desc->mapping_n); b++) {
				if (!*bits)
					return false;
				index = index * 2 + (*bits++ == '1');
			}
			if (index >= desc->mapping_n)
				return false;
			write_value(header, at, desc->fl, entry(rule, desc, index));
			break;
		case SCHC_CDA_LOWER:
			write_value(header, at, desc->fl, outer_value(desc->fid, outer));
			break;
		default:
			break;
		}
		at += desc->fl;
	}
	return !is_ipv4(rule) || header[0] % 16 == 5;
}

uint16_t ref_ip_sum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : data[i] * 256u;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)(0xffff - sum);
}

uint32_t ref_crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len * 8; i++) {
		uint32_t in = data[i / 8] >> i % 8 & 1;

		crc = (crc ^ in) & 1 ? crc / 2 ^ 0x82f63b78 : crc / 2;
	}
	return ~crc;
}

/* A pseudo header laid out in full, then the transport part behind it. */
static uint16_t sum_with_pseudo(const uint8_t *addrs, size_t addrs_len, uint8_t proto,
	const uint8_t *l4, size_t len, size_t covered)
{
	static uint8_t all[40 + 65536];
	size_t n = 0;

	memcpy(all, addrs, addrs_len);
	n = addrs_len;
	all[n++] = (uint8_t)(len >> 24);
	all[n++] = (uint8_t)(len >> 16);
	all[n++] = (uint8_t)(len >> 8);
	all[n++] = (uint8_t)len;
	all[n++] = 0;
	all[n++] = 0;
	all[n++] = 0;
	all[n++] = proto;
	memcpy(all + n, l4, covered);
	if (proto == 6) {
		all[n + 16] = 0;
		all[n + 17] = 0;
	} else if (proto == 58) {
		all[n + 2] = 0;
		all[n + 3] = 0;
	} else {
		all[n + 6] = 0;
		all[n + 7] = 0;
	}
	return ref_ip_sum(all, n + covered);
}

uint16_t ref_l4_sum(const uint8_t *ip, const uint8_t *l4, size_t len, size_t covered)
{
	bool v6 = ip[0] / 16 == 6;

	return sum_with_pseudo(
		v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, v6 ? ip[6] : ip[9], l4, len, covered);
}

static uint8_t proto_of(enum schc_fid fid)
{
	switch (fid) {
	case SCHC_UDP_CKSUM:
		return 17;
	case SCHC_UDPLITE_CKSUM:
		return 136;
	case SCHC_TCP_CKSUM:
		return 6;
	default:
		return 132;
	}
}

static void compute_l4(const struct schc_rule *rule, enum schc_fid fid, uint8_t *packet,
	size_t l4_at, size_t len, const struct outer *outer)
{
	uint8_t addrs[32];
	size_t addrs_len = 32;
	uint8_t proto = proto_of(fid);
	uint8_t *l4 = packet + l4_at;
	size_t l4_len = len - l4_at;
	size_t covered = l4_len;
	unsigned sum;

	if (proto == 132) {
		uint32_t crc;

		memset(l4 + 8, 0, 4);
		crc = ref_crc32c(l4, l4_len);
		for (unsigned i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(crc >> 8 * i);
		return;
	}
	if (rule->field[0].fid == SCHC_IPV6_VER) {
		memcpy(addrs, packet + 8, 32);
	} else if (is_ipv4(rule)) {
		memcpy(addrs, packet + 12, 8);
		addrs_len = 8;
	} else {
		addrs_len = outer->remote.addr.family == 6 ? 16 : 4;
		memcpy(addrs, outer->remote.addr.bytes, addrs_len);
		memcpy(addrs + addrs_len, outer->local.addr.bytes, addrs_len);
		addrs_len *= 2;
	}
	if (proto == 136) {
		size_t said = l4[4] * 256u + l4[5];

		if (said > 0 && said <= l4_len)
			covered = said;
	}
	sum = sum_with_pseudo(addrs, addrs_len, proto, l4, l4_len, covered);
	if (!sum && proto != 6)
		sum = 0xffff;
	write_value(l4, proto == 6 ? 128 : 48, 16, sum);
}

void ref_compute(
	const struct schc_rule *rule, uint8_t *packet, size_t len, const struct outer *outer)
{
	const struct schc_field_desc *ip_sum = NULL;
	const struct schc_field_desc *l4_sum = NULL;
	size_t at = 0;
	size_t l4_at = 0;

	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];

		if (desc->fid == SCHC_UDP_SPORT || desc->fid == SCHC_UDPLITE_SPORT ||
			desc->fid == SCHC_TCP_SPORT || desc->fid == SCHC_SCTP_SPORT)
			l4_at = at / 8;
		if (desc->cda == SCHC_CDA_COMPUTE) {
			if (desc->fid == SCHC_IPV6_LEN)
				write_value(packet, at, 16, (unsigned)len - 40);
			else if (desc->fid == SCHC_IPV4_TLEN)
				write_value(packet, at, 16, (unsigned)len);
			else if (desc->fid == SCHC_UDP_LEN || desc->fid == SCHC_UDPLITE_COV)
				write_value(packet, at, 16, (unsigned)(len - l4_at));
			else if (desc->fid == SCHC_IPV4_CKSUM)
				ip_sum = desc;
			else
				l4_sum = desc;
		}
		at += desc->fl;
	}
	if (l4_sum)
		compute_l4(rule, l4_sum->fid, packet, l4_at, len, outer);
	if (ip_sum) {
		write_value(packet, 80, 16, 0);
		write_value(packet, 80, 16, ref_ip_sum(packet, 20));
	}
}
