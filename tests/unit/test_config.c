/* SPDX-License-Identifier: Apache-2.0 */
/* What a right configuration means: defaults, overrides, selectors, files, and several tunnels. */
#include "config/config.h"
#include "ip/ts.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config_errors errors;

static struct config load(const char *text)
{
	struct config config;
	memset(&errors, 0, sizeof errors);
	int err = config_load_text("t", text, strlen(text), &config, &errors);
	cr_assert_eq(err, 0, "%s: %s (%s)\n%s", errors.list[0].at, errors.list[0].text,
		errors.list[0].hint, text);
	cr_assert_eq(errors.n, 0);
	return config;
}

#define IFACE "[Interface]\nAddress = fd00::1/64, 10.0.0.1/24\n"
#define PEER  IFACE "[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\n"

Test(config, defaults)
{
	struct config c = load(IFACE "[Peer \"b\"]\nAddress = fd00::2\n");
	const struct config_peer *p = &c.peers[0];
	struct diet_attrs safe;
	cr_assert(diet_attrs_preset("safe", &safe));
	cr_assert_str_eq(c.tunnel, "t");
	cr_assert_str_eq(c.interface.name, "diet0");
	cr_assert_eq(c.interface.role, ROLE_BOTH);
	cr_assert_eq(c.interface.n_addresses, 2);
	cr_assert_eq(c.interface.listen_ike, 500);
	cr_assert_eq(c.interface.listen_nat, 4500);
	cr_assert_eq(c.interface.mtu, 0);
	cr_assert_not(c.interface.clamp_mss);
	cr_assert(c.interface.id[0]);
	cr_assert_str_eq(p->name, "b");
	cr_assert_str_eq(p->id, c.interface.id);
	cr_assert_str_eq(p->keying, "ikev2");
	cr_assert_str_eq(p->compress, "safe");
	cr_assert_str_eq(p->endpoint_host, "");
	cr_assert_eq(p->encap, CONFIG_ENCAP_AUTO);
	cr_assert_eq(p->start, START_ON_TRAFFIC);
	cr_assert_not(p->lossy);
	cr_assert_not(p->sleepy);
	cr_assert_eq(p->n_allow, 1);
	cr_assert_eq(p->n_ciphers, 10);
	cr_assert_eq(p->attrs.esp_sn_lsb, safe.esp_sn_lsb);
	cr_assert_eq(p->attrs.window, safe.window);
	cr_assert_eq(p->n_keys, 0);
	config_fini(&c);
}

/* Whatever it will be: the initiator asks with all of each family that the peer has. */
Test(config, address_auto)
{
	struct config c = load("[Interface]\nAddress = auto\n[Peer \"gw\"]\nEndpoint = 192.0.2.1\n"
			       "Address = fd00::1\nRoutes = 10.0.0.0/8\nCompress = off\n"
			       "Allow = udp 5683 from 5683\n");
	const struct config_peer *p = &c.peers[0];

	cr_assert(c.interface.address_auto);
	cr_assert_eq(c.interface.n_addresses, 0);
	cr_assert_eq(p->role, ROLE_INITIATOR);
	cr_assert_eq(p->n_ts_local, 2);
	for (int i = 0; i < 2; i++) {
		const struct ts *ts = &p->ts_local[i];

		cr_assert(ip_addr_is_any(&ts->addr_start));
		cr_assert_eq(ts->addr_end.bytes[0], 0xff);
		cr_assert_eq(ts->port_start, 5683);
		cr_assert_eq(ts->ip_proto, 17);
	}
	cr_assert_neq(p->ts_local[0].addr_start.family, p->ts_local[1].addr_start.family);
	config_fini(&c);
}

