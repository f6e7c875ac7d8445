/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules for the loader's and the host's tests, one per BAD_ definition: good, or wrong in one
 * way; "hostile" loads, and then tries in start() what a plugin must not get away with. It returns
 * 0 when everything was refused, else the number of the first thing that was not.
 */
#include "dietvpn/keying.h"

#include <stdlib.h>
#include <string.h>

struct keying {
	const struct keying_host *host;
	uint8_t config[8192];
	size_t len;
};

#define MAYBE_UNUSED __attribute__((unused))

MAYBE_UNUSED static const struct keying_key good_keys[] = {
	{"Colour", "a colour", KEYING_KEY_REQUIRED},
	{"Secret", "a file", KEYING_KEY_SECRET_FILE},
	{"Taste", "a taste", KEYING_KEY_RELOADABLE},
	{NULL, NULL, 0},
};

MAYBE_UNUSED static int check(const struct keying_host *host, struct slice config)
{
	uint8_t secret[64];
	size_t len = 0;

	(void)config;
	if (host->secret(host, "peer/Taste", secret, sizeof secret, &len) == 0 && len == 3 &&
		!memcmp(secret, "bad", 3)) {
		host->config_error(host, 3, "this taste is bad", "another one");
		return -1;
	}
	return 0;
}

static int create(const struct keying_host *host, struct slice config, struct keying **out)
{
	struct keying *k = calloc(1, sizeof *k);

	if (!k)
		return -12;
	k->host = host;
	k->len = config.len < sizeof k->config ? config.len : sizeof k->config;
	memcpy(k->config, config.data, k->len);
	*out = k;
	return 0;
}

#ifdef BAD_HOSTILE
/* What an honest plugin would hand over for policy 7 of the test: cut here and there below. */
static struct sa_params honest(void)
{
	static const uint8_t attrs[] = {
		0xa7, 0, 0, 1, 0, 2, 0, 3, 2, 4, 0x18, 32, 5, 0x18, 32, 0x20, 0};
	struct sa_params p = {
		.dir = SA_OUT,
		.mode = SA_TUNNEL,
		.policy = 7,
		.spi = 0x1234,
		.esn = 1,
		.encr = ENCR_CHACHA20_POLY1305,
		.keymat_len = 36,
		.n_ts_local = 1,
		.n_ts_remote = 1,
		.attrs = {attrs, sizeof attrs},
	};
	static const uint8_t local[16] = {0xfd, [15] = 1};
	static const uint8_t remote[16] = {0xfd, [15] = 2};

	memset(p.keymat, 0x42, sizeof p.keymat);
	p.ts_local[0].port_end = p.ts_remote[0].port_end = 65535;
	p.ts_local[0].addr_start.family = p.ts_local[0].addr_end.family = 6;
	p.ts_remote[0].addr_start.family = p.ts_remote[0].addr_end.family = 6;
	memcpy(p.ts_local[0].addr_start.bytes, local, 16);
	memcpy(p.ts_local[0].addr_end.bytes, local, 16);
	memcpy(p.ts_remote[0].addr_start.bytes, remote, 16);
	memcpy(p.ts_remote[0].addr_end.bytes, remote, 16);
	return p;
}

#define ATTACK(n, change) \
	do { \
		struct sa_params p = honest(); \
		change; \
		if (host->sa_install(host, &p, &id) == 0) \
			return n; \
	} while (0)

static int lies(const struct keying_host *host)
{
	sa_id id;

	ATTACK(1, p.keymat_len = 1000000);
	ATTACK(2, p.keymat_len = 35);
	ATTACK(3, p.n_ts_local = 200);
	ATTACK(4, p.n_ts_remote = 0);
	ATTACK(5, p.policy = 8);
	ATTACK(6, p.policy = 999);
	ATTACK(7, p.spi = 255);
	ATTACK(8, p.attrs.len = (size_t)1 << 40);
	ATTACK(9, p.attrs.data = NULL);
	ATTACK(10, p.attrs.len = 5);
	ATTACK(11, p.encr = (enum encr)3);
	ATTACK(12, p.encr = ENCR_AES_GCM_8);                 /* not in the peer's Cipher list */
	ATTACK(13, p.ts_remote[0].addr_end.bytes[0] = 0xff); /* all of the Internet */
	ATTACK(14, p.ts_remote[0].addr_end.family = 9);
	ATTACK(15, p.dir = SA_BOTH);
	ATTACK(16, p.dir = (enum sa_dir)77);
	ATTACK(17, p.window = 1u << 30);
	ATTACK(18, p.dir = SA_IN); /* an SPI that nobody reserved */
	ATTACK(19, p.mode = (enum sa_mode)5);
	ATTACK(20, p.encap = (enum sa_encap)5);
	ATTACK(21, p.esn = 7);
	if (host->sa_install(host, NULL, &id) == 0)
		return 22;
	return 0;
}

