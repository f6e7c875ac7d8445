/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in fragments: cut and sealed, collected within bounds and put together (RFC 7383). */
#ifndef DIETVPN_IKEV2_FRAGMENT_H
#define DIETVPN_IKEV2_FRAGMENT_H

#include "base/list.h"
#include "ikev2/message.h"

enum {
	FRAGMENTS_MAX = 64,          /* of one message */
	FRAGMENT_OCTETS_MAX = 16384, /* of its payloads */
	FRAGMENT_LIFE_MS = 30000,    /* from the first of a message to the last */
	FRAGMENT_HEADER_LEN = 4,     /* number and total */
	/* UDP payload that any path carries: IP packets of 576 and of 1280 octets (RFC 7383 2.5.1)
	 */
	FRAGMENT_LIMIT_4 = 576 - 20 - 8,
	FRAGMENT_LIMIT_6 = 1280 - 40 - 8,
};

/* A message of which some fragments are there: payloads that have verified. */
struct assembly;

/* All of one kind, and the memory that they take: the oldest goes when it would be too much. */
struct fragment_pool {
	struct list all; /* oldest first */
	size_t octets, max;
};

void fragment_pool_init(struct fragment_pool *pool, size_t max);
void fragment_pool_fini(struct fragment_pool *pool); /* wipes; their places are NULL then */
/* Drops those that have waited for too long; false: none is left. */
bool fragment_expire(struct fragment_pool *pool, uint64_t now_ms);
/* The one of this place, where there is one; *place is NULL then. */
void fragment_forget(struct assembly **place);

/* A protected message that came, whole or as a fragment. */
struct fragment {
	const struct message *message;
	const struct payloads *outer; /* of the message */
	struct aead_key *key;
	uint8_t *plain; /* room for MESSAGE_MAX */
	uint64_t now_ms;
};

/* Payloads of the whole message, in plain. */
struct opened {
	size_t len;
	uint8_t first; /* type of the first one */
};

/* Whether opening it is worth while: its numbers are legal and it is not there yet. 0, -EINVAL or
 * -EALREADY. */
int fragment_check(const struct assembly *have, const struct message *m, const struct payloads *p);
/*
 * Opens a message. 0: it is whole, and nothing is left at *place, which holds one assembly at most.
 * -EINPROGRESS: a fragment that others must follow; -EBADMSG: not authentic; -EINVAL, -EALREADY:
 * as fragment_check; -EBUSY: a message of the other direction is being put together; -EMSGSIZE: it
 * gets too long; -ENOMEM.
 */
int fragment_open(struct fragment_pool *pool, struct assembly **place, const struct fragment *f,
	struct opened *out);

/*
 * As message_end for a sealed message: into w->data, fragments behind one another where it has more
 * than limit octets (0: never). Length of all, 0 where it did not fit. Counts *iv on.
 */
size_t fragment_end(struct message_writer *w, struct aead_key *key, uint64_t *iv, size_t limit);

#endif
