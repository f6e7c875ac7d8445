/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE_CHILD_SA for the IKE SA itself: the new one inherits all children (RFC 7296 1.3.2, 2.18).
 */
#include "ikev2/ikev2.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

enum { AGAIN_MS = 2000 };

void ask_rekey_ike(struct ike_sa *sa)
{
	struct create *c = create_begin(sa);
	struct message_writer w;
	int r = -ENOMEM;

	sa->want_rekey = false;
	if (c) {
		c->offer = sa->peer->settings->ike;
		c->group = ike_sa_group(sa);
		ike_sa_random_spi(sa->keying, c->spi);
		r = dh_generate(c->group, c->private_key, c->public_key);
	}
	if (!r) {
		exchange_begin(sa, &w, CREATE_CHILD_SA, false);
		payload_sa_offer(&w.payloads, &c->offer, (struct slice){c->spi, sizeof c->spi});
		payload_add(&w.payloads, PAYLOAD_NONCE, (struct slice){c->nonce, c->nonce_len});
		payload_add_ke(&w.payloads, c->group->id,
			(struct slice){c->public_key, c->group->public_len});
		r = request_send(sa, &w, (struct request){.what = ASK_REKEY_IKE, .create = c});
	}
	if (!r)
		return;
	say(sa->keying, KEYING_WARN, sa->peer, "no new IKE SA: %s", strerror(-r));
	create_free(c);
}

/* The SA that comes out of a rekey; spis and side are those of the exchange. */
struct successor {
	struct ike_sa *old;
	enum side side;
	const struct chosen *chosen;
	uint8_t spis[2 * IKE_SPI_LEN];
	struct slice g_ir;
	struct nonces n;
};

static struct ike_sa *succeed(const struct successor *s)
{
	struct ike_sa *old = s->old;
	struct ike_sa *sa;
	int r;

	ike_sa_make_room(old->keying, old->peer, old);
	sa = ike_sa_create(old->keying, old->peer, s->side);
	if (!sa)
		return NULL;
	memcpy(sa->spis, s->spis, sizeof sa->spis);
	sa->way = old->way;
	sa->dietvpn = old->dietvpn;
	sa->fragments = old->fragments;
	sa->follows = old->follows;
	sa->group = s->chosen->group;
	sa->keys.prf = prf_find(s->chosen->prf);
	sa->keys.suite = keymat_suite(s->chosen->encr, s->chosen->key_bits);
	r = sa->keys.prf && sa->keys.suite
		    ? keymat_ike_rekeyed(&sa->keys, &old->keys, s->g_ir, &s->n, sa->spis)
		    : -EINVAL;
	if (!r)
		r = ike_sa_enter(sa);
	if (r) {
		ike_sa_destroy(sa);
		return NULL;
	}
	ike_sa_set_keys(sa);
	return sa;
}

static void inherit(struct ike_sa *from, struct ike_sa *to)
{
	list_each_safe (node, &from->children) {
		struct child *child = container_of(node, struct child, link);

		list_remove(&child->link);
		list_append(&to->children, &child->link);
		child->ike = to;
	}
}

static const char *take_answer(
	struct ike_sa *sa, struct create *c, const struct payloads *p, struct ike_sa **out)
{
	struct successor s = {.old = sa, .side = SIDE_I, .n = {{c->nonce, c->nonce_len}, p->nonce}};
	uint8_t g_ir[DH_SHARED_MAX];
	struct chosen chosen;

	if (!p->sa.data || !p->nonce.data || !p->ke.data ||
		payload_sa_accept(p->sa, &c->offer, &chosen) || chosen.spi_len != IKE_SPI_LEN ||
		chosen.group != c->group->id || get_be16(p->ke.data) != c->group->id)
		return "its answer is not one of our offers";
	if (create_compute(c->group, c->private_key, p->ke, g_ir))
		return "its key exchange value is not legal";
	memcpy(s.spis, c->spi, IKE_SPI_LEN);
	memcpy(s.spis + IKE_SPI_LEN, chosen.spi, IKE_SPI_LEN);
	s.chosen = &chosen;
	s.g_ir = (struct slice){g_ir, c->group->shared_len};
	*out = succeed(&s);
	secret_wipe(g_ir, sizeof g_ir);
	return *out ? NULL : "out of memory";
}

void ike_sa_promote(struct ike_sa *sa, struct ike_sa *next)
{
	inherit(sa, next);
	child_sweep(next);
	sa->peer->sa = next;
	sa->state = IKE_REPLACED;
	ike_sa_due_in(sa, DUE_LIFE, IKE_REPLACED_MS);
	sa->end_ms = sa->keying->host->now_ms(sa->keying->host) + IKE_REPLACED_MS;
}

/* RFC 7296 1.3: it wants another one of our groups; asked for once. */
static bool another_group(struct ike_sa *sa, const struct create *c, const struct notify *n)
{
	const struct allowed *ours = &sa->peer->settings->ike;
	uint16_t wanted;

	if (!n || n->type != INVALID_KE_PAYLOAD || n->data.len != 2 || sa->regrouped)
		return false;
	wanted = get_be16(n->data.data);
	for (size_t i = 0; i < ours->n_groups; i++)
		if (ours->groups[i] == wanted && wanted != c->group->id) {
			sa->regrouped = true;
			sa->group = wanted;
			return true;
		}
	return false;
}

