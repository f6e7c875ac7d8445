/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and compression of both ends, and what has to change where they differ (RFC 7296 2.9,
 * diet-esp.md 10). */
#include "ikev2/rows.h"

#include <stdio.h>
#include <string.h>

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

/* An attribute as `dietvpn show` names it, and its key of [Peer]. */
static const struct {
	const char *what, *key;
} attributes[HCP_KINDS] = {
	[HCP_DSCP] = {"dscp_cda", "DscpCda"},
	[HCP_ECN] = {"ecn_cda", "EcnCda"},
	[HCP_FLOW_LABEL] = {"flow_label_cda", "FlowLabelCda"},
	[HCP_ALIGNMENT] = {"alignment", "Alignment"},
	[HCP_SPI_LSB] = {"esp_spi_lsb", "EspSpiLsb"},
	[HCP_SN_LSB] = {"esp_sn_lsb", "EspSnLsb"},
	[HCP_TRAILER] = {"esp_trailer", "EspTrailer"},
	[HCP_HOP_LIMIT] = {"hop_limit_cda", "HopLimitCda"},
	[HCP_RULE_ID] = {"rule_id", "RuleId"},
};

/* The lowest value, as one of a set that both could agree on. */
static const char *lowest(int kind, uint64_t set, struct words *room)
{
	uint64_t one = set & (~set + 1);

	words_of_set(kind, one, room);
	return room->n ? room->list[0] : "?";
}

static void add_attribute(struct rows *rows, int kind, uint64_t offered, uint64_t allowed)
{
	struct words theirs;
	struct words ours;

	words_of_set(kind, offered, &theirs);
	words_of_set(kind, allowed, &ours);
	rows_add(rows,
		&(struct row){attributes[kind].what, attributes[kind].key, &theirs, &ours, NULL});
	rows_fix(rows, "on the peer %s = %s; or here %s = %s.", attributes[kind].key,
		lowest(kind, allowed, &ours), attributes[kind].key, lowest(kind, offered, &theirs));
}

void rows_add_hcp(struct rows *rows, struct slice data, const struct hcp *own)
{
	struct hcp_compared c;
	bool any = false;

	if (!payload_hcp_compare(data, own, &c)) {
		rows_fix(rows, "on the peer a proposal of Diet-ESP with the attributes of its "
			       "draft.");
		return;
	}
	for (int kind = 0; kind < HCP_KINDS; kind++) {
		if (c.offered[kind] & c.allowed[kind])
			continue;
		any = true;
		add_attribute(rows, kind, c.offered[kind], c.allowed[kind]);
	}
	if (!any)
		rows_fix(rows, "on the peer EspSpiLsb and EspSnLsb that make whole octets.");
}
