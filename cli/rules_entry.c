/* SPDX-License-Identifier: Apache-2.0 */
/* SCHC rules -> JSON in the order of members that `rules dump` has, RFC 9363 and RFC 7951. */
#include "cli/rules_entry.h"

#include "config/rules_set.h"
#include "config/sid.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 96, BASE64 = SECRET_BASE64_LEN(SCHC_VALUE_MAX) };

/* "mo-equal" with the module that defines it. */
static json_t *identity(const char *name)
{
	const struct sid *sid = name ? sid_identity(name, strlen(name)) : NULL;
	char full[NAME];

	if (!sid)
		return NULL;
	snprintf(full, sizeof full, "%s:%s", sid->module, name);
	return json_string(full);
}

static json_t *value_json(size_t index, const uint8_t *data, size_t len)
{
	char text[BASE64];

	secret_to_base64(data, len, text);
	return json_pack("{s:I,s:s}", "index", (json_int_t)index, "value", text);
}

static json_t *values_json(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < schc_rule_values(desc); i++) {
		size_t len;
		const uint8_t *data = schc_rule_value(rule, desc, i, &len);

		json_array_append_new(list, value_json(i, data, len));
	}
	return list;
}

static json_t *msb_json(unsigned bits)
{
	uint8_t data[2] = {(uint8_t)(bits >> 8), (uint8_t)bits};
	size_t skip = bits > UINT8_MAX ? 0 : 1;
	json_t *list = json_array();

	json_array_append_new(list, value_json(0, data + skip, sizeof data - skip));
	return list;
}

json_t *rules_entry_json(const struct schc_rule *rule, const struct schc_field_desc *desc)
{
	struct rules_names names = rules_names(desc);
	json_t *out = names.field ? json_object() : NULL;

	if (!out)
		return NULL;
	json_object_set_new(out, "field-id", identity(names.field));
	json_object_set_new(out, "field-length",
		names.length ? identity(names.length) : json_integer(desc->fl));
	json_object_set_new(out, "field-position", json_integer(desc->fp));
	json_object_set_new(out, "direction-indicator", identity(names.direction));
	if (schc_rule_values(desc))
		json_object_set_new(out, "target-value", values_json(rule, desc));
	json_object_set_new(out, "matching-operator", identity(names.mo));
	if (desc->mo == SCHC_MO_MSB)
		json_object_set_new(out, "matching-operator-value", msb_json(desc->msb));
	json_object_set_new(out, "comp-decomp-action", identity(names.cda));
	return out;
}

json_t *rules_rule_json(const struct schc_rule *rule)
{
	bool none = rule->nature == SCHC_NO_COMPRESSION;
	json_t *entries = none ? NULL : json_array();
	json_t *out = json_pack("{s:i,s:i,s:o}", "rule-id-value", (int)rule->id, "rule-id-length",
		(int)rule->id_bits, "rule-nature",
		identity(none ? "nature-no-compression" : "nature-compression"));

	for (unsigned i = 0; entries && i < rule->n; i++)
		if (json_array_append_new(entries, rules_entry_json(rule, &rule->field[i]))) {
			json_decref(entries);
			json_decref(out);
			return NULL;
		}
	if (entries)
		json_object_set_new(out, "entry", entries);
	return out;
}
