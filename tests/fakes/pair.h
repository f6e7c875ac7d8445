/* SPDX-License-Identifier: Apache-2.0 */
/* Two struct ipsec joined back to back: what leaves one comes in at the other. */
#ifndef DIETVPN_TESTS_FAKES_PAIR_H
#define DIETVPN_TESTS_FAKES_PAIR_H

#include "base/buf.h"
#include "diet/context.h"
#include "dietvpn/types.h"
#include "esp/sa.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAIR_ROOM = 4096, PAIR_TUNNEL_A = 3, PAIR_TUNNEL_B = 5 };

/* xorshift64: tests are the same in every run. */
struct pair_random {
	uint64_t state;
};
uint64_t pair_draw(struct pair_random *random);
uint32_t pair_below(struct pair_random *random, uint32_t n);

struct pair {
	struct ipsec a, b;
	struct pair_random random;
	uint64_t now_ms;
	uint32_t next_policy;
	struct batch batch;
	struct buf *pkts[BATCH_MAX];
};

/* What one connection of both ends needs; ts_a and ts_b are one selector each. */
struct pair_link {
	const char *suite;
	struct diet_attrs attrs;
	struct ts ts_a, ts_b;
	bool esn, fallback, long_lived;
	bool two_devs; /* of rules: attrs.device is a's, and b's the opposite unless this is set */
	uint32_t window;
	uint8_t encap;
	bool v4_outside;
	uint64_t soft_packets, hard_packets, soft_s, hard_s;
	uint32_t policy; /* 0: a new one at both ends */
	/* filled */
	struct policy *policy_a, *policy_b;
	struct sa *a_out, *b_in, *b_out, *a_in;
};

int pair_init(struct pair *pair, uint64_t seed);
void pair_fini(struct pair *pair);
/* Policies at both ends where link->policy is 0, SPIs, and four SAs under random keys. */
int pair_connect(struct pair *pair, struct pair_link *link);

/* pair->pkts[i] as the i-th inner packet of the batch that leaves a (or b). */
void pair_put(struct pair *pair, size_t i, const uint8_t *packet, size_t len);
/* outbound() at a (or b) of the first n packets. */
void pair_out(struct pair *pair, bool from_a, size_t n);
/* Turns the batch around as the network would: endpoints swapped, drops taken out. */
void pair_wire(struct pair *pair);
/* inbound() at b (or a). */
void pair_in(struct pair *pair, bool to_b);
/* All three for one packet; the drop of the side where it ended. */
enum drop pair_carry(struct pair *pair, bool from_a, const uint8_t *packet, size_t len);

struct ts pair_ts(
	const char *start, const char *end, uint8_t proto, uint16_t port_start, uint16_t port_end);

/*
 * A packet from a random address and port of src to one of dst, with right checksums; of the
 * selector's protocol, or of a random one where that is 0. payload: octets behind the transport
 * header. Returns its length.
 */
size_t pair_packet(struct pair_random *random, const struct ts *src, const struct ts *dst,
	size_t payload, uint8_t out[PAIR_ROOM]);

#endif
