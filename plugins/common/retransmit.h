/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator's retransmission timer with its two profiles, the same for every keying plugin. */
#ifndef DIETVPN_COMMON_RETRANSMIT_H
#define DIETVPN_COMMON_RETRANSMIT_H

#include <stdbool.h>
#include <stdint.h>

struct retransmit_profile {
	uint32_t first_ms, cap_ms;
	uint32_t factor_percent;
	uint32_t tries; /* transmissions in all */
};

/* "normal" doubles from one second (RFC 8085 3.1.1); "lossy" is for constrained local links. */
const struct retransmit_profile *retransmit_profile(bool lossy);

struct retransmit {
	const struct retransmit_profile *profile;
	uint32_t rto_ms, sent;
};

/* A message that is sent now for the first time. */
void retransmit_begin(struct retransmit *r, const struct retransmit_profile *profile);
/*
 * How long to wait for the answer to what has just been sent, and counts it; 0: it was the last
 * one, give up. chance: any random number, spreads the wait by up to a tenth.
 */
uint32_t retransmit_wait(struct retransmit *r, uint32_t chance);

#endif
