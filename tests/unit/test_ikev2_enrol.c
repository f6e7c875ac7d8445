/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a device is: a gateway with one template, and devices that come to it, each end with a host
 * of its own in virtual time. Derived PSKs, pinned keys, imprinting, revocation; a crash at every
 * write.
 */
#include "fakes/fake_host.h"

#include "codec/tree.h"
#include "crypto/enrol.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/sign_private.h"
#include "keying/plugin.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

enum { NODES = 5, GATEWAY = 0, SECOND = 1000, TEMPLATE_POLICY = 10, REQUEST = 77 };

static const char master_text[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const struct keying_plugin_ops *const ops = &keying_plugin_ikev2;

/* The gateway is the first; the devices are sensor-1 and so on. */
static struct node {
	struct fake_host fake;
	struct keying *k;
	struct ip_endpoint at;
	size_t taken; /* of fake.sent */
	bool deaf;
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];
} nodes[NODES];

static size_t messages;
static const char *tunnel; /* of the device that is started next */

static void set_up_node(size_t i)
{
	struct node *n = &nodes[i];

	memset(n, 0, sizeof *n);
	fake_host_init(&n->fake);
	n->fake.random = 1000 * i + 7;
	n->fake.now_ms = 1000000;
	n->at.addr = (struct ip_addr){4, {192, 0, 2, (uint8_t)(i + 1)}};
	n->fake.own = n->at.addr;
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	for (size_t i = 0; i < NODES; i++)
		set_up_node(i);
	messages = 0;
	tunnel = "home";
}

static void end(struct node *n)
{
	if (!n->k)
		return;
	ops->stop(n->k);
	ops->destroy(n->k);
	n->k = NULL;
	cr_assert_eq(fake_host_living(&n->fake), 0u);
	cr_assert_eq(n->fake.n_spis, 0u);
}

static void tear_down(void)
{
	for (size_t i = 0; i < NODES; i++)
		end(&nodes[i]);
}

TestSuite(ikev2_enrol, .init = set_up, .fini = tear_down);

static struct slice config_of(const char *text)
{
	static struct tree_writer w;
	static struct config_errors errors;
	const uint32_t policies[] = {TEMPLATE_POLICY, TEMPLATE_POLICY + 1};
	struct config config;

	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load_text(tunnel, text, strlen(text), &config, &errors), 0, "%s: %s",
		errors.list[0].at, errors.list[0].text);
	tree_writer_fini(&w);
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "ikev2", policies);
	config_fini(&config);
	return (struct slice){w.data, w.len};
}

static void start(struct node *n, const char *text)
{
	struct slice config = config_of(text);

	n->fake.n_errors = 0;
	cr_assert_eq(ops->check(&n->fake.table, config), 0, "%s", n->fake.errors[0].text);
	cr_assert_eq(ops->create(&n->fake.table, config, &n->k), 0);
	cr_assert_eq(ops->start(n->k), 0);
}

/* No last word, and what is not on disk is lost. */
static void crash(struct node *n)
{
	ops->destroy(n->k);
	n->k = NULL;
	for (size_t i = 0; i < n->fake.n_sas; i++)
		n->fake.sas[i].id = 0;
	n->fake.n_spis = n->fake.n_timers = n->fake.n_sent = n->taken = n->fake.n_peers = 0;
	n->fake.next_socket = 0;
	fake_host_crash(&n->fake);
}

/* Its private key is the seed of its number; what others see of it is in n->fingerprint. */
static void give_key(struct node *n, const char *peer, uint8_t number)
{
	uint8_t seed[SIGN_ED25519_LEN] = {number, 1};
	char text[SECRET_BASE64_LEN(sizeof seed)];
	char name[64];
	struct sign_private *key;

	secret_to_base64(seed, sizeof seed, text);
	snprintf(name, sizeof name, "%s/Key", peer);
	fake_host_secret(&n->fake, name, text, 0);
	cr_assert_eq(sign_private_from_seed(seed, &key), 0);
	sign_public_fingerprint(sign_private_public(key), n->fingerprint);
	sign_private_destroy(key);
}

static const char *const gateway_text =
	"[Interface]\nName = diet0\nAddress = fd00::1/64\nId = gw.home\nMaster = keys/master\n"
	"[Peer \"sensor-*\"]\nKeying = ikev2\nRole = responder\nAddress = fd00::/64\n"
	"Compress = off\nCipher = chacha20-poly1305\n";

static void start_gateway(bool with_key)
{
	fake_host_secret(&nodes[GATEWAY].fake, "Master", master_text, 0);
	if (with_key)
		give_key(&nodes[GATEWAY], "sensor-*", 200);
	start(&nodes[GATEWAY], gateway_text);
}

static void start_device(size_t i, const char *id, const char *address, const char *more)
{
	char text[600];

	snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = %s/64\nId = %s\n"
		"[Peer \"gw.home\"]\nKeying = ikev2\nRole = initiator\nEndpoint = 192.0.2.1\n"
		"Address = fd00::1\nCompress = off\nCipher = chacha20-poly1305\n%s\n",
		address, id, more);
	start(&nodes[i], text);
}

static struct ip_addr address_of(const char *id, uint32_t probe)
{
	const struct enrol_pool pool = {
		.prefix = {6, {0xfd}}, .prefix_len = 64, .gateway = {6, {[0] = 0xfd, [15] = 1}}};
	struct ip_addr addr;

	cr_assert_eq(
		enrol_address(&pool, (struct slice){(const uint8_t *)id, strlen(id)}, probe, &addr),
		0);
	return addr;
}

static const char *print(const struct ip_addr *addr)
{
	static char text[48];
	size_t n = 0;

	for (size_t i = 0; i < 16; i += 2)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%x", i ? ":" : "",
			(unsigned)(addr->bytes[i] << 8 | addr->bytes[i + 1]));
	return text;
}

