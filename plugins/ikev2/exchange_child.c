/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE_CHILD_SA for ESP: a new pair, or one that takes another's place before that one goes
 * (RFC 7296 1.3.1, 1.3.3, 2.8). */
#include "ikev2/ikev2.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 2000 };

struct create *create_begin(struct ike_sa *sa)
{
	struct create *c = calloc(1, sizeof *c);
	struct keying *k = sa->keying;

	if (!c)
		return NULL;
	c->nonce_len = sa->keys.prf->len / 2 > NONCE_MIN ? sa->keys.prf->len / 2 : NONCE_MIN;
	k->host->random(k->host, c->nonce, c->nonce_len);
	return c;
}

void create_free(struct create *c)
{
	if (!c)
		return;
	secret_wipe(c, sizeof *c);
	free(c);
}

int create_compute(const struct dh_group *group, const uint8_t *private_key, struct slice ke,
	uint8_t g_ir[DH_SHARED_MAX])
{
	return dh_compute(group, private_key,
		(struct slice){ke.data + KE_HEADER_LEN, ke.len - KE_HEADER_LEN}, g_ir);
}

bool create_lower(struct slice a, struct slice b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order ? order < 0 : a.len < b.len;
}

/* Then the next one is the plain one beside it. */
static bool has_compressed(const struct ike_sa *sa)
{
	list_each (node, &sa->children) {
		const struct child *child = container_of(node, struct child, link);

		if (child->compressed && child_is_live(child))
			return true;
	}
	return false;
}

static int put_request(struct ike_sa *sa, struct message_writer *w, struct create *c)
{
	const struct settings *s = sa->peer->settings;
	uint8_t spi[4];
	bool beside;
	int r;

	c->fresh = child_create(sa);
	beside = !c->old && has_compressed(sa);
	r = !c->fresh ? -ENOMEM
	    : beside  ? child_reserve(c->fresh, NULL)
		      : child_wish_hcp(c->fresh, c->old);
	if (!r && s->pfs) {
		c->group = ike_sa_group(sa);
		r = dh_generate(c->group, c->private_key, c->public_key);
	}
	if (r)
		return r;
	exchange_begin(sa, w, CREATE_CHILD_SA, false);
	child_offer(sa, &c->offer, s->pfs);
	c->offer.groups_optional = !s->pfs;
	put_be32(spi, c->fresh->spi[SA_IN]);
	if (c->old)
		payload_add_notify_child(&w->payloads, REKEY_SA, c->old->spi[SA_IN]);
	payload_sa_offer(&w->payloads, &c->offer, (struct slice){spi, sizeof spi});
	payload_add(&w->payloads, PAYLOAD_NONCE, (struct slice){c->nonce, c->nonce_len});
	if (c->group)
		payload_add_ke(&w->payloads, c->group->id,
			(struct slice){c->public_key, c->group->public_len});
	inner_local(sa->peer, &c->fresh->local);
	inner_remote(sa->peer, &c->fresh->remote);
	if (c->old) {
		c->fresh->local = c->old->local;
		c->fresh->remote = c->old->remote;
	}
	payload_ts_add(&w->payloads, PAYLOAD_TSI, &c->fresh->local);
	payload_ts_add(&w->payloads, PAYLOAD_TSR, &c->fresh->remote);
	child_offer_hcp(c->fresh, &w->payloads);
	return 0;
}

void ask_child(struct ike_sa *sa, struct child *old)
{
	struct create *c = create_begin(sa);
	struct message_writer w;
	int r = -ENOMEM;

	if (old)
		old->want_rekey = false;
	sa->want_child = false;
	if (c) {
		c->old = old;
		r = put_request(sa, &w, c);
	}
	if (!r)
		r = request_send(sa, &w,
			(struct request){.what = ASK_CHILD, .child = c->fresh, .create = c});
	if (!r)
		return;
	say(sa->keying, KEYING_WARN, sa->peer, "no new child: %s", strerror(-r));
	if (c)
		child_destroy(c->fresh);
	create_free(c);
}

