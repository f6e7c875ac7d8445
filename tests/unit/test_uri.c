/* SPDX-License-Identifier: Apache-2.0 */
/* What a QR code carries: read, written, and refused for the right reason. */
#include "cli/uri.h"

#include "crypto/secret.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(uri, .init = start);

#define KEY  "AAECAwQFBgcICQoLDA0O_w"
#define MUST "h=gw.example.net:4500&i=sensor-07&k=" KEY "&g=fd00:1::/64"

static const uint8_t psk[ENROL_PSK_LEN] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};

static struct enrolment read_uri(const char *text)
{
	struct enrolment e;
	char why[URI_WHY] = "";

	cr_assert_eq(uri_parse(text, strlen(text), &e, why), 0, "%s: %s", text, why);
	return e;
}

static void address_is(const struct ip_addr *a, const char *want)
{
	char text[IP_ADDR_TEXT];

	cr_assert_str_eq(ip_addr_print(a, text, sizeof text), want);
}

/* The address is Python's: tests/unit/test_enrol.c. */
Test(uri, reads_the_example)
{
	struct enrolment e = read_uri("DV1:home?" MUST);

	cr_assert_eq(strlen("DV1:home?" MUST), 81);
	cr_assert_str_eq(e.tunnel, "home");
	cr_assert_str_eq(e.endpoint, "gw.example.net:4500");
	cr_assert_str_eq(e.id, "sensor-07");
	cr_assert_str_eq(e.gateway_id, "gw.home");
	cr_assert_str_eq(e.compress, "safe");
	cr_assert_eq(memcmp(e.psk, psk, sizeof psk), 0);
	address_is(&e.gateway.addr, "fd00:1::1");
	cr_assert_eq(e.gateway.len, 64);
	address_is(&e.address, "fd00:1::46d:62ad:d9e5:2ee3");
}

Test(uri, reads_what_is_not_the_rule)
{
	struct enrolment e = read_uri("DV1:a.b-c_1?k=" KEY "&x-colour=blue&g=10.9.0.9/24&c=iot&"
				      "a=10.9.0.77&r=router%40example.net&i=%73ensor-07&"
				      "h=[2001:db8::1]:4500");

	cr_assert_str_eq(e.tunnel, "a.b-c_1");
	cr_assert_str_eq(e.endpoint, "[2001:db8::1]:4500");
	cr_assert_str_eq(e.id, "sensor-07");
	cr_assert_str_eq(e.gateway_id, "router@example.net");
	cr_assert_str_eq(e.compress, "iot");
	address_is(&e.gateway.addr, "10.9.0.9");
	address_is(&e.address, "10.9.0.77");
	e = read_uri("DV1:home?h=gw&i=s&k=" KEY "&g=10.9.0.0/31&a=10.9.0.1");
	address_is(&e.gateway.addr, "10.9.0.0");
	e = read_uri("DV1:home?h=192.0.2.1&i=s&k=" KEY "&g=10.9.0.0/30");
	address_is(&e.gateway.addr, "10.9.0.1");
	address_is(&e.address, "10.9.0.2");
}

/* What is printed is as short as it can be, and reads as what it was made from. */
Test(uri, there_and_back)
{
	static const char *const texts[] = {
		"DV1:home?" MUST,
		"DV1:home?h=192.0.2.1&i=s&k=" KEY "&g=10.9.0.0/30",
		"DV1:home?h=[2001:db8::1]:4500&i=s@example.net&k=" KEY
		"&g=10.9.0.9/24&a=10.9.0.77&r=router&c=iot",
		"DV1:home?h=192.0.2.1&i=s&k=" KEY "&g=10.9.0.0/24&a=auto&c=link",
		"DV1:h?h=2001:db8::1&i=s&k=" KEY "&g=fd00::9/128&a=fd00::8",
	};
	char out[URI_MAX];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct enrolment e = read_uri(texts[i]);

		cr_assert_eq(uri_print(&e, out), 0);
		cr_assert_str_eq(out, texts[i]);
	}
}

Test(uri, prints_nothing_that_it_would_not_read)
{
	static const char zero[URI_MAX];
	struct enrolment good = read_uri("DV1:home?" MUST), e = good;
	char out[URI_MAX];

	strcpy(e.id, "two words");
	cr_assert_eq(uri_print(&e, out), -EINVAL);
	cr_assert_eq(memcmp(out, zero, sizeof out), 0, "a key is left behind");
	e = good;
	strcpy(e.endpoint, "gw\nOnUp = reboot");
	cr_assert_eq(uri_print(&e, out), -EINVAL);
	e = good;
	e.gateway.addr = ip_prefix_network(&e.gateway);
	cr_assert_eq(uri_print(&e, out), 0);
	cr_assert_str_eq(out, "DV1:home?" MUST, "the subnet's own address is nobody's");
}

