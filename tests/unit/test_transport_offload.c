/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that leave as one message (UDP_SEGMENT), joined datagrams that are taken apart (UDP_GRO),
 * and kernels that refuse; against plain sockets that see what the kernel carried. */
#include "io/transport.h"

#include "base/wire.h"
#include "fakes/ends.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <linux/in6.h>

enum { PORT_WATCH = 4600, WATCHERS = 2, MESSAGES_MAX = 64, MESSAGE_ROOM = 65536 };

static const char *const local[] = {"127.0.0.1", "::1"};

static void set_int(int fd, int level, int name, int value)
{
	cr_assert_eq(setsockopt(fd, level, name, &value, sizeof(value)), 0, "%d/%d: %s", level,
		name, strerror(errno));
}

static void need_offload(const struct end *end)
{
	if (transport_offload(end->transport) != (TRANSPORT_GSO | TRANSPORT_GRO))
		cr_skip_test("this kernel has no UDP_SEGMENT or no UDP_GRO");
}

/* A plain socket that takes joined datagrams as they are. */
static int watcher(const char *addr, uint16_t port)
{
	struct ip_endpoint e = at(addr, port);
	struct sockaddr_storage ss;
	socklen_t len = ip_endpoint_to_sockaddr(&e, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22);
	set_int(fd, SOL_UDP, UDP_GRO, 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

/* One message: how many datagrams it is, each with the next number at its front. 0: none. */
static size_t watch(int fd, uint32_t *numbers)
{
	static uint8_t data[MESSAGE_ROOM];
	_Alignas(struct cmsghdr) uint8_t control[256];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(fd, &msg, 0);
	int segment = (int)len;
	size_t n = 0;

	if (len < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&segment, CMSG_DATA(c), sizeof(segment));
	for (ssize_t i = 0; i < len; i += segment)
		numbers[n++] = get_be32(data + i);
	return n;
}

/* So many packets alike, of one batch. */
struct piece {
	size_t n, len;
	uint8_t watcher, traffic_class, hop_limit;
	bool alone, fragment;
	uint32_t flow_label;
	enum drop drop;
};

struct row {
	const char *name;
	struct piece pieces[6];
	/* Datagrams of each message, in order, and which watcher has it. */
	struct {
		uint8_t n, watcher;
	} messages[24];
};

/* Pieces: plain, and with more fields; a message to watcher 0, and to watcher 1. */
#define P(count, octets) \
	{ \
		.n = (count), .len = (octets) \
	}
#define Q(count, octets, ...) \
	{ \
		.n = (count), .len = (octets), __VA_ARGS__ \
	}
#define M(count) \
	{ \
		.n = (count), .watcher = 0 \
	}
#define N(count) \
	{ \
		.n = (count), .watcher = 1 \
	}

static const struct row rows[] = {
	{"one", {P(1, 100)}, {M(1)}},
	{"two", {P(2, 100)}, {M(2)}},
	{"equal", {P(40, 1400)}, {M(40)}},
	{"a shorter one closes", {P(3, 100), P(1, 99), P(2, 100)}, {M(4), M(2)}},
	{"a longer one opens", {P(3, 100), P(2, 101), P(1, 8)}, {M(3), M(3)}},
	{"ever shorter", {P(1, 104), P(1, 103), P(1, 102), P(1, 101)}, {M(2), M(2)}},
	{"mixed peers", {P(2, 100), Q(3, 100, .watcher = 1), P(2, 100)}, {M(2), N(3), M(2)}},
	{"by turns", {P(1, 100), Q(1, 100, .watcher = 1), P(1, 100), Q(1, 100, .watcher = 1)},
		{M(1), N(1), M(1), N(1)}},
	{"traffic class", {P(3, 100), Q(3, 100, .traffic_class = 1), Q(3, 100, .traffic_class = 2)},
		{M(3), M(3), M(3)}},
	{"hop limit", {P(3, 100), Q(2, 100, .hop_limit = 7)}, {M(3), M(2)}},
	{"all fields",
		{Q(5, 100, .traffic_class = 0xb8, .hop_limit = 9),
			Q(5, 100, .traffic_class = 0xb8, .hop_limit = 9, .watcher = 1)},
		{M(5), N(5)}},
	{"not marked", {Q(2, 100, .alone = true), P(3, 100), Q(1, 100, .alone = true), P(1, 100)},
		{M(1), M(1), M(3), M(1), M(1)}},
	{"to be fragmented", {P(2, 100), Q(1, 100, .fragment = true), P(3, 100)},
		{M(2), M(1), M(3)}},
	{"gone already", {P(2, 100), Q(3, 100, .drop = DROP_ICV), P(2, 100)}, {M(4)}},
	{"only gone ones", {Q(3, 100, .drop = DROP_ICV)}, {M(0)}},
	{"64 packets", {P(64, 64)}, {M(64)}},
	{"65,000 octets", {P(64, 1400)}, {M(46), M(18)}},
	{"65,000 octets, not one more", {P(2, 32500), P(1, 32500), P(1, 32499)}, {M(2), M(2)}},
	{"two are too much", {P(2, 32501), P(1, 500)}, {M(1), M(2)}},
};

static size_t put_piece(
	struct end *end, struct batch *batch, const char *to, const struct piece *piece)
{
	static uint8_t data[MESSAGE_ROOM];
	struct outer outer = {.remote = at(to, (uint16_t)(PORT_WATCH + piece->watcher)),
		.traffic_class = piece->traffic_class,
		.hop_limit = piece->hop_limit,
		.flow_label = piece->flow_label};

	for (size_t i = 0; i < piece->n; i++) {
		struct batch_item *item;

		put_be32(data, (uint32_t)batch->n);
		item = put(end, batch, &outer, data, piece->len);
		item->run = !piece->alone;
		item->fragment = piece->fragment;
		item->drop = piece->drop;
	}
	return piece->drop == DROP_NONE ? piece->n : 0;
}

/* The numbers of the packets of one watcher, in the order of the batch. */
static void expect_message(
	const struct batch *batch, int fd, uint16_t port, size_t n, size_t *next, const char *name)
{
	uint32_t numbers[128];
	size_t got = watch(fd, numbers);

	cr_assert_eq(got, n, "%s: %zu, not %zu", name, got, n);
	for (size_t i = 0; i < n; i++, ++*next) {
		while (*next < batch->n && (batch->items[*next].drop != DROP_NONE ||
						   batch->items[*next].outer.remote.port != port))
			++*next;
		cr_assert_lt(*next, batch->n);
		cr_assert_eq(numbers[i], *next, "%s", name);
	}
}

static size_t expect_row(const struct batch *batch, const struct row *row, const int fds[WATCHERS])
{
	size_t next[WATCHERS] = {0};
	uint32_t numbers[128];
	size_t n = 0;

	while (row->messages[n].n != 0) {
		unsigned w = row->messages[n].watcher;

		expect_message(batch, fds[w], (uint16_t)(PORT_WATCH + w), row->messages[n].n,
			&next[w], row->name);
		n++;
	}
	for (unsigned w = 0; w < WATCHERS; w++)
		cr_assert_eq(watch(fds[w], numbers), 0, "%s: more than expected", row->name);
	return n;
}

static void send_row(
	struct end *end, const struct row *row, const char *to, const int fds[WATCHERS])
{
	struct batch batch = {0};
	struct transport_counts before = transport_counts(end->transport), after;
	size_t packets = 0;

	for (size_t i = 0; i < 6 && row->pieces[i].n != 0; i++)
		packets += put_piece(end, &batch, to, &row->pieces[i]);
	cr_assert(transport_send(end->transport, &batch));
	after = transport_counts(end->transport);
	cr_assert_eq(after.sent_packets - before.sent_packets, packets, "%s", row->name);
	cr_assert_eq(after.sent_messages - before.sent_messages, expect_row(&batch, row, fds), "%s",
		row->name);
	give_back(end, &batch);
}

Test(transport_offload, equal_neighbours_leave_as_one_message)
{
	static const struct row labels = {"flow labels",
		{Q(3, 100, .flow_label = 1), Q(2, 100, .flow_label = 2), P(2, 100)},
		{M(3), M(2), M(2)}};
	uv_loop_t loop;
	struct end *end;

	netns_new();
	uv_loop_init(&loop);
	end = end_new(&loop, BUF_MAX);
	cr_assert_eq(transport_offload(end->transport), 0, "nothing unasked");
	transport_set_offload(end->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	need_offload(end);
	for (size_t f = 0; f < 2; f++) {
		int fds[WATCHERS] = {
			watcher(local[f], PORT_WATCH), watcher(local[f], PORT_WATCH + 1)};

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			send_row(end, &rows[i], local[f], fds);
		if (f == 1)
			send_row(end, &labels, local[f], fds);
		close(fds[0]);
		close(fds[1]);
	}
	cr_assert_eq(transport_offload(end->transport), TRANSPORT_GSO | TRANSPORT_GRO);
	cr_assert_eq(buf_pool_free(end->pool), 256);
	end_free(end);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

/* Both families and both encapsulations by turns: each socket has its own order, and its runs. */
Test(transport_offload, sockets_by_turns_keep_their_runs)
{
	struct two two;
	struct batch batch = {0};
	struct transport_counts sent;
	uint8_t data[32] = {0x55};

	two_open(&two, 2048);
	transport_set_offload(two.a->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	transport_set_offload(two.b->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	need_offload(two.a);
	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		struct outer outer = {.remote = at(i % 2 ? "192.0.2.2" : "2001:db8::2",
					      i % 4 < 2 ? PORT_NAT : 0)};

		put_be32(data + 4, i);
		put(two.a, &batch, &outer, data, sizeof(data))->run = true;
	}
	cr_assert(transport_send(two.a->transport, &batch));
	give_back(two.a, &batch);
	run(two.b, BATCH_MAX, 3000);
	cr_assert_eq(two.b->n, BATCH_MAX);
	for (uint32_t way = 0; way < 4; way++) {
		uint32_t next = way;

		for (size_t i = 0; i < BATCH_MAX; i++)
			if (get_be32(two.b->log[i].data + 4) % 4 == way) {
				cr_assert_eq(get_be32(two.b->log[i].data + 4), next);
				next += 4;
			}
		cr_assert_eq(next, BATCH_MAX + way);
	}
	sent = transport_counts(two.a->transport);
	cr_assert_eq(sent.sent_packets, 64);
	cr_assert_eq(sent.sent_messages, 16 + 16 + 1 + 1, "raw ones singly");
	cr_assert_eq(transport_counts(two.b->transport).received_packets, 64);
	cr_assert_eq(transport_counts(two.b->transport).received_messages, 34);
	two_close(&two);
}

/* Sends one message that the kernel cuts into segments, as another gateway would. 0 or errno. */
static int send_joined(const char *to, const void *data, size_t len, uint16_t segment)
{
	static uint8_t copy[MESSAGE_ROOM];
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(segment)) + CMSG_SPACE(4)] = {0};
	struct ip_endpoint e = at(to, PORT_NAT);
	struct sockaddr_storage ss;
	struct iovec iov = {copy, len};
	struct msghdr msg = {.msg_name = &ss,
		.msg_namelen = ip_endpoint_to_sockaddr(&e, &ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	bool v4 = ss.ss_family == AF_INET;
	const int class = 0x2e;
	int err;

	memcpy(copy, data, len);
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	cmsg->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	cmsg->cmsg_type = v4 ? IP_TOS : IPV6_TCLASS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(class));
	memcpy(CMSG_DATA(cmsg), &class, sizeof(class));
	err = sendmsg(fd, &msg, 0) == (ssize_t)len ? 0 : errno;
	close(fd);
	return err;
}

static struct end *joining_end(uv_loop_t *loop, size_t room)
{
	struct end *end;

	netns_new();
	uv_loop_init(loop);
	end = end_new(loop, room);
	transport_set_offload(end->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	need_offload(end);
	return end;
}

static void joining_end_free(struct end *end, uv_loop_t *loop)
{
	cr_assert_eq(buf_pool_free(end->pool), 256);
	end_free(end);
	cr_assert_eq(uv_loop_close(loop), 0);
}

Test(transport_offload, each_datagram_of_a_message_is_told_apart)
{
	static const struct {
		const char *data, *kinds;
		uint16_t segment;
		uint8_t len, n;
		uint8_t lens[6];
	} table[] = {
		{"\xff"
		 "\xfe"
		 "\xff\0\xff",
			"aeaea", 1, 5, 5, {0, 1, 0, 1, 0}},
		{"\1\2\3\4\5"
		 "\0\0\0\0\6"
		 "\7\7\7\7\7"
		 "\0\0\0\0\x9",
			"ekek", 5, 20, 4, {5, 1, 5, 1}},
		{"\1\2\3\4\5\6"
		 "\1\2\3\4\5\7"
		 "\1\2\3\4",
			"eee", 6, 16, 3, {6, 6, 4}},
		{"\1\2\3\4\5\6"
		 "\1\2\3\4\5\7"
		 "\xff",
			"eea", 6, 13, 3, {6, 6, 0}},
		{"\0\0\0\0\5\6"
		 "\1\2\3\4\5\7"
		 "\0\0\0\0",
			"ke", 6, 16, 2, {2, 6}},
		{"\1\2\3\4\5\6"
		 "\0\0\0",
			"ee", 6, 9, 2, {6, 3}},
		{"\1\2\3\4\5\6", "e", 6, 6, 1, {6}},
		{"\1\2\3\4\5\6", "e", 20, 6, 1, {6}},
	};
	uv_loop_t loop;
	struct end *end = joining_end(&loop, 2048);

	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		size_t r = i / 2;

		end->n = 0;
		cr_assert_eq(
			send_joined(local[i % 2], table[r].data, table[r].len, table[r].segment), 0,
			"row %zu", r);
		run(end, table[r].n, 3000);
		cr_assert_eq(end->n, table[r].n, "row %zu", r);
		/* Keying and keepalives are told at once, ESP packets with their batch. */
		for (const char *kinds = "ake"; *kinds != '\0'; kinds++)
			for (size_t k = 0, at_log = 0; k < table[r].n; k++) {
				if (table[r].kinds[k] != *kinds)
					continue;
				while (at_log < end->n && end->log[at_log].kind != *kinds)
					at_log++;
				cr_assert_lt(at_log, end->n, "row %zu", r);
				cr_assert_eq(end->log[at_log].len, table[r].lens[k], "row %zu", r);
				cr_assert_eq(memcmp(end->log[at_log].data,
						     table[r].data + k * table[r].segment +
							     (*kinds == 'k' ? 4 : 0),
						     table[r].lens[k]),
					0);
				if (*kinds != 'a') {
					cr_assert(is_addr(
						&end->log[at_log].outer.local.addr, local[i % 2]));
					cr_assert(is_addr(
						&end->log[at_log].outer.remote.addr, local[i % 2]));
					cr_assert_eq(end->log[at_log].outer.traffic_class, 0x2e);
					cr_assert_eq(end->log[at_log].outer.hop_limit, 64);
				}
				at_log++;
			}
	}
	joining_end_free(end, &loop);
}

/* Messages of these many packets, and in which batches they come. */
Test(transport_offload, a_message_is_handed_over_whole)
{
	static const struct {
		uint8_t n[8], batch[8];
	} table[] = {
		{{10, 20, 30}, {0, 0, 0}},
		{{40, 40, 20}, {0, 1, 1}},
		{{1, 63, 64, 1}, {0, 0, 1, 2}},
		{{64, 1}, {0, 1}},
		/* 4 messages are offered at first. */
		{{20, 20, 20, 20}, {0, 0, 0, 1}},
	};
	static uint8_t data[MESSAGE_ROOM];
	uv_loop_t loop;
	struct end *end = joining_end(&loop, 2048);

	for (size_t r = 0; r < sizeof(table) / sizeof(table[0]); r++) {
		uint32_t number = 0;
		size_t next = 0;

		end->n = end->batches = 0;
		for (size_t m = 0; table[r].n[m] != 0; m++) {
			for (size_t i = 0; i < table[r].n[m]; i++)
				put_be32(data + i * 100, 0x01000000 + number++);
			cr_assert_eq(send_joined("127.0.0.1", data, table[r].n[m] * 100u, 100), 0);
		}
		run(end, number, 3000);
		cr_assert_eq(end->n, number, "row %zu", r);
		for (size_t m = 0; table[r].n[m] != 0; m++)
			for (size_t i = 0; i < table[r].n[m]; i++, next++) {
				cr_assert_eq(get_be32(end->log[next].data), 0x01000000 + next);
				cr_assert_eq(end->log[next].len, 100);
				cr_assert_eq(end->log[next].batch, table[r].batch[m],
					"row %zu message %zu", r, m);
			}
	}
	/* Longer than a batch, where the kernel makes such: in parts. */
	end->n = end->batches = 0;
	memset(data, 1, sizeof(data));
	if (send_joined("127.0.0.1", data, 100 * 100, 100) == 0) {
		run(end, 100, 3000);
		cr_assert_eq(end->n, 100);
		cr_assert_eq(end->batches, 2);
		cr_assert_eq(end->log[63].batch, 0);
		cr_assert_eq(end->log[64].batch, 1);
	}
	joining_end_free(end, &loop);
}

Test(transport_offload, what_finds_no_room_is_counted)
{
	static uint8_t data[MESSAGE_ROOM] = {1};
	struct buf *out[256];
	uv_loop_t loop;
	struct end *end = joining_end(&loop, 2048);
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		data[i * 3000] = (uint8_t)(i + 1);
	cr_assert_eq(send_joined("127.0.0.1", data, 6100, 3000), 0);
	run(end, 3, 3000);
	cr_assert_eq(end->n, 3);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(end->log[i].kind, 'd');
		cr_assert_eq(end->log[i].len, DROP_TOO_LONG);
	}
	cr_assert_eq(end->log[2].kind, 'e');
	cr_assert_eq(end->log[2].len, 100);
	cr_assert_eq(end->log[2].data[0], 3);

	/* Seven buffers left: those of the first packets are used again. */
	while (buf_pool_free(end->pool) > 7)
		out[n++] = buf_pool_get(end->pool);
	end->n = end->batches = 0;
	memset(data, 1, sizeof(data));
	cr_assert_eq(send_joined("127.0.0.1", data, 20 * 10, 10), 0);
	run(end, 20, 3000);
	cr_assert_eq(end->n, 20);
	cr_assert_eq(end->batches, 3);
	while (buf_pool_free(end->pool) > 0)
		out[n++] = buf_pool_get(end->pool);
	end->n = 0;
	cr_assert_eq(send_joined("127.0.0.1", data, 20 * 10, 10), 0);
	run(end, 20, 3000);
	for (size_t i = 0; i < 20; i++) {
		cr_assert_eq(end->log[i].kind, 'd');
		cr_assert_eq(end->log[i].len, DROP_NO_BUFFER);
	}
	while (n > 0)
		buf_pool_put(end->pool, out[--n]);
	joining_end_free(end, &loop);
}

/* The descriptor of the nth transport's UDP socket: the test's hand in what the kernel thinks. */
static int descriptor(int family, unsigned nth)
{
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_storage ss = {0};
		socklen_t len = sizeof(ss);
		struct ip_endpoint e;

		if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && ss.ss_family == family &&
			ip_endpoint_from_sockaddr((struct sockaddr *)&ss, &e) == 0 &&
			e.port == PORT_NAT && nth-- == 0)
			return fd;
	}
	cr_assert_fail("no socket");
	return -1;
}

/* Sends n packets that may go as one and waits for all of them. Returns the messages they were. */
static uint64_t send_run(struct two *two, const struct outer *outer, size_t n, size_t len)
{
	static uint8_t data[2048];
	struct batch batch = {0};
	uint64_t before = transport_counts(two->a->transport).sent_messages;

	memset(data, 0x11, sizeof(data));
	two->b->n = 0;
	for (size_t i = 0; i < n; i++) {
		put_be32(data + 4, (uint32_t)i);
		put(two->a, &batch, outer, data, len)->run = true;
	}
	cr_assert(transport_send(two->a->transport, &batch));
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(batch.items[i].drop, DROP_NONE);
	give_back(two->a, &batch);
	run(two->b, n, 3000);
	cr_assert_eq(two->b->n, n);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(two->b->log[i].len, len);
		cr_assert_eq(get_be32(two->b->log[i].data + 4), i);
	}
	return transport_counts(two->a->transport).sent_messages - before;
}

