/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong configurations: each has its own place, sentence and hint, exactly. */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Lines 1 and 2; lines 1 to 5: what follows stands in line 3, or 6. */
#define IFACE    "[Interface]\nAddress = fd00::1/64, 10.0.0.1/24\n"
#define PEER     IFACE "[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\n"
#define TEMPLATE IFACE "[Peer \"sensor-*\"]\nKeying = ikev2\nAddress = fd00::/64\n"
#define ONE_PREFIX \
	"[Peer \"sensor-*\"] is a template: Address is the one prefix within which each device " \
	"gets its own"
#define AUTO "[Interface]\nAddress = auto\n[Peer \"gw\"]\n"
#define TWO  PEER "[Peer \"c\"]\nKeying = manual\n"

static const struct {
	const char *conf, *at, *text, *hint;
} rows[] = {
	/* an address that a peer gives */
	{AUTO "Address = fd00::1\nLocal = fd00::7\nEndpoint = 192.0.2.1\n", "t.conf:5",
		"[Peer \"gw\"] has Local but [Interface] has Address = auto",
		"leave it out: it is the address that the peer gives"},
	{AUTO "Address = fd00::1\nRole = responder\n", "t.conf:5",
		"[Peer \"gw\"]: Address = auto is asked for by the initiator", "Role = initiator"},
	{AUTO "Address = fd00::1\nKeying = manual\nEndpoint = 192.0.2.1\n", "t.conf:5",
		"[Peer \"gw\"]: Keying = manual gives no addresses",
		"Keying = ikev2, or an Address of your own"},
	{AUTO "Address = fd00::1\n", "t.conf:3", "[Peer \"gw\"]: an initiator needs an Endpoint",
		"give it an Endpoint, or Role = responder"},
	/* sections */
	{"", "t.conf", "no [Interface] section", "see dietvpn.conf(5)"},
	{"[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\n", "t.conf", "no [Interface] section",
		"see dietvpn.conf(5)"},
	{"[Interface]\n", "t.conf:1", "[Interface] has no keys", "give it keys or leave it out"},
	{IFACE "[Peer \"b\"]\n", "t.conf:3", "[Peer \"b\"] has no keys",
		"give it keys or leave it out"},
	{IFACE "[Peer]\nKeying = manual\n", "t.conf:3", "[Peer] needs a name",
		"write [Peer \"NAME\"]"},
	{"[Interface \"x\"]\nName = diet0\n", "t.conf:1", "[Interface] has no name",
		"write [Interface]"},
	{IFACE "[Interface]\nName = diet0\n", "t.conf:3", "[Interface] stands already at t.conf:1",
		"join both sections"},
	{PEER "[Peer \"b\"]\nSleepy = yes\n", "t.conf:6", "[Peer \"b\"] stands already at t.conf:3",
		"join both sections"},
	{IFACE "[Group \"g\"]\nKeying = group\n", "t.conf:3",
		"[Group \"g\"]: groups are not in this version", "leave the section out"},
	{IFACE "[peer \"b\"]\nKeying = manual\n", "t.conf:3", "unknown section [peer]",
		"did you mean Peer?"},
	{IFACE "[Routing]\nx = y\n", "t.conf:3", "unknown section [Routing]", ""},
	/* lines */
	{IFACE "[Peer b]\n", "t.conf:3", "malformed section heading",
		"[Interface], [Peer \"NAME\"] or [Group \"NAME\"]"},
	{IFACE "[Broken\nName = diet7\n", "t.conf:3", "malformed section heading",
		"[Interface], [Peer \"NAME\"] or [Group \"NAME\"]"},
	{IFACE "[Peer \"b]\nName = diet7\n", "t.conf:3", "malformed section heading",
		"[Interface], [Peer \"NAME\"] or [Group \"NAME\"]"},
	{IFACE "[Peer \"b\"] x\n", "t.conf:3", "malformed section heading",
		"[Interface], [Peer \"NAME\"] or [Group \"NAME\"]"},
	{IFACE "[]\n", "t.conf:3", "malformed section heading",
		"[Interface], [Peer \"NAME\"] or [Group \"NAME\"]"},
	{IFACE "[Peer \"\"]\n", "t.conf:3", "a name has 1 to 40 characters",
		"no blanks, quotes, brackets, slashes, # or ;"},
	{IFACE "[Peer \"a b\"]\n", "t.conf:3", "a name has 1 to 40 characters",
		"no blanks, quotes, brackets, slashes, # or ;"},
	{IFACE "[Peer \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]\n", "t.conf:3",
		"a name has 1 to 40 characters", "no blanks, quotes, brackets, slashes, # or ;"},
	{IFACE "Mtu 1400\n", "t.conf:3", "malformed line", "Key = value, [Section] or # comment"},
	{"Name = diet0\n[Interface]\n", "t.conf:1", "key \"Name\" stands before any section",
		"begin with [Interface]"},
	{IFACE "Name = diet\x01\n", "t.conf:3", "control character 0x01", ""},
	{IFACE "Name = diet\xff\n", "t.conf:3", "text is not UTF-8", ""},
	{IFACE "= x\n", "t.conf:3", "no key before the = in [Interface]", "Key = value"},
	{IFACE "Mtu =\n", "t.conf:3", "Mtu in [Interface] has no value",
		"give it a value or leave it out"},
	{IFACE "Mtu = # 1400\n", "t.conf:3", "Mtu in [Interface] has no value",
		"give it a value or leave it out"},
	{IFACE "Mtu = 1400\nMtu = 1400\n", "t.conf:4",
		"Mtu in [Interface] stands already in line 3",
		"one key, one value; lists are separated by commas"},
	/* keys */
	{PEER "Compres = iot\n", "t.conf:6", "unknown key \"Compres\" in [Peer \"b\"]",
		"did you mean Compress?"},
	{PEER "compress = iot\n", "t.conf:6", "unknown key \"compress\" in [Peer \"b\"]",
		"did you mean Compress?"},
	{PEER "OutSpy = 256\n", "t.conf:6", "unknown key \"OutSpy\" in [Peer \"b\"]",
		"did you mean OutSpi?"},
	{PEER "Mtu = 1400\n", "t.conf:6", "unknown key \"Mtu\" in [Peer \"b\"]",
		"Mtu belongs to [Interface]"},
	{PEER "Psk = keys/psk\n", "t.conf:6", "[Peer \"b\"] has Psk but Keying = manual",
		"Psk belongs to Keying = ikev2"},
	{IFACE "[Peer \"router-b\"]\nAddress = fd00::2\nOutSpi = 0x1102\n", "t.conf:5",
		"[Peer \"router-b\"] has OutSpi but Keying = ikev2",
		"OutSpi belongs to Keying = manual"},
	{IFACE "Adress = fd00::2/64\n", "t.conf:3", "unknown key \"Adress\" in [Interface]",
		"did you mean Address?"},
	{IFACE "Routes = fd00:b::/64\n", "t.conf:3", "unknown key \"Routes\" in [Interface]",
		"Routes belongs to [Peer \"NAME\"]"},
	{IFACE "Wireguard = yes\n", "t.conf:3", "unknown key \"Wireguard\" in [Interface]", ""},
	{IFACE "Dns = fd00::53\n", "t.conf:3", "Dns is not in this version", "leave it out"},
	/* templates */
	{TEMPLATE "Endpoint = 192.0.2.7\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: Endpoint belongs to one device",
		"leave it out: its devices come to us"},
	{TEMPLATE "Routes = fd00:b::/64\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: Routes belongs to one device",
		"give the device behind which they lie a [Peer] of its own"},
	{TEMPLATE "PeerId = sensor-07\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: PeerId belongs to one device",
		"leave it out: what a device calls itself has to fit the template's name"},
	{TEMPLATE "PeerKey = keys/a.pub\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: PeerKey belongs to one device",
		"give that device a [Peer] of its own"},
	{TEMPLATE "Psk = keys/psk\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: Psk belongs to one device",
		"leave it out: each device has its own, derived from Master or adopted"},
	{TEMPLATE "Role = initiator\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: its devices begin", "Role = responder"},
	{TEMPLATE "Start = boot\n", "t.conf:6",
		"[Peer \"sensor-*\"] is a template: its devices begin, not we at boot",
		"leave it out"},
	{IFACE "[Peer \"sensor-*\"]\nAddress = fd00::7\n", "t.conf:4", ONE_PREFIX,
		"Address = fd00:...::/64"},
	{IFACE "[Peer \"sensor-*\"]\nAddress = fd00::/64, fd01::/64\nLocal = any\n", "t.conf:4",
		ONE_PREFIX, "Address = fd00:...::/64"},
	{TEMPLATE "[Peer \"lamp-*\"]\nAddress = fd00::/80\n", "t.conf:7",
		"[Peer \"lamp-*\"]: inner address fd00::/80 is also of [Peer \"sensor-*\"]",
		"one peer, one inner address; or let Allow tell them apart"},
	{TEMPLATE "[Peer \"a\"]\nAddress = fd00::/64\n", "t.conf:7",
		"[Peer \"a\"]: inner address fd00::/64 is also of [Peer \"sensor-*\"]",
		"one peer, one inner address; or let Allow tell them apart"},
	{IFACE "fd00::1\n", "t.conf:3", "unknown key \"fd00\" in [Interface]", ""},
	/* [Interface] values */
	{"[Interface]\nName = diet1\n", "t.conf:1", "[Interface] needs an Address",
		"Address = fd00:...::1/64"},
	{IFACE "Name = wg0\n", "t.conf:3",
		"Name in [Interface] must begin with diet and go on with letters, digits, . _ or -",
		"diet0, for example: other daemons then leave it alone"},
	{IFACE "Name = diet012345678901\n", "t.conf:3",
		"Name in [Interface] must have at most 15 characters", ""},
	{IFACE "Role = server\n", "t.conf:3",
		"Role in [Interface] must be one of both, initiator, responder", ""},
	{IFACE "Role = inititor\n", "t.conf:3",
		"Role in [Interface] must be one of both, initiator, responder",
		"did you mean initiator?"},
	{"[Interface]\nAddress = fd00::1\n", "t.conf:2",
		"Address in [Interface] lacks the prefix length of fd00::1",
		"write /64, or /128 where there is no subnet"},
	{"[Interface]\nAddress = fd00::g/64\n", "t.conf:2",
		"Address in [Interface] holds \"fd00::g/64\", which is no prefix",
		"an address, optionally /length, by comma"},
	{"[Interface]\nAddress = fd00::1/129\n", "t.conf:2",
		"Address in [Interface] holds \"fd00::1/129\", which is no prefix",
		"an address, optionally /length, by comma"},
	{"[Interface]\nAddress = fd00::1/64,,fd00::2/64\n", "t.conf:2",
		"Address in [Interface] has an empty or overlong entry",
		"an address, optionally /length, by comma"},
	{"[Interface]\nAddress = fd00::1/64, fd00:0::1/64\n", "t.conf:2",
		"Address in [Interface] holds fd00:0::1/64 twice", ""},
	{"[Interface]\nAddress = ff02::1/64\n", "t.conf:2",
		"Address in [Interface] must hold addresses of one host each", ""},
	{IFACE "Mtu = 1279\n", "t.conf:3", "Mtu in [Interface] must be auto or 1280 to 65535",
		"below 1280 Linux takes IPv6 off the device"},
	{IFACE "Mtu = -1\n", "t.conf:3", "Mtu in [Interface] must be auto or 1280 to 65535",
		"below 1280 Linux takes IPv6 off the device"},
	{IFACE "Mtu = 4294968696\n", "t.conf:3", "Mtu in [Interface] must be auto or 1280 to 65535",
		"below 1280 Linux takes IPv6 off the device"},
	{IFACE "ClampMss = on\n", "t.conf:3", "ClampMss in [Interface] must be yes or no", ""},
	{IFACE "ClampMss = Yes\n", "t.conf:3", "ClampMss in [Interface] must be yes or no", ""},
	{IFACE "Listen = 500\n", "t.conf:3", "Listen in [Interface] must be two ports",
		"500, 4500"},
	{IFACE "Listen = 500, 500\n", "t.conf:3",
		"Listen in [Interface] must be two different ports", "500, 4500"},
	{IFACE "Listen = 500, 4500, 1\n", "t.conf:3",
		"Listen in [Interface] must be two different ports", "500, 4500"},
	{IFACE "Keying = ../evil\n", "t.conf:3",
		"Keying in [Interface] must be the name of a keying plugin",
		"manual, for example; see `dietvpn show plugins`"},
	{IFACE "Id = @home\n", "t.conf:3", "Id in [Interface] is not an identity",
		"FQDN, user@host, or 0x and an even number of hex digits"},
	{IFACE "Id = 0x123\n", "t.conf:3", "Id in [Interface] is not a hexadecimal identity",
		"FQDN, user@host, or 0x and an even number of hex digits"},
	{IFACE "Encap = tcp\n", "t.conf:3", "Encap in [Interface] must be one of auto, udp, raw",
		""},
	/* [Peer] values */
	{IFACE "[Peer \"b\"]\nKeying = manual\n", "t.conf:3", "[Peer \"b\"] needs an Address",
		"Address = the peer's inner address"},
	{PEER "Endpoint = 10.0.0.256\n", "t.conf:6",
		"Endpoint in [Peer \"b\"] is neither an address nor a host name",
		"HOST, HOST:PORT, ADDRESS, or [ADDRESS6]:PORT"},
	{PEER "Endpoint = a..b\n", "t.conf:6",
		"Endpoint in [Peer \"b\"] is neither an address nor a host name",
		"HOST, HOST:PORT, ADDRESS, or [ADDRESS6]:PORT"},
	{PEER "Endpoint = gw.example.net:70000\n", "t.conf:6",
		"Endpoint in [Peer \"b\"] is neither an address nor a host name",
		"HOST, HOST:PORT, ADDRESS, or [ADDRESS6]:PORT"},
	{PEER "Endpoint = fe80::1\n", "t.conf:6",
		"Endpoint in [Peer \"b\"] is link-local, which needs an interface to be reached",
		"use a global or unique local address"},
	{PEER "Endpoint = ::\n", "t.conf:6",
		"Endpoint in [Peer \"b\"] is not the address of one host", ""},
	{PEER "Endpoint = fd00::2\n", "t.conf:6",
		"[Peer \"b\"]: Endpoint lies within its own Address",
		"the tunnel cannot travel through itself"},
	{PEER "Routes = fd00:b::/64\nEndpoint = [fd00:b::9]:4500\n", "t.conf:7",
		"[Peer \"b\"]: Endpoint lies within its own Routes",
		"the tunnel cannot travel through itself"},
	{PEER "Allow = upd 5683\n", "t.conf:6",
		"Allow in [Peer \"b\"] must be one of any, udp, tcp, sctp, udplite, icmp, icmp6",
		"did you mean udp?"},
	{PEER "Allow = udp 0\n", "t.conf:6", "Allow in [Peer \"b\"] has a port outside 1 to 65535",
		"udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any"},
	{PEER "Allow = udp 65536\n", "t.conf:6",
		"Allow in [Peer \"b\"] has a port outside 1 to 65535",
		"udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any"},
	{PEER "Allow = udp 5010-5000\n", "t.conf:6",
		"Allow in [Peer \"b\"] has the port range 5010-5000, which is backwards", ""},
	{PEER "Allow = icmp6 8\n", "t.conf:6", "Allow in [Peer \"b\"] gives icmp6 a port",
		"udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any"},
	{PEER "Allow = udp 1 to 2\n", "t.conf:6",
		"Allow in [Peer \"b\"] has words after the port that are not from PORT",
		"udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any"},
	{PEER "Allow = udp from\n", "t.conf:6",
		"Allow in [Peer \"b\"] has words after the port that are not from PORT",
		"udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any"},
	{PEER "Allow = any, udp 5683\n", "t.conf:6",
		"Allow in [Peer \"b\"] has any beside other entries", "leave out the others"},
	{PEER "Allow = udp 5683, udp 5683\n", "t.conf:6",
		"Allow in [Peer \"b\"] names the same traffic twice", ""},
	{PEER "Allow = udp 1, udp 2, udp 3, udp 4, udp 5\n", "t.conf:6",
		"Allow in [Peer \"b\"] has more than 4 entries",
		"use one [Peer] section per service, or any"},
	{PEER "Allow = icmp\n", "t.conf:6", "[Peer \"b\"] allows icmp but has no IPv4 address",
		"did you mean icmp6?"},
	{PEER "Allow = udp 1 from 1, udp 2 from 2\n", "t.conf:6",
		"[Peer \"b\"]: entries 1 and 2 of Allow would also pass the port of one with the "
		"from of the other",
		"use one [Peer] section per service"},
	{PEER "Routes = fd00:b::/64\nAllow = udp, tcp, icmp6\n", "t.conf:7",
		"[Peer \"b\"]: 2 address ranges times 3 Allow entries are more than the 4 "
		"selectors "
		"of one SA",
		"use one [Peer] section per service, or Allow = any"},
	{PEER "Routes = fd00:1::/64, fd00:3::/64, fd00:5::/64, fd00:7::/64\n", "t.conf:6",
		"[Peer \"b\"]: its address ranges: 5, at most 4 fit one SA",
		"write prefixes that join, or split the peer into several [Peer] sections"},
	{PEER "Local = fd00:1::/64, fd00:3::/64, fd00:5::/64, fd00:7::/64, fd00:9::/64\n",
		"t.conf:6", "[Peer \"b\"]: our address ranges: 5, at most 4 fit one SA",
		"write prefixes that join, or split the peer into several [Peer] sections"},
	{PEER "Local = fd00::1, 10.0.0.1\n", "t.conf:6",
		"[Peer \"b\"] has IPv4 addresses on our side only",
		"both sides need an address of the same family"},
	{PEER "Routes = 10.9.0.0/16\nLocal = fd00::1\n", "t.conf:5",
		"[Peer \"b\"] has IPv4 addresses on its side only",
		"both sides need an address of the same family"},
	{PEER "Routes = 10.9.0.0/16\n", "t.conf:3",
		"[Peer \"b\"] has IPv4 and IPv6 addresses: compression needs one family",
		"use one [Peer] section per family, or Compress = off"},
	{IFACE "[Peer \"b\"]\nKeying = manual\nAddress = fd00::1\n", "t.conf:5",
		"[Peer \"b\"] has our own address fd00::1",
		"Address in [Peer] is the other side's"},
	{IFACE "[Peer \"b\"]\nKeying = manual\nAddress = ::/0\n", "t.conf:5",
		"Address in [Peer \"b\"] must hold addresses of the peer itself",
		"prefixes such as ::/0 go into Routes"},
	{PEER "Role = initiator\n", "t.conf:6", "[Peer \"b\"]: an initiator needs an Endpoint",
		"give it an Endpoint, or Role = responder"},
	{IFACE "[Peer \"b\"]\nAddress = fd00::2\nStart = boot\n", "t.conf:5",
		"[Peer \"b\"]: Start = boot needs an Endpoint", "give it an Endpoint"},
	{PEER "Start = now\n", "t.conf:6", "Start in [Peer \"b\"] must be one of on-traffic, boot",
		""},
	{PEER "Retransmission = lousy\n", "t.conf:6",
		"Retransmission in [Peer \"b\"] must be one of normal, lossy",
		"did you mean lossy?"},
	{PEER "Compress = ot\n", "t.conf:6",
		"Compress in [Peer \"b\"] is neither a preset nor a rule file",
		"did you mean iot?"},
	{PEER "Compress = no-such-rule\n", "t.conf:6",
		"Compress in [Peer \"b\"] is neither a preset nor a rule file",
		"off, safe, iot, link, or a rule file in /etc/dietvpn/rules"},
	{PEER "Compress = ../x\n", "t.conf:6",
		"Compress in [Peer \"b\"] must be the name of a preset or of a rule file",
		"off, safe, iot, link, or the NAME of rules/NAME.cbor"},
	{PEER "Compress = g2\n", "t.conf:6", "Compress in [Peer \"b\"] is a preset of groups",
		"off, safe, iot or link"},
	{PEER "EspSpiLsb = 33\n", "t.conf:6",
		"EspSpiLsb in [Peer \"b\"] must be a number from 0 to 32", ""},
	{PEER "EspSpiLsb = 0\nEspSnLsb = 0\nEndpoint = 192.0.2.1\n", "t.conf:6",
		"[Peer \"b\"]: EspSpiLsb = 0 needs Encap = raw", "Encap = raw, or EspSpiLsb = 8"},
	{PEER "EspSnLsb = 0\nEspSpiLsb = 0\nEncap = raw\n", "t.conf:7",
		"[Peer \"b\"]: with EspSpiLsb = 0 only its address finds a peer",
		"an Endpoint that is an address, or EspSpiLsb = 8"},
	{PEER "EspSpiLsb = 0\nEspSnLsb = 8\nEncap = raw\nEndpoint = b.example\n", "t.conf:6",
		"[Peer \"b\"]: with EspSpiLsb = 0 only its address finds a peer",
		"an Endpoint that is an address, or EspSpiLsb = 8"},
	{PEER "Encap = raw\nEndpoint = 192.0.2.1\n"
	      "[Peer \"c\"]\nKeying = manual\nAddress = fd00::3\nCompress = iot\n"
	      "EspSpiLsb = 0\nEncap = raw\nEndpoint = 192.0.2.1\n",
		"t.conf:14",
		"[Peer \"c\"]: with EspSpiLsb = 0, its Endpoint cannot be [Peer \"b\"]'s, too",
		"EspSpiLsb = 8 in both, or Encap = udp in one"},
	{PEER "Alignment = 12\n", "t.conf:6",
		"Alignment in [Peer \"b\"] must be one of 8, 16, 32, 64", "did you mean 16?"},
	{PEER "FlowLabelCda = lower\nEndpoint = 192.0.2.1\n", "t.conf:6",
		"[Peer \"b\"]: flow label lower needs an IPv6 Endpoint",
		"use zero, generated or not_compressed"},
	{PEER "Compress = off\nDscpCda = lower\n", "t.conf:7",
		"[Peer \"b\"] has DscpCda but Compress = off leaves inner headers alone",
		"leave it out, or choose another preset"},
	{PEER "Window = 0\n", "t.conf:6", "Window in [Peer \"b\"] must be a number from 1 to 16384",
		""},
	{PEER "Cipher = aes-gcm-9\n", "t.conf:6",
		"Cipher in [Peer \"b\"] holds \"aes-gcm-9\", which is no cipher",
		"did you mean aes-gcm-8?"},
	{PEER "Cipher = aes-gcm-16, aes-gcm-16\n", "t.conf:6",
		"Cipher in [Peer \"b\"] holds aes-gcm-16 twice", ""},
	{PEER "Cipher = 3des\n", "t.conf:6",
		"Cipher in [Peer \"b\"] holds \"3des\", which is no cipher",
		"see Cipher in dietvpn.conf(5)"},
	{PEER "Sleepy = maybe\n", "t.conf:6", "Sleepy in [Peer \"b\"] must be yes or no", ""},
	/* between peers */
	{TWO "Address = fd00::2\n", "t.conf:8",
		"[Peer \"c\"]: inner address fd00::2/128 is also of [Peer \"b\"]",
		"one peer, one inner address; or let Allow tell them apart"},
	{TWO "Address = fd00::/64\nLocal = fd00::1\n", "t.conf:8",
		"[Peer \"c\"]: inner address fd00::2/128 is also of [Peer \"b\"]",
		"one peer, one inner address; or let Allow tell them apart"},
	{IFACE "[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\nRoutes = ::/0\n[Peer \"c\"]\n"
	       "Keying = manual\nAddress = fd00:c::3\n",
		"t.conf:7", "[Peer \"c\"] is never reached: [Peer \"b\"] before it takes all of it",
		"move the narrower peer in front"},
};

