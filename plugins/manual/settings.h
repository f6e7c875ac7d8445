/* SPDX-License-Identifier: Apache-2.0 */
/* What [Peer] says to Keying = manual, read from the host's CBOR and judged. */
#ifndef DIETVPN_MANUAL_SETTINGS_H
#define DIETVPN_MANUAL_SETTINGS_H

#include "common/peer_config.h"

enum {
	SETTINGS_ATTRS_MAX = 256,
	SETTINGS_DIGEST_LEN = 16,
	/* added to an SPI, it names the plain SA beside the compressed one */
	SETTINGS_FALLBACK_SPI = (int)0x80000000u,
};

/* One peer; all octets are set, so that two can be compared as memory. */
struct settings {
	struct peer_config core; /* remote: with a port where packets go in UDP */
	uint16_t port;           /* ours */
	enum sa_encap encap;
	enum encr encr;
	size_t keymat_len;
	uint32_t spi[2];                        /* by enum sa_dir */
	uint32_t spi_at[2], key_at[2];          /* for config_error */
	uint8_t digest[2][SETTINGS_DIGEST_LEN]; /* of the keys, which stay in their files */
	uint8_t attrs[SETTINGS_ATTRS_MAX];
	size_t attrs_len;
	uint8_t spi_bits;
	uint32_t window;
	uint64_t hard_s, hard_packets, hard_bytes;
	bool esn, fallback;
	bool ruled; /* explicit rules: the host binds the keys to them */
};

extern const struct keying_key settings_keys[];

/*
 * All peers of a config, and what is wrong with them through config_error. 0 and *out (n of them,
 * the caller frees), else -EINVAL or -ENOMEM.
 */
int settings_read(
	const struct keying_host *host, struct slice config, struct settings **out, size_t *n);
/* The key of this direction, keymat_len octets; wipe it. 0 or negative errno. */
int settings_key(const struct keying_host *host, const struct settings *peer, enum sa_dir dir,
	uint8_t keymat[KEYMAT_MAX]);

#endif
