/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of [Interface]. */
#include "config/build.h"

#include "config/keys.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MTU_MIN = 1280, MTU_MAX = 65535, IKE_PORT = 500, NAT_PORT = 4500 };

const char *const build_roles[] = {"both", "initiator", "responder", NULL};
const char *const build_encaps[] = {"auto", "udp", "raw", NULL};
const char *const build_retransmissions[] = {"normal", "lossy", NULL};

static bool set_name(struct build *b, const char *text, struct value_error *error)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	char *name = b->config->interface.name;
	if (strncmp(text, "diet", 4) != 0 || strspn(text, good) != strlen(text))
		return value_wrong(error, "diet0, for example: other daemons then leave it alone",
			"must begin with diet and go on with letters, digits, . _ or -");
	return value_text(text, name, sizeof b->config->interface.name, error);
}

static bool set_role(struct build *b, const char *text, struct value_error *error)
{
	unsigned role;
	if (!value_word(text, build_roles, &role, error))
		return false;
	b->config->interface.role = (enum config_role)role;
	return true;
}

static bool set_address(struct build *b, const char *text, struct value_error *error)
{
	struct config_interface *i = &b->config->interface;
	char entry[96];
	i->address_auto = strcmp(text, "auto") == 0;
	if (i->address_auto)
		return true;
	for (const char *list = text; value_next(&list, entry, sizeof entry) > 0;)
		if (!strchr(entry, '/'))
			return value_wrong(error, "write /64, or /128 where there is no subnet",
				"lacks the prefix length of %.46s", entry);
	if (!value_prefixes(text, i->addresses, CONFIG_ADDRESSES_MAX, &i->n_addresses, error))
		return false;
	for (size_t k = 0; k < i->n_addresses; k++)
		if (ip_addr_is_any(&i->addresses[k].addr) ||
			ip_addr_is_multicast(&i->addresses[k].addr))
			return value_wrong(error, NULL, "must hold addresses of one host each");
	return true;
}

static bool set_id(struct build *b, const char *text, struct value_error *error)
{
	return value_identity(text, b->config->interface.id, sizeof b->config->interface.id, error);
}

static bool set_key(struct build *b, const char *text, struct value_error *error)
{
	return value_text(text, b->config->interface.key, sizeof b->config->interface.key, error);
}

static bool set_psk(struct build *b, const char *text, struct value_error *error)
{
	return value_text(text, b->config->interface.psk, sizeof b->config->interface.psk, error);
}

static bool set_master(struct build *b, const char *text, struct value_error *error)
{
	return value_text(
		text, b->config->interface.master, sizeof b->config->interface.master, error);
}

static bool set_listen(struct build *b, const char *text, struct value_error *error)
{
	char entry[8];
	uint32_t ports[2];
	const char *list = text;
	for (size_t n = 0; n < 2; n++)
		if (value_next(&list, entry, sizeof entry) <= 0 ||
			!value_uint(entry, 1, UINT16_MAX, &ports[n], error))
			return value_wrong(error, "500, 4500", "must be two ports");
	if (list || ports[0] == ports[1])
		return value_wrong(error, "500, 4500", "must be two different ports");
	b->config->interface.listen_ike = (uint16_t)ports[0];
	b->config->interface.listen_nat = (uint16_t)ports[1];
	return true;
}

static bool set_mtu(struct build *b, const char *text, struct value_error *error)
{
	b->config->interface.mtu = 0;
	if (strcmp(text, "auto") == 0)
		return true;
	if (!value_uint(text, MTU_MIN, MTU_MAX, &b->config->interface.mtu, error))
		return value_wrong(error, "below 1280 Linux takes IPv6 off the device",
			"must be auto or %d to %d", MTU_MIN, MTU_MAX);
	return true;
}

static bool set_offload(struct build *b, const char *text, struct value_error *error)
{
	static const char *const words[] = {"off", "auto", NULL};
	unsigned word;

	if (!value_word(text, words, &word, error))
		return false;
	b->config->interface.offload = word == 1;
	return true;
}