Test(config, interface_keys_and_defaults_of_peers)
{
	struct config c =
		load("[Interface]\nName = diet-x\nRole = responder\nAddress = fd00::1/64\n"
		     "Id = gw@home\nKey = k\nPsk = p\nListen = 501 , 4501\nMtu = 1400\n"
		     "ClampMss = yes\nKeying = manual\nEncap = raw\n"
		     "Retransmission = lossy\nOnUp = echo up # not\nOnDown = echo down\n"
		     "[Peer \"b\"]\nAddress = fd00::2\n"
		     "[Peer \"c\"]\nAddress = fd00::3\nRole = both\nId = 0xabcd\n"
		     "Keying = hipdex\nEncap = udp\nRetransmission = normal\n");
	cr_assert_str_eq(c.interface.name, "diet-x");
	cr_assert_eq(c.interface.listen_ike, 501);
	cr_assert_eq(c.interface.listen_nat, 4501);
	cr_assert_eq(c.interface.mtu, 1400);
	cr_assert(c.interface.clamp_mss);
	cr_assert_str_eq(c.interface.on_up, "echo up");
	cr_assert_str_eq(c.interface.on_down, "echo down");
	cr_assert_str_eq(c.interface.psk, "p");
	cr_assert_str_eq(c.interface.key, "k");
	const struct config_peer *p = c.peers;
	cr_assert(p[0].role == ROLE_RESPONDER && p[1].role == ROLE_BOTH);
	cr_assert(p[0].encap == CONFIG_ENCAP_RAW && p[1].encap == CONFIG_ENCAP_UDP);
	cr_assert(p[0].lossy && !p[1].lossy);
	cr_assert_str_eq(p[0].keying, "manual");
	cr_assert_str_eq(p[1].keying, "hipdex");
	cr_assert_str_eq(p[0].id, "gw@home");
	cr_assert_str_eq(p[1].id, "0xabcd");
	config_fini(&c);
}

/* An attribute overrides the preset wherever Compress stands; the window follows the bits. */
Test(config, attributes_override_the_preset)
{
	struct config c = load(PEER "DscpCda = not_compressed\nEspSnLsb = 4\nEspSpiLsb = 4\n"
				    "Compress = iot\nAlignment = 64\nEspTrailer = mandatory\n"
				    "EcnCda = not_compressed\nFlowLabelCda = zero\n"
				    "HopLimitCda = not_compressed\nRuleId = yes\n"
				    "Cipher = aes-ccm-8\n");
	const struct diet_attrs *a = &c.peers[0].attrs;
	cr_assert_str_eq(c.peers[0].compress, "iot");
	cr_assert(a->iipc && a->rule_id);
	cr_assert_eq(a->dscp_cda, DSCP_NOT_COMPRESSED);
	cr_assert_eq(a->ecn_cda, ECN_NOT_COMPRESSED);
	cr_assert_eq(a->flow_label_cda, FLOW_LABEL_ZERO);
	cr_assert_eq(a->hop_limit_cda, HOP_LIMIT_NOT_COMPRESSED);
	cr_assert_eq(a->alignment, ALIGNMENT_64);
	cr_assert_eq(a->esp_trailer, ESP_TRAILER_MANDATORY);
	cr_assert_eq(a->esp_spi_lsb, 4);
	cr_assert_eq(a->esp_sn_lsb, 4);
	cr_assert_eq(a->window, 8);
	cr_assert_eq(c.peers[0].n_ciphers, 1);
	config_fini(&c);
	memset(&errors, 0, sizeof errors);
	static const char wide[] = PEER "Compress = iot\nWindow = 129\n";
	cr_assert_eq(config_load_text("t", wide, sizeof wide - 1, &c, &errors), -EINVAL);
	cr_assert_str_eq(errors.list[0].at, "t.conf:7");
}

Test(config, keys_of_the_plugin_stay_with_their_place)
{
	char at[32];
	struct config c = load(PEER "OutSpi = 0x1102\nSleepy = yes\nInKey = keys/in # comment\n"
				    "[Peer \"c\"]\nKeying = third-party\nAddress = fd00::3\n"
				    "Anything = goes\nOutSpi = 7\n");
	const struct config_peer *p = &c.peers[0];
	cr_assert_eq(p->n_keys, 2);
	cr_assert_str_eq(p->keys[0].name, "OutSpi");
	cr_assert_str_eq(p->keys[0].value, "0x1102");
	cr_assert_str_eq(p->keys[1].value, "keys/in");
	cr_assert_str_eq(config_at(&c, p->keys[1].at, at, sizeof at), "t.conf:8");
	cr_assert_str_eq(config_at(&c, p->at, at, sizeof at), "t.conf:3");
	cr_assert_eq(c.peers[1].n_keys, 2);
	cr_assert_str_eq(c.peers[1].keys[0].name, "Anything");
	config_fini(&c);
}

