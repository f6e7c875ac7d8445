/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys: reference.conf is made from it, the parser knows each, suggestions are near.
 */
#include "config/config.h"
#include "config/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(keys, reference_is_what_the_table_prints)
{
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	char path[512];
	char *made = NULL;
	size_t len = 0;
	static char kept[65536];
	if (!dir)
		cr_skip_test("no DIETVPN_SOURCE_DIR: run by ctest");
	FILE *out = open_memstream(&made, &len);
	keys_print_reference(out);
	fclose(out);
	snprintf(path, sizeof path, "%s/conf/reference.conf", dir);
	FILE *in = fopen(path, "r");
	cr_assert(in, "%s", path);
	kept[fread(kept, 1, sizeof kept - 1, in)] = '\0';
	fclose(in);
	/* DIETVPN_UPDATE=1 writes the file anew */
	if (strcmp(made, kept) != 0 && getenv("DIETVPN_UPDATE")) {
		in = fopen(path, "w");
		fputs(made, in);
		fclose(in);
	}
	cr_assert_str_eq(kept, made, "conf/reference.conf is not what the table prints");
	free(made);
}

Test(keys, mdoc_has_every_key_once)
{
	char *made = NULL;
	size_t len = 0;
	const struct config_key *key;
	FILE *out = open_memstream(&made, &len);
	keys_print_mdoc(out);
	fclose(out);
	for (size_t i = 0; (key = keys_at(i)); i++) {
		char item[64];
		snprintf(item, sizeof item, ".It Ic %s\n", key->name);
		cr_assert(strstr(made, item), "%s", key->name);
		cr_assert(key->help[0] && key->values[0] && key->default_text[0]);
		cr_assert_eq(keys_find(key->section, key->name), key, "%s stands twice", key->name);
	}
	/* as many lists closed as opened */
	size_t depth = 0;
	for (char *line = made; *line; line = strchr(line, '\n') + 1) {
		depth += strncmp(line, ".Bl ", 4) == 0;
		depth -= strncmp(line, ".El", 3) == 0;
		cr_assert_leq(depth, 1);
	}
	cr_assert_eq(depth, 0);
	free(made);
}

/* No key of the table is unknown to the parser: an empty value is, a wrong one may be its error. */
Test(keys, parser_knows_each)
{
	const struct config_key *key;
	for (size_t i = 0; (key = keys_at(i)); i++) {
		static struct config_errors errors;
		struct config config;
		char text[256];
		bool peer = strcmp(key->section, "Peer") == 0;
		memset(&errors, 0, sizeof errors);
		snprintf(text, sizeof text, "[Interface]\n%s%s%s = ?\n",
			peer ? "Address = fd00::1/64\n[Peer \"b\"]\n" : "", "", key->name);
		int err = config_load_text("t", text, strlen(text), &config, &errors);
		if (!err)
			config_fini(&config);
		for (size_t k = 0; k < errors.n; k++)
			cr_assert(!strstr(errors.list[k].text, "unknown key"), "%s: %s", key->name,
				errors.list[k].text);
		if (peer && !err)
			cr_assert_eq(config.n_peers, 0);
	}
}

Test(keys, nearest)
{
	static const struct {
		const char *section, *plugin, *name, *nearest;
	} rows[] = {
		{"Peer", NULL, "Compres", "Compress"},
		{"Peer", NULL, "Comprss", "Compress"},
		{"Peer", NULL, "endpoint", "Endpoint"},
		{"Peer", NULL, "EndPiont", "Endpoint"},
		{"Peer", NULL, "Retransmision", "Retransmission"},
		{"Peer", NULL, "FlowlabelCDA", "FlowLabelCda"},
		{"Peer", NULL, "OutSpi", NULL},
		{"Peer", "manual", "OutSPIs", "OutSpi"},
		{"Peer", "manual", "InKeys", "InKey"},
		{"Peer", NULL, "Xyz", NULL},
		{"Peer", NULL, "Tsart", "Start"},
		{"Interface", NULL, "Mut", "Mtu"},
		{"Peer", NULL, "Id", "Id"},
		{"Peer", NULL, "Ix", "Id"},
		{"Interface", NULL, "MTU", "Mtu"},
		{"Interface", NULL, "Adress", "Address"},
		{"Interface", NULL, "Wireguard", NULL},
		{"Interface", NULL,
			"AVeryLongKeyThatIsLongerThanAnyKeyAndLongerThanTheTableOfDistances", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *got = keys_nearest_in(rows[i].section, rows[i].plugin, rows[i].name);
		cr_expect(got == rows[i].nearest ||
				  (got && rows[i].nearest && strcmp(got, rows[i].nearest) == 0),
			"%s: %s", rows[i].name, got ? got : "none");
	}
	cr_assert_null(keys_nearest("x", NULL, 0));
	cr_assert_null(keys_nearest("abcdef", (const char *const[]){NULL, NULL}, 2));
}

/* Two plugins may call a key the same; neither takes it away from the other. */
Test(keys, of_two_plugins)
{
	static const char *const of_manual[] = {"OutSpi", "OutKey", "InSpi", "InKey", "Esn",
		"Fallback", "LifeTime", "LifePackets", "LifeBytes"};

	for (size_t i = 0; i < sizeof of_manual / sizeof *of_manual; i++)
		cr_expect(keys_plugin_has("manual", of_manual[i]), "%s", of_manual[i]);
	cr_expect(keys_plugin_has("ikev2", "Fallback"));
	cr_expect_not(keys_plugin_has("ikev2", "OutSpi"));
}