/* As `dietvpn adopt` writes it on the device. */
static void give_psk(struct node *n, const char *id, uint32_t generation)
{
	uint8_t master[ENROL_MASTER_MAX];
	uint8_t psk[ENROL_PSK_LEN];
	char text[2 + 2 * sizeof psk + 1] = "0x";
	size_t len;

	cr_assert_eq(
		enrol_master((struct slice){(const uint8_t *)master_text, sizeof master_text - 1},
			master, &len),
		0);
	cr_assert_eq(enrol_psk((struct slice){master, len},
			     (struct slice){(const uint8_t *)id, strlen(id)}, generation, psk),
		0);
	for (size_t i = 0; i < sizeof psk; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", psk[i]);
	fake_host_secret(&n->fake, "gw.home/Psk", text, 0);
}

static void start_derived(size_t i, const char *id, uint32_t generation)
{
	const struct ip_addr addr = address_of(id, 0);

	give_psk(&nodes[i], id, generation);
	start_device(i, id, print(&addr), "Psk = keys/psk");
}

static void start_keyed(size_t i, const char *id, uint8_t number, const char *more)
{
	const struct ip_addr addr = address_of(id, 0);

	give_key(&nodes[i], "gw.home", number);
	start_device(i, id, print(&addr), more);
}

static struct node *at(const struct ip_endpoint *to)
{
	for (size_t i = 0; i < NODES; i++)
		if (!memcmp(&nodes[i].at.addr, &to->addr, sizeof to->addr))
			return &nodes[i];
	return NULL;
}

static bool step(struct node *from)
{
	size_t i = from->taken;
	struct keying_datagram d;
	struct node *to;

	if (i == from->fake.n_sent)
		return false;
	from->taken++;
	messages++;
	to = at(&from->fake.sent[i].to);
	d = (struct keying_datagram){.socket = from->fake.sent[i].socket,
		.local = to->at,
		.remote = from->at,
		.payload = {from->fake.sent[i].data, from->fake.sent[i].len}};
	d.local.port = d.remote.port = d.socket ? 4500 : 500;
	if (to->k && !to->deaf)
		ops->datagram(to->k, &d);
	if (from->taken == from->fake.n_sent)
		from->taken = from->fake.n_sent = 0;
	return true;
}

static bool tell_saved(struct node *n)
{
	uint32_t token;

	if (!n->k || !fake_host_saved(&n->fake, &token))
		return false;
	ops->saved(n->k, token, 0);
	return true;
}

static void pump(void)
{
	for (int n = 0; n < 10000; n++) {
		bool some = false;

		for (size_t i = 0; i < NODES; i++)
			some = step(&nodes[i]) || tell_saved(&nodes[i]) || some;
		if (!some)
			return;
	}
	cr_assert_fail("they never come to rest");
}

static void run(uint64_t ms)
{
	uint64_t until = nodes[0].fake.now_ms + ms;
	uint32_t timer;

	pump();
	for (uint64_t now = nodes[0].fake.now_ms + 50; now <= until; now += 50) {
		for (size_t i = 0; i < NODES; i++) {
			struct node *n = &nodes[i];

			while (n->k && n->fake.now_ms < now &&
				fake_host_advance(&n->fake, now - n->fake.now_ms, &timer)) {
				ops->timeout(n->k, timer);
				pump();
			}
			n->fake.now_ms = now;
		}
		pump();
	}
}

static void acquire(size_t i)
{
	const struct keying_acquire asked = {.policy = TEMPLATE_POLICY};

	ops->acquire(nodes[i].k, &asked);
}

/* The gateway has a pair of SAs under the policy of this device, and the device one as well. */
static bool is_up(size_t i, const char *id)
{
	const struct fake_host *gateway = &nodes[GATEWAY].fake;
	uint32_t policy = fake_host_peer(gateway, id);
	size_t n = 0;

	for (size_t k = 0; k < gateway->n_sas; k++)
		n += gateway->sas[k].id && gateway->sas[k].params.policy == policy;
	return policy && n == 2 && fake_host_living(&nodes[i].fake) == 2;
}

/* Rows about devices and gateways; others are about addresses of strangers. */
static size_t rows(size_t i)
{
	return fake_host_rows(&nodes[i].fake, "device/") +
	       fake_host_rows(&nodes[i].fake, "gateway/");
}

static void expect_up(size_t i, const char *id)
{
	for (size_t k = 0; !is_up(i, id) && k < NODES; k++)
		for (size_t n = 0; n < nodes[k].fake.n_logs; n++)
			fprintf(stderr, "%zu: %s\n", k, nodes[k].fake.logs[n]);
	cr_assert(is_up(i, id), "%s: %zu SAs", id, fake_host_living(&nodes[i].fake));
}

static struct tree *answer(const char *verb, struct tree_writer *w, int error)
{
	struct node *gateway = &nodes[GATEWAY];
	size_t n = gateway->fake.n_answers;
	struct tree *tree;

	ops->manage(gateway->k, REQUEST, verb, (struct slice){w->data, w->len});
	if (error != -EBUSY)
		pump();
	tree_writer_fini(w);
	cr_assert_eq(gateway->fake.n_answers, n + 1, "%s", verb);
	cr_assert_eq(gateway->fake.answers[n].request, (unsigned)REQUEST);
	cr_assert_eq(gateway->fake.answers[n].error, error, "%s: %d: %.*s", verb,
		gateway->fake.answers[n].error, (int)gateway->fake.answers[n].len,
		gateway->fake.answers[n].data);
	gateway->fake.n_answers = 0;
	if (error)
		return NULL;
	tree = tree_parse(gateway->fake.answers[n].data, gateway->fake.answers[n].len,
		TREE_DEPTH_FRAME, NULL);
	cr_assert(tree);
	return tree;
}

static void begin_order(struct tree_writer *w, size_t pairs, const char *name)
{
	tree_writer_init(w);
	tree_put_map(w, pairs);
	if (!name)
		return;
	tree_put_text(w, "name");
	tree_put_text(w, name);
}

static struct tree *order(const char *verb, const char *name, int error)
{
	struct tree_writer w;

	begin_order(&w, name ? 1 : 0, name);
	return answer(verb, &w, error);
}

static uint32_t revoke(const char *name)
{
	struct tree *tree = order("enroll.revoke", name, 0);
	uint64_t generation = 0;

	cr_assert(tree_uint(tree_get(tree_root(tree), "generation"), UINT32_MAX, &generation));
	tree_free(tree);
	return (uint32_t)generation;
}

static void adopt_key(const char *name, const uint8_t fingerprint[SIGN_FINGERPRINT_LEN], int error)
{
	struct tree_writer w;

	begin_order(&w, 2, name);
	tree_put_text(&w, "fingerprint");
	tree_put_bytes(&w, fingerprint, SIGN_FINGERPRINT_LEN);
	tree_free(answer("enroll.adopt", &w, error));
}

static void adopt_first(uint32_t seconds, int error)
{
	struct tree_writer w;

	begin_order(&w, 2, NULL);
	tree_put_text(&w, "first");
	tree_put_bool(&w, true);
	tree_put_text(&w, "seconds");
	tree_put_uint(&w, seconds);
	tree_free(answer("enroll.adopt", &w, error));
}

/* kind of this name in peer.list; "": it is not there. */
static const char *kind_of(const char *name, bool up)
{
	static char kind[16];
	struct tree *tree = order("peer.list", NULL, 0);
	tree_node peers = tree_get(tree_root(tree), "peers");
	char text[64];
	bool is = false;

	kind[0] = '\0';
	for (size_t i = 0; i < tree_count(peers); i++) {
		tree_node peer = tree_at(peers, i);

		cr_assert(tree_text_copy(tree_get(peer, "name"), text, sizeof text));
		if (strcmp(text, name) != 0)
			continue;
		cr_assert(tree_text_copy(tree_get(peer, "kind"), kind, sizeof kind));
		cr_assert(tree_bool(tree_get(peer, "up"), &is));
		cr_assert_eq(is, up, "%s", name);
		cr_assert_eq(tree_get(peer, "heard_ms") != NULL, up);
	}
	tree_free(tree);
	return kind;
}

/* Three devices of one template, and nothing is stored for them; an address each of its own. */
Test(ikev2_enrol, derived_keys)
{
	start_gateway(false);
	start_derived(1, "sensor-1", 0);
	start_derived(2, "sensor-2", 0);
	start_derived(3, "sensor-3", 0);
	for (size_t i = 1; i <= 3; i++)
		acquire(i);
	run(SECOND);
	cr_assert(is_up(1, "sensor-1") && is_up(2, "sensor-2") && is_up(3, "sensor-3"));
	cr_assert_eq(rows(GATEWAY), 0u);
	cr_assert_eq(fake_host_rows(&nodes[GATEWAY].fake, "inner"), 0u);
	for (size_t i = 0; i < 3; i++) {
		const struct ip_addr addr = address_of(nodes[GATEWAY].fake.peers[i].name, 0);

		cr_assert_eq(nodes[GATEWAY].fake.peers[i].template, (unsigned)TEMPLATE_POLICY);
		cr_assert(!memcmp(&nodes[GATEWAY].fake.peers[i].addr, &addr, sizeof addr));
	}
	cr_assert_str_eq(kind_of("sensor-2", true), "derived");
	/* it comes again, and is the same peer */
	crash(&nodes[2]);
	start_derived(2, "sensor-2", 0);
	acquire(2);
	run(SECOND);
	expect_up(2, "sensor-2");
	cr_assert_eq(nodes[GATEWAY].fake.n_peers, 3u);
}

/* Neither an unknown name nor a wrong key leaves anything behind. */
Test(ikev2_enrol, strangers)
{
	start_gateway(true);
	start_derived(1, "lamp-1", 0);
	start_derived(2, "sensor-2", 1);
	start_keyed(3, "sensor-3", 3, "Key = keys/key\nImprint = yes");
	start_keyed(4, "lamp-4", 4, "Key = keys/key\nImprint = yes");
	for (size_t i = 1; i <= 4; i++) {
		acquire(i);
		run(20 * SECOND);
	}
	for (size_t i = 1; i <= 4; i++) {
		cr_assert_eq(fake_host_living(&nodes[i].fake), 0u);
		cr_assert(fake_host_logged(&nodes[i].fake, "AUTHENTICATION_FAILED"));
	}
	cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
	cr_assert_eq(nodes[GATEWAY].fake.n_peers, 0u);
	cr_assert_eq(rows(GATEWAY), 0u);
	cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "unknown identity"));
	cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "nobody has adopted its key"));
	cr_assert_eq(rows(3), 0u, "it has pinned whoever refused it");
}

