/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment's derivations against another implementation of HMAC, SHA-256 and of address pools. */
#include "crypto/enrol.h"

#include "crypto_cases.h"

#include <arpa/inet.h>

/*
 * The figures below are this program's (Python 3.11, its own hmac, hashlib and ipaddress):
 *
 *     import hmac, hashlib, ipaddress, struct
 *     def psk(master, id, gen):
 *         prk = hmac.new(bytes(32), master, hashlib.sha256).digest()
 *         info = b"dietvpn psk v1\0" + struct.pack(">I", gen) + id
 *         return hmac.new(prk, info + b"\1", hashlib.sha256).digest()[:16]
 *     def word(id, probe, skip=0):
 *         d = hashlib.sha256(b"dietvpn address v1\0" + struct.pack(">I", probe) + id).digest()
 *         return int.from_bytes(d[8 * skip:8 * skip + 8], "big")
 *     def address(prefix, id, probe, gateway=None, skip=0):
 *         net = ipaddress.ip_network(prefix)
 *         if net.max_prefixlen - net.prefixlen >= 64:
 *             return net.network_address + word(id, probe, skip)
 *         hosts = [h for h in (net.hosts() if net.num_addresses > 2 else net)
 *                  if str(h) != gateway]
 *         return hosts[(word(id, 0) + probe) % len(hosts)]
 */

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
}

TestSuite(enrol, .init = start);

static struct slice text(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}

static const uint8_t master[32] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static char longest[ENROL_ID_MAX + 2];

static const char *x(size_t n)
{
	memset(longest, 'x', n);
	longest[n] = '\0';
	return longest;
}

Test(enrol, psk)
{
	const struct {
		const char *id;
		size_t master_len;
		uint32_t generation;
		const char *psk;
	} cases[] = {
		{"sensor-07", 32, 1, "8c69e2a9ba022a69f922dbe75a462f80"},
		{"sensor-07", 32, 2, "be0ab7d8dbc7affbffc4005fa7934ce1"},
		{"sensor-07", 32, 0xffffffff, "fc2988345c7648a2aa3857b59217523f"},
		{"s", 32, 1, "98c705d206148e2b143e729874eb4c82"},
		{"sensor-071", 32, 1, "90842f378b965a85fe7a1040d87aba8f"},
		{"user@example.net", 32, 1, "a8abe727fc4c3e91e7a9a0ad66e1f04c"},
		{x(ENROL_ID_MAX), 32, 258, "805f36809f55f81e18d9c000b54489e6"},
		{"sensor-07", 16, 1, "8d88e8b0cada88c33dc4ee5f709e60ba"},
	};
	static struct octets want;
	uint8_t psk[ENROL_PSK_LEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice m = {master, cases[i].master_len};

		cr_assert_eq(enrol_psk(m, text(cases[i].id), cases[i].generation, psk), 0);
		unhex(cases[i].psk, &want);
		cr_assert(same(&want, psk, sizeof(psk)), "case %zu", i);
	}
}

/* What dietvpn genkey writes, and what an editor leaves behind. */
Test(enrol, master_file)
{
	static const char *const wrong[] = {"", "AAECAwQFBgcICQoLDA0O", /* 15 octets */
		"AAECAwQFBgcICQoLDA0ODx*=", "no base64 at all, though long enough"};
	const char *good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	uint8_t got[ENROL_MASTER_MAX], zero[ENROL_MASTER_MAX] = {0};
	size_t len;

	cr_assert_eq(enrol_master(text(good), got, &len), 0);
	cr_assert_eq(len, sizeof(master));
	cr_assert_eq(memcmp(got, master, len), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_eq(enrol_master(text(wrong[i]), got, &len), -EINVAL, "%s", wrong[i]);
		cr_assert_eq(memcmp(got, zero, sizeof(got)), 0, "%s", wrong[i]);
	}
}

Test(enrol, refuses)
{
	const struct slice good = {master, sizeof(master)};
	const struct slice weak = {master, ENROL_MASTER_MIN - 1};
	const struct enrol_pool odd = {.prefix = {.family = 4}, .prefix_len = 33};
	const struct enrol_pool none = {.prefix_len = 0};
	const struct enrol_pool pool = {.prefix = {.family = 6}, .prefix_len = 64};
	uint8_t psk[ENROL_PSK_LEN];
	struct ip_addr a;

	cr_assert_eq(enrol_psk(good, text(""), 1, psk), -EINVAL);
	cr_assert_eq(enrol_psk(good, text(x(ENROL_ID_MAX + 1)), 1, psk), -EINVAL);
	cr_assert_eq(enrol_psk(weak, text("sensor-07"), 1, psk), -EINVAL);
	cr_assert_eq(enrol_address(&pool, text(""), 0, &a), -EINVAL);
	cr_assert_eq(enrol_address(&pool, text(x(ENROL_ID_MAX + 1)), 0, &a), -EINVAL);
	cr_assert_eq(enrol_address(&odd, text("a"), 0, &a), -EINVAL);
	cr_assert_eq(enrol_address(&none, text("a"), 0, &a), -EINVAL);
}

