/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys, and the search for the nearest name. */
#include "config/keys.h"

#include <string.h>

enum { NAME_MAX_LEN = 48, NEAR = 2 };

#define I "Interface"
#define P "Peer"

static const struct config_key table[] = {
	{I, "Name", "TUN name, begins with diet, up to 15 characters", "diet0", false,
		"Name of the TUN device."},
	{I, "Role", "initiator, responder, both", "both", true,
		"Who may begin a key exchange; a peer may override it."},
	{I, "Address", "addresses with prefix length, by comma; or auto", "required", true,
		"Own inner addresses; auto: the peer gives them (Keying = ikev2)."},
	{I, "Id", "FQDN, user@host, or 0x and hex digits", "the host name", false,
		"Own identity in key exchanges; a peer may override it."},
	{I, "Key", "file", "-", true, "Private key: base64 of 32 octets, or PEM."},
	{I, "Psk", "file", "-", true, "Preshared key, used with every peer that has no own."},
	{I, "Master", "file", "-", true,
		"Enrolment secret: the keys of devices that a template lets in are derived from "
		"it."},
	{I, "Listen", "two UDP ports", "500, 4500", false,
		"The IKE port pair; equal in all files; ESP in UDP uses the second."},
	{I, "Mtu", "auto, or 1280 to 65535", "auto", true, "MTU of the TUN device."},
	{I, "Offload", "auto, off", "auto", false,
		"Segmentation offload of the TUN and of UDP towards the peers; off: packet by "
		"packet."},
	{I, "ClampMss", "yes, no", "no", true, "Rewrite the TCP MSS option to what fits the path."},
	{I, "Keying", "name of a keying plugin", "ikev2", false,
		"Default for the peers of this file."},
	{I, "Encap", "auto, udp, raw", "auto", false, "Default for the peers of this file."},
	{I, "Retransmission", "normal, lossy", "normal", false,
		"Default for the peers of this file."},
	{I, "OnUp", "command", "-", true, "Run as the daemon's user when the tunnel is up."},
	{I, "OnDown", "command", "-", true, "Run as the daemon's user when the tunnel goes down."},

	{P, "Endpoint", "name or address, optional port", "-", true,
		"Where the peer is; without it the peer comes to us."},
	{P, "Address", "addresses or prefixes, by comma", "required", true,
		"The peer's inner addresses; in a template the one prefix within which each device "
		"gets an address of its own."},
	{P, "Routes", "prefixes, by comma", "-", true, "Further prefixes behind the peer."},
	{P, "Local", "prefixes, by comma, or any", "own addresses as hosts", true,
		"What of ours the peer may reach."},
	{P, "Allow",
		"udp PORT, tcp PORT, sctp PORT, udplite PORT, each with optional from PORT, "
		"or without port; icmp, icmp6, any; by comma; PORT may be a range 5000-5010",
		"any", false,
		"What may pass; PORT is the peer's, from ours; without from ours is a wildcard and "
		"costs 2 octets per packet."},
	{P, "Role", "initiator, responder, both", "as Interface", false,
		"Who may begin a key exchange."},
	{P, "Id", "FQDN, user@host, or 0x and hex digits", "as Interface", false,
		"Own identity towards this peer."},
	{P, "Keying", "name of a keying plugin", "as Interface", false,
		"Where the keys come from; brings keys of its own."},
	{P, "Encap", "auto, udp, raw", "as Interface", false,
		"ESP in UDP or as IP protocol 50; auto: NAT detection decides."},
	{P, "Retransmission", "normal, lossy", "as Interface", false,
		"Retransmission profile of the key exchange."},
	{P, "Compress", "off, safe, iot, link, or the name of a rule file", "safe", false,
		"Compression preset; the attributes below override it one by one."},
	{P, "EspSpiLsb", "0 to 32", "from the preset", false,
		"Bits of the SPI that travel; with EspSnLsb a multiple of 8; 0 needs Encap = raw "
		"and an Endpoint that is an address, of this peer only."},
	{P, "EspSnLsb", "0 to 32", "from the preset", false,
		"Bits of the sequence number that travel; 0 only where hardly any packet is lost."},
	{P, "Alignment", "8, 16, 32, 64", "from the preset", false,
		"Alignment of the ESP payload in bits."},
	{P, "EspTrailer", "mandatory, optional", "from the preset", false,
		"Whether the ESP trailer may be elided."},
	{P, "DscpCda", "not_compressed, lower, sa", "from the preset", false,
		"Inner DSCP: sent, copied to and from the outer header, or fixed by the SA."},
	{P, "EcnCda", "not_compressed, lower", "from the preset", false,
		"Inner ECN: sent, or copied to and from the outer header."},
	{P, "FlowLabelCda", "not_compressed, lower, generated, zero", "from the preset", false,
		"Inner flow label or IPv4 Identification."},
	{P, "HopLimitCda", "lower, not_compressed", "from the preset", false,
		"Inner hop limit; private attribute."},
	{P, "RuleId", "yes, no", "from the preset", false,
		"One octet of SCHC RuleID in front of the residue; private attribute."},
	{P, "RulesDigest", "8 hexadecimal digits", "-", false,
		"Digest that the peer's rule set has, refused where ours has another; required by "
		"Keying = manual where Compress names a file with a rule set."},
	{P, "Device", "here, peer", "here for Role = initiator, peer for responder", false,
		"Which end is Dev of the rule set; the other end says the opposite."},
	{P, "Window", "1 to 16384", "from the preset", false, "Replay window in packets."},
	{P, "Cipher",
		"chacha20-poly1305[-iiv], aes-gcm-16[-iiv], aes-gcm-12, aes-gcm-8, "
		"aes-ccm-8[-iiv], "
		"aes-ccm-12, aes-ccm-16; aes256-... for 256-bit keys; by comma",
		"all with 128-bit AES, ChaCha20 first", false,
		"Ciphers in order of preference; it is also the minimum policy."},
	{P, "Start", "boot, on-traffic", "on-traffic", true, "When the SA is set up."},
	{P, "Sleepy", "yes, no", "no", true,
		"Silence is normal: keep the SA and never rekey from here."},
};