/* Why the answer cannot be used, NULL where it could. */
static const char *take_answer(struct create *c, const struct payloads *p)
{
	const struct nonces n = {{c->nonce, c->nonce_len}, p->nonce};
	uint8_t g_ir[DH_SHARED_MAX];
	struct chosen chosen;
	const char *refusal;
	bool all;
	int r = 0;

	if (!p->sa.data || !p->nonce.data || !p->ts_i.data || !p->ts_r.data ||
		payload_sa_accept(p->sa, &c->offer, &chosen))
		return "its answer is not one of our offers";
	if (c->group && (!p->ke.data || get_be16(p->ke.data) != c->group->id))
		return "its answer lacks the key exchange";
	payload_ts_parse(p->ts_i, &c->fresh->local, &all);
	payload_ts_parse(p->ts_r, &c->fresh->remote, &all);
	if (!child_selects_within(c->fresh))
		return "its selectors reach beyond ours";
	refusal = child_accept_hcp(c->fresh, p);
	if (refusal)
		return refusal;
	if (c->group)
		r = create_compute(c->group, c->private_key, p->ke, g_ir);
	if (!r)
		r = child_install(c->fresh, &chosen,
			(struct slice){g_ir, c->group ? c->group->shared_len : 0}, &n,
			CHILD_INITIATED);
	secret_wipe(g_ir, sizeof g_ir);
	return r ? "the SAs cannot be installed" : NULL;
}

/* Both ends replaced one child at once: the exchange with the lowest of the four nonces loses, and
 * who began it takes his new one down (RFC 7296 2.8.1). */
static void settle(struct ike_sa *sa, struct create *c, struct slice theirs)
{
	const struct slice ours = {c->nonce, c->nonce_len};
	const struct slice low = create_lower(theirs, ours) ? theirs : ours;

	if (c->crossed && create_lower(low, (struct slice){c->rival_low, c->rival_low_len})) {
		c->fresh->want_delete = true;
	} else if (c->old) {
		c->old->want_delete = true;
	}
	exchange_next(sa);
}

/* An IKE SA that came up without a child and gets none is of no use: it goes, and a new one is
 * tried later. */
static bool first_failed(struct ike_sa *sa, const struct create *c, const char *why)
{
	if (!sa->childless || c->old || sa->side != SIDE_I)
		return false;
	sa->fail_why = why;
	sa->want_delete = true;
	exchange_next(sa);
	return true;
}

/* Beside the first one, if that compresses, goes a plain one, as after IKE_AUTH. */
static void note_first(struct ike_sa *sa, const struct child *fresh)
{
	if (sa->childless && sa->side == SIDE_I)
		sa->want_child = fresh->compressed && sa->peer->settings->fallback;
	sa->childless = false;
}

static void refused(struct ike_sa *sa, const struct create *c, const struct notify *n)
{
	struct keying *k = sa->keying;

	switch (n->type) {
	case TEMPORARY_FAILURE:
		if (c->old)
			c->old->want_rekey = true;
		else
			sa->want_child = !ike_sa_has_child(sa);
		child_again(sa, AGAIN_MS);
		break;
	case CHILD_SA_NOT_FOUND:
		if (c->old)
			child_retire(c->old);
		/* Unless the peer's own exchange has replaced it meanwhile. */
		sa->want_child = !ike_sa_has_child(sa);
		exchange_next(sa);
		break;
	default:
		if (first_failed(sa, c, child_refused_why(n->type)))
			break;
		say(k, KEYING_INFO, sa->peer, "it answers CREATE_CHILD_SA with error %u", n->type);
		/* It does not make children: a second IKE SA brings its own. But not the plain one
		 * beside the one that compresses: it would be refused there as well, and so on. */
		if (sa->side == SIDE_I && sa->peer->sa == sa && (c->old || !ike_sa_has_child(sa)))
			reauthenticate(sa);
	}
}

