/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a chain of IKE payloads: the chain behind a message's header, and one whose first
 * type is the first octet. What is accepted is read by every parser and written again. */
#include "ikev2/payload.h"
#include "ikev2/payload_cert.h"
#include "ikev2/payload_cp.h"
#include "ikev2/payload_hcp.h"
#include "ikev2/payload_sa.h"
#include "ikev2/payload_ts.h"
#include "ikev2/rows.h"

#include "crypto/sign_key.h"

#include "must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { HEADER = 28, AT_FIRST = 16 };

static const struct allowed everything = {
	.protocol = PROTOCOL_ESP,
	.suites = {{28, 0}, {20, 128}, {20, 256}, {14, 128}},
	.groups = {31, 19},
	.esn = {1, 0},
	.n_suites = 4,
	.n_groups = 2,
	.n_esn = 2,
	.groups_optional = true,
};

/* What an operator is told of it fits, and is text of one line. */
static void tell_rows(struct rows *rows)
{
	must(!rows->w.error && rows->w.len < TREE_SIZE_MAX / 8);
	must(strlen(rows->fix) < sizeof rows->fix && strlen(rows->offers) < sizeof rows->offers);
	for (const char *c = rows->offers; *c; c++)
		must(*c >= ' ' && *c <= '~');
	rows_fini(rows);
}

static void compare_sa(struct slice body)
{
	struct transforms ours;
	struct transforms theirs;
	struct rows rows;

	transforms_of_allowed(&everything, &ours);
	transforms_of_nearest(body, &ours, &theirs);
	rows_init(&rows, false);
	rows_add_transforms(&rows, &theirs, &ours, true);
	rows_fix_transforms(&rows, &theirs, &ours, true);
	tell_rows(&rows);
}

/* What we chose from any proposal, we can write, and the peer would take it for an answer. */
static void read_sa(struct slice body)
{
	struct proposal list[PROPOSALS_MAX];
	struct chosen chosen;
	struct chosen again;
	struct payload_writer w;
	uint8_t out[256];
	char text[256];

	must(payload_sa_parse(body, list) <= PROPOSALS_MAX);
	must(strlen(payload_sa_print(body, text, sizeof text)) < sizeof text);
	compare_sa(body);
	if (payload_sa_choose(body, &everything, 0, &chosen))
		return;
	payload_writer_init(&w, out, sizeof out);
	chosen.number = 1;
	payload_sa_answer(&w, PROTOCOL_ESP, &chosen, (struct slice){chosen.spi, 4});
	must(!w.overflow);
	must(payload_sa_valid((struct slice){out + 4, w.len - 4}));
	must(!payload_sa_accept((struct slice){out + 4, w.len - 4}, &everything, &again));
	must(again.encr == chosen.encr && again.esn == chosen.esn && again.group == chosen.group);
}

static void read_ts(struct slice body)
{
	struct selectors list;
	struct selectors both;
	struct payload_writer w;
	uint8_t out[512];
	char text[WORD_LEN];
	bool all;

	payload_ts_parse(body, &list, &all);
	must(list.n <= TS_MAX);
	for (unsigned i = 0; i < list.n; i++)
		must(strlen(ts_text(&list.list[i], text)) < sizeof text);
	if (!list.n)
		return;
	must(selectors_narrow(&list, &list, &both));
	must(selectors_within(&both, &list) && selectors_within(&list, &both));
	payload_writer_init(&w, out, sizeof out);
	payload_ts_add(&w, PAYLOAD_TSI, &both);
	must(!w.overflow && payload_ts_valid((struct slice){out + 4, w.len - 4}));
}

