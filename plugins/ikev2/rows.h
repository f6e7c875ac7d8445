/* SPDX-License-Identifier: Apache-2.0 */
/* What one end offers beside what the other allows, in the words of the configuration, and who has
 * to change what. */
#ifndef DIETVPN_IKEV2_ROWS_H
#define DIETVPN_IKEV2_ROWS_H

#include "codec/tree.h"
#include "ikev2/payload_hcp.h"
#include "ikev2/payload_sa.h"
#include "ikev2/payload_ts.h"

#include <stdbool.h>

enum { WORDS_MAX = 12, WORD_LEN = 112, ROWS_TEXT = 400, ROWS_KEYS = 96 };

/* A cell: later words than WORDS_MAX are left out. */
struct words {
	char list[WORDS_MAX][WORD_LEN];
	size_t n;
};

/* "10.9.0.0/24 udp 5683"; out has WORD_LEN. */
const char *ts_text(const struct ts *ts, char out[WORD_LEN]);
/* "2001:db8::1". */
const char *addr_text(const struct ip_addr *addr, char out[WORD_LEN]);
/* An identification payload's body as Id and PeerId have it. */
const char *identity_text(struct slice body, char out[WORD_LEN]);

/* Once; what is not printable becomes '?': these are a stranger's octets. */
__attribute__((format(printf, 2, 3))) void words_add(struct words *words, const char *fmt, ...);
/* "a, b" of the first max words into out. */
const char *words_join(const struct words *words, size_t max, char *out, size_t cap);

/* The first one that both have; NULL: none. */
const char *words_common(const struct words *offered, const struct words *allowed);
/* ", " and text, as far as there is room. */
void rows_append(char *to, size_t cap, const char *text);

/* Rows under construction, as CBOR. */
struct rows {
	struct tree_writer w;
	size_t n, differ;    /* differ: rows with nothing shared */
	bool here;           /* what is offered is ours, and the peer decides */
	char fix[ROWS_TEXT]; /* "" where nobody knows */
	/* For one log line: what differs. */
	char keys[ROWS_KEYS], offers[ROWS_TEXT / 2], allows[ROWS_TEXT / 2];
};

void rows_init(struct rows *rows, bool here);
void rows_fini(struct rows *rows);
/* allowed NULL: the other end did not say. shared NULL: the first word of both. key: of the
 * configuration, "" where none rules it. */
struct row {
	const char *what, *key;
	const struct words *offered, *allowed;
	const char *shared;
};
void rows_add(struct rows *rows, const struct row *row);
/* A sentence more for rows->fix. */
__attribute__((format(printf, 2, 3))) void rows_fix(struct rows *rows, const char *fmt, ...);

/* Lists of transforms by type. */
struct transforms {
	struct words cipher, group, prf, integrity, esn;
};
void transforms_of_payload(struct slice sa, struct transforms *out);
void transforms_of_allowed(const struct allowed *allowed, struct transforms *out);
void transforms_of_chosen(const struct chosen *chosen, uint8_t protocol, struct transforms *out);
/* Where each type has something in common and still no proposal fits, only the nearest one. */
void transforms_of_nearest(
	struct slice sa, const struct transforms *allowed, struct transforms *out);
/* cipher, key exchange, prf, and what else differs; allowed NULL: not known. esp: of a child. */
void rows_add_transforms(struct rows *rows, const struct transforms *offered,
	const struct transforms *allowed, bool esp);
/* What is to be changed where transforms differ. */
void rows_fix_transforms(struct rows *rows, const struct transforms *offered,
	const struct transforms *allowed, bool esp);

/* Networks of one end, ours or "there"; allowed NULL: not known. */
void rows_add_selectors(struct rows *rows, bool there, const struct selectors *offered,
	const struct selectors *allowed);
/* The attributes of a proposal that we do not take beside those that we would. */
void rows_add_hcp(struct rows *rows, struct slice data, const struct hcp *own);

#endif