Test(ikev2_enrol, enroll_tells_what_follows)
{
	struct ip_addr addr = address_of("sensor-1", 0);
	struct tree *tree;
	const uint8_t *octets;
	uint64_t number = 9;
	char text[64];
	size_t len;

	start_gateway(false);
	tree = order("enroll.add", "sensor-1", 0);
	cr_assert(tree_text_copy(tree_get(tree_root(tree), "id"), text, sizeof text));
	cr_assert_str_eq(text, "gw.home");
	cr_assert(tree_bytes(tree_get(tree_root(tree), "address"), &octets, &len));
	cr_assert(len == 16 && !memcmp(octets, addr.bytes, 16));
	cr_assert(tree_uint(tree_get(tree_root(tree), "prefix"), 128, &number));
	cr_assert_eq(number, 64u);
	cr_assert(tree_uint(tree_get(tree_root(tree), "generation"), 128, &number));
	cr_assert_eq(number, 0u);
	cr_assert(tree_uint(tree_get(tree_root(tree), "port"), UINT16_MAX, &number));
	cr_assert_eq(number, 4500u);
	cr_assert_eq(tree_count(tree_get(tree_root(tree), "gateway")), 1u);
	tree_free(tree);
	cr_assert_eq(rows(GATEWAY), 0u);
	order("enroll.add", "lamp-1", -ENOENT);
	order("enroll.add", "sensor-\x7f", -EINVAL);
	order("enroll.add", NULL, -EINVAL);
	order("enroll.sing", "sensor-1", -ENOSYS);
}

