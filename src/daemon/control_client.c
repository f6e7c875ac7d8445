/* SPDX-License-Identifier: Apache-2.0 */
/* One client of a control socket: its frames, its time limits, what waits to be read by it. */
#include "daemon/control_client.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FIRST = 4096, ANSWER_AHEAD = 64 * 1024 };

struct outgoing {
	uv_write_t req;
	struct control_client *client;
	uint8_t *data;
};

static void serve(struct control_client *client);

static void on_closed(uv_handle_t *handle)
{
	struct control_client *client = handle->data;

	if (--client->handles)
		return;
	if (client->in)
		secret_wipe(client->in, client->in_cap);
	free(client->in);
	client->gone(client);
}

static void end_call(struct control_client *client)
{
	if (!client->busy)
		return;
	client->busy = false;
	if (client->call.release)
		client->call.release(client->call.state);
	message_request_fini(&client->request);
}

void client_close(struct control_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	client->watching = false;
	end_call(client);
	uv_close((uv_handle_t *)&client->pipe, on_closed);
	uv_close((uv_handle_t *)&client->timer, on_closed);
}

static size_t unread(const struct control_client *client)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}

static void on_timeout(uv_timer_t *timer)
{
	struct control_client *client = timer->data;

	if (client->wait == WAIT_FRAME || client->wait == WAIT_FIRST)
		client_refuse(client, -ETIMEDOUT, "no whole request within 5 s");
	else
		client_close(client);
}

static enum client_wait what_waits(const struct control_client *client)
{
	if (client->ending)
		return WAIT_READER;
	if (client->in_len && !client->busy)
		return WAIT_FRAME;
	if (!client->served)
		return WAIT_FIRST;
	if (client->watching || client->call.later)
		return WAIT_NONE;
	return unread(client) ? WAIT_READER : WAIT_IDLE;
}

/* A limit runs from when its cause began: further octets of the same frame buy no time. */
static void arm(struct control_client *client, bool anew)
{
	enum client_wait wait = what_waits(client);
	uint64_t ms = wait == WAIT_IDLE ? CONTROL_IDLE_MS : CONTROL_FRAME_MS;

	if (client->closing || (wait == client->wait && !anew))
		return;
	client->wait = wait;
	if (wait == WAIT_NONE) {
		uv_timer_stop(&client->timer);
		return;
	}
	uv_update_time(client->timer.loop);
	uv_timer_start(&client->timer, on_timeout, wait == WAIT_READER ? CONTROL_IDLE_MS : ms, 0);
}

static void tell_lost(struct control_client *client)
{
	struct tree_writer of;
	uint64_t n = client->lost;

	client->lost = 0;
	tree_writer_init(&of);
	tree_put_map(&of, 1);
	tree_put_text(&of, "n");
	tree_put_uint(&of, n);
	client_event(client, "lost", 0, &of);
	tree_writer_fini(&of);
}

static void on_written(uv_write_t *req, int status)
{
	struct outgoing *outgoing = (struct outgoing *)req;
	struct control_client *client = outgoing->client;

	free(outgoing->data);
	free(outgoing);
	if (client->closing)
		return;
	if (status < 0 || (client->ending && !unread(client))) {
		client_close(client);
		return;
	}
	if (client->lost && unread(client) < ANSWER_AHEAD)
		tell_lost(client);
	client->wait = WAIT_NONE; /* something was read: the limit begins anew */
	serve(client);
}

/* Takes the writer's memory over. */
static void send_frame(struct control_client *client, struct tree_writer *frame)
{
	struct outgoing *outgoing = frame->error ? NULL : malloc(sizeof(*outgoing));
	uv_buf_t buf;

	if (!outgoing || client->closing) {
		free(outgoing);
		tree_writer_fini(frame);
		client_close(client);
		return;
	}
	outgoing->client = client;
	outgoing->data = frame->data;
	buf = uv_buf_init((char *)frame->data, (unsigned)frame->len);
	if (uv_write(&outgoing->req, (uv_stream_t *)&client->pipe, &buf, 1, on_written)) {
		free(outgoing->data);
		free(outgoing);
		client_close(client);
	}
}

static void send_error(struct control_client *client, uint64_t id, const struct control_call *call)
{
	struct tree_writer frame;

	tree_writer_init(&frame);
	message_put_error(&frame, id, call->code, call->text, call->place, call->hint);
	send_frame(client, &frame);
}

void client_refuse(struct control_client *client, int code, const char *text)
{
	struct control_call call = {0};

	if (client->closing || client->ending)
		return;
	control_fail(&call, code, "%s", text);
	client->ending = true;
	end_call(client);
	send_error(client, 0, &call);
	if (!client->closing && client->reading)
		uv_read_stop((uv_stream_t *)&client->pipe);
	client->reading = false;
	arm(client, true);
}

static bool topic_put(struct control_client *client, tree_node node)
{
	return client->n_topics < CLIENT_TOPICS_MAX &&
	       tree_text_copy(node, client->topics[client->n_topics++], CLIENT_TOPIC_LEN);
}

/* Answered here: it is about the connection itself. */
static void watch(struct control_client *client, struct control_call *call)
{
	tree_node topics = tree_get(call->with, "topics");
	size_t n = topics && tree_kind(topics) == TREE_ARRAY ? tree_count(topics) : 0;

	client->n_topics = 0;
	for (size_t i = 0; i < n; i++)
		if (!topic_put(client, tree_at(topics, i))) {
			client->n_topics = 0;
			control_fail(call, -EINVAL, "topics: at most 8 short words");
			return;
		}
	if (topics && !n) {
		control_fail(call, -EINVAL, "topics: a list of words, or nothing for all");
		return;
	}
	client->watching = true;
	client->watch_id = client->request.id;
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "topics");
	tree_put_array(call->ok, client->n_topics);
	for (size_t i = 0; i < client->n_topics; i++)
		tree_put_text(call->ok, client->topics[i]);
}

