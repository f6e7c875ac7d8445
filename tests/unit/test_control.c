/* SPDX-License-Identifier: Apache-2.0 */
/* Control sockets against clients that mean no good (docs/control.md, trust.md section 4.7). */
#include "codec/message.h"
#include "daemon/control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum { LIST_ITEMS = 400, ITEM_LEN = 1000, FRAME_ITEMS = 40, BIG_EVENTS = 3000 };

struct server {
	uv_loop_t loop;
	struct control *control;
	char dir[64];
	size_t calls;
	struct control_call *waiting; /* of "wait" */
	size_t released;
};

static void release(void *state)
{
	struct server *server = state;

	server->waiting = NULL;
	server->released++;
}

static void answer_list(struct control_call *call)
{
	char item[ITEM_LEN + 1];
	size_t n = LIST_ITEMS - call->at[0] < FRAME_ITEMS ? LIST_ITEMS - call->at[0] : FRAME_ITEMS;

	memset(item, 'x', ITEM_LEN);
	item[ITEM_LEN] = '\0';
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "list");
	tree_put_array(call->ok, n);
	for (size_t i = 0; i < n; i++)
		tree_put_text(call->ok, item);
	call->at[0] += n;
	call->more = call->at[0] < LIST_ITEMS;
}

static void dispatch(void *owner, struct control_call *call)
{
	struct server *server = owner;

	server->calls++;
	if (!strcmp(call->verb, "list")) {
		answer_list(call);
	} else if (!strcmp(call->verb, "wait") && !call->state) {
		server->waiting = call;
		call->state = server;
		call->release = release;
		call->later = true;
	} else if (!strcmp(call->verb, "who") || !strcmp(call->verb, "wait")) {
		tree_put_map(call->ok, 1);
		tree_put_text(call->ok, "commands");
		tree_put_bool(call->ok, call->commands);
	} else {
		control_fail(call, -ENOSYS, "there is no verb %s", call->verb);
	}
}

static void serve(struct server *server, uid_t uid)
{
	struct control_params params = {.loop = &server->loop,
		.run_dir = server->dir,
		.status_gid = (gid_t)-1,
		.owner_uid = uid,
		.dispatch = dispatch,
		.owner = server};

	*server = (struct server){0};
	strcpy(server->dir, "/tmp/dietvpn-test-XXXXXX");
	cr_assert_not_null(mkdtemp(server->dir));
	chmod(server->dir, 0755);
	uv_loop_init(&server->loop);
	cr_assert_eq(control_create(&params, &server->control), 0);
}

static void turn(struct server *server, int ms)
{
	uint64_t end = uv_hrtime() / 1000000 + (uint64_t)ms;

	do {
		uv_run(&server->loop, UV_RUN_NOWAIT);
		usleep(500);
	} while (uv_hrtime() / 1000000 < end);
}

static void end(struct server *server)
{
	char path[96];

	control_destroy(server->control);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&server->loop), 0);
	snprintf(path, sizeof(path), "%s/control.sock", server->dir);
	cr_assert_eq(access(path, F_OK), -1, "the socket stayed");
	rmdir(server->dir);
}

static int dial(const struct server *server, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", server->dir, name);
	cr_assert_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0, "%s", strerror(errno));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void ask(int fd, uint64_t id, const char *verb)
{
	struct tree_writer w;

	tree_writer_init(&w);
	message_put_request(&w, id, verb, NULL);
	cr_assert_eq(write(fd, w.data, w.len), (ssize_t)w.len);
	tree_writer_fini(&w);
}

/* What one client has read. */
struct reader {
	uint8_t *data;
	size_t len, at;
	int ended;
};

static void read_all(struct reader *reader, int fd)
{
	ssize_t n;

	do {
		reader->data = realloc(reader->data, reader->len + 65536);
		n = read(fd, reader->data + reader->len, 65536);
		if (n > 0)
			reader->len += (size_t)n;
	} while (n > 0);
	reader->ended = n == 0 || errno == ECONNRESET;
}

/* The next answer; 0: none. */
static int next(struct reader *reader, struct message_response *response)
{
	const uint8_t *body;
	size_t body_len;
	long n = message_frame(
		reader->data + reader->at, reader->len - reader->at, &body, &body_len);

	cr_assert(n >= 0, "broken framing");
	if (!n)
		return 0;
	reader->at += (size_t)n;
	cr_assert_eq(message_response_read(body, body_len, response, NULL), 0);
	return 1;
}

