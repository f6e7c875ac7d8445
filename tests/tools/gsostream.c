/* SPDX-License-Identifier: Apache-2.0
 * gsostream - what applications see when the kernel's super-packets cross a tunnel: a TCP stream of
 * odd writes, datagrams cut by UDP_SEGMENT, bursts by sendmmsg; every octet and every boundary is
 * known to the receiver.
 *   gsostream tcp|calm|gso|burst FROM_NETNS TO_NETNS TO_ADDRESS PORT SIZE COUNT
 * calm: TCP with so little on the way that no queue overflows. SIZE: the largest TCP segment (0: as
 * it comes), or the datagram. COUNT: octets, or datagrams. One line of JSON: what came, ECN's
 * counts of TCP; exit status 1: it is not what was sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pktmake.h"

enum { SEGMENTS = 40, BURST = 64, IDLE_MS = 5000, BEHIND_MAX = 200000, CALM = 100000 };

struct job {
	const char *from, *to, *address, *port;
	size_t size, count;
};
/* What both processes know. */
struct common {
	volatile size_t arrived, octets; /* datagrams and octets */
	volatile int listening;
	volatile unsigned long marked; /* segments that the peer says came with CE */
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}
static void enter(const char *ns)
{
	char path[256];
	snprintf(path, sizeof path, "/var/run/netns/%s", ns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}
static struct addrinfo *resolve(const struct job *j, int type)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST}, *out;
	if (getaddrinfo(j->address, j->port, &hints, &out)) {
		fprintf(stderr, "bad address\n");
		exit(2);
	}
	return out;
}
static uint8_t octet(size_t at)
{
	uint32_t x = (uint32_t)(at / 4) * 2654435761u + 12345;
	return (uint8_t)((x ^ x >> 15) >> at % 4 * 8);
}
/* ---- one stream */
static int tcp_receive(const struct job *j, struct common *c)
{
	struct addrinfo *a = resolve(j, SOCK_STREAM);
	int l = socket(a->ai_family, SOCK_STREAM, 0), on = 1, mss = (int)j->size;
	static uint8_t b[100000];
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (mss && setsockopt(l, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss))
		die("TCP_MAXSEG");
	if (bind(l, a->ai_addr, a->ai_addrlen) || listen(l, 1))
		die("listen");
	c->listening = 1;
	struct pollfd p = {l, POLLIN, 0};
	if (poll(&p, 1, IDLE_MS) <= 0)
		return 1;
	p.fd = accept(l, NULL, NULL);
	for (ssize_t n; poll(&p, 1, IDLE_MS) > 0 && (n = read(p.fd, b, sizeof b)) > 0;)
		for (ssize_t i = 0; i < n; i++)
			if (b[i] != octet(c->octets++))
				return 1;
	return c->octets == j->count ? 0 : 1;
}
static void tcp_send(const struct job *j, struct common *c, bool calm)
{
	struct addrinfo *a = resolve(j, SOCK_STREAM);
	int s = socket(a->ai_family, SOCK_STREAM, 0), mss = (int)j->size;
	static uint8_t b[70001];
	uint32_t chance = 7;
	int little = CALM;
	struct tcp_info info = {0};
	socklen_t len = sizeof info;
	if (mss && setsockopt(s, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss))
		die("TCP_MAXSEG");
	if (calm)
		setsockopt(s, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
	if (connect(s, a->ai_addr, a->ai_addrlen))
		die("connect");
	for (size_t at = 0; at < j->count;) {
		size_t n = rnd(&chance) % (rnd(&chance) % 4 ? sizeof b : 700) + 1;
		n = n < j->count - at ? n : j->count - at;
		for (size_t i = 0; i < n; i++)
			b[i] = octet(at + i);
		for (size_t sent = 0; sent < n;) {
			ssize_t r = write(s, b + sent, n - sent);
			if (r < 0)
				die("write");
			sent += (size_t)r;
		}
		at += n;
	}
	if (!getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len))
		c->marked = info.tcpi_delivered_ce;
	close(s);
}
/* ---- datagrams: number k has a length and octets of its own */
static size_t length(const struct job *j, size_t k, bool gso)
{
	if (gso) /* the last of each message is shorter */
		return k % SEGMENTS == SEGMENTS - 1 ? 1 + k / SEGMENTS * 37 % j->size : j->size;
	return k % 9 < 6 ? j->size : 1 + k * 53 % j->size;
}
static int udp_receive(const struct job *j, struct common *c, bool gso)
{
	struct addrinfo *a = resolve(j, SOCK_DGRAM);
	int s = socket(a->ai_family, SOCK_DGRAM, 0), big = 32 << 20;
	static uint8_t b[70000];
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	if (bind(s, a->ai_addr, a->ai_addrlen))
		die("bind");
	c->listening = 1;
	for (struct pollfd p = {s, POLLIN, 0}; c->arrived < j->count && poll(&p, 1, IDLE_MS) > 0;) {
		ssize_t n = recv(s, b, sizeof b, 0);
		size_t want = length(j, c->arrived, gso);
		if (n != (ssize_t)want) {
			printf("datagram %zu: %zd octets instead of %zu\n", c->arrived, n, want);
			return 1;
		}
		for (size_t i = 0; i < want; i++)
			if (b[i] != octet(c->arrived * 1601 + i))
				return 1;
		c->octets += want;
		c->arrived++;
	}
	return c->arrived == j->count ? 0 : 1;
}
static size_t put_datagrams(const struct job *j, size_t k, size_t n, bool gso, uint8_t *out)
{
	size_t at = 0;
	for (size_t end = k + n; k < end; k++) {
		size_t len = length(j, k, gso);
		for (size_t i = 0; i < len; i++)
			out[at++] = octet(k * 1601 + i);
	}
	return at;
}
/* No more on the way than queues hold: loss would hide what is looked for. */
static void keep_close(const struct common *c, size_t sent_octets)
{
	for (int ms = 0; ms < IDLE_MS && sent_octets - c->octets > BEHIND_MAX; ms++)
		usleep(1000);
}
static void udp_send(const struct job *j, struct common *c, bool gso)
{
	struct addrinfo *a = resolve(j, SOCK_DGRAM);
	int s = socket(a->ai_family, SOCK_DGRAM, 0), size = (int)j->size;
	static uint8_t b[BURST * 1600];
	size_t sent = 0;
	if (connect(s, a->ai_addr, a->ai_addrlen))
		die("connect");
	if (gso && setsockopt(s, SOL_UDP, UDP_SEGMENT, &size, sizeof size))
		die("UDP_SEGMENT");
	for (size_t k = 0; k < j->count;) {
		struct mmsghdr m[BURST] = {0};
		struct iovec v[BURST];
		size_t per = gso ? SEGMENTS : 1, n = 0, at = 0;
		for (; n < (gso ? 1 : BURST) && k < j->count; n++, k += per) {
			v[n] = (struct iovec){b + at, put_datagrams(j, k, per, gso, b + at)};
			at += v[n].iov_len;
			m[n].msg_hdr.msg_iov = &v[n];
			m[n].msg_hdr.msg_iovlen = 1;
		}
		for (size_t i = 0; i < n;) {
			int r = sendmmsg(s, m + i, (unsigned)(n - i), 0);
			if (r <= 0)
				die("sendmmsg");
			i += (size_t)r;
		}
		sent += at;
		keep_close(c, sent);
	}
}
int main(int argc, char **argv)
{
	if (argc != 8 || !strchr("tcgb", argv[1][0])) {
		fprintf(stderr,
			"usage: gsostream tcp|calm|gso|burst FROM_NETNS TO_NETNS TO_ADDRESS "
			"PORT SIZE COUNT\n");
		return 2;
	}
	struct job j = {
		argv[2], argv[3], argv[4], argv[5], (size_t)atol(argv[6]), (size_t)atol(argv[7])};
	struct common *c =
		mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char kind = argv[1][0];
	bool tcp = kind == 't' || kind == 'c';
	int status = 0;
	if (c == MAP_FAILED)
		die("mmap");
	if (!tcp && (!j.size || j.size > 1500 || j.count % SEGMENTS)) {
		fprintf(stderr, "datagrams of 1 to 1500 octets, a multiple of %d of them\n",
			SEGMENTS);
		return 2;
	}
	pid_t child = fork();
	if (!child) {
		enter(j.to);
		int r = tcp ? tcp_receive(&j, c) : udp_receive(&j, c, kind == 'g');
		fflush(stdout);
		_exit(r);
	}
	for (int ms = 0; ms < IDLE_MS && !c->listening; ms++)
		usleep(1000);
	enter(j.from);
	if (tcp)
		tcp_send(&j, c, kind == 'c');
	else
		udp_send(&j, c, kind == 'g');
	waitpid(child, &status, 0);
	printf("{\"datagrams\": %zu, \"octets\": %zu, \"marked\": %lu}\n", c->arrived, c->octets,
		c->marked);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
