/* SPDX-License-Identifier: Apache-2.0 */
/* What lets devices in that the file does not name: templates, Master, Imprint (ikev2.md 6). */
#include "ikev2/settings_read.h"

#include "crypto/enrol.h"

#include <string.h>

enum { IMPRINT_S = 3600 };

static void refuse_beside(struct settings_reader *r, const char *const *keys, const char *what)
{
	struct peer_value value;

	for (; *keys; keys++)
		if (peer_value_get(&r->in, *keys, &value))
			peer_refuse_value(&r->in, &value, *keys, what, "leave one of them out");
}

/* Its devices have a PSK each, derived or adopted, or a key that is pinned: nothing of that is in
 * the file. */
void settings_read_template(struct settings_reader *r)
{
	static const char *const others[] = {"Imprint", "Psk", "PeerKey", "Pool", NULL};

	refuse_beside(r, others, "belongs to one device, and this is a template for many");
	r->out->core.role = ROLE_RESPONDER;
	settings_read_key(r, NULL);
}

void settings_read_imprint(struct settings_reader *r)
{
	static const char *const others[] = {"Psk", "PeerKey", NULL};
	struct peer_value value = {.at = r->out->core.at};

	peer_value_get(&r->in, "Imprint", &value);
	if (r->out->core.role == ROLE_RESPONDER)
		peer_refuse_value(&r->in, &value, "Imprint",
			"it is for the device, which begins: a responder pins by dietvpn adopt",
			"Role = initiator");
	r->out->core.role = ROLE_INITIATOR;
	refuse_beside(r, others, "and Imprint: one of them tells whom to believe");
	r->out->imprint_s = IMPRINT_S;
	if (peer_value_get(&r->in, "ImprintTime", &value)) {
		r->out->imprint_s = peer_value_duration(value.text);
		if (!r->out->imprint_s && strcmp(value.text, "no") != 0)
			peer_refuse_value(&r->in, &value, "ImprintTime",
				"neither a duration nor no", "10min, 1h");
	}
	settings_read_key(r, "Imprint needs a Key of our own");
}

void settings_read_master(struct settings_reader *r)
{
	tree_node master = tree_get(tree_root(r->in.tree), "master");
	struct settings_list *all = r->all;
	struct peer_value value = {.text = "Master"};
	uint8_t file[SETTINGS_PSK_MAX];
	uint64_t at = 0;
	size_t len = 0;
	int error;

	if (!master)
		return;
	tree_text_copy(tree_at(master, 0), value.text, sizeof value.text);
	tree_uint(tree_at(master, 1), UINT32_MAX, &at);
	value.at = (uint32_t)at;
	error = r->in.host->secret(r->in.host, "Master", file, sizeof file, &len);
	if (error)
		peer_refuse_value(&r->in, &value, "Master", strerror(-error), "");
	else if (enrol_master((struct slice){file, len}, all->master, &all->master_len))
		peer_refuse_value(&r->in, &value, "Master", "not base64 of 16 to 64 octets",
			"dietvpn genkey > keys/master");
	secret_wipe(file, sizeof file);
}
