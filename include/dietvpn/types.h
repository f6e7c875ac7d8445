/* SPDX-License-Identifier: Apache-2.0 */
/* The plain vocabulary that the daemon, its plugins and its wire formats share. */
#ifndef DIETVPN_TYPES_H
#define DIETVPN_TYPES_H

#include <stddef.h>
#include <stdint.h>

struct slice {
	const uint8_t *data;
	size_t len;
};

struct ip_addr {
	uint8_t family; /* 4 or 6; 0 is "any" */
	uint8_t bytes[16];
};

struct ip_endpoint {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
};

/* One traffic selector, RFC 7296 3.13.1: inclusive ranges; protocol 0 means ANY. */
struct ts {
	uint8_t ip_proto;
	uint16_t port_start, port_end;
	struct ip_addr addr_start, addr_end;
};

/* IKEv2 Transform Type 1 numbers, so that no table translates them. */
enum encr {
	ENCR_AES_CCM_8 = 14,
	ENCR_AES_CCM_12 = 15,
	ENCR_AES_CCM_16 = 16,
	ENCR_AES_GCM_8 = 18,
	ENCR_AES_GCM_12 = 19,
	ENCR_AES_GCM_16 = 20,
	ENCR_CHACHA20_POLY1305 = 28,
	ENCR_AES_CCM_8_IIV = 29,
	ENCR_AES_GCM_16_IIV = 30,
	ENCR_CHACHA20_POLY1305_IIV = 31,
};

enum sa_dir { SA_OUT, SA_IN, SA_BOTH }; /* both: a group SA that we use in both directions */
enum sa_mode { SA_TUNNEL, SA_TRANSPORT };
enum sa_encap { SA_ENCAP_UDP, SA_ENCAP_ESP }; /* RFC 3948 on the IKE port pair, or IP protocol 50 */

enum { TS_MAX = 4, KEYMAT_MAX = 64, SENDER_IDS_MAX = 4 };

typedef uint32_t sa_id;

/* What only a group SA has: an epoch, our own sender IDs (RFC 6054), a window per sender. */
struct sa_group_params {
	uint32_t group; /* id from the plugin's config */
	uint32_t epoch;
	uint32_t sender_ids[SENDER_IDS_MAX];
	uint8_t n_sender_ids;   /* 0: receive only */
	uint8_t sender_id_bits; /* 8, 12 or 16 */
	uint32_t window, hold_ms;
};

/* All that ESP needs to know of one SA; the host copies keymat and wipes it. */
struct sa_params {
	enum sa_dir dir;
	enum sa_mode mode;
	enum sa_encap encap;
	uint32_t policy; /* id from keying_acquire or from the plugin's config */
	uint32_t spi;
	uint8_t esn; /* 1: 64-bit sequence numbers */
	enum encr encr;
	uint8_t keymat[KEYMAT_MAX]; /* key, then salt */
	size_t keymat_len;
	struct ip_endpoint local, remote;
	struct ts ts_local[TS_MAX], ts_remote[TS_MAX];
	uint8_t n_ts_local, n_ts_remote;
	uint64_t soft_s, hard_s; /* of age; 0: never, here and below */
	uint64_t soft_packets, hard_packets;
	uint64_t soft_bytes, hard_bytes; /* of inner packets */
	uint32_t window;    /* replay window in packets, 64..16384; 0: the host's default */
	uint8_t long_lived; /* 1: the key outlives this process, so its numbers are reserved on disk
			     */
	uint8_t fallback; /* 1: carries what the compressed SA of the same policy cannot restore */
	uint8_t pinned;   /* 1: "remote" is never learned from packets */
	/* CBOR map of the negotiated compression attributes, IKE code points as keys. */
	struct slice attrs;
	const struct sa_group_params *group; /* NULL: a unicast SA */
};

#endif
