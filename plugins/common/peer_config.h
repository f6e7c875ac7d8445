/* SPDX-License-Identifier: Apache-2.0 */
/* What the core has understood of [Peer], read from the host's CBOR (conf/schema/keying.cddl). */
#ifndef DIETVPN_COMMON_PEER_CONFIG_H
#define DIETVPN_COMMON_PEER_CONFIG_H

#include "common/peer_value.h"
#include "common/selectors.h"

enum role { ROLE_INITIATOR, ROLE_RESPONDER, ROLE_BOTH };
enum encap_wish { ENCAP_UDP, ENCAP_RAW, ENCAP_AUTO };

/* The same for every keying plugin; all octets are set, so that two can be compared as memory. */
struct peer_config {
	char name[PEER_NAME_MAX];
	uint32_t policy, at; /* at: a value of this peer, for config_error */
	enum role role;
	enum encap_wish encap;
	struct ip_endpoint
		remote; /* family 0: the peer comes to us, or a name; port 0: none named */
	struct selectors local, remote_ts;
	bool boot, sleepy, lossy;
	bool named; /* remote is what a name will mean */
};

/*
 * Begins to read a configuration. 0 and the number of its peers, or -EINVAL with a line in the log.
 * peer_config_close ends it.
 */
int peer_config_open(struct peer_reader *r, const struct keying_host *host, struct slice config,
	size_t *n_peers);
/* Frees what _open made. 0, or -EINVAL where anything was refused. */
int peer_config_close(struct peer_reader *r);
/* The tunnel that the peers belong to; "" where the configuration names none. */
void peer_config_tunnel(const struct peer_reader *r, char out[PEER_NAME_MAX]);
/* Our port, 0: IKE, 1: NAT; absent where the configuration names none. */
uint16_t peer_config_port(const struct peer_reader *r, size_t which, uint16_t absent);
/* Goes on to this peer, whose own keys are these. false: refused, it is none of this version. */
bool peer_config_read(struct peer_reader *r, size_t index, const struct keying_key *keys,
	struct peer_config *out);
/* Our own inner addresses, or the peer's Address; at most cap. Returns how many. */
size_t peer_config_own(const struct peer_reader *r, struct addr_prefix *out, size_t cap);
size_t peer_config_addresses(const struct peer_reader *r, struct addr_prefix *out, size_t cap);
/* Address = auto: our own one is the peer's to give. */
bool peer_config_auto(const struct peer_reader *r);
/* One [encr, key bits] of its "suites"; false: there is none at this place. */
bool peer_config_suite(
	const struct peer_reader *r, size_t index, uint16_t *encr, uint16_t *key_bits);

#endif
