/* SPDX-License-Identifier: Apache-2.0 */
/* keying/host_socket.c: sockets of a plugin's own, shared IKE ports, refusals, closing on the way.
 */
#include "keying/instance.h"

#include "io/dataplane.h"
#include "io/transport.h"
#include "ip/addr.h"
#include "keying/plugin.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IKE = 500, NAT = 4500, EXPERIMENT = 253 }; /* RFC 3692 */

static uint16_t sent_port;
static size_t sent_len;

uint64_t dataplane_now_ms(void)
{
	return 1;
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
	*mtu = 1500;
	*source = remote->addr;
	return 0;
}

int transport_send_keying(struct transport *transport, uint16_t port, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload)
{
	(void)transport;
	(void)local;
	(void)to;
	sent_port = port;
	sent_len = payload.len;
	return 0;
}

struct keying {
	struct instance instance;
	struct loaded loaded;
	struct keying_datagram last;
	uint8_t payload[64];
	unsigned seen;
	bool close_it;
	enum keying_claim claim;
	unsigned claims;
};

static void on_datagram(struct keying *k, const struct keying_datagram *datagram)
{
	k->seen++;
	k->last = *datagram;
	cr_assert_leq(datagram->payload.len, sizeof k->payload);
	memcpy(k->payload, datagram->payload.data, datagram->payload.len);
	if (k->close_it)
		k->instance.door.table.socket_close(&k->instance.door.table, datagram->socket);
}

static enum keying_claim on_claim(struct keying *k, const struct keying_datagram *datagram)
{
	cr_assert_geq(datagram->socket, 0);
	k->claims++;
	return k->claim;
}

static const struct keying_plugin_ops ops = {.size = sizeof ops, .datagram = on_datagram};
static const struct keying_plugin_ops claiming = {
	.size = sizeof claiming, .datagram = on_datagram, .claim = on_claim};
static uv_loop_t loop;
static struct host host;
static struct config config;
static struct keying a, b;

static void add(struct keying *k)
{
	struct instance *in = &k->instance;

	memset(k, 0, sizeof *k);
	map_init(&in->sockets, key_equal);
	list_init(&in->calls);
	list_append(&host.instances, &in->link);
	in->host = &host;
	in->loaded = &k->loaded;
	in->ops = &ops;
	in->keying = k;
	in->config = &config;
	in->door.self = in;
	host_socket_fill(&in->door.table);
}

static void set_up(void)
{
	cr_assert_eq(uv_loop_init(&loop), 0);
	host.params.loop = &loop;
	list_init(&host.instances);
	config.interface.listen_ike = IKE;
	config.interface.listen_nat = NAT;
	add(&a);
	add(&b);
}

static void tear_down(void)
{
	host_socket_stop(&a.instance);
	host_socket_stop(&b.instance);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(host_socket, .init = set_up, .fini = tear_down);

static struct ip_endpoint at(const char *address, uint16_t port)
{
	struct ip_endpoint e = {.port = port};

	cr_assert_eq(ip_addr_parse(address, &e.addr), 0);
	return e;
}

static int open_at(struct keying *k, const char *address, uint16_t port, uint8_t proto)
{
	struct ip_endpoint local = at(address, port);

	return k->instance.door.table.socket_open(&k->instance.door.table, &local, proto);
}

static int send_to(struct keying *k, int id, const struct ip_endpoint *to, const char *text)
{
	return k->instance.door.table.socket_send(&k->instance.door.table, id, to,
		(struct slice){(const uint8_t *)text, strlen(text)});
}

/* A socket of somebody else on the loopback, and its place. */
static int peer_at(const char *address, struct ip_endpoint *place)
{
	struct ip_endpoint any = at(address, 0);
	struct sockaddr_storage ss;
	socklen_t len = ip_endpoint_to_sockaddr(&any, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof ss;
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	cr_assert_eq(ip_endpoint_from_sockaddr((struct sockaddr *)&ss, place), 0);
	return fd;
}

Test(host_socket, datagrams_both_ways)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < 2; i++) {
		struct ip_endpoint place;
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd = peer_at(addresses[i], &place);
		int id = open_at(&a, i ? "::" : "0.0.0.0", 0, IP_PROTO_UDP);
		struct ip_endpoint local = at(addresses[i], 0);
		char text[16];

		cr_assert_geq(id, 0);
		cr_assert_eq(send_to(&a, id, &place, "there"), 0);
		cr_assert_eq(recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &len), 5);
		cr_assert_eq(sendto(fd, "back", 4, 0, (struct sockaddr *)&from, len), 4);
		uv_run(&loop, UV_RUN_ONCE);
		cr_assert_eq(a.seen, i + 1);
		cr_assert_eq(a.last.socket, id);
		cr_assert(a.last.payload.len == 4 && !memcmp(a.payload, "back", 4));
		/* The socket is bound to any address: where it came to is in the message. */
		cr_assert(ip_addr_equal(&a.last.local.addr, &local.addr));
		cr_assert(a.last.local.port != 0);
		cr_assert(ip_endpoint_equal(&a.last.remote, &place));
		close(fd);
	}
}

