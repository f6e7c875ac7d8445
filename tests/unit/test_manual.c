/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/manual on a fake host, once as the static twin and once as the module that is shipped. */
#include "fakes/fake_host.h"

#include "codec/tree.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "keying/plugin.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct keying_plugin_ops keying_plugin_manual;

static struct fake_host fake;
static struct tree_writer config_cbor;
static uint8_t key_octets[8][36];

/* Key i as base64 under this name. */
static void put_key(const char *name, int i)
{
	char text[SECRET_BASE64_LEN(36)];

	memset(key_octets[i], 0x10 + i, 36);
	secret_to_base64(key_octets[i], 36, text);
	fake_host_secret(&fake, name, text, 0);
}

static struct slice config_of(const char *peers)
{
	static struct config_errors errors;
	const uint32_t policies[] = {10, 11, 12, 13};
	struct config config;
	char text[4096];
	int n = snprintf(
		text, sizeof text, "[Interface]\nName = diet0\nAddress = fd00::1/64\n%s", peers);

	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load_text("home", text, (size_t)n, &config, &errors), 0, "%s: %s",
		errors.list[0].at, errors.list[0].text);
	tree_writer_fini(&config_cbor);
	tree_writer_init(&config_cbor);
	plugin_write_config(&config_cbor, &config, "manual", policies);
	config_fini(&config);
	return (struct slice){config_cbor.data, config_cbor.len};
}

#define PEER_B \
	"[Peer \"b\"]\nKeying = manual\nEndpoint = 2001:db8::2\nAddress = fd00::2\n" \
	"Cipher = chacha20-poly1305-iiv\nCompress = link\n" \
	"OutSpi = 0x1102\nInSpi = 8705\nOutKey = ob\nInKey = ib\n"
#define PEER_C \
	"[Peer \"c\"]\nKeying = manual\nAddress = fd00::3\nEncap = raw\n" \
	"Cipher = chacha20-poly1305\nCompress = off\n" \
	"OutSpi = 300\nInSpi = 0x33010203\nOutKey = oc\nInKey = ic\n"

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	fake_host_init(&fake);
	tree_writer_init(&config_cbor);
	put_key("b/OutKey", 0);
	put_key("b/InKey", 1);
	put_key("c/OutKey", 2);
	put_key("c/InKey", 3);
}

static void tear_down(void)
{
	tree_writer_fini(&config_cbor);
}

TestSuite(manual, .init = set_up, .fini = tear_down);

static void check_fallback_key(const struct fake_sa *sa, int i)
{
	static const char info[] = "dietvpn manual fallback";
	uint8_t prk[32];
	uint8_t want[36];

	hash_hkdf_extract((struct slice){NULL, 0}, (struct slice){key_octets[i], 36}, prk);
	hash_hkdf_expand(
		prk, (struct slice){(const uint8_t *)info, sizeof info - 1}, want, sizeof want);
	cr_assert_eq(memcmp(sa->params.keymat, want, sizeof want), 0);
}

