/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of ESP SAs: offered, answered, installed, taken down (RFC 7296 1.3, 2.17). */
#include "ikev2/ikev2.h"

#include "common/peer_attrs.h"
#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPI_WIDTH_FULL = 32,
	SPI_RESERVED = 255,
	SOFT_PERCENT = 90,
	SPREAD_PERCENT = 10,
	LINGER_MS = 1000,
	USE_MS = 240000,
	USE_BESIDE_MS = 60000
};

struct child *child_create(struct ike_sa *sa)
{
	struct child *child = calloc(1, sizeof *child);

	if (!child)
		return NULL;
	child->ike = sa;
	list_append(&sa->children, &child->link);
	return child;
}

static int install(struct child *child, struct sa_params *p, enum sa_dir dir)
{
	const struct keying_host *host = child->ike->keying->host;
	int r;

	p->dir = dir;
	p->spi = child->spi[dir];
	r = host->sa_install(host, p, &child->sa[dir]);
	child->installed[dir] = !r;
	if (!r && dir == SA_IN)
		child->reserved = false;
	if (r)
		say(child->ike->keying, KEYING_ERROR, child->ike->peer, "SPI 0x%x: %s", p->spi,
			strerror(-r));
	return r;
}

static void forget_later(struct child *child)
{
	if (child->later)
		secret_wipe(child->later, sizeof *child->later);
	free(child->later);
	child->later = NULL;
}

static void take_down(struct child *child, enum sa_dir dir)
{
	const struct keying_host *host = child->ike->keying->host;
	const struct ip_endpoint anywhere = {0};

	if (child->installed[dir])
		host->sa_remove(host, child->sa[dir]);
	else if (dir == SA_IN && child->reserved)
		host->spi_release(host, &anywhere, child->spi[SA_IN]);
	child->installed[dir] = false;
	if (dir == SA_IN)
		child->reserved = false;
}

/* Whoever still points to it. */
static void forget(const struct child *child)
{
	struct request *r = &child->ike->request;

	if (r->child == child)
		r->child = NULL;
	if (!r->create)
		return;
	if (r->create->old == child)
		r->create->old = NULL;
	if (r->create->rival == child)
		r->create->rival = NULL;
	if (r->create->fresh == child)
		r->create->fresh = NULL;
}

static void forget_replaced(const struct child *gone)
{
	list_each (node, &gone->ike->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->replaces == gone)
			child->replaces = NULL;
	}
}

void child_destroy(struct child *child)
{
	if (!child)
		return;
	forget(child);
	forget_replaced(child);
	take_down(child, SA_OUT);
	take_down(child, SA_IN);
	forget_later(child);
	list_remove(&child->link);
	free(child);
}

bool child_is_live(const struct child *child)
{
	return child->state == CHILD_UP && child->installed[SA_IN];
}

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

static void wait_for(struct child *child, uint64_t ms)
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

void child_retire(struct child *child)
{
	if (!child)
		return;
	forget(child);
	take_down(child, SA_OUT);
	forget_later(child);
	child->state = CHILD_RETIRED;
	child->want_delete = child->want_rekey = false;
	wait_for(child, LINGER_MS);
}

void child_replaced(struct child *old)
{
	list_each (node, &old->ike->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->replaces == old)
			child_use(child);
	}
}

bool child_is_superseded(const struct child *child)
{
	const struct ike_sa *newer = child->ike->peer->sa;

	if (child->ike->state != IKE_REPLACED || !newer)
		return false;
	list_each (node, &newer->children)
		if (container_of(node, struct child, link)->installed[SA_OUT])
			return true;
	return false;
}

void child_use(struct child *child)
{
	if (!child->later)
		return;
	child->due_ms = 0;
	/* A newer IKE SA carries the packets; this one may still come back to it. */
	if (child_is_superseded(child))
		return;
	install(child, child->later, SA_OUT);
	forget_later(child);
	child->replaces = NULL;
}

void child_use_all(struct ike_sa *sa)
{
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (!child->replaces)
			child_use(child);
	}
}

void child_used(struct child *child, enum sa_dir dir)
{
	if (dir == SA_IN)
		child_use(child);
	else
		on_used(child->ike);
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

struct child *child_by_sa(struct keying *k, sa_id id, enum sa_dir *dir)
{
	list_each (at, &k->all) {
		struct ike_sa *sa = container_of(at, struct ike_sa, link);

		list_each (node, &sa->children) {
			struct child *child = container_of(node, struct child, link);

			for (int i = SA_OUT; i <= SA_IN; i++)
				if (child->installed[i] && child->sa[i] == id) {
					*dir = (enum sa_dir)i;
					return child;
				}
		}
	}
	return NULL;
}

struct child *child_by_spi(struct ike_sa *sa, enum sa_dir dir, uint32_t spi)
{
	/* One that is being made has no SPI of the peer's yet: 0 is not its name. */
	if (!spi)
		return NULL;
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->spi[dir] == spi && child->state != CHILD_RETIRED)
			return child;
	}
	return NULL;
}

