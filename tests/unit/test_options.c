/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of dietvpnd: exit codes, and who wins over whom. */
#include "daemon/options.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *no_env(const char *name)
{
	(void)name;
	return NULL;
}

static const char *unit_env(const char *name)
{
	if (!strcmp(name, "CONFIGURATION_DIRECTORY"))
		return "/etc/unit";
	if (!strcmp(name, "STATE_DIRECTORY"))
		return "/state/one:/state/two";
	return !strcmp(name, "RUNTIME_DIRECTORY") ? "" : NULL;
}

static int parse(struct options *options, const char *line, options_env *env, char *out, char *err)
{
	char copy[2048];
	char *argv[32] = {"dietvpnd"};
	int argc = 1;
	FILE *files[2] = {fmemopen(out, 4096, "w"), fmemopen(err, 4096, "w")};
	int code;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	out[0] = err[0] = '\0';
	code = options_parse(options, argc, argv, env, files[0], files[1]);
	fclose(files[0]);
	fclose(files[1]);
	return code;
}

Test(options, exit_codes)
{
	static const struct {
		const char *line;
		int code;
		const char *says;
	} cases[] = {
		{"", -1, ""},
		{"-f -v", -1, ""},
		{"--clean -c /x", -1, ""},
		{"-V", 0, "dietvpnd 0."},
		{"--help", 0, "usage: dietvpnd"},
		{"-x", 2, "unknown option -x"},
		{"--nonsense", 2, "unknown option --nonsense"},
		{"-c", 2, "-c needs a value"},
		{"--user", 2, "--user needs a value"},
		{"home", 2, "unexpected argument home"},
	};
	struct options options;
	char out[4096];
	char err[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = parse(&options, cases[i].line, no_env, out, err);
		const char *said = cases[i].code == 2 ? err : out;

		cr_assert_eq(code, cases[i].code, "%s: %d", cases[i].line, code);
		cr_assert(strstr(said, cases[i].says), "%s says: %s", cases[i].line, said);
		cr_assert(code == 2 || !err[0], "%s on stderr: %s", cases[i].line, err);
	}
}

Test(options, order)
{
	struct options options;
	char out[4096];
	char err[4096];
	char line[600] = "-c ";

	parse(&options, "", no_env, out, err);
	cr_assert_str_eq(options.conf_dir, "/etc/dietvpn");
	cr_assert_str_eq(options.state_dir, "/var/lib/dietvpn");
	cr_assert_str_eq(options.run_dir, "/run/dietvpn");
	cr_assert_str_eq(options.user, "");
	parse(&options, "", unit_env, out, err);
	cr_assert_str_eq(options.conf_dir, "/etc/unit");
	cr_assert_str_eq(options.state_dir, "/state/one");
	cr_assert_str_eq(options.run_dir, "/run/dietvpn");
	parse(&options, "--config /a --state-dir=/b --run-dir /c --plugin-dir /d --user u -v",
		unit_env, out, err);
	cr_assert_str_eq(options.conf_dir, "/a");
	cr_assert_str_eq(options.state_dir, "/b");
	cr_assert_str_eq(options.run_dir, "/c");
	cr_assert_str_eq(options.plugin_dir, "/d");
	cr_assert_str_eq(options.user, "u");
	cr_assert(options.verbose && !options.clean);
	memset(line + 3, 'a', 400);
	cr_assert_eq(parse(&options, line, no_env, out, err), 2);
	cr_assert(strstr(err, "too long"));
}
