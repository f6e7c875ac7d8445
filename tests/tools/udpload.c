/* SPDX-License-Identifier: Apache-2.0
 * udpload - UDP in quantity: mixed sizes, bursts by UDP_SEGMENT, many destinations, a steady rate.
 *   udpload sink PORT...                    takes and forgets; prints how many octets at SIGTERM
 *   udpload send DST PORT PPS SECONDS MIN MAX [OPTION...]
 * Payloads of MIN to MAX octets, PPS of them a second (0: as fast as it goes).
 *   burst N    N payloads of one size by one system call, as a super-packet
 *   spread N   the last 32 bits of an IPv6 DST are each time another one of N, at random
 *   step N     instead: one after the other
 *   from SRC   from this IPv6 address; where destinations are many, with the same last 32 bits
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ikewire.h"

enum { SINKS = 8, PER_CALL = 32, SEGMENTED_MAX = 64000 };

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

struct load {
	int fd, burst;
	size_t min, max;
	uint32_t spread;
	bool step;
	double pps, seconds;
	struct sockaddr_storage to;
	socklen_t to_len;
	bool from_many; /* fd's own address gives only the first 96 bits */
	struct in6_addr from;
	uint64_t seed, sent, errors;
	uint32_t next;
};

static uint64_t random64(struct load *l)
{
	return l->seed = mix64(l->seed);
}

static int open_sink(uint16_t port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	int on = 1, off = 0, room = 8 << 20;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	if (bind(fd, (void *)&any, sizeof(any)) != 0) {
		perror("bind");
		exit(1);
	}
	return fd;
}

static int sink(int n, char **ports)
{
	static uint8_t octets[1 << 16];
	struct pollfd fds[SINKS];
	uint64_t got = 0;

	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){open_sink((uint16_t)atoi(ports[i])), POLLIN, 0};
	while (!stop) {
		if (poll(fds, (nfds_t)n, -1) <= 0)
			continue;
		for (int i = 0; i < n; i++)
			for (ssize_t len;
				(len = recv(fds[i].fd, octets, sizeof(octets), MSG_DONTWAIT)) >= 0;)
				got += (uint64_t)len;
	}
	printf("{\"octets\":%llu}\n", (unsigned long long)got);
	return 0;
}

union source {
	struct cmsghdr head;
	char octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void pick_destination(
	struct load *l, struct sockaddr_in6 *to, union source *source, struct msghdr *msg)
{
	uint32_t n = l->step ? l->next++ % l->spread : (uint32_t)(random64(l) % l->spread);
	struct in6_pktinfo info = {.ipi6_addr = l->from};

	memcpy(to, &l->to, sizeof(*to));
	p32(to->sin6_addr.s6_addr + 12, n + 1);
	msg->msg_name = to;
	if (!l->from_many)
		return;
	p32(info.ipi6_addr.s6_addr + 12, n + 1);
	memset(source, 0, sizeof(*source));
	source->head.cmsg_level = IPPROTO_IPV6;
	source->head.cmsg_type = IPV6_PKTINFO;
	source->head.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(&source->head), &info, sizeof(info));
	msg->msg_control = source;
	msg->msg_controllen = sizeof(*source);
}

/* Up to n payloads, each to its own destination, by one system call. */
static int send_single(struct load *l, const uint8_t *octets, int n)
{
	struct mmsghdr msgs[PER_CALL] = {0};
	struct iovec iov[PER_CALL];
	struct sockaddr_in6 to[PER_CALL];
	union source sources[PER_CALL];
	int done;

	for (int i = 0; i < n; i++) {
		uint8_t *from;

		memcpy(&from, &octets, sizeof(from));
		iov[i] = (struct iovec){from, l->min + random64(l) % (l->max - l->min + 1)};
		msgs[i].msg_hdr = (struct msghdr){.msg_name = &l->to,
			.msg_namelen = l->to_len,
			.msg_iov = &iov[i],
			.msg_iovlen = 1};
		if (l->spread != 0)
			pick_destination(l, &to[i], &sources[i], &msgs[i].msg_hdr);
	}
	done = sendmmsg(l->fd, msgs, (unsigned)n, 0);
	l->errors += done < 0;
	return done < 0 ? 1 : done;
}

