/* SPDX-License-Identifier: Apache-2.0 */
/* Security policy database, RFC 4301 4.4.1: PROTECT or DISCARD, per tunnel, by selectors. */
#ifndef DIETVPN_IPSEC_SPD_H
#define DIETVPN_IPSEC_SPD_H

#include "base/list.h"
#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_packet;
struct path;
struct sa;

/* template: stands for peers that are not there yet, and sends nothing itself. */
enum policy_action { POLICY_PROTECT, POLICY_DISCARD, POLICY_TEMPLATE };

enum { POLICY_NAME_MAX = 40 };

/* What a policy is made of. */
struct policy_params {
	uint32_t id;
	uint16_t tunnel; /* index of the TUN */
	uint8_t action;
	uint8_t n_local, n_remote;
	struct ts local[TS_MAX], remote[TS_MAX];
	char name[POLICY_NAME_MAX + 1]; /* the peer's */
};

struct policy {
	uint32_t id;
	uint16_t tunnel;
	uint8_t action;
	uint8_t n_local, n_remote;
	const struct ts *local, *remote; /* one array: local, then remote */
	struct path *path; /* owned; shared by policies of one peer through spd_add's "with" */
	struct sa *out;    /* newest outbound SA */
	struct sa *out_fallback; /* newest outbound SA with nothing compressed */
	struct list sas;         /* all SAs of this policy, both directions */
	uint64_t acquired_ms;    /* last time that keying was asked; 0: never */
	const char *name;
};

struct spd;

/* NULL: no memory. spd_destroy() frees the policies; their SAs are gone by then. */
struct spd *spd_create(void);
void spd_destroy(struct spd *spd);

/*
 * Copies params, whose id must be new. with: a policy whose path is shared, or NULL. 0, -EEXIST,
 * -EINVAL, -ENOMEM. Longest remote prefix wins; among equals, order of adding.
 */
int spd_add(struct spd *spd, const struct policy_params *params, const struct policy *with,
	struct policy **out);
/*
 * Other local selectors for a policy that is there; whoever was lent its selectors has let go of
 * them. 0, -EINVAL, -ENOENT, -ENOMEM.
 */
int spd_set_local(struct spd *spd, uint32_t id, const struct ts *local, uint8_t n);
/* The policy must have no SAs left. */
void spd_remove(struct spd *spd, uint32_t id);
struct policy *spd_find(const struct spd *spd, uint32_t id);
/* A policy of this tunnel, no template, that shares a packet with these selectors; remote: one
 * address. except: a policy that does not count, or NULL. NULL: none. */
struct policy *spd_meets(const struct spd *spd, uint16_t tunnel, const struct ts *local,
	const struct ts *remote, const struct policy *except);
/* Outbound: the policy of this tunnel whose selectors match; NULL: none. Cost independent of their
 * number. */
struct policy *spd_match(const struct spd *spd, uint16_t tunnel, const struct ip_packet *ip);
struct policy *spd_next(const struct spd *spd, size_t *at); /* walks all; *at begins as 0 */

#endif
