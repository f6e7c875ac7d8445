/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control protocol: frames of one CBOR byte string that holds one CBOR map (RFC 8742 sequence),
 * shared by daemon and CLI; conf/schema/control.cddl.
 */
#ifndef DIETVPN_CODEC_MESSAGE_H
#define DIETVPN_CODEC_MESSAGE_H

#include "codec/tree.h"

enum { MESSAGE_MAX = 65536, MESSAGE_VERB_MAX = 32 };

/*
 * Looks for one frame at the start of len octets. >0: octets of the whole frame, *body and
 * *body_len its map; 0: more octets are needed; -EPROTO: not a byte string or over MESSAGE_MAX.
 */
long message_frame(const uint8_t *data, size_t len, const uint8_t **body, size_t *body_len);

struct message_request {
	uint64_t id;
	char verb[MESSAGE_VERB_MAX]; /* "do" */
	tree_node with;              /* a map, or NULL */
	struct tree *tree;           /* owns with */
};
/* 0, or -EPROTO with *error. message_request_fini frees. */
int message_request_read(
	const uint8_t *body, size_t len, struct message_request *out, struct tree_error *error);
void message_request_fini(struct message_request *request);

/* Whole frames, appended to w. with, ok, of: encoded items (with and of maps). */
void message_put_request(
	struct tree_writer *w, uint64_t id, const char *verb, const struct tree_writer *with);
void message_put_ok(struct tree_writer *w, uint64_t id, const struct tree_writer *ok, bool more);
/* code: negative errno; at: place in a file or "", hint or "". */
void message_put_error(struct tree_writer *w, uint64_t id, int code, const char *text,
	const char *at, const char *hint);
void message_put_event(struct tree_writer *w, uint64_t id, const char *event, uint64_t at_ms,
	const struct tree_writer *of);

struct message_response {
	uint64_t id;
	bool more;
	tree_node ok; /* NULL where error is set */
	int code;     /* 0, or negative errno */
	char text[256], at[128], hint[256];
	char event[48]; /* not empty: an event, "of" is in ok */
	uint64_t at_ms;
	struct tree *tree;
};
int message_response_read(
	const uint8_t *body, size_t len, struct message_response *out, struct tree_error *error);
void message_response_fini(struct message_response *response);

#endif