/* From the answer on it is out, over any crash, and only the next generation is let in. */
Test(ikev2_enrol, revoked)
{
	start_gateway(false);
	start_derived(1, "sensor-1", 0);
	start_derived(2, "sensor-2", 0);
	acquire(1);
	acquire(2);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_eq(revoke("sensor-1"), 1u);
	/* its SAs are gone here at once, and there by the D */
	cr_assert_eq(fake_host_peer(&nodes[GATEWAY].fake, "sensor-1"), 0u);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	expect_up(2, "sensor-2");
	cr_assert_str_eq(kind_of("sensor-1", false), "revoked");
	acquire(1);
	run(3 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "it is revoked"));
	crash(&nodes[GATEWAY]);
	start_gateway(false);
	run(20 * SECOND);
	acquire(1);
	run(3 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	crash(&nodes[1]);
	start_derived(1, "sensor-1", 1);
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_str_eq(kind_of("sensor-1", true), "derived");
	cr_assert_eq(revoke("sensor-1"), 2u);
	order("enroll.revoke", "gw.home", -ENOENT);
}

static void make_deaf(bool deaf, bool rekey)
{
	const uint32_t policy = fake_host_peer(&nodes[GATEWAY].fake, "sensor-1");
	char text[100];

	nodes[1].deaf = deaf;
	if (rekey)
		cr_assert_eq(ops->order(nodes[GATEWAY].k, policy, KEYING_REKEY, text, sizeof text),
			0, "%s", text);
}

/* Its D comes when it hears again: repeated, behind a request that is under way, or to a sleepy one
 * when that speaks. Its SAs are gone here at once, and it cannot make new ones meanwhile. */
Test(ikev2_enrol, revoked_while_it_is_deaf)
{
	enum { REPEATED, BEHIND, ASLEEP, CASES };
	char text[600];

	for (int i = 0; i < CASES; i++) {
		set_up();
		fake_host_secret(&nodes[GATEWAY].fake, "Master", master_text, 0);
		snprintf(text, sizeof text, "%s%s", gateway_text,
			i == ASLEEP ? "Sleepy = yes\n" : "");
		start(&nodes[GATEWAY], text);
		start_derived(1, "sensor-1", 0);
		acquire(1);
		run(SECOND);
		expect_up(1, "sensor-1");
		make_deaf(true, i == BEHIND);
		cr_assert_eq(revoke("sensor-1"), 1u);
		cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
		cr_assert_eq(nodes[GATEWAY].fake.n_spis, 0u);
		run(i == ASLEEP ? 45 * SECOND : 2 * SECOND);
		cr_assert_eq(fake_host_living(&nodes[1].fake), 2u, "%d", i);
		make_deaf(false, false);
		if (i == ASLEEP)
			cr_assert_eq(ops->order(nodes[1].k, TEMPLATE_POLICY, KEYING_REKEY, text,
					     sizeof text),
				0, "%s", text);
		run(i == ASLEEP ? SECOND : 20 * SECOND);
		cr_assert_eq(fake_host_living(&nodes[1].fake), 0u, "%d", i);
		cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
		tear_down();
	}
}

/* Without the store nobody knows who was revoked: nobody is let in, and nothing is promised. */
Test(ikev2_enrol, no_state_store)
{
	nodes[GATEWAY].fake.state_error = -EIO;
	start_gateway(true);
	start_derived(1, "sensor-1", 0);
	acquire(1);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "state store cannot be read"));
	order("enroll.revoke", "sensor-1", -EIO);
	adopt_key("sensor-1", nodes[1].fingerprint, -EIO);
	adopt_first(60, -EIO);
	nodes[GATEWAY].fake.state_error = 0;
	run(20 * SECOND);
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
}

/* The printed fingerprint was typed in; the device believes the first gateway, and then no other.
 */
Test(ikev2_enrol, imprinted)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";
	size_t before;

	start_gateway(true);
	start_keyed(1, "sensor-1", 1, imprint);
	adopt_key("sensor-1", nodes[1].fingerprint, 0);
	acquire(1);
	run(5 * SECOND);
	expect_up(1, "sensor-1");
	cr_assert_eq(rows(1), 1u);
	cr_assert(fake_host_told(&nodes[1].fake, "imprinted"));
	cr_assert_str_eq(kind_of("sensor-1", true), "pinned");
	/* it knows it again, with four messages */
	crash(&nodes[1]);
	start_keyed(1, "sensor-1", 1, imprint);
	before = messages;
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_eq(messages - before, 4u);
	cr_assert_eq(rows(1), 1u);
	/* another gateway of the same name */
	crash(&nodes[GATEWAY]);
	give_key(&nodes[GATEWAY], "sensor-*", 201);
	start(&nodes[GATEWAY], gateway_text);
	crash(&nodes[1]);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run(3 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	cr_assert(fake_host_logged(&nodes[1].fake, "not the gateway that was imprinted"));
}

/* Two tunnels, each with a gateway of that name: each has its own. What an older version has left
 * is neither believed nor complained of. */
