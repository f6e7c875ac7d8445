/* SPDX-License-Identifier: Apache-2.0 */
/* The door between dietvpnd and a keying plugin. */
#ifndef DIETVPN_KEYING_H
#define DIETVPN_KEYING_H

#include "types.h"

#define KEYING_ABI 1

struct keying; /* a plugin's own state: the host carries it and never looks inside */
struct keying_host;

enum keying_log { KEYING_ERROR, KEYING_WARN, KEYING_INFO, KEYING_DEBUG };

enum sa_event {
	SA_SOFT_EXPIRED,
	SA_HARD_EXPIRED,
	SA_SEQUENCE_LOW,
	SA_REMOVED,
	SA_ICV_FAILING, /* a burst: keys may have moved on without us */
	SA_UNKNOWN_SPI, /* traffic of this group under a key that we lack */
	SA_OWN_SENDER,  /* someone sends under our sender ID */
	SA_PROBE,       /* a verified probe of this group arrived */
	SA_USED,        /* the first packet since sa_watch */
};

struct keying_acquire {
	uint32_t policy;
	struct ip_endpoint remote;
	struct ts ts_local, ts_remote;
};

struct keying_datagram {
	int socket;
	struct ip_endpoint local, remote;
	struct slice payload; /* valid during the call only */
};

/* How a datagram of the IKE ports concerns one tunnel, where several share them; the greatest has
 * it. */
enum keying_claim {
	KEYING_FOREIGN,
	KEYING_ANYBODY, /* a first message, and here peers come from anywhere */
	KEYING_MY_PEER, /* a first message from where a peer of the file is */
	KEYING_MINE,    /* of an exchange or an SA of this tunnel */
};

/* One key of [Peer] or [Group] that the plugin owns; the host refuses all others by name. */
enum { KEYING_KEY_REQUIRED = 1, KEYING_KEY_SECRET_FILE = 2, KEYING_KEY_RELOADABLE = 4 };

struct keying_key {
	const char *name; /* CamelCase, as written in the file */
	const char *help; /* one line for the manual page, completion and did-you-mean */
	uint32_t flags;
};

/* What an operator asks of one peer (`dietvpn sa initiate, rekey, terminate`). */
enum keying_order { KEYING_INITIATE, KEYING_REKEY, KEYING_REKEY_IKE, KEYING_TERMINATE };

struct sender_sequence {
	uint32_t sender_id;
	uint32_t highest;
};

/* What only group keying needs: epochs of a group SA and the senders within one. */
struct keying_group_host {
	/* Outbound traffic switches to this epoch; inbound worked since sa_install. */
	int (*activate)(const struct keying_host *, sa_id id);
	int (*retire)(const struct keying_host *, sa_id id, uint64_t after_ms);
	int (*block_sender)(const struct keying_host *, uint32_t group, uint32_t sender_id);
	int (*sn_snapshot)(const struct keying_host *, sa_id id, struct sender_sequence *out,
		size_t cap, size_t *n);
	int (*sn_seed)(
		const struct keying_host *, sa_id id, const struct sender_sequence *in, size_t n);
};

/* What the host offers. Slots are only ever appended; size says how many there are. */
struct keying_host {
	uint32_t abi, size;

	void (*log)(const struct keying_host *, enum keying_log, const char *text);
	uint64_t (*now_ms)(const struct keying_host *);
	void (*random)(const struct keying_host *, void *out, size_t len);

	/* An error in the file: "at" came with the value, so that the user reads file:line. */
	void (*config_error)(
		const struct keying_host *, uint32_t at, const char *text, const char *hint);

	int (*timer_start)(const struct keying_host *, uint32_t timer, uint64_t delay_ms);
	void (*timer_stop)(const struct keying_host *, uint32_t timer);

	int (*socket_open)(
		const struct keying_host *, const struct ip_endpoint *local, uint8_t ip_proto);
	int (*socket_send)(
		const struct keying_host *, int socket, const struct ip_endpoint *to, struct slice);
	void (*socket_close)(const struct keying_host *, int socket);

