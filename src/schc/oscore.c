/* SPDX-License-Identifier: Apache-2.0 */
/* OSCORE's option in its parts, RFC 8613 6.1: flags, Partial IV, kid context, kid. */
#include "schc/oscore.h"

enum {
	RESERVED = 0xe0,
	HAS_KIDCTX = 0x10,
	HAS_KID = 0x08,
	PIV_LEN = 0x07,
	PIV_MAX = 5, /* 6 and 7 are reserved */
};

bool oscore_split(struct oscore_view *view, const uint8_t *value, size_t len)
{
	uint8_t flags = len ? value[0] : 0;
	size_t at = len ? 1u + (flags & PIV_LEN) : 0;

	if (flags & RESERVED || (flags & PIV_LEN) > PIV_MAX || at > len || len > UINT16_MAX)
		return false;
	*view = (struct oscore_view){.at = {0, len ? 1 : 0, (uint16_t)at}};
	if (flags & HAS_KIDCTX) {
		if (at == len || value[at] >= len - at)
			return false;
		at += 1u + value[at];
	}
	view->at[OSCORE_KID] = (uint16_t)at;
	view->at[OSCORE_PARTS] = (uint16_t)len;
	return flags & HAS_KID || at == len;
}
