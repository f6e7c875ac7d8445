/* SPDX-License-Identifier: Apache-2.0 */
/* rules.list: the sets in use, rule by rule, with what each took (experience.md 2.4). */
#include "daemon/control_rules.h"

#include "config/config.h"
#include "config/rules_kept.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/put.h"
#include "daemon/tunnel.h"
#include "ipsec/spd.h"

#include <stdio.h>
#include <string.h>

/* 16 rules of 64 fields are 40 KiB at most, and a frame has 64. */
enum { RULES_PER_FRAME = 16, CURSOR_STEP = SCHC_SET_RULES + 1 };

/* Where one frame stands; the cursor's second number is peer * CURSOR_STEP + rule. */
struct pass {
	struct control_call *call;
	struct put sets;
	size_t room;
};

static void put_field(struct tree_writer *w, const struct schc_field_desc *desc)
{
	const char *name = rules_field_name(desc->fid);
	bool fixed = desc->fl != SCHC_FL_VARIABLE && desc->fl != SCHC_FL_TKL;

	tree_put_array(w, 5);
	tree_put_text(w, name ? name + strlen("fid-") : schc_field(desc->fid)->name);
	tree_put_text(w, schc_di_name(desc->di));
	tree_put_uint(w, fixed ? desc->fl : 0);
	tree_put_uint(w, schc_field_sent_bits(desc));
	tree_put_bool(w, !fixed && (desc->cda == SCHC_CDA_VALUE_SENT || desc->cda == SCHC_CDA_LSB));
}

static void put_rule(
	struct put *list, const struct schc_rule_set *set, size_t i, const struct rules_took *took)
{
	struct put fields;
	struct put map;

	put_init(&map);
	control_put_took(&map, set, (unsigned)i, took);
	put_init(&fields);
	for (unsigned f = 0; i < set->n && f < set->rule[i].n; f++)
		put_field(put_next(&fields), &set->rule[i].field[f]);
	put_array_end(&fields, put_key(&map, "fields"));
	put_map_end(&map, put_next(list));
}

/* Its rules from *rule on, those that no rule took last; false: the frame is full. */
static bool put_set(struct pass *pass, const struct tunnel_peer *peer,
	const struct config_peer *config, size_t *rule)
{
	const struct policy *policy = tunnel_policy(peer);
	const struct schc_rule_set *set = &config->rules->set.set;
	struct rules_took took;
	struct put list;
	struct put map;

	control_count_rules(config, policy, &took);
	put_init(&list);
	for (; *rule <= set->n && pass->room; ++*rule, pass->room--)
		put_rule(&list, set, *rule, &took);
	put_init(&map);
	put_text(&map, "tunnel", peer->tunnel->config->tunnel);
	put_text(&map, "peer", peer->name);
	control_put_rules_head(&map, config, policy);
	put_array_end(&list, put_key(&map, "list"));
	put_map_end(&map, put_next(&pass->sets));
	return *rule > set->n;
}

static bool put_tunnel(struct pass *pass, const struct tunnel *tunnel)
{
	const struct tunnel_peer *peer;
	size_t *at = &pass->call->at[1];

	while ((peer = tunnel_peer_at(tunnel, *at / CURSOR_STEP))) {
		const struct config_peer *config = tunnel_config_of(peer);
		size_t rule = *at % CURSOR_STEP;

		if (config && config->rules &&
			(!pass->room || !put_set(pass, peer, config, &rule))) {
			*at = *at / CURSOR_STEP * CURSOR_STEP + rule;
			return false;
		}
		*at = (*at / CURSOR_STEP + 1) * CURSOR_STEP;
	}
	return true;
}

void control_list_rules(struct daemon *daemon, struct control_call *call)
{
	struct pass pass = {.call = call, .room = RULES_PER_FRAME};

	put_init(&pass.sets);
	for (; call->at[0] < TUNNELS_MAX; call->at[0]++) {
		const struct tunnel *tunnel = daemon->tunnels[call->at[0]];

		if (tunnel && !put_tunnel(&pass, tunnel))
			break;
		call->at[1] = 0;
	}
	call->more = call->at[0] < TUNNELS_MAX;
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "sets");
	put_array_end(&pass.sets, call->ok);
}
