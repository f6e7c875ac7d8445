/* SPDX-License-Identifier: Apache-2.0 */
/* Suites, groups and PRFs of a peer that settings allow (ikev2.md 2.1). */
#include "ikev2/settings_read.h"

#include "crypto/dh.h"
#include "ikev2/keymat.h"

#include <string.h>

struct word {
	const char *name;
	uint16_t id;
};

static void read_list(struct settings_reader *r, const char *key, const struct word *words,
	uint16_t out[4], size_t *n)
{
	struct peer_value value;
	const char *at = value.text;
	char word[32];

	if (!peer_value_get(&r->in, key, &value))
		return;
	*n = 0;
	while ((at = peer_value_word(at, word, sizeof word))) {
		const struct word *w = words;

		while (w->name && strcmp(w->name, word) != 0)
			w++;
		for (size_t i = 0; w->name && i < *n; i++)
			if (out[i] == w->id)
				w = &words[3];
		if (!w->name || *n == 4) {
			peer_refuse_value(
				&r->in, &value, key, "not a list of what there is", words[3].name);
			return;
		}
		out[(*n)++] = w->id;
	}
	if (!*n)
		peer_refuse_value(&r->in, &value, key, "empty", "");
}

void settings_all_prfs(struct allowed *a)
{
	for (unsigned prf = PRF_HMAC_SHA2_256; prf <= PRF_HMAC_SHA2_512; prf++) {
		size_t i = 0;

		while (i < a->n_prfs && a->prfs[i] != prf)
			i++;
		if (i == a->n_prfs)
			a->prfs[a->n_prfs++] = (uint16_t)prf;
	}
}

void settings_read_algorithms(struct settings_reader *r)
{
	static const struct word groups[] = {
		{"x25519", DH_X25519}, {"p256", DH_P256}, {NULL, 0}, {NULL, 0}};
	static const struct word prfs[] = {{"sha256", PRF_HMAC_SHA2_256},
		{"sha384", PRF_HMAC_SHA2_384}, {"sha512", PRF_HMAC_SHA2_512}, {NULL, 0}};
	struct allowed *ike = &r->out->ike;

	ike->groups[0] = DH_X25519;
	ike->groups[1] = DH_P256;
	ike->n_groups = 2;
	settings_all_prfs(ike);
	read_list(r, "Exchange", groups, ike->groups, &ike->n_groups);
	read_list(r, "Prf", prfs, ike->prfs, &ike->n_prfs);
	r->out->esp.n_groups = 0;
}

static void add_suite(struct allowed *a, uint16_t encr, uint16_t key_bits)
{
	if (a->n_suites == ALLOWED_MAX)
		return;
	a->suites[a->n_suites].encr = encr;
	a->suites[a->n_suites++].key_bits = key_bits;
}

static bool is_iiv(uint64_t encr)
{
	return encr >= ENCR_AES_CCM_8_IIV && encr <= ENCR_CHACHA20_POLY1305_IIV;
}

/* IKE itself never has implicit IVs (RFC 8750 7); the explicit twin serves it where it stands
 * alone. */
static uint16_t twin(uint16_t encr)
{
	switch (encr) {
	case ENCR_AES_CCM_8_IIV:
		return ENCR_AES_CCM_8;
	case ENCR_AES_GCM_16_IIV:
		return ENCR_AES_GCM_16;
	default:
		return ENCR_CHACHA20_POLY1305;
	}
}

static bool has_suite(const struct allowed *a, uint16_t encr, uint16_t key_bits)
{
	for (size_t i = 0; i < a->n_suites; i++)
		if (a->suites[i].encr == encr && a->suites[i].key_bits == key_bits)
			return true;
	return false;
}

void settings_add_allowed(struct allowed *to, const struct allowed *from)
{
	for (size_t i = 0; i < from->n_suites; i++)
		if (!has_suite(to, from->suites[i].encr, from->suites[i].key_bits))
			add_suite(to, from->suites[i].encr, from->suites[i].key_bits);
	for (size_t i = 0; i < from->n_groups; i++) {
		size_t k = 0;

		while (k < to->n_groups && to->groups[k] != from->groups[i])
			k++;
		if (k == to->n_groups && k < sizeof to->groups / sizeof *to->groups)
			to->groups[to->n_groups++] = from->groups[i];
	}
}

static void read_suite(struct settings *s, uint16_t encr, uint16_t bits)
{
	bool chacha = encr == ENCR_CHACHA20_POLY1305 || encr == ENCR_CHACHA20_POLY1305_IIV;
	uint16_t key_bits = chacha ? 0 : bits ? bits : 128;
	uint16_t ike;

	if (!keymat_suite(encr, key_bits))
		return;
	add_suite(&s->esp, encr, key_bits);
	ike = is_iiv(encr) ? twin(encr) : encr;
	if (!has_suite(&s->ike, ike, key_bits))
		add_suite(&s->ike, ike, key_bits);
}

void settings_read_suites(struct settings_reader *r)
{
	struct settings *s = r->out;
	uint16_t encr;
	uint16_t bits;

	s->ike.protocol = PROTOCOL_IKE;
	s->esp.protocol = PROTOCOL_ESP;
	s->esp.esn[0] = 1;
	s->esp.esn[1] = 0;
	s->esp.n_esn = 2;
	s->esp.groups_optional = true;
	for (size_t i = 0; peer_config_suite(&r->in, i, &encr, &bits); i++)
		read_suite(s, encr, bits);
	if (!s->esp.n_suites)
		peer_refuse(
			&r->in, s->core.at, "Keying = ikev2 needs a Cipher", "chacha20-poly1305");
}
