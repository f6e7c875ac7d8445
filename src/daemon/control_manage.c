/* SPDX-License-Identifier: Apache-2.0 */
/* The control verbs about peers by name, which the keying plugins answer (docs/control.md). */
#include "daemon/control_manage.h"

#include "config/config.h"
#include "crypto/secret.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/put.h"
#include "keying/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS_PER_FRAME = 128, ANSWER_DEPTH = 8, KEY_MAX = 32 };

/* A question under way, and its answer when it is there. */
struct question {
	struct daemon *daemon;
	struct control_call *call;
	char tunnel[CONFIG_NAME_MAX], keying[32]; /* who was asked */
	uint32_t request;
	bool answered;
	int error;
	char text[256];
	struct tree *tree;
};

static void release(void *state)
{
	struct question *question = state;

	if (!question)
		return;
	if (!question->answered && question->daemon->host)
		host_manage_cancel(question->daemon->host, question->request);
	tree_free(question->tree);
	free(question);
}

/* The call goes on without it. */
static void drop(struct control_call *call)
{
	release(call->state);
	call->state = NULL;
}

static void on_answer(void *owner, int error, struct slice answer)
{
	struct question *question = owner;

	question->answered = true;
	question->error = error;
	if (error)
		snprintf(question->text, sizeof(question->text), "%.*s", (int)answer.len,
			answer.len ? (const char *)answer.data : "");
	else
		question->tree = tree_parse_own(answer.data, answer.len, ANSWER_DEPTH, NULL);
	if (!error && tree_kind(tree_root(question->tree)) != TREE_MAP)
		question->error = -EBADMSG;
	control_resume(question->call);
}

static int ask(struct daemon *daemon, struct control_call *call, size_t manager)
{
	struct question *question = calloc(1, sizeof(*question));
	struct host_question params = {.verb = call->verb, .done = on_answer, .owner = question};
	struct host_manager asked;
	struct tree_writer with;
	int error = question ? 0 : -ENOMEM;

	tree_writer_init(&with);
	if (call->with)
		tree_put_node(&with, call->with);
	else
		tree_put_map(&with, 0);
	params.with = (struct slice){with.data, with.len};
	if (!error)
		error = with.error;
	if (!error && !host_manager_at(daemon->host, manager, &asked))
		error = -ENOENT;
	if (!error) {
		question->daemon = daemon;
		question->call = call;
		snprintf(question->tunnel, sizeof(question->tunnel), "%s", asked.tunnel);
		snprintf(question->keying, sizeof(question->keying), "%s", asked.keying);
		error = host_manage(daemon->host, manager, &params, &question->request);
	}
	if (with.data)
		secret_wipe(with.data, with.cap);
	tree_writer_fini(&with);
	if (error) {
		free(question);
		control_fail(call, error, "%s",
			error == -EAGAIN ? "too many requests wait for an answer"
					 : strerror(-error));
		return error;
	}
	call->state = question;
	call->release = release;
	call->later = true;
	return 0;
}

/* The answer was an error: so is the call. */
static bool failed(struct control_call *call, const struct question *question)
{
	if (question->error)
		control_fail(call, question->error, "%s",
			question->error == -EBADMSG ? "its keying gave no proper answer"
			: question->text[0]         ? question->text
						    : strerror(-question->error));
	return question->error;
}

static bool tunnel_in(struct control_call *call, char *out, size_t cap)
{
	tree_node node = tree_get(call->with, "tunnel");

	*out = '\0';
	if (!node || tree_text_copy(node, out, cap))
		return true;
	control_fail(call, -EINVAL, "with.tunnel: the name of a tunnel");
	return false;
}

/* The next manager of this tunnel ("": of any) at or behind *at; false: none. */
static bool next_manager(
	const struct daemon *daemon, const char *tunnel, size_t *at, struct host_manager *out)
{
	for (; daemon->host && host_manager_at(daemon->host, *at, out); ++*at)
		if (!*tunnel || !strcmp(out->tunnel, tunnel))
			return true;
	return false;
}

