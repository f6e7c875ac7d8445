/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the control protocol: requests, responses, events (conf/schema/control.cddl). */
#include "codec/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BYTES_SHORT = 0x40, BYTES_1 = 0x58, BYTES_4 = 0x5a, ID_MAX_BITS = 63 };

static const uint64_t id_max = (UINT64_C(1) << ID_MAX_BITS) - 1;

long message_frame(const uint8_t *data, size_t len, const uint8_t **body, size_t *body_len)
{
	if (len == 0)
		return 0;
	if (data[0] < BYTES_SHORT || data[0] > BYTES_4)
		return -EPROTO;
	size_t head = data[0] < BYTES_1 ? 1 : 1 + ((size_t)1 << (data[0] - BYTES_1));
	if (len < head)
		return 0;
	size_t claimed = head == 1 ? data[0] - (size_t)BYTES_SHORT : 0;
	for (size_t i = 1; i < head; i++)
		claimed = claimed << 8 | data[i];
	if (claimed > MESSAGE_MAX - head)
		return -EPROTO;
	if (len - head < claimed)
		return 0;
	*body = data + head;
	*body_len = claimed;
	return (long)(head + claimed);
}

static int wrong(struct tree_error *error, const char *at, const char *text)
{
	if (error) {
		snprintf(error->at, sizeof error->at, "%s", at);
		snprintf(error->text, sizeof error->text, "%s", text);
	}
	return -EPROTO;
}