static int duplicates(const struct keying_host *host)
{
	struct sa_params p = honest();
	struct ip_endpoint local = {0};
	uint32_t spi = 0x23450001;
	uint32_t same = 0x23450001;
	sa_id id;
	sa_id other;

	if (host->sa_install(host, &p, &id) != 0)
		return 100;
	if (host->sa_install(host, &p, &other) == 0)
		return 101; /* the same key twice */
	p.dir = SA_IN;
	p.spi = spi;
	if (host->spi_reserve(host, &local, 1u << 31, &spi) != 0)
		return 102;
	if (host->spi_reserve(host, &local, 1u << 31, &same) == 0)
		return 103; /* the same SPI twice */
	if (host->sa_install(host, &p, &other) == 0)
		return 104; /* the key of the other direction */
	p.keymat[0] ^= 1;
	if (host->sa_install(host, &p, &other) != 0)
		return 105;
	p.keymat[0] ^= 2;
	if (host->sa_install(host, &p, &id) == 0)
		return 106;                   /* an SPI that an SA has */
	host->spi_release(host, &local, spi); /* that of a living SA: must change nothing */
	if (host->spi_reserve(host, &local, 1u << 31, &same) == 0)
		return 107;
	if (host->sa_remove(host, 12345) == 0 || host->sa_remove(host, other) != 0 ||
		host->sa_remove(host, other) == 0)
		return 108;
	return 0;
}

/* Without SPI bits all raw ESP of an address would be its own. */
static int grabs(const struct keying_host *host)
{
	static const uint8_t attrs[] = {0xa7, 0, 0, 1, 0, 2, 0, 3, 2, 4, 0, 5, 0x18, 32, 0x20, 0};
	struct sa_params p = honest();
	sa_id id;
	sa_id other;

	p.dir = SA_IN;
	p.keymat[1] ^= 1;
	p.attrs = (struct slice){attrs, sizeof attrs};
	p.remote.addr.family = 4;
	p.remote.addr.bytes[0] = 192;
	if (host->sa_install(host, &p, &id) == 0)
		return 120; /* in UDP, nothing could tell it apart */
	p.encap = SA_ENCAP_ESP;
	p.remote.addr.family = 0;
	if (host->sa_install(host, &p, &id) == 0)
		return 121; /* from anywhere */
	p.remote.addr.family = 4;
	if (host->sa_install(host, &p, &id) != 0)
		return 122;
	p.keymat[1] ^= 2;
	if (host->sa_install(host, &p, &other) == 0)
		return 123; /* the address is taken */
	return host->sa_remove(host, id) ? 124 : 0;
}

/* Whatever it wants a million of, it gets a bounded number. */
static int floods(const struct keying_host *host)
{
	struct ip_endpoint local = {0};
	struct sa_params p = honest();
	uint8_t value[16] = {0};
	uint32_t n = 0;
	sa_id id;

	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(p.keymat, &i, sizeof i);
		p.spi = 0x10000 + i;
		n += host->sa_install(host, &p, &id) == 0;
	}
	if (n == 0 || n > 1000)
		return 200;
	n = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t spi = 0;

		n += host->spi_reserve(host, &local, 1u << 31, &spi) == 0;
	}
	if (n == 0 || n > 1000)
		return 201;
	n = 0;
	for (uint32_t i = 0; i < 100000; i++)
		n += host->timer_start(host, i, 1000000) == 0;
	if (n > 65536)
		return 202;
	for (uint32_t i = 0; i < 100000; i++)
		host->timer_stop(host, i);
	n = 0;
	for (uint32_t i = 0; i < 100000; i++)
		n += host->state_save(host, "row", (struct slice){value, sizeof value}, i) == 0;
	return n > 4096 ? 203 : 0;
}

