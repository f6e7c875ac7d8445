/* SPDX-License-Identifier: Apache-2.0 */
/* Outer sockets between namespaces: classification, header fields, source address, path MTU,
 * back-pressure. */
#include "io/transport.h"

#include "base/buf.h"
#include "fakes/ends.h"
#include "io/pmtu.h"
#include "ip/addr.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/in6.h>
#include <sys/socket.h>
#include <uv.h>

Test(transport, tells_esp_keying_and_keepalive_apart)
{
	static const struct {
		uint16_t port;
		uint8_t len;
		uint8_t data[8];
		char kind; /* 0: nothing comes of it */
		uint8_t skip;
	} table[] = {
		{PORT_NAT, 1, {0xff}, 'a', 0},
		{PORT_NAT, 2, {0xff, 0xff}, 'e', 0},
		{PORT_NAT, 1, {0xfe}, 'e', 0},
		{PORT_NAT, 1, {0x00}, 'e', 0},
		{PORT_NAT, 3, {0, 0, 0}, 'e', 0},
		{PORT_NAT, 4, {0, 0, 0, 0}, 0, 0},
		{PORT_NAT, 5, {0, 0, 0, 0, 9}, 'k', 4},
		{PORT_NAT, 8, {0, 0, 0, 0, 0, 0, 0, 0}, 'k', 4},
		{PORT_NAT, 4, {0, 0, 0, 1}, 'e', 0},
		{PORT_NAT, 8, {1, 0, 0, 0, 5, 6, 7, 8}, 'e', 0},
		{PORT_NAT, 8, {0xff, 0, 0, 0, 5, 6, 7, 8}, 'e', 0},
		{PORT_NAT, 0, {0}, 0, 0},
		{PORT_IKE, 8, {0, 0, 0, 0, 5, 6, 7, 8}, 'k', 0},
		{PORT_IKE, 1, {0xff}, 'k', 0},
		{PORT_IKE, 0, {0}, 0, 0},
	};
	static const char *const to[] = {"127.0.0.1", "::1"};
	uv_loop_t loop;
	struct end *end;
	uint8_t big[3000] = {1, 2, 3};

	netns_new();
	uv_loop_init(&loop);
	end = end_new(&loop, 2048);
	for (size_t f = 0; f < 2; f++) {
		size_t want = 0;

		end->n = 0;
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			raw_send(to[f], table[i].port, table[i].data, table[i].len);
		run(end, LOG_MAX, 50);
		/* The two ports are two sockets: each in its own order. */
		for (int ike = 0; ike < 2; ike++)
			for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
				size_t at_log = 0;

				if (!table[i].kind || (table[i].port == PORT_IKE) != ike)
					continue;
				want++;
				while (at_log < end->n &&
					(end->log[at_log].kind != table[i].kind ||
						(table[i].kind != 'a' &&
							(end->log[at_log].len !=
									(size_t)(table[i].len -
										 table[i].skip) ||
								memcmp(end->log[at_log].data,
									table[i].data +
										table[i].skip,
									end->log[at_log].len) !=
									0))))
					at_log++;
				cr_assert_lt(at_log, end->n, "%s row %zu", to[f], i);
				if (table[i].kind == 'k')
					cr_assert_eq(end->log[at_log].port, table[i].port);
				end->log[at_log].kind = 'x';
			}
		cr_assert_eq(end->n, want);
		end->n = 0;
		raw_send(to[f], PORT_NAT, big, sizeof(big));
		raw_send(to[f], PORT_NAT, big, 2048);
		run(end, 2, 3000);
		cr_assert_eq(end->log[0].kind, 'd');
		cr_assert_eq(end->log[0].len, DROP_TOO_LONG);
		cr_assert_eq(end->log[1].kind, 'e');
		cr_assert_eq(end->log[1].len, 2048);
	}
	cr_assert_eq(buf_pool_free(end->pool), 256);
	end_free(end);
	uv_loop_close(&loop);
}

