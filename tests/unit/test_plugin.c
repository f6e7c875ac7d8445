/* SPDX-License-Identifier: Apache-2.0 */
/* keying/plugin.c and plugin_config.c: bad modules by their own message, keys of [Peer], secrets.
 */
#include "keying/plugin.h"

#include "codec/tree.h"
#include "crypto/secret.h"
#include "fakes/shell.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], modules[PATH_MAX];

static void set_up(void)
{
	const char *binary = getenv("DIETVPN_BINARY_DIR");

	cr_assert(binary, "DIETVPN_BINARY_DIR is set by ctest");
	cr_assert_eq(crypto_init(), 0);
	snprintf(modules, sizeof modules, "%s/tests/modules", binary);
	snprintf(dir, sizeof dir, "/tmp/dv-plugin-XXXXXX");
	cr_assert(mkdtemp(dir));
}

static void tear_down(void)
{
	shell("rm -rf %s", dir);
}

TestSuite(plugin, .init = set_up, .fini = tear_down);

static int load(const char *from, const char *name, char *text, size_t len)
{
	struct plugin *plugin = NULL;
	int r = plugin_load(from, name, &plugin, text, len);

	cr_assert_eq(r == 0, plugin != NULL);
	plugin_unload(plugin);
	return r;
}

Test(plugin, each_bad_module_by_its_own_message)
{
	static const struct {
		const char *name;
		int error;
		const char *says;
	} cases[] = {
		{"good", 0, ""},
		{"abi", -EPROTO, "ABI"},
		{"size", -EPROTO, "too short"},
		{"name", -EINVAL, "calls itself \"another\""},
		{"slot", -EINVAL, "lacks the slot \"check\""},
		{"keys", -EINVAL, "CamelCase"},
		{"symbol", -ENOEXEC, "no symbol keying_plugin"},
		{"absent", -ENOENT, "not there"},
		{"../good", -EINVAL, "not a plugin's name"},
		{"", -EINVAL, "not a plugin's name"},
		{"Good", -EINVAL, "not a plugin's name"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		text[0] = '\0';
		cr_expect_eq(load(modules, cases[i].name, text, sizeof text), cases[i].error,
			"%s: %s", cases[i].name, text);
		cr_expect(strstr(text, cases[i].says), "%s: %s", cases[i].name, text);
	}
}

Test(plugin, each_bad_file_by_its_own_message)
{
	char text[512];

	shell("cp %s/good.so %s/good.so; chmod 646 %s/good.so", modules, dir, dir);
	cr_expect_eq(load(dir, "good", text, sizeof text), -EACCES);
	cr_expect(strstr(text, "written by group or others"), "%s", text);
	shell("chmod 664 %s/good.so", dir);
	cr_expect_eq(load(dir, "good", text, sizeof text), -EACCES);
	shell("chmod 644 %s/good.so", dir);
	cr_expect_eq(load(dir, "good", text, sizeof text), 0, "%s", text);
	if (geteuid() == 0) {
		shell("chown 12345 %s/good.so", dir);
		cr_expect_eq(load(dir, "good", text, sizeof text), -EACCES);
		cr_expect(strstr(text, "belongs neither"), "%s", text);
	}
	shell("rm %s/good.so; echo no module > %s/good.so", dir, dir);
	cr_expect_eq(load(dir, "good", text, sizeof text), -ENOEXEC);
	cr_expect(strstr(text, "cannot be loaded"), "%s", text);
	shell("rm %s/good.so; mkdir %s/good.so", dir, dir);
	cr_expect_eq(load(dir, "good", text, sizeof text), -EINVAL);
	cr_expect(strstr(text, "not a regular file"), "%s", text);
}

static void must_load(const char *keys, struct config *config)
{
	static struct config_errors errors;
	char text[2048];
	int n = snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = fd00::1/64\n"
		"[Peer \"peer\"]\nKeying = good\nAddress = fd00::2\n%s",
		keys);

	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load_text("home", text, (size_t)n, config, &errors), 0, "%s: %s",
		errors.list[0].at, errors.list[0].text);
}

