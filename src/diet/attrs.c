/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of draft-ietf-ipsecme-diet-esp-07 section 4: presets, and what may stand together.
 */
#include "diet/attrs.h"

#include <string.h>

enum { WINDOW_DEFAULT = 1024, WINDOW_IOT = 64, WINDOW_MAX = 16384, LSB_MAX = 32, DSCP_VALUES = 64 };

struct diet_attrs diet_attrs_plain(void)
{
	return (struct diet_attrs){
		.wire_profile = WIRE_DIET_ESP_07,
		.iipc = false,
		.dscp_cda = DSCP_NOT_COMPRESSED,
		.ecn_cda = ECN_NOT_COMPRESSED,
		.flow_label_cda = FLOW_LABEL_NOT_COMPRESSED,
		.hop_limit_cda = HOP_LIMIT_NOT_COMPRESSED,
		.alignment = ALIGNMENT_32,
		.esp_trailer = ESP_TRAILER_MANDATORY,
		.esp_spi_lsb = LSB_MAX,
		.esp_sn_lsb = LSB_MAX,
		.verify_checksum = true,
		.window = WINDOW_DEFAULT,
	};
}

/* What is elided is known from the SA or computed; the outer header decides nothing inside. */
static struct diet_attrs preset_safe(void)
{
	struct diet_attrs attrs = diet_attrs_plain();

	attrs.iipc = true;
	/* The Next Header follows from the selectors; Optional is also what IKE peers assume. */
	attrs.esp_trailer = ESP_TRAILER_OPTIONAL;
	return attrs;
}

static struct diet_attrs preset_iot(void)
{
	struct diet_attrs attrs = preset_safe();

	attrs.dscp_cda = DSCP_LOWER;
	attrs.ecn_cda = ECN_LOWER;
	/* Not zero: hosts label every IPv6 flow, and each such packet would need the fallback. */
	attrs.flow_label_cda = FLOW_LABEL_GENERATED;
	attrs.hop_limit_cda = HOP_LIMIT_LOWER;
	attrs.alignment = ALIGNMENT_8;
	attrs.esp_spi_lsb = 8;
	attrs.esp_sn_lsb = 8;
	attrs.window = WINDOW_IOT;
	return attrs;
}

static struct diet_attrs preset_link(void)
{
	struct diet_attrs attrs = preset_safe();

	attrs.alignment = ALIGNMENT_8;
	attrs.esp_spi_lsb = 16;
	attrs.esp_sn_lsb = 16;
	return attrs;
}

bool diet_attrs_preset(const char *name, struct diet_attrs *out)
{
	static const struct {
		const char *name;
		struct diet_attrs (*make)(void);
	} presets[] = {
		{"off", diet_attrs_plain},
		{"safe", preset_safe},
		{"iot", preset_iot},
		{"link", preset_link},
	};

	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		if (strcmp(name, presets[i].name) != 0)
			continue;
		*out = presets[i].make();
		return true;
	}
	return false;
}

static const char *check_dscp_list(const struct diet_attrs *attrs)
{
	if (attrs->n_dscp > DIET_DSCP_MAX)
		return "dscp_list has more than 64 entries";
	if (attrs->dscp_cda == DSCP_SA && !attrs->n_dscp)
		return "dscp_cda = sa needs a dscp_list";
	for (unsigned i = 0; i < attrs->n_dscp; i++) {
		if (attrs->dscp_list[i] >= DSCP_VALUES)
			return "dscp_list: a DSCP has 6 bits";
		if (memchr(attrs->dscp_list, attrs->dscp_list[i], i))
			return "dscp_list: a value stands twice";
	}
	return NULL;
}

static const char *check_header(const struct diet_attrs *attrs)
{
	unsigned n = attrs->esp_sn_lsb;

	if (attrs->esp_spi_lsb > LSB_MAX || n > LSB_MAX)
		return "esp_spi_lsb and esp_sn_lsb are 0 to 32 bits";
	if ((attrs->esp_spi_lsb + n) % 8)
		return "esp_spi_lsb and esp_sn_lsb must add up to a multiple of 8 bits";
	if (!attrs->window || attrs->window > WINDOW_MAX)
		return "the replay window is 1 to 16384 packets";
	if (n && attrs->window > (uint64_t)1 << (n - 1))
		return "the replay window is larger than half the range of esp_sn_lsb";
	return NULL;
}

const char *diet_attrs_check(const struct diet_attrs *attrs)
{
	const char *text;

	if (attrs->wire_profile != WIRE_DIET_ESP_07)
		return "unknown wire profile";
	if (attrs->dscp_cda > DSCP_SA)
		return "dscp_cda is not_compressed, lower or sa";
	if (attrs->ecn_cda > ECN_LOWER)
		return "ecn_cda is not_compressed or lower";
	if (attrs->flow_label_cda > FLOW_LABEL_ZERO)
		return "flow_label_cda is not_compressed, lower, generated or zero";
	if (attrs->hop_limit_cda > HOP_LIMIT_NOT_COMPRESSED)
		return "hop_limit_cda is lower or not_compressed";
	if (attrs->alignment > ALIGNMENT_64)
		return "alignment is 8, 16, 32 or 64 bit";
	if (attrs->esp_trailer > ESP_TRAILER_OPTIONAL)
		return "esp_trailer is Mandatory or Optional";
	text = check_dscp_list(attrs);
	return text ? text : check_header(attrs);
}
