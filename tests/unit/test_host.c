/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keying/host.c and its files on a real ipsec, a real store and a real loop, with a hostile plugin
 * and with manual keys through several lives. Only the dataplane is missing: its calls end here.
 */
#include "keying/host.h"

#include "base/wire.h"
#include "config/rules_file.h"
#include "config/rules_kept.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "esp/sa.h"
#include "io/dataplane.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/rules_key.h"
#include "keying/state.h"
#include "keying/trace.h"
#include "fakes/shell.h"

#include <criterion/criterion.h>
#include <uv.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t virtual_ms = 1000000;
static int kicks;
static uint8_t sent[64];
static size_t sent_len;

uint64_t dataplane_now_ms(void)
{
	return virtual_ms;
}

void dataplane_kick(struct dataplane *dp)
{
	(void)dp;
	kicks++;
}

struct transport *dataplane_transport(struct dataplane *dp)
{
	(void)dp;
	return NULL;
}

int transport_route(const struct ip_endpoint *remote, uint32_t *mtu, struct ip_addr *source)
{
	*mtu = 1500;
	*source = remote->addr;
	return 0;
}

int transport_send_keying(struct transport *transport, uint16_t port, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload)
{
	(void)transport;
	(void)port;
	(void)local;
	(void)to;
	sent_len = payload.len < sizeof sent ? payload.len : sizeof sent;
	memcpy(sent, payload.data, sent_len);
	return 0;
}

static char base[64];
static char plugin_dir[PATH_MAX];
static uv_loop_t loop;
static struct ipsec ipsec;
static struct state *state;
static struct host *host;
static bool no_state;
static char last_event[64];
static struct config config;
static struct config_errors errors;

static uint32_t chance(void *arg)
{
	uint32_t n;

	(void)arg;
	secret_random(&n, sizeof n);
	return n;
}

static struct state *open_state(void *owner, char *text, size_t len)
{
	char dir[128];
	char witness[128];

	(void)owner;
	if (no_state) {
		snprintf(text, len, "the store is lost: replace the keys");
		return NULL;
	}
	snprintf(dir, sizeof dir, "%s/store", base);
	snprintf(witness, sizeof witness, "%s/witness", base);
	if (!state && state_open(&loop, dir, witness, &state, text, len))
		return NULL;
	return state;
}

static void on_event(void *owner, const char *name, struct slice of)
{
	(void)owner;
	(void)of;
	snprintf(last_event, sizeof last_event, "%s", name);
}

static struct ip_prefix inner;
static size_t n_inner;

static int on_address(void *owner, uint32_t policy, const struct ip_prefix *address)
{
	(void)owner;
	inner = *address;
	n_inner += policy == 7;
	return 0;
}

static void begin(const char *plugins)
{
	struct host_params params = {
		.loop = &loop,
		.ipsec = &ipsec,
		.plugin_dir = plugin_dir,
		.state = open_state,
		.event = on_event,
		.inner_address = on_address,
	};

	cr_assert(getenv("DIETVPN_BINARY_DIR"), "DIETVPN_BINARY_DIR is set by ctest");
	snprintf(plugin_dir, sizeof plugin_dir, "%s/%s", getenv("DIETVPN_BINARY_DIR"), plugins);
	uv_loop_init(&loop);
	cr_assert_eq(ipsec_init(&ipsec, chance, NULL, 64), 0);
	cr_assert_eq(host_create(&params, &host), 0);
	memset(&errors, 0, sizeof errors);
}

static void end(void)
{
	host_destroy(host);
	state_close(state);
	state = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0, "a handle was left open");
	ipsec_fini(&ipsec);
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	snprintf(base, sizeof base, "/tmp/dv-host-XXXXXX");
	cr_assert(mkdtemp(base));
	shell("mkdir -m 700 %s/store", base);
}

static void tear_down(void)
{
	shell("rm -rf %s", base);
}

TestSuite(host, .init = set_up, .fini = tear_down, .timeout = 120);

static void add_policy(uint32_t id, const struct config_peer *peer)
{
	struct policy_params params = {.id = id, .action = POLICY_PROTECT};
	struct policy *policy;

	params.n_local = peer->n_ts_local;
	params.n_remote = peer->n_ts_remote;
	memcpy(params.local, peer->ts_local, sizeof params.local);
	memcpy(params.remote, peer->ts_remote, sizeof params.remote);
	cr_assert_eq(spd_add(ipsec.spd, &params, NULL, &policy), 0);
}

