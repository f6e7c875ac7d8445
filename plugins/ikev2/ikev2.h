/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: its state, an IKE SA, a child (RFC 7296, RFC 7815). */
#ifndef DIETVPN_IKEV2_IKEV2_H
#define DIETVPN_IKEV2_IKEV2_H

#include "base/list.h"
#include "base/map.h"
#include "common/answers.h"
#include "common/retransmit.h"
#include "dietvpn/keying.h"
#include "ikev2/fragment.h"
#include "ikev2/keymat.h"
#include "ikev2/known.h"
#include "ikev2/message.h"
#include "ikev2/payload_sa.h"
#include "ikev2/payload_ts.h"
#include "ikev2/settings.h"
#include "ikev2/trace.h"

#include "crypto/dh.h"
#include "crypto/hash.h"

#include <stdbool.h>

enum {
	PORT_IKE = 500,
	PORT_NAT = 4500,
	NONCE_LEN_MAX = 32, /* of our own ones */
	COOKIE_RETRIES = 3,
	CHILDREN_MAX = 8, /* of one IKE SA, those that are being replaced included */
	IKE_SAS_MAX = 6,  /* of one peer; more than rekeys and handshakes that cross leave behind */
	SCRATCH_LEN = 65536,
	ADDR_TEXT = 48,
	IKE_REPLACED_MS = 30000,       /* how long a rekeyed IKE SA waits for its D */
	STRANGERS_PARTS_MAX = 1 << 20, /* octets of their fragments */
	PEERS_PARTS_MAX = 4 << 20,
};

/* Which of the two sockets: port 500, or 4500 with its marker. */
enum path_socket { ON_IKE, ON_NAT, SOCKETS };

/* Where a message came from and goes to. */
struct way {
	uint8_t socket; /* enum path_socket */
	struct ip_endpoint local, remote;
};

/* What a timer is about: its number is the owner's number and this. */
enum timer_kind {
	TIMER_REQUEST, /* of an IKE SA: retransmission */
	TIMER_CLOCK,   /* of an IKE SA: what is due first of enum ike_sa_due */
	TIMER_SWEEP,   /* of an IKE SA: children that wait for something */
	TIMER_LINGER,  /* of an IKE SA: what was replaced goes */
	TIMER_RETRY,   /* of a peer, by its place: start again */
	TIMER_HALF,    /* of the half-open table */
	TIMER_PARTS,   /* of messages in fragments */
	TIMER_FIRST,   /* of the window for the first device */
	TIMER_KINDS = 16,
};

/* What every IKE SA waits for all the time; one timer serves both. */
enum ike_sa_due {
	DUE_LIFE,  /* rekey, then the end */
	DUE_ALIVE, /* has the peer been silent? */
	DUES,
};

enum child_state {
	CHILD_UP,
	CHILD_REKEYED, /* another took its place, at the peer's wish: its D follows */
	CHILD_GONE,    /* our D is under way */
	CHILD_RETIRED, /* deleted; inbound stays a moment for what is still on its way */
};

/* How a child came about: whose keys come first, and when we send on it. */
enum child_how { CHILD_INITIATED, CHILD_ANSWERED, CHILD_REPLACING, CHILD_BESIDE };

/* One pair of ESP SAs. */
struct child {
	struct list link;
	struct ike_sa *ike;
	uint32_t spi[2]; /* by enum sa_dir */
	sa_id sa[2];
	bool installed[2], reserved; /* reserved: spi[SA_IN], and no SA has it yet */
	enum child_state state;
	bool hcp_wished; /* by us: as hcp says until the peer has answered */
	bool hcp_offered;
	bool hcp_heard;    /* from the peer */
	bool theirs_known; /* and of which rules it spoke: */
	struct hcp_rules theirs;
	bool want_delete, want_rekey;
	uint64_t due_ms;                   /* TIMER_SWEEP: send on it, or forget it; 0: neither */
	struct sa_params *later;           /* the outbound SA of a replacement, not yet sent on */
	uint8_t attrs[SETTINGS_ATTRS_MAX]; /* of later */
	struct child *replaces;            /* later: until this one is deleted */
	struct selectors local, remote;
	bool compressed, fallback; /* fallback: plain, beside one that compresses */
	struct hcp_choice hcp;     /* compressed, or wished: how */
};

