/* SPDX-License-Identifier: Apache-2.0 */
/* IKE messages of a peer that has the keys and means no good: any payloads, sealed as its own; and
 * what others have sealed, opened. */
#ifndef DIETVPN_TESTS_FAKES_FORGE_H
#define DIETVPN_TESTS_FAKES_FORGE_H

#include "ikev2/ikev2.h"

#include <string.h>

/* Payloads of one message, without header and seal. */
struct chain {
	uint8_t first;
	size_t len;
	uint8_t data[4096];
};

/* In the name of this IKE SA; its own counters stay where they are, but for the IV. */
__attribute__((unused)) static size_t forge(struct ike_sa *from, const struct message *head,
	const struct chain *chain, uint8_t *out, size_t cap)
{
	struct message full = *head;
	struct message_writer w;

	memcpy(full.spis, from->spis, sizeof full.spis);
	full.flags |= from->side == SIDE_I ? MESSAGE_FLAG_INITIATOR : 0;
	message_begin(&w, &full, true, out, cap);
	payload_put(&w.payloads, chain->data, chain->len);
	w.payloads.first = chain->first;
	return message_end(&w, &from->seal, from->next_iv++);
}

/* What this key opens, or what is not sealed at all. */
__attribute__((unused)) static bool unseal(
	struct slice octets, struct aead_key *key, struct message *head, struct chain *out)
{
	static uint8_t plain[65536];
	struct payloads outer;

	if (message_parse(octets, head) ||
		payloads_parse(head->first,
			(struct slice){octets.data + IKE_HEADER_LEN, octets.len - IKE_HEADER_LEN},
			&outer))
		return false;
	out->first = outer.sk_type ? outer.next_sk : head->first;
	out->len = octets.len - IKE_HEADER_LEN;
	if (outer.sk_type && (!key || message_open(head, &outer, key, plain, &out->len)))
		return false;
	if (out->len > sizeof out->data)
		return false;
	memcpy(out->data, outer.sk_type ? plain : octets.data + IKE_HEADER_LEN, out->len);
	return true;
}

#endif