Test(config_errors, each_wrong_line)
{
	cr_assert(sizeof rows / sizeof *rows >= 60);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		static struct config_errors errors;
		struct config config;
		memset(&errors, 0, sizeof errors);
		memset(&config, 0x5a, sizeof config);
		struct config untouched = config;
		int err =
			config_load_text("t", rows[i].conf, strlen(rows[i].conf), &config, &errors);
		cr_expect_lt(err, 0, "row %zu is accepted:\n%s", i, rows[i].conf);
		if (err == 0) {
			config_fini(&config);
			continue;
		}
		cr_expect_eq(errors.n, 1, "row %zu: %zu errors\n%s", i, errors.n, rows[i].conf);
		cr_expect_str_eq(errors.list[0].at, rows[i].at, "row %zu at %s: %s", i,
			errors.list[0].at, rows[i].text);
		cr_expect_str_eq(
			errors.list[0].text, rows[i].text, "row %zu: %s", i, errors.list[0].text);
		cr_expect_str_eq(errors.list[0].hint, rows[i].hint, "row %zu: hint %s (%s)", i,
			errors.list[0].hint, rows[i].text);
		cr_expect(memcmp(&config, &untouched, sizeof config) == 0, "row %zu", i);
	}
}

/* All errors of a file in one run, in the order of the sections. */
Test(config_errors, all_at_once)
{
	static const char text[] = "[Interface]\nName = wg0\nMtu = 1\n"
				   "[Peer \"b\"]\nCompres = iot\nSleepy = maybe\n"
				   "[Peer \"c\"]\nAddress = x\n[Group \"g\"]\n";
	static const char *const at[] = {"t.conf:2", "t.conf:3", "t.conf:1", "t.conf:5", "t.conf:6",
		"t.conf:4", "t.conf:8", "t.conf:9"};
	static struct config_errors errors;
	struct config config;
	cr_assert_lt(config_load_text("t", text, sizeof text - 1, &config, &errors), 0);
	cr_assert_eq(errors.n, sizeof at / sizeof *at, "%zu", errors.n);
	for (size_t i = 0; i < errors.n; i++)
		cr_expect_str_eq(errors.list[i].at, at[i], "%zu: %s %s", i, errors.list[i].at,
			errors.list[i].text);
}

Test(config_errors, more_than_fit)
{
	static char text[20000] = IFACE;
	static struct config_errors errors;
	struct config config;
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "[Peer \"p%d\"]\nAddress = x\n", i);
	cr_assert_lt(config_load_text("t", text, strlen(text), &config, &errors), 0);
	cr_assert_eq(errors.n, CONFIG_ERRORS_MAX);
	cr_assert_eq(errors.lost, 100 - CONFIG_ERRORS_MAX);
}

/* What stands in a file goes to terminals: no control characters, no broken UTF-8. */
Test(config_errors, cut_text_stays_utf8)
{
	static struct config_errors errors;
	config_errors_add(&errors, "a\x1b[0m", NULL, "x%s",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4");
	cr_assert_str_eq(errors.list[0].at, "a?[0m");
	cr_assert_eq(strlen(errors.list[0].text), 223);
}
