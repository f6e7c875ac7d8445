/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files and attribute maps in CBOR (diet-esp.md section 12) to and from struct diet_attrs. */
#ifndef DIETVPN_CONFIG_RULES_H
#define DIETVPN_CONFIG_RULES_H

#include "codec/tree.h"
#include "diet/context.h"
#include "dietvpn/types.h"

/*
 * The profile map alone, as a plugin hands it over. Absent keys have the defaults of IKEv2
 * (extension -04: 64-bit alignment, optional trailer, SPI and SN whole, nothing else compressed)
 * and a window that fits; diet_attrs_check has passed. 0 or -EINVAL with *error.
 */
int rules_attrs_read(struct slice cbor, struct diet_attrs *out, struct tree_error *error);
/* Every attribute, so that reading it gives the same; deterministic. */
void rules_attrs_write(struct tree_writer *w, const struct diet_attrs *attrs);
/* A rule file (tag 55799, deterministic): the profile of this name, or the only one where name is
 * "". -ENOENT: no such profile, or several and no name; -EINVAL. */
int rules_file_profile(
	struct slice file, const char *name, struct diet_attrs *out, struct tree_error *error);

#endif
