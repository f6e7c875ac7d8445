/* SPDX-License-Identifier: Apache-2.0 */
/* rules: compile and dump, and the way to the other verbs about rule files. */
#include "cli/rules.h"

#include "cli/rules_diag.h"
#include "cli/rules_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_SIZE_MAX = 1 << 20, PATH_LEN = 4096 };

static const struct {
	const char *name;
	cli_verb *run;
} verbs[] = {
	{"compile", rules_compile},
	{"dump", rules_dump},
	{"check", rules_check},
	{"explain", rules_explain},
	{"learn", rules_learn},
	{"list", rules_list},
};

int verb_rules(const struct cli *cli)
{
	struct cli inner = *cli;

	for (size_t i = 0; cli->argc && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, cli->argv[0]) == 0) {
			inner.argc--;
			inner.argv++;
			return verbs[i].run(&inner);
		}
	return cli_fail(CLI_USAGE, "dietvpn --help lists the verbs of rules", "%s \"%s\"",
		cli->argc ? "unknown verb rules" : "a verb is missing behind",
		cli->argc ? cli->argv[0] : "rules");
}

static void hex(const uint8_t digest[static HASH_SHA256_LEN], char out[static RULES_HEX])
{
	for (size_t i = 0; i < HASH_SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static int parse_set(struct rules *rules, struct tree_error *error)
{
	int err = rules_set_read(rules->file.context, &rules->set, error);

	if (!err)
		hex(rules->set.digest, rules->set_digest);
	return err;
}

int rules_parse(struct slice cbor, struct rules *out, struct tree_error *error)
{
	struct rules rules = {.octets = cbor.len};
	uint8_t digest[HASH_SHA256_LEN];
	int err = rules_file_open(cbor, &rules.file, error);

	if (err)
		return err;
	hash_sha256(cbor, digest);
	hex(digest, rules.digest);
	if (rules.file.context)
		err = parse_set(&rules, error);
	if (err)
		rules_close(&rules);
	else
		*out = rules;
	return err;
}

void rules_close(struct rules *rules)
{
	rules_set_free(&rules->set);
	rules_file_close(&rules->file);
}

void rules_put_set(const struct rules *rules, json_t *out)
{
	if (rules->set.set.n)
		json_object_set_new(out, "rules_digest", json_string(rules->set_digest));
	if (rules->set.version)
		json_object_set_new(out, "version", json_integer(rules->set.version));
}

static bool check_bare(const struct tree_writer *w, struct tree_error *error)
{
	struct tree *tree = tree_parse(w->data, w->len, RULES_DEPTH, error);
	struct rules_set set;
	int err = tree ? rules_set_read(tree_root(tree), &set, error) : -EINVAL;

	if (!err)
		rules_set_free(&set);
	tree_free(tree);
	return !err;
}

static long read_stream(FILE *f, size_t max, uint8_t **data)
{
	uint8_t *all = malloc(max + 1);
	size_t n = all ? fread(all, 1, max + 1, f) : 0;
	long result = !all ? -ENOMEM : ferror(f) ? -EIO : n > max ? -EFBIG : (long)n;

	if (result < 0)
		free(all);
	else
		*data = all;
	return result;
}

/* A whole file of at most max octets, for free(); a CLI exit status, the error is printed. */
static int read_file(const char *path, size_t max, uint8_t **data, size_t *len)
{
	FILE *f = fopen(path, "rb");
	long n = f ? read_stream(f, max, data) : -errno;

	if (f)
		fclose(f);
	if (n == -EFBIG)
		return cli_fail(CLI_CONFIG, "", "%s: larger than %zu octets", path, max);
	if (n < 0)
		return cli_fail(CLI_FAILED,
			n == -ENOENT ? "dietvpn rules list says where the installed ones are" : "",
			"%s: %s", path, strerror((int)-n));
	*len = (size_t)n;
	return CLI_OK;
}

/* "FILE: AT: TEXT" as an error; CLI_CONFIG. */
static int wrong(const char *path, const struct tree_error *error)
{
	return cli_fail(
		CLI_CONFIG, "", "%s: %s%s%s", path, error->at, *error->at ? ": " : "", error->text);
}

int rules_write_file(const char *path, const void *data, size_t len)
{
	bool out = !path || strcmp(path, "-") == 0;
	FILE *f = out ? stdout : fopen(path, "wb");
	bool ok = f && fwrite(data, 1, len, f) == len && fflush(f) == 0;
	int error = errno;

	if (f && !out)
		ok = fclose(f) == 0 && ok;
	return ok ? CLI_OK
		  : cli_fail(CLI_FAILED, "", "%s: %s", out ? "standard output" : path,
			    strerror(error));
}

/* "x.json" -> "x.cbor"; false: too long, or it would be the same file. */
static bool output_name(const char *path, char out[static PATH_LEN])
{
	size_t len = strlen(path);

	if (len > 5 && strcmp(path + len - 5, ".json") == 0)
		len -= 5;
	return snprintf(out, PATH_LEN, "%.*s.cbor", (int)len, path) < PATH_LEN &&
	       strcmp(path, out) != 0;
}

static int load_json(const char *path, json_t **json)
{
	json_error_t error;
	uint8_t *data = NULL;
	size_t len = 0;
	int status = read_file(path, JSON_SIZE_MAX, &data, &len);

	if (status)
		return status;
	*json = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, &error);
	free(data);
	return *json ? CLI_OK
		     : cli_fail(CLI_CONFIG, "", "%s:%d:%d: %s", path, error.line, error.column,
			       error.text);
}

/* What people wrote as the daemon will read it; the loader has the last word. */
static bool compile(const json_t *json, bool bare, struct tree_writer *w, struct tree_error *error)
{
	struct rules rules;

	if (!rules_json_compile(json, bare, w, error))
		return false;
	if (w->error) {
		*error = (struct tree_error){.text = "not enough memory"};
		return false;
	}
	if (bare)
		return check_bare(w, error);
	if (rules_parse((struct slice){w->data, w->len}, &rules, error))
		return false;
	rules_close(&rules);
	return true;
}

static int open_json(const char *path, struct rules *out)
{
	struct tree_error error = {0};
	struct tree_writer w;
	json_t *json = NULL;
	int status = load_json(path, &json);

	if (status)
		return status;
	tree_writer_init(&w);
	if (!rules_json_compile(json, false, &w, &error) || w.error ||
		rules_parse((struct slice){w.data, w.len}, out, &error))
		status = wrong(path, &error);
	tree_writer_fini(&w);
	json_decref(json);
	return status;
}

int rules_open(const char *path, struct rules *out)
{
	struct tree_error error = {0};
	uint8_t *data = NULL;
	size_t len = 0;
	int status = read_file(path, JSON_SIZE_MAX, &data, &len);

	if (status)
		return status;
	if (data && len && strchr("{ \t\r\n", data[0]) && data[0]) {
		free(data);
		return open_json(path, out);
	}
	if (rules_parse((struct slice){data, len}, out, &error))
		status = wrong(path, &error);
	free(data);
	return status;
}

int rules_compile(const struct cli *cli)
{
	char name[PATH_LEN];
	struct tree_error error = {0};
	struct tree_writer w;
	json_t *json = NULL;
	int status;

	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "dietvpn rules compile x.json -o x.cbor",
			"rules compile takes one file");
	if (!cli->output && !output_name(cli->argv[0], name))
		return cli_fail(CLI_USAGE, "-o FILE says where", "%s: not a .json", cli->argv[0]);
	status = load_json(cli->argv[0], &json);
	if (status)
		return status;
	tree_writer_init(&w);
	status = compile(json, cli->bare, &w, &error)
			 ? rules_write_file(cli->output ? cli->output : name, w.data, w.len)
			 : wrong(cli->argv[0], &error);
	tree_writer_fini(&w);
	json_decref(json);
	return status;
}

