/* SPDX-License-Identifier: Apache-2.0 */
/* One [Peer] while a plugin reads it: the values of its own keys, and what is wrong with them. */
#ifndef DIETVPN_COMMON_PEER_VALUE_H
#define DIETVPN_COMMON_PEER_VALUE_H

#include "codec/tree.h"
#include "dietvpn/keying.h"

#include <stdbool.h>

enum { PEER_NAME_MAX = 41 };

struct peer_reader {
	const struct keying_host *host;
	struct tree *tree;
	tree_node peers;      /* of the configuration */
	tree_node peer, keys; /* the one that is being read */
	bool bad;             /* something was refused */
};

/* As written in the file, and the number that config_error takes. */
struct peer_value {
	char text[256];
	uint32_t at;
};

/* Says what is wrong and where, and remembers that something is. hint: what helps, "": nothing. */
void peer_refuse(struct peer_reader *r, uint32_t at, const char *text, const char *hint);
/* The same about one value: "KEY = VALUE: what". */
void peer_refuse_value(struct peer_reader *r, const struct peer_value *value, const char *key,
	const char *what, const char *hint);
/* false, and *out untouched in "at": the peer has no such key. */
bool peer_value_get(const struct peer_reader *r, const char *key, struct peer_value *out);
/* yes or no; *out stays where the key is absent, or refused. */
void peer_value_yes(struct peer_reader *r, const char *key, bool *out);
/* Decimal, or 0x and hexadecimal; *rest: what follows. */
bool peer_value_number(const char *text, uint64_t *out, const char **rest);
/* 30s, 10min, 24h, 30d in seconds; 0: it is none. */
uint64_t peer_value_duration(const char *text);
/* The next word of a comma separated list into word, cut to cap; returns what follows, NULL: the
 * list was at its end. */
const char *peer_value_word(const char *at, char *word, size_t cap);
/* A file that a key of a peer names; the caller wipes data. */
struct peer_secret {
	uint8_t *data;
	size_t cap, len;
};
/* Reads it. 0 or negative errno. */
int peer_secret_read(
	const struct keying_host *host, const char *peer, const char *key, struct peer_secret *out);

#endif
