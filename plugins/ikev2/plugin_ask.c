/* SPDX-License-Identifier: Apache-2.0 */
/* What the host asks: orders of the operator, and whose a datagram is (RFC 7296 1.2). */
#include "ikev2/plugin.h"
#include "ikev2/half_open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int rekey(struct ike_sa *sa, bool ike, char *text, size_t text_len)
{
	bool any = ike;

	sa->want_rekey = sa->want_rekey || ike;
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (!ike && child_is_live(child))
			any = child->want_rekey = true;
	}
	if (!any) {
		snprintf(text, text_len, "it has no ESP SA");
		return -ENOENT;
	}
	exchange_next(sa);
	return 0;
}

int plugin_order(
	struct keying *k, uint32_t policy, enum keying_order what, char *text, size_t text_len)
{
	struct peer *peer = plugin_peer(k, policy);
	struct ike_sa *sa = peer ? peer->sa : NULL;
	int r;

	if (!peer)
		return -ENOENT;
	if (what == KEYING_INITIATE) {
		r = initiate(k, peer);
		if (r)
			snprintf(text, text_len, "%s",
				r == -EPERM ? "Role = responder: it is for the peer to begin"
				: r == -EDESTADDRREQ ? "where it is, is not known: no Endpoint"
				: r == -ETIME
					? "it is blank and ImprintTime is over: dietvpn adopt "
					  "--reset PEER"
				: r == -EALREADY ? "it has an IKE SA, or one is being made"
						 : strerror(-r));
		return r;
	}
	if (!sa || sa->state != IKE_UP) {
		snprintf(text, text_len, "it has no IKE SA");
		return -ENOENT;
	}
	if (what != KEYING_TERMINATE)
		return rekey(sa, what == KEYING_REKEY_IKE, text, text_len);
	sa->want_delete = true;
	exchange_next(sa);
	return 0;
}

/* A first message names nobody: where it comes from has to say whose it is. */
static enum keying_claim claim_first(struct keying *k, const struct ip_addr *from)
{
	enum keying_claim claim = KEYING_FOREIGN;

	for (size_t i = 0; i < k->settings.n; i++) {
		const struct peer_config *core = &k->peers[i].settings->core;

		if (core->role == ROLE_INITIATOR)
			continue;
		if (addr_same(&k->peers[i].remote.addr, from))
			return KEYING_MY_PEER;
		if (!k->peers[i].remote.addr.family && !core->named)
			claim = KEYING_ANYBODY;
	}
	return claim;
}

enum keying_claim plugin_claim(struct keying *k, const struct keying_datagram *datagram)
{
	struct message m;
	bool from_initiator;
	bool response;

	if (message_parse(datagram->payload, &m))
		return KEYING_FOREIGN;
	from_initiator = m.flags & MESSAGE_FLAG_INITIATOR;
	response = m.flags & MESSAGE_FLAG_RESPONSE;
	if (m.exchange == IKE_SA_INIT && !response)
		return k->half && half_find_init(k->half, m.octets)
			       ? KEYING_MINE
			       : claim_first(k, &datagram->remote.addr);
	if (ike_sa_find(k, m.spis + (from_initiator ? IKE_SPI_LEN : 0)) ||
		(k->half && from_initiator && half_find(k->half, m.spis + IKE_SPI_LEN)))
		return KEYING_MINE;
	return KEYING_FOREIGN;
}