static void load_config(const char *tunnel, const char *text, struct config *out)
{
	int r;

	memset(&errors, 0, sizeof errors);
	r = config_load_text(tunnel, text, strlen(text), out, &errors);
	cr_assert_eq(r, 0, "%s: %s", errors.list[0].at, errors.list[0].text);
}

/* Turns until nothing is left to write, and the news of it has been told. */
static void settle(void)
{
	do {
		uv_run(&loop, UV_RUN_NOWAIT);
	} while (state && !state_idle(state));
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

Test(host, hostile_plugin_gets_nothing)
{
	const uint32_t policies[] = {7};
	uint32_t spi = 0;

	begin("tests/modules");
	load_config("evil",
		"[Interface]\nName = diet0\nAddress = fd00::1/64\n[Peer \"p\"]\nKeying = hostile\n"
		"Address = fd00::2\nCipher = chacha20-poly1305\nColour = red\n",
		&config);
	add_policy(7, &config.peers[0]);
	add_policy(8, &config.peers[0]);
	config.interface.address_auto = true;
	cr_assert_eq(host_start(host, &config, policies, &errors), 0, "%s", errors.list[0].text);
	cr_assert_eq(n_inner, 1u);
	cr_assert_eq(inner.len, 128);
	cr_assert_eq(inner.addr.bytes[15], 9);
	cr_assert_leq(sad_count(ipsec.sad), 100u);
	settle();
	cr_assert_not_null(host_exchange_at(host, 0), "its own record");
	cr_assert_eq(host_exchange_at(host, 0)->policy, 7u);
	cr_assert_eq(host_exchange_at(host, 0)->at_ms, virtual_ms);
	cr_assert_str_eq(host_exchange_at(host, 0)->plugin, "hostile");
	cr_assert_str_eq(host_exchange_at(host, 0)->outcome, "refused");
	cr_assert_null(host_exchange_at(host, 1), "and no other one");
	host_stop(host, &config);
	cr_assert_eq(sad_count(ipsec.sad), 0u);
	for (int i = 0; i < 200; i++) {
		spi = 0;
		cr_assert_eq(spi_reserve(ipsec.spis, 1u << 31, &spi), 0, "its SPIs are back");
	}
	cr_assert_null(host_plugin_at(host, 0), "unloaded");
	end();
	config_fini(&config);
}

Test(host, start_says_what_is_wrong)
{
	const uint32_t policies[] = {7};
	struct config other;

	begin("tests/modules");
	load_config("a",
		"[Interface]\nName = diet0\nAddress = fd00::1/64\n[Peer \"p\"]\nKeying = abi\n"
		"Address = fd00::2\nColour = red\n",
		&config);
	cr_assert_lt(host_start(host, &config, policies, &errors), 0);
	cr_assert(strstr(errors.list[0].text, "ABI"), "%s", errors.list[0].text);
	load_config("a",
		"[Interface]\nName = diet0\nAddress = fd00::1/64\n[Peer \"p\"]\nKeying = good\n"
		"Address = fd00::2\nShape = red\n",
		&other);
	cr_assert_lt(host_start(host, &other, policies, &errors), 0);
	cr_assert_eq(errors.n, 2u);
	cr_assert(strstr(errors.list[0].text, "Shape"), "%s", errors.list[0].text);
	cr_assert(strstr(errors.list[1].text, "Colour"), "%s", errors.list[1].text);
	cr_assert_null(host_plugin_at(host, 0), "nothing of it stays");
	cr_assert_str_eq(host_trouble(host, 7), "");
	end();
	config_fini(&config);
	config_fini(&other);
}

static void write_key(const char *name, uint8_t fill)
{
	uint8_t octets[36];
	char text[SECRET_BASE64_LEN(36)];
	char path[128];
	FILE *f;

	memset(octets, fill, sizeof octets);
	secret_to_base64(octets, sizeof octets, text);
	snprintf(path, sizeof path, "%s/%s", base, name);
	f = fopen(path, "w");
	cr_assert(f);
	fprintf(f, "%s\n", text);
	fclose(f);
	cr_assert_eq(chmod(path, 0600), 0);
}

static void manual_config(struct config *out, const char *tunnel, int address, const char *out_key,
	const char *in_key, const char *more)
{
	char text[1024];

	snprintf(text, sizeof text,
		"[Interface]\nName = diet%d\nAddress = fd00:%d::1/64\n[Peer \"b\"]\nKeying = "
		"manual\n"
		"Address = fd00:%d::2\nCipher = chacha20-poly1305-iiv\nCompress = link\n"
		"Fallback = no\nOutSpi = 0x1102\nInSpi = 0x22%02x\nOutKey = %s/%s\nInKey = "
		"%s/%s\n%s",
		address, address, address, address, base, out_key, base, in_key, more);
	load_config(tunnel, text, out);
}

/* One life: a new process would see no more than the folder. */
static void begin_life(uint32_t policy)
{
	begin("keying");
	manual_config(&config, "home", 1, "out", "in", "");
	add_policy(policy, &config.peers[0]);
	cr_assert_eq(host_start(host, &config, &policy, &errors), 0, "%s", errors.list[0].text);
}

static void end_life(void)
{
	host_stop(host, &config);
	end();
	config_fini(&config);
}

static struct sa *sa_of(uint32_t policy, enum sa_dir dir)
{
	const struct policy *p = spd_find(ipsec.spd, policy);

	list_each (node, &p->sas) {
		struct sa *sa = container_of(node, struct sa, by_policy);

		if (sa->dir == dir)
			return sa;
	}
	return NULL;
}

/* As the dataplane does after a batch. */
static void notice(struct sa *sa)
{
	uint32_t notices = sa->notices;

	sa->notices = 0;
	if (notices)
		host_notice(host, sa, notices);
}

/* Takes n numbers, waiting for the disk where it must; returns the last. */
static uint64_t send_packets(struct sa *sa, int n)
{
	uint64_t last = sa->sequence;

	while (n > 0) {
		enum drop drop = sa_take_sequence(sa, virtual_ms);

		notice(sa);
		if (drop == DROP_SEQ_WAIT) {
			settle();
			continue;
		}
		cr_assert_eq(drop, DROP_NONE);
		cr_assert_eq(sa->sequence, last + 1);
		last = sa->sequence;
		n--;
	}
	return last;
}

static uint64_t row(const char *kind, uint8_t fill)
{
	uint8_t key[36];
	uint8_t digest[16];
	uint8_t value[8];
	char name[64];
	size_t len;
	size_t n = (size_t)snprintf(name, sizeof name, "core/%s/", kind);

	memset(key, fill, sizeof key);
	hash_digest((struct slice){key, sizeof key}, digest);
	for (int i = 0; i < 16; i++)
		n += (size_t)snprintf(name + n, sizeof name - n, "%02x", digest[i]);
	cr_assert_eq(state_load(state, name, value, sizeof value, &len), 0, "%s", name);
	cr_assert_eq(len, 8u);
	return get_be64(value);
}

Test(host, manual_keys_through_several_lives)
{
	char text[256];
	struct sa *out;
	struct sa *in;
	uint64_t last;

	write_key("out", 1);
	write_key("in", 2);

	/* Nothing on record: no SA, a reason, and a remedy. */
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT));
	cr_assert(strstr(host_trouble(host, 5), "fresh-key"), "%s", host_trouble(host, 5));
	cr_assert_str_eq(last_event, "plugin.manual.no-record");
	cr_assert_eq(host_fresh_key(host, 6, text, sizeof text), -ENOENT);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2, "%s", text);
	cr_assert_null(sa_of(5, SA_OUT), "the plugin is asked in the loop's next turn");
	settle();
	out = sa_of(5, SA_OUT);
	in = sa_of(5, SA_IN);
	cr_assert(out && in);
	cr_assert_str_eq(host_trouble(host, 5), "");
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), -EEXIST);
	/* Reserved at the first packet, not before. */
	cr_assert_eq(row("seq", 1), 1u);
	cr_assert_eq(sa_take_sequence(out, virtual_ms), DROP_SEQ_WAIT);
	cr_assert_eq(send_packets(out, 10), 10u);
	cr_assert_gt(row("seq", 1), 10u);
	last = send_packets(out, 20000);
	cr_assert_eq(last, 20010u);
	cr_assert_gt(row("seq", 1), last);
	cr_assert_leq(row("seq", 1), last + 2 * 32256);
	/* What came is stored: a jump of a quarter at once, the rest after a second. */
	sa_accept_sequence(in, 1);
	notice(in);
	sa_accept_sequence(in, 30000);
	notice(in);
	settle();
	cr_assert_eq(row("seen", 2), 30000u);
	sa_accept_sequence(in, 30005);
	notice(in);
	settle();
	cr_assert_eq(row("seen", 2), 30000u);
	usleep(1100000);
	settle();
	cr_assert_eq(row("seen", 2), 30005u);
	sa_accept_sequence(in, 30009);
	end_life();

	/* A clean stop wrote both exactly: nothing jumps, nothing old is taken. */
	begin_life(9);
	out = sa_of(9, SA_OUT);
	in = sa_of(9, SA_IN);
	cr_assert(out && in, "%s", host_trouble(host, 9));
	cr_assert_eq(row("seq", 1), last + 1);
	cr_assert_eq(row("seen", 2), 30009u);
	cr_assert_neq(replay_check(&in->replay, 30009), DROP_NONE);
	cr_assert_neq(replay_check(&in->replay, 5), DROP_NONE);
	cr_assert_eq(replay_check(&in->replay, 30010), DROP_NONE);
	cr_assert_eq(send_packets(out, 1), last + 1);
	/* `sa delete`: comes back with an acquire, and goes on where it was. */
	cr_assert_eq(host_sa_remove(host, out->id), 0);
	cr_assert_eq(host_sa_remove(host, 4711), -ENOENT);
	cr_assert_null(sa_of(9, SA_OUT));
	{
		static uint8_t packet[48] = {0x60, [4] = 0, [5] = 8, [6] = 17, [7] = 64};
		struct ip_packet ip = {.data = packet,
			.len = 48,
			.version = 6,
			.src = packet + 8,
			.dst = packet + 24,
			.proto = 17};

		host_acquire(host, spd_find(ipsec.spd, 9), &ip);
		settle();
	}
	out = sa_of(9, SA_OUT);
	cr_assert(out);
	cr_assert_eq(send_packets(out, 1), last + 2);
	end_life();
	begin_life(9);
	cr_assert_eq(row("seq", 1), last + 3);
	end_life();

	/* The keys swapped: the other end has counted under them. */
	write_key("out", 2);
	write_key("in", 1);
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT));
	cr_assert(strstr(host_trouble(host, 5), "other direction"), "%s", host_trouble(host, 5));
	cr_assert_lt(host_fresh_key(host, 5, text, sizeof text), 0);
	end_life();

	/* The store is gone and its witness is not: nothing starts. */
	write_key("out", 1);
	write_key("in", 2);
	shell("rm %s/store/state.db", base);
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT));
	cr_assert(strstr(host_trouble(host, 5), "lost"), "%s", host_trouble(host, 5));
	cr_assert_lt(host_fresh_key(host, 5, text, sizeof text), 0);
	end_life();
}

