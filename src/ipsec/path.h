/* SPDX-License-Identifier: Apache-2.0 */
/* Where a peer is: its endpoint, and when a packet may move it (trust.md section 4.4). */
#ifndef DIETVPN_IPSEC_PATH_H
#define DIETVPN_IPSEC_PATH_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shared by all SAs of one peer; owned by the SPD. */
struct path {
	struct ip_endpoint local, remote; /* family 0: not known yet */
	struct ip_endpoint previous;      /* the last one that was proven; family 0: none */
	uint8_t encap;                    /* enum sa_encap */
	uint8_t pinned;                   /* never learned */
	uint8_t unproven;                 /* moved, and nothing newer came from there yet */
	uint8_t moved;                    /* moved_ms is valid */
	uint32_t users;                   /* policies that point here */
	uint64_t moved_ms;
	uint64_t heard_ms, sent_ms;    /* last good packet in, last packet out: keepalives */
	uint64_t rx_octets, tx_octets; /* since the move, while unproven */
	uint32_t mtu;                  /* of the outer path, IP header included; 0: not known */
};

/*
 * A packet has verified, its window is committed. newest: its number is above all before it. Takes
 * the new endpoint over where the rules allow; true: it moved.
 */
bool path_heard(struct path *path, const struct ip_endpoint *local,
	const struct ip_endpoint *remote, bool newest, size_t octets, uint64_t now_ms);
/* Accounts for octets to be sent; false: more than three times what an unproven endpoint has sent
 * us. */
bool path_may_send(struct path *path, size_t octets, uint64_t now_ms);
/* Octets of outer IP and UDP headers on this path; family 0 counts as IPv6. */
size_t path_outer_len(const struct path *path);

#endif
