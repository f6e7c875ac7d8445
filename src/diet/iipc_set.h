/* SPDX-License-Identifier: Apache-2.0 */
/* IIPC by explicit rules: what iipc.c does where a context has a set; nobody else includes this. */
#ifndef DIETVPN_DIET_IIPC_SET_H
#define DIETVPN_DIET_IIPC_SET_H

#include "base/drop.h"
#include "schc/set_packet.h"

struct buf;
struct diet_context;
struct ip_packet;
struct outer;

/* The first rule that takes the packet and gives it back exactly: view->entry. */
bool iipc_set_takes(
	const struct diet_context *context, const struct ip_packet *ip, struct schc_view *view);
/* The packet under view->entry, or whole where view is NULL; counted. */
enum drop iipc_set_compress(const struct diet_context *context, const struct schc_view *view,
	struct buf *pkt, struct outer *outer);
/* iipc_decompress where no rule is meant but by its RuleID; DROP_RULE: none of ours makes it. */
enum drop iipc_set_restore(const struct diet_context *context, uint8_t next_header, struct buf *pkt,
	const struct outer *outer);

/* iipc.c, for both. Hop limits that mean something must not get that of the header outside. */
bool iipc_hop_limit_may_change(const struct ip_packet *ip);
enum drop iipc_put_rule_id(struct buf *pkt, uint8_t id);
/* An IPv4 header outside carries the 16 low bits of a flow label as its Identification. */
void iipc_fit_flow_label(const struct diet_context *context, struct outer *outer);
/* A packet that came whole: its version is the only witness when no Next Header was sent. */
enum drop iipc_accept_whole(
	const struct diet_context *context, uint8_t next_header, const struct buf *pkt);

#endif