enum ike_state {
	IKE_INIT,     /* IKE_SA_INIT sent */
	IKE_AUTHING,  /* IKE_AUTH sent */
	IKE_UP,       /* both know each other */
	IKE_REPLACED, /* rekeyed, or a newer one took its place: waits for its end */
	IKE_CLOSING,  /* our D is under way */
};

/* What only the two first exchanges need. */
struct handshake {
	struct allowed offer; /* for the IKE SA */
	struct chosen chosen;
	const struct dh_group *group;
	uint8_t private_key[DH_PRIVATE_MAX], public_key[DH_PUBLIC_MAX];
	uint8_t nonce[2][NONCE_MAX]; /* by enum side */
	size_t nonce_len[2];
	uint8_t *init[2]; /* IKE_SA_INIT as it went over the wire, by enum side */
	size_t init_len[2];
	uint8_t cookie[COOKIE_MAX];
	size_t cookie_len;
	unsigned retries;      /* COOKIE and INVALID_KE_PAYLOAD */
	bool contested;        /* Imprint: another IKE_SA_INIT answered the same request */
	bool nat;              /* somebody's address is translated, or it was asked for */
	uint32_t peer_hashes;  /* SIGNATURE_HASH_ALGORITHMS as bits 1 << SIGN_HASH_.. */
	bool cert_asked;       /* the peer wants our key: CERTREQ */
	bool childless;        /* the peer takes IKE_AUTH without a child, and we asked for that */
	bool ppk;              /* both said USE_PPK; responder: it is used */
	struct ike_keys mixed; /* ppk: the keys with it */
};

/* What a CREATE_CHILD_SA request of ours has to remember. */
struct create {
	uint8_t nonce[NONCE_LEN_MAX];
	size_t nonce_len;
	const struct dh_group *group; /* NULL: without key exchange */
	uint8_t private_key[DH_PRIVATE_MAX], public_key[DH_PUBLIC_MAX];
	struct allowed offer;
	struct child *fresh, *old;
	uint8_t spi[IKE_SPI_LEN]; /* of the new IKE SA */
	/* The peer did the same at the same time: the lower nonce of its exchange, and what came
	 * of it. */
	bool crossed;
	uint8_t rival_low[NONCE_LEN_MAX];
	size_t rival_low_len;
	struct child *rival;
	struct ike_sa *rival_sa;
};

/* A request of ours that waits for its answer; window 1. */
struct request {
	uint8_t *octets;
	size_t len; /* 0: none */
	uint8_t exchange;
	enum {
		ASK_INIT,
		ASK_AUTH,
		ASK_ALIVE,
		ASK_DELETE_IKE,
		ASK_DELETE_CHILD,
		ASK_CHILD,
		ASK_REKEY_IKE
	} what;
	struct child *child;
	struct create *create; /* owned */
	struct retransmit retransmit;
	uint32_t sends;
};

struct peer;

struct ike_sa {
	uint32_t id; /* first: key of keying.sas_by_id */
	struct list link;
	struct keying *keying;
	struct peer *peer;
	uint8_t spis[2 * IKE_SPI_LEN];
	enum side side; /* ours */
	enum ike_state state;
	struct ike_keys keys;
	struct aead_key seal, open;
	uint64_t next_iv;
	uint32_t next_request, next_expected;
	struct way way;
	struct request request;
	struct answer answer;      /* to the request before next_expected */
	struct assembly *assembly; /* a message of which fragments are missing; NULL: none */
	struct list children;
	struct handshake *handshake; /* NULL once up */
	struct ike_sa *successor;    /* made by the peer's rekey that is just being answered */
	bool want_delete, want_alive, want_rekey, want_child;
	bool childless;    /* it has had no child yet */
	uint64_t again_ms; /* not 0: when a refused rekey of a child is asked for again */
	bool dietvpn;      /* our Vendor ID was seen */
	bool follows;      /* the peer may move: it began the first of those that were rekeyed */
	uint16_t group;    /* of its key exchange, or that the peer wants for the next one: */
	bool regrouped;
	bool fragments;       /* both ends said IKEV2_FRAGMENTATION_SUPPORTED */
	const char *fail_why; /* closed for this reason: tried again later */
	struct trail trail;   /* of its last exchange */
	uint64_t up_ms, heard_ms, end_ms;
	uint64_t due_ms[DUES];  /* 0: not */
	uint64_t passed[2];     /* packets of the children by enum sa_dir, at the last look */
	uint64_t unanswered_ms; /* the last look that saw no packets go without any coming */
	uint64_t suspect_ms;    /* when the peer was last believed to have lost it; 0: never */
	bool converses;         /* packets have come since it was last asked */
};