static const struct config_plugin_hint plugin_table[] = {
	{"manual", "OutSpi", "SPI of what we send, above 255; 0x for hexadecimal."},
	{"manual", "OutKey", "File: base64 of key and salt for what we send."},
	{"manual", "InSpi", "SPI of what we receive, above 255."},
	{"manual", "InKey", "File: base64 of key and salt for what we receive."},
	{"manual", "Esn", NULL},
	{"manual", "Fallback", NULL}, /* ikev2 has one too */
	{"manual", "LifeTime", NULL},
	{"manual", "LifePackets", NULL},
	{"manual", "LifeBytes", NULL},
	{"ikev2", "Psk",
		"File: pre-shared key of 16 octets or more, as text, 0x hexadecimal or 0s base64."},
	{"ikev2", "Key",
		"File: our private key, PEM or base64 of an Ed25519 seed; with PeerKey or "
		"Imprint."},
	{"ikev2", "PeerKey", "The peer's public key: base64, or a file with base64 or PEM."},
	{"ikev2", "PeerId", "Identity expected from the peer; its name where this is absent."},
	{"ikev2", "Exchange", "Ordered list of x25519, p256; both where this is absent."},
	{"ikev2", "Prf", "Ordered list of sha256, sha384, sha512; all where this is absent."},
	{"ikev2", "NatDetection", "yes or no: find address translators; yes where this is absent."},
	{"ikev2", "Pfs", "yes or no: a key exchange for every rekeyed child; no where absent."},
	{"ikev2", "Fallback",
		"yes or no: a plain child for what the compressed one cannot carry; yes where "
		"absent."},
	{"ikev2", "Liveness",
		"Silence after which the peer is asked whether it lives, or no; 60s where absent."},
	{"ikev2", "IkeLifetime", "Of the IKE SA: 10min, 24h, 30d; 24h where absent."},
	{"ikev2", "ChildLifetime", "Of the ESP SAs: 10min, 8h, 30d; 8h where absent."},
	{"ikev2", "CookieThreshold",
		"Half-open handshakes from which strangers need a cookie; 64 where absent."},
	{"ikev2", "Pool",
		"yes or no: Address is a pool; the peer gets one address of it and may use no "
		"other."},
	{"ikev2", "Childless",
		"yes or no: IKE_AUTH without a child, which follows (RFC 6023); no where absent."},
	{"ikev2", "Imprint",
		"yes or no: on a device, pin the key of the gateway that proves itself first; no "
		"where absent."},
	{"ikev2", "ImprintTime",
		"How long a device with Imprint looks for its gateway after a start; 1h where "
		"absent."},
	{"ikev2", "Ppk", "File: post-quantum pre-shared key of 16 to 64 octets, as Psk."},
	{"ikev2", "PpkId", "Name of that key, the same on both sides."},
	{"ikev2", "PpkRequired", "yes or no: not without it; no where absent."},
	{"hipdex", "HostIdentity", NULL},
	{"hipdex", "PuzzleMax", NULL},
	{"hipdex", "Transport", NULL},
	{"edhoc", "PeerCredential", NULL},
	{"edhoc", "Suites", NULL},
	{"ecqv", "CaPublicKey", NULL},
	{"ecqv", "Subject", NULL},
	{"ecqv", "EnrolmentKey", NULL},
};

