/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule file does to one packet: compressed, restored, compared. */
#ifndef DIETVPN_CLI_RULES_TRIAL_H
#define DIETVPN_CLI_RULES_TRIAL_H

#include "diet/context.h"
#include "schc/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_packet;
struct trial;

enum trial_verdict {
	TRIAL_RESTORED, /* octet for octet */
	TRIAL_ALLOWED,  /* but for what "generated" may choose anew */
	TRIAL_UNFIT,    /* no rule takes it: it travels as it is */
	TRIAL_NOT_IP,   /* or damaged, or cut off by the recording */
	TRIAL_LOST,     /* restoring gave something else: a fault */
};

enum { TRIAL_NO_RULE = -1 };

struct trial_result {
	enum trial_verdict verdict;
	int rule;             /* index in the set; TRIAL_NO_RULE: the RuleID for none, or no set */
	enum schc_di di;      /* of a packet under a rule set: who sends it */
	size_t before, after; /* octets of the packet, and of RuleID, residue and payload */
};

/* Traffic selectors of the SA's two sides. */
struct trial_sides {
	struct ts dev[TS_MAX], app[TS_MAX];
	uint8_t n_dev, n_app;
};

/* The SA's single addresses, for devIID and appIID of a set; NULL: not known. */
struct trial_ends {
	const struct ip_addr *dev, *app;
	const struct trial_sides *sides; /* of a configured peer, instead of the two; or NULL */
};

/* sides, or what the two addresses say, for packets of this version and protocol (0: any). */
void trial_sides(
	const struct trial_ends *ends, uint8_t version, uint8_t proto, struct trial_sides *out);
/* The SA of packets that go this way; borrows sides. */
struct diet_sa trial_sa(const struct trial_sides *sides, enum schc_di di);
/* The selectors let this packet go this way. */
bool trial_admits(const struct trial_sides *sides, enum schc_di di, const struct ip_packet *ip);

/*
 * attrs as the profile has them, with attrs->rules the set or NULL. Without a set the rule is the
 * one derived for traffic selectors of any address and port, the packet's protocol. NULL without
 * memory, or *why.
 */
struct trial *trial_open(
	const struct diet_attrs *attrs, const struct trial_ends *ends, const char **why);
void trial_close(struct trial *trial);
struct trial_result trial_run(struct trial *trial, const uint8_t *packet, size_t len);

#endif