struct peer {
	const struct settings *settings;
	struct ip_endpoint remote; /* family 0: not known */
	struct ike_sa *sa;         /* the one that is up, or else under way; NULL */
	/* Inner addresses that were given: to us where settings->asks_address, else to the peer;
	 * they outlive the IKE SA. Family 0: none. */
	struct ip_addr inner[INNER_FAMILIES];
	const char *hint;  /* an answer without protection that may tell why */
	size_t n_sas;      /* IKE SAs of any state */
	uint32_t failures; /* in a row */
	bool waiting;      /* TIMER_RETRY runs */
	uint64_t blank_ms; /* Imprint: when it first looked for a gateway; 0: not yet */
	bool blank_over;   /* and has stopped looking */
	bool contacted;    /* an IKE SA was up since we started: no INITIAL_CONTACT any more */
	uint64_t noted_ms; /* when a refusal in its name may be noted again */
};

struct half_open;
struct device_table;

struct keying {
	const struct keying_host *host;
	struct settings_list settings;
	struct peer *peers;  /* as many as settings */
	struct peer parting; /* whose the IKE SAs are that only wait for their end */
	struct aead_pool *pool;
	struct map sas, sas_by_id; /* struct ike_sa by our SPI, by number */
	struct list all;           /* struct ike_sa */
	uint32_t next_id;
	int sockets[SOCKETS];
	struct half_open *half;
	struct known_table known;
	struct device_table *devices;
	struct fragment_pool strangers, peers_parts; /* fragments before IKE_AUTH, and after */
	uint8_t table_key[HASH_SHORT_KEY_LEN];
	uint64_t strangers_ms;    /* when the log may have another line about one */
	uint8_t *scratch, *plain; /* SCRATCH_LEN each: a message that is built, one that is read */
};

/* ike_sa.c: an IKE SA and its messages. */
/* spi: ours, already random and unused. NULL without memory. */
struct ike_sa *ike_sa_create(struct keying *k, struct peer *peer, enum side side);
/* Before the peer makes us another one: where it has too many the oldest go, but for the current
 * one and keep (NULL: none). */
void ike_sa_make_room(struct keying *k, const struct peer *peer, const struct ike_sa *keep);
/* Gives back all it has, ESP SAs included; without a word to the peer. */
void ike_sa_destroy(struct ike_sa *sa);
struct ike_sa *ike_sa_find(const struct keying *k, const uint8_t spi[IKE_SPI_LEN]);
struct ike_sa *ike_sa_by_id(const struct keying *k, uint32_t id);
/* Under which SPI we are found; to be called when spis changes. 0 or -ENOMEM. */
int ike_sa_enter(struct ike_sa *sa);
void ike_sa_random_spi(struct keying *k, uint8_t spi[IKE_SPI_LEN]);
/* The first one that it has; NULL: none. */
const struct child *ike_sa_first_child(const struct ike_sa *sa);
/* One that carries packets, or is being made. */
bool ike_sa_has_child(const struct ike_sa *sa);
/* Keys for both directions from sa->keys. */
void ike_sa_set_keys(struct ike_sa *sa);
void ike_sa_drop_handshake(struct ike_sa *sa);
/* IDi or IDr as it stands in the payload. */
struct slice ike_sa_init_message(const struct ike_sa *sa, enum side side);
int ike_sa_keep_init(struct ike_sa *sa, enum side side, struct slice octets);
struct slice ike_sa_nonce(const struct ike_sa *sa, enum side side);

/* This again after delay_ms, whenever it was due before. */
void ike_sa_due_in(struct ike_sa *sa, enum ike_sa_due what, uint64_t delay_ms);
/* TIMER_CLOCK: what is due. */
void on_clock(struct ike_sa *sa);

