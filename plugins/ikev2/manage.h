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

/* The octets of an address alone. */
void manage_add_addr(struct tree_writer *w, const struct ip_addr *addr);

/* The [Peer] of the file with this name or identity; NULL: none. */
struct peer *manage_configured(const struct keying *k, const char *name);
/* The name of one device that a template lets in, and what is remembered of it. false: refused. */
bool manage_take_name(struct order *o);
/* o->known to write into; false: refused. */
bool manage_need_known(struct order *o);
/* next goes to the store; answered by manage_saved. */
void manage_write(struct order *o, enum known_change change, const struct known_facts *next);
/* Where it is in. */
void manage_drop_device(struct keying *k, const char *name);

/* manage_enrol.c: enroll.add stores nothing: all of it follows from Master, identity and
 * generation. */
void manage_add(struct order *o);
void manage_adopt(struct order *o);
/* From this moment on, on disk or not. */
void manage_revoke(struct order *o);
/* A gateway that was imprinted, or a device: back to where nothing was known of it, but for the
 * generation, which never goes back. */
void manage_reset(struct order *o);
/* peer.list */
void manage_list(struct order *o);

#endif