/* A file of the daemon's folder: a peer under a set of rules, or under its profile alone. */
static void ruled_config(struct config *out, const char *compress, const char *lines)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/home.conf", base);
	f = fopen(path, "w");
	cr_assert(f);
	fprintf(f,
		"[Interface]\nName = diet1\nAddress = fd00:1::1/64\n[Peer \"b\"]\n"
		"Keying = manual\nAddress = fd00:1::2\nCipher = chacha20-poly1305-iiv\n"
		"Fallback = no\nOutSpi = 0x1102\nInSpi = 0x2201\nOutKey = out\nInKey = in\n"
		"Compress = %s\n%s\n",
		compress, lines);
	fclose(f);
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load(path, out, &errors), 0, "%s", errors.list[0].text);
}

/* What a set's RulesDigest has to be. */
static uint32_t file_digest(const char *compress)
{
	struct rules_file file;
	struct rules_set set;
	uint8_t data[8192];
	char path[96];
	uint32_t digest;
	FILE *f;
	size_t len;

	snprintf(path, sizeof path, "%s/rules/%s.cbor", base, compress);
	f = fopen(path, "rb");
	cr_assert(f);
	len = fread(data, 1, sizeof data, f);
	fclose(f);
	cr_assert_eq(rules_file_open((struct slice){data, len}, &file, NULL), 0);
	cr_assert_eq(rules_set_read(file.context, &set, NULL), 0);
	digest = rules_set_digest(&set);
	rules_set_free(&set);
	rules_file_close(&file);
	return digest;
}

