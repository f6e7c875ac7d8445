/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration while it is made from rows: shared by the rooms of config/ only. */
#ifndef DIETVPN_CONFIG_BUILD_H
#define DIETVPN_CONFIG_BUILD_H

#include "config/config.h"
#include "config/value.h"

struct build {
	struct config *config;
	struct config_errors *errors;
	size_t n_errors; /* of ours, also those that did not fit into errors */
	bool no_memory;
	/* keys of [Interface] that are only defaults of its peers */
	char keying[sizeof((struct config_peer *)0)->keying];
	enum config_encap encap;
	bool lossy;
};

/* An error at the row's file and line; hint: what to write instead, or NULL. */
__attribute__((format(printf, 4, 5))) void build_error(
	struct build *b, uint32_t row, const char *hint, const char *fmt, ...);
/* [Peer "NAME"] or [Interface] of a row, for error texts. */
const char *build_section(const struct build *b, uint32_t row, char *out, size_t cap);
/* First row behind the section whose heading is at row. */
uint32_t build_section_end(const struct build *b, uint32_t heading);
/* Row of a key in the section; the heading itself where the key is absent. */
uint32_t build_row(const struct build *b, uint32_t heading, const char *key);

/* The row is one of the first keys of its section, has key and value, and stands there once. */
bool build_key_ok(struct build *b, uint32_t heading, uint32_t row);

/* Each complains about every wrong line by build_error. */
void build_interface(struct build *b, uint32_t heading);
void build_peer(struct build *b, uint32_t heading, struct config_peer *peer);
/* ts_local and ts_remote from addresses, routes, local and allow. */
void build_selectors(struct build *b, struct config_peer *peer);
void build_check_peer(struct build *b, const struct config_peer *peer);
void build_check_rules(struct build *b, const struct config_peer *peer); /* of a rule file */
/* template.c: the part of build_check_peer that only a peer with template asks for. */
void build_check_template(struct build *b, const struct config_peer *peer);
/* Between the peers of one tunnel. */
void build_check_peers(struct build *b);

/* Words of keys that stand both in [Interface] and in [Peer]. */
extern const char *const build_roles[], *const build_encaps[], *const build_retransmissions[];
bool build_keying_name(const char *text, char out[static 32], struct value_error *error);

#endif
