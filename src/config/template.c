/* SPDX-License-Identifier: Apache-2.0 */
/* A [Peer] whose name holds '*': what it may not say, since it speaks for many devices that come to
 * us, each with an identity, a key and an address of its own. */
#include "config/build.h"

#include <string.h>

/* Keys that name one device, or one way to it. */
static const struct {
	const char *key, *hint;
} of_one_device[] = {
	{"Endpoint", "leave it out: its devices come to us"},
	{"Routes", "give the device behind which they lie a [Peer] of its own"},
	{"PeerId", "leave it out: what a device calls itself has to fit the template's name"},
	{"PeerKey", "give that device a [Peer] of its own"},
	{"Psk", "leave it out: each device has its own, derived from Master or adopted"},
};

static void check_keys(struct build *b, const struct config_peer *peer)
{
	for (size_t i = 0; i < sizeof of_one_device / sizeof *of_one_device; i++) {
		uint32_t row = build_row(b, peer->at, of_one_device[i].key);
		if (row != peer->at)
			build_error(b, row, of_one_device[i].hint,
				"[Peer \"%s\"] is a template: %s belongs to one device", peer->name,
				of_one_device[i].key);
	}
}

static void check_address(struct build *b, const struct config_peer *peer)
{
	const struct ip_prefix *prefix = &peer->addresses[0];
	if (peer->n_addresses == 1 && prefix->len < 8 * ip_addr_len(&prefix->addr))
		return;
	build_error(b, build_row(b, peer->at, "Address"), "Address = fd00:...::/64",
		"[Peer \"%s\"] is a template: Address is the one prefix within which each device "
		"gets its own",
		peer->name);
}

static void check_beginning(struct build *b, const struct config_peer *peer)
{
	if (peer->role == ROLE_INITIATOR)
		build_error(b, build_row(b, peer->at, "Role"), "Role = responder",
			"[Peer \"%s\"] is a template: its devices begin", peer->name);
	if (peer->start == START_BOOT)
		build_error(b, build_row(b, peer->at, "Start"), "leave it out",
			"[Peer \"%s\"] is a template: its devices begin, not we at boot",
			peer->name);
}

void build_check_template(struct build *b, const struct config_peer *peer)
{
	check_keys(b, peer);
	check_address(b, peer);
	check_beginning(b, peer);
}