void on_child_response(struct ike_sa *sa, struct create *c, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);
	const char *why;

	if (child_is_superseded(c->fresh)) {
		child_destroy(c->fresh);
		return;
	}
	why = n ? NULL : take_answer(c, p);
	if (!n || (n->type != TEMPORARY_FAILURE && n->type != CHILD_SA_NOT_FOUND))
		trace_child(sa, p,
			&(struct child_outcome){.child = c->fresh,
				.begun_here = true,
				.refused_here = !n,
				.error = n ? n->type : 0,
				.why = n ? "it makes no new child" : why});
	if (!n && !why) {
		note_first(sa, c->fresh);
		settle(sa, c, p->nonce);
		return;
	}
	if (why)
		say(sa->keying, KEYING_WARN, sa->peer, "no new child: %s", why);
	if (!n && c->fresh->spi[SA_OUT]) {
		/* The peer has it: it is told that we have not. */
		c->fresh->want_delete = true;
		exchange_next(sa);
		return;
	}
	child_destroy(c->fresh);
	if (n)
		refused(sa, c, n);
	else
		first_failed(sa, c, why);
}

/* One request of the peer's. */
struct asked {
	struct ike_sa *sa;
	const struct payloads *p;
	struct child *child, *old;
	struct chosen chosen;
	uint8_t nonce[NONCE_LEN_MAX];
	size_t nonce_len;
	const struct dh_group *group;
	uint8_t public_key[DH_PUBLIC_MAX];
	uint8_t error_data[4];
	size_t error_len;
};

static uint16_t find_old(struct asked *a)
{
	const struct notify *n = payloads_notify(a->p, REKEY_SA);

	if (!n)
		return 0;
	a->old = n->spi.len == 4 ? child_by_spi(a->sa, SA_OUT, get_be32(n->spi.data)) : NULL;
	if (!a->old) {
		a->error_len = n->spi.len == 4 ? 4 : 0;
		memcpy(a->error_data, n->spi.data, a->error_len);
		return CHILD_SA_NOT_FOUND;
	}
	return a->old->state == CHILD_GONE || a->old->want_delete ? TEMPORARY_FAILURE : 0;
}

static uint16_t choose(struct asked *a)
{
	const struct payloads *p = a->p;
	const struct settings *s = a->sa->peer->settings;
	uint16_t offered = p->ke.data ? get_be16(p->ke.data) : 0;
	struct allowed allowed;

	child_offer(a->sa, &allowed, true);
	memcpy(allowed.groups, s->ike.groups, sizeof allowed.groups);
	allowed.n_groups = s->ike.n_groups;
	allowed.groups_optional = !s->pfs;
	if (payload_sa_choose(p->sa, &allowed, offered, &a->chosen))
		return NO_PROPOSAL_CHOSEN;
	if (!a->chosen.group)
		return 0;
	a->group = dh_find(a->chosen.group);
	if (offered == a->chosen.group)
		return 0;
	put_be16(a->error_data, a->chosen.group);
	a->error_len = 2;
	return INVALID_KE_PAYLOAD;
}

static uint16_t narrow(struct asked *a)
{
	struct selectors theirs;
	struct selectors ours;
	bool all;

	payload_ts_parse(a->p->ts_i, &theirs, &all);
	payload_ts_parse(a->p->ts_r, &ours, &all);
	return child_narrow(a->child, &theirs, &ours) ? 0 : TS_UNACCEPTABLE;
}

/* A child in the place of another is not sent on before the peer has it for sure. */
static uint16_t install(struct asked *a)
{
	struct keying *k = a->sa->keying;
	uint8_t private_key[DH_PRIVATE_MAX];
	uint8_t g_ir[DH_SHARED_MAX];
	struct nonces n = {.ni = a->p->nonce};
	int r = child_answer_hcp(a->child, a->p);

	a->nonce_len = a->sa->keys.prf->len / 2 > NONCE_MIN ? a->sa->keys.prf->len / 2 : NONCE_MIN;
	k->host->random(k->host, a->nonce, a->nonce_len);
	n.nr = (struct slice){a->nonce, a->nonce_len};
	if (!r && a->group)
		r = dh_generate(a->group, private_key, a->public_key);
	if (!r && a->group)
		r = create_compute(a->group, private_key, a->p->ke, g_ir);
	if (!r)
		r = child_install(a->child, &a->chosen,
			(struct slice){g_ir, a->group ? a->group->shared_len : 0}, &n,
			a->old ? CHILD_REPLACING : CHILD_ANSWERED);
	secret_wipe(private_key, sizeof private_key);
	secret_wipe(g_ir, sizeof g_ir);
	return r ? NO_PROPOSAL_CHOSEN : 0;
}