Test(ikev2_enrol, imprinted_by_tunnel)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";
	static const struct {
		const char *tunnel;
		uint8_t gateway;
		bool up;
	} lives[] = {{"home", 200, true}, {"attic", 201, true}, {"home", 201, false},
		{"attic", 200, false}, {"home", 200, true}};
	const struct keying_host *store = &nodes[1].fake.table;

	store->state_save(store, "gateway/gw.home", (struct slice){(const uint8_t *)"?", 1}, 1);
	for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
		tunnel = "home";
		give_key(&nodes[GATEWAY], "sensor-*", lives[i].gateway);
		fake_host_secret(&nodes[GATEWAY].fake, "Master", master_text, 0);
		start(&nodes[GATEWAY], gateway_text);
		tunnel = lives[i].tunnel;
		start_keyed(1, "sensor-1", 1, imprint);
		adopt_key("sensor-1", nodes[1].fingerprint, 0);
		acquire(1);
		run(3 * SECOND);
		cr_assert_eq(is_up(1, "sensor-1"), lives[i].up, "%zu", i);
		cr_assert_eq(
			fake_host_logged(&nodes[1].fake, "another key"), !lives[i].up, "%zu", i);
		cr_assert(!fake_host_logged(&nodes[1].fake, "cannot be read"));
		nodes[1].fake.n_logs = 0;
		crash(&nodes[1]);
		crash(&nodes[GATEWAY]);
	}
	cr_assert_eq(fake_host_rows(&nodes[1].fake, "gateway/home/"), 1u);
	cr_assert_eq(fake_host_rows(&nodes[1].fake, "gateway/attic/"), 1u);
}

/* Its gateway's key is pinned in the file: it is asked for its own by CERTREQ. And the other way
 * round: the gateway has its key in the file, and shows its own where it is asked. */
Test(ikev2_enrol, pinned_on_one_side)
{
	const struct ip_addr addr = address_of("sensor-2", 0);
	uint8_t seed[SIGN_ED25519_LEN] = {200, 1};
	struct sign_private *key;
	char more[300];
	char text[1200];
	char base64[SECRET_BASE64_LEN(SIGN_ED25519_LEN)];
	struct slice bits;

	cr_assert_eq(sign_private_from_seed(seed, &key), 0);
	bits = sign_public_bits(sign_private_public(key));
	secret_to_base64(bits.data, SIGN_ED25519_LEN, base64);
	sign_private_destroy(key);
	snprintf(more, sizeof more, "Key = keys/key\nPeerKey = %s", base64);
	start_gateway(true);
	start_keyed(1, "sensor-1", 1, more);
	adopt_key("sensor-1", nodes[1].fingerprint, 0);
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_eq(rows(1), 0u);

	seed[0] = 2;
	cr_assert_eq(sign_private_from_seed(seed, &key), 0);
	bits = sign_public_bits(sign_private_public(key));
	secret_to_base64(bits.data, SIGN_ED25519_LEN, base64);
	sign_private_destroy(key);
	snprintf(text, sizeof text,
		"%s[Peer \"sensor-2\"]\nKeying = ikev2\nRole = responder\nAddress = %s\n"
		"Key = keys/gw\nPeerKey = %s\nCompress = off\nCipher = chacha20-poly1305\n",
		gateway_text, print(&addr), base64);
	give_key(&nodes[GATEWAY], "sensor-2", 200);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(text)), 0);
	start_keyed(2, "sensor-2", 2, "Key = keys/key\nImprint = yes");
	acquire(2);
	run(5 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[2].fake), 2u);
	cr_assert_eq(rows(2), 1u);
	expect_up(1, "sensor-1");
}

/* A device looks for its gateway for a while only, and then until it is told to. */
Test(ikev2_enrol, imprint_time)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes\nStart = boot\nImprintTime = ";
	struct tree_writer w;
	char text[100];

	for (int forever = 0; forever < 2; forever++) {
		set_up();
		snprintf(text, sizeof text, "%s%s", imprint, forever ? "no" : "1min");
		start_gateway(true);
		start_keyed(1, "sensor-1", 1, text);
		run(200 * SECOND);
		cr_assert_eq(fake_host_logged(&nodes[1].fake, "no gateway was found"), !forever);
		adopt_key("sensor-1", nodes[1].fingerprint, 0);
		messages = 0;
		acquire(1);
		run(300 * SECOND);
		cr_assert_eq(is_up(1, "sensor-1"), forever, "%d", forever);
		cr_assert(forever || !messages);
		cr_assert_eq(rows(1), forever ? 1u : 0u);
		if (forever)
			continue;
		cr_assert_eq(
			ops->order(nodes[1].k, TEMPLATE_POLICY, KEYING_INITIATE, text, sizeof text),
			-ETIME);
		begin_order(&w, 1, "gw.home");
		ops->manage(nodes[1].k, REQUEST, "enroll.reset", (struct slice){w.data, w.len});
		tree_writer_fini(&w);
		run(5 * SECOND);
		expect_up(1, "sensor-1");
		/* who has one looks for it without end */
		crash(&nodes[GATEWAY]);
		run(1000 * SECOND);
		start_gateway(true);
		run(4000 * SECOND);
		expect_up(1, "sensor-1");
		tear_down();
	}
}

/* Two answers to one IKE_SA_INIT, the second one before or after the key came: neither is believed,
 * though the disk be full when that shall be written down. */
Test(ikev2_enrol, two_gateways)
{
	for (int late = 0; late < 3; late++) {
		struct node *gateway = &nodes[GATEWAY];
		struct node *device = &nodes[1];
		uint8_t other[400];
		struct keying_datagram d = {.payload = {other, 0}};

		set_up();
		d.local = device->at;
		d.remote = gateway->at;
		start_gateway(true);
		start_keyed(1, "sensor-1", 1, "Key = keys/key\nImprint = yes");
		adopt_key("sensor-1", device->fingerprint, 0);
		acquire(1);
		step(device);
		cr_assert(gateway->fake.n_sent == 1 && gateway->fake.sent[0].len < sizeof other);
		d.payload.len = gateway->fake.sent[0].len;
		memcpy(other, gateway->fake.sent[0].data, d.payload.len);
		step(gateway);
		/* the same again is a copy */
		ops->datagram(device->k, &d);
		other[80] ^= 1; /* its public value */
		if (!late)
			ops->datagram(device->k, &d);
		step(device);
		step(gateway);
		if (late)
			ops->datagram(device->k, &d);
		device->fake.state_error = late == 2 ? -ENOSPC : 0;
		pump();
		cr_assert(fake_host_logged(&device->fake, "two gateways"), "%d", late);
		cr_assert_eq(fake_host_living(&device->fake), 0u);
		/* written, and taken back where the disk has room */
		cr_assert_eq(rows(1), late == 1 ? 2u : late == 2 ? 1u : 0u);
		acquire(1);
		run(10 * SECOND);
		acquire(1);
		run(SECOND);
		if (late == 2) {
			cr_assert_eq(fake_host_living(&device->fake), 0u);
			cr_assert(fake_host_logged(&device->fake, "cannot be written down"));
			tear_down();
			continue;
		}
		expect_up(1, "sensor-1");
		tear_down();
	}
}

