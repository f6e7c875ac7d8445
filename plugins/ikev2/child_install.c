/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of ESP SAs goes to the host: keys, lifetimes, and when we begin to send (RFC 7296 2.17).
 */
#include "ikev2/ikev2.h"

#include "common/peer_attrs.h"
#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPI_RESERVED = 255,
	SOFT_PERCENT = 90,
	SPREAD_PERCENT = 10,
	USE_MS = 240000,
	USE_BESIDE_MS = 60000
};

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
	child_wait(child, wait_ms);
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
		r = child_install_one(child, &p, SA_IN);
	memcpy(p.keymat, keymat + (first ? 0 : len), len);
	if (!r && how == CHILD_REPLACING)
		r = install_later(child, &p, USE_MS);
	else if (!r && how == CHILD_BESIDE)
		r = install_later(child, &p, USE_BESIDE_MS);
	else if (!r)
		r = child_install_one(child, &p, SA_OUT);
	secret_wipe(keymat, sizeof keymat);
	secret_wipe(p.keymat, sizeof p.keymat);
	if (!r)
		child_note_rules(child);
	return r;
}
