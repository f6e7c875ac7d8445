/* SPDX-License-Identifier: Apache-2.0 */
/* Strict CBOR (RFC 8949): a guard walk, then typed getters that say which key is wrong; and a
 * writer. */
#ifndef DIETVPN_CODEC_TREE_H
#define DIETVPN_CODEC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TREE_DEPTH_FRAME = 16, TREE_DEPTH_FILE = 8, TREE_SIZE_MAX = 65536, TREE_PATH_MAX = 96 };

struct tree_error {
	char at[TREE_PATH_MAX]; /* path of the culprit: "peers[2].keys.OutSpi", "" for the whole */
	char text[120];
};

/* A parsed item; nodes are borrowed from the root. */
struct tree;
typedef const struct tree_item *tree_node; /* NULL: absent */

/*
 * One item, definite lengths only, depth, size, counts bounded before any allocation; duplicate map
 * keys, keys other than integers and text, simple values other than false, true and null, invalid
 * UTF-8, floats and bytes behind the item are refused. NULL: *error says why (error
 * may be NULL).
 */
struct tree *tree_parse(const uint8_t *data, size_t len, unsigned depth, struct tree_error *error);
/* The same without bounds on size and number of items, for what our own process wrote: the
 * configuration of a plugin grows with its peers. */
struct tree *tree_parse_own(
	const uint8_t *data, size_t len, unsigned depth, struct tree_error *error);
void tree_free(struct tree *tree);
/* Overwrites all octets and text in it first: it may hold a key. NULL is allowed. */
void tree_free_secret(struct tree *tree);
tree_node tree_root(const struct tree *tree);
/* Heads shortest and map keys in order, RFC 8949 4.2.1: what rule files have to be. */
bool tree_canonical(const struct tree *tree);

enum tree_kind {
	TREE_UINT,
	TREE_NINT,
	TREE_BYTES,
	TREE_TEXT,
	TREE_ARRAY,
	TREE_MAP,
	TREE_BOOL,
	TREE_NULL,
	TREE_TAG
};
/* These point into the tree; a node of another kind has 0 entries, an absent one is NULL. */
enum tree_kind tree_kind(tree_node node);
size_t tree_count(tree_node node); /* entries of an array or pairs of a map */
tree_node tree_at(tree_node array, size_t index);
void tree_pair(tree_node map, size_t index, tree_node *key, tree_node *value);
tree_node tree_get(tree_node map, const char *key); /* text key */
tree_node tree_get_int(tree_node map, int64_t key); /* integer key */
tree_node tree_tagged(tree_node node, uint64_t *tag);

/* Each: true and *out, or false where the kind or the range is another. text is not NUL-terminated.
 */
bool tree_uint(tree_node node, uint64_t max, uint64_t *out);
bool tree_int(tree_node node, int64_t *out);
bool tree_bool(tree_node node, bool *out);
bool tree_text(tree_node node, const char **text, size_t *len);
bool tree_bytes(tree_node node, const uint8_t **data, size_t *len);
/* Text copied with NUL; false also where it does not fit or holds a NUL. */
bool tree_text_copy(tree_node node, char *out, size_t cap);

/*
 * Writer: appends canonical heads to a growing block. Sizes of arrays and maps are given first;
 * errors stick and show at the end.
 */
struct tree_writer {
	uint8_t *data;
	size_t len, cap;
	int error; /* 0, -ENOMEM, or -EMSGSIZE from message.h; sticky */
};
void tree_writer_init(struct tree_writer *w);
void tree_writer_fini(struct tree_writer *w); /* frees data */
void tree_put_uint(struct tree_writer *w, uint64_t value);
void tree_put_int(struct tree_writer *w, int64_t value);
void tree_put_bool(struct tree_writer *w, bool value);
void tree_put_null(struct tree_writer *w);
void tree_put_text(struct tree_writer *w, const char *text); /* stray octets become '?' */
void tree_put_bytes(struct tree_writer *w, const void *data, size_t len);
void tree_put_array(struct tree_writer *w, size_t n);
void tree_put_map(struct tree_writer *w, size_t pairs);
void tree_put_tag(struct tree_writer *w, uint64_t tag);
/* A parsed item, maps in the order they have: deterministic where the whole tree is. */
void tree_put_node(struct tree_writer *w, tree_node node);
/* An item already encoded. */
void tree_put_raw(struct tree_writer *w, const uint8_t *data, size_t len);

#endif