void timer_start(struct keying *k, uint32_t owner, enum timer_kind kind, uint64_t delay_ms);
void timer_stop(struct keying *k, uint32_t owner, enum timer_kind kind);

int send_octets(struct keying *k, const struct way *way, struct slice octets);
/* One message, or the fragments of one, behind one another. */
void send_messages(struct keying *k, const struct way *way, struct slice messages);
/* As fragment_open, into k->plain; what is missing has a limited time to come. */
int open_message(struct keying *k, struct fragment_pool *pool, struct assembly **place,
	struct fragment *f, struct opened *out);
/* Whether we ask this peer for messages in fragments. */
bool wants_fragments(const struct settings *settings);
/* A message of this SA into k->scratch. */
void exchange_begin(struct ike_sa *sa, struct message_writer *w, uint8_t exchange, bool response);
/* Seals where the SA has keys, sends and keeps it until it is answered. 0, -EMSGSIZE, -ENOMEM. */
int request_send(struct ike_sa *sa, struct message_writer *w, struct request what);
void request_done(struct ike_sa *sa);
/* Sends the answer to this request and stores it. */
void response_send(struct ike_sa *sa, struct message_writer *w, const struct message *request,
	const struct way *way);
/* What waits is sent, one request at a time. */
void exchange_next(struct ike_sa *sa);

/* initiate.c: an IKE SA is begun from here. */
int initiate(struct keying *k, struct peer *peer);
/* Another IKE SA beside this one, which goes when the new one is up. */
void reauthenticate(struct ike_sa *sa);
/* Ends it and tries again later: 1, 2, 4 .. 3600 s. */
void ike_sa_fail(struct ike_sa *sa, const char *why);

/* exchange_init.c, exchange_auth.c: the initiator's first two exchanges. 0 or negative errno. */
int ask_init(struct ike_sa *sa);
void on_init_response(struct ike_sa *sa, const struct message *m, const struct way *way);
int ask_auth(struct ike_sa *sa);
void on_auth_response(struct ike_sa *sa, const struct payloads *p);

/* exchange_resp.c: the responder's. */
void on_init_request(struct keying *k, const struct message *m, const struct way *way);
void on_auth_request(struct keying *k, const struct message *m, const struct way *way);
/* A message of a later major version: we say which one we speak (RFC 7296 2.5). */
void on_other_version(struct keying *k, const struct message *m, const struct way *way);

/* exchange_info.c: INFORMATIONAL of an SA that is up; deletes and liveness. */
void on_informational_request(struct ike_sa *sa, const struct payloads *p, const struct message *m,
	const struct way *way);
void on_informational_response(struct ike_sa *sa, const struct payloads *p);
void ask_alive(struct ike_sa *sa);
void ask_delete_ike(struct ike_sa *sa);
/* A last word to the peer, which does not wait for an answer. */
void ike_sa_part(struct ike_sa *sa);
void ask_delete_child(struct ike_sa *sa, struct child *child);

/* part.c: its peer may go: the ESP SAs are gone, the D goes behind what is under way until it is
 * answered; to a sleepy peer, whenever that speaks, for as long as the IKE SA would have lived. */
void ike_sa_leave(struct ike_sa *sa);
bool ike_sa_is_parting(const struct ike_sa *sa);
/* What is authentic, of one that is parting: may destroy it. */
void on_parting_response(struct ike_sa *sa);
void on_parting_request(struct ike_sa *sa, const struct way *way);
/* No answer to the last copy. */
void on_parting_silence(struct ike_sa *sa);

/* exchange_child.c: CREATE_CHILD_SA for ESP; old: the one to replace, NULL: none. */
struct create *create_begin(struct ike_sa *sa);
void create_free(struct create *c); /* wipes; NULL is allowed */
int create_compute(const struct dh_group *group, const uint8_t *private_key, struct slice ke,
	uint8_t g_ir[DH_SHARED_MAX]);
/* Octet by octet; one that ends first is lower (RFC 7296 2.8.1). */
bool create_lower(struct slice a, struct slice b);
void ask_child(struct ike_sa *sa, struct child *old);
void on_child_response(struct ike_sa *sa, struct create *c, const struct payloads *p);
void on_child_request(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w);