static int print_dump(const struct cli *cli, const uint8_t *data, size_t len, FILE *out)
{
	struct tree_error error = {0};
	json_t *json;

	if (cli->diag) {
		struct tree *tree = tree_parse(data, len, RULES_DEPTH, &error);

		if (!tree)
			return wrong(cli->argv[0], &error);
		rules_diag_print(tree_root(tree), out);
		tree_free(tree);
		return CLI_OK;
	}
	json = rules_json_dump(data, len, &error);
	if (!json)
		return wrong(cli->argv[0], &error);
	rules_json_print(json, out);
	json_decref(json);
	return CLI_OK;
}

int rules_dump(const struct cli *cli)
{
	uint8_t *data = NULL;
	char *text = NULL;
	size_t text_len = 0;
	size_t len = 0;
	int status;

	if (cli->argc != 1)
		return cli_fail(CLI_USAGE, "dietvpn rules dump x.cbor [--diag]",
			"rules dump takes one file");
	status = read_file(cli->argv[0], TREE_SIZE_MAX, &data, &len);
	if (status)
		return status;
	FILE *out = open_memstream(&text, &text_len);
	status = out ? print_dump(cli, data, len, out) : cli_fail(CLI_FAILED, "", "out of memory");
	if (out)
		fclose(out);
	if (!status)
		status = rules_write_file(cli->output, text, text_len);
	free(text);
	free(data);
	return status;
}
