/* SPDX-License-Identifier: Apache-2.0 */
/* Transports that write down what they hear, alone or in two joined network namespaces. */
#ifndef DIETVPN_TESTS_FAKES_ENDS_H
#define DIETVPN_TESTS_FAKES_ENDS_H

#include "base/buf.h"
#include "fakes/netns.h"
#include "io/transport.h"
#include "ip/addr.h"
#include "ipsec/ipsec.h"

#include <sys/socket.h>
#include <uv.h>

enum { PORT_NAT = 4500, PORT_IKE = 500, LOG_MAX = 512, DATA_MAX = 64 };

/* What one end has heard, in order. */
struct heard {
	char kind; /* e ESP, k keying, a keepalive, m path MTU, d drop */
	struct outer outer;
	uint16_t port;
	uint32_t mtu;
	size_t batch; /* which batch brought it */
	uint8_t encap;
	size_t len;
	uint8_t data[DATA_MAX];
};

struct end {
	uv_loop_t *loop;
	struct buf_pool *pool;
	struct transport *transport;
	size_t n, writable, batches;
	struct heard log[LOG_MAX];
};

__attribute__((unused)) static struct heard *add(struct end *end, char kind)
{
	struct heard *h = &end->log[end->n];

	cr_assert_lt(end->n, LOG_MAX);
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	end->n++;
	return h;
}

__attribute__((unused)) static void copy(struct heard *h, const uint8_t *data, size_t len)
{
	h->len = len;
	memcpy(h->data, data, len < DATA_MAX ? len : DATA_MAX);
}

__attribute__((unused)) static void on_esp(void *owner, struct batch *batch)
{
	struct end *end = owner;

	cr_assert_eq(batch->now_ms, 77);
	for (size_t i = 0; i < batch->n; i++) {
		struct heard *h = add(end, 'e');

		h->outer = batch->items[i].outer;
		h->encap = batch->items[i].encap;
		h->batch = end->batches;
		copy(h, batch->items[i].pkt->data, batch->items[i].pkt->len);
		buf_pool_put(end->pool, batch->items[i].pkt);
	}
	end->batches++;
}

__attribute__((unused)) static void on_keying(
	void *owner, uint16_t port, const struct outer *outer, struct slice payload)
{
	struct heard *h = add(owner, 'k');

	h->outer = *outer;
	h->port = port;
	copy(h, payload.data, payload.len);
}

__attribute__((unused)) static void on_keepalive(void *owner)
{
	add(owner, 'a');
}

__attribute__((unused)) static void on_path_mtu(
	void *owner, const struct ip_endpoint *remote, uint32_t mtu)
{
	struct heard *h = add(owner, 'm');

	h->outer.remote = *remote;
	h->mtu = mtu;
}

__attribute__((unused)) static void on_writable(void *owner)
{
	((struct end *)owner)->writable++;
}

__attribute__((unused)) static void on_drop(void *owner, enum drop drop)
{
	add(owner, 'd')->len = drop;
}

__attribute__((unused)) static uint64_t now_ms(void *owner)
{
	(void)owner;
	return 77;
}

__attribute__((unused)) static int end_try(struct end *end, uv_loop_t *loop, bool raw, uint16_t nat)
{
	const struct transport_params params = {
		.port_ike = PORT_IKE, .port_nat = nat, .raw = raw, .pool = end->pool};
	const struct transport_callbacks callbacks = {
		on_esp, on_keying, on_keepalive, on_path_mtu, on_writable, on_drop, now_ms, end};

	end->loop = loop;
	return transport_create(loop, &params, &callbacks, &end->transport);
}

__attribute__((unused)) static struct end *end_new(uv_loop_t *loop, size_t room)
{
	struct end *end = calloc(1, sizeof(*end));

	end->pool = buf_pool_create(256, room);
	cr_assert_eq(end_try(end, loop, true, PORT_NAT), 0);
	return end;
}

__attribute__((unused)) static void end_free(struct end *end)
{
	transport_destroy(end->transport);
	uv_run(end->loop, UV_RUN_NOWAIT);
	buf_pool_destroy(end->pool);
	free(end);
}

__attribute__((unused)) static void stop(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
	/* Else the same turn would go on to wait, perhaps for ever. */
	uv_stop(timer->loop);
}

/* Runs the loop until end has heard n things, at most ms. */
__attribute__((unused)) static void run(struct end *end, size_t n, unsigned ms)
{
	uv_timer_t timer;
	bool over = false;

	uv_timer_init(end->loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, stop, ms, 0);
	while (!over && end->n < n)
		uv_run(end->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(end->loop, UV_RUN_NOWAIT);
}

__attribute__((unused)) static struct ip_endpoint at(const char *addr, uint16_t port)
{
	struct ip_endpoint e = {.port = port};

	cr_assert_eq(ip_addr_parse(addr, &e.addr), 0, "%s", addr);
	return e;
}

__attribute__((unused)) static bool is_addr(const struct ip_addr *a, const char *text)
{
	struct ip_endpoint e = at(text, 0);

	return ip_addr_equal(a, &e.addr);
}

__attribute__((unused)) static struct batch_item *put(struct end *end, struct batch *batch,
	const struct outer *outer, const void *data, size_t len)
{
	struct batch_item *item = &batch->items[batch->n++];

	memset(item, 0, sizeof(*item));
	item->pkt = buf_pool_get(end->pool);
	cr_assert(item->pkt && buf_set(item->pkt, data, len) == 0);
	item->outer = *outer;
	item->encap = outer->remote.port != 0 ? SA_ENCAP_UDP : SA_ENCAP_ESP;
	return item;
}

__attribute__((unused)) static void give_back(struct end *end, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		buf_pool_put(end->pool, batch->items[i].pkt);
	batch->n = 0;
}

__attribute__((unused)) static void raw_send(
	const char *to, uint16_t port, const void *data, size_t len)
{
	struct ip_endpoint e = at(to, port);
	struct sockaddr_storage ss;
	socklen_t ss_len = ip_endpoint_to_sockaddr(&e, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	cr_assert_eq(sendto(fd, data, len, 0, (struct sockaddr *)&ss, ss_len), (ssize_t)len);
	close(fd);
}

/* Two namespaces, a (192.0.2.1, 2001:db8::1) and b (.2, ::2), one transport in each. */
struct two {
	uv_loop_t loop;
	int ns_a, ns_b;
	struct end *a, *b;
};

__attribute__((unused)) static void two_open(struct two *two, size_t room)
{
	memset(two, 0, sizeof(*two));
	two->ns_a = netns_new();
	two->ns_b = netns_new();
	netns_join(two->ns_a, "v0", two->ns_b, "v1");
	cr_assert(sh("ip addr add 192.0.2.1/24 dev v0 && "
		     "ip -6 addr add 2001:db8::1/64 dev v0 nodad"));
	netns_enter(two->ns_b);
	cr_assert(sh("ip addr add 192.0.2.2/24 dev v1 && "
		     "ip -6 addr add 2001:db8::2/64 dev v1 nodad"));
	uv_loop_init(&two->loop);
	two->b = end_new(&two->loop, room);
	netns_enter(two->ns_a);
	two->a = end_new(&two->loop, room);
}

__attribute__((unused)) static void two_close(struct two *two)
{
	end_free(two->a);
	end_free(two->b);
	cr_assert_eq(uv_loop_close(&two->loop), 0);
	close(two->ns_a);
	close(two->ns_b);
}

#endif