void on_rekey_response(struct ike_sa *sa, struct create *c, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);
	const struct slice ours = {c->nonce, c->nonce_len};
	struct ike_sa *next = NULL;
	const char *why = n ? "it refuses" : take_answer(sa, c, p, &next);
	struct slice low;

	if (c->crossed && (n || why) && c->rival_sa) {
		/* Ours came to nothing, the peer's goes on. */
		if (next)
			ike_sa_destroy(next);
		ike_sa_promote(sa, c->rival_sa);
		return;
	}
	if (another_group(sa, c, n)) {
		sa->want_rekey = true;
		exchange_next(sa);
		return;
	}
	if (n && n->type == TEMPORARY_FAILURE) {
		ike_sa_due_in(sa, DUE_LIFE, AGAIN_MS);
		return;
	}
	trace_rekey(sa, p,
		&(struct child_outcome){.begun_here = true,
			.refused_here = !n,
			.error = n ? n->type : 0,
			.why = why});
	if (why) {
		say(sa->keying, KEYING_INFO, sa->peer, "no rekeyed IKE SA: %s", why);
		if (!c->crossed && sa->side == SIDE_I && sa->peer->sa == sa)
			reauthenticate(sa);
		return;
	}
	low = create_lower(p->nonce, ours) ? p->nonce : ours;
	ike_sa_settled(next);
	if (c->crossed && c->rival_sa &&
		create_lower(low, (struct slice){c->rival_low, c->rival_low_len})) {
		/* The peer's own one goes on, ours goes at once. */
		ike_sa_promote(sa, c->rival_sa);
		next->want_delete = true;
		exchange_next(next);
		return;
	}
	ike_sa_promote(sa, next);
	sa->want_delete = true;
	exchange_next(sa);
	exchange_next(next);
}

static void note_crossing(struct ike_sa *sa, struct ike_sa *next, struct slice a, struct slice b)
{
	struct create *c = sa->request.what == ASK_REKEY_IKE ? sa->request.create : NULL;
	const struct slice low = create_lower(a, b) ? a : b;

	if (!c)
		return;
	c->crossed = true;
	c->rival_sa = next;
	c->rival_low_len = low.len < sizeof c->rival_low ? low.len : sizeof c->rival_low;
	memcpy(c->rival_low, low.data, c->rival_low_len);
}

static bool children_busy(const struct ike_sa *sa)
{
	return sa->request.len &&
	       (sa->request.what == ASK_CHILD || sa->request.what == ASK_DELETE_CHILD);
}

/* One that the peer has made while ours is under way waits for the answer to ours: no second one.
 */
static bool has_rival(const struct ike_sa *sa)
{
	return sa->request.create && sa->request.create->rival_sa;
}

void on_rekey_request(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w)
{
	const struct settings *s = sa->peer->settings;
	struct allowed allowed = s->ike;
	struct chosen chosen;
	struct create *mine = NULL;
	struct ike_sa *next = NULL;
	uint16_t error = INVALID_SYNTAX;
	uint8_t g_ir[DH_SHARED_MAX];

	settings_all_prfs(&allowed);
	if (sa->state != IKE_UP || children_busy(sa) || has_rival(sa))
		error = TEMPORARY_FAILURE;
	else if (p->sa.data && p->nonce.data && p->ke.data)
		error = payload_sa_choose(p->sa, &allowed, get_be16(p->ke.data), &chosen) ||
					chosen.spi_len != IKE_SPI_LEN
				? NO_PROPOSAL_CHOSEN
			: chosen.group != get_be16(p->ke.data) ? INVALID_KE_PAYLOAD
							       : 0;
	if (error == INVALID_KE_PAYLOAD) {
		uint8_t group[2];

		put_be16(group, chosen.group);
		payload_add_notify(w, error, (struct slice){group, sizeof group});
		return;
	}
	if (!error)
		mine = create_begin(sa);
	if (mine) {
		struct successor s2 = {.old = sa,
			.side = SIDE_R,
			.chosen = &chosen,
			.n = {p->nonce, {mine->nonce, mine->nonce_len}}};

		mine->group = dh_find(chosen.group);
		memcpy(s2.spis, chosen.spi, IKE_SPI_LEN);
		ike_sa_random_spi(sa->keying, s2.spis + IKE_SPI_LEN);
		s2.g_ir = (struct slice){g_ir, mine->group->shared_len};
		if (!dh_generate(mine->group, mine->private_key, mine->public_key) &&
			!create_compute(mine->group, mine->private_key, p->ke, g_ir))
			next = succeed(&s2);
		secret_wipe(g_ir, sizeof g_ir);
	}
	if (error == NO_PROPOSAL_CHOSEN || next)
		trace_rekey(sa, p,
			&(struct child_outcome){.refused_here = error,
				.error = error,
				.why = error ? "no common proposal" : NULL});
	if (!next) {
		payload_add_notify(w, error ? error : NO_PROPOSAL_CHOSEN, (struct slice){NULL, 0});
		create_free(mine);
		return;
	}
	payload_sa_answer(
		w, PROTOCOL_IKE, &chosen, (struct slice){next->spis + IKE_SPI_LEN, IKE_SPI_LEN});
	payload_add(w, PAYLOAD_NONCE, (struct slice){mine->nonce, mine->nonce_len});
	payload_add_ke(
		w, mine->group->id, (struct slice){mine->public_key, mine->group->public_len});
	note_crossing(sa, next, p->nonce, (struct slice){mine->nonce, mine->nonce_len});
	create_free(mine);
	ike_sa_settled(next);
	sa->successor = next;
}

/* Where both began at once, the answer to ours decides which one goes on. */
void on_rekey_answered(struct ike_sa *sa)
{
	struct ike_sa *next = sa->successor;

	sa->successor = NULL;
	if (next && (!sa->request.create || sa->request.create->rival_sa != next))
		ike_sa_promote(sa, next);
}
