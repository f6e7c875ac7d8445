/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the table of the door, keying.h says what each is asked for. */
#ifndef DIETVPN_IKEV2_PLUGIN_H
#define DIETVPN_IKEV2_PLUGIN_H

#include "ikev2/ikev2.h"

/* plugin.c: there is one who may be talked to first. */
bool plugin_answers(const struct settings_list *list);
/* As many as settings, blank; NULL without memory. */
struct peer *plugin_make_peers(const struct settings_list *list);
/* Those that begin at boot, by chance one before the other. */
void plugin_start_at_boot(struct keying *k);
/* Reads what is on record of devices and gateways, not while a stranger waits for it. */
void plugin_remember(struct keying *k);

/* plugin_events.c */
/* The peer of this policy, a device of a template, too; NULL: none. */
struct peer *plugin_peer(struct keying *k, uint32_t policy);
void plugin_acquire(struct keying *k, const struct keying_acquire *asked);
void plugin_endpoint(struct keying *k, uint32_t policy, const struct ip_endpoint *remote);
void plugin_sa_event(struct keying *k, sa_id id, enum sa_event event);
void plugin_timeout(struct keying *k, uint32_t timer);
void plugin_saved(struct keying *k, uint32_t token, int error);

/* plugin_ask.c */
int plugin_order(
	struct keying *k, uint32_t policy, enum keying_order what, char *text, size_t text_len);
enum keying_claim plugin_claim(struct keying *k, const struct keying_datagram *datagram);

/* plugin_reload.c: unchanged peers keep their SAs; all that goes, goes first. */
int plugin_reload(struct keying *k, struct slice config);

#endif