/* exchange_config.c: inner addresses, CP (RFC 7296 2.19). */
/* Where in the pool this identity was found the last time, 0: nowhere, or where it begins. */
uint32_t inner_recall(const struct keying *k, const struct enrol_pool *pool, struct slice id);
/* Puts that on record. */
void inner_remember(
	const struct keying *k, const struct enrol_pool *pool, struct slice id, uint32_t probe);
/* What a child may select, given the addresses that were given. */
void inner_local(const struct peer *peer, struct selectors *out);
void inner_remote(const struct peer *peer, struct selectors *out);
/* Address = auto: CFG_REQUEST. */
void inner_ask(const struct ike_sa *sa, struct payload_writer *w);
/* CFG_REPLY to it, handed to the host. NULL, or why it is of no use. */
const char *inner_take(struct ike_sa *sa, const struct payloads *p);
/* The responder's half: finds the peer's addresses and writes CFG_REPLY. 0, or the error that
 * stands in place of a child; the operator has been told why. */
uint16_t inner_answer(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w);
/* It wants more than its own address of the pool and has not asked for that (FAILED_CP_REQUIRED);
 * the operator has been told. */
bool inner_must_ask(struct ike_sa *sa, const struct payloads *p, const struct selectors *theirs);

/* exchange_rekey.c: CREATE_CHILD_SA for the IKE SA. */
void ask_rekey_ike(struct ike_sa *sa);
void on_rekey_response(struct ike_sa *sa, struct create *c, const struct payloads *p);
void on_rekey_request(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w);
/* The new one inherits the children; the old one waits for its D. */
void ike_sa_promote(struct ike_sa *sa, struct ike_sa *next);
/* After the answer to it has been sent. */
void on_rekey_answered(struct ike_sa *sa);

/* exchange.c: a datagram to who it is for. */
void on_datagram(struct keying *k, const struct keying_datagram *datagram);
void on_request_timeout(struct ike_sa *sa);
/* An SA is up: what the peer had before goes. */
void ike_sa_up(struct ike_sa *sa, bool initial_contact);
/* Its lifetime begins; what only the handshake needed is wiped. */
void ike_sa_settled(struct ike_sa *sa);
/* The peer's D, the answer to ours: each may destroy the SA. */
void ike_sa_deleted(struct ike_sa *sa);
void ike_sa_closed(struct ike_sa *sa);
/* Who starts at boot starts again. */
void start_again(struct keying *k, struct peer *peer);
void on_life(struct ike_sa *sa);
/* Another one has replaced it some time ago: its end. */
void on_linger(struct ike_sa *sa);

/* alive.c: liveness. */
void on_alive(struct ike_sa *sa);
/* Packets go again on an SA that was idle. */
void on_used(struct ike_sa *sa);
void ike_sa_suspect(struct ike_sa *sa);
/* INVALID_IKE_SPI for a request of ours; may destroy the SA. */
void on_unknown_there(struct ike_sa *sa);
void answer_stranger(struct keying *k, const struct message *m, const struct way *way);

/* nat.c: NAT detection, RFC 7296 2.23. */
void nat_add(struct keying *k, struct payload_writer *w, const uint8_t spis[2 * IKE_SPI_LEN],
	const struct way *way, bool forge);
/* Whether a hash of the peer's tells of a translator; false also where it sent none. */
bool nat_seen(const struct keying *k, const struct payloads *p, const uint8_t spis[2 * IKE_SPI_LEN],
	const struct way *way);

/* child.c: a pair of ESP SAs. */
struct child *child_create(struct ike_sa *sa);
/* Its ESP SAs and its SPI go back to the host, and it is freed; NULL is allowed. */
void child_destroy(struct child *child);
/* Nothing is sent on it any more; what is still under way may come for a moment. */
void child_retire(struct child *child);
/* We send under a newer IKE SA: a child that is installed now would wrongly be the newest. */
bool child_is_superseded(const struct child *child);
/* From now on we send on this replacement. */
void child_use(struct child *child);
/* What they stood beside is gone. */
void child_use_all(struct ike_sa *sa);
/* SA_USED of one of its SAs. */
void child_used(struct child *child, enum sa_dir dir);
/* The peer has deleted this one: from now on we send on what replaces it. */
void child_replaced(struct child *old);
/* One that is neither leaving nor gone. */
bool child_is_live(const struct child *child);
struct child *child_by_sa(struct keying *k, sa_id id, enum sa_dir *dir);
/* The one with this SPI that has not retired; NULL: none. */
struct child *child_by_spi(struct ike_sa *sa, enum sa_dir dir, uint32_t spi);
/* Reserves child->spi[SA_IN]; hcp: for packets with its SPI bits as well, NULL: whole ones only. 0
 * or negative errno. */
