/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel's file as its keying plugin hears of it. */
#ifndef DIETVPN_FAKES_PLUGIN_TEXT_H
#define DIETVPN_FAKES_PLUGIN_TEXT_H

#include "dietvpn/types.h"

/* CBOR of this configuration for "ikev2", valid until the next call; data NULL: why is in *wrong,
 * a sentence. policies: one per [Peer]. */
struct slice plugin_text(const char *text, const uint32_t *policies, const char **wrong);

#endif
