/* SPDX-License-Identifier: Apache-2.0 */
/* Both databases and the drop counters; batches of packets and the two ways through, RFC 4301 5.1
 * and 5.2. */
#ifndef DIETVPN_IPSEC_IPSEC_H
#define DIETVPN_IPSEC_IPSEC_H

#include "base/drop.h"
#include "base/list.h"
#include "dietvpn/types.h"
#include "esp/spi.h"
#include "ip/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aead_pool;
struct buf;
struct diet_attrs;
struct policy;
struct sa;
struct sad;
struct spd;

enum { BATCH_MAX = 64 };

struct ipsec {
	struct spd *spd;
	struct sad *sad;
	struct spi_table *spis;
	struct aead_pool *aead;
	struct list notices; /* SAs with notices, by sa.notice_link */
	uint8_t *spare;      /* BUF_MAX octets: ciphertext that is opened more than once */
	uint64_t drops[DROP_COUNT];
	uint64_t audits; /* auditable events of RFC 4301 and 4303, all kinds */
	/* What came in, to weigh against drops[], DROP_NONE included: inner packets that the owner
	 * took from TUNs (counted by him, once, however often they pass outbound()), and ESP
	 * packets that inbound() saw. */
	uint64_t taken, received;
};

/* Packets that travel together: from one read of a TUN or a socket to one write. */
struct batch {
	uint64_t now_ms;
	size_t n;
	struct batch_item {
		struct buf *pkt;       /* the caller's, before and after, also on a drop */
		struct outer outer;    /* endpoints and the fields that "lower" copies */
		struct sa *sa;         /* found on the way, also on a drop; NULL: none */
		struct policy *policy; /* outbound: matched, also on a drop */
		uint32_t mtu;          /* DROP_TOO_BIG: the largest inner packet that fits */
		uint16_t tunnel; /* the TUN it came from, or inbound()'s answer where it goes */
		uint8_t encap;   /* enum sa_encap: how it came or has to go */
		bool fragment;   /* outbound: larger than the path and too small to refuse: fragment
				    outside */
		bool alike;      /* outbound: differs from the item before in lengths, TCP sequence
				    number and flags, Identification and checksums only */
		bool run; /* outbound: may leave together with its neighbours (UDP_SEGMENT) */
		uint16_t
			csum_start;   /* not 0: from here on the transport checksum is to be made,
					 its field has the pseudo header's sum (virtio 1.2 5.1.6.2) */
		uint16_t csum_offset; /* of that field, from csum_start */
		bool moved;           /* inbound: this packet moved the peer's endpoint */
		enum drop drop;
	} items[BATCH_MAX];
};

int ipsec_init(struct ipsec *ipsec, spi_random *random, void *arg,
	size_t aead_contexts); /* 0 or -ENOMEM */
void ipsec_fini(struct ipsec *ipsec);

/*
 * Creates an SA and files it under its policy (params->policy), whose path takes over endpoints and
 * encapsulation; it is pinned while an SA is found by the peer's address (sad.h). Errors of
 * sa_create and sad_add; -EINVAL also for a reserved SPI and for transport mode, which a TUN cannot
 * carry.
 */
int ipsec_sa_install(struct ipsec *ipsec, const struct sa_params *params,
	const struct diet_attrs *attrs, uint64_t now_ms, struct sa **out);
void ipsec_sa_remove(struct ipsec *ipsec, struct sa *sa);
/* The policy's local selectors from now on; its SAs keep those that they were made with. 0 or
 * negative errno of spd_set_local. */
int ipsec_set_local(struct ipsec *ipsec, uint32_t policy, const struct ts *local, uint8_t n);
/* The next SA that wants attention, its bits in *notices and cleared in the SA; NULL: none. */
struct sa *ipsec_take_notice(struct ipsec *ipsec, uint32_t *notices);
/* Queues the SA for ipsec_take_notice if it has notices; outbound() and inbound() do so themselves.
 */
void ipsec_note(struct ipsec *ipsec, struct sa *sa);
/* Queues every SA whose deadline is due; when the timer of sad_next_deadline has fired. */
void ipsec_note_due(struct ipsec *ipsec, uint64_t now_ms);

/* The way out: inner packets in, ESP packets out; item.drop says what became of each. */
void outbound(struct ipsec *ipsec, struct batch *batch);
/* The way in: ESP packets in, inner packets out. item.outer holds the datagram's endpoints and
 * header fields. */
void inbound(struct ipsec *ipsec, struct batch *batch);

/* Octets before the trailer that this SA can carry in one outer packet of path_mtu octets. */
uint32_t ipsec_payload_room(const struct sa *sa, uint32_t path_mtu);

/*
 * Largest inner packet that always fits under this policy's path: the worst of its SAs' and of
 * plain ESP's overhead, never below 1280 (then outer fragmentation helps).
 */
uint32_t ipsec_inner_mtu(const struct policy *policy, uint32_t path_mtu);
/*
 * The same or somewhat less (at most 63 octets, and never below 1280), so that the cipher of the
 * policy's SA takes the largest packets in whole steps (crypto/aead.h).
 */
uint32_t ipsec_even_mtu(const struct policy *policy, uint32_t mtu);

#endif
