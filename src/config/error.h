/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong in a configuration: place, sentence, hint; all of a file, not only the first. */
#ifndef DIETVPN_CONFIG_ERROR_H
#define DIETVPN_CONFIG_ERROR_H

#include <stddef.h>

struct config_error {
	char at[96];    /* "home.conf:9" */
	char text[224]; /* unknown key "Compres" in [Peer "garage"] */
	char hint[96];  /* did you mean Compress? ; may be "" */
};

enum { CONFIG_ERRORS_MAX = 64 };

struct config_errors {
	struct config_error list[CONFIG_ERRORS_MAX];
	size_t n, lost; /* lost: more than fit */
};

/* at: "FILE:LINE" or ""; hint: what to do, or NULL. A full list counts what it lost. */
__attribute__((format(printf, 4, 5))) void config_errors_add(
	struct config_errors *errors, const char *at, const char *hint, const char *fmt, ...);

#endif
