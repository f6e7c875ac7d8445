/* SPDX-License-Identifier: Apache-2.0 */
/* What keying.h promises to plugins, implemented: timers, sockets, SAs, secrets, state, events. */
#ifndef DIETVPN_KEYING_HOST_H
#define DIETVPN_KEYING_HOST_H

#include "config/config.h"
#include "dietvpn/keying.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;
struct dataplane;
struct host; /* all instances of all plugins */
struct ip_packet;
struct ipsec;
struct outer;
struct policy;
struct sa;
struct state;
struct trace_entry;

/* A peer that a template has let in; all of it is borrowed for the call, but config: that one lasts
 * until host_stop or a reload. */
struct host_guest {
	uint32_t template; /* policy */
	const char *name;
	const struct config_peer *config; /* the template's */
	const struct ts *remote;          /* one address each */
	size_t n_remote;
};

struct host_params {
	uv_loop_t *loop;
	struct ipsec *ipsec;
	struct dataplane *dataplane;
	const char *plugin_dir;
	/* Opens the state store when first needed; NULL and *text where it cannot be had. */
	struct state *(*state)(void *owner, char *text, size_t text_len);
	/* For event subscribers of the control socket; of: CBOR map. */
	void (*event)(void *owner, const char *name, struct slice of);
	/*
	 * Makes the policy of a peer that a template lets in, *made, and whatever else the owner
	 * has of a peer; takes it away again, when its SAs are gone. NULL: there are no templates.
	 * peer_add: 0, -EEXIST (the name is taken), -ENOMEM.
	 */
	int (*peer_add)(void *owner, const struct host_guest *guest, uint32_t *made);
	void (*peer_remove)(void *owner, uint32_t policy);
	/* The peer of this policy gave us this inner address. 0 or negative errno; NULL: it cannot
	 * be taken. */
	int (*inner_address)(void *owner, uint32_t policy, const struct ip_prefix *address);
	void *owner;
};

/* params is copied, what it points to borrowed. 0 or -ENOMEM. host_destroy() stops what still runs.
 */
int host_create(const struct host_params *params, struct host **out);
void host_destroy(struct host *host);

/*
 * One tunnel's peers to their plugins: policies[i] is the id of config->peers[i]'s policy. start:
 * create and start the instances; on error nothing of it stays. config is borrowed until host_stop
 * or a reload replaced it.
 */
int host_start(struct host *host, const struct config *config, const uint32_t *policies,
	struct config_errors *errors);
/*
 * -EINVAL with errors: refused, nothing was changed. 0: config is in force; where a plugin could
 * not follow it was stopped and its SAs are gone, errors say so.
 */
int host_reload(struct host *host, const struct config *old, const struct config *config,
	const uint32_t *policies, struct config_errors *errors);
/* Stops the instances of this tunnel, removes its SAs. Long-lived counters are written back
 * exactly. */
void host_stop(struct host *host, const struct config *config);

/* From the dataplane, by way of the daemon. */
void host_acquire(struct host *host, struct policy *policy, const struct ip_packet *ip);
void host_notice(struct host *host, struct sa *sa, uint32_t notices);
void host_datagram(
	struct host *host, uint16_t port, const struct outer *outer, struct slice payload);
void host_endpoint(struct host *host, uint32_t policy, const struct ip_endpoint *remote);

/*
 * `dietvpn sa fresh-key PEER`: writes the first row for each key of this policy that has none on
 * record, then acquires. Returns how many, -EEXIST where all are on record, -ENOENT where no such
 * key was asked for.
 */
int host_fresh_key(struct host *host, uint32_t policy, char *text, size_t text_len);
/* `dietvpn sa initiate, rekey, terminate`: what the plugin of this policy makes of it. 0 or
 * negative errno and one sentence in text. */
int host_order(
	struct host *host, uint32_t policy, enum keying_order order, char *text, size_t text_len);
/* `dietvpn sa delete`: takes the SA away; its plugin hears of it in the loop's next turn. -ENOENT.
 */
int host_sa_remove(struct host *host, sa_id id);
/* Ends a peer that a template has let in: another [Peer] has taken its name or its traffic. Its
 * plugin hears of its SAs. Nothing where the policy is not such a peer's. */
void host_peer_end(struct host *host, uint32_t policy);
/* An answer: error 0 and a CBOR map, or a negative errno and one sentence of text (or nothing). */
typedef void host_managed(void *owner, int error, struct slice answer);

/* What an operator asks about peers by name: verb and map as keying.h says, borrowed. */
struct host_question {
	const char *verb;
	struct slice with;
	host_managed *done;
	void *owner;
};

/* A plugin at work that can be asked. */
struct host_manager {
	const char *tunnel, *keying;
	bool templates; /* some peer of its is one */
};
/* By number; false past the last. */
bool host_manager_at(const struct host *host, size_t index, struct host_manager *out);
/*
 * Asks one of them. 0, then done follows once, never before this returns, unless it is cancelled;
 * -ENOENT (no such plugin), -EAGAIN (too many wait), -ENOMEM.
 */
int host_manage(
	struct host *host, size_t index, const struct host_question *question, uint32_t *request);
void host_manage_cancel(struct host *host, uint32_t request); /* unknown ones: nothing */
/* Why a policy has no SA, one sentence; "" where it has. */
const char *host_trouble(const struct host *host, uint32_t policy);
/* The last key exchanges, newest first, of all instances; NULL past the end. */
const struct trace_entry *host_exchange_at(const struct host *host, size_t index);
/* Loaded plugins, for `show plugins`; NULL past the end. */
const struct keying_plugin_ops *host_plugin_at(const struct host *host, size_t index);

#endif
