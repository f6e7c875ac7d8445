/* SPDX-License-Identifier: Apache-2.0 */
/* The last key exchanges of all plugins: what was offered, what was allowed, why it was refused. */
#ifndef DIETVPN_KEYING_TRACE_H
#define DIETVPN_KEYING_TRACE_H

#include "config/config.h"
#include "dietvpn/types.h"

#include <stdbool.h>

enum {
	TRACE_RING = 8,     /* records of each kind */
	TRACE_MAX = 32,     /* of all kinds */
	TRACE_BYTES = 4096, /* of one record */
	TRACE_WORD = 48,    /* of an exchange's or an error's name */
	TRACE_PLUGIN = 16,
};

/* Each kind has a ring of its own: whoever can cause one kind does not push out another. */
enum trace_kind {
	TRACE_ESTABLISHED,
	TRACE_REFUSED,  /* between us and the peer */
	TRACE_CLAIMED,  /* by whoever says that he is the peer */
	TRACE_STRANGER, /* of no peer that we know */
	TRACE_KINDS,
};

/* Whose record it is. Texts are cut where they are too long. */
struct trace_source {
	uint64_t now_ms; /* since boot */
	uint32_t policy; /* 0: of no peer */
	const char *plugin, *tunnel, *peer;
};

struct trace_entry {
	uint64_t at_ms; /* since boot */
	uint64_t order;
	uint32_t policy, times; /* times: how often in a row, this the last one */
	enum trace_kind kind;
	char plugin[TRACE_PLUGIN], tunnel[CONFIG_NAME_MAX], peer[CONFIG_NAME_MAX];
	char exchange[TRACE_WORD], outcome[TRACE_WORD], error[TRACE_WORD];
	struct ip_endpoint remote;
	uint8_t *cbor; /* owned; NULL: this place is free */
	size_t len;
};

/* All of them; begins as zeros. */
struct trace {
	uint64_t order;
	struct trace_entry entries[TRACE_MAX]; /* TRACE_RING of each kind, one after the other */
};

/*
 * Takes a copy of one "exchange" (conf/schema/keying.cddl). It replaces one of the same peer (else
 * of the same address), exchange and error, or the oldest of its kind. 0 and *out (NULL is
 * allowed), -EBADMSG: it is none, -EMSGSIZE, -ENOMEM.
 */
int trace_add(struct trace *trace, const struct trace_source *from, struct slice cbor,
	const struct trace_entry **out);
/* Newest first; NULL past the end. */
const struct trace_entry *trace_at(const struct trace *trace, size_t index);
void trace_fini(struct trace *trace);

#endif
