/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of [Peer "NAME"]: the core's own, and what stays for the keying plugin. */
#include "config/build.h"

#include "config/keys.h"
#include "config/preset.h"
#include "config/rules_kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_KEYS_MAX = 64, LSB_MAX = 32, WINDOW_MAX = 16384 };

static bool set_endpoint(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_endpoint(text, p->endpoint_host, sizeof p->endpoint_host, &p->endpoint, error);
}

static bool set_address(struct config_peer *p, const char *text, struct value_error *error)
{
	if (!value_prefixes(text, p->addresses, CONFIG_ADDRESSES_MAX, &p->n_addresses, error))
		return false;
	for (size_t i = 0; i < p->n_addresses; i++)
		if (ip_addr_is_any(&p->addresses[i].addr) ||
			ip_addr_is_multicast(&p->addresses[i].addr))
			return value_wrong(error, "prefixes such as ::/0 go into Routes",
				"must hold addresses of the peer itself");
	return true;
}

static bool set_routes(struct config_peer *p, const char *text, struct value_error *error)
{
	struct ip_prefix routes[CONFIG_ROUTES_MAX];
	size_t n = 0;
	if (!value_prefixes(text, routes, CONFIG_ROUTES_MAX, &n, error))
		return false;
	free(p->routes);
	p->routes = n ? malloc(n * sizeof *routes) : NULL;
	if (n && !p->routes)
		return value_wrong(error, NULL, "there is no memory for it");
	if (n)
		memcpy(p->routes, routes, n * sizeof *routes);
	p->n_routes = n;
	return true;
}

/* "any" becomes prefixes when the families are known: build_selectors. */
static bool set_local(struct config_peer *p, const char *text, struct value_error *error)
{
	if (strcmp(text, "any") == 0) {
		p->n_local = 1;
		p->local[0] = (struct ip_prefix){0};
		return true;
	}
	return value_prefixes(text, p->local, CONFIG_ADDRESSES_MAX, &p->n_local, error);
}

static bool set_allow(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_allow(text, p->allow, &p->n_allow, error);
}

static bool set_role(struct config_peer *p, const char *text, struct value_error *error)
{
	unsigned role;
	if (!value_word(text, build_roles, &role, error))
		return false;
	p->role = (enum config_role)role;
	return true;
}

static bool set_id(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_identity(text, p->id, sizeof p->id, error);
}

static bool set_keying(struct config_peer *p, const char *text, struct value_error *error)
{
	return build_keying_name(text, p->keying, error);
}

static bool set_encap(struct config_peer *p, const char *text, struct value_error *error)
{
	unsigned encap;
	if (!value_word(text, build_encaps, &encap, error))
		return false;
	p->encap = (enum config_encap)encap;
	return true;
}

static bool set_retransmission(struct config_peer *p, const char *text, struct value_error *error)
{
	unsigned profile;
	if (!value_word(text, build_retransmissions, &profile, error))
		return false;
	p->lossy = profile == 1;
	return true;
}

static bool set_lsb(uint8_t *out, const char *text, struct value_error *error)
{
	uint32_t bits;
	if (!value_uint(text, 0, LSB_MAX, &bits, error))
		return false;
	*out = (uint8_t)bits;
	return true;
}

static bool set_spi_lsb(struct config_peer *p, const char *text, struct value_error *error)
{
	return set_lsb(&p->attrs.esp_spi_lsb, text, error);
}

static bool set_sn_lsb(struct config_peer *p, const char *text, struct value_error *error)
{
	return set_lsb(&p->attrs.esp_sn_lsb, text, error);
}

/* The words stand in the order of their code points. */
static bool set_cda(
	uint8_t *out, const char *const *words, const char *text, struct value_error *error)
{
	unsigned value;
	if (!value_word(text, words, &value, error))
		return false;
	*out = (uint8_t)value;
	return true;
}

static bool set_alignment(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"8", "16", "32", "64", NULL};
	return set_cda(&p->attrs.alignment, words, text, error);
}

static bool set_esp_trailer(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"mandatory", "optional", NULL};
	return set_cda(&p->attrs.esp_trailer, words, text, error);
}

static bool set_dscp(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"not_compressed", "lower", "sa", NULL};
	return set_cda(&p->attrs.dscp_cda, words, text, error);
}

static bool set_ecn(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"not_compressed", "lower", NULL};
	return set_cda(&p->attrs.ecn_cda, words, text, error);
}

static bool set_flow_label(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"not_compressed", "lower", "generated", "zero", NULL};
	return set_cda(&p->attrs.flow_label_cda, words, text, error);
}

