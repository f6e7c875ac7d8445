/* SPDX-License-Identifier: Apache-2.0 */
/* What explaining, repairing and learning rules have in common. */
#include "cli/fields.h"

#include <string.h>

enum schc_fid fields_option(unsigned number)
{
	for (unsigned fid = 0; fid < SCHC_FIDS; fid++)
		if (number && schc_field((enum schc_fid)fid)->option == number)
			return (enum schc_fid)fid;
	return SCHC_FIDS;
}

bool fields_is_structure(unsigned fid)
{
	return fid == SCHC_IPV6_VER || fid == SCHC_IPV4_VER || fid == SCHC_IPV4_IHL ||
	       fid == SCHC_IPV6_NXT || fid == SCHC_IPV4_PROTO || fid == SCHC_COAP_VER;
}

void fields_take(const uint8_t *data, uint32_t at, uint32_t bits, uint8_t *out)
{
	uint32_t lead = (8 - bits % 8) % 8;

	memset(out, 0, (bits + 7) / 8);
	for (uint32_t i = 0; i < bits; i++)
		if (data[(at + i) / 8] >> (7 - (at + i) % 8) & 1)
			out[(lead + i) / 8] =
				(uint8_t)(out[(lead + i) / 8] | 1u << (7 - (lead + i) % 8));
}

bool fields_copy_values(const struct schc_rule *from, const struct schc_field_desc *desc,
	struct schc_rule *to, struct schc_field_desc *copy)
{
	for (unsigned i = 0; i < schc_rule_values(desc); i++) {
		size_t len;
		const uint8_t *value = schc_rule_value(from, desc, i, &len);

		if (!schc_rule_add_value(to, copy, value, len))
			return false;
	}
	return true;
}
