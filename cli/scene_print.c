/* SPDX-License-Identifier: Apache-2.0 */
/* What `rules explain` says of one packet, in 80 columns, as JSON, as a picture. */
#include "cli/scene.h"

#include "cli/json.h"
#include "cli/print.h"
#include "cli/rules_entry.h"
#include "cli/rules_json.h"
#include "crypto/aead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 320, TITLE = 256 };

/* What would happen to a packet that no rule takes. */
static const char *fate(const struct scene *scene)
{
	if (!scene->subject->attrs.iipc && !scene->subject->attrs.rules)
		return "nothing is compressed: the packet travels whole";
	if (scene->context.rule_id)
		return "the daemon sends it whole, behind the RuleID that says so";
	return "the daemon sends it through the fallback SA, as plain ESP; where there is none "
	       "(keys by hand), it is dropped and counted as no-fit";
}

/* "64, 63, 255" */
static const char *targets(
	const struct schc_rule *rule, const struct schc_field_desc *desc, char *out, size_t cap)
{
	size_t used = 0;

	*out = '\0';
	for (unsigned i = 0; i < schc_rule_values(desc) && used + 24 < cap; i++) {
		char one[ACCOUNT_VALUE];
		int n = snprintf(out + used, cap - used, "%s%.60s", i ? ", " : "",
			account_target(rule, desc, i, one, sizeof one));

		used += n > 0 ? (size_t)n : 0;
	}
	return out;
}

static const char *refusal(const struct scene *scene)
{
	if (!scene->rule)
		return "no rule compresses";
	return scene->told.text ? scene->told.text
				: "its hop limit has to arrive as it is (on one link only, or "
				  "below 8), and the rule takes it from the outer header";
}

static void describe_failure(const struct scene *scene, char *out, size_t cap)
{
	const struct schc_explained *told = &scene->told;
	const struct schc_explained_field *field = &told->field[told->failed];
	const struct schc_field_desc *desc;
	char name[ACCOUNT_FIELD];
	char value[ACCOUNT_VALUE];
	char list[TARGETS];

	if (scene->rule && told->failed >= told->n && told->has_extra) {
		snprintf(out, cap, "%s: CoAP option %u", refusal(scene), (unsigned)told->extra);
		return;
	}
	if (!scene->rule || told->failed >= told->n) {
		snprintf(out, cap, "%s", refusal(scene));
		return;
	}
	desc = &scene->rule->field[field->desc];
	account_field_name(desc->fid, name, sizeof name);
	account_value(&scene->ip, desc, field, value, sizeof value);
	if (desc->mo == SCHC_MO_IGNORE)
		snprintf(out, cap, "%s: %s (the packet has %s)", name, field->why, value);
	else
		snprintf(out, cap, "%s: the rule has %s%s, the packet has %s", name,
			targets(scene->rule, desc, list, sizeof list),
			desc->mo == SCHC_MO_MSB ? " and what begins like it" : "", value);
}

static void print_members(char mark, const json_t *entry, const json_t *other)
{
	json_t *shown = json_object();
	const char *key;
	json_t *value;
	char *text;

	json_object_foreach((json_t *)(uintptr_t)entry, key, value)
	{
		if (!other || !json_equal(value, json_object_get(other, key)))
			json_object_set(shown, key, value);
	}
	text = json_dumps(shown, JSON_PRESERVE_ORDER);
	if (text && strlen(text) > 2)
		printf("  %c %.*s\n", mark, (int)strlen(text) - 2, text + 1);
	free(text);
	json_decref(shown);
}

static void print_repair(const struct scene *scene)
{
	const struct repair *repair = &scene->repair;

	printf("smallest change that makes it match (tried: %zu -> %zu octets and back):\n",
		scene->ip.len, repair->after);
	if (repair->attribute && scene->subject->peer && repair->key)
		printf("  + %s\n", repair->key);
	else if (repair->attribute)
		printf("  + \"%s\": %s%s%s\n", repair->attribute,
			strcmp(repair->word, "true") == 0 ? "" : "\"", repair->word,
			strcmp(repair->word, "true") == 0 ? "" : "\"");
	for (unsigned i = 0; i < repair->n; i++) {
		const struct repair_edit *edit = &repair->edit[i];

		printf("%s ietf-schc:schc.rule[%u].entry[%u], %s\n", edit->insert ? "before" : "in",
			repair->rule, edit->entry, json_text(edit->now, "field-id", "?"));
		if (edit->was)
			print_members('-', edit->was, edit->now);
		print_members('+', edit->now, edit->was);
	}
}

