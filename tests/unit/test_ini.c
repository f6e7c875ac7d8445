/* SPDX-License-Identifier: Apache-2.0 */
/* The traps of inih, and files of a tunnel in their order. */
#include "config/ini.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config_errors errors;

static int load(const char *text, size_t len, struct ini *ini)
{
	memset(&errors, 0, sizeof errors);
	return ini_read_text("t.conf", text, len, ini, &errors);
}

static void check_row(
	const struct ini *ini, size_t i, unsigned line, const char *key, const char *value)
{
	cr_assert_lt(i, ini->n_rows);
	cr_expect_eq(ini->rows[i].line, line, "row %zu line %u", i, ini->rows[i].line);
	if (!key)
		cr_expect_null(ini->rows[i].key);
	else
		cr_expect(strcmp(ini->rows[i].key, key) == 0 &&
				  strcmp(ini->rows[i].value, value) == 0,
			"row %zu: %s = '%s'", i, ini->rows[i].key, ini->rows[i].value);
}

Test(ini, comments_lines_and_values)
{
	static const char text[] = "\xef\xbb\xbf# first\r\n"
				   "; second\n"
				   "  [Interface]  # heading\n"
				   "A = 1 # comment\n"
				   "B = 2 ; comment\n"
				   "C = a#b;c\n"
				   "\n"
				   "   D = indented, no continuation\n"
				   "E: colon\r\n"
				   "F = x = y\n"
				   "\t[Peer \"a-b.c@d:e\"];x\n"
				   "G=\t end";
	struct ini ini;
	cr_assert_eq(load(text, sizeof text - 1, &ini), -EINVAL); /* ";x" needs a blank before it */
	cr_assert_str_eq(errors.list[0].at, "t.conf:11");
	ini_fini(&ini);
	char good[sizeof text];
	memcpy(good, text, sizeof text);
	*strstr(good, "];x") = ' ';
	memcpy(strstr(good, " ;x"), "] #", 3);
	cr_assert_eq(load(good, sizeof good - 1, &ini), 0, "%s %s", errors.list[0].at,
		errors.list[0].text);
	cr_assert_eq(ini.n_rows, 9);
	check_row(&ini, 0, 3, NULL, NULL);
	check_row(&ini, 1, 4, "A", "1");
	check_row(&ini, 2, 5, "B", "2");
	check_row(&ini, 3, 6, "C", "a#b;c");
	check_row(&ini, 4, 8, "D", "indented, no continuation");
	check_row(&ini, 5, 9, "E", "colon");
	check_row(&ini, 6, 10, "F", "x = y");
	check_row(&ini, 7, 11, NULL, NULL);
	check_row(&ini, 8, 12, "G", "end");
	cr_assert_str_eq(ini.rows[0].section, "Interface");
	cr_assert_str_eq(ini.rows[0].name, "");
	cr_assert_str_eq(ini.rows[8].section, "Peer");
	cr_assert_str_eq(ini.rows[8].name, "a-b.c@d:e");
	ini_fini(&ini);
}

/* inih cuts lines at 200 and section names at 49 characters by default. */
Test(ini, long_lines_and_names)
{
	static char text[3000];
	char name[41];
	struct ini ini;
	memset(name, 'n', 40);
	name[40] = '\0';
	for (size_t len = 150; len <= 1001; len += len < 990 ? 84 : 1) {
		int head = sprintf(text, "[Group \"%s\"]\n", name);
		sprintf(text + head, "K = %0*d\nL = end\n", (int)len - 4, 7);
		int err = load(text, strlen(text), &ini);
		if (len <= INI_LINE_MAX) {
			cr_assert_eq(err, 0);
			cr_assert_eq(strlen(ini.rows[1].value), len - 4);
			cr_assert_str_eq(ini.rows[0].name, name);
			check_row(&ini, 2, 3, "L", "end");
		} else {
			cr_assert_eq(err, -EINVAL);
			cr_assert_str_eq(errors.list[0].at, "t.conf:2");
			cr_assert_str_eq(errors.list[0].text, "line longer than 1000 characters");
		}
		ini_fini(&ini);
	}
}

Test(ini, refused)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned line;
	} rows[] = {
		{"[A]\nx\0y = 1\n", 12, 2},
		{"[A]\nx = 1\n[Broken\ny = 2\n", 25, 3},
		{"[A]\nx = 1\nnonsense\ny = 2\n", 25, 3},
		{"[A]\n[Peer \"x\"\ny = 2\n", 20, 2},
		{"[A] ]\n", 6, 1},
		{"[\n", 2, 1},
		{"x = 1\n", 6, 1},
		{"\n\n[A]\n\x7f = 1", 11, 4},
		{"[A]\nx = \xc0\x80\n", 11, 2},
		{"[A]\nx = \ry\n", 11, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ini ini;
		char at[16];
		snprintf(at, sizeof at, "t.conf:%u", rows[i].line);
		cr_expect_eq(load(rows[i].text, rows[i].len, &ini), -EINVAL, "%zu", i);
		cr_expect_eq(errors.n, 1, "%zu", i);
		cr_expect_str_eq(errors.list[0].at, at, "%zu: %s", i, errors.list[0].text);
		ini_fini(&ini);
	}
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

Test(ini, folder_in_order_of_names)
{
	char dir[] = "/tmp/dietvpn-ini-XXXXXX";
	char path[128];
	char folder[64];
	char place[96];
	struct ini ini;
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/home.conf", dir);
	snprintf(folder, sizeof folder, "%s/home.d", dir);
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(ini_read(path, &ini, &errors), -ENOENT);
	cr_assert_str_eq(errors.list[0].at, "home.conf");
	ini_fini(&ini);
	put_file(dir, "home.conf", "[Interface]\nA = 1\n");
	mkdir(folder, 0700);
	put_file(folder, "20-b.conf", "[Peer \"b\"]\nB = 1\n");
	put_file(folder, "10-a.conf", "[Peer \"a\"]\nA = 1\n");
	put_file(folder, "README", "nonsense\n");
	put_file(folder, ".10-a.conf.swp", "nonsense\n");
	put_file(folder, ".hidden.conf", "nonsense\n");
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(ini_read(path, &ini, &errors), 0);
	cr_assert_eq(ini.n_files, 3);
	cr_assert_eq(ini.n_rows, 6);
	cr_assert_str_eq(ini.rows[2].name, "a");
	cr_assert_str_eq(ini.rows[4].name, "b");
	cr_assert_str_eq(ini_at(&ini, 5, place, sizeof place), "home.d/20-b.conf:2");
	ini_fini(&ini);
	/* a section does not go on in the next file */
	put_file(folder, "30-c.conf", "C = 1\n");
	cr_assert_eq(ini_read(path, &ini, &errors), -EINVAL);
	cr_assert_str_eq(errors.list[0].at, "home.d/30-c.conf:1");
	ini_fini(&ini);
	snprintf(path, sizeof path, "%s/30-c.conf", folder);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/home.conf", dir);
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(ini_read(path, &ini, &errors), -EINVAL);
	cr_assert_str_eq(errors.list[0].at, "home.d/30-c.conf");
	ini_fini(&ini);
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

Test(ini, name_of_the_file)
{
	static const char *const names[] = {"home", "home.ini", "", ".conf/"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct ini ini;
		memset(&errors, 0, sizeof errors);
		cr_assert_eq(ini_read(names[i], &ini, &errors), -EINVAL);
		cr_assert_eq(errors.n, 1);
		ini_fini(&ini);
	}
}