static bool set_hop_limit(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"lower", "not_compressed", NULL};
	return set_cda(&p->attrs.hop_limit_cda, words, text, error);
}

static bool set_rule_id(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_bool(text, &p->attrs.rule_id, error);
}

/* Only where rules have a Dev: build_check_rules. */
static bool set_device(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"here", "peer", NULL};
	unsigned end;
	if (!value_word(text, words, &end, error))
		return false;
	p->attrs.device = end == 0;
	return true;
}

static bool set_rules_digest(struct config_peer *p, const char *text, struct value_error *error)
{
	char own[RULES_DIGEST_TEXT];
	size_t len = strlen(text);
	if (len != RULES_DIGEST_TEXT - 1 || strspn(text, "0123456789abcdef") != len)
		return value_wrong(error, "as `dietvpn rules list` prints RULES-DIGEST",
			"must be 8 hexadecimal digits");
	if (!p->rules)
		return true;
	rules_digest_print(p->attrs.rules_digest, own);
	if (strcmp(text, own) != 0)
		return value_wrong(error, "the same file at both ends, then its digest here",
			"is %s, but the rules of %.40s have %s", text, p->compress, own);
	return true;
}

static bool set_window(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_uint(text, 1, WINDOW_MAX, &p->attrs.window, error);
}

static bool set_cipher(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_ciphers(text, p->ciphers, &p->n_ciphers, error);
}

static bool set_start(struct config_peer *p, const char *text, struct value_error *error)
{
	static const char *const words[] = {"on-traffic", "boot", NULL};
	unsigned start;
	if (!value_word(text, words, &start, error))
		return false;
	p->start = (enum config_start)start;
	return true;
}

static bool set_sleepy(struct config_peer *p, const char *text, struct value_error *error)
{
	return value_bool(text, &p->sleepy, error);
}

static const struct {
	const char *name;
	bool (*set)(struct config_peer *p, const char *text, struct value_error *error);
} setters[] = {
	{"Endpoint", set_endpoint},
	{"Address", set_address},
	{"Routes", set_routes},
	{"Local", set_local},
	{"Allow", set_allow},
	{"Role", set_role},
	{"Id", set_id},
	{"Keying", set_keying},
	{"Encap", set_encap},
	{"Retransmission", set_retransmission},
	{"EspSpiLsb", set_spi_lsb},
	{"EspSnLsb", set_sn_lsb},
	{"Alignment", set_alignment},
	{"EspTrailer", set_esp_trailer},
	{"DscpCda", set_dscp},
	{"EcnCda", set_ecn},
	{"FlowLabelCda", set_flow_label},
	{"HopLimitCda", set_hop_limit},
	{"RuleId", set_rule_id},
	{"RulesDigest", set_rules_digest},
	{"Device", set_device},
	{"Window", set_window},
	{"Cipher", set_cipher},
	{"Start", set_start},
	{"Sleepy", set_sleepy},
};

bool build_key_ok(struct build *b, uint32_t heading, uint32_t row)
{
	const struct ini_row *rows = b->config->ini.rows;
	char section[64];
	build_section(b, heading, section, sizeof section);
	if (row - heading > SECTION_KEYS_MAX) {
		if (row - heading == SECTION_KEYS_MAX + 1)
			build_error(
				b, row, NULL, "more than %d keys in %s", SECTION_KEYS_MAX, section);
		return false;
	}
	if (!*rows[row].key) {
		build_error(b, row, "Key = value", "no key before the = in %s", section);
		return false;
	}
	if (!*rows[row].value) {
		build_error(b, row, "give it a value or leave it out", "%.40s in %s has no value",
			rows[row].key, section);
		return false;
	}
	for (uint32_t i = heading + 1; i < row; i++) {
		if (strcmp(rows[i].key, rows[row].key) != 0)
			continue;
		build_error(b, row, "one key, one value; lists are separated by commas",
			"%.40s in %s stands already in line %u", rows[row].key, section,
			(unsigned)rows[i].line);
		return false;
	}
	return true;
}

static void keep_for_plugin(struct build *b, uint32_t row, struct config_peer *peer)
{
	const struct ini_row *r = &b->config->ini.rows[row];
	struct config_plugin_key *keys =
		realloc(peer->keys, (peer->n_keys + 1) * sizeof *peer->keys);
	if (!keys) {
		b->no_memory = true;
		return;
	}
	peer->keys = keys;
	struct config_plugin_key *key = &keys[peer->n_keys];
	if (strlen(r->key) >= CONFIG_KEY_MAX || strlen(r->value) >= CONFIG_PATH_MAX) {
		build_error(b, row, NULL, "%.40s in [Peer \"%s\"] is too long", r->key, peer->name);
		return;
	}
	*key = (struct config_plugin_key){.name = r->key, .value = r->value, .at = row};
	peer->n_keys++;
}