static void print_failed(const struct scene *scene)
{
	char why[TARGETS + 2 * ACCOUNT_VALUE];

	describe_failure(scene, why, sizeof why);
	printf("%s,\n%s; %zu octets\n", scene->name,
		scene->rule ? "comes nearest and does not take the packet" : "takes no packet",
		scene->ip.len);
	if (scene->rule)
		account_print(&scene->account, stdout);
	print_words(why);
	print_words(fate(scene));
	if (scene->repaired)
		print_repair(scene);
	else
		print_words("no change to a rule makes it match: this packet needs a rule of "
			    "its own (dietvpn rules learn)");
}

static json_t *failed_json(const struct scene *scene)
{
	char why[TARGETS + 2 * ACCOUNT_VALUE];
	json_t *out = json_object();

	describe_failure(scene, why, sizeof why);
	json_object_set_new(out, "why", json_string(why));
	json_object_set_new(out, "daemon", json_string(fate(scene)));
	if (scene->repaired) {
		json_object_set_new(out, "edit",
			repair_patch(
				&scene->repair, scene->cli->profile ? scene->cli->profile : ""));
		json_object_set_new(out, "edited", json_integer((json_int_t)scene->repair.after));
	}
	return out;
}

void scene_print(const struct scene *scene)
{
	json_t *out;

	if (scene->cli->json) {
		out = json_pack("{s:b,s:s,s:s,s:I,s:I,s:o}", "matches", scene->taken, "rule",
			scene->name, "direction", schc_di_name(scene->di), "inner_before",
			(json_int_t)scene->result.before, "inner_after",
			(json_int_t)scene->result.after, "packet", account_json(&scene->account));
		if (!scene->taken)
			json_object_set_new(out, "failed", failed_json(scene));
		json_print(out);
		json_decref(out);
		return;
	}
	if (!scene->taken) {
		print_failed(scene);
		return;
	}
	printf("%s,\ntakes the packet: %u of %u fields; %zu octets, %s\n", scene->name,
		scene->told.n, scene->told.n, scene->ip.len, scene->subject->suite->name);
	account_print(&scene->account, stdout);
	putchar('\n');
	account_print_map(&scene->account, stdout);
}

int scene_write_svg(const struct scene *scene, const struct account *account)
{
	char title[TITLE];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int status;

	if (!out)
		return cli_fail(CLI_FAILED, "", "out of memory");
	snprintf(title, sizeof title, "%s: %u octets become %u", scene->name, account->before / 8,
		account->after / 8);
	account_svg(account, title, out);
	fclose(out);
	status = rules_write_file(scene->cli->svg, text, len);
	free(text);
	return status;
}

int scene_write_repaired(const struct scene *scene)
{
	const struct repair *repair = &scene->repair;
	struct tree_error error = {0};
	struct tree_writer w;
	json_t *json;
	json_t *rules;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int status;

	if (!scene->repaired || !repair->n || scene->subject->peer)
		return cli_fail(CLI_FAILED, "", "-o: there is no changed rule set to write");
	tree_writer_init(&w);
	tree_put_node(&w, tree_root(scene->subject->rules.file.tree));
	json = rules_json_dump(w.data, w.len, &error);
	tree_writer_fini(&w);
	rules = json_object_get(json_object_get(json, "ietf-schc:schc"), "rule");
	out = open_memstream(&text, &len);
	if (!rules || !out ||
		json_array_set_new(rules, repair->rule, rules_rule_json(&repair->fixed))) {
		status = cli_fail(CLI_FAILED, "", "-o: out of memory");
	} else {
		rules_json_print(json, out);
		fflush(out);
		status = rules_write_file(scene->cli->output, text, len);
	}
	if (out)
		fclose(out);
	free(text);
	json_decref(json);
	return status;
}
