/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as files, for verbs that make configurations. */
#ifndef DIETVPN_CLI_KEY_H
#define DIETVPN_CLI_KEY_H

#include <stdbool.h>

/* A new file of 32 random octets in base64. A CLI exit status, after a complaint. */
int key_write_random(const char *path);
/* The same as an Ed25519 key; prints path, public key and fingerprint unless quiet. */
int key_write_ed25519(const char *dir, const char *file, bool quiet);

#endif
