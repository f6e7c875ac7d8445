/* SPDX-License-Identifier: Apache-2.0 */
/* Two dataplanes in two namespaces: the kernel's own traffic through both, and what they do with
 * verdicts, deadlines and silence. */
#include "io/dataplane.h"

#include "base/buf.h"
#include "fakes/netns.h"
#include "fakes/pair.h"
#include "io/tun.h"
#include "ip/addr.h"
#include "ip/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <uv.h>

enum { NAT = 4500, PORT = 7777, WAIT_MS = 3000 };

struct node {
	int ns;
	struct ipsec *ipsec;
	struct dataplane *dp;
	struct tun tun;
	uint16_t tunnel;
	unsigned flags; /* enum tun_flag */
	int v4, v6;     /* sockets of an inner host */
	unsigned acquired, notices, audits, keying, lost;
	uint16_t acquired_port;
	enum drop audited;
};

struct net {
	uv_loop_t loop;
	struct pair pair;
	struct pair_link in4, in6;
	struct node a, b;
};

static void on_acquire(void *owner, struct policy *policy, const struct ip_packet *ip)
{
	struct node *node = owner;

	cr_assert(policy->id != 0 && ip->has_ports);
	node->acquired++;
	node->acquired_port = ip->dport;
}

static void on_notice(void *owner, struct sa *sa, uint32_t notices)
{
	cr_assert(sa != NULL && notices != 0);
	((struct node *)owner)->notices++;
}

static void on_keying(void *owner, uint16_t port, const struct outer *outer, struct slice payload)
{
	cr_assert(port == NAT && payload.len == 3 && outer->remote.addr.family != 0);
	((struct node *)owner)->keying++;
}

static void on_audit(void *owner, enum drop drop, const struct outer *outer, const struct sa *sa)
{
	struct node *node = owner;

	cr_assert(outer->remote.addr.family != 0 && (drop != DROP_UNKNOWN_SPI || sa == NULL));
	node->audits++;
	node->audited = drop;
}

static void on_lost(void *owner, uint16_t tunnel, int error)
{
	struct node *node = owner;

	cr_assert(tunnel == node->tunnel && error < 0);
	node->lost++;
}

static int inner_socket(int family, const char *addr)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = {.any.sa_family = (sa_family_t)family};
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	sa.v4.sin_port = htons(PORT);
	cr_assert(inet_pton(family, addr,
			  family == AF_INET ? (void *)&sa.v4.sin_addr : (void *)&sa.v6.sin6_addr) ==
		  1);
	cr_assert(bind(fd, &sa.any, sizeof(sa)) == 0, "%s", strerror(errno));
	return fd;
}

/* In the node's namespace already: TUN with 10.n.0.1 and fd0n::1, the other side's prefix routed.
 */
static void node_open(struct node *node, uv_loop_t *loop, struct ipsec *ipsec, int n, bool raw)
{
	const struct dataplane_params params = {.loop = loop,
		.ipsec = ipsec,
		.events = {on_acquire, on_notice, on_keying, on_audit, on_lost, node},
		.port_nat = NAT,
		.raw = raw};
	struct ip_addr own[2];
	char text[32];

	node->ipsec = ipsec;
	node->tunnel = n == 1 ? PAIR_TUNNEL_A : PAIR_TUNNEL_B;
	cr_assert_eq(tun_open(&node->tun, "diet0", -1, node->flags), 0);
	cr_assert(sh("ip link set diet0 addrgenmode none && ip link set diet0 mtu 1500 up && "
		     "ip addr add 10.%d.0.1/24 dev diet0 && "
		     "ip -6 addr add fd0%d::1/64 dev diet0 nodad && "
		     "ip route add 10.%d.0.0/24 dev diet0 && ip -6 route add fd0%d::/64 dev diet0",
		n, n, 3 - n, 3 - n));
	/* On a busy machine the kernel takes its time, and refuses packets meanwhile. */
	cr_assert(
		sh("for i in $(seq 100); do ip -6 route show table local | grep -q 'fd0%d::1 ' && "
		   "exit 0; sleep 0.02; done; exit 1",
			n));
	cr_assert_eq(dataplane_create(&params, &node->dp), 0);
	ip_addr_parse(n == 1 ? "10.1.0.1" : "10.2.0.1", &own[0]);
	ip_addr_parse(n == 1 ? "fd01::1" : "fd02::1", &own[1]);
	cr_assert_eq(dataplane_tun_add(node->dp, node->tunnel, &node->tun, own, 2), 0);
	cr_assert_eq(dataplane_tun_add(node->dp, node->tunnel, &node->tun, own, 2), -EEXIST);
	dataplane_set_mtu(node->dp, node->tunnel, 1500);
	snprintf(text, sizeof(text), "10.%d.0.1", n);
	node->v4 = inner_socket(AF_INET, text);
	snprintf(text, sizeof(text), "fd0%d::1", n);
	node->v6 = inner_socket(AF_INET6, text);
}

