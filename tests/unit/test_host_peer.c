/* SPDX-License-Identifier: Apache-2.0 */
/* keying/host_peer.c and host_manage.c through a module that does what the test asks: peers of
 * templates, questions and their answers, rows by name. */
#include "keying/host.h"

#include "base/buf.h"
#include "crypto/secret.h"
#include "esp/sa.h"
#include "fakes/shell.h"
#include "io/dataplane.h"
#include "ip/packet.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/state.h"

#include <criterion/criterion.h>
#include <uv.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEMPLATE = 7, EXACT = 8, LAMPS = 9, MANY = 10000, PEERS_MAX = 16384 };

uint64_t dataplane_now_ms(void)
{
	return 1000000;
}

void dataplane_kick(struct dataplane *dp)
{
	(void)dp;
}

struct transport *dataplane_transport(struct dataplane *dp)
{
	(void)dp;
	return NULL;
}

int transport_route(const struct ip_endpoint *remote, uint32_t *mtu, struct ip_addr *source)
{
	(void)remote;
	(void)mtu;
	(void)source;
	return -ENETUNREACH;
}

int transport_send_keying(struct transport *transport, uint16_t port, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload)
{
	(void)transport;
	(void)port;
	(void)local;
	(void)to;
	(void)payload;
	return -ENETUNREACH;
}

static char base[64];
static uv_loop_t loop;
static struct ipsec ipsec;
static struct state *state;
static struct host *host;
static struct config config, next_config;
static struct config_errors errors;
static uint32_t next_policy;
static size_t n_added, n_removed;
static const uint32_t policies[] = {TEMPLATE, EXACT, LAMPS};

static const char file[] = "[Interface]\nName = diet0\nAddress = fd00::1/64\nKeying = guests\n"
			   "[Peer \"sensor-*\"]\nAddress = fd00::/64\nAllow = udp 5683\n"
			   "Cipher = chacha20-poly1305\n"
			   "[Peer \"sensor-07\"]\nAddress = fd00::7\nAllow = udp 5683\n"
			   "[Peer \"lamp-*\"]\nAddress = fd00::/64\nAllow = udp 5684\n";

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
	snprintf(dir, sizeof dir, "%s/store", base);
	snprintf(witness, sizeof witness, "%s/witness", base);
	if (!state && state_open(&loop, dir, witness, &state, text, len))
		return NULL;
	return state;
}

static void add_policy(uint32_t id, const struct config_peer *peer, enum policy_action action,
	const struct ts *remote, size_t n_remote)
{
	struct policy_params params = {
		.id = id, .action = (uint8_t)action, .n_remote = (uint8_t)n_remote};
	struct policy *policy;

	params.n_local = peer->n_ts_local;
	memcpy(params.local, peer->ts_local, sizeof params.local);
	memcpy(params.remote, remote, n_remote * sizeof *remote);
	cr_assert_eq(spd_add(ipsec.spd, &params, NULL, &policy), 0);
}

static int peer_add(void *owner, const struct host_guest *guest, uint32_t *made)
{
	(void)owner;
	if (!strcmp(guest->name, "sensor-twin"))
		return -EEXIST;
	*made = next_policy++;
	add_policy(*made, guest->config, POLICY_PROTECT, guest->remote, guest->n_remote);
	n_added++;
	return 0;
}

static void peer_remove(void *owner, uint32_t policy)
{
	(void)owner;
	spd_remove(ipsec.spd, policy);
	n_removed++;
}

static void load(const char *text, struct config *out)
{
	int r = config_load_text("home", text, strlen(text), out, &errors);

	cr_assert_eq(r, 0, "%s: %s", errors.list[0].at, errors.list[0].text);
}

static void add_policies(const struct config *of, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_policy(policies[i], &of->peers[i],
			of->peers[i].template ? POLICY_TEMPLATE : POLICY_PROTECT,
			of->peers[i].ts_remote, of->peers[i].n_ts_remote);
}

