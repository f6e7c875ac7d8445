/* SPDX-License-Identifier: Apache-2.0 */
/* Opens one outer socket: UDP (RFC 768, RFC 3948) or raw ESP (RFC 4303), and its options. */
#include "io/transport_socket.h"

#define LOG_TAG "transport"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	/* The kernel doubles it and charges what it allocated: it then holds 1.3 MB in full
	 * datagrams that come singly, 2 MB in joined ones. */
	SOCKET_BUFFER = 1 << 20,
};

struct option {
	int name, value;
	bool required;
};

static const struct option options_v4[] = {
	{IP_PKTINFO, 1, true},
	{IP_RECVTTL, 1, true},
	{IP_RECVTOS, 1, true},
	{IP_RECVERR, 1, true},
	/* DF on what fits, fragments of what we let exceed the path. */
	{IP_MTU_DISCOVER, IP_PMTUDISC_WANT, true},
};

/* RFC 3542's numbers for what netinet/in.h hides or lacks. */
static const struct option options_v6[] = {
	/* Raw sockets refuse it, as they never hear IPv4; without it UDP could not bind twice. */
	{IPV6_V6ONLY, 1, false},
	{IPV6_RECVPKTINFO, 1, true},
	{IPV6_RECVHOPLIMIT, 1, true},
	{IPV6_RECVTCLASS, 1, true},
	{IPV6_RECVERR, 1, true},
	{IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT, true},
	{IPV6_FLOWINFO, 1, false},
	{IPV6_FLOWINFO_SEND, 1, false},
	/* A label of 0 means 0: the kernel's own would come out at "lower" as the inner one. */
	{IPV6_AUTOFLOWLABEL, 0, false},
};

static int set_options(int fd, int level, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct option *o = &options[i];

		if (setsockopt(fd, level, o->name, &o->value, sizeof(o->value)) < 0 && o->required)
			return -errno;
	}
	return 0;
}

static int set_all(const struct outer_socket *s)
{
	const int size = SOCKET_BUFFER;

	/* Beyond rmem_max the kernel cuts; FORCE needs CAP_NET_ADMIN, which we have as a rule. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (s->family == 4)
		return set_options(
			s->fd, IPPROTO_IP, options_v4, sizeof(options_v4) / sizeof(options_v4[0]));
	return set_options(
		s->fd, IPPROTO_IPV6, options_v6, sizeof(options_v6) / sizeof(options_v6[0]));
}

static int bind_any(struct outer_socket *s, uint16_t port)
{
	union outer_sockaddr addr;
	socklen_t len = s->family == 4 ? sizeof(addr.v4) : sizeof(addr.v6);

	memset(&addr, 0, sizeof(addr));
	if (s->family == 4) {
		addr.v4.sin_family = AF_INET;
		addr.v4.sin_port = htons(port);
	} else {
		addr.v6.sin6_family = AF_INET6;
		addr.v6.sin6_port = htons(port);
	}
	if (bind(s->fd, &addr.any, len) < 0 || getsockname(s->fd, &addr.any, &len) < 0)
		return -errno;
	s->port = ntohs(s->family == 4 ? addr.v4.sin_port : addr.v6.sin6_port);
	return 0;
}

static int explain(const struct outer_socket *s, uint16_t port, int err)
{
	if (s->kind == OUTER_RAW)
		log_error("cannot open ESP (protocol 50) over IPv%d: %s%s", s->family,
			strerror(-err), err == -EPERM ? "; it needs CAP_NET_RAW" : "");
	else
		log_error("cannot open UDP port %u over IPv%d: %s%s", port, s->family,
			strerror(-err),
			err == -EACCES       ? "; it needs CAP_NET_BIND_SERVICE"
			: err == -EADDRINUSE ? "; is another IKE daemon running?"
					     : "");
	return err;
}

int outer_socket_open(struct outer_socket *s, uint16_t port)
{
	int family = s->family == 4 ? AF_INET : AF_INET6;
	int err;

	s->fd = s->kind == OUTER_RAW
			? socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP)
			: socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 && errno == EAFNOSUPPORT && s->family == 6) {
		log_info("no IPv6 in this kernel: IPv4 only");
		return 0;
	}
	if (s->fd < 0)
		return explain(s, port, -errno);
	err = set_all(s);
	if (err == 0 && s->kind != OUTER_RAW)
		err = bind_any(s, port);
	if (err == 0)
		return 0;
	close(s->fd);
	s->fd = -1;
	return explain(s, port, err);
}

struct outer_socket *outer_socket_find(
	struct transport *transport, enum outer_kind kind, uint8_t family)
{
	struct outer_socket *s = &transport->sockets[(unsigned)kind * 2 + (family == 6)];

	return s->fd >= 0 && (family == 4 || family == 6) ? s : NULL;
}
