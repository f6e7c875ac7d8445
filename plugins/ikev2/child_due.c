/* SPDX-License-Identifier: Apache-2.0 */
/* What is due of the children of an IKE SA: one timer for all (RFC 7296 2.8). */
#include "ikev2/ikev2.h"

/* One timer serves all children and what is asked again: it is armed for what is due first. */
static void arm_sweep(struct ike_sa *sa)
{
	uint64_t now = sa->keying->host->now_ms(sa->keying->host);
	uint64_t next = sa->again_ms ? sa->again_ms : UINT64_MAX;

	list_each (node, &sa->children) {
		const struct child *child = container_of(node, struct child, link);

		if (child->due_ms && child->due_ms < next)
			next = child->due_ms;
	}
	if (next != UINT64_MAX)
		timer_start(sa->keying, sa->id, TIMER_SWEEP, next > now ? next - now : 0);
}

void child_wait(struct child *child, uint64_t ms)
{
	struct ike_sa *sa = child->ike;

	child->due_ms = sa->keying->host->now_ms(sa->keying->host) + ms;
	arm_sweep(sa);
}

void child_again(struct ike_sa *sa, uint64_t delay_ms)
{
	sa->again_ms = sa->keying->host->now_ms(sa->keying->host) + delay_ms;
	arm_sweep(sa);
}

void child_sweep(struct ike_sa *sa)
{
	uint64_t now = sa->keying->host->now_ms(sa->keying->host);

	if (sa->again_ms <= now)
		sa->again_ms = 0;
	list_each_safe (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (!child->due_ms || child->due_ms > now)
			continue;
		if (child->state == CHILD_RETIRED)
			child_destroy(child);
		else
			child_use(child);
	}
	arm_sweep(sa);
}