Test(transport, fields_arrive_as_asked)
{
	static const struct {
		const char *from, *to;
		bool udp;
	} ways[] = {{"192.0.2.1", "192.0.2.2", true}, {"2001:db8::1", "2001:db8::2", true},
		{"192.0.2.1", "192.0.2.2", false}, {"2001:db8::1", "2001:db8::2", false}};
	static const struct {
		uint8_t hop_limit, traffic_class;
		uint32_t flow_label;
	} rows[] = {{0, 0, 0}, {37, 0, 0}, {1, 0xb8, 0x12345}, {255, 0x03, 0xfffff}, {64, 0xff, 1}};
	static const uint8_t data[] = {0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1, 9, 9, 9, 9};
	struct two two;
	struct batch batch = {0};

	two_open(&two, 2048);
	for (size_t w = 0; w < 4; w++) {
		uint16_t port = ways[w].udp ? PORT_NAT : 0;
		bool v6 = strchr(ways[w].to, ':') != NULL;

		two.b->n = 0;
		for (size_t i = 0; i < 5; i++) {
			struct outer outer = {.remote = at(ways[w].to, port),
				.hop_limit = rows[i].hop_limit,
				.traffic_class = rows[i].traffic_class,
				.flow_label = rows[i].flow_label};

			put(two.a, &batch, &outer, data, sizeof(data) - i);
		}
		cr_assert(transport_send(two.a->transport, &batch));
		for (size_t i = 0; i < 5; i++)
			cr_assert_eq(batch.items[i].drop, DROP_NONE);
		give_back(two.a, &batch);
		run(two.b, 5, 3000);
		cr_assert_eq(two.b->n, 5, "way %zu", w);
		for (size_t i = 0; i < 5; i++) {
			const struct heard *h = &two.b->log[i];

			cr_assert_eq(h->kind, 'e');
			cr_assert_eq(h->encap, ways[w].udp ? SA_ENCAP_UDP : SA_ENCAP_ESP);
			cr_assert_eq(h->len, sizeof(data) - i);
			cr_assert_eq(memcmp(h->data, data, h->len), 0);
			cr_assert(is_addr(&h->outer.remote.addr, ways[w].from));
			cr_assert(is_addr(&h->outer.local.addr, ways[w].to));
			cr_assert_eq(h->outer.remote.port, port);
			cr_assert_eq(h->outer.local.port, port);
			cr_assert_eq(h->outer.hop_limit,
				rows[i].hop_limit != 0 ? rows[i].hop_limit : 64);
			cr_assert_eq(h->outer.traffic_class, rows[i].traffic_class);
			if (v6)
				cr_assert_eq(h->outer.flow_label, rows[i].flow_label);
		}
	}
	cr_assert_eq(transport_labels_refused(two.a->transport), 0);
	cr_assert_eq(transport_port(two.a->transport, SA_ENCAP_UDP), PORT_NAT);
	cr_assert_eq(transport_port(two.a->transport, SA_ENCAP_ESP), 0);
	cr_assert_eq(buf_pool_free(two.a->pool), 256);
	cr_assert_eq(buf_pool_free(two.b->pool), 256);
	two_close(&two);
}

static int reserve_label(uint32_t label, uint8_t share)
{
	struct in6_flowlabel_req req = {.flr_label = htonl(label),
		.flr_action = IPV6_FL_A_GET,
		.flr_share = share,
		.flr_flags = IPV6_FL_F_CREATE};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, "2001:db8::2", &req.flr_dst);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &req, sizeof(req)) != 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* As soon as somebody reserves a label for himself, the kernel wants all of them leased. */
Test(transport, flow_labels_are_leased_or_left_out)
{
	struct two two;
	struct batch batch = {0};
	struct outer outer = {.remote = at("2001:db8::2", PORT_NAT)};
	int other;

	two_open(&two, 2048);
	other = reserve_label(0x00abc, IPV6_FL_S_EXCL);
	if (other < 0)
		cr_skip_test("this kernel gives no exclusive flow labels");
	outer.flow_label = 0x00abc;
	put(two.a, &batch, &outer, "theirs", 6);
	outer.flow_label = 0x00def;
	put(two.a, &batch, &outer, "free", 4);
	put(two.a, &batch, &outer, "again", 5);
	cr_assert(transport_send(two.a->transport, &batch));
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(batch.items[i].drop, DROP_NONE);
	give_back(two.a, &batch);
	run(two.b, 3, 3000);
	cr_assert_eq(two.b->n, 3);
	cr_assert_eq(two.b->log[0].outer.flow_label, 0);
	cr_assert_eq(two.b->log[1].outer.flow_label, 0x00def);
	cr_assert_eq(two.b->log[2].outer.flow_label, 0x00def);
	cr_assert_eq(transport_labels_refused(two.a->transport), 1);
	close(other);
	two_close(&two);
}