static bool verb_text_ok(const char *verb)
{
	return *verb && strspn(verb, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(verb);
}

static int request_fields(struct message_request *request, tree_node root, struct tree_error *error)
{
	for (size_t i = 0; i < tree_count(root); i++) {
		tree_node key;
		tree_node value;
		char name[8];
		bool ok;
		tree_pair(root, i, &key, &value);
		if (!tree_text_copy(key, name, sizeof name))
			return wrong(error, "", "unknown key in a request");
		if (strcmp(name, "id") == 0)
			ok = tree_uint(value, id_max, &request->id);
		else if (strcmp(name, "do") == 0)
			ok = tree_text_copy(value, request->verb, sizeof request->verb) &&
			     verb_text_ok(request->verb);
		else if (strcmp(name, "with") == 0)
			ok = tree_kind(request->with = value) == TREE_MAP;
		else
			return wrong(error, name, "unknown key in a request");
		if (!ok)
			return wrong(error, name, "of the wrong kind or out of range");
	}
	if (!tree_get(root, "id"))
		return wrong(error, "id", "missing");
	if (!request->verb[0])
		return wrong(error, "do", "missing");
	return 0;
}

int message_request_read(
	const uint8_t *body, size_t len, struct message_request *out, struct tree_error *error)
{
	struct message_request request = {0};
	request.tree = tree_parse(body, len, TREE_DEPTH_FRAME, error);
	if (!request.tree)
		return -EPROTO;
	tree_node root = tree_root(request.tree);
	int err = tree_kind(root) == TREE_MAP ? request_fields(&request, root, error)
					      : wrong(error, "", "a request is a map");
	if (err) {
		tree_free(request.tree);
		return err;
	}
	*out = request;
	return 0;
}

void message_request_fini(struct message_request *request)
{
	tree_free_secret(request->tree); /* enroll.adopt brings a key */
	*request = (struct message_request){0};
}

/* Turns the body into a frame at the end of w, and frees the body. */
static void put_frame(struct tree_writer *w, struct tree_writer *body)
{
	enum { HEAD_MAX = 5 };
	if (body->len > MESSAGE_MAX - HEAD_MAX && !body->error)
		body->error = -EMSGSIZE;
	if (body->error && !w->error)
		w->error = body->error;
	if (!body->error)
		tree_put_bytes(w, body->data, body->len);
	tree_writer_fini(body);
}

static void put_item(struct tree_writer *w, const char *key, const struct tree_writer *item)
{
	tree_put_text(w, key);
	if (item->error && !w->error)
		w->error = item->error;
	tree_put_raw(w, item->data, item->len);
}

static void put_id(struct tree_writer *w, uint64_t id)
{
	tree_put_text(w, "id");
	tree_put_uint(w, id);
}

void message_put_request(
	struct tree_writer *w, uint64_t id, const char *verb, const struct tree_writer *with)
{
	struct tree_writer body;
	tree_writer_init(&body);
	tree_put_map(&body, with ? 3 : 2);
	tree_put_text(&body, "do");
	tree_put_text(&body, verb);
	put_id(&body, id);
	if (with)
		put_item(&body, "with", with);
	put_frame(w, &body);
}

void message_put_ok(struct tree_writer *w, uint64_t id, const struct tree_writer *ok, bool more)
{
	struct tree_writer body;
	tree_writer_init(&body);
	tree_put_map(&body, more ? 3 : 2);
	put_id(&body, id);
	if (ok) {
		put_item(&body, "ok", ok);
	} else {
		tree_put_text(&body, "ok");
		tree_put_null(&body);
	}
	if (more) {
		tree_put_text(&body, "more");
		tree_put_bool(&body, true);
	}
	put_frame(w, &body);
}

static void put_text_unless_empty(struct tree_writer *w, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	tree_put_text(w, key);
	tree_put_text(w, text);
}

void message_put_error(struct tree_writer *w, uint64_t id, int code, const char *text,
	const char *at, const char *hint)
{
	struct tree_writer body;
	tree_writer_init(&body);
	tree_put_map(&body, 2);
	put_id(&body, id);
	tree_put_text(&body, "err");
	tree_put_map(&body, 2 + (size_t)(at && *at) + (size_t)(hint && *hint));
	put_text_unless_empty(&body, "at", at);
	tree_put_text(&body, "code");
	tree_put_int(&body, code);
	put_text_unless_empty(&body, "hint", hint);
	tree_put_text(&body, "text");
	tree_put_text(&body, text);
	put_frame(w, &body);
}

void message_put_event(struct tree_writer *w, uint64_t id, const char *event, uint64_t at_ms,
	const struct tree_writer *of)
{
	struct tree_writer body;
	tree_writer_init(&body);
	tree_put_map(&body, of ? 4 : 3);
	put_id(&body, id);
	if (of)
		put_item(&body, "of", of);
	tree_put_text(&body, "at_ms");
	tree_put_uint(&body, at_ms);
	tree_put_text(&body, "event");
	tree_put_text(&body, event);
	put_frame(w, &body);
}

/* Optional text, cut where it does not fit: it is for people only. */
static bool take_text(tree_node node, char *out, size_t cap)
{
	const char *text;
	size_t len;
	if (!node)
		return true;
	if (!tree_text(node, &text, &len))
		return false;
	snprintf(out, cap, "%.*s", (int)(len < cap ? len : cap), text);
	return true;
}

static int response_error(struct message_response *r, tree_node err, struct tree_error *error)
{
	int64_t code;
	if (tree_kind(err) != TREE_MAP)
		return wrong(error, "err", "is a map");
	if (!tree_int(tree_get(err, "code"), &code) || code >= 0 || code < -4095)
		return wrong(error, "err.code", "is a negative errno");
	r->code = (int)code;
	if (!tree_get(err, "text") || !take_text(tree_get(err, "text"), r->text, sizeof r->text))
		return wrong(error, "err.text", "is text");
	if (!take_text(tree_get(err, "at"), r->at, sizeof r->at))
		return wrong(error, "err.at", "is text");
	if (!take_text(tree_get(err, "hint"), r->hint, sizeof r->hint))
		return wrong(error, "err.hint", "is text");
	return 0;
}

static int response_event(struct message_response *r, tree_node root, struct tree_error *error)
{
	if (!tree_text_copy(tree_get(root, "event"), r->event, sizeof r->event) || !r->event[0])
		return wrong(error, "event", "is a short text");
	if (tree_get(root, "at_ms") && !tree_uint(tree_get(root, "at_ms"), UINT64_MAX, &r->at_ms))
		return wrong(error, "at_ms", "is an unsigned integer");
	r->ok = tree_get(root, "of");
	if (r->ok && tree_kind(r->ok) != TREE_MAP)
		return wrong(error, "of", "is a map");
	return 0;
}

/* Unknown keys are passed over: a newer daemon may say more to an older command. */
static int response_fields(struct message_response *r, tree_node root, struct tree_error *error)
{
	if (tree_kind(root) != TREE_MAP)
		return wrong(error, "", "a response is a map");
	if (tree_get(root, "id") && !tree_uint(tree_get(root, "id"), id_max, &r->id))
		return wrong(error, "id", "is an unsigned integer");
	if (tree_get(root, "event"))
		return response_event(r, root, error);
	if (!tree_get(root, "id"))
		return wrong(error, "id", "missing");
	if (tree_get(root, "err"))
		return response_error(r, tree_get(root, "err"), error);
	r->ok = tree_get(root, "ok");
	if (!r->ok)
		return wrong(error, "", "none of ok, err and event");
	if (tree_get(root, "more") && !tree_bool(tree_get(root, "more"), &r->more))
		return wrong(error, "more", "is true or false");
	return 0;
}

int message_response_read(
	const uint8_t *body, size_t len, struct message_response *out, struct tree_error *error)
{
	struct message_response response = {0};
	response.tree = tree_parse(body, len, TREE_DEPTH_FRAME, error);
	if (!response.tree)
		return -EPROTO;
	int err = response_fields(&response, tree_root(response.tree), error);
	if (err) {
		tree_free(response.tree);
		return err;
	}
	*out = response;
	return 0;
}

void message_response_fini(struct message_response *response)
{
	tree_free(response->tree);
	*response = (struct message_response){0};
}
