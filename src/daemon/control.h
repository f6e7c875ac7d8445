/* SPDX-License-Identifier: Apache-2.0 */
/* The two control sockets (docs/control.md): who may connect, and events to those who watch. */
#ifndef DIETVPN_DAEMON_CONTROL_H
#define DIETVPN_DAEMON_CONTROL_H

#include "codec/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CONTROL_CLIENTS_MAX = 8, /* per socket */
	CONTROL_FRAME_MS = 5000, /* from the first octet of a frame to its last */
	CONTROL_IDLE_MS = 60000,
	CONTROL_UNREAD_MAX = 256 * 1024,
};

typedef struct uv_loop_s uv_loop_t;
struct control;

/* One request while it is answered; a list may take several frames. */
struct control_call {
	const char *verb;
	tree_node with; /* a map, or NULL */
	bool commands;  /* it came over control.sock */
	/* the answer: one map into ok, or control_fail() */
	struct tree_writer *ok;
	bool later;   /* no answer yet: call again when control_resume() says so; nothing is sent */
	bool more;    /* call again for the next frame, when the client has read this one */
	size_t at[2]; /* where a list goes on; begins as zeros */
	void *state;  /* between calls; release frees it when the call is over */
	void (*release)(void *state);
	void *client; /* control_client.c: whose call it is */
	int code;
	char text[320], place[128], hint[256];
};

/* The answer is this error instead of a map: a negative errno and its one line. */
__attribute__((format(printf, 3, 4))) void control_fail(
	struct control_call *call, int code, const char *fmt, ...);

/* Beside an error about a name: who lists those that there are. */
void control_hint_names(struct control_call *call);

/* What a call waits for (later) is here: it is answered now. Its client may be gone after this. */
void control_resume(struct control_call *call);

struct control_params {
	uv_loop_t *loop;
	const char *run_dir;
	gid_t status_gid; /* of status.sock; (gid_t)-1: as it comes */
	uid_t owner_uid;  /* may command, beside root; of both sockets where we are root */
	void (*dispatch)(void *owner, struct control_call *call);
	void *owner;
};

/*
 * Makes run_dir/control.sock (0600) and run_dir/status.sock (0660). 0; -EADDRINUSE: another daemon
 * answers there; other negative errno.
 */
int control_create(const struct control_params *params, struct control **out);
/* Removes the sockets; handles end with the loop's next turns, and the memory with them. */
void control_destroy(struct control *control);

/* To all who watch the topic, which is what stands before the first dot of name. of: a map. */
void control_event(
	struct control *control, const char *name, uint64_t at_ms, const struct tree_writer *of);
/* Someone watches: else the event need not be written at all. */
bool control_watched(const struct control *control);

#endif