Test(transport, source_address_is_the_one_asked_for)
{
	static const struct {
		const char *local, *to, *seen;
	} rows[] = {
		{NULL, "192.0.2.2", "192.0.2.1"},
		{"192.0.2.9", "192.0.2.2", "192.0.2.9"},
		{"192.0.2.1", "192.0.2.2", "192.0.2.1"},
		{"192.0.2.77", "192.0.2.2", "192.0.2.1"}, /* not ours any more */
		{NULL, "2001:db8::2", "2001:db8::1"},
		{"2001:db8::9", "2001:db8::2", "2001:db8::9"},
		{"2001:db8::77", "2001:db8::2", "2001:db8::1"},
	};
	struct two two;
	struct batch batch = {0};

	two_open(&two, 2048);
	/* Preferred lifetime 0: the kernel itself would not take it. */
	cr_assert(sh("ip addr add 192.0.2.9/24 dev v0 && "
		     "ip -6 addr add 2001:db8::9/64 dev v0 nodad preferred_lft 0"));
	for (int udp = 0; udp < 2; udp++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct outer outer = {.remote = at(rows[i].to, udp ? PORT_NAT : 0)};

			if (rows[i].local)
				outer.local = at(rows[i].local, PORT_NAT);
			two.b->n = 0;
			put(two.a, &batch, &outer, "abcdefgh", 8);
			put(two.a, &batch, &outer, "abcdefgh", 8);
			cr_assert(transport_send(two.a->transport, &batch));
			cr_assert_eq(batch.items[0].drop, DROP_NONE, "row %zu", i);
			give_back(two.a, &batch);
			run(two.b, 2, 3000);
			cr_assert_eq(two.b->n, 2, "row %zu", i);
			cr_assert(is_addr(&two.b->log[0].outer.remote.addr, rows[i].seen),
				"row %zu", i);
		}
	two_close(&two);
}

Test(transport, keying_and_keepalive_go_out_framed)
{
	static const char *const to[] = {"192.0.2.2", "2001:db8::2"};
	static const uint8_t message[] = {7, 6, 5, 4, 3, 2, 1};
	struct two two;

	two_open(&two, 2048);
	for (size_t f = 0; f < 2; f++) {
		struct ip_endpoint nat = at(to[f], PORT_NAT), ike = at(to[f], PORT_IKE);
		struct slice payload = {message, sizeof(message)};

		two.b->n = 0;
		cr_assert_eq(transport_send_keying(two.a->transport, PORT_NAT, &(struct ip_addr){0},
				     &nat, payload),
			0);
		cr_assert_eq(transport_send_keepalive(two.a->transport, &nat), 0);
		run(two.b, 2, 3000);
		cr_assert_eq(transport_send_keying(two.a->transport, PORT_IKE, &(struct ip_addr){0},
				     &ike, payload),
			0);
		run(two.b, 3, 3000);
		cr_assert_eq(two.b->n, 3);
		cr_assert_eq(two.b->log[0].kind, 'k');
		cr_assert_eq(two.b->log[0].port, PORT_NAT);
		cr_assert_eq(two.b->log[0].outer.remote.port, PORT_NAT);
		cr_assert_eq(two.b->log[1].kind, 'a');
		cr_assert_eq(two.b->log[2].kind, 'k');
		cr_assert_eq(two.b->log[2].port, PORT_IKE);
		for (size_t i = 0; i < 3; i += 2) {
			cr_assert_eq(two.b->log[i].len, sizeof(message));
			cr_assert_eq(memcmp(two.b->log[i].data, message, sizeof(message)), 0);
		}
		cr_assert_eq(transport_send_keying(
				     two.a->transport, 4711, &(struct ip_addr){0}, &nat, payload),
			-EINVAL);
	}
	cr_assert_lt(transport_send_keepalive(two.a->transport, &(struct ip_endpoint){0}), 0);
	two_close(&two);
}