/* Expects one error, then either the end or that a good request is answered still. */
static void expect_error(struct server *server, int fd, uint64_t id, int code, int ends)
{
	struct reader reader = {0};
	struct message_response response;

	turn(server, 20);
	read_all(&reader, fd);
	cr_assert(next(&reader, &response), "no answer");
	cr_assert_eq(response.code, code, "code %d: %s", response.code, response.text);
	cr_assert_eq(response.id, id);
	message_response_fini(&response);
	cr_assert_eq(reader.ended, ends);
	if (!ends) {
		ask(fd, 99, "who");
		turn(server, 20);
		read_all(&reader, fd);
		cr_assert(next(&reader, &response) && response.id == 99 && !response.code,
			"the connection is of no use any more");
		message_response_fini(&response);
	}
	free(reader.data);
	close(fd);
}

static void send_octets(int fd, const void *data, size_t len)
{
	cr_assert_eq(write(fd, data, len), (ssize_t)len);
}

Test(control, sockets)
{
	struct server server;
	struct reader reader = {0};
	struct message_response response;
	struct stat st;
	char path[96];
	bool commands;

	serve(&server, geteuid());
	snprintf(path, sizeof(path), "%s/control.sock", server.dir);
	stat(path, &st);
	cr_assert_eq(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/status.sock", server.dir);
	stat(path, &st);
	cr_assert_eq(st.st_mode & 0777, 0660);
	for (int i = 0; i < 2; i++) {
		int fd = dial(&server, i ? "control.sock" : "status.sock");

		ask(fd, 7, "who");
		turn(&server, 20);
		read_all(&reader, fd);
		cr_assert(next(&reader, &response));
		cr_assert(tree_bool(tree_get(response.ok, "commands"), &commands));
		cr_assert_eq(commands, i == 1);
		message_response_fini(&response);
		close(fd);
	}
	free(reader.data);
	end(&server);
}

Test(control, second_daemon)
{
	struct server server;
	struct server other;
	struct control_params params = {.loop = &other.loop, .dispatch = dispatch};

	serve(&server, geteuid());
	params.run_dir = server.dir;
	params.status_gid = (gid_t)-1;
	params.owner_uid = geteuid();
	uv_loop_init(&other.loop);
	cr_assert_eq(control_create(&params, &other.control), -EADDRINUSE);
	uv_run(&other.loop, UV_RUN_DEFAULT);
	uv_loop_close(&other.loop);
	close(dial(&server, "control.sock"));
	end(&server);
}

/* A map with an array nested this deep, as a frame. */
static size_t deep(uint8_t *out, size_t depth)
{
	static const uint8_t head[] = {0xa3, 0x62, 'i', 'd', 0x01, 0x62, 'd', 'o', 0x63, 'w', 'h',
		'o', 0x64, 'w', 'i', 't', 'h', 0xa1, 0x61, 'x'};
	size_t len = sizeof(head) + depth;

	out[0] = 0x59;
	out[1] = (uint8_t)(len >> 8);
	out[2] = (uint8_t)len;
	memcpy(out + 3, head, sizeof(head));
	memset(out + 3 + sizeof(head), 0x81, depth - 1);
	out[3 + len - 1] = 0x80;
	return len + 3;
}

Test(control, hostile_frames)
{
	static const struct {
		const char *what;
		const char *octets;
		size_t len;
		int ends;
	} cases[] = {
		{"no byte string", "{\"do\": \"status\"}\n", 17, 1},
		{"larger than a frame", "\x5a\x00\x01\x00\x00", 5, 1},
		{"four gigabytes", "\x5a\xff\xff\xff\xff", 5, 1},
		{"64-bit length", "\x5b\x00\x00\x00\x00\x00\x00\x00\x01", 9, 1},
		{"indefinite length", "\x5f\x41\x00\xff", 4, 1},
		{"empty", "\x40", 1, 0},
		{"no map", "\x41\x01", 2, 0},
		{"array of 2^28", "\x46\x9a\x10\x00\x00\x00\x00", 7, 0},
		{"octets behind it", "\x42\xa0\xa0", 3, 0},
		{"key twice", "\x49\xa2\x62id\x01\x62id\x01", 10, 0},
		{"no verb", "\x45\xa1\x62id\x01", 6, 0},
	};
	struct server server;
	uint8_t nested[2100];
	size_t good = 0;

	serve(&server, geteuid());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = dial(&server, "status.sock");

		send_octets(fd, cases[i].octets, cases[i].len);
		expect_error(&server, fd, 0, -EPROTO, cases[i].ends);
		good += !cases[i].ends;
	}
	for (size_t depth = 20; depth < 2100 - 30; depth *= 10) {
		int fd = dial(&server, "status.sock");

		send_octets(fd, nested, deep(nested, depth));
		expect_error(&server, fd, 0, -EPROTO, 0);
		good++;
	}
	cr_assert_eq(server.calls, good, "a hostile frame got through to a verb");
	end(&server);
}

