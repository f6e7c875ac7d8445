/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, endpoints: the texts of RFC 4291 and RFC 5952, and round trips. */
#include "ip/addr.h"

#include "fakes/chance.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

Test(addr, texts)
{
	/* RFC 4291 2.2, RFC 5952 4.1 to 4.3 and 5: as read, as printed. */
	static const char *const rows[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
			"abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
		{"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
		{"FF01:0:0:0:0:0:0:101", "ff01::101"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA",
			"2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"},
		{"::192.0.2.1", "::c000:201"},
		{"::1:0", "::1:0"},
		{"::FFFF:129.144.52.38", "::ffff:129.144.52.38"},
	};
	static const char *const bad[] = {"", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ",
		" 1.2.3.4", "01.2.3.4", "1.2.3.-4", "0x7f.1", "localhost", ":", ":::", "1::2::3",
		"12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "g::1", "::1/64",
		"[::1]", "::1.2.3.256", "any"};
	char text[IP_ADDR_TEXT];
	char small[5];
	struct ip_addr a;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_assert_eq(ip_addr_parse(rows[i][0], &a), 0, "%s", rows[i][0]);
		cr_assert_str_eq(ip_addr_print(&a, text, sizeof text), rows[i][1]);
		cr_assert_eq(a.family, strchr(rows[i][0], ':') ? 6 : 4);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		a.family = 77;
		cr_assert_eq(ip_addr_parse(bad[i], &a), -EINVAL, "'%s'", bad[i]);
		cr_assert_eq(a.family, 77);
	}
	ip_addr_parse("192.0.2.1", &a);
	cr_assert_str_eq(ip_addr_print(&a, small, sizeof small), "192.");
	cr_assert_str_eq(ip_addr_print(&(struct ip_addr){0}, text, sizeof text), "any");
}

static struct ip_addr random_addr(uint64_t *rng)
{
	struct ip_addr a = {.family = chance(rng) & 1 ? 6 : 4};

	chance_fill(rng, a.bytes, ip_addr_len(&a));
	/* Runs of zeros, so that "::" is met in all places. */
	for (size_t i = 0; i < 16; i += 2)
		if (chance(rng) & 1)
			a.bytes[i] = a.bytes[i + 1] = 0;
	return a;
}

Test(addr, round_trips)
{
	uint64_t rng = 2;

	for (int i = 0; i < 20000; i++) {
		struct ip_endpoint e = {.addr = random_addr(&rng)};
		struct ip_prefix p = {.addr = e.addr};
		char text[IP_ENDPOINT_TEXT];
		struct ip_endpoint e2;
		struct ip_prefix p2;
		struct ip_addr a2;

		e.port = (uint16_t)(i % 3 ? chance(&rng) : 0);
		p.len = (uint8_t)chance_below(&rng, ip_addr_len(&e.addr) * 8 + 1);
		ip_addr_print(&e.addr, text, IP_ADDR_TEXT);
		cr_assert_eq(ip_addr_parse(text, &a2), 0, "%s", text);
		cr_assert(ip_addr_equal(&a2, &e.addr), "%s", text);
		ip_prefix_print(&p, text, IP_PREFIX_TEXT);
		cr_assert_eq(ip_prefix_parse(text, &p2), 0, "%s", text);
		cr_assert(ip_addr_equal(&p2.addr, &p.addr) && p2.len == p.len, "%s", text);
		ip_endpoint_print(&e, text, sizeof text);
		cr_assert_eq(ip_endpoint_parse(text, &e2), 0, "%s", text);
		cr_assert(ip_endpoint_equal(&e2, &e), "%s", text);
	}
}

Test(addr, prefixes)
{
	static const char *const bad[] = {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+1", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/ 8", "fd00::/129", "/8",
		"fd00::/0000000064", "10.0.0.0/4294967304",
		"1111:2222:3333:4444:5555:6666:7777:888812345678901/64"};
	struct ip_prefix p;
	struct ip_addr a;

	cr_assert_eq(ip_prefix_parse("fd00::1/64", &p), 0);
	cr_assert_eq(p.len, 64);
	cr_assert_eq(p.addr.bytes[15], 1, "host bits are kept");
	cr_assert_eq(ip_prefix_parse("10.1.2.3", &p), 0);
	cr_assert_eq(p.len, 32);
	cr_assert_eq(ip_prefix_parse("::", &p), 0);
	cr_assert_eq(p.len, 128);
	cr_assert_eq(ip_prefix_parse("::/0", &p), 0);
	cr_assert_eq(p.len, 0);
	ip_addr_parse("10.0.0.1", &a);
	cr_assert(!ip_prefix_contains(&p, &a), "families differ");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		p.len = 7;
		cr_assert_eq(ip_prefix_parse(bad[i], &p), -EINVAL, "'%s'", bad[i]);
		cr_assert_eq(p.len, 7);
	}
}

static unsigned bit_at(const struct ip_addr *a, unsigned i)
{
	return (unsigned)a->bytes[i / 8] >> (7 - i % 8) & 1;
}

