/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of devices and gateways over a restart: pinned keys, adopted PSKs, revocations
 * (trust.md 5.1: durable before it counts, ikev2.md 6). */
#ifndef DIETVPN_IKEV2_KNOWN_H
#define DIETVPN_IKEV2_KNOWN_H

#include "ikev2/settings.h"

#include "base/list.h"
#include "base/map.h"
#include "crypto/hash.h"

enum known_kind { KNOWN_DEVICE, KNOWN_GATEWAY };

/* One row of the state store. */
struct known_facts {
	uint32_t generation; /* of the derived PSK */
	bool revoked;        /* what was pinned or adopted before is no longer */
	bool pinned;
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN]; /* pinned: of its key */
	struct identity id;                        /* of a pinned gateway */
	uint8_t psk[SECRET_MAX];                   /* adopted */
	size_t psk_len;                            /* 0: none */
};

/* Why a row is written: what follows when it is on disk. */
enum known_change { KNOWN_IMPRINT, KNOWN_FIRST, KNOWN_ADOPT, KNOWN_REVOKE, KNOWN_RESET };

struct known {
	struct list link;
	enum known_kind kind;
	char name[PEER_NAME_MAX]; /* of the peer; a device's is its identity */
	struct known_facts facts;
	struct known_facts next; /* token: what is being written */
	uint32_t token;          /* 0: nothing is being written */
	enum known_change change;
	bool spoiled; /* KNOWN_FIRST, KNOWN_IMPRINT: a second one came before this was on disk */
	bool asked;   /* an operator waits for the answer to request */
	bool new;     /* KNOWN_REVOKE: nothing was known of it, and it has not been here */
	uint32_t request;
};

struct known_table {
	const struct keying_host *host;
	char gateways[PEER_NAME_MAX + 10]; /* where the rows of this tunnel's gateways lie */
	struct list all;
	struct map by_name;
	uint8_t hash_key[HASH_SHORT_KEY_LEN];
	uint32_t next_token;
	bool loaded;
	int error;         /* of the last known_load; not 0: what is remembered is not known */
	uint64_t again_ms; /* when a store that could not be read is tried again */
};

/* Devices are those of all tunnels; a gateway is that of the tunnel whose [Peer] names it. */
void known_init(struct known_table *table, const struct keying_host *host, const char *tunnel);
void known_fini(struct known_table *table); /* wipes */
/* Reads all rows, until it could once; a store that fails is tried once a second. 0, or negative
 * errno: then nobody may be let in by what is remembered. */
int known_load(struct known_table *table);
/* NULL: nothing is remembered. */
struct known *known_find(const struct known_table *table, enum known_kind kind, const char *name);
/* One to write into: what is remembered, or else nothing. NULL without memory. */
struct known *known_need(struct known_table *table, enum known_kind kind, const char *name);
/*
 * Queues next to the store, known->token is set. 0, -EBUSY (another change is on its way, which
 * stays as it is), or negative errno of the host. What is forgotten altogether leaves no row.
 */
int known_write(struct known_table *table, struct known *known, enum known_change change,
	const struct known_facts *next);
/* known->token has ended: known->facts are known->next where error is 0. NULL: not ours. */
struct known *known_written(struct known_table *table, uint32_t token, int error);
/* Nothing that would have to be stored. */
bool known_is_blank(const struct known_facts *f);
/* Drops it where nothing is remembered and nothing is being written. */
void known_tidy(struct known_table *table, struct known *known);

#endif
