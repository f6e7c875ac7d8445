/* SPDX-License-Identifier: Apache-2.0 */
/* The door's sockets: the IKE ports through the shared transport, all others a plugin's own
 * (house.md 5.3, rule 7). */
#include "keying/instance.h"

#include "io/dataplane.h"
#include "io/transport.h"
#include "ip/packet.h"
#include "keying/plugin.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65536, DATAGRAMS_PER_WAKE = 64, CONTROL_MAX = 128, IHL_MASK = 0x0f };

struct own_socket {
	uint32_t id; /* first: key of instance.sockets */
	struct instance *instance;
	uint16_t shared; /* port of the transport; 0: a descriptor of its own */
	uint8_t ip_proto;
	int fd;
	uv_poll_t *poll;
	struct ip_endpoint local;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void close_socket(struct own_socket *sock)
{
	if (sock->poll)
		uv_close((uv_handle_t *)sock->poll, free_handle);
	if (sock->fd >= 0)
		close(sock->fd);
	free(sock);
}

static void deliver(struct own_socket *sock, const struct ip_endpoint *local,
	const struct ip_endpoint *remote, struct slice payload)
{
	struct instance *in = sock->instance;
	const struct keying_datagram datagram = {
		.socket = (int)sock->id, .local = *local, .remote = *remote, .payload = payload};

	if (!PLUGIN_HAS(in->ops, datagram))
		return;
	in->depth++;
	in->ops->datagram(in->keying, &datagram);
	in->depth--;
	instance_deliver(in);
}

/* Which of our addresses it came to; the port is the socket's. */
static void read_local(struct msghdr *msg, struct ip_endpoint *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->addr = ip_addr_from(4, (const uint8_t *)&info.ipi_addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->addr = ip_addr_from(6, (const uint8_t *)&info.ipi6_addr);
		}
	}
}

/* A raw IPv4 socket shows the IP header, all others do not. */
static size_t header_len(const struct own_socket *sock, const uint8_t *data, size_t len)
{
	size_t n;

	if (sock->ip_proto == IP_PROTO_UDP || sock->local.addr.family != 4)
		return 0;
	n = len ? (size_t)(data[0] & IHL_MASK) * 4 : 0;
	return n < len ? n : len;
}

static bool receive(struct own_socket *sock)
{
	uint8_t *data = sock->instance->datagram;
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
	struct iovec iov = {data, DATAGRAM_MAX};
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control,
	};
	struct ip_endpoint local = sock->local;
	struct ip_endpoint remote;
	ssize_t n = recvmsg(sock->fd, &msg, MSG_DONTWAIT);
	size_t skip;

	if (n < 0)
		return errno == EINTR || errno == ECONNREFUSED;
	if (msg.msg_flags & MSG_TRUNC ||
		ip_endpoint_from_sockaddr((struct sockaddr *)&from, &remote))
		return true;
	read_local(&msg, &local);
	skip = header_len(sock, data, (size_t)n);
	deliver(sock, &local, &remote, (struct slice){data + skip, (size_t)n - skip});
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct own_socket *sock = poll->data;
	struct instance *in = sock->instance;
	uint32_t id = sock->id;

	if (status || !(events & UV_READABLE))
		return;
	/* The plugin may close it on the way. */
	for (int i = 0; i < DATAGRAMS_PER_WAKE; i++) {
		sock = key_find(&in->sockets, id);
		if (!sock || !receive(sock))
			return;
	}
}

static int set_options(int fd, int family)
{
	const int on = 1;

	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) ? -errno : 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on))
		return -errno;
	return 0;
}