/* Our own request for the same child is under way: what its answer needs to know. */
static void note_crossing(struct asked *a)
{
	struct create *c = a->sa->request.create;
	struct slice low = {a->nonce, a->nonce_len};

	if (!c || !a->old || c->old != a->old)
		return;
	if (create_lower(a->p->nonce, low))
		low = a->p->nonce;
	c->crossed = true;
	c->rival = a->child;
	c->rival_low_len = low.len < sizeof c->rival_low ? low.len : sizeof c->rival_low;
	memcpy(c->rival_low, low.data, c->rival_low_len);
}

/* What lingers makes room in a moment: that is no reason to take the peer for one without rekeys.
 */
static uint16_t room_for_child(const struct ike_sa *sa)
{
	size_t all = 0;
	size_t lingering = 0;

	list_each (node, &sa->children) {
		all++;
		lingering += container_of(node, struct child, link)->state == CHILD_RETIRED;
	}
	if (all < CHILDREN_MAX)
		return 0;
	return lingering ? TEMPORARY_FAILURE : NO_ADDITIONAL_SAS;
}

static uint16_t examine(struct asked *a)
{
	const struct payloads *p = a->p;
	uint16_t error;

	if (!p->sa.data || !p->nonce.data || !p->ts_i.data || !p->ts_r.data)
		return INVALID_SYNTAX;
	if (a->sa->state != IKE_UP)
		return TEMPORARY_FAILURE;
	error = room_for_child(a->sa);
	if (!error)
		error = find_old(a);
	if (!error)
		error = choose(a);
	a->child = error ? NULL : child_create(a->sa);
	if (!error && !a->child)
		error = TEMPORARY_FAILURE;
	if (!error)
		error = narrow(a);
	return error ? error : install(a);
}

static void put_response(const struct asked *a, struct payload_writer *w)
{
	uint8_t spi[4];

	put_be32(spi, a->child->spi[SA_IN]);
	payload_sa_answer(w, PROTOCOL_ESP, &a->chosen, (struct slice){spi, sizeof spi});
	payload_add(w, PAYLOAD_NONCE, (struct slice){a->nonce, a->nonce_len});
	if (a->group)
		payload_add_ke(
			w, a->group->id, (struct slice){a->public_key, a->group->public_len});
	payload_ts_add(w, PAYLOAD_TSI, &a->child->remote);
	payload_ts_add(w, PAYLOAD_TSR, &a->child->local);
	child_put_hcp(a->child, w);
}

static void put_error(struct asked *a, uint16_t error, struct payload_writer *w)
{
	if (error == CHILD_SA_NOT_FOUND && a->error_len)
		payload_add_notify_child(w, error, get_be32(a->error_data));
	else
		payload_add_notify(w, error, (struct slice){a->error_data, a->error_len});
	if (a->child)
		child_put_hcp(a->child, w);
	child_destroy(a->child);
}

void on_child_request(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w)
{
	struct asked a = {.sa = sa, .p = p};
	uint16_t error = examine(&a);

	if (error) {
		child_refusal(sa, a.child, p, error);
		put_error(&a, error, w);
		return;
	}
	trace_child(sa, p, &(struct child_outcome){.child = a.child});
	note_crossing(&a);
	if (a.old) {
		a.old->state = CHILD_REKEYED;
		a.child->replaces = a.old;
	}
	put_response(&a, w);
}