static void reload_ruled(const char *compress, const char *device)
{
	const uint32_t policy[] = {5};
	char digest[RULES_DIGEST_TEXT];
	char lines[96] = "";
	struct config next;

	if (*device)
		snprintf(lines, sizeof lines, "Device = %s\nRulesDigest = %s", device,
			rules_digest_print(file_digest(compress), digest));
	ruled_config(&next, compress, lines);
	cr_assert_eq(
		host_reload(host, &config, &next, policy, &errors), 0, "%s", errors.list[0].text);
	config_fini(&config);
	config = next;
	settle();
	cr_assert(sa_of(5, SA_OUT) && sa_of(5, SA_IN), "%s", host_trouble(host, 5));
}

/* Which key the SA has: that of the file, or one bound to the rules. */
static void expect_key(enum sa_dir dir, uint8_t fill, bool dev_sends)
{
	uint8_t keymat[36];
	uint8_t digest[HASH_DIGEST_LEN];

	memset(keymat, fill, sizeof keymat);
	if (config.peers[0].rules)
		rules_key_bind(keymat, sizeof keymat, config.peers[0].rules->set.digest, dev_sends);
	hash_digest((struct slice){keymat, sizeof keymat}, digest);
	cr_assert_arr_eq(sa_of(5, dir)->key_id, digest, sizeof digest);
}