static void life_of(const struct keying_plugin_ops *ops)
{
	struct slice config = config_of(PEER_B PEER_C);
	struct keying *k;
	struct fake_sa *sa;
	sa_id kept;
	sa_id gone;

	cr_assert_eq(ops->check(&fake.table, config), 0, "%s", fake.errors[0].text);
	cr_assert_eq(fake.n_sas, 0u, "check has no side effects");
	cr_assert_eq(ops->create(&fake.table, config, &k), 0);
	cr_assert_eq(fake.n_sas, 0u);
	cr_assert_eq(ops->start(k), 0);
	/* b compresses: four SAs; c does not: two */
	cr_assert_eq(fake_host_living(&fake), 6u);
	sa = fake_host_find(&fake, SA_OUT, 0x1102);
	cr_assert(sa);
	cr_assert_eq(sa->params.policy, 10u);
	cr_assert_eq(sa->params.long_lived, 1);
	cr_assert_eq(sa->params.fallback, 0);
	cr_assert_eq(sa->params.esn, 1, "64-bit numbers unless switched off");
	cr_assert_eq(sa->params.encap, SA_ENCAP_UDP);
	cr_assert_eq(sa->params.remote.port, 4500);
	cr_assert_eq(sa->params.encr, ENCR_CHACHA20_POLY1305_IIV);
	cr_assert_eq(sa->params.keymat_len, 36u);
	cr_assert_eq(memcmp(sa->params.keymat, key_octets[0], 36), 0);
	cr_assert_eq(sa->params.ts_remote[0].addr_start.bytes[15], 2);
	sa = fake_host_find(&fake, SA_IN, 8705);
	cr_assert(sa);
	cr_assert_eq(memcmp(sa->params.keymat, key_octets[1], 36), 0);
	sa = fake_host_find(&fake, SA_OUT, 0x80001102);
	cr_assert(sa && sa->params.fallback == 1);
	check_fallback_key(sa, 0);
	sa = fake_host_find(&fake, SA_IN, 0x80000000u | 8705);
	cr_assert(sa && sa->params.fallback == 1);
	check_fallback_key(sa, 1);
	sa = fake_host_find(&fake, SA_IN, 0x33010203);
	cr_assert(sa && sa->params.encap == SA_ENCAP_ESP && sa->params.remote.addr.family == 0);

	/* SAs of an unchanged peer stay on reload; those of a changed key go and come. */
	kept = fake_host_find(&fake, SA_OUT, 0x1102)->id;
	gone = fake_host_find(&fake, SA_OUT, 300)->id;
	put_key("c/OutKey", 4);
	cr_assert_eq(ops->reload(k, config_of(PEER_B PEER_C)), 0);
	cr_assert_eq(fake_host_living(&fake), 6u);
	cr_assert_eq(fake_host_find(&fake, SA_OUT, 0x1102)->id, kept);
	cr_assert_neq(fake_host_find(&fake, SA_OUT, 300)->id, gone);
	cr_assert_eq(ops->reload(k, config_of(PEER_B)), 0);
	cr_assert_eq(fake_host_living(&fake), 4u);
	cr_assert_eq(fake_host_find(&fake, SA_OUT, 0x1102)->id, kept);
	/* A bad file changes nothing. */
	cr_assert_neq(ops->reload(k, config_of(PEER_B "LifeTime = soon\n")), 0);
	cr_assert(fake_host_complained(&fake, "LifeTime = soon"));
	cr_assert_eq(fake_host_find(&fake, SA_OUT, 0x1102)->id, kept);
	ops->stop(k);
	cr_assert_eq(fake_host_living(&fake), 0u);
	cr_assert_eq(fake.n_spis, 0u);
	ops->destroy(k);
}

Test(manual, life_of_the_static_twin)
{
	life_of(&keying_plugin_manual);
}

Test(manual, life_of_the_module)
{
	char dir[PATH_MAX];
	char text[512];
	struct plugin *plugin;

	cr_assert(getenv("DIETVPN_BINARY_DIR"), "DIETVPN_BINARY_DIR is set by ctest");
	snprintf(dir, sizeof dir, "%s/keying", getenv("DIETVPN_BINARY_DIR"));
	cr_assert_eq(plugin_load(dir, "manual", &plugin, text, sizeof text), 0, "%s", text);
	life_of(plugin_ops(plugin));
	plugin_unload(plugin);
}

Test(manual, keys_without_record)
{
	const struct keying_plugin_ops *ops = &keying_plugin_manual;
	const struct keying_acquire asked = {.policy = 10};
	const struct keying_acquire strange = {.policy = 999};
	struct keying *k;
	size_t logs;

	fake.install_error = -ENOKEY;
	cr_assert_eq(ops->create(&fake.table, config_of(PEER_B), &k), 0);
	cr_assert_eq(ops->start(k), 0, "one peer in trouble does not stop the rest");
	cr_assert_eq(fake_host_living(&fake), 0u);
	cr_assert_eq(fake.n_spis, 0u, "reservations are given back");
	cr_assert(fake_host_logged(&fake, "dietvpn sa fresh-key b"));
	cr_assert(fake_host_told(&fake, "no-record"));
	logs = fake.n_logs;
	ops->acquire(k, &asked);
	cr_assert_eq(fake.n_logs, logs, "said once, not for each packet");
	fake.install_error = 0;
	ops->acquire(k, &strange);
	cr_assert_eq(fake_host_living(&fake), 0u);
	ops->acquire(k, &asked);
	cr_assert_eq(fake_host_living(&fake), 4u);
	ops->acquire(k, &asked);
	cr_assert_eq(fake_host_living(&fake), 4u, "nothing twice");
	ops->stop(k);
	ops->destroy(k);
}