	/*
	 * widths: bit n-1 set if n SPI bits may travel; each of those prefixes is kept free.
	 * *spi: in 0 to let the host choose, else exactly that SPI; out the reserved one.
	 * -EADDRINUSE: another SA owns such a prefix; -EINVAL: it may not begin a packet.
	 */
	int (*spi_reserve)(const struct keying_host *, const struct ip_endpoint *local,
		uint32_t widths, uint32_t *spi);
	void (*spi_release)(
		const struct keying_host *, const struct ip_endpoint *local, uint32_t spi);
	/*
	 * Inbound: the SPI was reserved; or none of its bits travel (attrs), then it is raw ESP,
	 * "remote" is an address and pinned, and no other inbound SA of raw ESP comes from there.
	 * 0, or -EINVAL (parameters), -EADDRINUSE (SPI, address), -ENOSPC (no room), and for a
	 * long-lived key -ENOKEY (nothing is on record for it: declare it fresh once) or -ESTALE
	 * (the record is older than its witness). After -ENOKEY an acquire follows once the key is
	 * declared.
	 */
	int (*sa_install)(const struct keying_host *, const struct sa_params *, sa_id *id);
	int (*sa_remove)(const struct keying_host *, sa_id id);

	/*
	 * Content of the file that key NAME of [Peer "PEER"] names; name is "PEER/NAME", or NAME
	 * alone for Psk, Key and Master of [Interface]. Trailing line ends are cut. -ENOENT,
	 * -EACCES (group or others can read it), -EMSGSIZE.
	 */
	int (*secret)(const struct keying_host *, const char *name, uint8_t *out, size_t cap,
		size_t *len);
	int (*state_load)(const struct keying_host *, const char *name, uint8_t *out, size_t cap,
		size_t *len);
	/* Queued, not yet safe: ops->saved(token) follows once it is on disk. */
	int (*state_save)(
		const struct keying_host *, const char *name, struct slice value, uint32_t token);
	void (*event)(const struct keying_host *, const char *name, struct slice cbor);

	const struct keying_group_host *group; /* NULL when the daemon has no multicast */

	/*
	 * As socket_send, from this address of ours: an answer leaves from where its request came
	 * to. Family 0: the kernel chooses.
	 */
	int (*socket_send_from)(const struct keying_host *, int socket, const struct ip_addr *local,
		const struct ip_endpoint *to, struct slice);
	/* Our address towards remote, as the kernel routes now. 0 or negative errno. */
	int (*route)(const struct keying_host *, const struct ip_endpoint *remote,
		struct ip_addr *local);
	/* Why this policy has no SA, one sentence for status and `dietvpn why`; "" and the next
	 * sa_install take it back. */
	void (*trouble)(const struct keying_host *, uint32_t policy, const char *text);