Test(uri, refuses)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "DV1:"},
		{"DV1:", "DV1:"},
		{"dv1:home?" MUST, "DV1:"},
		{"DV2:home?" MUST, "DV1:"},
		{"DV1:home", "name of a tunnel"},
		{"DV1:?" MUST, "name of a tunnel"},
		{"DV1:../etc?" MUST, "name of a tunnel"},
		{"DV1:a%2Fb?" MUST, "name of a tunnel"},
		{"DV1:.home?" MUST, "name of a tunnel"},
		{"DV1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?" MUST, "name of a tunnel"},
		{"DV1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?" MUST, "r is missing"},
		{"DV1:home?", "name=value"},
		{"DV1:home?" MUST "&", "name=value"},
		{"DV1:home?" MUST "&z", "name=value"},
		{"DV1:home?" MUST "&=z", "name=value"},
		{"DV1:home?" MUST "&z=1", "parameter z is unknown"},
		{"DV1:home?" MUST "&x-=1", "name of 2 characters"},
		{"DV1:home?" MUST "&" KEY "=1", "name of 22 characters"},
		{"DV1:home?" MUST "&i=other", "i comes twice"},
		{"DV1:home?i=s&k=" KEY "&g=fd00:1::/64", "h is missing"},
		{"DV1:home?h=gw&k=" KEY "&g=fd00:1::/64", "i is missing"},
		{"DV1:home?h=gw&i=s&g=fd00:1::/64", "k is missing"},
		{"DV1:home?h=gw&i=s&k=" KEY, "g is missing"},
		{"DV1:home?h=gw%&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw%0&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw%0Ax&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw%zz&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw x&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw:0&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw:65536&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw:&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=-gw&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=[fd00::zz]&i=s&k=" KEY "&g=fd00:1::/64", "h is not"},
		{"DV1:home?h=gw&i=s%23&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=s%5D&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=sensor-*&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=0xab&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=s@&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=s@a@b&k=" KEY "&g=fd00:1::/64", "i is not"},
		{"DV1:home?h=gw&i=gw.home&k=" KEY "&g=fd00:1::/64", "same identity"},
		{"DV1:home?h=gw&i=s&k=AAECAwQFBgcICQoLDA0O_&g=fd00:1::/64", "k is not"},
		{"DV1:home?h=gw&i=s&k=AAECAwQFBgcICQoLDA0O_ww&g=fd00:1::/64", "k is not"},
		{"DV1:home?h=gw&i=s&k=AAECAwQFBgcICQoLDA0O/w&g=fd00:1::/64", "k is not"},
		{"DV1:home?h=gw&i=s&k=AAECAwQFBgcICQoLDA0O_x&g=fd00:1::/64", "k is not"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1", "g is not"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1/129", "g is not"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=ff02::1/64", "g is not"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1/128", "no room"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1/64&a=10.9.0.1", "same IP version"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1/64&a=fd00:1::1", "same inner address"},
		{"DV1:home?h=gw&i=s&k=" KEY "&g=fd00:1::1/64&a=::", "a is not"},
		{"DV1:home?" MUST "&c=tiny", "c is not"},
		{"DV1:home?" MUST "&r=", "r is not"},
	};
	static const struct enrolment nothing;
	static struct enrolment e;
	char why[URI_WHY];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		why[0] = '\0';
		cr_assert_eq(uri_parse(cases[i].text, strlen(cases[i].text), &e, why), -EINVAL,
			"%s", cases[i].text);
		cr_assert(strstr(why, cases[i].why), "%s: \"%s\"", cases[i].text, why);
		cr_assert_not(strstr(why, "AAECAwQF"), "the key is quoted: %s", why);
		cr_assert_eq(memcmp(&e, &nothing, sizeof e), 0, "%s leaves something behind",
			cases[i].text);
	}
}

Test(uri, length_is_bounded)
{
	char text[URI_MAX + 64] = "DV1:home?" MUST "&x-a=", why[URI_WHY];
	struct enrolment e;
	size_t len = strlen(text);

	memset(text + len, 'a', sizeof text - len);
	cr_assert_eq(uri_parse(text, URI_MAX - 1, &e, why), 0, "%s", why);
	cr_assert_eq(uri_parse(text, URI_MAX, &e, why), -EINVAL);
	cr_assert(strstr(why, "more than"));
}