Test(manual, lifetimes_and_events)
{
	const struct keying_plugin_ops *ops = &keying_plugin_manual;
	const struct keying_acquire asked = {.policy = 10};
	struct keying *k;
	struct fake_sa *sa;

	cr_assert_eq(ops->create(&fake.table,
			     config_of(PEER_B "LifeTime = 10min\nLifePackets = 1000\n"
					      "LifeBytes = 0x100000\nEsn = no\nFallback = no\n"),
			     &k),
		0);
	cr_assert_eq(ops->start(k), 0);
	cr_assert_eq(fake_host_living(&fake), 2u);
	sa = fake_host_find(&fake, SA_OUT, 0x1102);
	cr_assert_eq(sa->params.esn, 0);
	cr_assert_eq(sa->params.hard_s, 600u);
	cr_assert_eq(sa->params.soft_s, 540u);
	cr_assert_eq(sa->params.hard_packets, 1000u);
	cr_assert_eq(sa->params.soft_packets, 900u);
	cr_assert_eq(sa->params.hard_bytes, 0x100000u);
	ops->sa_event(k, 4711, SA_HARD_EXPIRED);
	cr_assert_eq(fake_host_living(&fake), 2u);
	ops->sa_event(k, sa->id, SA_SOFT_EXPIRED);
	cr_assert(fake_host_told(&fake, "key-low"));
	/* Taken away from outside: comes back when it is needed. */
	fake.table.sa_remove(&fake.table, sa->id);
	ops->sa_event(k, (sa_id)(sa - fake.sas) + 1, SA_REMOVED);
	ops->acquire(k, &asked);
	sa = fake_host_find(&fake, SA_OUT, 0x1102);
	cr_assert(sa);
	/* Used up: never again with this key. */
	ops->sa_event(k, sa->id, SA_HARD_EXPIRED);
	cr_assert_eq(fake_host_living(&fake), 0u);
	ops->acquire(k, &asked);
	cr_assert_eq(fake_host_living(&fake), 0u);
	put_key("b/OutKey", 5);
	cr_assert_eq(ops->reload(k, config_of(PEER_B "Fallback = no\n")), 0);
	cr_assert_eq(fake_host_living(&fake), 2u);
	ops->stop(k);
	ops->destroy(k);
}

Test(manual, complaints_carry_the_place)
{
	static const struct {
		const char *config, *says;
	} cases[] = {
		{"OutSpi = 255\nInSpi = 0x2201\n", "OutSpi = 255: not an SPI above 255"},
		{"OutSpi = 0x\nInSpi = 0x2201\n", "OutSpi = 0x: not an SPI"},
		{"OutSpi = -5\nInSpi = 0x2201\n", "OutSpi = -5: not an SPI"},
		{"OutSpi = 0x1102\nInSpi = 4294967296\n", "InSpi = 4294967296: not an SPI"},
		{"OutSpi = 0x1102 x\nInSpi = 0x2201\n", "not an SPI"},
		{"OutSpi = 0x1102\nInSpi = 0x220022\n", "zero octet"},
		{"OutSpi = 0x1102\nInSpi = 0x80002201\n", "top bit"},
		{"OutSpi = 0x1102\n", "lacks InSpi"},
		{"OutSpi = 0x1102\nInSpi = 0x2201\nEsn = maybe\n", "Esn = maybe"},
		{"OutSpi = 0x1102\nInSpi = 0x2201\nLifePackets = 0\n", "LifePackets = 0"},
		{"OutSpi = 0x1102\nInSpi = 0x2201\nLifeTime = 5 weeks\n", "not a duration"},
		{"OutSpi = 0x1102\nInSpi = 0x2201\nEspSpiLsb = 0\nEspSnLsb = 8\nEncap = raw\n"
		 "Endpoint = 192.0.2.9\n",
			"EspSpiLsb = 0 leaves no room for a fallback SA"},
	};
	char text[1024];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fake.n_errors = 0;
		snprintf(text, sizeof text,
			"[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\n"
			"Compress = link\nOutKey = o\nInKey = i\n%s",
			cases[i].config);
		cr_expect_neq(keying_plugin_manual.check(&fake.table, config_of(text)), 0, "%s",
			cases[i].config);
		cr_expect(fake_host_complained(&fake, cases[i].says), "%s -> %s", cases[i].config,
			fake.errors[0].text);
		cr_expect_gt(fake.errors[0].at, 0u);
	}
}

