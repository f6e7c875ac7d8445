/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an IKE SA whose peer is none of ours any more: its ESP SAs are gone at once, its D
 * goes until it is heard, and nothing is accepted meanwhile (RFC 7296 1.4.1, 2.1). */
#include "ikev2/ikev2.h"

#include <string.h>

/* Whose they are then: it begins nothing and answers nobody. */
static const struct settings nobody = {
	.core = {.name = "one that is not let in any more", .role = ROLE_RESPONDER}};

bool ike_sa_is_parting(const struct ike_sa *sa)
{
	return sa->peer == &sa->keying->parting;
}

/* What was under way or due, but for the request that has to be answered before the D. */
static void let_go(struct ike_sa *sa)
{
	create_free(sa->request.create);
	sa->request.create = NULL;
	sa->request.child = NULL;
	sa->successor = NULL;
	list_each_safe (node, &sa->children)
		child_destroy(container_of(node, struct child, link));
	timer_stop(sa->keying, sa->id, TIMER_CLOCK);
	timer_stop(sa->keying, sa->id, TIMER_SWEEP);
	timer_stop(sa->keying, sa->id, TIMER_LINGER);
	memset(sa->due_ms, 0, sizeof sa->due_ms);
	sa->again_ms = 0;
	sa->fail_why = NULL;
}

static void part(struct ike_sa *sa)
{
	ask_delete_ike(sa);
	if (!sa->request.len)
		ike_sa_destroy(sa);
}

void ike_sa_leave(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t now = k->host->now_ms(k->host);
	bool sleepy = sa->peer->settings->core.sleepy;

	if (sa->handshake || !sa->seal.suite) {
		ike_sa_destroy(sa);
		return;
	}
	trace_end(sa);
	sa->trail = (struct trail){0};
	let_go(sa);
	if (sa->peer->sa == sa)
		sa->peer->sa = NULL;
	sa->peer->n_sas--;
	k->parting.settings = &nobody;
	k->parting.n_sas++;
	sa->peer = &k->parting;
	if (!sleepy || sa->end_ms <= now)
		sa->end_ms = 0;
	else
		timer_start(k, sa->id, TIMER_LINGER, sa->end_ms - now);
	sa->state = IKE_CLOSING;
	if (!sa->request.len)
		part(sa);
}

void on_parting_response(struct ike_sa *sa)
{
	if (sa->request.what == ASK_DELETE_IKE) {
		ike_sa_destroy(sa);
		return;
	}
	sa->next_request++;
	request_done(sa);
	part(sa);
}

void on_parting_request(struct ike_sa *sa, const struct way *way)
{
	send_messages(sa->keying, way, (struct slice){sa->request.octets, sa->request.len});
}

void on_parting_silence(struct ike_sa *sa)
{
	if (!sa->end_ms)
		ike_sa_destroy(sa);
}