int child_reserve(struct child *child, const struct hcp *hcp)
{
	const struct keying_host *host = child->ike->keying->host;
	const struct ip_endpoint anywhere = {0};
	uint32_t widths = (uint32_t)1 << (SPI_WIDTH_FULL - 1);
	int r;

	if (hcp)
		widths |= (uint32_t)1 << (hcp->value[HCP_SPI_LSB] - 1);
	child->spi[SA_IN] = 0;
	r = host->spi_reserve(host, &anywhere, widths, &child->spi[SA_IN]);
	child->reserved = !r;
	return r;
}

/* What a compressed child cannot carry goes by a plain one of the same IKE SA. */
static bool is_fallback(const struct child *child)
{
	if (child->compressed)
		return false;
	list_each (node, &child->ike->children) {
		const struct child *other = container_of(node, struct child, link);

		if (other != child && other->compressed && child_is_live(other))
			return true;
	}
	return false;
}

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

static struct sa_params params_of(
	const struct child *child, const struct chosen *chosen, struct slice attrs)
{
	const struct ike_sa *sa = child->ike;
	const struct settings *s = sa->peer->settings;
	bool udp = sa->way.socket == ON_NAT;
	uint64_t hard = s->child_life_s;
	uint32_t chance;
	struct sa_params p = {
		.mode = SA_TUNNEL,
		.encap = udp ? SA_ENCAP_UDP : SA_ENCAP_ESP,
		.policy = s->core.policy,
		.esn = chosen->esn,
		.encr = (enum encr)chosen->encr,
		.local = sa->way.local,
		.remote = sa->way.remote,
		.n_ts_local = child->local.n,
		.n_ts_remote = child->remote.n,
		.hard_s = hard,
		.fallback = child->fallback,
		.attrs = attrs,
	};

	/* Both ends have the same lifetime: whoever is first by chance rekeys (RFC 7296 2.8). */
	sa->keying->host->random(sa->keying->host, &chance, sizeof chance);
	p.soft_s = hard * SOFT_PERCENT / 100 - chance % (hard * SPREAD_PERCENT / 100 + 1);
	if (!udp)
		p.local.port = p.remote.port = 0;
	memcpy(p.ts_local, child->local.list, sizeof p.ts_local);
	memcpy(p.ts_remote, child->remote.list, sizeof p.ts_remote);
	return p;
}

static void watch(const struct child *child, enum sa_dir dir)
{
	const struct keying_host *host = child->ike->keying->host;

	if (child->installed[dir] && KEYING_HOST_HAS(host, sa_watch))
		host->sa_watch(host, child->sa[dir]);
}

/* The responder of a rekey goes on sending on the old one until the peer has the new one for sure:
 * it deletes the old one, or sends on the new one. */
static int install_later(struct child *child, const struct sa_params *p, uint64_t wait_ms)
{
	child->later = malloc(sizeof *child->later);
	if (!child->later)
		return -ENOMEM;
	*child->later = *p;
	/* The attributes' octets were the caller's. */
	if (child->compressed) {
		memcpy(child->attrs, p->attrs.data, p->attrs.len);
		child->later->attrs.data = child->attrs;
	}
	watch(child, SA_IN);
	wait_for(child, wait_ms);
	return 0;
}

int child_install(struct child *child, const struct chosen *chosen, struct slice g_ir,
	const struct nonces *n, enum child_how how)
{
	const struct aead_suite *suite = keymat_suite(chosen->encr, chosen->key_bits);
	size_t len = suite ? keymat_suite_len(suite) : 0;
	uint8_t keymat[2 * AEAD_KEYMAT_MAX];
	uint8_t attrs[SETTINGS_ATTRS_MAX];
	struct slice chosen_attrs = peer_attrs_plain();
	struct sa_params p;
	bool first = how == CHILD_INITIATED;
	int r;

	child->spi[SA_OUT] = get_be32(chosen->spi);
	if (!suite || child->spi[SA_OUT] <= SPI_RESERVED)
		return -EINVAL;
	if (child->compressed) {
		r = settings_attrs(
			child->ike->peer->settings, &child->hcp, attrs, &chosen_attrs.len);
		if (r)
			return r;
		chosen_attrs.data = attrs;
	}
	child->fallback = is_fallback(child);
	p = params_of(child, chosen, chosen_attrs);
	r = keymat_child(&child->ike->keys, g_ir, n, keymat, 2 * len);
	p.keymat_len = len;
	/* Initiator to responder comes first. */
	memcpy(p.keymat, keymat + (first ? len : 0), len);
	if (!r)
		r = install(child, &p, SA_IN);
	memcpy(p.keymat, keymat + (first ? 0 : len), len);
	if (!r && how == CHILD_REPLACING)
		r = install_later(child, &p, USE_MS);
	else if (!r && how == CHILD_BESIDE)
		r = install_later(child, &p, USE_BESIDE_MS);
	else if (!r)
		r = install(child, &p, SA_OUT);
	secret_wipe(keymat, sizeof keymat);
	secret_wipe(p.keymat, sizeof p.keymat);
	if (!r)
		child_note_rules(child);
	return r;
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