Test(transport, what_cannot_go_is_marked)
{
	static uint8_t big[65530];
	struct two two;
	struct batch batch = {0};
	struct outer nowhere = {0}, unreachable = {.remote = at("198.51.100.1", PORT_NAT)},
		     good = {.remote = at("192.0.2.2", PORT_NAT)};

	big[0] = 1;
	two_open(&two, 65535);
	put(two.a, &batch, &good, "first", 5);
	put(two.a, &batch, &nowhere, "x", 1);
	put(two.a, &batch, &unreachable, "x", 1);
	put(two.a, &batch, &good, big, sizeof(big));
	put(two.a, &batch, &good, "already", 7)->drop = DROP_ICV;
	put(two.a, &batch, &good, "last", 4);
	cr_assert(transport_send(two.a->transport, &batch));
	cr_assert_eq(batch.items[0].drop, DROP_NONE);
	cr_assert_eq(batch.items[1].drop, DROP_NO_ENDPOINT);
	cr_assert_eq(batch.items[2].drop, DROP_SEND_UNREACHABLE);
	cr_assert_eq(batch.items[3].drop, DROP_TOO_BIG);
	cr_assert_eq(batch.items[4].drop, DROP_ICV);
	cr_assert_eq(batch.items[5].drop, DROP_NONE);
	give_back(two.a, &batch);
	cr_assert_eq(two.a->n, 1);
	cr_assert_eq(two.a->log[0].kind, 'm');
	cr_assert_eq(two.a->log[0].mtu, 1500);
	run(two.b, 2, 3000);
	cr_assert_eq(two.b->n, 2);
	cr_assert_eq(memcmp(two.b->log[0].data, "first", 5), 0);
	cr_assert_eq(memcmp(two.b->log[1].data, "last", 4), 0);
	two_close(&two);
}

/* One peer's port unreachable is not the next peer's loss. */
Test(transport, an_icmp_error_costs_nobody_a_packet)
{
	struct two two;
	struct batch batch = {0};
	struct outer closed = {.remote = at("192.0.2.2", 4711)},
		     good = {.remote = at("192.0.2.2", PORT_NAT)};

	two_open(&two, 2048);
	for (int i = 0; i < 5; i++) {
		put(two.a, &batch, &closed, "abcd", 4);
		put(two.a, &batch, &good, "efgh", 4);
		cr_assert(transport_send(two.a->transport, &batch));
		give_back(two.a, &batch);
		usleep(20000);
		put(two.a, &batch, &good, "ijkl", 4);
		cr_assert(transport_send(two.a->transport, &batch));
		cr_assert_eq(batch.items[0].drop, DROP_NONE);
		give_back(two.a, &batch);
		run(two.a, LOG_MAX, 10);
	}
	run(two.b, 10, 3000);
	cr_assert_eq(two.b->n, 10);
	cr_assert_eq(two.a->n, 0);
	/* The socket hears on. */
	put(two.b, &batch, &(struct outer){.remote = at("192.0.2.1", PORT_NAT)}, "back", 4);
	cr_assert(transport_send(two.b->transport, &batch));
	give_back(two.b, &batch);
	run(two.a, 1, 3000);
	cr_assert_eq(two.a->n, 1);
	two_close(&two);
}

/* Else errors in every turn would let nothing in. */
Test(transport, an_error_and_a_datagram_have_one_turn)
{
	struct two two;
	struct batch batch = {0};
	struct outer closed = {.remote = at("192.0.2.2", 4711)},
		     back = {.remote = at("192.0.2.1", PORT_NAT)};

	two_open(&two, 2048);
	put(two.a, &batch, &closed, "abcd", 4);
	cr_assert(transport_send(two.a->transport, &batch));
	give_back(two.a, &batch);
	put(two.b, &batch, &back, "back", 4);
	cr_assert(transport_send(two.b->transport, &batch));
	give_back(two.b, &batch);
	usleep(20000);
	uv_run(&two.loop, UV_RUN_NOWAIT);
	cr_assert_eq(two.a->n, 1);
	two_close(&two);
}