	/*
	 * A peer that a template (a [Peer] whose name holds '*') lets in: from now on it has a
	 * policy of its own, *made, for these of our selectors and of its own, each within the
	 * template's; remote: one address each. name: what the operator reads, the text of its
	 * identity, at most 40 octets that fit the template's name. It ends by peer_remove, with
	 * its SAs; with the template; with the instance; and when a [Peer] of the file takes its
	 * name or its traffic: then its SAs go with SA_REMOVED and its policy is unknown. 0,
	 * -ENOENT (no such template), -EINVAL (name), -EEXIST (the name is taken), -ERANGE
	 * (selectors), -EADDRINUSE (another peer has that address), -ENOSPC (16384 per template),
	 * -ENOMEM.
	 */
	int (*peer_add)(const struct keying_host *, uint32_t template_policy, const char *name,
		const struct ts *remote, size_t n_remote, uint32_t *made);
	int (*peer_remove)(const struct keying_host *, uint32_t policy);
	/* As state_save; the value is gone once ops->saved(token) says so. */
	int (*state_delete)(const struct keying_host *, const char *name, uint32_t token);
	/* Every name that was saved and begins with prefix, in order. 0 or negative errno. */
	int (*state_list)(const struct keying_host *, const char *prefix,
		void (*each)(void *context, const char *name), void *context);
	/* The inner address that the peer of this policy gave us (Address = auto): on the TUN, and
	 * the policy's local selector, from now on. 0 or negative errno. */
	int (*inner_address)(const struct keying_host *, uint32_t policy,
		const struct ip_addr *addr, uint8_t prefix_len);
	/* What a key exchange came to, for `dietvpn why`: "exchange" of conf/schema/keying.cddl.
	 * policy 0: no peer is known to have been in it. */
	void (*trace)(const struct keying_host *, uint32_t policy, struct slice cbor);
	/* The answer to ops->manage, once per request. error 0: a CBOR map; else negative errno,
	 * and one sentence of text. */
	void (*managed)(
		const struct keying_host *, uint32_t request, int error, struct slice answer);
	/* Packets that have passed on this SA so far. 0 or -ENOENT. */
	int (*sa_packets)(const struct keying_host *, sa_id id, uint64_t *packets);
	/* SA_USED follows when this SA carries its next packet, once; so that an idle SA needs no
	 * timer. Not for long-lived keys. 0, -ENOENT, -EINVAL. */
	int (*sa_watch)(const struct keying_host *, sa_id id);
};

/* A slot that an older host may lack. */
#define KEYING_HOST_HAS(host, slot) \
	(offsetof(struct keying_host, slot) + sizeof((host)->slot) <= (host)->size && (host)->slot)

/* What a plugin offers, in the order in which the host calls. */
struct keying_plugin_ops {
	uint32_t abi, size;
	const char *name;    /* also its file name and the value of Keying= in the config */
	const char *summary; /* one line for `dietvpn show plugins` */
	const struct keying_key *keys; /* ends with a NULL name */

	int (*check)(const struct keying_host *, struct slice config); /* no side effects */
	int (*create)(const struct keying_host *, struct slice config, struct keying **out);
	int (*start)(struct keying *);

	/* Each of these may be NULL. */
	int (*reload)(struct keying *, struct slice config);
	void (*acquire)(struct keying *, const struct keying_acquire *);
	void (*endpoint)(struct keying *, uint32_t policy, const struct ip_endpoint *remote);
	void (*sa_event)(struct keying *, sa_id id, enum sa_event event);
	void (*datagram)(struct keying *, const struct keying_datagram *);
	void (*timeout)(struct keying *, uint32_t timer);
	void (*saved)(struct keying *, uint32_t token, int error);

	void (*stop)(struct keying *);
	void (*destroy)(struct keying *);

	/* Slots are only ever appended here as well; this one may be NULL. */
	/* 0: begun; else negative errno and one sentence in text. */
	int (*order)(
		struct keying *, uint32_t policy, enum keying_order, char *text, size_t text_len);
	/*
	 * What an operator asks about peers by name, be there a policy or not: "enroll.add",
	 * "enroll.adopt", "enroll.revoke", "enroll.reset", "peer.list" (conf/schema/keying.cddl).
	 * with: a CBOR map. Answered by host->managed(request), now or when what it saves is on
	 * disk.
	 */
	void (*manage)(struct keying *, uint32_t request, const char *verb, struct slice with);
	/* Whose a datagram is, asked before it is handed to one of them; changes nothing. NULL:
	 * only one tunnel can have the IKE ports by this plugin. */
	enum keying_claim (*claim)(struct keying *, const struct keying_datagram *);
};

/* Exactly one symbol leaves a plugin; a static build, for the unit tests, names it apart. */
#ifdef KEYING_STATIC
#define KEYING_PLUGIN(id) const struct keying_plugin_ops keying_plugin_##id
#else
#define KEYING_PLUGIN(id) \
	__attribute__((visibility("default"))) const struct keying_plugin_ops keying_plugin
#endif

#endif
