/* SPDX-License-Identifier: Apache-2.0 */
/* Inner IP header compressor (IIPC), diet-esp.md sections 3 and 8. */
#ifndef DIETVPN_DIET_IIPC_H
#define DIETVPN_DIET_IIPC_H

#include "base/drop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct diet_context;
struct ip_packet;
struct outer;

/*
 * The lossless guard, section 3.5: the rule would restore this packet exactly (the declared
 * exceptions apart). With iipc_not_compressed or RuleID mode always true.
 */
bool iipc_fits(const struct diet_context *context, const struct ip_packet *ip);

/* This packet, which fits, will travel without its transport checksum: nobody need make it. */
bool iipc_elides_checksum(const struct diet_context *context, const struct ip_packet *ip);
/* Octets that iipc_compress will leave of this packet; only for packets that fit. */
size_t iipc_compressed_len(const struct diet_context *context, const struct ip_packet *ip);

/*
 * The fields (bits of enum schc_fix, schc/plan.h) that computing would give back just as this
 * packet has them: lengths and checksums; for the judgement of explicit rules and for `explain`.
 */
unsigned iipc_restorable(const struct ip_packet *ip);

/* What an inner packet of len octets becomes that the derived rule takes; without one: len. */
size_t iipc_usual_len(const struct diet_context *context, size_t len);
/*
 * Header -> residue in place. Tunnel mode: the whole packet. Transport mode: pkt begins with the
 * layer-4 header, ip views the full packet. Fills the fields of outer that "lower" copies; the
 * others it leaves alone. Only for packets that fit. ip is stale afterwards.
 */
enum drop iipc_compress(const struct diet_context *context, const struct ip_packet *ip,
	struct buf *pkt, struct outer *outer);

/*
 * Residue -> header in place. next_header as ctec_remove_trailer gave it; transport mode: outer's
 * addresses are those of the IP header outside (remote sent it), and next_header is the restored
 * protocol. DROP_RESIDUE, DROP_NEXT_HEADER, DROP_DUMMY, DROP_NO_BUFFER. The caller still checks the
 * selectors, and the packet itself where it came uncompressed.
 */
enum drop iipc_decompress(const struct diet_context *context, uint8_t next_header, struct buf *pkt,
	const struct outer *outer);

#endif