static void two_open_offload(struct two *two)
{
	two_open(two, 2048);
	transport_set_offload(two->a->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	transport_set_offload(two->b->transport, TRANSPORT_GSO | TRANSPORT_GRO);
	need_offload(two->a);
}

static void checksums_off(int family, int off)
{
	/* b was opened before a, and takes such datagrams. */
	if (family == AF_INET6) {
		set_int(descriptor(family, 0), SOL_UDP, UDP_NO_CHECK6_RX, off);
		set_int(descriptor(family, 1), SOL_UDP, UDP_NO_CHECK6_TX, off);
	} else {
		set_int(descriptor(family, 1), SOL_SOCKET, SO_NO_CHECK, off);
	}
}

/* A socket without checksums cannot cut: as a kernel says of a device that makes none. */
Test(transport_offload, a_refused_run_goes_singly_and_is_the_last)
{
	static const char *const to[] = {"192.0.2.2", "2001:db8::2"};
	struct two two;

	two_open_offload(&two);
	for (size_t f = 0; f < 2; f++) {
		struct outer outer = {.remote = at(to[f], PORT_NAT)};
		int family = f == 0 ? AF_INET : AF_INET6;

		cr_assert_eq(send_run(&two, &outer, 20, 500), 1);
		checksums_off(family, 1);
		cr_assert_eq(send_run(&two, &outer, 20, 500), 20);
		cr_assert_eq(transport_offload(two.a->transport), TRANSPORT_GRO);
		cr_assert_eq(send_run(&two, &outer, 20, 500), 20);
		checksums_off(family, 0);
		cr_assert_eq(send_run(&two, &outer, 20, 500), 20, "not again by itself");
		transport_set_offload(two.a->transport, TRANSPORT_GSO | TRANSPORT_GRO);
		cr_assert_eq(send_run(&two, &outer, 20, 500), 1, "asked anew");
	}
	two_close(&two);
}

/* An ICMP error waits for the next message, which here is another peer's run. */
Test(transport_offload, an_icmp_error_parts_no_run)
{
	static const char *const to[] = {"192.0.2.2", "2001:db8::2"};
	struct two two;

	two_open_offload(&two);
	for (size_t f = 0; f < 2; f++) {
		struct outer closed = {.remote = at(to[f], 4711)},
			     outer = {.remote = at(to[f], PORT_NAT)};
		struct batch batch = {0};

		put(two.a, &batch, &closed, "abcd", 4);
		cr_assert(transport_send(two.a->transport, &batch));
		give_back(two.a, &batch);
		usleep(20000);
		cr_assert_eq(send_run(&two, &outer, 20, 500), 1);
	}
	cr_assert_eq(transport_offload(two.a->transport), TRANSPORT_GSO | TRANSPORT_GRO);
	two_close(&two);
}

/* Once somebody has a label for himself, all others must be leased: no fault of the device. */
Test(transport_offload, a_label_that_is_to_be_leased_does_not_end_runs)
{
	struct in6_flowlabel_req theirs = {.flr_label = htonl(0x00abc),
		.flr_action = IPV6_FL_A_GET,
		.flr_share = IPV6_FL_S_EXCL,
		.flr_flags = IPV6_FL_F_CREATE};
	struct outer outer = {.remote = at("2001:db8::2", PORT_NAT), .flow_label = 0x00def};
	struct two two;
	int fd;

	two_open_offload(&two);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	inet_pton(AF_INET6, "2001:db8::2", &theirs.flr_dst);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &theirs, sizeof(theirs)) != 0)
		cr_skip_test("this kernel gives no exclusive flow labels");
	cr_assert_eq(send_run(&two, &outer, 20, 500), 20);
	cr_assert_eq(transport_offload(two.a->transport), TRANSPORT_GSO | TRANSPORT_GRO);
	cr_assert_eq(send_run(&two, &outer, 20, 500), 1);
	cr_assert_eq(transport_labels_refused(two.a->transport), 0);
	close(fd);
	two_close(&two);
}