static int send_burst(struct load *l, const uint8_t *octets)
{
	size_t size = l->min + random64(l) % (l->max - l->min + 1);
	int n = (size_t)l->burst * size > SEGMENTED_MAX ? (int)(SEGMENTED_MAX / size) : l->burst;
	int segment = (int)size;

	setsockopt(l->fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	if (sendto(l->fd, octets, size * (size_t)n, 0, (void *)&l->to, l->to_len) < 0)
		l->errors++;
	return n;
}

static int send_all(struct load *l)
{
	static uint8_t octets[1 << 16];
	uint64_t start = mono_ns();
	double past;

	fill(octets, sizeof(octets), 1);
	while (!stop && (past = (double)(mono_ns() - start) / 1e9) < l->seconds) {
		uint64_t due = (uint64_t)(past * l->pps);
		uint64_t n = l->pps == 0 ? PER_CALL : due > l->sent ? due - l->sent : 0;

		if (n == 0) {
			nanosleep(&(struct timespec){0, 50000}, NULL);
			continue;
		}
		l->sent += (uint64_t)(l->burst > 1 ? send_burst(l, octets)
						   : send_single(l, octets,
							     n < PER_CALL ? (int)n : PER_CALL));
	}
	printf("{\"sent\":%llu,\"errors\":%llu,\"secs\":%.2f}\n", (unsigned long long)l->sent,
		(unsigned long long)l->errors, (double)(mono_ns() - start) / 1e9);
	return 0;
}

static bool set_source(struct load *l, const char *text)
{
	struct sockaddr_in6 from = {.sin6_family = AF_INET6};
	int on = 1;

	if (inet_pton(AF_INET6, text, &from.sin6_addr) != 1)
		return false;
	l->from = from.sin6_addr;
	l->from_many = l->spread != 0;
	setsockopt(l->fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	return l->from_many || bind(l->fd, (void *)&from, sizeof(from)) == 0;
}

static int start(int n, char **args)
{
	const char *from = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *ai;
	struct load l = {.burst = 1,
		.pps = atof(args[2]),
		.seconds = atof(args[3]),
		.min = (size_t)atoi(args[4]),
		.max = (size_t)atoi(args[5]),
		.seed = mono_ns()};
	int room = 4 << 20;

	for (int i = 6; i + 1 < n; i += 2) {
		if (!strcmp(args[i], "burst"))
			l.burst = atoi(args[i + 1]);
		else if (!strcmp(args[i], "spread") || !strcmp(args[i], "step"))
			l.spread = (uint32_t)atoi(args[i + 1]);
		else if (!strcmp(args[i], "from"))
			from = args[i + 1];
		l.step |= !strcmp(args[i], "step");
	}
	if (l.min > l.max || l.max > SEGMENTED_MAX ||
		getaddrinfo(args[0], args[1], &hints, &ai) != 0) {
		fprintf(stderr, "udpload: bad sizes or address\n");
		return 2;
	}
	l.fd = socket(ai->ai_family, SOCK_DGRAM, 0);
	memcpy(&l.to, ai->ai_addr, ai->ai_addrlen);
	l.to_len = ai->ai_addrlen;
	freeaddrinfo(ai);
	setsockopt(l.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (from != NULL && !set_source(&l, from)) {
		fprintf(stderr, "udpload: cannot send from %s\n", from);
		return 1;
	}
	return send_all(&l);
}

int main(int argc, char **argv)
{
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (argc >= 3 && argc - 2 <= SINKS && !strcmp(argv[1], "sink"))
		return sink(argc - 2, argv + 2);
	if (argc >= 8 && !strcmp(argv[1], "send"))
		return start(argc - 2, argv + 2);
	fprintf(stderr, "usage: udpload sink PORT... | udpload send DST PORT PPS SECONDS MIN MAX "
			"[burst N] [spread N] [step N] [from SRC]\n");
	return 2;
}
