/* SPDX-License-Identifier: Apache-2.0 */
/* The outer sockets' life, their poll handles, and the kernel's route to a peer; RFC 3948. */
#include "io/transport.h"

#include "base/buf.h"
#include "io/transport_socket.h"
#include "ip/addr.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECEIVE_WANT_MIN = 8 };

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct outer_socket *s = poll->data;

	/* libuv stops a handle whose descriptor has a pending error; ours are news, not the end. */
	if (status < 0) {
		outer_receive_errors(s);
		outer_watch(s, s->transport->tail.n > 0);
		/* Strangers can make errors faster than we turn: they must not take the others'
		 * place. */
		events = UV_READABLE | UV_WRITABLE;
	}
	if (events & UV_READABLE)
		outer_receive(s);
	if (events & UV_WRITABLE)
		outer_send_tail(s->transport);
}

void outer_watch(struct outer_socket *s, bool writable)
{
	uv_poll_start(&s->poll, UV_READABLE | (writable ? UV_WRITABLE : 0), on_ready);
}

static void on_closed(uv_handle_t *handle)
{
	struct outer_socket *s = handle->data;
	struct transport *transport = s->transport;

	if (--transport->open_handles == 0)
		free(transport);
}

static int watch_new(struct outer_socket *s)
{
	int err = uv_poll_init(s->transport->loop, &s->poll, s->fd);

	if (err != 0)
		return err;
	s->poll.data = s;
	s->polled = true;
	s->transport->open_handles++;
	outer_watch(s, false);
	return 0;
}

static bool wanted(const struct transport_params *params, unsigned kind)
{
	return kind == OUTER_NAT || (kind == OUTER_IKE && params->port_ike != 0) ||
	       (kind == OUTER_RAW && params->raw);
}

/* Both families of one kind share the port, also where the kernel chose it. */
static int open_kind(struct transport *t, unsigned kind)
{
	uint16_t port = kind == OUTER_NAT   ? t->params.port_nat
			: kind == OUTER_IKE ? t->params.port_ike
					    : 0;

	for (unsigned six = 0; six < 2; six++) {
		struct outer_socket *s = &t->sockets[kind * 2 + six];
		int err = outer_socket_open(s, port);

		if (err == 0 && s->fd >= 0)
			err = watch_new(s);
		if (err != 0)
			return err;
		port = s->port != 0 ? s->port : port;
	}
	return 0;
}

int transport_create(uv_loop_t *loop, const struct transport_params *params,
	const struct transport_callbacks *callbacks, struct transport **out)
{
	struct transport *t = calloc(1, sizeof(*t));
	int err = 0;

	if (t == NULL)
		return -ENOMEM;
	t->loop = loop;
	t->params = *params;
	t->callbacks = *callbacks;
	t->receive_want = RECEIVE_WANT_MIN;
	for (unsigned i = 0; i < OUTER_SOCKETS; i++) {
		t->sockets[i].transport = t;
		t->sockets[i].fd = -1;
		t->sockets[i].kind = (uint8_t)(i / 2);
		t->sockets[i].family = i % 2 == 0 ? 4 : 6;
	}
	for (unsigned kind = 0; err == 0 && kind < OUTER_KINDS; kind++)
		err = wanted(params, kind) ? open_kind(t, kind) : 0;
	if (err != 0) {
		transport_destroy(t);
		return err;
	}
	*out = t;
	return 0;
}

void transport_destroy(struct transport *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->tail.n; i++)
		buf_pool_put(t->params.pool, t->tail.items[i].pkt);
	t->tail.n = 0;
	outer_gro_stop(t);
	for (unsigned i = 0; i < OUTER_SOCKETS; i++) {
		if (t->sockets[i].polled)
			uv_close((uv_handle_t *)&t->sockets[i].poll, on_closed);
		if (t->sockets[i].fd >= 0)
			close(t->sockets[i].fd);
		t->sockets[i].fd = -1;
	}
	if (t->open_handles == 0)
		free(t);
}

uint16_t transport_port(const struct transport *t, enum sa_encap encap)
{
	return encap == SA_ENCAP_UDP ? t->sockets[OUTER_NAT * 2].port : 0;
}

uint64_t transport_labels_refused(const struct transport *t)
{
	return t->labels_refused;
}

struct transport_counts transport_counts(const struct transport *t)
{
	return t->counts;
}

/* A connected datagram socket knows its route and sends nothing. */
static int ask_route(int fd, const struct ip_endpoint *to, uint32_t *mtu, struct ip_addr *source)
{
	bool v4 = to->addr.family == 4;
	union outer_sockaddr addr;
	socklen_t len = ip_endpoint_to_sockaddr(to, &addr.room);
	struct ip_endpoint local;
	int value;
	socklen_t size = sizeof(value);

	if (connect(fd, &addr.any, len) < 0 || getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
						       v4 ? IP_MTU : IPV6_MTU, &value, &size) < 0)
		return -errno;
	len = sizeof(addr);
	if (getsockname(fd, &addr.any, &len) < 0)
		return -errno;
	*mtu = (uint32_t)value;
	if (source != NULL && ip_endpoint_from_sockaddr(&addr.any, &local) == 0)
		*source = local.addr;
	return 0;
}

int transport_route(const struct ip_endpoint *remote, uint32_t *mtu, struct ip_addr *source)
{
	struct ip_endpoint to = *remote;
	int family = to.addr.family == 4 ? AF_INET : AF_INET6;
	int fd, err;

	if (to.addr.family == 0)
		return -EDESTADDRREQ;
	if (to.port == 0)
		to.port = 4500;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = ask_route(fd, &to, mtu, source);
	close(fd);
	return err;
}