/* Nothing to reserve, so that their InSpi may be the same; the peer's address finds the SA. */
Test(manual, without_spi_bits)
{
	const struct keying_plugin_ops *ops = &keying_plugin_manual;
	static const char text[] =
		"[Peer \"b\"]\nKeying = manual\nAddress = fd00::2\nEndpoint = 192.0.2.2\n"
		"Encap = raw\nCompress = iot\nEspSpiLsb = 0\nEspSnLsb = 0\nFallback = no\n"
		"Cipher = chacha20-poly1305-iiv\nOutSpi = 0x1100\nInSpi = 0x2200\n"
		"OutKey = o\nInKey = i\n"
		"[Peer \"c\"]\nKeying = manual\nAddress = fd00::3\nEndpoint = 192.0.2.3\n"
		"Encap = raw\nCompress = iot\nEspSpiLsb = 0\nEspSnLsb = 8\nRuleId = yes\n"
		"Cipher = chacha20-poly1305-iiv\nOutSpi = 0x1101\nInSpi = 0x2200\n"
		"OutKey = oc\nInKey = ic\n";
	struct slice config = config_of(text);
	struct keying *k;
	struct fake_sa *sa;

	cr_assert_eq(ops->check(&fake.table, config), 0, "%s", fake.errors[0].text);
	cr_assert_eq(ops->create(&fake.table, config, &k), 0);
	cr_assert_eq(ops->start(k), 0);
	cr_assert_eq(fake_host_living(&fake), 4u);
	sa = fake_host_find(&fake, SA_IN, 0x2200);
	cr_assert(sa);
	cr_expect_eq(sa->params.pinned, 1);
	cr_expect_eq(sa->params.encap, SA_ENCAP_ESP);
	cr_expect_eq(sa->params.remote.addr.bytes[3], 2);
	cr_expect_eq(sa->params.remote.port, 0);
	ops->stop(k);
	ops->destroy(k);
}

Test(manual, complaints_about_keys)
{
	const struct keying_plugin_ops *ops = &keying_plugin_manual;

	fake_host_secret(&fake, "b/OutKey", "not base64!", 0);
	cr_expect_neq(ops->check(&fake.table, config_of(PEER_B)), 0);
	cr_expect(fake_host_complained(&fake, "not base64 of 36 octets"));
	fake.n_errors = 0;
	fake_host_secret(&fake, "b/OutKey", "AAAA", 0);
	cr_expect_neq(ops->check(&fake.table, config_of(PEER_B)), 0);
	cr_expect(fake_host_complained(&fake, "36 octets"));
	fake.n_errors = 0;
	fake_host_secret(&fake, "b/OutKey", NULL, -EACCES);
	cr_expect_neq(ops->check(&fake.table, config_of(PEER_B)), 0);
	cr_expect(fake_host_complained(&fake, "Permission denied"));
	/* One key for two directions, of one peer or of two. */
	fake.n_errors = 0;
	put_key("b/OutKey", 1);
	cr_expect_neq(ops->check(&fake.table, config_of(PEER_B)), 0);
	cr_expect(fake_host_complained(&fake, "the key stands twice"));
	put_key("b/OutKey", 0);
	fake.n_errors = 0;
	put_key("c/InKey", 0);
	cr_expect_neq(ops->check(&fake.table, config_of(PEER_B PEER_C)), 0);
	cr_expect(fake_host_complained(&fake, "in \"b\" and \"c\""));
	put_key("c/InKey", 3);
	/* b sends 16 bits 0x2201, which would begin this SPI of c. */
	fake.n_errors = 0;
	cr_expect_neq(ops->check(&fake.table,
			      config_of(PEER_B
				      "[Peer \"c\"]\nKeying = manual\nAddress = fd00::3\n"
				      "Cipher = chacha20-poly1305\nCompress = off\nOutSpi = 300\n"
				      "InSpi = 0x22010203\nOutKey = oc\nInKey = ic\n")),
		0);
	cr_expect(fake_host_complained(&fake, "the same in the octets that are sent"));
}