/* What the responder takes of any offer keeps what its own settings keep. */
static void read_hcp(struct slice data)
{
	static const struct hcp own = {{1, 1, 2, 0, 8, 8, 1, 0, 0}};
	static const struct hcp_rules rules = {.digest = 0x1a2b3c4d, .here = true};
	struct payload_writer w;
	struct hcp_choice chosen;
	struct rows rows;
	uint8_t out[128];

	if (!payload_hcp_valid(data))
		return;
	rows_init(&rows, false);
	rows_add_hcp(&rows, data, &own);
	tell_rows(&rows);
	for (int with = 0; with < 2; with++) {
		if (!payload_hcp_choose(data, &own, with ? &rules : NULL, &chosen))
			continue;
		must(chosen.hcp.value[HCP_SPI_LSB] >= 8 && chosen.hcp.value[HCP_SN_LSB] >= 8);
		must((chosen.hcp.value[HCP_SPI_LSB] + chosen.hcp.value[HCP_SN_LSB]) % 8 == 0);
		must(chosen.hcp.value[HCP_DSCP] <= 1 && chosen.hcp.value[HCP_FLOW_LABEL] <= 2);
		must(!chosen.by_rules ||
			(with && chosen.digest == rules.digest && !chosen.proposer));
		payload_writer_init(&w, out, sizeof out);
		payload_hcp_answer(&w, &chosen);
		must(!w.overflow && payload_hcp_valid((struct slice){out + 8, w.len - 8}));
	}
	payload_hcp_accept(data, &own, &rules, &chosen);
}

/* A stranger's key that is believed to be one has exactly one encoding, and is found again. */
static void read_cert(const struct payloads *p, struct slice chain)
{
	struct slice spki = payloads_raw_key(p);
	struct sign_public key;
	struct sign_public same;
	struct payload_writer w;
	struct payloads again;
	uint8_t out[SIGN_SPKI_MAX + 16];

	if (!spki.data)
		return;
	must(spki.data > chain.data && spki.data + spki.len <= chain.data + chain.len);
	if (sign_public_from_spki(spki, &key))
		return;
	must(slice_equal(spki, (struct slice){key.spki, key.spki_len}));
	payload_writer_init(&w, out, sizeof out);
	payload_add_raw_key(&w, spki);
	payload_add_raw_key_request(&w);
	must(!w.overflow && !payloads_parse(w.first, (struct slice){out, w.len}, &again));
	must(again.certreq_raw && !sign_public_from_spki(payloads_raw_key(&again), &same));
	must(sign_public_equal(&key, &same));
}

/* What is read is written again, and then reads the same. */
static void read_cp(struct slice body)
{
	struct payload_writer w;
	uint8_t out[128];
	struct cp cp;
	struct cp again;

	payload_cp_parse(body, &cp);
	must(cp.n_dns <= CP_DNS_MAX);
	payload_writer_init(&w, out, sizeof out);
	payload_cp_add(&w, &cp);
	must(!w.overflow && payload_cp_valid((struct slice){out + 4, w.len - 4}));
	payload_cp_parse((struct slice){out + 4, w.len - 4}, &again);
	must(again.type == cp.type);
	for (int i = 0; i < INNER_FAMILIES; i++) {
		must(again.has[i] == cp.has[i]);
		must(again.address[i].family == cp.address[i].family);
		must(!memcmp(
			again.address[i].bytes, cp.address[i].bytes, sizeof cp.address[i].bytes));
	}
}

static void read_chain(uint8_t first, struct slice chain)
{
	struct payloads p;
	char text[WORD_LEN];

	if (payloads_parse(first, chain, &p))
		return;
	if (p.id_i.data)
		must(strlen(identity_text(p.id_i, text)) < sizeof text);
	if (p.sa.data)
		read_sa(p.sa);
	if (p.ts_i.data)
		read_ts(p.ts_i);
	if (p.ts_r.data)
		read_ts(p.ts_r);
	read_cert(&p, chain);
	if (p.cp.data)
		read_cp(p.cp);
	for (size_t i = 0; i < p.n_notify; i++)
		must(p.notify[i].data.data + p.notify[i].data.len <= chain.data + chain.len);
	for (size_t i = 0; i < p.n_notify; i++)
		if (p.notify[i].type == HCP_PROPOSAL)
			read_hcp(p.notify[i].data);
	for (size_t i = 0; i < p.n_delete; i++)
		must(p.deletes[i].spis.data + p.deletes[i].spis.len <= chain.data + chain.len);
	if (p.sk_type)
		must(p.sk.data + p.sk.len == chain.data + chain.len);
	must(!p.cookie || (p.n_notify && p.notify[0].type == COOKIE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len >= HEADER)
		read_chain(data[AT_FIRST], (struct slice){data + HEADER, len - HEADER});
	if (len)
		read_chain(data[0], (struct slice){data + 1, len - 1});
	return 0;
}