/* The only one, or the only one with templates: who they are for is no question then. */
static bool pick(struct daemon *daemon, struct control_call *call, size_t *manager)
{
	char tunnel[CONFIG_NAME_MAX];
	struct host_manager found;
	size_t n = 0;
	size_t n_templates = 0;

	if (!tunnel_in(call, tunnel, sizeof(tunnel)))
		return false;
	for (size_t at = 0; next_manager(daemon, tunnel, &at, &found); at++) {
		if (!n++ || (found.templates && !n_templates))
			*manager = at;
		n_templates += found.templates;
	}
	if (n == 1 || (n_templates == 1 && strcmp(call->verb, "enroll.reset") != 0))
		return true;
	if (n) {
		control_fail(call, -EINVAL, "several %s know enrolment: name one",
			*tunnel ? "keyings of it" : "tunnels");
	} else if (*tunnel && !daemon_find(daemon, tunnel)) {
		snprintf(call->hint, sizeof(call->hint), "dietvpn up %s", tunnel);
		control_fail(call, -ENOENT, "tunnel %s is not up", tunnel);
	} else {
		control_fail(call, -ENOENT, "no keying of %s%s knows enrolment",
			*tunnel ? "tunnel " : "any tunnel", tunnel);
	}
	return false;
}

void manage_enroll(struct daemon *daemon, struct control_call *call)
{
	const struct question *question = call->state;
	size_t manager = 0;

	if (question) {
		if (!failed(call, question))
			tree_put_node(call->ok, tree_root(question->tree));
	} else if (pick(daemon, call, &manager)) {
		ask(daemon, call, manager);
	}
}

/* What the plugin says of one peer, and whose peer it is. */
static void put_peer(const struct question *question, tree_node peer, struct tree_writer *w)
{
	struct put map;

	put_init(&map);
	put_text(&map, "tunnel", question->tunnel);
	put_text(&map, "keying", question->keying);
	for (size_t i = 0; tree_kind(peer) == TREE_MAP && i < tree_count(peer); i++) {
		char key[KEY_MAX];
		tree_node name;
		tree_node value;

		tree_pair(peer, i, &name, &value);
		if (tree_text_copy(name, key, sizeof(key)))
			tree_put_node(put_key(&map, key), value);
	}
	put_map_end(&map, w);
}

/* Peers of the answer from call->at[1] on; true: all of them are out. */
static bool put_peers(struct control_call *call, const struct question *question)
{
	tree_node peers = question ? tree_get(tree_root(question->tree), "peers") : NULL;
	size_t n = peers && tree_kind(peers) == TREE_ARRAY ? tree_count(peers) : 0;
	struct put list;

	put_init(&list);
	for (; call->at[1] < n && list.n < PEERS_PER_FRAME; call->at[1]++)
		put_peer(question, tree_at(peers, call->at[1]), put_next(&list));
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "peers");
	put_array_end(&list, call->ok);
	return call->at[1] >= n;
}

/* call->at[0]: the plugin whose turn it is; at[1]: how many of its peers are out. */
void manage_peers(struct daemon *daemon, struct control_call *call)
{
	const struct question *question = call->state;
	char tunnel[CONFIG_NAME_MAX];
	struct host_manager manager;

	if (!tunnel_in(call, tunnel, sizeof(tunnel)))
		return;
	if (!question && next_manager(daemon, tunnel, &call->at[0], &manager)) {
		ask(daemon, call, call->at[0]);
		return;
	}
	if (question && failed(call, question))
		return;
	if (!put_peers(call, question)) {
		call->more = true;
		return;
	}
	drop(call);
	call->at[0]++;
	call->at[1] = 0;
	call->more = next_manager(daemon, tunnel, &call->at[0], &manager);
}