static struct ip_addr addr(const char *t)
{
	struct ip_addr a = {.family = strchr(t, ':') ? 6 : 4};

	if (*t == '\0')
		return (struct ip_addr){0};
	cr_assert_eq(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, t, a.bytes), 1, "%s", t);
	return a;
}

/* prefix's host bits are set on purpose: they must not matter. */
Test(enrol, address)
{
	static const struct {
		const char *prefix;
		uint8_t len;
		const char *gateway, *id;
		uint32_t probe;
		const char *want;
	} cases[] = {
		{"fd00:d1e7::1", 64, "fd00:d1e7::1", "sensor-07", 0,
			"fd00:d1e7::46d:62ad:d9e5:2ee3"},
		{"fd00:d1e7::1", 64, "", "sensor-07", 1, "fd00:d1e7::79be:b14f:eb09:f9af"},
		{"fd00:d1e7:0:9::1", 48, "", "sensor-07", 0, "fd00:d1e7::46d:62ad:d9e5:2ee3"},
		{"fd00:d1e7::", 64, "fd00:d1e7::46d:62ad:d9e5:2ee3", "sensor-07", 0,
			"fd00:d1e7::7e9f:68e7:d71c:1b4b"},
		{"10.9.0.77", 24, "10.9.0.1", "sensor-07", 0, "10.9.0.233"},
		{"10.9.0.77", 24, "10.9.0.1", "sensor-07", 1, "10.9.0.234"},
		{"10.9.0.0", 24, "", "sensor-07", 0, "10.9.0.108"},
		{"192.0.2.8", 30, "192.0.2.9", "a", 0, "192.0.2.10"},
		{"192.0.2.8", 31, "192.0.2.8", "a", 0, "192.0.2.9"},
		{"192.0.2.8", 32, "192.0.2.9", "a", 0, "192.0.2.8"},
		{"fd00::", 120, "fd00::1", "sensor-07", 0, "fd00::6d"},
		{"fd00::", 112, "fd00::1", "sensor-08", 65533, "fd00::275d"},
		{"fd00::", 127, "", "b", 1, "fd00::"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct enrol_pool pool = {
			addr(cases[i].prefix), cases[i].len, addr(cases[i].gateway)};
		struct ip_addr want = addr(cases[i].want), got;

		cr_assert_eq(enrol_address(&pool, text(cases[i].id), cases[i].probe, &got), 0,
			"case %zu", i);
		cr_assert_eq(memcmp(&want, &got, sizeof(want)), 0, "case %zu", i);
	}
}

/* Every usable host once, the gateway, the network's and the broadcast address never. */
static void visit_all(const char *prefix, uint8_t len, const char *gateway, unsigned usable)
{
	struct enrol_pool pool = {addr(prefix), len, addr(gateway)};
	size_t last = pool.prefix.family == 6 ? 15 : 3;
	bool seen[256] = {false};
	struct ip_addr a;

	for (unsigned i = 0; i < usable; i++) {
		cr_assert_eq(enrol_address(&pool, text("sensor-07"), i, &a), 0);
		cr_assert(memcmp(&a, &pool.gateway, sizeof(a)) != 0, "%s/%d %u", prefix, len, i);
		cr_assert_not(seen[a.bytes[last]], "%s/%d %u", prefix, len, i);
		seen[a.bytes[last]] = true;
	}
	if (usable > 2) {
		cr_assert_not(seen[0]);
		cr_assert_eq(seen[255], pool.prefix.family == 6, "IPv4 has a broadcast");
	}
	cr_assert_eq(enrol_address(&pool, text("sensor-07"), usable, &a), -ENOSPC);
}

Test(enrol, probes_visit_each_host_once)
{
	visit_all("10.9.0.0", 24, "10.9.0.1", 253);
	visit_all("10.9.0.0", 24, "10.9.0.254", 253);
	visit_all("10.9.0.0", 24, "10.9.0.255", 254); /* no host's address anyway */
	visit_all("10.9.0.0", 24, "10.9.1.1", 254);
	visit_all("fd00::", 120, "fd00::1", 254);
	visit_all("fd00::", 120, "fd00::1:1", 255);
	visit_all("10.9.0.0", 32, "10.9.0.0", 0);
	visit_all("10.9.0.0", 31, "10.9.0.1", 1);
}
