/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dietvpnd, and what the service manager says in its place. */
#include "daemon/options.h"

#include <getopt.h>
#include <string.h>

enum { OPT_PLUGIN_DIR = 256, OPT_STATE_DIR, OPT_RUN_DIR, OPT_USER, OPT_CLEAN };

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"foreground", no_argument, NULL, 'f'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"user", required_argument, NULL, OPT_USER},
	{"clean", no_argument, NULL, OPT_CLEAN},
	{NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
	fputs("usage: dietvpnd [-c DIR] [-f] [-v] [-V] [--plugin-dir DIR] [--state-dir DIR]\n"
	      "                [--run-dir DIR] [--user USER] [--clean]\n"
	      "  -c, --config DIR   configuration, default /etc/dietvpn\n"
	      "  -f, --foreground   accepted; it never leaves the foreground\n"
	      "  -v, --verbose      log everything\n"
	      "  -V, --version      print the version\n"
	      "  --plugin-dir DIR   keying plugins, default " DIETVPN_PLUGIN_DIR "\n"
	      "  --state-dir DIR    what survives a crash, default /var/lib/dietvpn\n"
	      "  --run-dir DIR      control sockets, default /run/dietvpn\n"
	      "  --user USER        to run as when started as root, default _dietvpn\n"
	      "  --clean            remove the TUNs, routes and guards of an earlier life, and "
	      "exit\n",
		to);
}

/* Systemd writes several directories with colons between; ours is the first. */
static void from_env(char out[OPTIONS_PATH_MAX], const char *value)
{
	size_t len = value ? strcspn(value, ":") : 0;

	if (len && len < OPTIONS_PATH_MAX) {
		memcpy(out, value, len);
		out[len] = '\0';
	}
}

static void defaults(struct options *options, options_env *env)
{
	*options = (struct options){
		.conf_dir = "/etc/dietvpn",
		.plugin_dir = DIETVPN_PLUGIN_DIR,
		.state_dir = "/var/lib/dietvpn",
		.run_dir = "/run/dietvpn",
	};
	from_env(options->conf_dir, env("CONFIGURATION_DIRECTORY"));
	from_env(options->state_dir, env("STATE_DIRECTORY"));
	from_env(options->run_dir, env("RUNTIME_DIRECTORY"));
}

static int set(char *out, size_t cap, const char *name, FILE *err)
{
	size_t len = strlen(optarg);

	if (!len || len >= cap) {
		fprintf(err, "dietvpnd: %s: %s\n", name, len ? "too long" : "empty");
		return EXIT_USAGE;
	}
	memcpy(out, optarg, len + 1);
	return -1;
}

static int take(struct options *options, int opt, FILE *out, FILE *err)
{
	switch (opt) {
	case 'c':
		return set(options->conf_dir, sizeof(options->conf_dir), "-c", err);
	case OPT_PLUGIN_DIR:
		return set(options->plugin_dir, sizeof(options->plugin_dir), "--plugin-dir", err);
	case OPT_STATE_DIR:
		return set(options->state_dir, sizeof(options->state_dir), "--state-dir", err);
	case OPT_RUN_DIR:
		return set(options->run_dir, sizeof(options->run_dir), "--run-dir", err);
	case OPT_USER:
		return set(options->user, sizeof(options->user), "--user", err);
	case 'f':
		return -1;
	case 'v':
		options->verbose = true;
		return -1;
	case OPT_CLEAN:
		options->clean = true;
		return -1;
	case 'V':
		fputs("dietvpnd " DIETVPN_VERSION "\n", out);
		return 0;
	case 'h':
		usage(out);
		return 0;
	default:
		return EXIT_USAGE;
	}
}

static void complain(char **argv, int opt, FILE *err)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		fprintf(err, "dietvpnd: %s needs a value\n", word);
	else if (optopt && optopt < 256)
		fprintf(err, "dietvpnd: unknown option -%c\n", optopt);
	else
		fprintf(err, "dietvpnd: unknown option %s\n", word);
}

int options_parse(
	struct options *options, int argc, char **argv, options_env *env, FILE *out, FILE *err)
{
	int opt;
	int code = -1;

	defaults(options, env);
	optind = 0; /* glibc: begin anew, also when called twice */
	opterr = 0;
	while (code == -1 && (opt = getopt_long(argc, argv, ":c:fvVh", long_options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			complain(argv, opt, err);
		code = take(options, opt, out, err);
	}
	if (code == -1 && optind < argc) {
		fprintf(err, "dietvpnd: unexpected argument %s\n", argv[optind]);
		code = EXIT_USAGE;
	}
	if (code == EXIT_USAGE)
		usage(err);
	return code;
}
