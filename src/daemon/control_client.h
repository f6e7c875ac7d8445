/* SPDX-License-Identifier: Apache-2.0 */
/* One client of a control socket: its frames, its time limits, what waits to be read by it. */
#ifndef DIETVPN_DAEMON_CONTROL_CLIENT_H
#define DIETVPN_DAEMON_CONTROL_CLIENT_H

#include "base/list.h"
#include "codec/message.h"
#include "daemon/control.h"

#include <uv.h>

enum { CLIENT_TOPICS_MAX = 8, CLIENT_TOPIC_LEN = 16 };

/* Which time limit runs. */
enum client_wait { WAIT_NONE, WAIT_FIRST, WAIT_FRAME, WAIT_IDLE, WAIT_READER };

struct control_client {
	struct list link;
	void *socket; /* the listener it came by */
	bool commands;
	void (*dispatch)(void *owner, struct control_call *call);
	void *owner;
	/* It is gone: the listener unlinks and frees it. */
	void (*gone)(struct control_client *client);
	uv_pipe_t pipe;
	uv_timer_t timer;
	unsigned handles;
	enum client_wait wait;
	uint8_t *in;
	size_t in_len, in_cap;
	bool served;  /* one whole request has come */
	bool busy;    /* call is under way */
	bool reading; /* from the pipe */
	bool ending;  /* close as soon as everything is read */
	bool closing;
	struct message_request request;
	struct control_call call;
	bool watching;
	uint64_t watch_id, lost;
	size_t n_topics; /* 0: all */
	char topics[CLIENT_TOPICS_MAX][CLIENT_TOPIC_LEN];
};

/* Begins to serve an accepted pipe. */
void client_start(struct control_client *client);
/* An error with id 0 and the end. */
void client_refuse(struct control_client *client, int code, const char *text);
void client_close(struct control_client *client);
void client_event(struct control_client *client, const char *name, uint64_t at_ms,
	const struct tree_writer *of);

#endif
