/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8724 section 7 read literally, one bit after the other: the oracle for compiled plans. It
 * shares only the rule's structure with them; positions follow from the field lengths alone.
 */
#ifndef DIETVPN_TESTS_BIT_INTERPRETER_H
#define DIETVPN_TESTS_BIT_INTERPRETER_H

#include "ip/packet.h"
#include "schc/rule.h"

/* Octets of header that the rule describes. */
size_t ref_header_len(const struct schc_rule *rule);
bool ref_matches(const struct schc_rule *rule, const uint8_t *header, size_t len);
/* Residue as '0' and '1' with a final NUL; returns their number. */
size_t ref_compress(const struct schc_rule *rule, const uint8_t *header, char *bits);
/* false: residue too short, index without entry, IHL not 5. Computed fields become 0. */
bool ref_decompress(
	const struct schc_rule *rule, const char *bits, uint8_t *header, const struct outer *outer);
/* Lengths and checksums; generated fields are left as they are. */
void ref_compute(
	const struct schc_rule *rule, uint8_t *packet, size_t len, const struct outer *outer);

/* Ones' complement sum of 16-bit words as RFC 1071 defines it, complemented. */
uint16_t ref_ip_sum(const uint8_t *data, size_t len);
/* The transport checksum over the octets covered of l4, its own field taken as 0. */
uint16_t ref_l4_sum(const uint8_t *ip, const uint8_t *l4, size_t len, size_t covered);
uint32_t ref_crc32c(const uint8_t *data, size_t len); /* bit by bit */

#endif
