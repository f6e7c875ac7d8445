/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin at work for one tunnel, as the files of host.h share it; nobody else includes this. */
#ifndef DIETVPN_KEYING_INSTANCE_H
#define DIETVPN_KEYING_INSTANCE_H

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "keying/host.h"
#include "keying/state.h"
#include "keying/trace.h"

#include <uv.h>

enum {
	HOST_PENDING_MAX = 8,    /* undeclared keys remembered per policy */
	HOST_TIMERS_MAX = 65536, /* per instance, here and below */
	HOST_SOCKETS_MAX = 32,
	HOST_SAVES_MAX = 4096,  /* under way at once */
	HOST_CALLS_MAX = 65536, /* news that wait for the plugin to return */
	HOST_SAS_BASE = 64,     /* SAs and SPIs: so many, and per peer */
	HOST_SAS_PER_PEER = 8,
	HOST_FORGED_MS = 30000,    /* between two words on packets that do not verify */
	HOST_INSTALLS_PER_S = 256, /* beyond a first burst that fits all peers */
	HOST_DIGEST_LEN = 16,
	HOST_TROUBLE_MAX = 256,
	HOST_GUESTS_MAX = 16384, /* per template */
	HOST_REQUESTS_MAX = 32,
	HOST_ANSWER_MAX = 8 * 1024 * 1024, /* a list of all peers */
};

struct plugin;
struct sa;

/* A module in memory, shared by its instances. */
struct loaded {
	struct list link;
	struct plugin *plugin;
	unsigned users;
};

struct host {
	struct host_params params;
	struct list plugins, instances;
	struct list saves;  /* struct host_save under way */
	struct map slots;   /* struct peer_slot by policy */
	struct map sas;     /* struct host_sa by id */
	struct map digests; /* struct host_sa by key */
	struct trace trace;
	struct state *state;                  /* the owner's; NULL: not needed yet */
	char state_trouble[HOST_TROUBLE_MAX]; /* why it did not open, as the log has it */
	struct list requests, answered;       /* struct request, host_manage.c */
	size_t n_requests, n_answered;        /* requests: of both */
	uint32_t next_request;
	uv_timer_t *later; /* the loop's next turn: news that had to wait, a kick */
	bool kick;
	bool wipe; /* an SA went: its key may lie on the stack */
};

/* What a plugin holds in its hand: the table, and the way back to its instance. */
struct door {
	struct keying_host table; /* first */
	struct instance *self;
};

struct pending_key {
	uint8_t digest[HOST_DIGEST_LEN];
	uint8_t dir; /* enum sa_dir */
};

/* One peer of an instance. */
struct peer_slot {
	uint32_t policy; /* first: key of host.slots */
	struct instance *instance;
	const struct config_peer *peer;
	struct pending_key pending[HOST_PENDING_MAX];
	size_t n_pending;
	char trouble[HOST_TROUBLE_MAX];
	struct guest *guest; /* NULL: it stands in the file */
	size_t n_guests;     /* of a template */
};

/* A peer that a template has let in. */
struct guest {
	struct list link; /* instance.guests */
	struct peer_slot slot;
	uint32_t template; /* policy */
};

struct instance {
	struct door door;
	struct list link;
	struct host *host;
	struct loaded *loaded;
	const struct keying_plugin_ops *ops;
	struct keying *keying; /* NULL: not created */
	const struct config *config;
	struct peer_slot *slots; /* of the file's peers */
	size_t n_slots;
	struct list guests; /* struct guest */
	size_t n_guests;
	struct map timers, sockets, spis; /* by id, by id, by SPI: reserved and not yet bound */
	size_t n_timers, n_sockets, n_spis, n_sas, n_saves, n_calls;
	uint32_t next_socket;
	struct list sas;            /* struct host_sa */
	struct list calls;          /* struct host_call */
	unsigned depth;             /* > 0: the plugin is running, it must not be entered again */
	uint64_t tokens, tokens_ms; /* installs that may follow at once */
	uint8_t *datagram;          /* receive buffer of own sockets */
	struct log_limit refusals;
	struct config_errors *errors; /* while it starts or reloads: where complaints go */
};

/* One SA that an instance has installed. */
struct host_sa {
	sa_id id; /* first: key of host.sas */
	struct list link;
	struct instance *instance;
	uint32_t policy;
	uint8_t digest[HOST_DIGEST_LEN];
	uint8_t dir;
	bool long_lived;
	bool failing;               /* its last write failed and was logged */
	unsigned under_way;         /* reservations */
	uint64_t ceiling;           /* out: the highest one asked for */
	uint64_t stored;            /* what the row says: out a ceiling, in a number */
	uint64_t marked, marked_ms; /* out: number and time of the last reservation */
	uint64_t commit_ms;         /* how long the last reservation took */
	uint64_t forged_ms;         /* when the plugin may hear of failed ICVs again */
	uv_timer_t *timer;          /* in: stores after a second; out: tries again after an error */
};

/* What may come from outside while the plugin runs. */
struct host_call {
	struct list link;
	enum { CALL_ACQUIRE, CALL_ENDPOINT, CALL_SA_EVENT, CALL_SAVED } kind;
	union {
		struct keying_acquire acquire;
		struct {
			uint32_t policy;
			struct ip_endpoint remote;
		} endpoint;
		struct {
			sa_id id;
			enum sa_event event;
		} sa_event;
		struct {
			uint32_t token;
			int error;
		} saved;
	};
};