static const char *selectors(const struct ts *ts, size_t n, char *out, size_t cap)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char start[IP_ADDR_TEXT];
		char end[IP_ADDR_TEXT];
		used += (size_t)snprintf(out + used, cap - used, "%s%u %s-%s %u-%u", i ? "; " : "",
			ts[i].ip_proto, ip_addr_print(&ts[i].addr_start, start, sizeof start),
			ip_addr_print(&ts[i].addr_end, end, sizeof end), ts[i].port_start,
			ts[i].port_end);
		cr_expect(ts_valid(&ts[i]));
	}
	return out;
}

Test(config, selectors)
{
	static const struct {
		const char *peer, *local, *remote;
	} rows[] = {
		{"Address = fd00::2", "0 fd00::1-fd00::1 0-65535", "0 fd00::2-fd00::2 0-65535"},
		{"Address = fd00:5::9/64", "0 fd00::1-fd00::1 0-65535",
			"0 fd00:5::-fd00:5::ffff:ffff:ffff:ffff 0-65535"},
		{"Address = 10.0.0.2\nAllow = udp 5683 from 5683", "17 10.0.0.1-10.0.0.1 5683-5683",
			"17 10.0.0.2-10.0.0.2 5683-5683"},
		{"Address = fd00::2\nAllow = udp 5000-5010", "17 fd00::1-fd00::1 0-65535",
			"17 fd00::2-fd00::2 5000-5010"},
		{"Address = fd00::2\nRoutes = fd00:b::/64\nAllow = tcp 22, icmp6",
			"6 fd00::1-fd00::1 0-65535; 58 fd00::1-fd00::1 0-65535",
			"6 fd00::2-fd00::2 22-22; 58 fd00::2-fd00::2 0-65535; "
			"6 fd00:b::-fd00:b::ffff:ffff:ffff:ffff 22-22; "
			"58 fd00:b::-fd00:b::ffff:ffff:ffff:ffff 0-65535"},
		/* adjacent, overlapping and nested prefixes join */
		{"Address = 10.1.0.5\nRoutes = 10.1.0.0/25, 10.1.0.128/25, 10.1.1.0/24, "
		 "10.1.0.0/16",
			"0 10.0.0.1-10.0.0.1 0-65535", "0 10.1.0.0-10.1.255.255 0-65535"},
		{"Address = 10.1.0.255\nRoutes = 10.1.1.0/32, 255.255.255.255/32, 10.1.1.2/32",
			"0 10.0.0.1-10.0.0.1 0-65535",
			"0 10.1.0.255-10.1.1.0 0-65535; 0 10.1.1.2-10.1.1.2 0-65535; "
			"0 255.255.255.255-255.255.255.255 0-65535"},
		{"Address = fd00::2\nLocal = any",
			"0 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0-65535",
			"0 fd00::2-fd00::2 0-65535"},
		{"Address = fd00::2\nLocal = fd00::1, fd00:a::/64\nAllow = udp 1 from 2",
			"17 fd00::1-fd00::1 2-2; 17 fd00:a::-fd00:a::ffff:ffff:ffff:ffff 2-2",
			"17 fd00::2-fd00::2 1-1"},
		/* both families, without compression; icmp is of one each */
		{"Address = fd00::2, 10.0.0.2\nCompress = off",
			"0 10.0.0.1-10.0.0.1 0-65535; 0 fd00::1-fd00::1 0-65535",
			"0 10.0.0.2-10.0.0.2 0-65535; 0 fd00::2-fd00::2 0-65535"},
		{"Address = fd00::2, 10.0.0.2\nCompress = off\nAllow = icmp, icmp6, udp 53",
			"1 10.0.0.1-10.0.0.1 0-65535; 17 10.0.0.1-10.0.0.1 0-65535; "
			"58 fd00::1-fd00::1 0-65535; 17 fd00::1-fd00::1 0-65535",
			"1 10.0.0.2-10.0.0.2 0-65535; 17 10.0.0.2-10.0.0.2 53-53; "
			"58 fd00::2-fd00::2 0-65535; 17 fd00::2-fd00::2 53-53"},
		{"Address = fd00::2, 10.0.0.2\nCompress = off\nLocal = any",
			"0 0.0.0.0-255.255.255.255 0-65535; "
			"0 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0-65535",
			"0 10.0.0.2-10.0.0.2 0-65535; 0 fd00::2-fd00::2 0-65535"},
		{"Address = fd00::2\nRoutes = ::/0\nAllow = udp 1, udp 2, tcp 1, tcp 2",
			"17 fd00::1-fd00::1 0-65535; 6 fd00::1-fd00::1 0-65535",
			"17 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1-1; "
			"17 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2-2; "
			"6 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1-1; "
			"6 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2-2"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[512];
		char got[1024];
		snprintf(text, sizeof text, IFACE "[Peer \"b\"]\nKeying = manual\n%s\n",
			rows[i].peer);
		struct config c = load(text);
		const struct config_peer *p = &c.peers[0];
		cr_expect_str_eq(selectors(p->ts_local, p->n_ts_local, got, sizeof got),
			rows[i].local, "%zu local: %s", i, got);
		cr_expect_str_eq(selectors(p->ts_remote, p->n_ts_remote, got, sizeof got),
			rows[i].remote, "%zu remote: %s", i, got);
		config_fini(&c);
	}
}

/* Two services of one host are two peers; a narrow peer may stand before a wide one. */
Test(config, peers_side_by_side)
{
	struct config c =
		load(PEER "Allow = udp 5683 from 5683\n[Peer \"b-ssh\"]\nKeying = manual\n"
			  "Address = fd00::2\nAllow = tcp 22\n[Peer \"rest\"]\nKeying = manual\n"
			  "Address = fd00::3\nRoutes = ::/0\nEndpoint = 2001:db8::1\n");
	cr_assert_eq(c.n_peers, 3);
	cr_assert_str_eq(c.peers[2].endpoint_host, "2001:db8::1");
	cr_assert_eq(c.peers[2].endpoint.addr.family, 6);
	config_fini(&c);
	c = load(IFACE);
	cr_assert_eq(c.n_peers, 0);
	config_fini(&c);
}

/* A device within a template's prefix may have a [Peer] of its own, wherever it stands. */
Test(config, templates)
{
	static const char template[] = "[Peer \"sensor-*\"]\nAddress = fd00::/64\nSleepy = yes\n"
				       "Allow = udp 5683 from 5683\n";
	static const char exact[] = "[Peer \"sensor-07\"]\nAddress = fd00::7\nPsk = keys/7\n";
	char text[600];

	for (int order = 0; order < 2; order++) {
		struct config c;
		snprintf(text, sizeof text, "%sMaster = keys/enroll.key\n%s%s", IFACE,
			order ? exact : template, order ? template : exact);
		c = load(text);
		cr_assert_eq(c.n_peers, 2);
		cr_expect_eq(c.peers[order].template, true);
		cr_expect_eq(c.peers[!order].template, false);
		cr_expect_eq(c.peers[order].n_ts_remote, 1);
		cr_expect_str_eq(c.interface.master, "keys/enroll.key");
		cr_expect_str_eq(c.ini.rows[c.interface.master_at].key, "Master");
		config_fini(&c);
	}
}

static void put_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fwrite(data, 1, len, f) == len);
	fclose(f);
}