static void answer(struct control_client *client)
{
	struct control_call *call = &client->call;
	struct tree_writer frame;
	struct tree_writer ok;
	bool watches = !strcmp(call->verb, "watch");

	tree_writer_init(&ok);
	tree_writer_init(&frame);
	call->ok = &ok;
	call->more = false;
	call->later = false;
	if (watches)
		watch(client, call);
	else
		client->dispatch(client->owner, call);
	if (call->later) {
		tree_writer_fini(&ok);
		return;
	}
	if (!call->code) {
		message_put_ok(&frame, client->request.id, &ok, call->more || watches);
		if (frame.len > MESSAGE_MAX)
			control_fail(call, -EMSGSIZE, "the answer does not fit a frame");
	}
	tree_writer_fini(&ok);
	if (call->code) {
		tree_writer_fini(&frame);
		call->more = false;
		send_error(client, client->request.id, call);
	} else {
		send_frame(client, &frame);
	}
	if (!call->more)
		end_call(client);
}

static void begin(struct control_client *client, const uint8_t *body, size_t len)
{
	struct control_call *call = &client->call;
	struct tree_error error = {0};

	*call = (struct control_call){.commands = client->commands, .client = client};
	client->served = true;
	if (message_request_read(body, len, &client->request, &error)) {
		control_fail(call, -EPROTO, "not a request: %s", error.text);
		snprintf(call->place, sizeof(call->place), "%s", error.at);
		send_error(client, 0, call);
		return;
	}
	call->verb = client->request.verb;
	call->with = client->request.with;
	client->busy = true;
}

/* The next whole frame; false: none is here, or the framing is broken. */
static bool next_frame(struct control_client *client)
{
	const uint8_t *body;
	size_t body_len;
	long n = message_frame(client->in, client->in_len, &body, &body_len);

	if (n < 0) {
		client_refuse(client, -EPROTO, "a frame is a byte string of at most 65536 octets");
		return false;
	}
	if (n == 0)
		return false;
	begin(client, body, body_len);
	client->in_len -= (size_t)n;
	memmove(client->in, client->in + n, client->in_len);
	secret_wipe(client->in + client->in_len, (size_t)n);
	client->wait = WAIT_NONE;
	return true;
}

/* What lay in the old block may be a key. */
static void grow(struct control_client *client, size_t cap)
{
	uint8_t *in = malloc(cap);

	if (!in)
		return;
	if (client->in_len)
		memcpy(in, client->in, client->in_len);
	if (client->in)
		secret_wipe(client->in, client->in_cap);
	free(client->in);
	client->in = in;
	client->in_cap = cap;
}

static void alloc_in(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct control_client *client = handle->data;
	size_t want = client->in_cap ? client->in_cap * 2 : IN_FIRST;

	(void)suggested;
	*buf = uv_buf_init(NULL, 0);
	if (client->in_len == client->in_cap && want <= MESSAGE_MAX)
		grow(client, want);
	if (!client->in)
		return;
	*buf = uv_buf_init(
		(char *)client->in + client->in_len, (unsigned)(client->in_cap - client->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct control_client *client = stream->data;

	(void)buf;
	if (n < 0) {
		client_close(client);
		return;
	}
	client->in_len += (size_t)n;
	serve(client);
}

/*
 * Not while an answer is under way or unread: whoever does not read is not read. While it is still
 * to come only a little is read, to see whether the client stays.
 */
static void set_reading(struct control_client *client)
{
	bool waits = client->busy && client->call.later && client->in_len < IN_FIRST;
	bool want =
		!client->ending && (!client->busy || waits) && unread(client) < CONTROL_UNREAD_MAX;

	if (client->closing || want == client->reading)
		return;
	client->reading = want;
	if (want)
		uv_read_start((uv_stream_t *)&client->pipe, alloc_in, on_read);
	else
		uv_read_stop((uv_stream_t *)&client->pipe);
}

static void serve(struct control_client *client)
{
	while (!client->closing && !client->ending && unread(client) < ANSWER_AHEAD) {
		if (client->busy && client->call.later)
			break;
		if (!client->busy && !next_frame(client))
			break;
		if (client->busy)
			answer(client);
	}
	set_reading(client);
	arm(client, false);
}

void control_resume(struct control_call *call)
{
	struct control_client *client = call->client;

	call->later = false;
	serve(client);
}

void client_start(struct control_client *client)
{
	serve(client);
}

static bool wants(const struct control_client *client, const char *name)
{
	size_t len = strcspn(name, ".");

	for (size_t i = 0; i < client->n_topics; i++)
		if (strlen(client->topics[i]) == len && !memcmp(client->topics[i], name, len))
			return true;
	return !client->n_topics || !strcmp(name, "lost");
}

void client_event(struct control_client *client, const char *name, uint64_t at_ms,
	const struct tree_writer *of)
{
	struct tree_writer frame;

	if (client->closing || !client->watching || !wants(client, name))
		return;
	if (client->lost || unread(client) > CONTROL_UNREAD_MAX) {
		client->lost++;
		return;
	}
	tree_writer_init(&frame);
	message_put_event(&frame, client->watch_id, name, at_ms, of);
	if (frame.error || frame.len > MESSAGE_MAX) {
		client->lost++;
		tree_writer_fini(&frame);
		return;
	}
	send_frame(client, &frame);
}
