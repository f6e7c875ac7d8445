/* SPDX-License-Identifier: Apache-2.0 */
/* Small UDP datagrams at a set rate, and the sink that counts them: one JSON line each.
 *
 *   blast recv PORT                              prints "ready", then what came until the end mark
 *   blast send ADDRESS PORT SIZE RATE SECONDS    RATE 0: as many as the processor makes */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	SIZE_MAX_OCTETS = 1472,
	MARK_DATA = 0x64617461,
	MARK_END = 0x656e6421,
	END_MARKS = 5,
	QUEUES_DRAIN_US = 150000, /* what stands in queues arrives before the end mark */
	END_GAP_US = 10000,
	PACE_NS = 100000,
	QUIET_MS = 1500, /* no end mark came: this long without a datagram is the end too */
	PATIENCE_S = 4   /* nothing came at all */
};

struct mark {
	uint64_t number;
	uint32_t kind, zero;
};

struct batch {
	struct mmsghdr head[BATCH];
	struct iovec part[BATCH];
	uint8_t octets[BATCH][SIZE_MAX_OCTETS];
};

static struct batch batch;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void batch_init(struct batch *b, size_t size)
{
	for (size_t i = 0; i < BATCH; i++) {
		b->part[i] = (struct iovec){b->octets[i], size};
		b->head[i].msg_hdr.msg_iov = &b->part[i];
		b->head[i].msg_hdr.msg_iovlen = 1;
	}
}

static int udp_socket(int buffer_option)
{
	const int octets = 8 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, buffer_option, &octets, sizeof(octets));
	return fd;
}

struct count {
	uint64_t received;
	double first, last;
	bool ended;
};

static void count_batch(struct count *count, int n, double at)
{
	for (int i = 0; i < n; i++) {
		struct mark m;
		if (batch.head[i].msg_len < sizeof(m))
			continue;
		memcpy(&m, batch.octets[i], sizeof(m));
		if (m.kind == MARK_END)
			count->ended = true;
		if (m.kind != MARK_DATA)
			continue;
		if (count->received++ == 0)
			count->first = at;
		count->last = at;
	}
}

static void count_until_end(int fd, struct count *count)
{
	const double begin = now();
	struct pollfd wanted = {fd, POLLIN, 0};
	while (!count->ended) {
		int ready = poll(&wanted, 1, QUIET_MS);
		if (ready == 0 && (count->received > 0 || now() - begin > PATIENCE_S))
			return;
		if (ready <= 0)
			continue;
		count_batch(count, recvmmsg(fd, batch.head, BATCH, MSG_DONTWAIT, NULL), now());
	}
}

static int receive(const char *port)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	struct count count = {0};
	int fd = udp_socket(SO_RCVBUFFORCE);
	local.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local))) {
		perror("blast recv");
		return 1;
	}
	batch_init(&batch, SIZE_MAX_OCTETS);
	puts("ready");
	fflush(stdout);
	count_until_end(fd, &count);
	close(fd);
	printf("{\"received\": %" PRIu64 ", \"seconds\": %.6f}\n", count.received,
		count.last - count.first);
	return 0;
}

static void put_marks(uint64_t first, size_t n, uint32_t kind)
{
	for (size_t i = 0; i < n; i++) {
		struct mark m = {first + i, kind, 0};
		memcpy(batch.octets[i], &m, sizeof(m));
	}
}

/* How many may leave now; sleeps while that is none. */
static size_t due(uint64_t sent, double rate, double since)
{
	double behind = rate > 0 ? since * rate - (double)sent : BATCH;
	if (behind >= 1)
		return behind < BATCH ? (size_t)behind : BATCH;
	nanosleep(&(struct timespec){0, PACE_NS}, NULL);
	return 0;
}

/* False on an error that another try does not mend. A full queue loses the datagram, as it would
 * anybody's. */
static bool send_some(int fd, uint64_t *sent, size_t n)
{
	int went;
	put_marks(*sent, n, MARK_DATA);
	went = sendmmsg(fd, batch.head, (unsigned)n, 0);
	if (went >= 0)
		*sent += (uint64_t)went;
	else if (errno == ENOBUFS || errno == EAGAIN)
		*sent += 1;
	return went >= 0 || errno == ENOBUFS || errno == EAGAIN || errno == ECONNREFUSED ||
	       errno == EINTR;
}

static void send_end(int fd, uint64_t sent)
{
	usleep(QUEUES_DRAIN_US);
	put_marks(sent, 1, MARK_END);
	for (int i = 0; i < END_MARKS; i++) {
		if (send(fd, batch.octets[0], sizeof(struct mark), 0) < 0 && errno != ECONNREFUSED)
			perror("blast send: end mark");
		usleep(END_GAP_US);
	}
}

static int send_for(int fd, double rate, double seconds)
{
	const double begin = now();
	double since;
	uint64_t sent = 0;
	while ((since = now() - begin) < seconds) {
		size_t n = due(sent, rate, since);
		if (n > 0 && !send_some(fd, &sent, n)) {
			perror("blast send");
			return 1;
		}
	}
	send_end(fd, sent);
	printf("{\"sent\": %" PRIu64 ", \"seconds\": %.6f}\n", sent, since);
	return 0;
}

static int transmit(char **arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	size_t size = strtoul(arg[2], NULL, 10);
	int fd = udp_socket(SO_SNDBUFFORCE);
	to.sin_port = htons((uint16_t)strtoul(arg[1], NULL, 10));
	if (inet_pton(AF_INET, arg[0], &to.sin_addr) != 1 || size < sizeof(struct mark) ||
		size > SIZE_MAX_OCTETS) {
		fprintf(stderr, "blast: an IPv4 address and %zu to %d octets, please\n",
			sizeof(struct mark), SIZE_MAX_OCTETS);
		return 2;
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("blast send");
		return 1;
	}
	batch_init(&batch, size);
	return send_for(fd, strtod(arg[3], NULL), strtod(arg[4], NULL));
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "recv"))
		return receive(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "send"))
		return transmit(argv + 2);
	fputs("usage: blast recv PORT | blast send ADDRESS PORT SIZE RATE SECONDS\n", stderr);
	return 2;
}