static inline struct instance *instance_of(const struct keying_host *host)
{
	return ((const struct door *)(const void *)host)->self;
}

/* Every object of a map by number begins with that number. */
static inline uint64_t key_hash(uint32_t key)
{
	uint64_t h = (key + 1) * 0x9e3779b97f4a7c15u;

	return h ^ h >> 32;
}

static inline bool key_equal(const void *value, const void *key)
{
	return *(const uint32_t *)value == *(const uint32_t *)key;
}

static inline void *key_find(const struct map *map, uint32_t key)
{
	return map_find(map, key_hash(key), &key);
}

static inline void *key_remove(struct map *map, uint32_t key)
{
	return map_remove(map, key_hash(key), &key);
}

/* instance.c: one life of an instance, and its news in order. */
int instance_create(struct host *host, struct loaded *loaded, const struct config *config,
	const uint32_t *policies, struct instance **out);
int instance_start(struct instance *in, struct config_errors *errors);
/* The plugin's reload with another config; SAs of policies that are gone go too. */
int instance_reload(struct instance *in, const struct config *config, const uint32_t *policies,
	struct config_errors *errors);
void instance_stop(struct instance *in); /* the plugin's stop and destroy */
void instance_destroy(struct instance *in);
/* Now, or after the plugin has returned: a plugin is never entered from within. */
void instance_tell(struct instance *in, const struct host_call *news);
void instance_later(struct instance *in, const struct host_call *news); /* in the next turn */
void instance_deliver(struct instance *in);

/* host_io.c: timers, secrets, state, events; host_socket.c: sockets. They fill the table's slots.
 */
void host_io_fill(struct keying_host *table);
void host_io_stop(struct instance *in);
void host_socket_fill(struct keying_host *table);
void host_socket_stop(struct instance *in);
/* A timer of its own that host_timer_close gives back; NULL without memory. */
uv_timer_t *host_timer_new(struct host *host, void *data);
void host_timer_close(uv_timer_t *timer); /* NULL is allowed */
/* The store, opened by the owner when first needed. NULL: text says why. */
struct state *host_state(struct host *host, char *text, size_t text_len);
void host_wake(struct host *host); /* instance_deliver for all in the loop's next turn */
/* The dataplane looks again, in the loop's next turn. */
void host_kick(struct host *host);

/* host_peer.c: peers that templates let in. */
void host_peer_fill(struct keying_host *table);
/* The slots are those of another file: guests whose template went go too. */
void host_peer_follow(struct instance *in);
void host_peer_stop(struct instance *in);

/* host_manage.c: questions of operators. */
void host_manage_fill(struct keying_host *table);
void host_manage_deliver(struct host *host); /* answers that wait */
void host_manage_stop(struct instance *in);  /* what it has not answered is answered for it */
void host_manage_fini(struct host *host);

/* host_sa.c: SPIs and SAs; the slots of the table. */
void host_sa_init(struct host *host);
void host_sa_fill(struct keying_host *table);
/* Writes a long-lived key's number back, takes the SA off the SAD; tell: the plugin hears of it. */
void host_sa_drop(struct host_sa *sa, bool tell);
void host_sa_stop(struct instance *in);
struct sa *host_sa_esp(const struct host_sa *sa);

/* A row on its way to the disk, of a plugin or of a counter. */
struct host_save {
	struct list link;          /* host.saves */
	struct host *host;         /* NULL: it has gone */
	struct instance *instance; /* whose; NULL: gone */
	uint32_t token;
	sa_id sa; /* of a counter; the SA may be gone */
	uint8_t digest[HOST_DIGEST_LEN];
	uint8_t dir;
	bool last; /* the SA went: nobody waits for it */
	uint64_t value, asked_ms;
};
/* Queues a row. 0 or negative errno; then done is never called. */
int host_save(struct host *host, const struct host_save *params, const char *name,
	struct slice value, state_saved *done);
/* In a done, which owns it from here on: off the list; false: the host has gone. */
bool host_save_take(struct host_save *save);

/* host_counter.c: numbers of keys that outlive the process (trust.md 4.1 and 5.2). */
/*
 * What the row of this SA's key says. 0, -ENOKEY (also where it was used the other way round),
 * -EIO; slot->trouble says why, slot->pending remembers a key without a row.
 */
int counter_load(struct peer_slot *slot, const struct host_sa *sa, uint64_t *value);
/* The SA goes on where the row says. */
void counter_begin(struct host_sa *sa, struct sa *esp, uint64_t value);
void counter_notice(struct host_sa *sa, struct sa *esp, uint32_t notices);
/* Last word before the SA goes: exactly the next number, or the highest accepted one. */
void counter_end(struct host_sa *sa, const struct sa *esp);
/* The first row of a key. 0, -EEXIST (also in the other direction), other negative errno. */
int counter_create(struct state *state, const struct pending_key *key);
/* First four octets of a digest: how people and logs name a key. */
const char *counter_key_name(const uint8_t *digest, char out[9]);

#endif