Test(control, unknown_verb_in_pieces)
{
	struct server server;
	struct tree_writer w;
	int fd;

	serve(&server, geteuid());
	fd = dial(&server, "status.sock");
	tree_writer_init(&w);
	message_put_request(&w, 5, "no.such", NULL);
	for (size_t i = 0; i < w.len; i++) {
		send_octets(fd, w.data + i, 1);
		turn(&server, 1);
	}
	tree_writer_fini(&w);
	expect_error(&server, fd, 5, -ENOSYS, 0);
	end(&server);
}

Test(control, half_a_frame, .timeout = 15)
{
	struct server server;
	int half;
	int silent;
	int drip;

	serve(&server, geteuid());
	half = dial(&server, "control.sock");
	silent = dial(&server, "control.sock");
	drip = dial(&server, "control.sock");
	send_octets(half, "\x58\x40\xa1", 3);
	send_octets(drip, "\x58\x40", 2);
	for (int i = 0; i < 10; i++) {
		turn(&server, 530);
		if (i < 8)
			send_octets(drip, "\xa1", 1);
	}
	expect_error(&server, half, 0, -ETIMEDOUT, 1);
	expect_error(&server, silent, 0, -ETIMEDOUT, 1);
	expect_error(&server, drip, 0, -ETIMEDOUT, 1);
	end(&server);
}

Test(control, ninth_client)
{
	struct server server;
	struct reader reader = {0};
	struct message_response response;
	int fds[CONTROL_CLIENTS_MAX];
	int other;

	serve(&server, geteuid());
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(&server, "status.sock");
		turn(&server, 2);
	}
	for (int i = 0; i < 1000; i++) {
		int fd = dial(&server, "status.sock");

		turn(&server, 1);
		if (i % 100 == 0)
			expect_error(&server, fd, 0, -EAGAIN, 1);
		else
			close(fd);
	}
	/* the other socket, and the eight, do not suffer from it */
	other = dial(&server, "control.sock");
	ask(other, 1, "who");
	ask(fds[0], 1, "who");
	turn(&server, 20);
	read_all(&reader, other);
	cr_assert(next(&reader, &response) && !response.code);
	message_response_fini(&response);
	read_all(&reader, fds[0]);
	cr_assert(next(&reader, &response) && !response.code);
	message_response_fini(&response);
	/* and a place that becomes free can be had */
	close(fds[0]);
	turn(&server, 20);
	fds[0] = dial(&server, "status.sock");
	ask(fds[0], 2, "who");
	turn(&server, 20);
	read_all(&reader, fds[0]);
	cr_assert(next(&reader, &response) && !response.code);
	message_response_fini(&response);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	close(other);
	free(reader.data);
	end(&server);
}

/* An answer that comes later: meanwhile nothing else of this client is answered, and it may leave.
 */
Test(control, answer_that_comes_later)
{
	struct server server;
	struct reader reader = {0};
	struct message_response response;
	struct tree_writer many;
	int fd;

	serve(&server, geteuid());
	fd = dial(&server, "control.sock");
	ask(fd, 1, "wait");
	ask(fd, 2, "who");
	turn(&server, 20);
	read_all(&reader, fd);
	cr_assert_eq(reader.len, 0u);
	cr_assert_not_null(server.waiting);
	control_resume(server.waiting);
	cr_assert_eq(server.released, 1u);
	turn(&server, 20);
	read_all(&reader, fd);
	for (uint64_t id = 1; id <= 2; id++) {
		cr_assert(next(&reader, &response));
		cr_assert_eq(response.id, id);
		cr_assert_eq(response.code, 0);
		message_response_fini(&response);
	}
	ask(fd, 3, "wait");
	turn(&server, 20);
	cr_assert_not_null(server.waiting);
	close(fd);
	turn(&server, 20);
	cr_assert_null(server.waiting, "who has left is forgotten");
	cr_assert_eq(server.released, 2u);
	fd = dial(&server, "control.sock");
	ask(fd, 4, "wait");
	tree_writer_init(&many);
	for (int i = 0; i < 2000; i++)
		message_put_request(&many, 5, "who", NULL);
	send_octets(fd, many.data, many.len);
	tree_writer_fini(&many);
	turn(&server, 20);
	cr_assert_not_null(server.waiting, "requests behind it wait unread");
	control_resume(server.waiting);
	turn(&server, 100);
	read_all(&reader, fd);
	turn(&server, 100);
	cr_assert_eq(server.calls, 2006u, "%zu", server.calls);
	ask(fd, 6, "wait");
	turn(&server, 20);
	free(reader.data);
	end(&server);
	close(fd);
	cr_assert_eq(server.released, 4u);
}

