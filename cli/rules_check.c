/* SPDX-License-Identifier: Apache-2.0 */
/* rules check: is a rule file what the daemon loads, and what does it say? */
#include "cli/rules.h"

#include "cli/json.h"

#include <stdio.h>
#include <string.h>

static void print_summary(const char *path, const struct rules *rules)
{
	size_t profiles = tree_count(rules->file.profiles);

	printf("%s: %zu octets, digest %.*s\n", path, rules->octets, RULES_DIGEST_SHOWN,
		rules->digest);
	printf("  %zu profile%s:", profiles, profiles == 1 ? "" : "s");
	for (size_t i = 0; i < profiles; i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		tree_node key;
		tree_node value;

		tree_pair(rules->file.profiles, i, &key, &value);
		if (tree_text_copy(key, name, sizeof name))
			printf(" %s", name);
	}
	putchar('\n');
	if (rules->set.set.n)
		printf("  %u rule%s, digest %.*s\n", rules->set.set.n,
			rules->set.set.n == 1 ? "" : "s", RULES_DIGEST_SHOWN, rules->set_digest);
}

static json_t *summary(const struct rules *rules)
{
	json_t *names = json_array();
	json_t *out;

	for (size_t i = 0; i < tree_count(rules->file.profiles); i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		tree_node key;
		tree_node value;

		tree_pair(rules->file.profiles, i, &key, &value);
		if (tree_text_copy(key, name, sizeof name))
			json_array_append_new(names, json_string(name));
	}
	out = json_pack("{s:I,s:s,s:o,s:i}", "octets", (json_int_t)rules->octets, "digest",
		rules->digest, "profiles", names, "rules", (int)rules->set.set.n);
	if (rules->set.set.n)
		json_object_set_new(out, "rules_digest", json_string(rules->set_digest));
	return out;
}

int rules_check(const struct cli *cli)
{
	struct rules rules;
	int status;

	if (cli->argc != 1)
		return cli_fail(
			CLI_USAGE, "dietvpn rules check x.cbor", "rules check takes one file");
	status = rules_open(cli->argv[0], &rules);
	if (status)
		return status;
	if (cli->json) {
		json_t *result = summary(&rules);

		json_print(result);
		json_decref(result);
	} else if (!cli->quiet) {
		print_summary(cli->argv[0], &rules);
	}
	rules_close(&rules);
	return CLI_OK;
}