Test(config, files_rules_and_paths)
{
	static const uint8_t rule[] = {0xd9, 0xd9, 0xf7, 0xa2, 0x00, 0x01, 0x01, 0xa1, 0x63, 'i',
		'o', 't', 0xa7, 0x00, 0x01, 0x01, 0x01, 0x02, 0x03, 0x03, 0x00, 0x04, 0x08, 0x05,
		0x08, 0x06, 0x01};
	static const char main_file[] = "[Interface]\nAddress = fd00::1/64\n";
	static const char peer_file[] =
		"[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\nCompress = tiny\nEcnCda = "
		"not_compressed\n";
	char dir[] = "/tmp/dietvpn-config-XXXXXX";
	char path[128];
	char text[160];
	char command[128];
	struct config c;
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/rules", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/home.d", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/rules/tiny.cbor", dir);
	put_file(path, rule, sizeof rule);
	snprintf(path, sizeof path, "%s/home.d/b.conf", dir);
	put_file(path, peer_file, sizeof peer_file - 1);
	snprintf(path, sizeof path, "%s/home.conf", dir);
	put_file(path, main_file, sizeof main_file - 1);
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(
		config_load(path, &c, &errors), 0, "%s %s", errors.list[0].at, errors.list[0].text);
	cr_assert_str_eq(c.tunnel, "home");
	cr_assert_str_eq(c.dir, dir);
	cr_assert_str_eq(config_at(&c, c.peers[0].at, text, sizeof text), "home.d/b.conf:1");
	snprintf(path, sizeof path, "%s/keys/x", dir);
	cr_assert_str_eq(config_path(&c, "keys/x", text, sizeof text), path);
	cr_assert_str_eq(config_path(&c, "/keys/x", text, sizeof text), "/keys/x");
	cr_assert_str_eq(c.peers[0].compress, "tiny");
	cr_assert_eq(c.peers[0].attrs.flow_label_cda, FLOW_LABEL_ZERO);
	cr_assert_eq(c.peers[0].attrs.ecn_cda, ECN_NOT_COMPRESSED);
	config_fini(&c);
	/* a damaged rule file is an error in the line that names it */
	snprintf(path, sizeof path, "%s/rules/tiny.cbor", dir);
	put_file(path, rule, sizeof rule - 1);
	snprintf(path, sizeof path, "%s/home.conf", dir);
	cr_assert_eq(config_load(path, &c, &errors), -EINVAL);
	cr_assert_str_eq(errors.list[0].at, "home.d/b.conf:4");
	cr_assert_str_eq(errors.list[0].text, "Compress in [Peer \"b\"] names tiny.cbor, where "
					      "[1].iot: claims 7 entries where 13 "
					      "octets are left");
	snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

Test(config, examples_load)
{
	static const char *const names[] = {"routers-manual", "sensor-manual", "gateway-manual"};
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	struct config c[3];
	if (!dir)
		cr_skip_test("no DIETVPN_SOURCE_DIR: run by ctest");
	for (size_t i = 0; i < 3; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/conf/examples/%s.conf", dir, names[i]);
		memset(&errors, 0, sizeof errors);
		cr_assert_eq(config_load(path, &c[i], &errors), 0, "%s: %s (%s)", errors.list[0].at,
			errors.list[0].text, errors.list[0].hint);
		cr_assert_str_eq(c[i].tunnel, names[i]);
		cr_assert_eq(c[i].n_peers, 1);
		cr_assert_str_eq(c[i].peers[0].keying, "manual");
		cr_assert_eq(c[i].peers[0].n_keys, 4);
	}
	/* sensor and gateway are the two ends of one SA pair */
	const struct config_peer *s = &c[1].peers[0];
	const struct config_peer *g = &c[2].peers[0];
	cr_assert(s->n_ts_local == 1 && s->n_ts_remote == 1);
	cr_assert(ts_equal(&s->ts_local[0], &g->ts_remote[0]));
	cr_assert(ts_equal(&s->ts_remote[0], &g->ts_local[0]));
	cr_assert_str_eq(s->keys[0].value, g->keys[2].value);
	cr_assert_str_eq(s->keys[1].value, g->keys[3].value);
	cr_assert_eq(s->attrs.esp_sn_lsb, g->attrs.esp_sn_lsb);
	for (size_t i = 0; i < 3; i++)
		config_fini(&c[i]);
	char path[512];
	snprintf(path, sizeof path, "%s/conf/examples/home-gateway.conf", dir);
	cr_assert_eq(config_load(path, &c[0], &errors), 0, "%s", errors.list[0].text);
	cr_expect_eq(c[0].peers[0].template, true);
	cr_expect_str_eq(c[0].peers[0].keying, "ikev2");
	config_fini(&c[0]);
}

Test(config, several_tunnels)
{
	struct config c[2];
	c[0] = load(PEER);
	memset(&errors, 0, sizeof errors);
	static const char other[] = "[Interface]\nName = diet1\nAddress = fd00:1::1/64\n"
				    "[Peer \"b\"]\nKeying = manual\nAddress = fd00:1::2\n";
	cr_assert_eq(config_load_text("u", other, sizeof other - 1, &c[1], &errors), 0);
	cr_assert_eq(config_check_all(c, 2, &errors), 0);
	config_fini(&c[1]);
	static const char clash[] = "[Interface]\nAddress = fd00::1/64\nListen = 501, 4501\n"
				    "[Peer \"x\"]\nKeying = manual\nAddress = fd00::2\n";
	static const char *const texts[] = {"t.conf has Name = diet0, too",
		"Listen differs from t.conf", "own address fd00::1 is also in t.conf",
		"[Peer \"x\"]: inner address fd00::2/128 is also of [Peer \"b\"] in t.conf"};
	cr_assert_eq(config_load_text("u", clash, sizeof clash - 1, &c[1], &errors), 0);
	cr_assert_eq(config_check_all(c, 2, &errors), -EINVAL);
	cr_assert_eq(errors.n, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect_str_eq(errors.list[i].text, texts[i], "%s", errors.list[i].text);
	cr_expect_str_eq(errors.list[0].at, "u.conf");
	cr_expect_str_eq(errors.list[3].at, "u.conf:4");
	config_fini(&c[1]);
	config_fini(&c[0]);
	memset(&errors, 0, sizeof errors);
	static const char source[] = "[Interface]\nName = diet%d\nAddress = fd00:%d::1/64\n"
				     "[Peer \"s\"]\nKeying = manual\nAddress = fd00:%d::2\n"
				     "Encap = raw\nEndpoint = 192.0.2.7\nCompress = iot\n%s";
	for (int i = 0; i < 2; i++) {
		char name[] = {(char)('t' + i), 0};
		char text[400];
		snprintf(text, sizeof text, source, i, i, i, i ? "EspSpiLsb = 0\n" : "");
		cr_assert_eq(config_load_text(name, text, strlen(text), &c[i], &errors), 0);
	}
	cr_assert_eq(config_check_all(c, 2, &errors), -EINVAL);
	cr_assert_eq(errors.n, 1);
	cr_expect_str_eq(errors.list[0].at, "u.conf:4");
	cr_expect_str_eq(errors.list[0].text, "[Peer \"s\"]: with EspSpiLsb = 0, its Endpoint "
					      "cannot be [Peer \"s\"]'s in t.conf, too");
	config_fini(&c[0]);
	config_fini(&c[1]);
	/* a first message of IKEv2 names nobody */
	static const char *const begins[][2] = {{"", "Endpoint = 192.0.2.1\n"},
		{"Endpoint = 192.0.2.1\n", "Endpoint = 192.0.2.2\n"},
		{"Endpoint = a.example\n", "Endpoint = b.example\n"},
		{"Endpoint = a.example\nRole = initiator\n", "Endpoint = a.example\n"}, {"", ""},
		{"Endpoint = 192.0.2.1\n", "Endpoint = 192.0.2.1:4500\n"},
		{"Endpoint = a.example\n", "Endpoint = a.example\n"}};
	for (size_t row = 0; row < sizeof begins / sizeof *begins; row++) {
		for (int i = 0; i < 2; i++) {
			char name[] = {(char)('t' + i), 0};
			char text[400];
			snprintf(text, sizeof text,
				"[Interface]\nName = diet%d\nAddress = fd00:%d::1/64\n"
				"[Peer \"s\"]\nAddress = fd00:%d::2\n%s",
				i, i, i, begins[row][i]);
			cr_assert_eq(config_load_text(name, text, strlen(text), &c[i], &errors), 0);
		}
		memset(&errors, 0, sizeof errors);
		cr_expect_eq(config_check_all(c, 2, &errors), row < 4 ? 0 : -EINVAL, "%zu", row);
		cr_expect_eq(errors.n, row < 4 ? 0 : 1, "%zu", row);
		if (row >= 4)
			cr_expect_str_eq(errors.list[0].at, "u.conf:4");
		config_fini(&c[0]);
		config_fini(&c[1]);
	}
	c[0] = load(PEER);
	memset(&errors, 0, sizeof errors);
	c[1] = load(IFACE);
	cr_assert_eq(config_check_all(c, 2, &errors), -EINVAL);
	cr_assert_str_eq(errors.list[0].text, "two tunnels are named t");
	config_fini(&c[0]);
	config_fini(&c[1]);
}