/* "dietvpn adopt --reset": it forgets, and believes the next one. */
Test(ikev2_enrol, imprint_reset)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";
	struct tree_writer w;

	start_gateway(true);
	start_keyed(1, "sensor-1", 1, imprint);
	adopt_key("sensor-1", nodes[1].fingerprint, 0);
	acquire(1);
	run(5 * SECOND);
	expect_up(1, "sensor-1");
	begin_order(&w, 1, "gw.home");
	ops->manage(nodes[1].k, REQUEST, "enroll.reset", (struct slice){w.data, w.len});
	tree_writer_fini(&w);
	cr_assert_eq(nodes[1].fake.n_answers, 0u, "answered before it is on disk");
	run(SECOND);
	cr_assert_eq(nodes[1].fake.n_answers, 1u);
	cr_assert_eq(nodes[1].fake.answers[0].error, 0);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	crash(&nodes[GATEWAY]);
	give_key(&nodes[GATEWAY], "sensor-*", 201);
	start(&nodes[GATEWAY], gateway_text);
	acquire(1);
	run(5 * SECOND);
	expect_up(1, "sensor-1");
}

/* Power goes before the pin is on disk, or after: nothing was installed, or the pin holds. */
Test(ikev2_enrol, imprint_crash)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";

	start_gateway(true);
	start_keyed(1, "sensor-1", 1, imprint);
	adopt_key("sensor-1", nodes[1].fingerprint, 0);
	acquire(1);
	while (!rows(1))
		cr_assert(step(&nodes[1]) || step(&nodes[GATEWAY]));
	while (step(&nodes[1]) || step(&nodes[GATEWAY]))
		;
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u, "a child before the pin is on disk");
	crash(&nodes[1]);
	cr_assert_eq(rows(1), 0u);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run(5 * SECOND);
	expect_up(1, "sensor-1");
}

/* "dietvpn adopt --first": the one that shows its key is pinned, over a crash. */
Test(ikev2_enrol, first)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";

	start_gateway(true);
	adopt_first(4, -EINVAL);
	adopt_first(60, 0);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run(8 * SECOND);
	expect_up(1, "sensor-1");
	cr_assert(fake_host_told(&nodes[GATEWAY].fake, "adopted"));
	cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "adopted \"sensor-1\""));
	run(60 * SECOND);
	/* the window is over */
	start_keyed(2, "sensor-2", 2, imprint);
	acquire(2);
	run(20 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[2].fake), 0u);
	crash(&nodes[GATEWAY]);
	start_gateway(true);
	crash(&nodes[1]);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run(8 * SECOND);
	expect_up(1, "sensor-1");
	/* revoked: its key is refused, in a window as well */
	revoke("sensor-1");
	adopt_first(60, 0);
	run(SECOND);
	acquire(1);
	run(20 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	cr_assert_str_eq(kind_of("sensor-1", false), "revoked");
	/* and it may not come back by the PSK of the generation before */
	crash(&nodes[1]);
	start_derived(1, "sensor-1", 0);
	acquire(1);
	run(20 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
}

/* Two in one window, the second under another name, or with another key under the same. */
Test(ikev2_enrol, two_at_first)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";

	for (int same = 0; same < 2; same++) {
		set_up();
		start_gateway(true);
		adopt_first(60, 0);
		start_keyed(1, "sensor-1", 1, imprint);
		acquire(1);
		run(8 * SECOND);
		expect_up(1, "sensor-1");
		start_keyed(2, same ? "sensor-1" : "sensor-2", 2, imprint);
		acquire(2);
		run(8 * SECOND);
		cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
		cr_assert_eq(fake_host_living(&nodes[2].fake), 0u);
		cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
		cr_assert(fake_host_logged(&nodes[GATEWAY].fake, "neither is adopted"));
		cr_assert(fake_host_told(&nodes[GATEWAY].fake, "adopt-refused"));
		/* both at once, before the first one is on disk */
		crash(&nodes[GATEWAY]);
		start_gateway(true);
		crash(&nodes[1]);
		crash(&nodes[2]);
		start_keyed(1, "sensor-1", 1, imprint);
		start_keyed(2, same ? "sensor-1" : "sensor-2", 2, imprint);
		adopt_first(60, 0);
		acquire(1);
		acquire(2);
		run(20 * SECOND);
		cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
		crash(&nodes[GATEWAY]);
		start_gateway(true);
		run(120 * SECOND);
		acquire(1);
		acquire(2);
		run(8 * SECOND);
		cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u, "pinned after all");
		tear_down();
	}
}

/* A printed PSK instead of the derived one, until it is revoked. */
Test(ikev2_enrol, adopted_psk)
{
	static const char label[] = "a label's own secret";
	struct ip_addr addr = address_of("sensor-1", 0);
	struct tree_writer w;

	start_gateway(false);
	begin_order(&w, 2, "sensor-1");
	tree_put_text(&w, "psk");
	tree_put_bytes(&w, label, 15);
	tree_free(answer("enroll.adopt", &w, -EINVAL));
	begin_order(&w, 2, "sensor-1");
	tree_put_text(&w, "psk");
	tree_put_bytes(&w, label, sizeof label - 1);
	tree_free(answer("enroll.adopt", &w, 0));
	order("enroll.add", "sensor-1", -EEXIST);
	adopt_key("sensor-1", nodes[1].fingerprint, -ENOKEY);
	start_derived(2, "sensor-1", 0);
	acquire(2);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[2].fake), 0u, "the derived one as well");
	fake_host_secret(&nodes[1].fake, "gw.home/Psk", label, 0);
	start_device(1, "sensor-1", print(&addr), "Psk = keys/psk");
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_str_eq(kind_of("sensor-1", true), "adopted");
	cr_assert_eq(revoke("sensor-1"), 1u);
	run(5 * SECOND);
	acquire(1);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
}