static struct pair_link link_of(const struct net *net, int family, uint8_t encap, bool diet)
{
	struct pair_link link = {.suite = "chacha20-poly1305", .encap = encap, .v4_outside = true};

	(void)net;
	if (!diet || !diet_attrs_preset("iot", &link.attrs))
		link.attrs = diet_attrs_plain();
	link.ts_a = family == 4 ? pair_ts("10.1.0.0", "10.1.0.255", 0, 0, 65535)
				: pair_ts("fd01::", "fd01::ffff", 0, 0, 65535);
	link.ts_b = family == 4 ? pair_ts("10.2.0.0", "10.2.0.255", 0, 0, 65535)
				: pair_ts("fd02::", "fd02::ffff", 0, 0, 65535);
	return link;
}

static void net_open(struct net *net, uint8_t encap, bool diet, unsigned flags)
{
	memset(net, 0, sizeof(*net));
	net->a.flags = net->b.flags = flags;
	net->a.ns = netns_new();
	netns_need_tun();
	net->b.ns = netns_new();
	netns_join(net->a.ns, "v0", net->b.ns, "v1");
	cr_assert_eq(pair_init(&net->pair, 42), 0);
	net->in4 = link_of(net, 4, encap, diet);
	net->in6 = link_of(net, 6, encap, diet);
	uv_loop_init(&net->loop);
	netns_enter(net->b.ns);
	cr_assert(sh("ip addr add 192.0.2.2/24 dev v1"));
	node_open(&net->b, &net->loop, &net->pair.b, 2, encap == SA_ENCAP_ESP);
	netns_enter(net->a.ns);
	cr_assert(sh("ip addr add 192.0.2.1/24 dev v0"));
	node_open(&net->a, &net->loop, &net->pair.a, 1, encap == SA_ENCAP_ESP);
}

static void connect_all(struct net *net)
{
	cr_assert_eq(pair_connect(&net->pair, &net->in4), 0);
	cr_assert_eq(pair_connect(&net->pair, &net->in6), 0);
	dataplane_kick(net->a.dp);
	dataplane_kick(net->b.dp);
}

static void node_close(struct node *node)
{
	dataplane_destroy(node->dp);
	tun_close(&node->tun);
	close(node->v4);
	close(node->v6);
	close(node->ns);
}

static void net_close(struct net *net)
{
	node_close(&net->a);
	node_close(&net->b);
	uv_run(&net->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&net->loop), 0);
	pair_fini(&net->pair);
}

static void stop(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
	/* Else the same turn would go on to wait, perhaps for ever. */
	uv_stop(timer->loop);
}

/* Runs the loop until *what is at least n, at most ms; what NULL: for ms. */
static void run_until(struct net *net, const unsigned *what, unsigned n, unsigned ms)
{
	uv_timer_t timer;
	bool over = false;

	uv_timer_init(&net->loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, stop, ms, 0);
	while (!over && (what == NULL || *what < n))
		uv_run(&net->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&net->loop, UV_RUN_NOWAIT);
}

/* Waits for one datagram at fd while the loop runs. */
static ssize_t receive(struct net *net, int fd, uint8_t *out, size_t cap)
{
	for (int i = 0; i < WAIT_MS; i++) {
		ssize_t got = recv(fd, out, cap, MSG_DONTWAIT);

		if (got >= 0)
			return got;
		run_until(net, NULL, 0, 1);
	}
	return -1;
}

static int send_inner(const struct node *node, int family, int n, const void *data, size_t len)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	char text[32];
	ssize_t sent;

	snprintf(text, sizeof(text), family == 4 ? "10.%d.0.1" : "fd0%d::1", n);
	if (family == 4) {
		inet_pton(AF_INET, text, &v4.sin_addr);
		sent = sendto(node->v4, data, len, 0, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		inet_pton(AF_INET6, text, &v6.sin6_addr);
		sent = sendto(node->v6, data, len, 0, (struct sockaddr *)&v6, sizeof(v6));
	}
	return sent < 0 ? -errno : 0;
}

