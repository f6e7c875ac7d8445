/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side: the key of the gateway that came first is its gateway's (ikev2.md 6). */
#ifndef DIETVPN_IKEV2_IMPRINT_H
#define DIETVPN_IKEV2_IMPRINT_H

#include "ikev2/ikev2.h"
#include "ikev2/known.h"

/* The key of its CERT, which AUTH has to hold with. NULL, or why it is none of ours. */
const char *imprint_key(const struct ike_sa *sa, const struct payloads *p, struct sign_public *key);
/* AUTH held. true: go on, this is our gateway. false: it is being written down (its answer will
 * come again), or the IKE SA is gone. */
bool imprint_settle(struct ike_sa *sa, const struct payloads *p, const struct sign_public *key);
/* It does not know us: the log has what has to be typed in there. */
void imprint_introduce(const struct ike_sa *sa);
/* A blank device has looked for its gateway for as long as ImprintTime: it waits for an order. */
bool imprint_is_over(struct keying *k, struct peer *peer);
/* Another answer to the same IKE_SA_INIT: whose is the right one cannot be told. */
void imprint_contested(struct ike_sa *sa, const struct message *m, const struct payloads *p);
void imprint_saved(struct keying *k, struct known *known, int error);
/* Forgets the gateway of this peer. 0: begun; negative errno: not. *out: what is written. */
int imprint_reset(struct keying *k, struct peer *peer, struct known **out);

#endif