/* An order is on disk before it is answered; a crash before that undoes it, one after does not. */
Test(ikev2_enrol, every_crash)
{
	static const char *const verbs[] = {"enroll.adopt", "enroll.revoke", "enroll.reset"};

	for (size_t i = 0; i < 3; i++)
		for (int after = 0; after < 2; after++) {
			struct node *gateway = &nodes[GATEWAY];
			struct tree_writer w;
			const char *kind;

			set_up();
			start_gateway(true);
			if (i)
				adopt_key("sensor-1", nodes[1].fingerprint, 0);
			begin_order(&w, i ? 1 : 2, "sensor-1");
			if (!i) {
				tree_put_text(&w, "fingerprint");
				tree_put_bytes(&w, nodes[1].fingerprint, SIGN_FINGERPRINT_LEN);
			}
			ops->manage(gateway->k, REQUEST, verbs[i], (struct slice){w.data, w.len});
			tree_writer_fini(&w);
			cr_assert_eq(gateway->fake.n_answers, 0u);
			if (after)
				cr_assert(tell_saved(gateway));
			cr_assert_eq(gateway->fake.n_answers, after ? 1u : 0u);
			crash(gateway);
			gateway->fake.n_answers = 0;
			start_gateway(true);
			kind = kind_of("sensor-1", false);
			if (after)
				cr_assert_str_eq(kind, i == 0 ? "pinned" : i == 1 ? "revoked" : "");
			else
				cr_assert_str_eq(kind, i ? "pinned" : "");
			tear_down();
		}
}

/* A row that nobody can read keeps its device out. */
Test(ikev2_enrol, damaged_row)
{
	static const char *const name = "device/sensor-1";
	struct node *gateway = &nodes[GATEWAY];

	gateway->fake.table.state_save(
		&gateway->fake.table, name, (struct slice){(const uint8_t *)"\x01\x02", 2}, 1);
	gateway->fake.n_saved = 1;
	start_gateway(true);
	start_derived(1, "sensor-1", 0);
	acquire(1);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	cr_assert(fake_host_logged(&gateway->fake, "cannot be read"));
}

/* It comes in by its derived key while the adopted one is being written: then it has to come again.
 */
Test(ikev2_enrol, adopted_meanwhile)
{
	struct node *gateway = &nodes[GATEWAY];
	struct tree_writer w;

	start_gateway(false);
	start_derived(1, "sensor-1", 0);
	begin_order(&w, 2, "sensor-1");
	tree_put_text(&w, "psk");
	tree_put_bytes(&w, "a label's own secret", 20);
	ops->manage(gateway->k, REQUEST, "enroll.adopt", (struct slice){w.data, w.len});
	tree_writer_fini(&w);
	acquire(1);
	while (step(&nodes[1]) || step(gateway))
		;
	expect_up(1, "sensor-1");
	order("enroll.revoke", "sensor-1", -EBUSY);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
	acquire(1);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
}

/* Messages go, but nothing gets onto the disk. */
static void run_unsaved(uint64_t ms)
{
	for (size_t n = 0; n < 100; n++)
		for (size_t i = 0; i < NODES; i++)
			while (step(&nodes[i]))
				;
	for (size_t i = 0; i < NODES; i++)
		nodes[i].fake.now_ms += ms;
}

/* An operator's word is on its way to the disk while the window lets another key in. */
Test(ikev2_enrol, adopted_by_hand_in_the_window)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";
	const uint8_t right_one[SIGN_FINGERPRINT_LEN] = {0x12, 0x34};
	struct node *gateway = &nodes[GATEWAY];
	struct tree_writer w;

	start_gateway(true);
	adopt_first(60, 0);
	begin_order(&w, 2, "sensor-1");
	tree_put_text(&w, "fingerprint");
	tree_put_bytes(&w, right_one, sizeof right_one);
	ops->manage(gateway->k, REQUEST, "enroll.adopt", (struct slice){w.data, w.len});
	tree_writer_fini(&w);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run_unsaved(10);
	for (int i = 0; i < 4; i++) {
		run(5 * SECOND);
		acquire(1);
	}
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u, "the wrong key is believed");
	cr_assert_eq(fake_host_living(&gateway->fake), 0u);
}

/* The window ends while the first one's key is being written, and a second one has come. */
Test(ikev2_enrol, window_that_ends_before_the_disk)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";
	struct node *gateway = &nodes[GATEWAY];
	uint32_t timer;

	start_gateway(true);
	adopt_first(5, 0);
	start_keyed(1, "sensor-1", 1, imprint);
	start_keyed(2, "sensor-2", 2, imprint);
	acquire(1);
	run_unsaved(10);
	acquire(2);
	run_unsaved(6 * SECOND);
	cr_assert(fake_host_logged(&gateway->fake, "neither is adopted"));
	while (fake_host_advance(&gateway->fake, 0, &timer))
		ops->timeout(gateway->k, timer);
	for (int i = 0; i < 4; i++) {
		run(20 * SECOND);
		acquire(1);
	}
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u, "adopted after all");
	crash(gateway);
	start_gateway(true);
	run(60 * SECOND);
	acquire(1);
	run(20 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u, "adopted after a restart");
}

