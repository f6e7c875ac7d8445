/* SPDX-License-Identifier: Apache-2.0 */
/* Values of keys: what they mean and what they are not. */
#include "config/value.h"

#include <criterion/criterion.h>
#include <string.h>

Test(value, durations)
{
	static const struct {
		const char *text;
		uint64_t ms; /* 0: refused */
	} rows[] = {
		{"30s", 30000},
		{"10min", 600000},
		{"1h", 3600000},
		{"500ms", 500},
		{"2d", 172800000},
		{"3650d", UINT64_C(315360000000)},
		{"3651d", 0},
		{"30", 0},
		{"s", 0},
		{"", 0},
		{"1 h", 0},
		{"-1s", 0},
		{"1.5h", 0},
		{"4294967295ms", UINT64_C(4294967295)},
		{"4294967296ms", 0},
		{"99999999999ms", 0},
		{"1m", 0},
		{"1H", 0},
	};
	struct value_error error;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t ms = 0;
		cr_expect_eq(value_duration(rows[i].text, &ms, &error), rows[i].ms != 0, "%s",
			rows[i].text);
		cr_expect_eq(ms, rows[i].ms, "%s", rows[i].text);
	}
}

Test(value, allow)
{
	static const struct {
		const char *text;
		size_t n;
		struct config_allow first;
	} rows[] = {
		{"any", 1, {0, 0, 65535, 0, 65535}},
		{"udp 5683 from 5683", 1, {17, 5683, 5683, 5683, 5683}},
		{"udp  5683\tfrom 49152-65535", 1, {17, 5683, 5683, 49152, 65535}},
		{"tcp 5000-5010", 1, {6, 5000, 5010, 0, 65535}},
		{"udp", 1, {17, 0, 65535, 0, 65535}},
		{"udp from 53", 1, {17, 0, 65535, 53, 53}},
		{"sctp 36412, icmp6 , icmp,udplite 1", 4, {132, 36412, 36412, 0, 65535}},
		{"udplite 1", 1, {136, 1, 1, 0, 65535}},
		{"icmp", 1, {1, 0, 65535, 0, 65535}},
		{"icmp6", 1, {58, 0, 65535, 0, 65535}},
		{"", 0, {0}},
		{"udp,", 0, {0}},
		{"udp 1 2", 0, {0}},
		{"udp 1-", 0, {0}},
		{"udp 1-2-3", 0, {0}},
		{"any 5", 0, {0}},
		{"udp 1 from 1 x", 0, {0}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config_allow got[CONFIG_ALLOW_MAX];
		struct value_error error = {0};
		size_t n = 0;
		bool ok = value_allow(rows[i].text, got, &n, &error);
		cr_expect_eq(ok, rows[i].n != 0, "%s: %s", rows[i].text, error.text);
		cr_expect_eq(n, rows[i].n);
		if (!ok)
			continue;
		cr_expect_eq(got[0].proto, rows[i].first.proto);
		cr_expect_eq(got[0].port_start, rows[i].first.port_start);
		cr_expect_eq(got[0].port_end, rows[i].first.port_end);
		cr_expect_eq(got[0].from_start, rows[i].first.from_start);
		cr_expect_eq(got[0].from_end, rows[i].first.from_end);
	}
}

Test(value, ciphers)
{
	struct config_cipher list[CONFIG_CIPHERS_MAX];
	struct value_error error;
	size_t n;
	cr_assert(
		value_ciphers("aes256-gcm-16-iiv, chacha20-poly1305, aes-ccm-8", list, &n, &error));
	cr_assert_eq(n, 3);
	cr_assert(list[0].encr == ENCR_AES_GCM_16_IIV && list[0].key_bits == 256);
	cr_assert(list[1].encr == ENCR_CHACHA20_POLY1305 && list[1].key_bits == 256);
	cr_assert(list[2].encr == ENCR_AES_CCM_8 && list[2].key_bits == 128);
	cr_assert(value_ciphers("aes-gcm-16, aes256-gcm-16", list, &n, &error));
	cr_assert_not(value_ciphers("aes256-chacha20-poly1305", list, &n, &error));
	cr_assert_eq(value_default_ciphers(list), 10);
	cr_assert_eq(list[0].encr, ENCR_CHACHA20_POLY1305_IIV);
}

Test(value, endpoints)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		uint8_t family;
	} rows[] = {
		{"gw.example.net", "gw.example.net", 0, 0},
		{"gw.example.net:4500", "gw.example.net", 4500, 0},
		{"gw-1_a.example.net.", "gw-1_a.example.net.", 0, 0},
		{"192.0.2.1", "192.0.2.1", 0, 4},
		{"192.0.2.1:500", "192.0.2.1", 500, 4},
		{"2001:db8::1", "2001:db8::1", 0, 6},
		{"[2001:db8::1]:500", "2001:db8::1", 500, 6},
		{"", NULL, 0, 0},
		{"a b", NULL, 0, 0},
		{"-a", NULL, 0, 0},
		{"a-.b", NULL, 0, 0},
		{"1.2.3", NULL, 0, 0},
		{"gw:0", NULL, 0, 0},
		{"gw:", NULL, 0, 0},
		{"[::1", NULL, 0, 0},
		{"ff02::1", NULL, 0, 0},
		{"fe80::1", NULL, 0, 0},
		{"0.0.0.0", NULL, 0, 0},
		{"a:b:c", NULL, 0, 0},
		{".", NULL, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char host[256] = "";
		struct ip_endpoint e = {0};
		struct value_error error = {0};
		bool ok = value_endpoint(rows[i].text, host, sizeof host, &e, &error);
		cr_expect_eq(ok, rows[i].host != NULL, "'%s' %s", rows[i].text, error.text);
		cr_expect_str_eq(host, ok ? rows[i].host : "");
		cr_expect_eq(e.port, rows[i].port, "%s", rows[i].text);
		cr_expect_eq(e.addr.family, rows[i].family, "%s", rows[i].text);
	}
	char label[70];
	char host[256];
	struct ip_endpoint e;
	struct value_error error;
	memset(label, 'a', sizeof label);
	label[63] = '\0';
	cr_expect(value_endpoint(label, host, sizeof host, &e, &error));
	label[63] = 'a';
	label[64] = '\0';
	cr_expect_not(value_endpoint(label, host, sizeof host, &e, &error));
}

Test(value, numbers_and_identities)
{
	static const char *const good[] = {"gw.home", "a@b", "0x00ff", "sensor-07"};
	static const char *const bad[] = {"@b", "a@", "a@b@c", "0x", "0x1", "0xzz", "a b", "a,b"};
	struct value_error error;
	char text[32];
	uint32_t n = 7;
	cr_assert(value_uint("0", 0, 5, &n, &error) && n == 0);
	cr_assert(value_uint("00005", 0, 5, &n, &error) && n == 5);
	for (size_t i = 0; i < 6; i++)
		cr_assert_not(value_uint(
			(const char *[]){"6", "", "+1", " 1", "1 ", "0x1"}[i], 0, 5, &n, &error));
	cr_assert_eq(n, 5);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect(value_identity(good[i], text, sizeof text, &error), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(value_identity(bad[i], text, sizeof text, &error), "%s", bad[i]);
	cr_expect_not(
		value_identity("0x00112233445566778899aabbccddeeff", text, sizeof text, &error));
}
