/* SPDX-License-Identifier: Apache-2.0 */
/* One record under construction, and its way to the host (conf/schema/keying.cddl: exchange). */
#ifndef DIETVPN_IKEV2_TRACE_RECORD_H
#define DIETVPN_IKEV2_TRACE_RECORD_H

#include "ikev2/ikev2.h"
#include "ikev2/rows.h"
#include "ikev2/trace.h"

enum { REFUSAL_LEN = PAYLOAD_HEADER_LEN + 4 }; /* a notify without data */

struct record {
	struct rows rows;
	uint32_t policy; /* 0: nobody's */
	struct ip_endpoint remote;
	uint8_t exchange;
	bool begun_here, offered_here, refused_here, claimed;
	uint16_t error;      /* 0: none */
	const char *outcome; /* "refused" unless changed */
	const char *why;     /* a constant; NULL: none */
};

/* Of an SA: what is offered is that of who began. NULL without memory. */
struct record *record_new(const struct ike_sa *sa, uint8_t exchange, bool begun_here);
/* Begun by who is at the other end of this way; peer may be NULL. */
struct record *record_of(const struct peer *peer, const struct way *way, uint8_t exchange);
void record_free(struct record *r);
/* Rows of a child; outcome where compression was left off. child may be NULL. */
void record_add_child(struct record *r, const struct ike_sa *sa, const struct payloads *p,
	const struct child *child);
/* Transforms: ours beside what came of them; chosen NULL: nothing has. */
void record_add_offer(struct record *r, const struct allowed *ours, const struct chosen *chosen);
/* Transforms: the peer's SA payload beside what we allow, and how the two meet. */
void record_add_proposals(struct record *r, const struct allowed *allowed, struct slice sa);
/* One word of each end; allowed NULL: not known. */
void record_add_word(
	struct record *r, const struct row *row, const char *offered, const char *allowed);
void record_add_identity(struct record *r, const char *offered, const char *allowed);
/* The peer's AUTH did not hold; where both mean the same method it is the key that differs. */
void record_add_authentication(struct record *r, uint8_t method, const struct settings *s);
/* error, why, who refused. */
void record_outcome(struct record *r, const struct child_outcome *outcome);
/* To the host now. */
void record_put(const struct keying *k, const struct record *r, const struct trail *trail);
/* Takes it: to the host now, or where our answer ends the exchange, once that has gone. */
void record_tell(struct ike_sa *sa, struct record *r);

#endif