Test(addr, prefix_ranges)
{
	uint64_t rng = 3;

	for (int round = 0; round < 5000; round++) {
		struct ip_prefix p = {.addr = random_addr(&rng)};
		unsigned bits = (unsigned)ip_addr_len(&p.addr) * 8;
		struct ip_addr other = p.addr;
		unsigned flip = (unsigned)chance_below(&rng, bits);
		struct ip_addr start;
		struct ip_addr end;
		struct ip_addr net;
		struct ip_prefix back;

		p.len = (uint8_t)chance_below(&rng, bits + 1);
		ip_prefix_range(&p, &start, &end);
		net = ip_prefix_network(&p);
		cr_assert(ip_addr_equal(&net, &start));
		for (unsigned i = 0; i < bits; i++) {
			cr_assert_eq(bit_at(&start, i), i < p.len ? bit_at(&p.addr, i) : 0);
			cr_assert_eq(bit_at(&end, i), i < p.len ? bit_at(&p.addr, i) : 1);
		}
		cr_assert_eq(ip_range_prefix(&start, &end, &back), 0);
		cr_assert_eq(back.len, p.len);
		other.bytes[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
		cr_assert(ip_prefix_contains(&p, &p.addr));
		cr_assert_eq(ip_prefix_contains(&p, &other), flip >= p.len);
		if (p.len < bits) {
			end.bytes[bits / 8 - 1] &= 0xfe;
			if (p.len < bits - 1)
				cr_assert_eq(ip_range_prefix(&start, &end, &back), -EINVAL);
		}
	}
}

Test(addr, endpoints)
{
	static const struct {
		const char *text, *printed;
		uint16_t port;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", 0},
		{"192.0.2.1:4500", "192.0.2.1:4500", 4500},
		{"192.0.2.1:65535", "192.0.2.1:65535", 65535},
		{"192.0.2.1:0", "192.0.2.1", 0},
		{"2001:db8::1", "2001:db8::1", 0},
		{"[2001:db8::1]", "2001:db8::1", 0},
		{"[2001:db8::1]:500", "[2001:db8::1]:500", 500},
		{"::1:500", "::1:500", 0},
	};
	static const char *const bad[] = {"", "[", "[]", "[]:1", "[::1", "[::1]x",
		"[::1]:", "[::1]:65536", "[::1]:99999999999", "[::1]:-1", "[::1]: 1",
		"[192.0.2.1]:1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:1x", ":500",
		"host:500", "[[::1]]:5"};
	char text[IP_ENDPOINT_TEXT];
	struct ip_endpoint e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_assert_eq(ip_endpoint_parse(rows[i].text, &e), 0, "%s", rows[i].text);
		cr_assert_eq(e.port, rows[i].port, "%s", rows[i].text);
		cr_assert_str_eq(ip_endpoint_print(&e, text, sizeof text), rows[i].printed);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e.port = 7;
		cr_assert_eq(ip_endpoint_parse(bad[i], &e), -EINVAL, "'%s'", bad[i]);
		cr_assert_eq(e.port, 7);
	}
}

Test(addr, sockaddr)
{
	uint64_t rng = 4;
	struct sockaddr_storage ss;
	struct ip_endpoint back = {.port = 9};
	struct ip_endpoint none = {.port = 1};

	for (int i = 0; i < 1000; i++) {
		struct ip_endpoint e = {.addr = random_addr(&rng), .port = (uint16_t)chance(&rng)};
		unsigned len = ip_endpoint_to_sockaddr(&e, &ss);

		cr_assert_eq(len, e.addr.family == 6 ? sizeof(struct sockaddr_in6)
						     : sizeof(struct sockaddr_in));
		cr_assert_eq(ss.ss_family, e.addr.family == 6 ? AF_INET6 : AF_INET);
		cr_assert_eq(((struct sockaddr_in *)&ss)->sin_port, htons(e.port));
		cr_assert_eq(ip_endpoint_from_sockaddr((struct sockaddr *)&ss, &back), 0);
		cr_assert(ip_endpoint_equal(&back, &e));
	}
	cr_assert_eq(ip_endpoint_to_sockaddr(&none, &ss), 0);
	cr_assert_eq(ip_endpoint_from_sockaddr((struct sockaddr *)&ss, &none), -EAFNOSUPPORT);
	cr_assert_eq(none.port, 1);
}

Test(addr, kinds)
{
	static const struct {
		const char *text;
		bool any, link_local, multicast;
	} rows[] = {
		{"0.0.0.0", true, false, false},
		{"::", true, false, false},
		{"::1", false, false, false},
		{"169.254.0.1", false, true, false},
		{"169.253.255.255", false, false, false},
		{"fe80::1", false, true, false},
		{"febf:ffff::1", false, true, false},
		{"fec0::1", false, false, false},
		{"fe7f::1", false, false, false},
		{"ff02::1", false, true, true},
		{"ff05::1", false, false, true},
		{"224.0.0.1", false, false, true},
		{"239.255.255.255", false, false, true},
		{"240.0.0.0", false, false, false},
		{"223.255.255.255", false, false, false},
	};
	struct ip_addr last = {0};

	cr_assert(ip_addr_is_any(&last));
	cr_assert(!ip_addr_is_multicast(&last) && !ip_addr_is_link_local(&last));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip_addr a;

		cr_assert_eq(ip_addr_parse(rows[i].text, &a), 0);
		cr_assert_eq(ip_addr_is_any(&a), rows[i].any, "%s", rows[i].text);
		cr_assert_eq(ip_addr_is_link_local(&a), rows[i].link_local, "%s", rows[i].text);
		cr_assert_eq(ip_addr_is_multicast(&a), rows[i].multicast, "%s", rows[i].text);
		cr_assert_neq(ip_addr_compare(&a, &last), 0);
		cr_assert_eq(ip_addr_compare(&a, &last) < 0, ip_addr_compare(&last, &a) > 0);
		last = a;
	}
}
