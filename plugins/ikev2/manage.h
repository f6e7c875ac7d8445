/* SPDX-License-Identifier: Apache-2.0 */
/* What the orders about peers by name share (conf/schema/keying.cddl). */
#ifndef DIETVPN_IKEV2_MANAGE_H
#define DIETVPN_IKEV2_MANAGE_H

#include "codec/tree.h"
#include "ikev2/device.h"

/* One request while it is worked on. */
struct order {
	struct keying *k;
	uint32_t request;
	tree_node with;
	char name[PEER_NAME_MAX];
	const struct settings *template;
	struct known *known;
};

/* The one answer to a request: an error and its sentence, or a map, which is freed. */
__attribute__((format(printf, 4, 5))) void manage_refuse(
	const struct keying *k, uint32_t request, int error, const char *fmt, ...);
void manage_answer(const struct keying *k, uint32_t request, struct tree_writer *w);
/* One pair of a map. */
void manage_put_text(struct tree_writer *w, const char *key, const char *value);
void manage_put_uint(struct tree_writer *w, const char *key, uint64_t value);
void manage_put_addr(struct tree_writer *w, const char *key, const struct ip_addr *addr);

/* peer.list */
void manage_list(struct order *o);

#endif