/* a - router - b, and the router's link to b is narrow. */
static void three_open(struct two *two)
{
	int ns_r;

	memset(two, 0, sizeof(*two));
	ns_r = netns_new();
	two->ns_a = netns_new();
	two->ns_b = netns_new();
	netns_join(two->ns_a, "v0", ns_r, "ra");
	netns_join(two->ns_b, "v1", ns_r, "rb");
	netns_enter(ns_r);
	cr_assert(sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
		     "ip addr add 192.0.2.254/24 dev ra && ip addr add 198.51.100.254/24 dev rb && "
		     "ip -6 addr add 2001:db8::fe/64 dev ra nodad && "
		     "ip -6 addr add 2001:db8:1::fe/64 dev rb nodad && ip link set rb mtu 1300"));
	netns_enter(two->ns_b);
	cr_assert(sh("ip link set v1 mtu 1300 && ip addr add 198.51.100.2/24 dev v1 && "
		     "ip -6 addr add 2001:db8:1::2/64 dev v1 nodad && "
		     "ip route add default via 198.51.100.254 && "
		     "ip -6 route add default via 2001:db8:1::fe"));
	uv_loop_init(&two->loop);
	two->b = end_new(&two->loop, 2048);
	netns_enter(two->ns_a);
	cr_assert(
		sh("ip addr add 192.0.2.1/24 dev v0 && ip -6 addr add 2001:db8::1/64 dev v0 nodad "
		   "&& ip route add default via 192.0.2.254 && "
		   "ip -6 route add default via 2001:db8::fe"));
	two->a = end_new(&two->loop, 2048);
	/* The router lives as long as its descriptor: to the end of the test's process. */
}

Test(transport, a_narrow_path_is_told_and_then_fragmented)
{
	static const char *const to[] = {"198.51.100.2", "2001:db8:1::2"};
	static const char *const from[] = {"192.0.2.1", "2001:db8::1"};
	uint8_t data[1400] = {0x11, 0x22, 0x33, 0x44};
	struct batch batch = {0};
	struct two two;

	three_open(&two);
	for (size_t w = 0; w < 4; w++) {
		struct outer outer = {.remote = at(to[w % 2], w < 2 ? PORT_NAT : 0)};
		struct path path = {.remote = outer.remote};
		struct ip_addr source;
		uint32_t mtu;

		cr_assert_eq(transport_route(&outer.remote, &mtu, &source), 0, "way %zu", w);
		cr_assert_eq(mtu, w < 2 ? 1500 : 1300);
		cr_assert(is_addr(&source, from[w % 2]));
		cr_assert(pmtu_refresh(&path));
		cr_assert_not(pmtu_refresh(&path));
		two.a->n = two.b->n = 0;
		put(two.a, &batch, &outer, data, sizeof(data));
		cr_assert(transport_send(two.a->transport, &batch));
		give_back(two.a, &batch);
		if (w < 2) {
			run(two.a, 1, 3000);
			cr_assert_eq(two.a->n, 1, "way %zu", w);
			cr_assert_eq(two.a->log[0].kind, 'm');
			cr_assert_eq(two.a->log[0].mtu, 1300);
			cr_assert(ip_endpoint_equal(&two.a->log[0].outer.remote, &outer.remote));
			cr_assert(pmtu_reported(&path, two.a->log[0].mtu));
			cr_assert_eq(path.mtu, 1300);
			cr_assert_not(pmtu_refresh(&path), "the kernel knows the same");
			cr_assert_not(pmtu_reported(&path, 1400), "never grows by a report");
			cr_assert(pmtu_reported(&path, 68));
			cr_assert_eq(path.mtu, w % 2 ? 1280 : 576);
			put(two.a, &batch, &outer, data, sizeof(data));
			cr_assert(transport_send(two.a->transport, &batch));
			cr_assert_eq(batch.items[0].drop, DROP_NONE);
			give_back(two.a, &batch);
		}
		run(two.b, 1, 3000);
		cr_assert_eq(two.b->n, 1, "way %zu", w);
		cr_assert_eq(two.b->log[0].len, sizeof(data));
	}
	cr_assert_lt(transport_route(&(struct ip_endpoint){0}, &(uint32_t){0}, NULL), 0);
	two_close(&two);
}

