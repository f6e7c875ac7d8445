/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dietvpnd, and what the service manager says in its place. */
#ifndef DIETVPN_DAEMON_OPTIONS_H
#define DIETVPN_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 5, OPTIONS_PATH_MAX = 256 };

struct options {
	char conf_dir[OPTIONS_PATH_MAX], plugin_dir[OPTIONS_PATH_MAX];
	char state_dir[OPTIONS_PATH_MAX], run_dir[OPTIONS_PATH_MAX];
	char user[64]; /* "": nobody asked, then _dietvpn if there is such a user */
	bool verbose, clean;
};

/* getenv, or a test's own. */
typedef const char *options_env(const char *name);

/*
 * Defaults, then CONFIGURATION_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY (the first of a list),
 * then the options. -1: go on; else the exit code (0 after --help and --version on out, 2 with one
 * sentence on err).
 */
int options_parse(
	struct options *options, int argc, char **argv, options_env *env, FILE *out, FILE *err);

#endif