static int pries(const struct keying_host *host)
{
	uint8_t out[64];
	size_t len;
	struct ip_endpoint any = {0};

	if (host->state_load(host, "../core/generation", out, sizeof out, &len) == 0 ||
		host->state_load(host, "core/generation", out, sizeof out, &len) == 0)
		return 300;
	if (host->secret(host, "../../etc/passwd", out, sizeof out, &len) == 0 ||
		host->secret(host, "nobody/Key", out, sizeof out, &len) == 0 ||
		host->secret(host, "", out, sizeof out, &len) == 0)
		return 301;
	if (host->socket_open(host, &any, 50) >= 0 || host->socket_open(host, NULL, 17) >= 0)
		return 302;
	if (host->socket_send(host, 99, &any, (struct slice){NULL, 1000}) == 0)
		return 303;
	host->socket_close(host, -1);
	host->event(host, "x", (struct slice){(const uint8_t *)"\xff\xff", 2});
	host->event(host, NULL, (struct slice){NULL, 5});
	host->log(host, (enum keying_log)99, "%s%n");
	host->log(host, KEYING_INFO, "%s%n%s");
	return 0;
}

/* An inner address that is the machine's own business, everybody's, or another policy's; then one
 * that could be given. */
static int captures(const struct keying_host *host)
{
	static const struct {
		struct ip_addr addr;
		uint8_t len;
	} wrong[] = {
		{{4, {127, 0, 0, 1}}, 32},
		{{4, {0}}, 32},
		{{4, {224, 0, 0, 1}}, 32},
		{{4, {255, 255, 255, 255}}, 32},
		{{4, {169, 254, 0, 1}}, 32},
		{{6, {0}}, 128},
		{{6, {[15] = 1}}, 128},
		{{6, {0xfe, 0x80, [15] = 1}}, 128},
		{{6, {0xff, 0x02, [15] = 1}}, 128},
		{{6, {0xfd, [15] = 9}}, 0},
		{{6, {0xfd, [15] = 9}}, 129},
		{{4, {10, 0, 0, 1}}, 33},
		{{9, {10, 0, 0, 1}}, 32},
	};
	const struct ip_addr good = {6, {0xfd, [15] = 9}};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (host->inner_address(host, 7, &wrong[i].addr, wrong[i].len) == 0)
			return 400 + (int)i;
	if (host->inner_address(host, 8, &good, 128) == 0 ||
		host->inner_address(host, 999, &good, 128) == 0 ||
		host->inner_address(host, 7, NULL, 128) == 0)
		return 450;
	return host->inner_address(host, 7, &good, 128) == 0 ? 0 : 451;
}

/* Records of exchanges: one is its own, and only that one may be seen. */
static void boasts(const struct keying_host *host)
{
	static const char record[] =
		"\xa7"
		"\x64rows\x80\x65"
		"begun\x62us\x66remote\x82\x44\xc0\x00\x02\x01\x19\x01\xf4\x67outcome\x67refused"
		"\x68"
		"exchange\x61X\x68messages\x80\x6aoffered_by\x62us";
	const struct slice own = {(const uint8_t *)record, sizeof record - 1};

	host->trace(host, 7, own);
	host->trace(host, 8, own);
	host->trace(host, 999, own);
	host->trace(host, 7, (struct slice){own.data, own.len - 1});
	host->trace(host, 7, (struct slice){own.data, (size_t)1 << 40});
	host->trace(host, 7, (struct slice){NULL, 5});
}

static int start(struct keying *k)
{
	int r = lies(k->host);

	if (!r)
		r = duplicates(k->host);
	if (!r)
		r = grabs(k->host);
	if (!r)
		r = pries(k->host);
	if (!r)
		r = captures(k->host);
	boasts(k->host);
	return r ? r : floods(k->host);
}
#else
static int start(struct keying *k)
{
	(void)k;
	return 0;
}
#endif

static void stop(struct keying *k)
{
	(void)k;
}

static void destroy(struct keying *k)
{
	free(k);
}

#ifdef BAD_KEYS
static const struct keying_key bad_keys[] = {{"lower", NULL, 0}, {NULL, NULL, 0}};
#endif

#ifdef BAD_SYMBOL
__attribute__((visibility("default"))) const struct keying_plugin_ops another_name = {
#else
KEYING_PLUGIN(bad) = {
#endif
#ifdef BAD_ABI
	.abi = KEYING_ABI + 1,
#else
	.abi = KEYING_ABI,
#endif
#ifdef BAD_SIZE
	.size = sizeof(struct keying_plugin_ops) / 2,
#else
	.size = sizeof(struct keying_plugin_ops),
#endif
#ifdef BAD_NAME
	.name = "another",
#else
	.name = PLUGIN_NAME,
#endif
	.summary = "for tests",
#ifdef BAD_KEYS
	.keys = bad_keys,
#else
	.keys = good_keys,
#endif
#ifndef BAD_SLOT
	.check = check,
#endif
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};
