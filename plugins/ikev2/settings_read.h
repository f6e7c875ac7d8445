/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read settings share: one peer while it is judged. */
#ifndef DIETVPN_IKEV2_SETTINGS_READ_H
#define DIETVPN_IKEV2_SETTINGS_READ_H

#include "ikev2/settings.h"

struct settings_reader {
	struct peer_reader in;
	struct settings *out;
	struct settings_list *all;
};

/* Each reads its keys of r->in into r->out, and refuses by r->in what is wrong. */
/* settings_algorithms.c */
void settings_read_suites(struct settings_reader *r);
void settings_read_algorithms(struct settings_reader *r);
/* settings_attrs.c */
void settings_read_attrs(struct settings_reader *r);
/* settings_identity.c */
void settings_read_identities(struct settings_reader *r);
/* Hexadecimal digits in pairs, at least one; *n octets. */
bool settings_from_hex(const char *text, size_t len, uint8_t *out, size_t cap, size_t *n);
/* settings_inner.c */
void settings_read_inner(struct settings_reader *r);
/* settings_auth.c */
void settings_read_credentials(struct settings_reader *r);
void settings_read_ppk(struct settings_reader *r);
/* Key; missing: what is wrong where there is none, NULL: nothing. */
void settings_read_key(struct settings_reader *r, const char *missing);
/* settings_enrol.c */
void settings_read_template(struct settings_reader *r);
void settings_read_imprint(struct settings_reader *r);
/* [Interface] Master into r->all. */
void settings_read_master(struct settings_reader *r);

#endif
