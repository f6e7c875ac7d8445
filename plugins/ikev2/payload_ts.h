/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selector payloads: cut, written, narrowed (RFC 7296 2.9 and 3.13). */
#ifndef DIETVPN_IKEV2_PAYLOAD_TS_H
#define DIETVPN_IKEV2_PAYLOAD_TS_H

#include "common/selectors.h"
#include "ikev2/payload.h"

/*
 * Selectors of a valid body that we know; unknown types are skipped, more than TS_MAX left out
 * (narrowing allows both). *all: nothing was left out.
 */
void payload_ts_parse(struct slice body, struct selectors *out, bool *all);
void payload_ts_add(
	struct payload_writer *w, enum payload_type type, const struct selectors *selectors);
/* What both have in common; false: nothing. The first of "offered" leads. */
bool selectors_narrow(
	const struct selectors *offered, const struct selectors *allowed, struct selectors *out);
/* Every selector of "in" lies within one of "outer". */
bool selectors_within(const struct selectors *in, const struct selectors *outer);

#endif
