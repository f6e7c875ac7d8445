/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest change to rules, or to a profile, that makes them take a packet (RFC 8724 7.2). */
#ifndef DIETVPN_CLI_RULES_REPAIR_H
#define DIETVPN_CLI_RULES_REPAIR_H

#include "cli/rules_trial.h"
#include "ip/packet.h"
#include "schc/explain.h"

#include <jansson.h>

enum { REPAIR_EDITS = 8 };

/* One entry of a rule: replaced, or put in front of what stands there. */
struct repair_edit {
	unsigned entry;
	bool insert;
	json_t *was, *now; /* entries; was: NULL with insert */
};

struct repair {
	unsigned rule, n;
	struct repair_edit edit[REPAIR_EDITS];
	struct schc_rule fixed; /* the rule with all of them */
	const char *attribute;  /* instead, of a profile: its name, ... */
	const char *word;       /* ... and the new value as JSON has it */
	const char *key;        /* the same in dietvpn.conf(5), "HopLimitCda = not_compressed" */
	size_t after;           /* octets that the packet becomes: tried, and it came back */
};

/*
 * The change with the fewest entries; every one proposed has carried the packet there and back.
 * false: none, the packet needs a rule of its own. For repair_free.
 */
bool repair_find(const struct diet_attrs *attrs, const struct trial_ends *ends,
	const struct ip_packet *ip, struct repair *out);
void repair_free(struct repair *repair);
/* RFC 6902, for the rule file's JSON. */
json_t *repair_patch(const struct repair *repair, const char *profile);

#endif
