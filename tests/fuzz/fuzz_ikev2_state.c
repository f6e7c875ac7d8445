/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers send to a gateway and to a device that is beginning: any datagrams, timers and
 * acquires between them. No SA comes of it, no answer is longer than its question, and nothing is
 * left over. Octets: what, length, data, and so on.
 */
#include "fakes/fake_host.h"

#include "codec/tree.h"
#include "crypto/secret.h"
#include "must.h"

#include <string.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { DATAGRAM_MAX = 1500, NAMED = 6 };

static const char base64_of_32[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static void put_selector(struct tree_writer *w, uint8_t last)
{
	const uint8_t addr[4] = {10, 0, 0, last};

	tree_put_array(w, 1);
	tree_put_map(w, 2);
	tree_put_uint(w, 0);
	tree_put_array(w, 2);
	tree_put_bytes(w, addr, sizeof addr);
	tree_put_bytes(w, addr, sizeof addr);
	tree_put_uint(w, 2);
	tree_put_uint(w, 0);
}

/* policy 1: a peer of the file; 2: a template, whose devices have keys. */
static void put_peer(struct tree_writer *w, unsigned policy)
{
	const char *const texts[][2] = {{"name", policy == 1 ? "peer" : "tpl-*"},
		{"role", policy == 1 ? "both" : "responder"}, {"id", "me"}, {"encap", "auto"},
		{"start", "on-traffic"}, {"retransmission", "lossy"}};
	const uint8_t addr[4] = {192, 0, 2, 2};

	tree_put_map(w, NAMED + 7);
	for (size_t i = 0; i < NAMED; i++) {
		tree_put_text(w, texts[i][0]);
		tree_put_text(w, texts[i][1]);
	}
	tree_put_text(w, "template");
	tree_put_bool(w, policy == 2);
	tree_put_text(w, "policy");
	tree_put_uint(w, policy);
	tree_put_text(w, "endpoint");
	tree_put_array(w, 2);
	tree_put_bytes(w, addr, sizeof addr);
	tree_put_uint(w, 0);
	tree_put_text(w, "suites");
	tree_put_array(w, 1);
	tree_put_array(w, 2);
	tree_put_uint(w, ENCR_CHACHA20_POLY1305);
	tree_put_uint(w, 256);
	tree_put_text(w, "local");
	put_selector(w, 1);
	tree_put_text(w, "remote");
	put_selector(w, 2);
	tree_put_text(w, "keys");
	tree_put_map(w, 0);
}

static struct keying *begin(struct fake_host *fake)
{
	struct tree_writer w;
	struct keying *k = NULL;

	fake_host_init(fake);
	fake->now_ms = 1000;
	fake_host_secret(fake, "peer/Psk", "one secret for both ends", 0);
	fake_host_secret(fake, "tpl-*/Key", base64_of_32, 0);
	fake_host_secret(fake, "Master", base64_of_32, 0);
	tree_writer_init(&w);
	tree_put_map(&w, 3);
	tree_put_text(&w, "master");
	tree_put_array(&w, 2);
	tree_put_text(&w, "keys/master");
	tree_put_uint(&w, 1);
	tree_put_text(&w, "listen");
	tree_put_array(&w, 2);
	tree_put_uint(&w, 500);
	tree_put_uint(&w, 4500);
	tree_put_text(&w, "peers");
	tree_put_array(&w, 2);
	put_peer(&w, 1);
	put_peer(&w, 2);
	must(!w.error);
	must(!keying_plugin_ikev2.create(&fake->table, (struct slice){w.data, w.len}, &k));
	must(!keying_plugin_ikev2.start(k));
	tree_writer_fini(&w);
	return k;
}

/* A datagram may name the SPI of what this end has begun, or of what it has answered. */
static void send(struct fake_host *fake, struct keying *k, uint8_t what, struct slice octets)
{
	uint8_t copy[DATAGRAM_MAX];
	struct keying_datagram d = {.socket = what >> 7,
		.local = {{4, {192, 0, 2, 1}}, 500},
		.remote = {{4, {192, 0, 2, 2}}, 500},
		.payload = {copy, octets.len}};
	size_t before = fake->n_sent;

	memcpy(copy, octets.data, octets.len);
	if (what & 1 && before && octets.len >= 16)
		memcpy(copy, fake->sent[before - 1].data, what & 2 ? 16 : 8);
	if (what & 4 && octets.len >= 28) {
		copy[26] = (uint8_t)(octets.len >> 8);
		copy[27] = (uint8_t)octets.len;
		copy[24] = copy[25] = 0;
	}
	keying_plugin_ikev2.datagram(k, &d);
	if (fake->n_sent == before + 1 && octets.len > 18 && copy[18] == 34 && !(copy[19] & 0x20))
		must(fake->sent[before].len <= octets.len);
	must(!fake_host_living(fake) && !fake->n_peers);
}

static void step(struct fake_host *fake, struct keying *k, uint8_t what, struct slice octets)
{
	const struct keying_acquire asked = {.policy = 1};
	uint32_t timer;

	if (fake->n_sent > FAKE_SENT_MAX / 2)
		fake->n_sent = 0;
	if ((what >> 3 & 7) == 0)
		keying_plugin_ikev2.acquire(k, &asked);
	else if ((what >> 3 & 7) == 1 && fake_host_advance(fake, (uint64_t)what << 5, &timer))
		keying_plugin_ikev2.timeout(k, timer);
	else
		send(fake, k, what, octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fake_host fake;
	struct keying *k;

	must(!crypto_init());
	k = begin(&fake);
	while (len >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		uint8_t what = data[0];

		data += 3;
		len -= 3;
		if (n > len)
			n = len;
		if (n > DATAGRAM_MAX)
			n = DATAGRAM_MAX;
		step(&fake, k, what, (struct slice){data, n});
		data += n;
		len -= n;
	}
	keying_plugin_ikev2.stop(k);
	keying_plugin_ikev2.destroy(k);
	must(!fake.n_spis);
	return 0;
}
