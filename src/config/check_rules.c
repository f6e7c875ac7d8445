/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer with a rule set has to say besides, and what it must not (diet-esp.md 12.2). */
#include "config/build.h"

#include "config/rules_kept.h"

#include <stdio.h>
#include <string.h>

/* devIID and appIID: an end that is one address and nothing else. */
static bool iids_known(const struct config_peer *peer)
{
	struct diet_sa sa = {.out = true,
		.src = peer->ts_local,
		.dst = peer->ts_remote,
		.n_src = peer->n_ts_local,
		.n_dst = peer->n_ts_remote};
	struct schc_end end;
	diet_schc_end(&peer->attrs, &sa, &end);
	/* Who comes under a template gets one address of it. */
	if (peer->template && peer->attrs.device)
		end.has_app_iid = true;
	else if (peer->template)
		end.has_dev_iid = true;
	return (!peer->rules->dev_iid || end.has_dev_iid) &&
	       (!peer->rules->app_iid || end.has_app_iid);
}

/* A rule says which bits are Dev's: both ends have to know, each for itself, which of them that is.
 */
static void check_device(struct build *b, const struct config_peer *peer)
{
	if (build_row(b, peer->at, "Device") == peer->at && peer->role == ROLE_BOTH)
		build_error(b, build_row(b, peer->at, "Compress"),
			"Device = here where this end is the rules' Dev, at the other end peer",
			"[Peer \"%s\"]: rules of %.40s, and neither Device nor Role says who is "
			"Dev",
			peer->name, peer->compress);
	else if (!iids_known(peer))
		build_error(b, build_row(b, peer->at, "Compress"),
			"give it one Address and no Routes, or send the identifier",
			"[Peer \"%s\"]: a rule of %.40s asks for the IID of an end that is several "
			"addresses",
			peer->name, peer->compress);
}

/* Nothing else compares the rules of two ends that exchange no keys. */
static void check_digest(struct build *b, const struct config_peer *peer)
{
	char hint[96];
	char digest[RULES_DIGEST_TEXT];
	if (strcmp(peer->keying, "manual") != 0 ||
		build_row(b, peer->at, "RulesDigest") != peer->at)
		return;
	snprintf(hint, sizeof hint, "RulesDigest = %s, if `dietvpn rules list` of the peer says so",
		rules_digest_print(peer->attrs.rules_digest, digest));
	build_error(b, build_row(b, peer->at, "Compress"), hint,
		"[Peer \"%s\"]: rules of %.40s with manual keys need RulesDigest", peer->name,
		peer->compress);
}

static void refuse(struct build *b, const struct config_peer *peer, const char *key)
{
	uint32_t row = build_row(b, peer->at, key);
	if (row != peer->at)
		build_error(b, row, "leave it out", "[Peer \"%s\"] has %s but Compress = %.40s %s",
			peer->name, key, peer->compress,
			peer->rules ? "has rules that say it" : "has no rule set");
}

void build_check_rules(struct build *b, const struct config_peer *peer)
{
	static const char *const attributes[] = {
		"DscpCda", "EcnCda", "FlowLabelCda", "HopLimitCda", "RuleId"};
	if (!peer->rules) {
		refuse(b, peer, "RulesDigest");
		refuse(b, peer, "Device");
		return;
	}
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		refuse(b, peer, attributes[i]);
	check_device(b, peer);
	check_digest(b, peer);
}