static void set_up(void)
{
	static char plugin_dir[PATH_MAX];
	struct host_params params = {.loop = &loop,
		.ipsec = &ipsec,
		.plugin_dir = plugin_dir,
		.state = open_state,
		.peer_add = peer_add,
		.peer_remove = peer_remove};

	cr_assert(getenv("DIETVPN_BINARY_DIR"), "DIETVPN_BINARY_DIR is set by ctest");
	snprintf(plugin_dir, sizeof plugin_dir, "%s/tests/modules", getenv("DIETVPN_BINARY_DIR"));
	cr_assert_eq(crypto_init(), 0);
	snprintf(base, sizeof base, "/tmp/dv-peer-XXXXXX");
	cr_assert(mkdtemp(base));
	shell("mkdir -m 700 %s/store", base);
	uv_loop_init(&loop);
	cr_assert_eq(ipsec_init(&ipsec, chance, NULL, 64), 0);
	cr_assert_eq(host_create(&params, &host), 0);
	next_policy = 100;
	load(file, &config);
	add_policies(&config, 3);
	cr_assert_eq(host_start(host, &config, policies, &errors), 0, "%s", errors.list[0].text);
}

static void tear_down(void)
{
	host_stop(host, &config);
	host_destroy(host);
	state_close(state);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0, "a handle was left open");
	ipsec_fini(&ipsec);
	config_fini(&config);
	shell("rm -rf %s", base);
}

TestSuite(host_peer, .init = set_up, .fini = tear_down, .timeout = 120);

struct said {
	int calls, error;
	uint32_t n;
	char text[4096];
};

static void on_answer(void *owner, int error, struct slice answer)
{
	struct said *said = owner;

	said->calls++;
	said->error = error;
	if (error) {
		snprintf(said->text, sizeof said->text, "%.*s", (int)answer.len,
			answer.len ? (const char *)answer.data : "");
		return;
	}
	cr_assert_eq(answer.len, 8u);
	for (int i = 4; i < 8; i++)
		said->n = said->n << 8 | answer.data[i];
}

static uint32_t question(const char *verb, struct said *said)
{
	static const uint8_t empty[] = {0xa0};
	const struct host_question question = {
		.verb = verb, .with = {empty, 1}, .done = on_answer, .owner = said};
	uint32_t request;

	*said = (struct said){0};
	cr_assert_eq(host_manage(host, 0, &question, &request), 0, "%s", verb);
	cr_assert_eq(said->calls, 0, "never before host_manage returns");
	return request;
}

static struct said ask(const char *verb)
{
	struct said said;

	question(verb, &said);
	for (int i = 0; i < 1000 && !said.calls; i++)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(said.calls, 1, "%s", verb);
	return said;
}

