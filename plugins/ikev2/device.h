/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that the file does not name: a template lets them in, each with a credential, an address
 * and a policy of its own (ikev2.md 6, trust.md 4.3). */
#ifndef DIETVPN_IKEV2_DEVICE_H
#define DIETVPN_IKEV2_DEVICE_H

#include "ikev2/ikev2.h"
#include "ikev2/known.h"

#include "crypto/enrol.h"

/* By what it is known. */
enum device_kind { DEVICE_DERIVED, DEVICE_ADOPTED, DEVICE_PINNED };

struct device {
	struct list link;
	struct settings settings; /* the template's, but for who it is and what it has to prove */
	struct peer peer;
	struct sign_public key; /* DEVICE_PINNED: settings.peer_key */
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];
	enum device_kind kind;
	bool first;               /* nobody knows its key: it came while the window was open */
	uint32_t template_policy; /* where it came in */
	uint64_t seen_ms;         /* of its last AUTH */
};

/* "dietvpn adopt --first": the one device that shows its key while it is open. */
struct first_window {
	uint64_t until_ms;        /* 0: closed */
	char name[PEER_NAME_MAX]; /* the first one; "": nobody yet */
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];
};

struct device_table {
	struct list all;
	struct map by_name;
	struct device *candidate;  /* who is being examined: no memory of a stranger's own */
	struct settings nobody[2]; /* what takes as long to disprove: a PSK, a key */
	uint8_t nobodys_master[ENROL_MASTER_MIN];
	struct first_window first;
	char why[200];
};

/* 0 or -ENOMEM; k->settings have been read. */
int devices_create(struct keying *k);
void devices_destroy(struct keying *k); /* without a word to the host */
struct device *device_find(const struct keying *k, const char *name);
struct device *device_by_policy(const struct keying *k, uint32_t policy);
bool device_is_candidate(const struct keying *k, const struct peer *peer);
struct device *device_of(const struct keying *k, const struct peer *peer); /* NULL: configured */
/* device_claim.c: a PSK that nobody has, and our own key in the place of somebody's, for
 * device_nobody. 0 or -EIO. */
int device_make_nobody(struct keying *k, const struct settings_list *settings);
/* Who is asking in IKE_AUTH, and what it has to prove: it may not be a peer yet. NULL, and why. */
struct peer *device_claim(struct keying *k, const struct payloads *p, const char **why);
/* What a device of a template costs before its AUTH: whoever is none of them costs it, too. */
void device_spend(struct keying *k, const struct payloads *p);
/* As long as AUTH of somebody takes, for those who are nobody. */
const struct settings *device_nobody(const struct keying *k, const struct payloads *p);

enum device_verdict {
	DEVICE_IN,
	DEVICE_OUT,  /* *why */
	DEVICE_LATER /* what has to be on disk first is on its way: its next copy will be answered
		      */
};
/* AUTH held. From now on a candidate is a peer with a policy of its own. */
enum device_verdict device_admit(
	struct keying *k, struct peer *peer, const struct payloads *p, const char **why);
/* What to tell of its AUTH that did not hold. */
const char *device_hint(const struct keying *k, const struct peer *peer);
/* Its SAs go at once, with a D that is repeated, and so does its policy. */
void device_drop(struct keying *k, struct device *device);
/* After a reload: those of templates that have changed go, the others have moved with theirs. */
void devices_settle(struct keying *k, const struct settings_list *now);
/* Who lets this identity in; NULL: nobody. */
const struct settings *device_template(const struct keying *k, const char *name);

/* device_address.c: the first free address of this identity within the template; wish: IDi's own
 * selectors, one of which is taken where it is one of its addresses, and what is found is put on
 * record where it does not follow from the name. NULL: only to look. 0 or -ENOSPC. */
int device_address(const struct keying *k, const struct settings *template, const char *name,
	const struct selectors *wish, struct ip_addr *out);
/* It is within the peer's selectors. */
bool device_has_address(const struct settings *s, const struct ip_addr *addr);
void device_pool(const struct settings *template, struct enrol_pool *pool);
/* The template's selectors with this address in the place of its prefix. */
void device_selectors(
	const struct settings *template, const struct ip_addr *addr, struct selectors *out);

/* first.c: the window. */
void first_open(struct keying *k, uint64_t seconds);
void first_timeout(struct keying *k);
bool first_is_open(const struct keying *k);
/* The candidate's AUTH held with a key that nobody knows. */
enum device_verdict first_seen(struct keying *k, struct device *candidate, const char **why);
/* It has this name and another key than the one that came first. */
bool first_is_rival(
	const struct keying *k, const char *name, const uint8_t fingerprint[SIGN_FINGERPRINT_LEN]);
void first_saved(struct keying *k, struct known *known, int error);

/* manage.c: what an operator asks about peers by name. */
void manage(struct keying *k, uint32_t request, const char *verb, struct slice with);
void manage_saved(struct keying *k, struct known *known, int error);

#endif
