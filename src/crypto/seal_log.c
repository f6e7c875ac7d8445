/* SPDX-License-Identifier: Apache-2.0 */
/* Test builds only: one line for every nonce, before the cipher gets it, so that reuse is found. */
#include "seal_log.h"

#include "hash.h"

#include <sodium.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLOSED = -1, UNWANTED = -2, BROKEN = -3 };

static int log_file(void)
{
	static int fd = CLOSED;
	const char *path;

	if (fd != CLOSED)
		return fd;
	path = getenv("DIETVPN_SEAL_LOG");
	if (path == NULL || *path == '\0')
		return fd = UNWANTED;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = BROKEN;
	return fd;
}

int seal_log(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_MAX])
{
	const struct aead_suite *suite = key->suite;
	struct slice keymat = {key->keymat, (size_t)suite->key_len + suite->salt_len};
	uint8_t id[HASH_DIGEST_LEN];
	char line[2 * HASH_DIGEST_LEN + 1 + 2 * AEAD_NONCE_MAX + 1];
	int fd = log_file();
	size_t len;

	if (fd == UNWANTED)
		return 0;
	hash_digest(keymat, id);
	sodium_bin2hex(line, sizeof(line), id, sizeof(id));
	len = strlen(line);
	line[len++] = ' ';
	sodium_bin2hex(line + len, sizeof(line) - len, nonce, (size_t)suite->salt_len + 8);
	len = strlen(line);
	line[len++] = '\n';
	return write(fd, line, len) == (ssize_t)len ? 0 : -EIO;
}
