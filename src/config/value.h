/* SPDX-License-Identifier: Apache-2.0 */
/* Values of configuration keys from their text. */
#ifndef DIETVPN_CONFIG_VALUE_H
#define DIETVPN_CONFIG_VALUE_H

#include "config/config.h"

/* What is wrong with a value: the rest of a sentence that begins with the key's name, and what to
 * do, or "". */
struct value_error {
	char text[144];
	char hint[96];
};

/* All return true, or false with *error and *out untouched. */
bool value_bool(const char *text, bool *out, struct value_error *error);
bool value_uint(
	const char *text, uint32_t min, uint32_t max, uint32_t *out, struct value_error *error);
/* "30s", "10min", "1h", "2d", "500ms"; in milliseconds, at most 10 years. */
bool value_duration(const char *text, uint64_t *out_ms, struct value_error *error);
/* One of words, which ends with NULL; *out its index. */
bool value_word(
	const char *text, const char *const *words, unsigned *out, struct value_error *error);
/* Copies; control characters cannot stand in a file. */
bool value_text(const char *text, char *out, size_t cap, struct value_error *error);
/* A list by comma; *n is at most cap. */
bool value_prefixes(
	const char *text, struct ip_prefix *out, size_t cap, size_t *n, struct value_error *error);
bool value_allow(const char *text, struct config_allow out[static CONFIG_ALLOW_MAX], size_t *n,
	struct value_error *error);
bool value_ciphers(const char *text, struct config_cipher out[static CONFIG_CIPHERS_MAX], size_t *n,
	struct value_error *error);
/* Of a peer: a host name leaves endpoint->addr.family 0. */
bool value_endpoint(const char *text, char *host, size_t host_cap, struct ip_endpoint *endpoint,
	struct value_error *error);
/* FQDN, user@host, 0x... */
bool value_identity(const char *text, char *out, size_t cap, struct value_error *error);

/* All ciphers with 128-bit AES keys, ChaCha20 first, implicit IV before explicit. */
size_t value_default_ciphers(struct config_cipher out[static CONFIG_CIPHERS_MAX]);

/*
 * Next entry of a list by comma, without blanks around it, copied into out. 1; 0: the list is at
 * its end; -1: an empty entry or longer than cap.
 */
int value_next(const char **list, char *out, size_t cap);
__attribute__((format(printf, 3, 4))) bool value_wrong(
	struct value_error *error, const char *hint, const char *fmt, ...);

#endif