/* Ends that differ in rules, or in who is Dev, have no key in common; the record is the file's. */
Test(host, rules_bind_manual_keys)
{
	/* RFC 5869 by OpenSSL 3: `openssl kdf ... HKDF` without salt. */
	static const uint8_t bound[] = {0xf2, 0x2a, 0x8b, 0x1f, 0xc3, 0x45, 0x01, 0x89, 0x18, 0x4e,
		0xe6, 0x4c, 0x95, 0xdf, 0x23, 0x8c, 0xf6, 0x4f, 0xf5, 0xeb, 0x36, 0x74, 0xbb, 0x95,
		0xc6, 0x27, 0x7f, 0x24, 0xd0, 0xb5, 0x05, 0x9d, 0xb9, 0x52, 0x46, 0xfc};
	uint8_t keymat[sizeof bound];
	uint8_t abc[HASH_SHA256_LEN];
	const uint32_t policy[] = {5};
	char text[256];
	uint64_t last;

	hash_sha256((struct slice){(const uint8_t *)"abc", 3}, abc);
	for (size_t i = 0; i < sizeof keymat; i++)
		keymat[i] = (uint8_t)i;
	rules_key_bind(keymat, sizeof keymat, abc, true);
	cr_assert_arr_eq(keymat, bound, sizeof bound);

	write_key("out", 1);
	write_key("in", 2);
	shell("mkdir %s/rules && cp %s/conf/rules/*.cbor %s/rules/", base,
		getenv("DIETVPN_SOURCE_DIR"), base);
	begin("keying");
	ruled_config(&config, "link", "");
	add_policy(5, &config.peers[0]);
	cr_assert_eq(host_start(host, &config, policy, &errors), 0);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2, "%s", text);
	settle();
	expect_key(SA_OUT, 1, false);
	last = send_packets(sa_of(5, SA_OUT), 10);
	sa_accept_sequence(sa_of(5, SA_IN), 700);

	/* Under rules: other keys, and no new declaration; the numbers go on where they were. */
	reload_ruled("icmpv6", "here");
	expect_key(SA_OUT, 1, true);
	expect_key(SA_IN, 2, false);
	cr_assert_eq(send_packets(sa_of(5, SA_OUT), 10), last + 10);
	cr_assert_neq(replay_check(&sa_of(5, SA_IN)->replay, 700), DROP_NONE);
	reload_ruled("icmpv6", "peer");
	expect_key(SA_OUT, 1, false);
	expect_key(SA_IN, 2, true);
	reload_ruled("coap-sensor", "peer");
	expect_key(SA_OUT, 1, false);
	cr_assert_eq(send_packets(sa_of(5, SA_OUT), 10), last + 20);
	reload_ruled("link", "");
	expect_key(SA_OUT, 1, false);
	cr_assert_eq(send_packets(sa_of(5, SA_OUT), 1), last + 21);
	end_life();
}

