/* SPDX-License-Identifier: Apache-2.0 */
/* What key exchanges came to, for `dietvpn why`: the messages of one, and its record
 * (conf/schema/keying.cddl). */
#ifndef DIETVPN_IKEV2_TRACE_H
#define DIETVPN_IKEV2_TRACE_H

#include "ikev2/message.h"

#include <stdbool.h>

enum { TRAIL_MAX = 12, TRAIL_HELD = 2, TRAIL_ID = 64 };

struct child;
struct chosen;
struct half;
struct ike_sa;
struct keying;
struct peer;
struct record;
struct way;

/* Messages in their order; the same octets once more only count. */
struct trail {
	struct trail_entry {
		uint32_t octets;
		uint16_t again;
		uint8_t exchange;
		bool sent, response;
	} list[TRAIL_MAX];
	uint8_t n;
	struct record *held[TRAIL_HELD]; /* owned: told once the answer has gone */
	bool told;                       /* why it failed: once is enough */
	uint16_t error;                  /* of the peer's last answer; 0: none */
	uint8_t method;                  /* the peer's AUTH */
	char their_id[TRAIL_ID];         /* "": it has not said */
};

void trail_add(struct trail *trail, const struct trail_entry *entry);

/* A message of this SA went or came; octets: of the datagram behind the marker. */
void trace_message(struct ike_sa *sa, const struct trail_entry *entry);
/* The SA goes: what was held is told. */
void trace_end(struct ike_sa *sa);

/* The initiator's. The peer refuses IKE_SA_INIT, in an answer without protection. */
void trace_init_refused(struct ike_sa *sa, const struct notify *n);
/* The answer to IKE_AUTH, before it is judged. */
void trace_auth_answer(struct ike_sa *sa, const struct payloads *p);
/* It ends for this reason; nothing where that has been told. */
void trace_failed(struct ike_sa *sa, const char *why);

/* What went before a responder's SA was made: octets of these messages. */
void trace_begin(struct ike_sa *sa, size_t init, size_t init_answer, size_t auth);
/* IKE_AUTH succeeded at this end; p: the peer's message; child: what came with it, NULL: none.
 * sa->handshake is still there. */
void trace_up(struct ike_sa *sa, const struct payloads *p, const struct child *child);
/* The peer ends the IKE SA by this error in an INFORMATIONAL, the only place for an initiator that
 * does not believe our AUTH. */
void trace_ended(struct ike_sa *sa, uint16_t error, const char *why);

/* The responder's, without an SA: no common proposal in IKE_SA_INIT; in a while also a line in the
 * log. answered: our refusal went. */
void trace_stranger(struct keying *k, const struct message *m, const struct way *way,
	const struct payloads *p, bool answered);
/* IKE_AUTH refused, for whom a line in the log is due; peer NULL: nobody has this identity. */
struct refused_auth {
	const struct peer *peer, *shown; /* shown: whose record it is, NULL: nobody's */
	const struct half *half;
	const struct message *message;
	const struct payloads *inner;
	const char *why;
	size_t octets[2]; /* of our answers */
};
void trace_auth_refused(struct keying *k, const struct refused_auth *r);

/*
 * A child, in IKE_AUTH or CREATE_CHILD_SA: p is the peer's message, its offer or its answer. error:
 * the notify, 0: none; why NULL: it came up, child says how.
 */
struct child_outcome {
	const struct child *child;
	bool begun_here, refused_here;
	uint16_t error;
	const char *why;
};
void trace_child(struct ike_sa *sa, const struct payloads *p, const struct child_outcome *outcome);
/* The peer's compression was not taken: the child comes up without. data: of HCP_PROPOSAL. */
void trace_uncompressed(struct ike_sa *sa, struct slice data);
/* A rekey of the IKE SA; as trace_child. */
void trace_rekey(struct ike_sa *sa, const struct payloads *p, const struct child_outcome *outcome);

#endif
