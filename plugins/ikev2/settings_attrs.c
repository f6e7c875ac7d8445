/* SPDX-License-Identifier: Apache-2.0 */
/* The compression attributes of a peer: read, and written for a child's SAs (diet-esp.md 12). */
#include "ikev2/settings_read.h"

#include "common/peer_attrs.h"

#include <errno.h>
#include <string.h>

enum { WINDOW_DEFAULT = 64 };

static const int8_t attr_keys[HCP_KINDS] = {0, 1, 2, 3, 4, 5, 6, ATTR_HOP_LIMIT, ATTR_RULE_ID};

int settings_attrs(const struct settings *s, const struct hcp_choice *choice,
	uint8_t out[SETTINGS_ATTRS_MAX], size_t *len)
{
	const struct hcp *h = &choice->hcp;
	unsigned sn = h->value[HCP_SN_LSB];
	uint64_t widest = sn ? (uint64_t)1 << (sn - 1) : UINT32_MAX;
	struct tree_writer w;
	bool ok;

	tree_writer_init(&w);
	tree_put_map(&w, HCP_KINDS + 2 + (choice->by_rules ? 2 : 0));
	for (int kind = 0; kind < HCP_KINDS; kind++) {
		tree_put_int(&w, attr_keys[kind]);
		tree_put_int(&w, h->value[kind]);
	}
	tree_put_int(&w, ATTR_IIPC);
	tree_put_int(&w, 1);
	tree_put_int(&w, ATTR_WINDOW);
	tree_put_uint(&w, s->window < widest ? s->window : widest);
	if (choice->by_rules) {
		tree_put_int(&w, ATTR_RULES_DIGEST);
		tree_put_uint(&w, s->rules.digest);
		tree_put_int(&w, ATTR_DEVICE);
		tree_put_uint(&w, s->rules.here);
	}
	ok = !w.error && w.len <= SETTINGS_ATTRS_MAX;
	if (ok)
		memcpy(out, w.data, w.len);
	*len = w.len;
	tree_writer_fini(&w);
	return ok ? 0 : -EMSGSIZE;
}

/* Fallback = no: the rules of the file, or no SA. */
static void read_rules(struct settings *s, tree_node attrs)
{
	s->has_rules = tree_get_int(attrs, ATTR_RULES_DIGEST) != NULL;
	if (!s->has_rules)
		return;
	s->rules.digest = (uint32_t)peer_attr(attrs, ATTR_RULES_DIGEST, UINT32_MAX, 0);
	s->rules.here = peer_attr(attrs, ATTR_DEVICE, 1, 0);
	s->rules.only = !s->fallback;
}

void settings_read_attrs(struct settings_reader *r)
{
	tree_node attrs = tree_get(r->in.peer, "attrs");
	struct settings *s = r->out;

	s->window = WINDOW_DEFAULT;
	if (tree_kind(attrs) != TREE_MAP)
		return;
	s->compress = peer_attr(attrs, ATTR_IIPC, 1, 0);
	s->window = (uint32_t)peer_attr(attrs, ATTR_WINDOW, UINT32_MAX, s->window);
	for (int kind = 0; kind < HCP_KINDS; kind++)
		s->hcp.value[kind] = (uint8_t)peer_attr(attrs, attr_keys[kind], UINT8_MAX, 0);
	s->fallback = true;
	peer_value_yes(&r->in, "Fallback", &s->fallback);
	read_rules(s, attrs);
	s->fallback = s->fallback && s->compress && !s->hcp.value[HCP_RULE_ID];
	if (s->compress && !s->hcp.value[HCP_SPI_LSB])
		peer_refuse(&r->in, s->core.at,
			"EspSpiLsb = 0 with Keying = ikev2: what is found by its address alone "
			"cannot be rekeyed",
			"EspSpiLsb = 8");
}
