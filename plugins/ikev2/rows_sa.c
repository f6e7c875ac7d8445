/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms of both ends by type, and what has to change where they differ (RFC 7296 3.3.2). */
#include "ikev2/rows.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void add_transform(const struct transform *t, struct transforms *out)
{
	struct words *const lists[] = {[TRANSFORM_ENCR] = &out->cipher,
		[TRANSFORM_PRF] = &out->prf,
		[TRANSFORM_INTEG] = &out->integrity,
		[TRANSFORM_KE] = &out->group,
		[TRANSFORM_ESN] = &out->esn};
	char name[WORD_LEN];

	if (t->type >= TRANSFORM_ENCR && t->type <= TRANSFORM_ESN)
		words_add(lists[t->type], "%s", payload_sa_name(t, name, sizeof name));
}

static void add_proposal(const struct proposal *p, struct transforms *out)
{
	for (unsigned i = 0; i < p->n; i++)
		add_transform(&p->transforms[i], out);
}

void transforms_of_payload(struct slice sa, struct transforms *out)
{
	struct proposal list[PROPOSALS_MAX];
	size_t n = payload_sa_parse(sa, list);

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < n; i++)
		add_proposal(&list[i], out);
}

void transforms_of_allowed(const struct allowed *a, struct transforms *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < a->n_suites; i++)
		add_transform(&(struct transform){.type = TRANSFORM_ENCR,
				      .id = a->suites[i].encr,
				      .key_bits = a->suites[i].key_bits},
			out);
	for (size_t i = 0; i < a->n_prfs; i++)
		add_transform(&(struct transform){.type = TRANSFORM_PRF, .id = a->prfs[i]}, out);
	for (size_t i = 0; i < a->n_groups; i++)
		add_transform(&(struct transform){.type = TRANSFORM_KE, .id = a->groups[i]}, out);
	for (size_t i = 0; i < a->n_esn; i++)
		add_transform(&(struct transform){.type = TRANSFORM_ESN, .id = a->esn[i]}, out);
}

void transforms_of_chosen(const struct chosen *c, uint8_t protocol, struct transforms *out)
{
	const struct allowed one = {.suites = {{c->encr, c->key_bits}},
		.prfs = {c->prf},
		.groups = {c->group},
		.esn = {c->esn},
		.n_suites = 1,
		.n_prfs = c->prf != 0,
		.n_groups = c->group != 0,
		.n_esn = protocol == PROTOCOL_ESP};

	transforms_of_allowed(&one, out);
}

static int differences(const struct transforms *a, const struct transforms *b)
{
	return !words_common(&a->cipher, &b->cipher) +
	       (b->prf.n && !words_common(&a->prf, &b->prf)) +
	       (b->group.n && !words_common(&a->group, &b->group));
}

void transforms_of_nearest(
	struct slice sa, const struct transforms *allowed, struct transforms *out)
{
	struct proposal list[PROPOSALS_MAX];
	size_t n = payload_sa_parse(sa, list);
	int least = INT_MAX;
	struct transforms one;

	transforms_of_payload(sa, out);
	if (differences(out, allowed))
		return;
	for (size_t i = 0; i < n; i++) {
		memset(&one, 0, sizeof one);
		add_proposal(&list[i], &one);
		if (differences(&one, allowed) >= least)
			continue;
		least = differences(&one, allowed);
		*out = one;
	}
}

/* Which of these five a side looks at, with the key that rules it. */
struct aspect {
	const char *what, *key;
	const struct words *offered, *allowed;
};

enum { ASPECTS = 3 };

static void aspects(const struct transforms *offered, const struct transforms *allowed, bool esp,
	struct aspect out[ASPECTS])
{
	out[0] = (struct aspect){esp ? "ESP cipher" : "cipher", "Cipher", &offered->cipher,
		allowed ? &allowed->cipher : NULL};
	out[1] = (struct aspect){"key exchange", esp ? "Pfs" : "Exchange", &offered->group,
		allowed ? &allowed->group : NULL};
	out[2] = (struct aspect){"prf", "Prf", &offered->prf, allowed ? &allowed->prf : NULL};
}

void rows_add_transforms(struct rows *rows, const struct transforms *offered,
	const struct transforms *allowed, bool esp)
{
	static const struct words none = {{"none, the cipher has its own"}, 1};
	static const struct words nothing = {{"none"}, 1};
	struct aspect all[ASPECTS];

	aspects(offered, allowed, esp, all);
	for (size_t i = 0; i < ASPECTS; i++)
		if (all[i].offered->n || (all[i].allowed && all[i].allowed->n))
			rows_add(rows, &(struct row){all[i].what, all[i].key, all[i].offered,
					       all[i].allowed, NULL});
	if (allowed && offered->integrity.n && !words_common(&offered->integrity, &nothing) &&
		words_common(&offered->cipher, &allowed->cipher))
		rows_add(rows,
			&(struct row){"integrity", "Cipher", &offered->integrity, &none, NULL});
	if (allowed && offered->esn.n && allowed->esn.n &&
		!words_common(&offered->esn, &allowed->esn))
		rows_add(rows, &(struct row){"ESN", "", &offered->esn, &allowed->esn, NULL});
}

/* The first of these words that a Cipher, Exchange or Prf of ours could name; NULL: none. */
static const char *we_could(const struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (payload_sa_known(words->list[i]))
			return words->list[i];
	return NULL;
}

static void fix_here(struct rows *rows, const struct aspect *all)
{
	char text[ROWS_TEXT / 2] = "";

	for (size_t i = 0; i < ASPECTS; i++) {
		char one[WORD_LEN + 32];

		if (!all[i].offered->n || words_common(all[i].offered, all[i].allowed))
			continue;
		snprintf(one, sizeof one, "%s to %s", we_could(all[i].offered), all[i].key);
		rows_append(text, sizeof text, one);
	}
	rows_fix(rows, "here add %s; or", text);
}

void rows_fix_transforms(struct rows *rows, const struct transforms *offered,
	const struct transforms *allowed, bool esp)
{
	struct aspect all[ASPECTS];
	char refused[ROWS_TEXT / 4] = "";
	char there[ROWS_TEXT / 2] = "";
	bool here = true;

	aspects(offered, allowed, esp, all);
	for (size_t i = 0; i < ASPECTS; i++) {
		char two[2 * WORD_LEN];
		char one[2 * WORD_LEN + 32];

		if (!all[i].allowed || !all[i].allowed->n ||
			words_common(all[i].offered, all[i].allowed))
			continue;
		snprintf(one, sizeof one, "%s = %s", all[i].key,
			words_join(all[i].allowed, 2, two, sizeof two));
		rows_append(there, sizeof there, one);
		if (we_could(all[i].offered))
			continue;
		here = false;
		if (all[i].offered->n)
			rows_append(refused, sizeof refused,
				words_join(all[i].offered, 2, two, sizeof two));
	}
	if (!there[0])
		return;
	if (here)
		fix_here(rows, all);
	rows_fix(rows, "on the peer %s.", there);
	if (refused[0])
		rows_fix(rows, "Nothing to change here: never accepted are %s.", refused);
}