static void check_keys(
	struct plugin *plugin, const char *keys, const char *at, const char *says, const char *hint)
{
	static struct config_errors errors;
	struct config config;
	int r;

	memset(&errors, 0, sizeof errors);
	must_load(keys, &config);
	r = plugin_check_keys(plugin, &config, &errors);
	if (!says) {
		cr_expect_eq(r, 0, "%s: %s", keys, errors.list[0].text);
		cr_expect_eq(errors.n, 0u);
	} else {
		cr_expect_eq(r, -EINVAL, "%s", keys);
		cr_expect_eq(errors.n, 1u, "%s: %zu", keys, errors.n);
		cr_expect_str_eq(errors.list[0].at, at);
		cr_expect(strstr(errors.list[0].text, says), "%s", errors.list[0].text);
		cr_expect(strstr(errors.list[0].hint, hint), "%s", errors.list[0].hint);
	}
	config_fini(&config);
}

Test(plugin, keys_of_a_peer)
{
	char text[512];
	char keys[512];
	struct plugin *plugin;

	cr_assert_eq(plugin_load(modules, "good", &plugin, text, sizeof text), 0, "%s", text);
	check_keys(plugin, "Colour = red\n", NULL, NULL, NULL);
	check_keys(plugin, "Colour = red\nTaste = sour\n", NULL, NULL, NULL);
	check_keys(plugin, "Taste = sour\n", "home.conf:4", "needs key Colour", "a colour");
	check_keys(plugin, "Colour = red\nTast = sour\n", "home.conf:8",
		"does not know key \"Tast\" in [Peer \"peer\"]", "did you mean Taste?");
	check_keys(plugin, "Colour = red\nCompres = iot\n", "home.conf:8",
		"does not know key \"Compres\"", "did you mean Compress?");
	snprintf(keys, sizeof keys, "Colour = red\nSecret = %s/s\n", dir);
	check_keys(plugin, keys, "home.conf:8", "No such file", "");
	/* A key in the place of its file's name is not said again, to no log. */
	check_keys(plugin, "Colour = red\nSecret = c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0\n",
		"home.conf:8", "Secret does not name a file", "a file of its own");
	shell("echo x > %s/s; chmod 640 %s/s", dir, dir);
	check_keys(plugin, keys, "home.conf:8", "regular file that nobody else can read", "600");
	shell("chmod 600 %s/s", dir);
	check_keys(plugin, keys, NULL, NULL, NULL);
	shell("mv %s/s %s/t; ln -s %s/t %s/s", dir, dir, dir, dir);
	check_keys(plugin, keys, "home.conf:8", "regular file", "600");
	shell("rm %s/s; mkfifo -m 600 %s/s", dir, dir);
	check_keys(plugin, keys, "home.conf:8", "regular file", "600");
	shell("rm %s/s; head -c 4097 /dev/zero > %s/s; chmod 600 %s/s", dir, dir, dir);
	check_keys(plugin, keys, "home.conf:8", "larger than 4096", "");
	if (geteuid() == 0) {
		shell("echo x > %s/s; chown 12345 %s/s", dir, dir);
		check_keys(plugin, keys, "home.conf:8", "regular file", "owner root");
		/* The daemon's user owns folder and file, while the daemon is still root. */
		shell("chown 12345 %s", dir);
		check_keys(plugin, keys, NULL, NULL, NULL);
		shell("chmod g+w %s", dir);
		check_keys(plugin, keys, "home.conf:8", "regular file", "owner root");
		shell("chmod g-w %s; chown 12346 %s", dir, dir);
		check_keys(plugin, keys, "home.conf:8", "regular file", "owner root");
	}
	plugin_unload(plugin);
}