/* Full in the middle of a refused run: the rest of it is kept. */
Test(transport_offload, a_refused_run_fills_the_socket)
{
	enum { LEN = 1400 };
	static uint8_t data[LEN] = {0x11};
	struct two two;
	struct batch batch = {0};
	struct outer outer = {.remote = at("192.0.2.2", PORT_NAT)};
	size_t kept = 0;

	two_open_offload(&two);
	if (!sh("tc qdisc add dev v0 root tbf rate 10mbit burst 4kb limit 20mb 2>/dev/null"))
		cr_skip_test("needs tc and the tbf queueing discipline");
	checksums_off(AF_INET, 1);
	set_int(descriptor(AF_INET, 1), SOL_SOCKET, SO_SNDBUF, 16 * 1024);
	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		put_be32(data + 4, i);
		put(two.a, &batch, &outer, data, LEN)->run = true;
	}
	cr_assert_not(transport_send(two.a->transport, &batch));
	for (size_t i = 0; i < BATCH_MAX; i++) {
		cr_assert_eq(batch.items[i].drop, DROP_NONE);
		kept += batch.items[i].pkt == NULL;
	}
	/* The first run holds 46. */
	cr_assert(kept > 18 && kept < BATCH_MAX, "%zu kept", kept);
	give_back(two.a, &batch);
	run(two.b, BATCH_MAX, 3000);
	cr_assert_eq(two.b->n, BATCH_MAX);
	for (uint32_t i = 0; i < BATCH_MAX; i++)
		cr_assert_eq(get_be32(two.b->log[i].data + 4), i);
	run(two.a, 1, 20);
	cr_assert_eq(two.a->writable, 1);
	cr_assert_eq(transport_counts(two.a->transport).sent_packets, BATCH_MAX);
	cr_assert_eq(buf_pool_free(two.a->pool), 256);
	two_close(&two);
}