/* A key that the core does not know: another plugin's, a slip of the pen, or for the plugin. */
static void leftover(struct build *b, uint32_t row, struct config_peer *peer)
{
	const char *key = b->config->ini.rows[row].key;
	const char *owner = keys_plugin_of(key);
	bool known_plugin = keys_plugin_known(peer->keying);
	const char *nearest = keys_nearest_in("Peer", peer->keying, key);
	char hint[96];
	if (keys_plugin_has(peer->keying, key)) {
		keep_for_plugin(b, row, peer);
	} else if (owner && known_plugin) {
		snprintf(hint, sizeof hint, "%s belongs to Keying = %s", key, owner);
		build_error(b, row, hint, "[Peer \"%s\"] has %s but Keying = %s", peer->name, key,
			peer->keying);
	} else if (known_plugin && nearest) {
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
		build_error(
			b, row, hint, "unknown key \"%.40s\" in [Peer \"%s\"]", key, peer->name);
	} else if (keys_find("Interface", key)) {
		snprintf(hint, sizeof hint, "%s belongs to [Interface]", key);
		build_error(
			b, row, hint, "unknown key \"%.40s\" in [Peer \"%s\"]", key, peer->name);
	} else {
		keep_for_plugin(b, row, peer);
	}
}

static void set_row(struct build *b, uint32_t row, struct config_peer *peer)
{
	const struct ini_row *r = &b->config->ini.rows[row];
	struct value_error error;
	for (size_t i = 0; i < sizeof setters / sizeof *setters; i++) {
		if (strcmp(r->key, setters[i].name) != 0)
			continue;
		if (!setters[i].set(peer, r->value, &error))
			build_error(b, row, error.hint, "%s in [Peer \"%s\"] %s", r->key,
				peer->name, error.text);
		return;
	}
	leftover(b, row, peer);
}

static void set_defaults(struct build *b, uint32_t heading, struct config_peer *peer)
{
	static const struct config_allow any = {.port_end = UINT16_MAX, .from_end = UINT16_MAX};
	strcpy(peer->name, b->config->ini.rows[heading].name);
	strcpy(peer->id, b->config->interface.id);
	peer->template = strchr(peer->name, '*') != NULL;
	strcpy(peer->keying, b->keying);
	peer->at = heading;
	peer->role = b->config->interface.role;
	peer->encap = b->encap;
	peer->lossy = b->lossy;
	peer->allow[0] = any;
	peer->n_allow = 1;
	peer->n_ciphers = value_default_ciphers(peer->ciphers);
}

/* Before the other keys: they override what these two bring, wherever they stand. */
static void set_first(struct build *b, uint32_t heading, struct config_peer *peer)
{
	uint32_t compress = build_row(b, heading, "Compress");
	uint32_t keying = build_row(b, heading, "Keying");
	const char *preset = compress == heading ? "safe" : b->config->ini.rows[compress].value;
	struct value_error error;
	if (!preset_load(b->config, preset, peer, &error))
		build_error(b, compress, error.hint, "Compress in [Peer \"%s\"] %s", peer->name,
			error.text);
	if (keying != heading)
		set_keying(peer, b->config->ini.rows[keying].value, &error);
}

void build_peer(struct build *b, uint32_t heading, struct config_peer *peer)
{
	uint32_t end = build_section_end(b, heading);
	set_defaults(b, heading, peer);
	set_first(b, heading, peer);
	for (uint32_t row = heading + 1; row < end; row++)
		if (build_key_ok(b, heading, row) &&
			strcmp(b->config->ini.rows[row].key, "Compress") != 0)
			set_row(b, row, peer);
	/* Whoever gives us our address is asked for it. */
	if (b->config->interface.address_auto && peer->role == ROLE_BOTH)
		peer->role = ROLE_INITIATOR;
	if (build_row(b, heading, "Window") == heading)
		preset_fit_window(&peer->attrs);
	if (build_row(b, heading, "Device") == heading)
		peer->attrs.device = peer->role == ROLE_INITIATOR;
	if (build_row(b, heading, "Address") == heading)
		build_error(b, heading, "Address = the peer's inner address",
			"[Peer \"%s\"] needs an Address", peer->name);
}