Test(plugin, secrets)
{
	struct config config;
	char keys[512];
	uint8_t out[64];
	size_t len = 99;

	snprintf(keys, sizeof keys, "Colour = red\nSecret = %s/s\n", dir);
	must_load(keys, &config);
	shell("printf 'abc\\r\\n\\n' > %s/s; chmod 600 %s/s", dir, dir);
	cr_assert_eq(plugin_read_secret(&config, "peer/Secret", out, sizeof out, &len), 0);
	cr_assert_eq(len, 3u);
	cr_assert_eq(memcmp(out, "abc", 3), 0);
	cr_assert_eq(plugin_read_secret(&config, "peer/Secret", out, 5, &len), -EMSGSIZE);
	cr_assert_eq(plugin_read_secret(&config, "peer/Secre", out, sizeof out, &len), -ENOENT);
	cr_assert_eq(plugin_read_secret(&config, "pee/Secret", out, sizeof out, &len), -ENOENT);
	cr_assert_eq(plugin_read_secret(&config, "peer", out, sizeof out, &len), -ENOENT);
	cr_assert_eq(plugin_read_secret(&config, "", out, sizeof out, &len), -ENOENT);
	config_fini(&config);
}

Test(plugin, check_sees_the_file_and_complains_with_its_line)
{
	static struct config_errors errors;
	char text[512];
	char keys[512];
	struct config config;
	struct plugin *plugin;

	cr_assert_eq(plugin_load(modules, "good", &plugin, text, sizeof text), 0, "%s", text);
	must_load("Colour = red\n", &config);
	cr_assert_eq(plugin_check(plugin, &config, &errors), 0);
	config_fini(&config);
	shell("printf bad > %s/s; chmod 600 %s/s", dir, dir);
	snprintf(keys, sizeof keys, "Colour = red\nTaste = %s/s\n", dir);
	must_load(keys, &config);
	cr_assert_eq(plugin_check(plugin, &config, &errors), -EINVAL);
	cr_assert_eq(errors.n, 1u);
	cr_assert(strstr(errors.list[0].text, "taste is bad"));
	cr_assert(strstr(errors.list[0].at, "home.conf:"), "%s", errors.list[0].at);
	config_fini(&config);
	plugin_unload(plugin);
}

Test(plugin, config_as_the_schema_says)
{
	const uint32_t policies[] = {42};
	struct config config;
	struct tree_writer w;
	struct tree *tree;
	tree_node peer;
	tree_node ts;
	const uint8_t *addr;
	const char *word;
	size_t len;
	uint64_t n;

	must_load("Endpoint = [2001:db8::7]:4501\nAllow = udp 5683 from 5684\nColour = red\n",
		&config);
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "good", policies);
	cr_assert_eq(w.error, 0);
	tree = tree_parse(w.data, w.len, TREE_DEPTH_FRAME, NULL);
	cr_assert(tree);
	peer = tree_at(tree_get(tree_root(tree), "peers"), 0);
	cr_assert(tree_uint(tree_get(peer, "policy"), UINT32_MAX, &n) && n == 42);
	cr_assert(
		tree_uint(tree_at(tree_get(tree_root(tree), "listen"), 1), 65535, &n) && n == 4500);
	cr_assert(tree_bytes(tree_at(tree_get(peer, "endpoint"), 0), &addr, &len) && len == 16);
	cr_assert(tree_uint(tree_at(tree_get(peer, "endpoint"), 1), 65535, &n) && n == 4501);
	ts = tree_at(tree_get(peer, "remote"), 0);
	cr_assert(tree_uint(tree_get_int(ts, 2), 255, &n) && n == 17);
	cr_assert(tree_uint(tree_at(tree_get_int(ts, 3), 0), 65535, &n) && n == 5683);
	ts = tree_at(tree_get(peer, "local"), 0);
	cr_assert(tree_uint(tree_at(tree_get_int(ts, 3), 0), 65535, &n) && n == 5684);
	cr_assert(tree_text(tree_at(tree_get(tree_get(peer, "keys"), "Colour"), 0), &word, &len));
	cr_assert(len == 3 && !memcmp(word, "red", 3));
	cr_assert_gt(tree_count(tree_get(peer, "suites")), 0u);
	tree_free(tree);
	tree_writer_fini(&w);
	/* Peers of another plugin are nobody's business. */
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "other", policies);
	tree = tree_parse(w.data, w.len, TREE_DEPTH_FRAME, NULL);
	cr_assert_eq(tree_count(tree_get(tree_root(tree), "peers")), 0u);
	tree_free(tree);
	tree_writer_fini(&w);
	config_fini(&config);
}
