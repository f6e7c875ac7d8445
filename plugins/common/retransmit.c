/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator's retransmission timer with its two profiles, the same for every keying plugin. */
#include "common/retransmit.h"

enum { PERCENT = 100, SPREAD = 10 };

const struct retransmit_profile *retransmit_profile(bool lossy)
{
	static const struct retransmit_profile profiles[] = {
		{1000, 60000, 200, 8},
		{500, 2000, 130, 24},
	};

	return &profiles[lossy];
}

void retransmit_begin(struct retransmit *r, const struct retransmit_profile *profile)
{
	*r = (struct retransmit){.profile = profile, .rto_ms = profile->first_ms};
}

uint32_t retransmit_wait(struct retransmit *r, uint32_t chance)
{
	const struct retransmit_profile *p = r->profile;
	uint32_t wait = r->rto_ms;
	uint64_t next = (uint64_t)r->rto_ms * p->factor_percent / PERCENT;

	if (r->sent == p->tries)
		return 0;
	r->sent++;
	r->rto_ms = next > p->cap_ms ? p->cap_ms : (uint32_t)next;
	return wait + chance % (wait / SPREAD + 1);
}