enum {
	N_KEYS = sizeof table / sizeof *table,
	N_PLUGIN_KEYS = sizeof plugin_table / sizeof *plugin_table,
};

const struct config_key *keys_at(size_t index)
{
	return index < N_KEYS ? &table[index] : NULL;
}

const struct config_key *keys_find(const char *section, const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(table[i].section, section) == 0 && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein over letters without case, two neighbours changed over counting one. */
static size_t distance(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	size_t d[3][NAME_MAX_LEN + 1];
	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = d[i % 3];
		const size_t *above = d[(i + 2) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			bool other = lower(a[i - 1]) != lower(b[j - 1]);
			row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + other);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], d[(i + 1) % 3][j - 2] + 1);
		}
	}
	return d[a_len % 3][b_len];
}

const char *keys_nearest(const char *name, const char *const *names, size_t n)
{
	size_t len = strlen(name);
	/* Two errors in a word of three letters are another word. */
	size_t best = len < 4 ? 2 : len / 3 > NEAR ? len / 3 + 1 : NEAR + 1;
	const char *nearest = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = names[i] ? distance(name, names[i]) : best;
		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}

const char *keys_nearest_in(const char *section, const char *plugin, const char *name)
{
	const char *names[N_KEYS + N_PLUGIN_KEYS];
	size_t n = 0;
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(table[i].section, section) == 0)
			names[n++] = table[i].name;
	for (size_t i = 0; plugin && i < N_PLUGIN_KEYS; i++)
		if (strcmp(plugin_table[i].plugin, plugin) == 0)
			names[n++] = plugin_table[i].name;
	return keys_nearest(name, names, n);
}

const struct config_plugin_hint *keys_plugin_at(size_t index)
{
	return index < N_PLUGIN_KEYS ? &plugin_table[index] : NULL;
}

bool keys_plugin_known(const char *plugin)
{
	for (size_t i = 0; i < N_PLUGIN_KEYS; i++)
		if (strcmp(plugin_table[i].plugin, plugin) == 0)
			return true;
	return false;
}

bool keys_plugin_has(const char *plugin, const char *name)
{
	for (size_t i = 0; i < N_PLUGIN_KEYS; i++)
		if (strcmp(plugin_table[i].plugin, plugin) == 0 &&
			strcmp(plugin_table[i].name, name) == 0)
			return true;
	return false;
}

const char *keys_plugin_of(const char *name)
{
	for (size_t i = 0; i < N_PLUGIN_KEYS; i++)
		if (strcmp(plugin_table[i].name, name) == 0)
			return plugin_table[i].plugin;
	return NULL;
}

bool keys_is_later(const char *section, const char *name)
{
	return strcmp(section, I) == 0 && strcmp(name, "Dns") == 0;
}