static bool set_clamp_mss(struct build *b, const char *text, struct value_error *error)
{
	return value_bool(text, &b->config->interface.clamp_mss, error);
}

bool build_keying_name(const char *text, char out[static 32], struct value_error *error)
{
	if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(text))
		return value_wrong(error, "manual, for example; see `dietvpn show plugins`",
			"must be the name of a keying plugin");
	return value_text(text, out, 32, error);
}

static bool set_keying(struct build *b, const char *text, struct value_error *error)
{
	return build_keying_name(text, b->keying, error);
}

static bool set_encap(struct build *b, const char *text, struct value_error *error)
{
	unsigned encap;
	if (!value_word(text, build_encaps, &encap, error))
		return false;
	b->encap = (enum config_encap)encap;
	return true;
}

static bool set_retransmission(struct build *b, const char *text, struct value_error *error)
{
	unsigned profile;
	if (!value_word(text, build_retransmissions, &profile, error))
		return false;
	b->lossy = profile == 1;
	return true;
}

static bool set_on_up(struct build *b, const char *text, struct value_error *error)
{
	return value_text(
		text, b->config->interface.on_up, sizeof b->config->interface.on_up, error);
}

static bool set_on_down(struct build *b, const char *text, struct value_error *error)
{
	return value_text(
		text, b->config->interface.on_down, sizeof b->config->interface.on_down, error);
}

static const struct {
	const char *name;
	bool (*set)(struct build *b, const char *text, struct value_error *error);
} setters[] = {
	{"Name", set_name},
	{"Role", set_role},
	{"Address", set_address},
	{"Id", set_id},
	{"Key", set_key},
	{"Psk", set_psk},
	{"Master", set_master},
	{"Listen", set_listen},
	{"Mtu", set_mtu},
	{"Offload", set_offload},
	{"ClampMss", set_clamp_mss},
	{"Keying", set_keying},
	{"Encap", set_encap},
	{"Retransmission", set_retransmission},
	{"OnUp", set_on_up},
	{"OnDown", set_on_down},
};

static void unknown_key(struct build *b, uint32_t row, const char *key)
{
	char hint[96] = "";
	const char *nearest = keys_nearest_in("Interface", NULL, key);
	if (keys_is_later("Interface", key)) {
		build_error(b, row, "leave it out", "%s is not in this version", key);
		return;
	}
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	else if (keys_find("Peer", key))
		snprintf(hint, sizeof hint, "%s belongs to [Peer \"NAME\"]", key);
	build_error(b, row, hint, "unknown key \"%.40s\" in [Interface]", key);
}

static void set_row(struct build *b, uint32_t row)
{
	const struct ini_row *r = &b->config->ini.rows[row];
	struct value_error error;
	for (size_t i = 0; i < sizeof setters / sizeof *setters; i++) {
		if (strcmp(r->key, setters[i].name) != 0)
			continue;
		if (!setters[i].set(b, r->value, &error))
			build_error(b, row, error.hint, "%s in [Interface] %s", r->key, error.text);
		return;
	}
	unknown_key(b, row, r->key);
}

static void set_defaults(struct build *b)
{
	struct config_interface *i = &b->config->interface;
	strcpy(i->name, "diet0");
	strcpy(b->keying, "ikev2");
	i->offload = true;
	i->listen_ike = IKE_PORT;
	i->listen_nat = NAT_PORT;
	if (gethostname(i->id, sizeof i->id) != 0 || !i->id[0])
		strcpy(i->id, "localhost");
	i->id[sizeof i->id - 1] = '\0';
}

void build_interface(struct build *b, uint32_t heading)
{
	uint32_t end = build_section_end(b, heading);
	set_defaults(b);
	for (uint32_t row = heading + 1; row < end; row++)
		if (build_key_ok(b, heading, row))
			set_row(b, row);
	b->config->interface.master_at = build_row(b, heading, "Master");
	if (build_row(b, heading, "Address") == heading)
		build_error(b, heading, "Address = fd00:...::1/64", "[Interface] needs an Address");
}