/* Errors that are not about runs: a path that shrank, a source address or a label that is gone. */
Test(transport_offload, another_error_does_not_end_runs)
{
	static const char *const to[] = {"192.0.2.2", "2001:db8::2"};
	static const char *const gone[] = {"192.0.2.77", "2001:db8::77"};
	struct two two;
	struct batch batch = {0};
	struct outer nowhere = {.remote = at("198.51.100.1", PORT_NAT)};

	two_open_offload(&two);
	for (size_t f = 0; f < 2; f++) {
		struct outer outer = {.remote = at(to[f], PORT_NAT)};

		outer.local = at(gone[f], PORT_NAT);
		cr_assert_eq(send_run(&two, &outer, 7, 500), 7);
		cr_assert(is_addr(
			&two.b->log[6].outer.remote.addr, f == 0 ? "192.0.2.1" : "2001:db8::1"));
		outer.local.addr.family = 0;
		cr_assert_eq(send_run(&two, &outer, 7, 1400), 1);
		cr_assert(sh("ip link set v0 mtu 1300"));
		two.a->n = 0;
		cr_assert_eq(send_run(&two, &outer, 7, 1400), 7, "in fragments");
		cr_assert_eq(two.a->n, 1);
		cr_assert_eq(two.a->log[0].kind, 'm');
		cr_assert_eq(two.a->log[0].mtu, 1300);
		cr_assert_eq(send_run(&two, &outer, 7, 1200), 1);
		cr_assert(sh("ip link set v0 mtu 1500"));
	}
	for (size_t i = 0; i < 5; i++)
		put(two.a, &batch, &nowhere, "nowhere", 7)->run = true;
	cr_assert(transport_send(two.a->transport, &batch));
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(batch.items[i].drop, DROP_SEND_UNREACHABLE);
	give_back(two.a, &batch);
	cr_assert_eq(transport_offload(two.a->transport), TRANSPORT_GSO | TRANSPORT_GRO);
	two_close(&two);
}