Test(dataplane, carries_both_families_both_ways)
{
	static const uint8_t encaps[] = {SA_ENCAP_UDP, SA_ENCAP_ESP};
	static const size_t lens[] = {1, 20, 700, 1300};
	uint8_t data[1400], got[1500];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (int way = 0; way < 8; way++) {
		struct net net;
		uint64_t passed = 0;

		net_open(&net, encaps[way % 2], way / 2 % 2, way < 4 ? 0 : TUN_OFFLOAD);
		connect_all(&net);
		for (int round = 0; round < 16; round++) {
			bool from_a = round % 2 == 0;
			int family = round / 2 % 2 == 0 ? 4 : 6;
			size_t len = lens[round / 4];
			const struct node *from = from_a ? &net.a : &net.b;
			const struct node *to = from_a ? &net.b : &net.a;

			cr_assert_eq(send_inner(from, family, from_a ? 2 : 1, data, len), 0);
			cr_assert_eq(receive(&net, family == 4 ? to->v4 : to->v6, got, sizeof(got)),
				(ssize_t)len, "way %d round %d", way, round);
			cr_assert_eq(memcmp(got, data, len), 0);
			passed++;
		}
		cr_assert_geq(net.pair.a.drops[DROP_NONE], passed);
		cr_assert_eq(net.a.acquired + net.a.audits + net.b.audits, 0);
		for (int d = DROP_NONE + 1; d < DROP_COUNT; d++)
			if (d != DROP_NO_POLICY)
				cr_assert_eq(net.pair.a.drops[d] + net.pair.b.drops[d], 0, "%s",
					drop_name((enum drop)d));
		net_close(&net);
	}
}

/* A link slower than the inside: the socket fills in the middle of a super-packet, what is left of
 * it waits and goes on first. */
Test(dataplane, a_full_socket_stops_a_super_packet_halfway)
{
	enum { SEGMENT = 1300, SEGMENTS = 45, SUPERS = 60 };
	static uint8_t super[SEGMENT * SEGMENTS];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	uint8_t got[2048];
	struct net net;
	uint32_t sent = 0;
	int size = SEGMENT;
	int large = 1 << 22;

	net_open(&net, SA_ENCAP_UDP, false, TUN_OFFLOAD);
	if (!(net.a.tun.offload & TUN_USO))
		cr_skip_test("this kernel has no UDP segmentation offload on TUNs (Linux 6.2)");
	if (!sh("tc qdisc add dev v0 root tbf rate 60mbit burst 64kb limit 20mb 2>/dev/null"))
		cr_skip_test("needs tc and the tbf queueing discipline");
	connect_all(&net);
	inet_pton(AF_INET, "10.2.0.1", &to.sin_addr);
	cr_assert(
		setsockopt(net.a.v4, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)) == 0);
	cr_assert(setsockopt(net.b.v4, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)) == 0);
	for (int i = 0; i < SUPERS; i++) {
		for (size_t k = 0; k < SEGMENTS; k++, sent++)
			memcpy(super + k * SEGMENT, &sent, sizeof(sent));
		cr_assert_eq(sendto(net.a.v4, super, sizeof(super), 0, (struct sockaddr *)&to,
				     sizeof(to)),
			(ssize_t)sizeof(super), "%s", strerror(errno));
	}
	for (uint32_t i = 0; i < sent; i++) {
		uint32_t n;

		cr_assert_eq(receive(&net, net.b.v4, got, sizeof(got)), SEGMENT,
			"stuck at %u of %u", i, sent);
		memcpy(&n, got, sizeof(n));
		cr_assert_eq(n, i);
	}
	cr_assert_eq(net.pair.a.drops[DROP_SEND_QUEUE], 0);
	net_close(&net);
}

/* One packet in front, so that no batch ends where a super-packet does. */
Test(dataplane, one_tun_does_not_keep_the_loop)
{
	enum { SEGMENT = 400, SUPERS = 60, TOTAL = 1 + SUPERS * BATCH_MAX, TURNS = 1000 };
	/* Eight batches, and what the last one has begun to cut. */
	enum { TURN = 9 * BATCH_MAX };
	static uint8_t super[SEGMENT * BATCH_MAX];
	struct net net;
	uint64_t before = 0;
	int size = SEGMENT;

	net_open(&net, SA_ENCAP_UDP, false, TUN_OFFLOAD);
	if (!(net.a.tun.offload & TUN_USO))
		cr_skip_test("this kernel has no UDP segmentation offload on TUNs (Linux 6.2)");
	connect_all(&net);
	cr_assert_eq(send_inner(&net.a, 4, 2, super, SEGMENT), 0);
	cr_assert(
		setsockopt(net.a.v4, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)) == 0);
	for (int i = 0; i < SUPERS; i++)
		cr_assert_eq(send_inner(&net.a, 4, 2, super, sizeof(super)), 0);
	for (int turn = 0; net.pair.a.taken < TOTAL && turn < TURNS; turn++) {
		uv_run(&net.loop, UV_RUN_NOWAIT);
		cr_assert_leq(net.pair.a.taken - before, TURN, "turn %d", turn);
		before = net.pair.a.taken;
	}
	cr_assert_geq(net.pair.a.taken, TOTAL);
	net_close(&net);
}

