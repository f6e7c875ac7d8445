/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules for what a recording shows (RFC 8724 7): packets are gathered into kinds of the same
 * headers, and each field of a kind is described by what costs least, misses included.
 */
#ifndef DIETVPN_CLI_LEARN_H
#define DIETVPN_CLI_LEARN_H

#include "ip/packet.h"
#include "schc/coap.h"
#include "schc/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEARN_FLOWS = 256,  /* more are gathered into the escape rules only */
	LEARN_KINDS = 512,  /* the same */
	LEARN_HOSTS = 1024, /* whose side is remembered */
	LEARN_FIELDS = 32,  /* fixed fields of one direction */
	LEARN_OPTIONS = 12, /* CoAP options of one message */
	LEARN_VALUES = 16,  /* different values that are told apart */
	LEARN_TEXT = 64,    /* octets of an option's value that a rule can hold */
	LEARN_SUPPORT = 3,  /* packets that make a kind, ... */
	LEARN_SHARE = 256,  /* ... and this part of all: rarer ones are not worth a RuleID */
};

/* One service, both directions: what a person calls a flow. */
struct learn_flow {
	uint8_t version, proto;
	bool coap;
	uint16_t port; /* the service's; ICMP: 0 */
	unsigned long long packets, trained;
	unsigned long long held, before, after; /* of the held-back half */
};

/* What one fixed field was. */
struct learn_field {
	uint8_t fid;
	uint64_t first, last, differ;  /* differ: bits that were not always as in first */
	uint32_t n, restorable, steps; /* steps: value = last + 1 */
	uint32_t others;               /* packets whose value found no place */
	uint8_t n_values;
	uint64_t value[LEARN_VALUES];
	uint32_t count[LEARN_VALUES];
};

struct learn_text {
	uint8_t len;
	uint32_t count;
	uint8_t data[LEARN_TEXT];
};

struct learn_option {
	uint16_t number, min_len, max_len;
	uint32_t n, others;
	uint8_t n_values;
	struct learn_text value[LEARN_VALUES];
};

/* Packets of one direction with the same headers and options. */
struct learn_kind {
	uint32_t flow; /* index; LEARN_FLOWS: an escape kind, for all of its headers */
	uint8_t version, proto;
	enum schc_di di;
	bool coap, request; /* request: code below 2.00 */
	uint16_t service;   /* port */
	uint8_t n_options, n_fields;
	uint32_t n;
	struct learn_field field[LEARN_FIELDS];
	struct learn_option option[LEARN_OPTIONS];
};

struct learn_host {
	struct ip_addr addr;
	long score; /* > 0: it asks, Dev; < 0: it is asked, App */
};

struct learn {
	bool known_dev, known_app; /* addresses given: their interface identifiers come of the SA */
	struct ip_addr dev, app;
	size_t n_flows, n_kinds, n_hosts;
	struct learn_flow flow[LEARN_FLOWS];
	struct learn_host host[LEARN_HOSTS];
	struct learn_kind *kind[LEARN_KINDS];
	struct learn_kind like; /* the packet under way, without values */
	unsigned long long trained;
	unsigned long long packets, other; /* other: fragments, extension headers, no transport */
};

/* First reading: flows and sides. NULL: it belongs to no flow. Then second: counts in flow. */
struct learn_flow *learn_flow_of(struct learn *learn, const struct ip_packet *ip, bool add);
void learn_vote(struct learn *learn, const struct ip_packet *ip);
/* Second reading: what its fields are. 0 or -ENOMEM. */
int learn_gather(struct learn *learn, const struct learn_flow *flow, const struct ip_packet *ip);
void learn_fini(struct learn *learn);

/* How a field is described; in the order in which `learn` counts them. */
enum learn_how {
	LEARN_CONSTANT,
	LEARN_FEW,     /* match-mapping */
	LEARN_BOUNDED, /* MSB */
	LEARN_COUNTING,
	LEARN_COMPUTED, /* or generated, or known of the SA */
	LEARN_SENT,
	LEARN_HOWS
};
const char *learn_how_name(enum learn_how how);

/* learn_choose.c: appends a descriptor for the field or option; *how: as what. false: no room. */
bool learn_field_desc(const struct learn *learn, const struct learn_kind *kind,
	const struct learn_field *field, struct schc_rule *rule, enum learn_how *how);
bool learn_option_desc(
	const struct learn_option *option, struct schc_rule *rule, enum learn_how *how);

/* learn_rules.c */
struct learn_rules {
	struct schc_rule *rule; /* with RuleIDs; the last one is that of no compression */
	struct schc_rule_set set;
	uint32_t *flow;   /* which flow each is for; LEARN_FLOWS: an escape rule */
	uint32_t *weight; /* packets that it was learned of */
	unsigned hows[LEARN_HOWS];
};
/* 0, for learn_rules_free; -ENOENT: nothing to learn of; -ENOMEM. */
int learn_rules_make(const struct learn *learn, struct learn_rules *out);
void learn_rules_free(struct learn_rules *rules);
/*
 * Lengths of a prefix-free code, at most SCHC_RULE_ID_BITS, the shortest to the heaviest
 * (Huffman's, bounded), and its words. n: 1 to SCHC_SET_RULES.
 */
void learn_code(const uint32_t *weight, size_t n, uint8_t *bits, uint8_t *word);

#endif
