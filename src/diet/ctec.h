/* SPDX-License-Identifier: Apache-2.0 */
/* Clear text ESP compressor (CTEC): the ESP trailer, diet-esp.md section 4. */
#ifndef DIETVPN_DIET_CTEC_H
#define DIETVPN_DIET_CTEC_H

#include "base/drop.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct diet_context;

/* Octets of trailer behind len octets of IIPC output. */
size_t ctec_trailer_len(const struct diet_context *context, size_t len);
/* next_header: 4 or 41 in tunnel mode, the protocol in transport mode. DROP_NO_BUFFER without
 * tailroom. */
enum drop ctec_add_trailer(
	const struct diet_context *context, uint8_t next_header, struct buf *pkt);
/* Checks padding octets 1, 2, 3 ...; *next_header as sent or as the SA implies, 0: implied and both
 * versions possible. */
enum drop ctec_remove_trailer(
	const struct diet_context *context, struct buf *pkt, uint8_t *next_header);

#endif