static void turn(void)
{
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static enum drop send_to(unsigned net, unsigned n)
{
	struct buf *pkt = buf_alloc(256);
	static uint8_t packet[64] = {0x60, [5] = 24, [6] = 17, [7] = 64, [8] = 0xfd, [23] = 1,
		[24] = 0xfd, [40] = 1, [41] = 0, [42] = 0x16, [43] = 0x33, [45] = 24};
	struct batch *batch = calloc(1, sizeof *batch);
	enum drop drop;

	packet[35] = (uint8_t)net;
	packet[38] = (uint8_t)(n >> 8);
	packet[39] = (uint8_t)n;
	buf_set(pkt, packet, sizeof packet);
	batch->n = 1;
	batch->now_ms = 1000000;
	batch->items[0].pkt = pkt;
	outbound(&ipsec, batch);
	drop = batch->items[0].drop;
	buf_free(pkt);
	free(batch);
	return drop;
}

/* What does not belong to the template, and what belongs to somebody else. */
Test(host_peer, refusals)
{
	static const struct {
		const char *verb;
		int error;
	} rows[] = {
		{"add 7 sensor-1 0 16", 0},
		{"add 7 sensor-2 0 16", -EADDRINUSE}, /* sensor-1's */
		{"add 7 sensor-2 0 7", -EADDRINUSE},  /* [Peer "sensor-07"]'s */
		{"add 7 sensor-2 0 1", -ERANGE},      /* ours */
		{"add 9 lamp-2 0 18", -ERANGE},       /* not what Allow of lamp-* says */
		{"add 7 sensor-twin 0 17", -EEXIST},
		{"add 7 lamp-1 0 17", -EINVAL}, /* a name of another template */
		{"add 7 sensor-* 0 17", -EINVAL},
		{"add 7 sensor-\x1b[1m 0 17", -EINVAL},
		{"add 7 sensor-;x 0 17", -EINVAL},
		{"add 7 sensor-890123456789012345678901234567890x 0 17", -EINVAL},
		{"add 8 sensor-2 0 17", -ENOENT},   /* no template */
		{"add 6 sensor-2 0 17", -ENOENT},   /* nobody's */
		{"add 100 sensor-2 0 17", -ENOENT}, /* a peer is no template */
		{"remove 7", -ENOENT},
		{"remove 8", -ENOENT},
		{"remove 999", -ENOENT},
		{"install 7 0 17", -EINVAL},   /* the template has no SAs */
		{"install 100 0 17", -EINVAL}, /* beyond its own address */
		{"install 100 0 16", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct said said = ask(rows[i].verb);

		cr_expect_eq(said.error, rows[i].error, "%s: %d", rows[i].verb, said.error);
	}
	cr_expect_eq(n_added, 1u);
}

/* Its own policy, its own end; the template itself sends nothing. */
Test(host_peer, lives_by_itself)
{
	struct said said;
	struct policy *policy;

	cr_expect_eq(send_to(0, 16), DROP_NO_PEER);
	cr_expect_eq(send_to(0, 7), DROP_NO_SA);
	said = ask("add 7 sensor-1 0 16");
	cr_assert_eq(said.error, 0);
	cr_assert_eq(said.n, 100u);
	cr_expect_eq(send_to(0, 16), DROP_NO_SA);
	cr_expect_eq(send_to(0, 17), DROP_NO_PEER);
	cr_assert_eq(ask("install 100 0 16").error, 0);
	cr_expect_eq(send_to(0, 16), DROP_NO_ENDPOINT, "it has an SA now");
	cr_expect_eq(sad_count(ipsec.sad), 1u);
	policy = spd_find(ipsec.spd, 100);
	cr_assert(policy && !list_empty(&policy->sas));
	cr_assert_eq(ask("remove 100").error, 0);
	cr_expect_eq(sad_count(ipsec.sad), 0u);
	cr_expect_eq(send_to(0, 16), DROP_NO_PEER);
	cr_expect_eq(ask("removed").n, 0u, "it knows what it removed");
	cr_expect_eq(ask("add 7 sensor-1 0 16").error, 0, "again at once");
	host_peer_end(host, 101);
	host_peer_end(host, TEMPLATE);
	cr_expect_eq(ask("remove 101").error, -ENOENT);
	cr_expect_eq(n_removed, 2u);
}

/* The loop's next turn: packets of the same batch may still hold its policy. */
Test(host_peer, news_of_a_guest)
{
	struct ip_packet ip = {.version = 6, .proto = 17};
	static const uint8_t zero[16];

	ip.src = ip.dst = zero;
	cr_assert_eq(ask("add 7 sensor-1 0 16").error, 0);
	host_acquire(host, spd_find(ipsec.spd, 100), &ip);
	cr_expect_eq(ask("acquired").n, 0u, "not yet");
	turn();
	cr_expect_eq(ask("acquired").n, 100u);
	cr_assert_eq(ask("add 7 sensor-2 0 17").error, 0);
	host_acquire(host, spd_find(ipsec.spd, 101), &ip);
	host_peer_end(host, 101);
	turn();
	cr_expect_eq(ask("acquired").n, 100u, "news of a peer that has gone are none");
	cr_assert_eq(ask("install 100 0 16").error, 0);
	host_peer_end(host, 100);
	turn();
	cr_expect_eq(ask("removed").n, 1u, "what another took away it hears of");
}

static void reload(const char *text, const uint32_t *ids, int want)
{
	memset(&errors, 0, sizeof errors);
	load(text, &next_config);
	cr_assert_eq(host_reload(host, &config, &next_config, ids, &errors), want, "%s",
		errors.list[0].text);
	if (want) {
		config_fini(&next_config);
		return;
	}
	config_fini(&config);
	config = next_config;
}

/* An unchanged template keeps its peers; one that went, or began anew, loses them. */
Test(host_peer, reload)
{
	static const uint32_t anew[] = {17, EXACT, LAMPS};
	static const char wrong[] = "[Interface]\nName = diet0\nAddress = fd00::1/64\n"
				    "Keying = guests\n[Peer \"sensor-*\"]\nAddress = fd00::/64\n"
				    "Tase = x\n";
	char sleepy[1024];

	cr_assert_eq(ask("add 7 sensor-1 0 16").error, 0);
	cr_assert_eq(ask("install 100 0 16").error, 0);
	reload(wrong, policies, -EINVAL);
	cr_expect_eq(n_removed, 0u, "a file that is refused changes nothing");
	snprintf(sleepy, sizeof sleepy, "%sTaste = sweet\nSleepy = yes\n", file);
	reload(sleepy, policies, 0);
	cr_expect_eq(n_removed, 0u);
	cr_expect_eq(sad_count(ipsec.sad), 1u);
	cr_expect_eq(ask("add 7 sensor-2 0 16").error, -EADDRINUSE);
	add_policy(17, &config.peers[0], POLICY_TEMPLATE, config.peers[0].ts_remote,
		config.peers[0].n_ts_remote);
	reload(file, anew, 0);
	cr_expect_eq(n_removed, 1u);
	cr_expect_eq(sad_count(ipsec.sad), 0u);
	cr_expect_eq(ask("removed").n, 1u);
	cr_expect_eq(ask("add 7 sensor-1 0 16").error, -ENOENT);
	cr_expect_eq(ask("add 17 sensor-1 0 16").error, 0);
	host_stop(host, &config);
	cr_expect_eq(n_removed, 2u);
}

/* The template's file with a set of rules: this end is App. */
static void load_ruled(struct config *out)
{
	char path[96];
	FILE *f;

	shell("mkdir %s/rules && cp %s/conf/rules/icmpv6.cbor %s/rules/", base,
		getenv("DIETVPN_SOURCE_DIR"), base);
	snprintf(path, sizeof path, "%s/home.conf", base);
	f = fopen(path, "w");
	cr_assert(f);
	fputs("[Interface]\nName = diet0\nAddress = fd00::1/64\nKeying = guests\n"
	      "[Peer \"sensor-*\"]\nAddress = fd00::/64\nAllow = udp 5683\n"
	      "Cipher = chacha20-poly1305\nCompress = icmpv6\nDevice = peer\n",
		f);
	fclose(f);
	cr_assert_eq(config_load(path, out, &errors), 0, "%s", errors.list[0].text);
}

/* A guest's SA is under the rules of its template's file, at the end that it says, or under none.
 */
Test(host_peer, rules_are_those_of_the_file)
{
	static const uint32_t anew[] = {17};
	static const struct {
		const char *named; /* with the file's digest for %08x, plus this */
		unsigned plus;
		int error;
		bool ruled;
	} rows[] = {
		{"install 101 0 16 %08x 0", 1, -EINVAL, false}, /* another set */
		{"install 101 0 16 %08x 1", 0, -EINVAL, false}, /* the other end */
		{"install 101 0 16 %08x -", 0, -EINVAL, false}, /* which end? */
		{"install 101 0 16 - 0", 0, -EINVAL, false},    /* which set? */
		{"install 101 0 16 %08x 0", 0, 0, true},
		{"install 101 0 16 -", 0, 0, false},
	};
	char verb[64];

	/* Without rules in the file the plugin cannot bring any. */
	cr_assert_eq(ask("add 7 sensor-1 0 16").error, 0);
	cr_expect_eq(ask("install 100 0 16 12345678 0").error, -EINVAL);
	cr_expect(strstr(host_trouble(host, 100), "other rules"), "%s", host_trouble(host, 100));
	load_ruled(&next_config);
	add_policy(17, &next_config.peers[0], POLICY_TEMPLATE, next_config.peers[0].ts_remote,
		next_config.peers[0].n_ts_remote);
	cr_assert_eq(host_reload(host, &config, &next_config, anew, &errors), 0, "%s",
		errors.list[0].text);
	config_fini(&config);
	config = next_config;
	cr_assert_eq(ask("add 17 sensor-1 0 16").error, 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct policy *policy = spd_find(ipsec.spd, 101);
		struct said said;

		snprintf(verb, sizeof verb, rows[i].named,
			config.peers[0].attrs.rules_digest + rows[i].plus);
		said = ask(verb);
		cr_expect_eq(said.error, rows[i].error, "%s: %d", verb, said.error);
		if (said.error)
			continue;
		cr_expect_eq(policy->out->diet.by_set, rows[i].ruled, "%s", verb);
		cr_assert_eq(host_sa_remove(host, policy->out->id), 0);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Their number is bounded, and none costs more than the one before: under a sanitizer 10,000 take
 * well below a second, a loop over all for each some 20. */
Test(host_peer, ten_thousand)
{
	double before = seconds();

	cr_assert_eq(ask("fill 7 10000").n, MANY);
	cr_expect_eq(ask("install 5000 1 4900").error, 0);
	cr_expect_eq(send_to(1, 4900), DROP_NO_ENDPOINT);
	cr_expect_eq(send_to(1, 9999), DROP_NO_SA);
	cr_expect_eq(send_to(1, 10000), DROP_NO_PEER);
	reload(file, policies, 0);
	cr_expect_eq(n_removed, 0u);
	cr_expect_eq(ask("fill 7 20000").n, PEERS_MAX - MANY, "and then it is full");
	host_stop(host, &config);
	cr_expect_eq(n_removed, PEERS_MAX);
	cr_expect_lt(seconds() - before, 5.0);
	printf("10000 peers of a template: %.3f s\n", seconds() - before);
}

Test(host_peer, answers)
{
	struct said twice;
	struct said never;
	struct said ended;
	struct host_manager manager;
	uint32_t request;

	cr_assert(host_manager_at(host, 0, &manager));
	cr_expect_str_eq(manager.tunnel, "home");
	cr_expect_str_eq(manager.keying, "guests");
	cr_expect(manager.templates);
	cr_expect_not(host_manager_at(host, 1, &manager));
	cr_expect_eq(ask("later").n, 1u);
	twice = ask("twice");
	cr_expect_eq(twice.n, 1u);
	request = question("never", &never);
	host_manage_cancel(host, request);
	host_manage_cancel(host, request);
	request = question("later", &never);
	host_manage_cancel(host, request);
	question("never", &ended);
	cr_expect_eq(ask("removed").calls, 1);
	host_stop(host, &config);
	usleep(5000);
	turn();
	cr_expect_eq(never.calls, 0, "who has left is not told");
	cr_expect_eq(ended.calls, 1);
	cr_expect_eq(ended.error, -ECANCELED);
	cr_expect_str_eq(ended.text, "its keying has stopped");
}

Test(host_peer, questions_are_bounded)
{
	const struct host_question params = {.verb = "never", .done = on_answer};
	uint32_t request[64];
	size_t n = 0;

	while (n < 64 && !host_manage(host, 0, &params, &request[n]))
		n++;
	cr_expect_eq(n, 32u);
	host_manage_cancel(host, request[5]);
	cr_expect_eq(host_manage(host, 0, &params, &request[5]), 0);
	cr_expect_eq(host_manage(host, 0, &params, &request[0]), -EAGAIN);
	cr_expect_eq(host_manage(host, 1, &params, &request[0]), -ENOENT);
}

/* By their names, in order, and gone when it is said. */
Test(host_peer, rows_by_name)
{
	cr_assert_eq(ask("list enrol/").error, -100);
	cr_assert_eq(ask("save enrol/b").error, 0);
	cr_assert_eq(ask("save enrol/a").error, 0);
	cr_assert_eq(ask("save other/a").error, 0);
	cr_assert_str_eq(ask("list enrol/").text, "enrol/a enrol/b ");
	cr_assert_str_eq(ask("list ").text, "enrol/a enrol/b other/a ");
	cr_assert_eq(ask("delete enrol/a").error, 0);
	cr_assert_eq(ask("delete enrol/a").error, 0, "it is gone: that was wanted");
	cr_assert_str_eq(ask("list enrol/").text, "enrol/b ");
	cr_assert_str_eq(ask("list enrol/c").text, "");
}
