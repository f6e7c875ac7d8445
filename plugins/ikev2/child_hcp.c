/* SPDX-License-Identifier: Apache-2.0 */
/* What a child compresses with: attributes or rules, offered, answered, and said where two ends
 * differ (draft-ietf-ipsecme-ikev2-diet-esp-extension-04, diet-esp.md 10). */
#include "ikev2/ikev2.h"
#include "ikev2/trace.h"

#include <errno.h>
#include <stdio.h>

enum { TEXT = 224 };

static const struct settings *settings_of(const struct child *child)
{
	return child->ike->peer->settings;
}

static const struct hcp_rules *rules_of(const struct settings *s)
{
	return s->has_rules ? &s->rules : NULL;
}

/* They are as many as its bits let there be, of all peers together: the SA does without. */
static void no_short_spi(const struct child *child)
{
	const struct ike_sa *sa = child->ike;
	char text[TEXT];

	snprintf(text, sizeof text,
		"no SPI of %u bits is left, other SAs have them all: not compressed; EspSpiLsb = "
		"16 at both ends has room",
		child->hcp.hcp.value[HCP_SPI_LSB]);
	say(sa->keying, KEYING_WARN, sa->peer, "%s", text);
	trouble(sa->keying, sa->peer, text);
}

/* A rule knows one selector of each side (diet-esp.md 10). */
static bool single(const struct child *child)
{
	return child->local.n == 1 && child->remote.n == 1;
}

int child_wish_hcp(struct child *child, const struct child *old)
{
	const struct settings *s = settings_of(child);
	int r;

	/* Whoever rekeys, the two agree on what they have agreed on, not on his own wish. */
	child->hcp_wished = old ? old->compressed : s->compress;
	child->hcp = old ? old->hcp : (struct hcp_choice){.hcp = s->hcp, .by_rules = s->has_rules};
	if (!child->hcp_wished)
		return child_reserve(child, NULL);
	r = child_reserve(child, &child->hcp.hcp);
	if (r != -ENOSPC && r != -EADDRINUSE)
		return r;
	no_short_spi(child);
	child->hcp_wished = false;
	return child_reserve(child, NULL);
}

/* With our rules as an offer has them, NULL: none. */
static const struct hcp_rules *wished_rules(const struct child *child)
{
	return child->hcp.by_rules ? rules_of(settings_of(child)) : NULL;
}

void child_offer_hcp(struct child *child, struct payload_writer *w)
{
	if (!child->hcp_wished || !single(child))
		return;
	child->hcp_offered = true;
	payload_add_vendor(w);
	payload_hcp_offer(w, &child->hcp.hcp, wished_rules(child));
}

/* Private numbers mean what we think only from those who speak of them as we do. */
static const struct notify *find_hcp(const struct ike_sa *sa, const struct payloads *p)
{
	const struct notify *n = payloads_notify(p, HCP_PROPOSAL);

	return n && (p->vendor_ours || sa->dietvpn) ? n : NULL;
}

static void hear_rules(struct child *child, const struct payloads *p)
{
	if (child->ike->dietvpn || p->vendor_ours)
		child->theirs_known = payload_hcp_told_rules(p, &child->theirs);
}

bool child_rules_needed(const struct child *child)
{
	const struct settings *s = settings_of(child);

	return s->has_rules && s->rules.only && !(child->compressed && child->hcp.by_rules);
}

const char *child_accept_hcp(struct child *child, const struct payloads *p)
{
	const struct notify *n = find_hcp(child->ike, p);
	const struct hcp_choice wish = child->hcp;

	hear_rules(child, p);
	child->compressed =
		n && child->hcp_offered && single(child) &&
		payload_hcp_accept(n->data, &wish.hcp, wished_rules(child), &child->hcp);
	if (n && !child->compressed)
		return "it compresses as we did not offer";
	if (!child_rules_needed(child))
		return NULL;
	child_note_rules(child);
	return "it does not take our rules, and Fallback = no wants nothing else";
}

bool child_rules_refused(struct child *child, const struct payloads *p)
{
	hear_rules(child, p);
	child_note_rules(child);
	return child->theirs_known;
}

static bool choose(struct child *child, struct slice data)
{
	const struct settings *s = settings_of(child);
	bool chosen = payload_hcp_valid(data) &&
		      payload_hcp_choose(data, &s->hcp, rules_of(s), &child->hcp);

	child->theirs_known = child->hcp.offered;
	child->theirs =
		(struct hcp_rules){.digest = child->hcp.digest, .here = child->hcp.proposer};
	return chosen && s->compress && single(child);
}

int child_answer_hcp(struct child *child, const struct payloads *p)
{
	const struct settings *s = settings_of(child);
	const struct notify *n = find_hcp(child->ike, p);

	child->hcp_heard = n != NULL;
	child->compressed = n && choose(child, n->data);
	if (child_rules_needed(child))
		return -EPROTO;
	if (n && !child->compressed && s->compress && single(child) && payload_hcp_valid(n->data) &&
		!child_rules_differ(child))
		trace_uncompressed(child->ike, n->data);
	if (child->compressed && !child_reserve(child, &child->hcp.hcp))
		return 0;
	if (child->compressed)
		no_short_spi(child);
	child->compressed = false;
	return child_reserve(child, NULL);
}

bool child_rules_differ(const struct child *child)
{
	return (child->hcp_offered || child->hcp_heard) &&
	       !(child->compressed && child->hcp.by_rules) &&
	       (settings_of(child)->has_rules || child->theirs_known);
}

void child_put_hcp(const struct child *child, struct payload_writer *w)
{
	const struct settings *s = settings_of(child);
	bool tell = child->hcp_heard && s->has_rules && child_rules_differ(child);

	if (child->compressed || tell)
		payload_add_vendor(w);
	if (child->compressed)
		payload_hcp_answer(w, &child->hcp);
	if (tell)
		payload_hcp_tell_rules(w, &s->rules);
}

static void compare(const struct child *child, char text[static TEXT])
{
	const struct settings *s = settings_of(child);
	unsigned theirs = child->theirs.digest;
	unsigned ours = s->rules.digest;

	if (!s->has_rules)
		snprintf(text, TEXT, "it has rules of digest %08x, and Compress here names none",
			theirs);
	else if (!child->theirs_known)
		snprintf(text, TEXT, "it knows no rules, ours have digest %08x", ours);
	else if (theirs != ours)
		snprintf(text, TEXT,
			"its rules have digest %08x, ours %08x: the file that Compress names has "
			"to be the same at both ends",
			theirs, ours);
	else if (child->theirs.here == s->rules.here)
		snprintf(text, TEXT,
			"both ends have Device = %s for rules of digest %08x: it is here at one, "
			"peer at the other",
			s->rules.here ? "here" : "peer", ours);
	else
		snprintf(text, TEXT, "beside the same rules its attributes are not as ours");
}

void child_note_rules(const struct child *child)
{
	const struct ike_sa *sa = child->ike;
	char text[TEXT];
	char all[TEXT + 32];

	if (!child_rules_differ(child))
		return;
	compare(child, text);
	snprintf(all, sizeof all, "%s; %s", text,
		child_rules_needed(child) ? "so there is no SA"
		: child->compressed       ? "compressed by attributes"
					  : "not compressed");
	say(sa->keying, KEYING_WARN, sa->peer, "%s", all);
	trouble(sa->keying, sa->peer, all);
}
