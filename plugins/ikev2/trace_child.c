/* SPDX-License-Identifier: Apache-2.0 */
/* What key exchanges came to, for `dietvpn why`: records of children (RFC 7296 1.2, 1.3.1). */
#include "ikev2/trace_record.h"

#include <string.h>

static void our_transforms(
	const struct ike_sa *sa, const struct payloads *p, struct transforms *out)
{
	const struct settings *s = sa->peer->settings;
	struct allowed allowed = s->esp;
	struct transforms theirs = {.group.n = 0};

	if (p->sa.data)
		transforms_of_payload(p->sa, &theirs);
	if (s->pfs || theirs.group.n) {
		memcpy(allowed.groups, s->ike.groups, sizeof allowed.groups);
		allowed.n_groups = s->ike.n_groups;
	}
	transforms_of_allowed(&allowed, out);
	if (!s->pfs && theirs.group.n)
		words_add(&out->group, "none");
}

/* In IKE_AUTH the keys of the IKE SA serve the child: no key exchange is spoken of. */
static void add_transforms(struct record *r, const struct ike_sa *sa, const struct payloads *p)
{
	struct transforms mine;
	struct transforms theirs;

	our_transforms(sa, p, &mine);
	if (p->sa.data && !r->begun_here)
		transforms_of_nearest(p->sa, &mine, &theirs);
	else if (p->sa.data)
		transforms_of_payload(p->sa, &theirs);
	else
		memset(&theirs, 0, sizeof theirs);
	if (r->exchange == IKE_AUTH)
		mine.group.n = theirs.group.n = 0;
	if (!r->begun_here) {
		rows_add_transforms(&r->rows, &theirs, &mine, true);
		rows_fix_transforms(&r->rows, &theirs, &mine, true);
	} else {
		rows_add_transforms(&r->rows, &mine, p->sa.data ? &theirs : NULL, true);
	}
}

static void add_selectors(struct record *r, const struct ike_sa *sa, const struct payloads *p)
{
	const struct settings *s = sa->peer->settings;
	bool told = p->ts_i.data && p->ts_r.data;
	struct selectors here;
	struct selectors there;
	bool all;

	if (told) {
		payload_ts_parse(r->begun_here ? p->ts_i : p->ts_r, &here, &all);
		payload_ts_parse(r->begun_here ? p->ts_r : p->ts_i, &there, &all);
	}
	if (r->begun_here) {
		rows_add_selectors(&r->rows, false, &s->core.local, told ? &here : NULL);
		rows_add_selectors(&r->rows, true, &s->core.remote_ts, told ? &there : NULL);
	} else if (told) {
		rows_add_selectors(&r->rows, false, &here, &s->core.local);
		rows_add_selectors(&r->rows, true, &there, &s->core.remote_ts);
	}
}

/* We offered compression and nothing was said of it. */
static void add_compression(struct record *r, const struct child *child)
{
	static const struct words offered = {{"diet-esp"}, 1};
	static const struct words allowed = {{"off"}, 1};

	if (!r->begun_here || !child || !child->hcp_offered || child->compressed)
		return;
	r->outcome = "reduced";
	r->why = "it does not compress as we offer";
	rows_add(&r->rows, &(struct row){"compression", "Compress", &offered, &allowed, NULL});
	rows_fix(&r->rows, "on the peer the Compress of here; if it is dietvpn, its why names the "
			   "attribute.");
}

/* As seen from here, so that two that agree read the same. */
static void words_of_rules(struct words *words, const struct hcp_rules *rules, bool dev_here)
{
	words->n = 0;
	if (rules)
		words_add(words, "%08x, Dev %s", (unsigned)rules->digest,
			dev_here ? "here" : "there");
	else
		words_add(words, "none");
}

static void add_rules(struct record *r, const struct child *child)
{
	const struct settings *s = child->ike->peer->settings;
	struct words ours;
	struct words theirs;

	if (!child_rules_differ(child))
		return;
	words_of_rules(&ours, s->has_rules ? &s->rules : NULL, s->rules.here);
	words_of_rules(&theirs, child->theirs_known ? &child->theirs : NULL, !child->theirs.here);
	rows_add(&r->rows, &(struct row){"rules", "Compress", r->begun_here ? &ours : &theirs,
				   r->begun_here ? &theirs : &ours, NULL});
	rows_fix(&r->rows, "the same rule file at both ends, Device = here at one and peer at the "
			   "other.");
	if (r->why)
		return;
	r->outcome = "reduced";
	r->why = "the rules of both ends differ";
}

/* What may be changed where the peer alone knows what it allows. */
static void fix_there(struct record *r)
{
	if (r->error == NO_PROPOSAL_CHOSEN)
		rows_fix(&r->rows, "give both ends one Cipher for ESP in common. It does not say "
				   "what it allows; its own log does.");
	else if (r->error == TS_UNACCEPTABLE)
		rows_fix(&r->rows, "on the peer allow the networks of this list; or here change "
				   "Local (networks here) or Address, Routes, Allow (networks "
				   "there).");
	else if (r->error == INTERNAL_ADDRESS_FAILURE)
		rows_fix(&r->rows, "on the peer give us an address (Address of one host, or Pool = "
				   "yes); or here an Address of our own in [Interface].");
	else if (r->error == FAILED_CP_REQUIRED)
		rows_fix(&r->rows, "here Address = auto in [Interface].");
	else if (r->error == NO_ADDITIONAL_SAS)
		rows_fix(&r->rows, "nothing: a new IKE SA brings the child.");
}

void record_add_child(struct record *r, const struct ike_sa *sa, const struct payloads *p,
	const struct child *child)
{
	add_transforms(r, sa, p);
	add_selectors(r, sa, p);
	if (child)
		add_rules(r, child);
	if (!r->why)
		add_compression(r, child);
}

void trace_child(struct ike_sa *sa, const struct payloads *p, const struct child_outcome *outcome)
{
	bool first = sa->trail.n && sa->trail.list[sa->trail.n - 1].exchange == IKE_AUTH;
	struct record *r = record_new(sa, first ? IKE_AUTH : CREATE_CHILD_SA, outcome->begun_here);

	if (!r)
		return;
	record_outcome(r, outcome);
	if (!r->why)
		r->outcome = "established";
	else
		sa->trail.told = true;
	record_add_child(r, sa, p, outcome->child);
	if (r->why && r->begun_here && !r->refused_here)
		fix_there(r);
	record_tell(sa, r);
}

void trace_uncompressed(struct ike_sa *sa, struct slice data)
{
	bool first = sa->trail.n && sa->trail.list[sa->trail.n - 1].exchange == IKE_AUTH;
	struct record *r = record_new(sa, first ? IKE_AUTH : CREATE_CHILD_SA, false);

	if (!r)
		return;
	r->outcome = "reduced";
	r->refused_here = true;
	r->why = "no compression: the peer offers what loses more than ours, or other bits";
	rows_add_hcp(&r->rows, data, &sa->peer->settings->hcp);
	if (r->rows.differ)
		say(sa->keying, KEYING_INFO, sa->peer,
			"no compression: it offers %.100s; we allow %.100s: compare %s",
			r->rows.offers, r->rows.allows, r->rows.keys);
	else
		say(sa->keying, KEYING_INFO, sa->peer, "no compression: %s", r->rows.fix);
	record_tell(sa, r);
}