Test(host, one_key_one_sa_in_the_whole_daemon)
{
	struct config second;
	char text[256];
	const uint32_t other[] = {6};
	sa_id id;

	write_key("out", 1);
	write_key("in", 2);
	write_key("in2", 3);
	begin_life(5);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2);
	settle();
	id = sa_of(5, SA_OUT)->id;
	/* Another tunnel with this tunnel's OutKey, and then with its InKey to send under. */
	manual_config(&second, "other", 2, "out", "in2", "");
	add_policy(6, &second.peers[0]);
	cr_assert_eq(host_start(host, &second, other, &errors), 0);
	cr_assert_null(sa_of(6, SA_OUT));
	cr_assert(host_trouble(host, 6)[0]);
	cr_assert_eq(
		host_fresh_key(host, 6, text, sizeof text), 1, "only the key of its own: %s", text);
	settle();
	cr_assert_null(sa_of(6, SA_OUT));
	cr_assert(
		strstr(host_trouble(host, 6), "in use by another SA"), "%s", host_trouble(host, 6));
	host_stop(host, &second);
	cr_assert_eq(sa_of(5, SA_OUT)->id, id);
	cr_assert_null(sa_of(6, SA_IN));
	end_life();
	config_fini(&second);
}

Test(host, reload_keeps_what_did_not_change)
{
	const char *peer_c =
		"[Peer \"c\"]\nKeying = manual\nAddress = fd00:1::3\n"
		"Cipher = chacha20-poly1305-iiv\nCompress = link\nFallback = no\n"
		"OutSpi = 0x3302\nInSpi = 0x4401\nOutKey = %s/out-c\nInKey = %s/in-c\n";
	struct config next;
	char more[512];
	char text[256];
	const uint32_t both[] = {5, 6};
	const uint32_t one[] = {5};
	sa_id id;
	uint64_t last;

	write_key("out", 1);
	write_key("in", 2);
	write_key("out-c", 3);
	write_key("in-c", 4);
	begin_life(5);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2);
	settle();
	id = sa_of(5, SA_OUT)->id;
	last = send_packets(sa_of(5, SA_OUT), 100);
	snprintf(more, sizeof more, peer_c, base, base);
	manual_config(&next, "home", 1, "out", "in", more);
	add_policy(6, &next.peers[1]);
	cr_assert_eq(
		host_reload(host, &config, &next, both, &errors), 0, "%s", errors.list[0].text);
	config_fini(&config);
	config = next;
	cr_assert_eq(sa_of(5, SA_OUT)->id, id);
	cr_assert_eq(host_fresh_key(host, 6, text, sizeof text), 2);
	settle();
	cr_assert(sa_of(6, SA_OUT));

	/* A file with an error changes nothing. */
	manual_config(&next, "home", 1, "out", "in", "Colour = red\n");
	cr_assert_eq(host_reload(host, &config, &next, one, &errors), -EINVAL);
	cr_assert(strstr(errors.list[0].text, "Colour"));
	config_fini(&next);
	cr_assert_eq(sa_of(5, SA_OUT)->id, id);
	cr_assert(sa_of(6, SA_OUT));

	/* c goes, b gets a new key and then its old one back: where it was, not at 1. */
	write_key("out", 9);
	manual_config(&next, "home", 1, "out", "in", "");
	cr_assert_eq(host_reload(host, &config, &next, one, &errors), 0);
	config_fini(&config);
	config = next;
	cr_assert_null(sa_of(6, SA_OUT));
	cr_assert_null(sa_of(6, SA_IN));
	cr_assert_null(sa_of(5, SA_OUT));
	cr_assert(strstr(host_trouble(host, 5), "fresh-key"));
	write_key("out", 1);
	manual_config(&next, "home", 1, "out", "in", "");
	cr_assert_eq(host_reload(host, &config, &next, one, &errors), 0);
	config_fini(&config);
	config = next;
	cr_assert(sa_of(5, SA_OUT));
	cr_assert_eq(send_packets(sa_of(5, SA_OUT), 1), last + 1);
	end_life();
}