Test(host_socket, raw_protocols_without_their_header)
{
	struct ip_endpoint to = at("127.0.0.1", 99);
	int id = open_at(&a, "127.0.0.1", 0, EXPERIMENT);

	if (id == -EPERM)
		cr_skip_test("no CAP_NET_RAW: raw sockets not tried");
	cr_assert_geq(id, 0);
	cr_assert_eq(send_to(&a, id, &to, "raw"), 0);
	uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(a.seen, 1);
	cr_assert(a.last.payload.len == 3 && !memcmp(a.payload, "raw", 3));
}

Test(host_socket, closed_while_it_is_read)
{
	struct ip_endpoint place;
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int fd = peer_at("127.0.0.1", &place);
	int id = open_at(&a, "127.0.0.1", 0, IP_PROTO_UDP);
	char text[16];

	a.close_it = true;
	cr_assert_eq(send_to(&a, id, &place, "x"), 0);
	cr_assert_eq(recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &len), 1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sendto(fd, "y", 1, 0, (struct sockaddr *)&from, len), 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(a.seen, 1);
	cr_assert_eq(send_to(&a, id, &place, "x"), -EINVAL);
	close(fd);
}

Test(host_socket, a_shared_port_has_one_owner)
{
	struct ip_endpoint to = at("192.0.2.1", IKE);
	struct outer outer = {.local = at("192.0.2.2", IKE), .remote = to};
	int id = open_at(&a, "0.0.0.0", IKE, IP_PROTO_UDP);

	cr_assert_geq(id, 0);
	cr_assert_eq(send_to(&a, id, &to, "ike"), 0);
	cr_assert(sent_port == IKE && sent_len == 3);
	cr_assert_eq(open_at(&a, "0.0.0.0", IKE, IP_PROTO_UDP), -EADDRINUSE);
	cr_assert_eq(open_at(&b, "0.0.0.0", IKE, IP_PROTO_UDP), -EADDRINUSE);
	cr_assert_geq(open_at(&b, "0.0.0.0", NAT, IP_PROTO_UDP), 0);
	/* The same plugin for another tunnel: a stranger's first message would be everybody's. */
	b.instance.loaded = a.instance.loaded;
	cr_assert_eq(open_at(&b, "0.0.0.0", IKE, IP_PROTO_UDP), -EADDRINUSE);
	host_datagram(&host, IKE, &outer, (struct slice){(const uint8_t *)"m", 1});
	cr_assert(a.seen == 1 && b.seen == 0);
	host_datagram(&host, NAT, &outer, (struct slice){(const uint8_t *)"m", 1});
	cr_assert(a.seen == 1 && b.seen == 1);
}

