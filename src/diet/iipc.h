/* SPDX-License-Identifier: Apache-2.0 */
/* Inner IP header compressor (IIPC), diet-esp.md sections 3 and 8. */
#ifndef DIETVPN_DIET_IIPC_H
#define DIETVPN_DIET_IIPC_H

#include "base/drop.h"
#include "schc/set_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct diet_context;
struct ip_packet;
struct outer;

/* What becomes of one packet: found once, for every step that asks. Good until it changes. */
struct iipc_look {
	bool by_rule;          /* the derived rule takes it, or view.entry of explicit ones */
	struct schc_view view; /* of explicit rules only */
};

/*
 * The lossless guard, section 3.5: true where the rule would restore this packet exactly (the
 * declared exceptions apart). With iipc_not_compressed or a RuleID always true: it may go whole.
 */
bool iipc_look(
	const struct diet_context *context, const struct ip_packet *ip, struct iipc_look *look);
/* It will travel without its transport checksum: nobody need make it. */
bool iipc_look_elides_checksum(const struct diet_context *context, const struct iipc_look *look);
/* Octets that iipc_look_compress will leave of it; only of packets that fit. */
size_t iipc_look_len(const struct diet_context *context, const struct ip_packet *ip,
	const struct iipc_look *look);
/*
 * Header -> residue in place. Tunnel mode: the whole packet. Transport mode: pkt begins with the
 * layer-4 header. Fills the fields of outer that "lower" copies; the others it leaves alone. Counts
 * what goes under explicit rules. DROP_NO_FIT, DROP_NO_BUFFER.
 */
enum drop iipc_look_compress(const struct diet_context *context, const struct iipc_look *look,
	struct buf *pkt, struct outer *outer);

/* The same in one step each, for who asks once. */
bool iipc_fits(const struct diet_context *context, const struct ip_packet *ip);
size_t iipc_compressed_len(const struct diet_context *context, const struct ip_packet *ip);
enum drop iipc_compress(const struct diet_context *context, const struct ip_packet *ip,
	struct buf *pkt, struct outer *outer);

/*
 * The fields (bits of enum schc_fix, schc/plan.h) that computing would give back just as this
 * packet has them: lengths and checksums; for the judgement of explicit rules and for `explain`.
 */
unsigned iipc_restorable(const struct ip_packet *ip);

/* What an inner packet of len octets becomes that the derived rule takes; without one: len. */
size_t iipc_usual_len(const struct diet_context *context, size_t len);
/*
 * Residue -> header in place. next_header as ctec_remove_trailer gave it; transport mode: outer's
 * addresses are those of the IP header outside (remote sent it), and next_header is the restored
 * protocol. DROP_RESIDUE, DROP_RULE (explicit rules), DROP_NEXT_HEADER, DROP_DUMMY, DROP_NO_BUFFER.
 * The caller still checks the selectors, and the packet itself where it came uncompressed.
 */
enum drop iipc_decompress(const struct diet_context *context, uint8_t next_header, struct buf *pkt,
	const struct outer *outer);

#endif