static int open_fd(struct own_socket *sock)
{
	const struct ip_endpoint *local = &sock->local;
	int family = local->addr.family == 6 ? AF_INET6 : AF_INET;
	bool udp = sock->ip_proto == IP_PROTO_UDP;
	struct sockaddr_storage ss;
	struct ip_endpoint bound = *local;
	socklen_t len;
	int r;

	if (!udp)
		bound.port = 0;
	sock->fd = socket(family, (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC,
		udp ? 0 : sock->ip_proto);
	if (sock->fd < 0)
		return -errno;
	r = set_options(sock->fd, family);
	len = ip_endpoint_to_sockaddr(&bound, &ss);
	if (!r && bind(sock->fd, (struct sockaddr *)&ss, len))
		r = -errno;
	len = sizeof ss;
	if (!r && udp && !getsockname(sock->fd, (struct sockaddr *)&ss, &len))
		r = ip_endpoint_from_sockaddr((struct sockaddr *)&ss, &sock->local);
	return r;
}

static int open_own(struct own_socket *sock)
{
	struct instance *in = sock->instance;
	uv_poll_t *poll;
	int r;

	/* ESP has an owner; a socket of both families would show IPv4 in disguise. */
	if (sock->ip_proto == IP_PROTO_ESP || !sock->local.addr.family)
		return -EINVAL;
	if (!in->datagram && !(in->datagram = malloc(DATAGRAM_MAX)))
		return -ENOMEM;
	r = open_fd(sock);
	if (r)
		return r;
	poll = malloc(sizeof *poll);
	if (!poll)
		return -ENOMEM;
	r = uv_poll_init(in->host->params.loop, poll, sock->fd);
	if (r) {
		free(poll);
		return r;
	}
	poll->data = sock;
	sock->poll = poll;
	return uv_poll_start(poll, UV_READABLE, on_readable);
}

static bool is_shared(const struct instance *in, uint16_t port, uint8_t ip_proto)
{
	const struct config_interface *interface = &in->config->interface;

	return ip_proto == IP_PROTO_UDP && port &&
	       (port == interface->listen_ike || port == interface->listen_nat);
}

/* A port has one owner: one plugin, and one tunnel unless it can tell whose a datagram is. */
static int may_share(const struct instance *in, uint16_t port)
{
	list_each (node, &in->host->instances) {
		const struct instance *other = container_of(node, struct instance, link);
		const struct own_socket *sock;
		size_t at = 0;

		while ((sock = map_next(&other->sockets, &at)))
			if (sock->shared == port && (other == in || other->ops != in->ops ||
							    !PLUGIN_HAS(in->ops, claim)))
				return -EADDRINUSE;
	}
	return 0;
}

static int socket_open(
	const struct keying_host *host, const struct ip_endpoint *local, uint8_t ip_proto)
{
	struct instance *in = instance_of(host);
	struct own_socket *sock;
	int r;

	if (!local)
		return -EINVAL;
	if (in->n_sockets >= HOST_SOCKETS_MAX || in->next_socket > INT_MAX)
		return -ENOSPC;
	sock = calloc(1, sizeof *sock);
	if (!sock)
		return -ENOMEM;
	sock->instance = in;
	sock->fd = -1;
	sock->local = *local;
	sock->ip_proto = ip_proto;
	sock->id = in->next_socket;
	if (is_shared(in, local->port, ip_proto)) {
		sock->shared = local->port;
		r = may_share(in, local->port);
	} else {
		r = open_own(sock);
	}
	if (!r)
		r = map_add(&in->sockets, key_hash(sock->id), sock);
	if (r) {
		close_socket(sock);
		return r;
	}
	in->n_sockets++;
	return (int)in->next_socket++;
}

static struct own_socket *find(const struct keying_host *host, int id)
{
	return id < 0 ? NULL : key_find(&instance_of(host)->sockets, (uint32_t)id);
}

/* A socket of the plugin's own has been bound to where it sends from, or the kernel chooses. */
static int socket_send_from(const struct keying_host *host, int id, const struct ip_addr *local,
	const struct ip_endpoint *to, struct slice payload)
{
	struct own_socket *sock = find(host, id);
	struct ip_endpoint remote;
	struct sockaddr_storage ss;
	socklen_t len;

	if (!sock || !local || !to || !to->addr.family || (payload.len && !payload.data))
		return -EINVAL;
	if (sock->shared)
		return transport_send_keying(
			dataplane_transport(sock->instance->host->params.dataplane), sock->shared,
			local, to, payload);
	if (to->addr.family != sock->local.addr.family)
		return -EAFNOSUPPORT;
	remote = *to;
	if (sock->ip_proto != IP_PROTO_UDP)
		remote.port = 0;
	len = ip_endpoint_to_sockaddr(&remote, &ss);
	return sendto(sock->fd, payload.data, payload.len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (struct sockaddr *)&ss, len) < 0
		       ? -errno
		       : 0;
}

static int socket_send(
	const struct keying_host *host, int id, const struct ip_endpoint *to, struct slice payload)
{
	return socket_send_from(host, id, &(struct ip_addr){0}, to, payload);
}

static int route(
	const struct keying_host *host, const struct ip_endpoint *remote, struct ip_addr *local)
{
	uint32_t mtu;

	(void)host;
	if (!remote || !remote->addr.family || !local)
		return -EINVAL;
	return transport_route(remote, &mtu, local);
}

static void socket_close(const struct keying_host *host, int id)
{
	struct own_socket *sock = find(host, id);

	if (!sock)
		return;
	key_remove(&sock->instance->sockets, sock->id);
	sock->instance->n_sockets--;
	close_socket(sock);
}

void host_socket_fill(struct keying_host *table)
{
	table->socket_open = socket_open;
	table->socket_send = socket_send;
	table->socket_close = socket_close;
	table->socket_send_from = socket_send_from;
	table->route = route;
}

void host_socket_stop(struct instance *in)
{
	struct own_socket *sock;
	size_t at = 0;

	while ((sock = map_next(&in->sockets, &at)))
		close_socket(sock);
	map_fini(&in->sockets);
	map_init(&in->sockets, key_equal);
	in->n_sockets = 0;
	free(in->datagram);
	in->datagram = NULL;
}

static struct own_socket *shared_socket(const struct instance *in, uint16_t port)
{
	struct own_socket *sock;
	size_t at = 0;

	while ((sock = map_next(&in->sockets, &at)))
		if (sock->shared == port)
			return sock;
	return NULL;
}

static struct own_socket *next_shared(const struct host *host, uint16_t port, struct list **node)
{
	while ((*node = (*node)->next) != &host->instances) {
		struct own_socket *sock =
			shared_socket(container_of(*node, struct instance, link), port);

		if (sock)
			return sock;
	}
	return NULL;
}

static enum keying_claim claim_of(struct own_socket *sock, const struct keying_datagram *datagram)
{
	struct instance *in = sock->instance;
	struct keying_datagram asked = *datagram;
	enum keying_claim claim;

	asked.socket = (int)sock->id;
	in->depth++;
	claim = in->ops->claim(in->keying, &asked);
	in->depth--;
	return claim;
}

/* The tunnel with the best claim; of equal ones, and where nobody knows it, the first. */
static struct own_socket *owner(
	struct host *host, uint16_t port, const struct keying_datagram *datagram)
{
	struct list *node = &host->instances;
	struct own_socket *first = next_shared(host, port, &node);
	struct own_socket *best = first;
	struct own_socket *sock = first ? next_shared(host, port, &node) : NULL;
	enum keying_claim most;

	if (!sock)
		return first;
	most = claim_of(first, datagram);
	for (; sock; sock = next_shared(host, port, &node)) {
		enum keying_claim claim = claim_of(sock, datagram);

		if (claim > most) {
			most = claim;
			best = sock;
		}
	}
	return best;
}

void host_datagram(
	struct host *host, uint16_t port, const struct outer *outer, struct slice payload)
{
	const struct keying_datagram datagram = {
		.local = outer->local, .remote = outer->remote, .payload = payload};
	struct own_socket *sock = owner(host, port, &datagram);

	if (sock)
		deliver(sock, &outer->local, &outer->remote, payload);
}