/* Tunnels of one plugin that can tell whose a datagram is. */
Test(host_socket, the_best_claim_has_it)
{
	static const struct {
		enum keying_claim a, b;
		bool second;
	} rows[] = {{KEYING_FOREIGN, KEYING_FOREIGN, false}, {KEYING_FOREIGN, KEYING_ANYBODY, true},
		{KEYING_ANYBODY, KEYING_ANYBODY, false}, {KEYING_ANYBODY, KEYING_MY_PEER, true},
		{KEYING_MY_PEER, KEYING_ANYBODY, false}, {KEYING_MY_PEER, KEYING_MINE, true},
		{KEYING_MINE, KEYING_MY_PEER, false}};
	struct outer outer = {.local = at("192.0.2.2", IKE), .remote = at("192.0.2.1", IKE)};

	a.instance.ops = b.instance.ops = &claiming;
	cr_assert_geq(open_at(&a, "0.0.0.0", IKE, IP_PROTO_UDP), 0);
	cr_assert_eq(open_at(&a, "0.0.0.0", IKE, IP_PROTO_UDP), -EADDRINUSE);
	host_datagram(&host, IKE, &outer, (struct slice){(const uint8_t *)"m", 1});
	cr_assert(a.seen == 1 && a.claims == 0, "alone it is not asked");
	b.instance.ops = &ops;
	cr_assert_eq(open_at(&b, "0.0.0.0", IKE, IP_PROTO_UDP), -EADDRINUSE, "another plugin");
	b.instance.ops = &claiming;
	cr_assert_geq(open_at(&b, "0.0.0.0", NAT, IP_PROTO_UDP), 0);
	cr_assert_geq(open_at(&b, "0.0.0.0", IKE, IP_PROTO_UDP), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a.claim = rows[i].a;
		b.claim = rows[i].b;
		a.seen = b.seen = 0;
		host_datagram(&host, IKE, &outer, (struct slice){(const uint8_t *)"m", 1});
		cr_expect_eq(a.seen, !rows[i].second, "%zu", i);
		cr_expect_eq(b.seen, rows[i].second, "%zu", i);
		cr_expect_eq(
			rows[i].second ? b.last.socket : a.last.socket, rows[i].second ? 1 : 0);
	}
}

Test(host_socket, refusals)
{
	const struct keying_host *table = &a.instance.door.table;
	struct ip_endpoint none = {0};
	struct ip_endpoint six = at("::1", 9);
	struct ip_endpoint place;
	int fd = peer_at("127.0.0.1", &place);
	int id;

	cr_assert_eq(table->socket_open(table, NULL, IP_PROTO_UDP), -EINVAL);
	cr_assert_eq(table->socket_open(table, &none, IP_PROTO_UDP), -EINVAL);
	cr_assert_eq(open_at(&a, "127.0.0.1", 0, IP_PROTO_ESP), -EINVAL);
	cr_assert_eq(open_at(&a, "127.0.0.1", place.port, IP_PROTO_UDP), -EADDRINUSE);
	cr_assert_eq(open_at(&a, "192.0.2.77", 0, IP_PROTO_UDP), -EADDRNOTAVAIL);
	id = open_at(&a, "127.0.0.1", 0, IP_PROTO_UDP);
	cr_assert_geq(id, 0);
	cr_assert_eq(send_to(&a, id, &six, "x"), -EAFNOSUPPORT);
	cr_assert_eq(send_to(&a, id, &none, "x"), -EINVAL);
	cr_assert_eq(send_to(&a, id + 1, &place, "x"), -EINVAL);
	cr_assert_eq(send_to(&a, -1, &place, "x"), -EINVAL);
	cr_assert_eq(table->socket_send(table, id, NULL, (struct slice){0}), -EINVAL);
	for (int i = 1; i < HOST_SOCKETS_MAX; i++)
		cr_assert_geq(open_at(&a, "127.0.0.1", 0, IP_PROTO_UDP), 0);
	cr_assert_eq(open_at(&a, "127.0.0.1", 0, IP_PROTO_UDP), -ENOSPC);
	table->socket_close(table, id);
	table->socket_close(table, id);
	cr_assert_geq(open_at(&a, "127.0.0.1", 0, IP_PROTO_UDP), 0);
	close(fd);
}