/* Policies first, SAs later: what waited goes out first and in order. */
Test(dataplane, holds_packets_for_an_sa)
{
	struct net net;
	uint8_t got[64], n;

	net_open(&net, SA_ENCAP_UDP, false, 0);
	connect_all(&net);
	run_until(&net, NULL, 0, 50);
	ipsec_sa_remove(&net.pair.a, net.in4.a_out);
	for (n = 0; n < 12; n++)
		cr_assert_eq(send_inner(&net.a, 4, 2, &n, 1), 0);
	run_until(&net, &net.a.acquired, 1, WAIT_MS);
	run_until(&net, NULL, 0, 50);
	cr_assert_eq(net.a.acquired, 1, "asked once a second");
	cr_assert_eq(net.a.acquired_port, PORT);
	/* 8 are held for this policy; the others count at once. */
	cr_assert_eq(net.pair.a.drops[DROP_NO_SA], 4);
	cr_assert_eq(pair_connect(&net.pair, &net.in4), 0);
	dataplane_kick(net.a.dp);
	for (n = 0; n < 8; n++) {
		cr_assert_eq(receive(&net, net.b.v4, got, sizeof(got)), 1, "packet %u", n);
		cr_assert_eq(got[0], n);
	}
	cr_assert_eq(net.pair.a.drops[DROP_NO_SA], 4);

	/* And nobody comes: given up after two seconds, then counted. */
	ipsec_sa_remove(&net.pair.a, net.in4.a_out);
	while (net.in4.policy_a->out != NULL)
		ipsec_sa_remove(&net.pair.a, net.in4.policy_a->out);
	cr_assert_eq(send_inner(&net.a, 4, 2, "x", 1), 0);
	run_until(&net, NULL, 0, 200);
	dataplane_kick(net.a.dp);
	run_until(&net, NULL, 0, 200);
	cr_assert_eq(net.pair.a.drops[DROP_NO_SA], 4, "still held");
	run_until(&net, NULL, 0, 2000);
	cr_assert_eq(net.pair.a.drops[DROP_NO_SA], 5);
	net_close(&net);
}

/* The sender's own kernel learns the smaller size from our ICMP error. */
Test(dataplane, tells_the_sender_what_is_too_big)
{
	struct net net;
	uint8_t data[1400] = {0};

	net_open(&net, SA_ENCAP_UDP, false, 0);
	cr_assert(sh("ip link set v0 mtu 1400"));
	connect_all(&net);
	run_until(&net, NULL, 0, 50);
	cr_assert_eq(net.in4.policy_a->path->mtu, 1400);
	for (int family = 4; family <= 6; family += 2) {
		int level = family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
		int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
		int mtu = 0, wanted = family == 4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;
		socklen_t len = sizeof(mtu);

		inet_pton(AF_INET, "10.2.0.1", &v4.sin_addr);
		inet_pton(AF_INET6, "fd02::1", &v6.sin6_addr);
		cr_assert(setsockopt(fd, level, family == 4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
				  &wanted, sizeof(wanted)) == 0);
		cr_assert(connect(fd, family == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
				  family == 4 ? sizeof(v4) : sizeof(v6)) == 0);
		cr_assert_eq(send(fd, data, sizeof(data), 0), (ssize_t)sizeof(data));
		run_until(&net, NULL, 0, 100);
		cr_assert(getsockopt(fd, level, family == 4 ? IP_MTU : IPV6_MTU, &mtu, &len) == 0);
		cr_assert(mtu > 1280 && mtu < 1400, "IPv%d: %d", family, mtu);
		len = sizeof(wanted);
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &wanted, &len);
		cr_assert_eq(wanted, EMSGSIZE);
		/* The ICMP error's own report is not of interest. Exactly what fits: the largest
		 * goes through, unfragmented. */
		cr_assert_lt(send(fd, data, (size_t)mtu - (family == 4 ? 28 : 48) + 1, 0), 0);
		cr_assert_gt(send(fd, data, (size_t)mtu - (family == 4 ? 28 : 48), 0), 0);
		cr_assert_eq(receive(&net, family == 4 ? net.b.v4 : net.b.v6, data, sizeof(data)),
			mtu - (family == 4 ? 28 : 48));
		close(fd);
	}
	cr_assert_eq(net.pair.a.drops[DROP_TOO_BIG], 2);
	net_close(&net);
}

