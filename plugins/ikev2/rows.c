/* SPDX-License-Identifier: Apache-2.0 */
/* What one end offers beside what the other allows, in the words of the configuration, and who has
 * to change what. */
#include "ikev2/rows.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_BYTES = 2800, PRINTABLE_FIRST = 0x20, PRINTABLE_LAST = 0x7e };

static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < PRINTABLE_FIRST || *text > PRINTABLE_LAST)
			*text = '?';
}

static bool words_have(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->n; i++)
		if (!strcmp(words->list[i], word))
			return true;
	return false;
}

void words_add(struct words *words, const char *fmt, ...)
{
	char word[WORD_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(word, sizeof word, fmt, args);
	va_end(args);
	make_printable(word);
	if (words->n < WORDS_MAX && !words_have(words, word))
		memcpy(words->list[words->n++], word, sizeof word);
}

const char *words_join(const struct words *words, size_t max, char *out, size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < words->n && i < max && at + 1 < cap; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", words->list[i]);
	return out;
}

static const char *common(const struct words *offered, const struct words *allowed)
{
	for (size_t i = 0; i < offered->n; i++)
		if (words_have(allowed, offered->list[i]))
			return offered->list[i];
	return NULL;
}

void rows_init(struct rows *rows, bool here)
{
	memset(rows, 0, sizeof *rows);
	tree_writer_init(&rows->w);
	rows->here = here;
}

void rows_fini(struct rows *rows)
{
	tree_writer_fini(&rows->w);
}

static void put_words(struct tree_writer *w, const char *key, const struct words *words)
{
	tree_put_text(w, key);
	tree_put_array(w, words->n);
	for (size_t i = 0; i < words->n; i++)
		tree_put_text(w, words->list[i]);
}

static void append(char *to, size_t cap, const char *text)
{
	size_t len = strlen(to);

	if (len + 1 < cap)
		snprintf(to + len, cap - len, "%s%s", len ? ", " : "", text);
}

/* For the log line: what differs, and which key of the file rules it. */
static void note(struct rows *rows, const struct row *row)
{
	char text[ROWS_TEXT / 2];

	rows->differ++;
	append(rows->offers, sizeof rows->offers, words_join(row->offered, 4, text, sizeof text));
	append(rows->allows, sizeof rows->allows, words_join(row->allowed, 4, text, sizeof text));
	if (row->key[0] && !strstr(rows->keys, row->key))
		append(rows->keys, sizeof rows->keys, row->key);
}

void rows_add(struct rows *rows, const struct row *row)
{
	const char *shared = row->shared;

	if (!shared && row->allowed)
		shared = common(row->offered, row->allowed);
	if (row->allowed && !shared)
		note(rows, row);
	if (rows->w.len > ROWS_BYTES)
		return;
	rows->n++;
	tree_put_map(&rows->w, 2u + (row->allowed != NULL) + (shared != NULL));
	tree_put_text(&rows->w, "what");
	tree_put_text(&rows->w, row->what);
	put_words(&rows->w, "offered", row->offered);
	if (row->allowed)
		put_words(&rows->w, "allowed", row->allowed);
	if (shared) {
		tree_put_text(&rows->w, "shared");
		tree_put_text(&rows->w, shared);
	}
}

void rows_fix(struct rows *rows, const char *fmt, ...)
{
	size_t len = strlen(rows->fix);
	va_list args;

	if (len && len + 1 < sizeof rows->fix)
		rows->fix[len++] = ' ';
	va_start(args, fmt);
	vsnprintf(rows->fix + len, sizeof rows->fix - len, fmt, args);
	va_end(args);
	make_printable(rows->fix);
}

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
	return !common(&a->cipher, &b->cipher) + (b->prf.n && !common(&a->prf, &b->prf)) +
	       (b->group.n && !common(&a->group, &b->group));
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
	struct aspect all[ASPECTS];

	aspects(offered, allowed, esp, all);
	for (size_t i = 0; i < ASPECTS; i++)
		if (all[i].offered->n || (all[i].allowed && all[i].allowed->n))
			rows_add(rows, &(struct row){all[i].what, all[i].key, all[i].offered,
					       all[i].allowed, NULL});
	if (allowed && offered->integrity.n && !words_have(&offered->integrity, "none") &&
		common(&offered->cipher, &allowed->cipher))
		rows_add(rows,
			&(struct row){"integrity", "Cipher", &offered->integrity, &none, NULL});
	if (allowed && offered->esn.n && allowed->esn.n && !common(&offered->esn, &allowed->esn))
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

		if (!all[i].offered->n || common(all[i].offered, all[i].allowed))
			continue;
		snprintf(one, sizeof one, "%s to %s", we_could(all[i].offered), all[i].key);
		append(text, sizeof text, one);
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

		if (!all[i].allowed->n || common(all[i].offered, all[i].allowed))
			continue;
		snprintf(one, sizeof one, "%s = %s", all[i].key,
			words_join(all[i].allowed, 2, two, sizeof two));
		append(there, sizeof there, one);
		if (we_could(all[i].offered))
			continue;
		here = false;
		if (all[i].offered->n)
			append(refused, sizeof refused,
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

static void words_of_selectors(const struct selectors *list, struct words *out)
{
	char text[WORD_LEN];

	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < list->n; i++)
		words_add(out, "%s", ts_text(&list->list[i], text));
}

/* Each end writes its own networks as Local, the other's as Address and Routes. */
void rows_add_selectors(struct rows *rows, bool there, const struct selectors *offered,
	const struct selectors *allowed)
{
	const char *key = there ? "Address, Routes, Allow" : "Local";
	struct selectors both;
	struct words a;
	struct words b;
	struct words shared;
	char text[ROWS_TEXT / 2];
	char other[ROWS_TEXT / 2];

	words_of_selectors(offered, &a);
	if (!allowed) {
		rows_add(rows, &(struct row){there ? "networks there" : "networks here", key, &a,
				       NULL, NULL});
		return;
	}
	words_of_selectors(allowed, &b);
	selectors_narrow(offered, allowed, &both);
	words_of_selectors(&both, &shared);
	rows_add(rows, &(struct row){there ? "networks there" : "networks here", key, &a, &b,
			       both.n ? words_join(&shared, WORDS_MAX, text, sizeof text) : NULL});
	if (both.n || rows->here)
		return;
	words_join(&a, 2, text, sizeof text);
	words_join(&b, 2, other, sizeof other);
	if (there)
		rows_fix(rows,
			"here Address (Routes, Allow) of the peer = %s; or there Local = %s.", text,
			other);
	else
		rows_fix(rows, "here Local = %s; or on the peer Address (Routes) of us = %s.", text,
			other);
}

/* "8-32", or the names of the values. */
static void words_of_set(int kind, uint64_t set, struct words *out)
{
	static const char *const names[HCP_KINDS][4] = {
		[HCP_DSCP] = {"not_compressed", "lower", "sa"},
		[HCP_ECN] = {"not_compressed", "lower"},
		[HCP_FLOW_LABEL] = {"not_compressed", "lower", "generated", "zero"},
		[HCP_ALIGNMENT] = {"8", "16", "32", "64"},
		[HCP_TRAILER] = {"mandatory", "optional"},
		[HCP_HOP_LIMIT] = {"lower", "not_compressed"},
		[HCP_RULE_ID] = {"no", "yes"},
	};

	memset(out, 0, sizeof *out);
	for (unsigned low = 0; low < 64; low++) {
		unsigned high = low;

		if (!(set >> low & 1))
			continue;
		if (names[kind][0]) {
			words_add(out, "%s", low < 4 && names[kind][low] ? names[kind][low] : "?");
			continue;
		}
		while (high < 63 && set >> (high + 1) & 1)
			high++;
		if (high > low)
			words_add(out, "%u-%u", low, high);
		else
			words_add(out, "%u", low);
		low = high;
	}
}

void rows_add_hcp(struct rows *rows, struct slice data, const struct hcp *own)
{
	static const char *const names[HCP_KINDS] = {"dscp_cda", "ecn_cda", "flow_label_cda",
		"alignment", "esp_spi_lsb", "esp_sn_lsb", "esp_trailer", "hop_limit_cda",
		"rule_id"};
	struct hcp_compared c;
	struct words offered;
	struct words allowed;
	char shared[WORD_LEN];
	bool any = false;

	if (!payload_hcp_compare(data, own, &c)) {
		rows_fix(rows, "on the peer a proposal of Diet-ESP with the attributes of its "
			       "draft.");
		return;
	}
	for (int kind = 0; kind < HCP_KINDS; kind++) {
		uint64_t both = c.offered[kind] & c.allowed[kind];

		if (both)
			continue;
		any = true;
		words_of_set(kind, c.offered[kind], &offered);
		words_of_set(kind, c.allowed[kind], &allowed);
		rows_add(rows, &(struct row){names[kind], "Compress", &offered, &allowed, NULL});
		rows_fix(rows, "on the peer %s = %s; or here %s.", names[kind],
			words_join(&allowed, 1, shared, sizeof shared), offered.list[0]);
	}
	if (any)
		return;
	words_of_set(HCP_SPI_LSB, c.offered[HCP_SPI_LSB], &offered);
	words_of_set(HCP_SN_LSB, c.offered[HCP_SN_LSB], &allowed);
	rows_fix(rows, "on the peer esp_spi_lsb (%s) and esp_sn_lsb (%s) that make whole octets.",
		offered.list[0], allowed.list[0]);
}
