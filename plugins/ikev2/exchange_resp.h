/* SPDX-License-Identifier: Apache-2.0 */
/* What the halves of the responder's first two exchanges share (RFC 7296 1.2). */
#ifndef DIETVPN_IKEV2_EXCHANGE_RESP_H
#define DIETVPN_IKEV2_EXCHANGE_RESP_H

#include "ikev2/half_open.h"
#include "ikev2/ikev2.h"

/* One IKE_AUTH under examination. */
struct examined {
	struct keying *k;
	struct half *half;
	const struct message *m;
	const struct way *way;
	struct payloads init, outer, inner;
	struct ike_keys keys;
	struct peer *peer;
	bool ppk;        /* keys are mixed with the post-quantum key */
	bool later;      /* not answered now: it will ask again */
	const char *why; /* it is refused */
};

/* exchange_resp_init.c: the answer to IKE_SA_INIT into k->scratch. The same octets whenever it is
 * asked for: nothing in it but what the slot holds. Returns the length, 0 where it does not fit. */
size_t resp_write_answer(struct keying *k, const struct half *half);

/* exchange_resp_auth.c: finds e->peer. true: its AUTH holds and it is let in; else e->why, or
 * e->later. On the wire all refusals look alike. */
bool resp_admit(struct examined *e);
/* Says so to the peer and to the operator; the third one drops the slot. */
void resp_reject(struct examined *e);

#endif
