/* SPDX-License-Identifier: Apache-2.0 */
/* What [Peer] says to Keying = ikev2, read from the host's CBOR and judged. */
#ifndef DIETVPN_IKEV2_SETTINGS_H
#define DIETVPN_IKEV2_SETTINGS_H

#include "common/peer_config.h"
#include "crypto/enrol.h"
#include "crypto/prf.h"
#include "crypto/secret.h"
#include "crypto/sign_key.h"
#include "ikev2/payload_cp.h"
#include "ikev2/payload_hcp.h"
#include "ikev2/payload_sa.h"

enum {
	SETTINGS_ID_MAX = 128,
	SETTINGS_ATTRS_MAX = 64,
	SETTINGS_PSK_MIN = 16,
	SETTINGS_PSK_MAX = 512,
	SETTINGS_OWN_MAX = 8,
	SETTINGS_PADS = 3, /* one per PRF that a PSK may be used with: 5, 6, 7 */
};

/* An identification payload's body: type, three zero octets, data (RFC 7296 3.5). */
struct identity {
	uint8_t body[ID_HEADER_LEN + SETTINGS_ID_MAX];
	size_t len;
};

struct settings {
	struct peer_config core;
	struct identity id, peer_id;
	bool peer_id_named; /* PeerId stands in the file: asked for in IKE_AUTH */
	bool template;      /* lets in whoever fits its name; itself never has an SA */
	bool imprint;       /* the peer's key is the first one that it shows (ikev2.md 6) */
	uint64_t imprint_s; /* for how long a blank device looks for its gateway; 0: without end */
	bool nat_detection, pfs;
	bool childless;    /* as initiator: the first child comes by CREATE_CHILD_SA (RFC 6023) */
	bool asks_address; /* Address = auto */
	/* What the peer gets that asks: its Address where that is one host; or one of the pool,
	 * and then it may use no other. Family 0: none. */
	struct ip_addr fixed[INNER_FAMILIES];
	struct enrol_pool pool[INNER_FAMILIES];
	struct allowed ike, esp;
	bool compress, fallback; /* fallback: a plain child beside one that compresses */
	struct hcp hcp;          /* what we would like to compress with */
	bool has_rules;
	struct hcp_rules rules; /* has_rules: explicit ones, rather than what follows from hcp */
	uint32_t window;        /* of the attributes: replay window */
	uint64_t alive_s;       /* silence after which the peer is asked; 0: never */
	/* Ours and the peer's pinned one, owned; no key of ours: a pre-shared key. A template has
	 * ours for those of its devices that have one. */
	struct sign_private *key;
	struct sign_public *peer_key;
	uint8_t pads[SETTINGS_PADS][PRF_LEN_MAX]; /* prf(PSK, "Key Pad for IKEv2") */
	uint8_t ppk[SECRET_MAX];                  /* RFC 8784 */
	size_t ppk_len;                           /* 0: none */
	char ppk_id[PEER_NAME_MAX];
	bool ppk_required;
	uint64_t ike_life_s, child_life_s;
};

struct settings_list {
	char tunnel[PEER_NAME_MAX];
	struct settings *list;
	size_t n;
	uint16_t ports[2]; /* IKE, NAT: ours */
	uint32_t cookie_threshold;
	uint8_t master[ENROL_MASTER_MAX];         /* of all derived PSKs */
	size_t master_len;                        /* 0: none */
	struct addr_prefix own[SETTINGS_OWN_MAX]; /* our inner addresses */
	size_t n_own;
};

extern const struct keying_key settings_keys[];

/* A child's attributes for sa_install into out: h, and our window where the numbers allow it.
 * 0 or -EMSGSIZE. */
int settings_attrs(const struct settings *s, const struct hcp_choice *choice,
	uint8_t out[SETTINGS_ATTRS_MAX], size_t *len);
/* 0x.. is a KEY_ID, user@host an RFC 822 address, all else a name (ikev2.md 1.4). false: none. */
bool settings_identity(const char *text, struct identity *out);
/* The other way round, only where it leads back: else false, as for one that is too long for the
 * name of a peer or that a terminal would not print. body: of the payload. */
bool settings_identity_text(struct slice body, char out[PEER_NAME_MAX]);
/* The pads of this PSK. 0 or -EIO. */
int settings_set_psk(struct settings *s, struct slice psk);
/* What to compare where one does not believe the other. */
const char *settings_auth_hint(const struct settings *s);
/* Adds suites and groups of one list to another. */
void settings_add_allowed(struct allowed *to, const struct allowed *from);
/* Every PRF that there is, those of the list first. */
void settings_all_prfs(struct allowed *a);
/* The pad for this PRF; NULL: none. */
const uint8_t *settings_pad(const struct settings *s, uint16_t prf);

/*
 * All peers of a config, and what is wrong with them through config_error. 0 and *out, to be freed
 * by settings_fini; else -EINVAL or -ENOMEM.
 */
int settings_read(const struct keying_host *host, struct slice config, struct settings_list *out);
void settings_fini(struct settings_list *list); /* wipes */
/* The same but for where it stands in the file and for what settings_follow takes over. */
bool settings_equal(const struct settings *a, const struct settings *b);
/* What SAs need not end for: when it begins, whether it sleeps, how long all lives and is waited
 * for. */
void settings_follow(struct settings *s, const struct settings *now);

#endif