int child_reserve(struct child *child, const struct hcp *hcp);
/* One of its SAs goes to the host, which p describes but for direction and SPI. 0 or negative
 * errno, said. */
int child_install_one(struct child *child, struct sa_params *p, enum sa_dir dir);

/* child_hcp.c: what a child compresses with. We wish that it does as the old one that it replaces,
 * NULL: as our settings say; and its SPI is reserved for that. 0 or negative errno. */
int child_wish_hcp(struct child *child, const struct child *old);
/* Offers it where one selector of each side lets it. */
void child_offer_hcp(struct child *child, struct payload_writer *w);
/* The peer's answer to it. Why it cannot be taken, NULL where it could. */
const char *child_accept_hcp(struct child *child, const struct payloads *p);
/* Reserves the SPI by what the peer offers, and answers that. 0 or negative errno; -EPROTO: the
 * rules or no child, and the peer has others. */
int child_answer_hcp(struct child *child, const struct payloads *p);
/* The answer, or what stands in its place where the peer's rules are not ours. */
void child_put_hcp(const struct child *child, struct payload_writer *w);
/* The peer's refusal says that its rules are others: noted, and true. */
bool child_rules_refused(struct child *child, const struct payloads *p);
/* Both ends have spoken of compression, and not of the same rules. */
bool child_rules_differ(const struct child *child);
/* And Fallback = no: so there is no child. */
bool child_rules_needed(const struct child *child);
/* Says so, with both digests. */
void child_note_rules(const struct child *child);

/* child_due.c: what is due of all children; TIMER_SWEEP. */
void child_sweep(struct ike_sa *sa);
/* TIMER_SWEEP comes again after delay_ms, and before for whoever is due before. */
void child_again(struct ike_sa *sa, uint64_t delay_ms);
/* It is due in so many milliseconds: child_sweep retires or uses it. */
void child_wait(struct child *child, uint64_t ms);

/* child_install.c: SAs with keys of these nonces; chosen has the peer's SPI. 0 or negative errno.
 */
int child_install(struct child *child, const struct chosen *chosen, struct slice g_ir,
	const struct nonces *n, enum child_how how);

/* child_answer.c: what we offer for ESP; with_ke: and for another key exchange. */
void child_offer(const struct ike_sa *sa, struct allowed *allowed, bool with_ke);
/* For another key exchange: the group of the last one if it is ours, else our first. */
const struct dh_group *ike_sa_group(const struct ike_sa *sa);
/* The child's selectors are what the peer's two have in common with ours; false: nothing. */
bool child_narrow(
	struct child *child, const struct selectors *theirs, const struct selectors *ours);
/* The child's selectors, which the peer has narrowed, do not reach beyond ours. */
bool child_selects_within(const struct child *child);
/* What an error in place of a child means to who asked for it. */
const char *child_refused_why(uint16_t error);
/* Says why the peer's request for a child was refused. */
void child_refusal(
	struct ike_sa *sa, const struct child *child, const struct payloads *p, uint16_t error);
/* The responder's half of the first child: SA, TSi and TSr, or an error, into the answer. */
void child_answer(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w);

/* say.c: for people. */
__attribute__((format(printf, 4, 5))) void say(const struct keying *k, enum keying_log level,
	const struct peer *peer, const char *fmt, ...);
/* What status and `dietvpn why` say of a peer without SA. */
void trouble(const struct keying *k, const struct peer *peer, const char *why);
/* For log lines only: IPv6 without its short form. */
const char *print_addr(const struct ip_addr *addr, char text[ADDR_TEXT]);
/* A public key that is believed, or not; check: what two ends compare by eye, NULL: nothing. */
struct key_news {
	const uint8_t *fingerprint;
	const char *check;
};
void tell_key(
	const struct keying *k, const char *event, const char *name, const struct key_news *news);
void tell(const struct keying *k, const char *event, const struct peer *peer, const char *why);

#endif
