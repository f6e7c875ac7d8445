/* SPDX-License-Identifier: Apache-2.0 */
/* The wish for a pair of ESP SAs: offered; the peer's narrowed, answered, or refused with a reason
 * (RFC 7296 1.2, 2.9). */
#include "ikev2/ikev2.h"

#include "base/wire.h"

#include <stdio.h>
#include <string.h>

const struct dh_group *ike_sa_group(const struct ike_sa *sa)
{
	const struct allowed *ours = &sa->peer->settings->ike;

	for (size_t i = 0; i < ours->n_groups; i++)
		if (ours->groups[i] == sa->group)
			return dh_find(sa->group);
	return dh_find(ours->groups[0]);
}

void child_offer(const struct ike_sa *sa, struct allowed *allowed, bool with_ke)
{
	*allowed = sa->peer->settings->esp;
	if (with_ke) {
		allowed->n_groups = 1;
		allowed->groups[0] = ike_sa_group(sa)->id;
	}
}

/* The peer still has another IKE SA with us: should our answer be lost, that one still serves. */
static bool is_beside(const struct ike_sa *sa, const struct payloads *p)
{
	const struct ike_sa *other = sa->peer->sa;

	return other && other != sa && other->state == IKE_UP && ike_sa_has_child(other) &&
	       !payloads_notify(p, INITIAL_CONTACT);
}

bool child_narrow(struct child *child, const struct selectors *theirs, const struct selectors *ours)
{
	struct selectors remote;
	struct selectors local;

	inner_remote(child->ike->peer, &remote);
	inner_local(child->ike->peer, &local);
	return selectors_narrow(theirs, &remote, &child->remote) &&
	       selectors_narrow(ours, &local, &child->local);
}

bool child_selects_within(const struct child *child)
{
	struct selectors remote;
	struct selectors local;

	inner_remote(child->ike->peer, &remote);
	inner_local(child->ike->peer, &local);
	return selectors_within(&child->local, &local) && selectors_within(&child->remote, &remote);
}

/* The peer's selectors are ours seen from the other side. */
static uint16_t accept(
	struct ike_sa *sa, struct child *child, const struct payloads *p, struct chosen *chosen)
{
	const struct nonces n = {ike_sa_nonce(sa, SIDE_I), ike_sa_nonce(sa, SIDE_R)};
	struct selectors theirs;
	struct selectors ours;
	struct allowed allowed;
	bool all;

	child_offer(sa, &allowed, false);
	if (payload_sa_choose(p->sa, &allowed, 0, chosen))
		return NO_PROPOSAL_CHOSEN;
	chosen->group = 0; /* the first child has the keys of IKE_SA_INIT, RFC 7296 1.2 */
	payload_ts_parse(p->ts_i, &theirs, &all);
	payload_ts_parse(p->ts_r, &ours, &all);
	if (inner_must_ask(sa, p, &theirs))
		return FAILED_CP_REQUIRED;
	if (!child_narrow(child, &theirs, &ours))
		return TS_UNACCEPTABLE;
	if (child_answer_hcp(child, p) || child_install(child, chosen, (struct slice){NULL, 0}, &n,
						  is_beside(sa, p) ? CHILD_BESIDE : CHILD_ANSWERED))
		return NO_PROPOSAL_CHOSEN;
	return 0;
}

const char *child_refused_why(uint16_t error)
{
	switch (error) {
	case NO_PROPOSAL_CHOSEN:
		return "NO_PROPOSAL_CHOSEN: it refuses all that we offer for ESP: compare Cipher";
	case TS_UNACCEPTABLE:
		return "TS_UNACCEPTABLE: it refuses our selectors: compare Address, Routes and "
		       "Allow of both";
	case FAILED_CP_REQUIRED:
		return "FAILED_CP_REQUIRED: it gives the inner address itself: Address = auto in "
		       "[Interface]";
	case INTERNAL_ADDRESS_FAILURE:
		return "INTERNAL_ADDRESS_FAILURE: it has no inner address for us";
	default:
		return "it refuses the child";
	}
}

static void refused_rules(
	struct ike_sa *sa, const struct child *child, const struct payloads *p, uint16_t error)
{
	child_note_rules(child);
	trace_child(sa, p,
		&(struct child_outcome){.child = child,
			.refused_here = true,
			.error = error,
			.why = "its rules are others, and Fallback = no wants nothing else"});
}

void child_refusal(
	struct ike_sa *sa, const struct child *child, const struct payloads *p, uint16_t error)
{
	char text[300];
	int n = 0;

	if (error == NO_PROPOSAL_CHOSEN && child && child_rules_needed(child)) {
		refused_rules(sa, child, p, error);
		return;
	}
	if (error == TS_UNACCEPTABLE)
		n = snprintf(text, sizeof text,
			"TS_UNACCEPTABLE: its selectors have nothing in common with ours: compare "
			"Address, Routes and Allow of both");
	else if (error == NO_PROPOSAL_CHOSEN && p->sa.data)
		n = snprintf(text, sizeof text,
			"NO_PROPOSAL_CHOSEN: no common proposal for ESP, compare %s; it offers ",
			sa->peer->settings->pfs && sa->state == IKE_UP && !p->ke.data
				? "Pfs and Cipher"
				: "Cipher");
	else
		return;
	if (error == NO_PROPOSAL_CHOSEN)
		payload_sa_print(p->sa, text + n, sizeof text - (size_t)n);
	say(sa->keying, KEYING_WARN, sa->peer, "%s", text);
	trouble(sa->keying, sa->peer, text);
	trace_child(sa, p,
		&(struct child_outcome){.refused_here = true,
			.error = error,
			.why = error == TS_UNACCEPTABLE
				       ? "its networks have nothing in common with ours"
				       : "no common proposal for ESP"});
}

void child_answer(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w)
{
	struct child *child;
	struct chosen chosen;
	uint16_t error;
	uint8_t spi[4];

	/* Childless, RFC 6023; or not a child that we could read. */
	if (!p->sa.data || !p->ts_i.data || !p->ts_r.data)
		return;
	child = child_create(sa);
	error = child ? accept(sa, child, p, &chosen) : NO_PROPOSAL_CHOSEN;
	if (error) {
		child_refusal(sa, child, p, error);
		payload_add_notify(w, error, (struct slice){NULL, 0});
		if (child)
			child_put_hcp(child, w);
		child_destroy(child);
		return;
	}
	put_be32(spi, child->spi[SA_IN]);
	payload_sa_answer(w, PROTOCOL_ESP, &chosen, (struct slice){spi, sizeof spi});
	payload_ts_add(w, PAYLOAD_TSI, &child->remote);
	payload_ts_add(w, PAYLOAD_TSR, &child->local);
	child_put_hcp(child, w);
}