/* A slow link: the socket fills, the tail is kept, nothing is lost or turned round. */
static void fill_and_drain(unsigned offload)
{
	enum { LEN = 1400 };
	static uint8_t data[LEN];
	struct two two;
	struct batch batch = {0};
	uint32_t sent = 0;
	uint64_t messages;
	bool full = false;
	struct outer outer;

	two_open(&two, 2048);
	if (!sh("tc qdisc add dev v0 root tbf rate 40mbit burst 16kb limit 20mb 2>/dev/null"))
		cr_skip_test("needs tc and the tbf queueing discipline");
	transport_set_offload(two.a->transport, offload);
	transport_set_offload(two.b->transport, offload);
	outer = (struct outer){.remote = at("192.0.2.2", PORT_NAT)};
	data[0] = 1;
	/* Not heard meanwhile: the kernel holds what arrives, so it must not be much. */
	while (!full && sent < 4096) {
		size_t kept = 0;

		for (size_t i = 0; i < BATCH_MAX; i++, sent++) {
			memcpy(data + 4, &sent, sizeof(sent));
			put(two.a, &batch, &outer, data, LEN)->run = true;
		}
		full = !transport_send(two.a->transport, &batch);
		for (size_t i = 0; i < BATCH_MAX; i++) {
			cr_assert_eq(batch.items[i].drop, DROP_NONE);
			kept += batch.items[i].pkt == NULL;
		}
		cr_assert_eq(kept != 0, full);
		give_back(two.a, &batch);
	}
	cr_assert(full, "%u packets did not fill the socket", sent);
	/* A second batch finds the tail's room only. */
	{
		size_t refused = 0, kept = 0;

		for (size_t i = 0; i < BATCH_MAX; i++) {
			uint32_t n = sent + (uint32_t)i;

			memcpy(data + 4, &n, sizeof(n));
			put(two.a, &batch, &outer, data, LEN)->run = true;
		}
		cr_assert_not(transport_send(two.a->transport, &batch));
		for (size_t i = 0; i < BATCH_MAX; i++) {
			kept += batch.items[i].pkt == NULL;
			refused += batch.items[i].drop == DROP_SEND_QUEUE;
		}
		cr_assert_eq(kept + refused, BATCH_MAX);
		sent += (uint32_t)kept;
		give_back(two.a, &batch);
	}
	messages = transport_counts(two.a->transport).sent_messages;
	for (uint32_t got = 0; got < sent;) {
		run(two.b, 64, 2000);
		cr_assert(two.b->n > 0, "stuck after %u of %u", got, sent);
		for (size_t i = 0; i < two.b->n; i++, got++) {
			uint32_t n;

			memcpy(&n, two.b->log[i].data + 4, sizeof(n));
			cr_assert_eq(n, got);
		}
		two.b->n = 0;
	}
	cr_assert_eq(two.a->writable, 1);
	if (transport_offload(two.a->transport) & TRANSPORT_GSO)
		cr_assert_lt(transport_counts(two.a->transport).sent_messages - messages,
			BATCH_MAX / 4, "the tail leaves in runs as well");
	cr_assert_eq(buf_pool_free(two.a->pool), 256);
	two_close(&two);
}

Test(transport, a_full_socket_keeps_its_tail)
{
	fill_and_drain(0);
}

Test(transport, a_full_socket_keeps_its_runs)
{
	fill_and_drain(TRANSPORT_GSO | TRANSPORT_GRO);
}

Test(transport, a_taken_port_is_told)
{
	struct end *end, *second;
	uv_loop_t loop;

	netns_new();
	uv_loop_init(&loop);
	end = end_new(&loop, 2048);
	second = calloc(1, sizeof(*second));
	second->pool = end->pool;
	cr_assert_eq(end_try(second, &loop, false, PORT_NAT), -EADDRINUSE);
	cr_assert_eq(end_try(second, &loop, false, 0), -EADDRINUSE, "the IKE port is taken too");
	uv_run(&loop, UV_RUN_NOWAIT);
	free(second);
	end_free(end);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(transport, any_port_is_one_port_for_both_families)
{
	struct transport_params params = {.port_nat = 0, .pool = buf_pool_create(64, 2048)};
	struct end *end = calloc(1, sizeof(*end));
	const struct transport_callbacks callbacks = {
		on_esp, on_keying, on_keepalive, on_path_mtu, on_writable, on_drop, now_ms, end};
	uv_loop_t loop;
	uint16_t port;

	netns_new();
	uv_loop_init(&loop);
	end->pool = params.pool;
	end->loop = &loop;
	cr_assert_eq(transport_create(&loop, &params, &callbacks, &end->transport), 0);
	port = transport_port(end->transport, SA_ENCAP_UDP);
	cr_assert_gt(port, 0);
	raw_send("127.0.0.1", port, "abc", 3);
	raw_send("::1", port, "abc", 3);
	run(end, 2, 3000);
	cr_assert_eq(end->n, 2);
	end_free(end);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