/* What an operator has revoked since no rival brings back into the next window. */
Test(ikev2_enrol, rival_of_a_revoked_one)
{
	static const char imprint[] = "Key = keys/key\nImprint = yes";

	start_gateway(true);
	adopt_first(600, 0);
	start_keyed(1, "sensor-1", 1, imprint);
	acquire(1);
	run(8 * SECOND);
	expect_up(1, "sensor-1");
	revoke("sensor-1");
	start_keyed(2, "sensor-1", 2, imprint);
	acquire(2);
	run(8 * SECOND);
	cr_assert_str_eq(kind_of("sensor-1", false), "revoked");
	adopt_first(600, 0);
	run(600 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[GATEWAY].fake), 0u);
}

/* The address that a device was given when another one had its first choice. */
Test(ikev2_enrol, second_address)
{
	struct ip_addr addr = address_of("sensor-1", 1);
	struct ip_addr other = address_of("sensor-2", 0);

	start_gateway(false);
	give_psk(&nodes[1], "sensor-1", 0);
	start_device(1, "sensor-1", print(&addr), "Psk = keys/psk");
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert(!memcmp(&nodes[GATEWAY].fake.peers[0].addr, &addr, sizeof addr));
	/* but never one that is not its own */
	give_psk(&nodes[3], "sensor-3", 0);
	start_device(3, "sensor-3", print(&other), "Psk = keys/psk");
	acquire(3);
	run(SECOND);
	cr_assert_eq(fake_host_living(&nodes[3].fake), 0u);
	cr_assert(fake_host_logged(&nodes[3].fake, "TS_UNACCEPTABLE"));
}

/* What has not changed keeps its devices; another Master ends those that are derived from it. */
Test(ikev2_enrol, reload)
{
	char text[700];

	start_gateway(false);
	start_derived(1, "sensor-1", 0);
	acquire(1);
	run(SECOND);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(gateway_text)), 0);
	run(SECOND);
	expect_up(1, "sensor-1");
	/* a word about sleep ends nothing */
	snprintf(text, sizeof text, "%sSleepy = yes\n", gateway_text);
	messages = 0;
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(text)), 0);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(gateway_text)), 0);
	run(SECOND);
	expect_up(1, "sensor-1");
	cr_assert_eq(messages, 0u);
	snprintf(text, sizeof text,
		"%s[Peer \"sensor-1\"]\nKeying = ikev2\nAddress = fd00::5\n"
		"Role = responder\nPsk = keys/psk\n",
		gateway_text);
	fake_host_secret(&nodes[GATEWAY].fake, "sensor-1/Psk", "sixteen octets or more", 0);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(text)), 0);
	cr_assert_eq(fake_host_peer(&nodes[GATEWAY].fake, "sensor-1"), 0u);
	order("enroll.revoke", "sensor-1", -EEXIST);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(gateway_text)), 0);
	run(SECOND);
	acquire(1);
	run(SECOND);
	expect_up(1, "sensor-1");
	fake_host_secret(
		&nodes[GATEWAY].fake, "Master", "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0);
	cr_assert_eq(ops->reload(nodes[GATEWAY].k, config_of(gateway_text)), 0);
	run(3 * SECOND);
	acquire(1);
	run(3 * SECOND);
	cr_assert_eq(fake_host_living(&nodes[1].fake), 0u);
}

/* The inner address that a device was given is that of its policy; both SAs are about it alone. */
static struct ip_addr given(size_t i, const char *id)
{
	const struct fake_host *gateway = &nodes[GATEWAY].fake;
	const struct fake_host *device = &nodes[i].fake;
	struct ip_addr addr = {0};

	expect_up(i, id);
	for (size_t k = 0; k < gateway->n_peers; k++)
		if (!strcmp(gateway->peers[k].name, id))
			addr = gateway->peers[k].addr;
	cr_assert(device->n_inner);
	cr_assert(!memcmp(&device->inner[device->n_inner - 1].addr, &addr, sizeof addr));
	return addr;
}

static void start_asking(size_t i, const char *id)
{
	char text[400];

	give_psk(&nodes[i], id, 0);
	snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = auto\nId = %s\n"
		"[Peer \"gw.home\"]\nKeying = ikev2\nEndpoint = 192.0.2.1\nAddress = 10.9.0.1\n"
		"Compress = off\nCipher = chacha20-poly1305\nPsk = keys/psk\n",
		id);
	start(&nodes[i], text);
	acquire(i);
	run(SECOND);
}

/* A subnet so small that some get another address than the one that is theirs by hash: it is theirs
 * again after a restart of the gateway, whoever comes first. */
Test(ikev2_enrol, inner_addresses_are_kept)
{
	static const char *const ids[] = {"", "sensor-1", "sensor-2", "sensor-3", "sensor-4"};
	static const char text[] =
		"[Interface]\nName = diet0\nAddress = 10.9.0.1/29\nId = gw.home\n"
		"Master = keys/master\n"
		"[Peer \"sensor-*\"]\nKeying = ikev2\nRole = responder\nAddress = 10.9.0.0/29\n"
		"Compress = off\nCipher = chacha20-poly1305\n";
	struct ip_addr before[NODES];

	fake_host_secret(&nodes[GATEWAY].fake, "Master", master_text, 0);
	start(&nodes[GATEWAY], text);
	for (size_t i = 1; i < NODES; i++) {
		start_asking(i, ids[i]);
		before[i] = given(i, ids[i]);
		for (size_t k = 1; k < i; k++)
			cr_assert(memcmp(&before[k], &before[i], sizeof before[i]) != 0);
	}
	cr_assert_gt(fake_host_rows(&nodes[GATEWAY].fake, "inner4/"), 0u);
	run(SECOND);
	crash(&nodes[GATEWAY]);
	for (size_t i = 1; i < NODES; i++)
		crash(&nodes[i]);
	start(&nodes[GATEWAY], text);
	for (size_t i = NODES; i-- > 1;) {
		nodes[i].fake.n_inner = 0;
		start_asking(i, ids[i]);
		before[0] = given(i, ids[i]);
		cr_assert(!memcmp(&before[0], &before[i], sizeof before[i]), "%s", ids[i]);
	}
}