Test(host, kill_9_between_packets_never_repeats_a_number)
{
	uint64_t highest = 0;

	write_key("out", 1);
	write_key("in", 2);
	for (int life = 0; life < 12; life++) {
		uint64_t used[2] = {0, 0}; /* first, last */
		int ends[2];
		int status;
		pid_t pid;

		cr_assert_eq(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			char text[256];
			struct sa *out;

			alarm(20); /* a failed assertion in here must end it, too */
			begin_life(5);
			if (life == 0)
				host_fresh_key(host, 5, text, sizeof text);
			settle();
			out = sa_of(5, SA_OUT);
			if (!out)
				_exit(1);
			used[0] = send_packets(out, 1);
			used[1] = send_packets(out, 1 + life * 997);
			if (write(ends[1], used, sizeof used) != sizeof used)
				_exit(2);
			_exit(0); /* no stop, no close: as kill -9 */
		}
		close(ends[1]);
		cr_assert_eq(read(ends[0], used, sizeof used), (ssize_t)sizeof used);
		close(ends[0]);
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		cr_assert_gt(used[0], highest);
		cr_assert_leq(used[0] - highest, 32256u + 32256u / 2 + 1, "the peer can follow");
		highest = used[1];
	}
}

Test(host, store_that_cannot_be_had)
{
	write_key("out", 1);
	write_key("in", 2);
	no_state = true;
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT));
	cr_assert(strstr(host_trouble(host, 5), "replace the keys"), "%s", host_trouble(host, 5));
	end_life();
}

/* The advice is followed: another key, then fresh-key. The one before must not become fresh too. */
Test(host, fresh_key_declares_only_what_waits_now)
{
	char text[256];
	struct config next;
	const uint32_t policy[] = {5};

	write_key("out", 1);
	write_key("in", 2);
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT));
	/* Once with a reload, once without. */
	write_key("out", 7);
	manual_config(&next, "home", 1, "out", "in", "");
	cr_assert_eq(host_reload(host, &config, &next, policy, &errors), 0);
	config_fini(&config);
	config = next;
	write_key("in", 8);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2, "%s", text);
	settle();
	cr_assert(sa_of(5, SA_OUT) && sa_of(5, SA_IN));
	cr_assert_eq(row("seq", 7), 1u);
	end_life();

	/* The old key comes back by mistake: still unknown. */
	write_key("out", 1);
	write_key("in", 2);
	begin_life(5);
	cr_assert_null(sa_of(5, SA_OUT), "the replaced key counts from 1");
	cr_assert_null(sa_of(5, SA_IN));
	end_life();
}

/* Forged packets between good ones are a burst each time; a log is not theirs to fill. */
Test(host, forged_bursts_are_told_rarely)
{
	char path[96];
	char text[256];
	char line[512];
	struct sa *in;
	int lines = 0;
	int err = dup(2);
	FILE *f;

	write_key("out", 1);
	write_key("in", 2);
	begin_life(5);
	cr_assert_eq(host_fresh_key(host, 5, text, sizeof text), 2);
	settle();
	in = sa_of(5, SA_IN);
	snprintf(path, sizeof path, "%s/log", base);
	cr_assert(freopen(path, "w", stderr));
	for (uint64_t i = 1; i <= 1000; i++) {
		for (int forged = 0; forged < 100; forged++)
			sa_count_icv_failure(in);
		notice(in);
		sa_accept_sequence(in, i);
		notice(in);
		virtual_ms += 50; /* 50 s in all */
	}
	settle();
	fflush(stderr);
	dup2(err, 2);
	f = fopen(path, "r");
	cr_assert(f);
	while (fgets(line, sizeof line, f))
		lines += strstr(line, "do not verify") != NULL;
	fclose(f);
	cr_assert_eq(lines, 2, "%d lines", lines);
	cr_assert_eq(in->counters.icv_failures, 100000u);
	end_life();
}