Test(control, foreign_uid)
{
	struct server server;
	char path[96];
	int status;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("becoming somebody else needs root");
	serve(&server, 4711);
	/* as if the mode had been lost on the way */
	snprintf(path, sizeof(path), "%s/control.sock", server.dir);
	chmod(path, 0666);
	for (int owner = 0; owner < 2; owner++) {
		int fds[2];

		cr_assert_eq(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			int fd;

			if (setuid(owner ? 4711 : 4712))
				_exit(1);
			fd = dial(&server, "control.sock");
			ask(fd, 1, "who");
			cr_assert_eq(write(fds[1], &(int){0}, 1), 1);
			usleep(300000);
			struct reader reader = {0};
			struct message_response response;

			read_all(&reader, fd);
			_exit(next(&reader, &response) && response.code == (owner ? 0 : -EACCES) &&
						reader.ended == !owner
					? 0
					: 2);
		}
		turn(&server, 250);
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %d",
			owner ? "the daemon's user" : "somebody", WEXITSTATUS(status));
		close(fds[0]);
		close(fds[1]);
	}
	end(&server);
}

/* 400 kB of answer to a client that sends ten such requests and does not read. */
Test(control, list_waits_for_its_reader)
{
	struct server server;
	struct reader reader = {0};
	struct message_response response;
	size_t frames = 0;
	size_t items = 0;
	uint64_t done = 0;
	int fd;

	serve(&server, geteuid());
	fd = dial(&server, "status.sock");
	for (uint64_t id = 1; id <= 10; id++)
		ask(fd, id, "list");
	turn(&server, 50);
	cr_assert(server.calls < 20, "%zu frames were made for a client that does not read",
		server.calls);
	while (done < 10) {
		turn(&server, 5);
		read_all(&reader, fd);
		while (next(&reader, &response)) {
			frames++;
			items += tree_count(tree_get(response.ok, "list"));
			cr_assert_eq(response.id, done + 1);
			done += !response.more;
			message_response_fini(&response);
		}
		cr_assert(!reader.ended);
	}
	cr_assert_eq(items, 10 * LIST_ITEMS);
	cr_assert_eq(frames, 10 * LIST_ITEMS / FRAME_ITEMS);
	free(reader.data);
	close(fd);
	end(&server);
}

static void put_event(struct server *server, const char *name)
{
	struct tree_writer of;
	char text[501];

	memset(text, 'y', 500);
	text[500] = '\0';
	tree_writer_init(&of);
	tree_put_map(&of, 1);
	tree_put_text(&of, "text");
	tree_put_text(&of, text);
	control_event(server->control, name, 1, &of);
	tree_writer_fini(&of);
}

static void watch(int fd, const char *topic)
{
	struct tree_writer w;
	struct tree_writer with;

	tree_writer_init(&w);
	tree_writer_init(&with);
	tree_put_map(&with, 1);
	tree_put_text(&with, "topics");
	tree_put_array(&with, 1);
	tree_put_text(&with, topic);
	message_put_request(&w, 8, "watch", &with);
	send_octets(fd, w.data, w.len);
	tree_writer_fini(&with);
	tree_writer_fini(&w);
}

Test(control, slow_watcher_loses_events)
{
	struct server server;
	struct reader reader = {0};
	struct message_response response;
	size_t got = 0;
	uint64_t lost = 0;
	int fd;

	serve(&server, geteuid());
	fd = dial(&server, "status.sock");
	watch(fd, "sa");
	turn(&server, 10);
	cr_assert(control_watched(server.control));
	for (int i = 0; i < BIG_EVENTS; i++) {
		put_event(&server, "sa.installed");
		put_event(&server, "peer.moved"); /* not asked for */
	}
	while (got + lost < BIG_EVENTS) {
		uint64_t n = 0;

		turn(&server, 5);
		read_all(&reader, fd);
		cr_assert(!reader.ended);
		while (next(&reader, &response)) {
			cr_assert_eq(response.id, 8);
			if (!strcmp(response.event, "lost")) {
				cr_assert(tree_uint(tree_get(response.ok, "n"), UINT64_MAX, &n));
				lost += n;
			} else if (response.event[0]) {
				cr_assert_str_eq(response.event, "sa.installed");
				got++;
			}
			message_response_fini(&response);
		}
	}
	cr_assert_eq(got + lost, BIG_EVENTS);
	cr_assert(lost > 100 && got > 100, "%zu got, %zu lost", got, (size_t)lost);
	free(reader.data);
	close(fd);
	turn(&server, 10);
	cr_assert(!control_watched(server.control));
	end(&server);
}