Test(transport_offload, on_and_off_and_on)
{
	static const unsigned steps[] = {0, TRANSPORT_GSO | TRANSPORT_GRO, TRANSPORT_GSO, 0,
		TRANSPORT_GRO, TRANSPORT_GRO, TRANSPORT_GSO | TRANSPORT_GRO, 0};
	struct two two;

	two_open_offload(&two);
	for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) {
		unsigned wanted = steps[i / 2];
		struct outer outer = {.remote = at(i % 2 ? "2001:db8::2" : "192.0.2.2", PORT_NAT)};
		struct transport_counts before, after;
		bool gso = wanted & TRANSPORT_GSO, gro = wanted & TRANSPORT_GRO;

		transport_set_offload(two.a->transport, wanted);
		transport_set_offload(two.b->transport, wanted);
		cr_assert_eq(transport_offload(two.a->transport), wanted);
		before = transport_counts(two.b->transport);
		cr_assert_eq(send_run(&two, &outer, 30, 1000), gso ? 1 : 30, "step %zu", i / 2);
		after = transport_counts(two.b->transport);
		cr_assert_eq(after.received_packets - before.received_packets, 30);
		cr_assert_eq(after.received_messages - before.received_messages,
			gso && gro ? 1 : 30, "step %zu", i / 2);
	}
	cr_assert_eq(buf_pool_free(two.b->pool), 256);
	two_close(&two);
}
