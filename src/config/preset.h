/* SPDX-License-Identifier: Apache-2.0 */
/* The value of Compress: a preset's name, or a rule file's. */
#ifndef DIETVPN_CONFIG_PRESET_H
#define DIETVPN_CONFIG_PRESET_H

#include "config/value.h"

/* Where rule files are installed, of the build's prefix; those in "rules" below the configuration's
 * folder come first. */
#define PRESET_DIR DIETVPN_RULES_DIR

/*
 * off, safe, iot, link; else NAME.cbor in the two folders, its profile NAME or the only one, and
 * its rule set, which the configuration keeps. Sets compress, attrs and rules; attrs stay plain ESP
 * where this fails.
 */
bool preset_load(struct config *config, const char *name, struct config_peer *peer,
	struct value_error *error);
/* A window that fits the sequence number's bits where nobody chose one: at most 2^(n-1). */
void preset_fit_window(struct diet_attrs *attrs);

#endif