static void stranger_sends(const struct net *net, const void *data, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(NAT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)net;
	inet_pton(AF_INET, "192.0.2.2", &to.sin_addr);
	cr_assert_eq(sendto(fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
	close(fd);
}

Test(dataplane, strangers_are_counted_and_told_once)
{
	struct net net;

	net_open(&net, SA_ENCAP_UDP, false, 0);
	connect_all(&net);
	for (int i = 0; i < 20; i++)
		stranger_sends(&net, "\1\2\3\4\0\0\0\1abcdefghijklmnopqrstuvwxyz", 34);
	stranger_sends(&net, "\xff", 1);
	stranger_sends(&net, "\0\0\0\0abc", 7);
	run_until(&net, &net.b.keying, 1, WAIT_MS);
	cr_assert_eq(net.b.keying, 1);
	cr_assert_eq(net.pair.b.drops[DROP_UNKNOWN_SPI], 20);
	cr_assert_eq(net.pair.b.drops[DROP_KEEPALIVE], 1);
	cr_assert_eq(net.b.audits, 1);
	cr_assert_eq(net.b.audited, DROP_UNKNOWN_SPI);
	net_close(&net);
}

Test(dataplane, keepalives_only_in_silence)
{
	struct net net;
	uint64_t *seen;

	net_open(&net, SA_ENCAP_UDP, false, 0);
	connect_all(&net);
	run_until(&net, NULL, 0, 20);
	seen = &net.pair.b.drops[DROP_KEEPALIVE];
	net.in4.policy_a->path->sent_ms = dataplane_now_ms() - DATAPLANE_KEEPALIVE_MS + 300;
	dataplane_keepalive(net.a.dp, net.in4.policy_a, true);
	run_until(&net, NULL, 0, 150);
	cr_assert_eq(*seen, 0);
	run_until(&net, NULL, 0, 300);
	cr_assert_eq(*seen, 1);
	/* Traffic puts it off; switched off, nothing comes. */
	net.in4.policy_a->path->sent_ms = dataplane_now_ms() - DATAPLANE_KEEPALIVE_MS + 100;
	dataplane_keepalive(net.a.dp, net.in4.policy_a, false);
	dataplane_keepalive(net.a.dp, net.in4.policy_a, true);
	cr_assert_eq(send_inner(&net.a, 4, 2, "x", 1), 0);
	run_until(&net, NULL, 0, 300);
	cr_assert_eq(*seen, 1);
	net.in4.policy_a->path->sent_ms = dataplane_now_ms() - DATAPLANE_KEEPALIVE_MS + 100;
	dataplane_keepalive(net.a.dp, net.in4.policy_a, false);
	run_until(&net, NULL, 0, 300);
	cr_assert_eq(*seen, 1);
	net_close(&net);
}

Test(dataplane, a_deleted_device_is_told)
{
	struct net net;

	net_open(&net, SA_ENCAP_UDP, false, 0);
	connect_all(&net);
	cr_assert(sh("ip link del diet0"));
	run_until(&net, &net.a.lost, 1, WAIT_MS);
	cr_assert_eq(net.a.lost, 1);
	run_until(&net, NULL, 0, 100);
	cr_assert_eq(net.a.lost, 1);
	dataplane_tun_remove(net.a.dp, net.a.tunnel);
	dataplane_tun_remove(net.a.dp, net.a.tunnel);
	/* What still arrives for it has nowhere to go. */
	cr_assert_eq(send_inner(&net.b, 4, 1, "x", 1), 0);
	run_until(&net, NULL, 0, 100);
	cr_assert_eq(net.pair.a.drops[DROP_TUN_WRITE], 1);
	net_close(&net);
}

Test(dataplane, is_silent_when_idle, .timeout = 30)
{
	struct rusage before, after;
	struct net net;
	uint8_t got[64];

	net_open(&net, SA_ENCAP_UDP, false, 0);
	connect_all(&net);
	cr_assert_eq(send_inner(&net.a, 4, 2, "hello", 5), 0);
	cr_assert_eq(receive(&net, net.b.v4, got, sizeof(got)), 5);
	/* The kernels' own reports on fresh links end within a few seconds. */
	run_until(&net, NULL, 0, 4000);
	getrusage(RUSAGE_THREAD, &before);
	run_until(&net, NULL, 0, 5000);
	getrusage(RUSAGE_THREAD, &after);
	/* One sleep: until the test's own timer. */
	cr_assert_leq(after.ru_nvcsw - before.ru_nvcsw, 1);
	net_close(&net);
}
