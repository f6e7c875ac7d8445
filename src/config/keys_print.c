/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys as conf/reference.conf and as the key lists of dietvpn.conf(5). */
#include "config/keys.h"

#include <string.h>

enum { WIDTH = 96 };

/* Words of text behind "# ", wrapped. */
static void print_comment(FILE *out, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column && column + 1 + word > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : "# ", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static bool is_none(const char *text)
{
	return strcmp(text, "-") == 0;
}

/* The default is also a value one may write, not a description. */
static bool is_literal(const struct config_key *key)
{
	return !strchr(key->default_text, ' ') || strcmp(key->name, "Listen") == 0;
}

static void print_key(FILE *out, const struct config_key *key)
{
	const char *none = is_none(key->default_text) ? "none" : key->default_text;
	bool required = strcmp(key->default_text, "required") == 0;
	fputc('\n', out);
	print_comment(out, key->help);
	fputs("#   values: ", out);
	fprintf(out, "%s\n", key->values);
	fprintf(out, "#   %s%s; %s\n", required ? "" : "default: ", none,
		key->reloadable ? "taken over by reload" : "not reloadable");
	fprintf(out, "#%s =", key->name);
	if (!required && !is_none(key->default_text) && is_literal(key))
		fprintf(out, " %s", key->default_text);
	fputc('\n', out);
}

static void print_plugin_keys(FILE *out)
{
	const struct config_plugin_hint *hint;
	for (size_t i = 0; (hint = keys_plugin_at(i)); i++)
		if (hint->help)
			fprintf(out, "\n# Keying = %s: %s\n#%s =\n", hint->plugin, hint->help,
				hint->name);
}

void keys_print_reference(FILE *out)
{
	const char *section = "";
	const struct config_key *key;
	print_comment(out,
		"Every key of /etc/dietvpn/NAME.conf, made from the key table of dietvpnd. "
		"One file is one tunnel; the .conf files of /etc/dietvpn/NAME.d are read "
		"after it in order of their names. A key stands at most once in its "
		"section, its value on one line; # and ; begin a comment at the start of a "
		"line or after a blank. Paths are relative to the folder of the file.");
	for (size_t i = 0; (key = keys_at(i)); i++) {
		if (strcmp(section, key->section) != 0) {
			section = key->section;
			fprintf(out, "\n\n#[%s%s]\n", section,
				strcmp(section, "Peer") == 0 ? " \"NAME\"" : "");
		}
		print_key(out, key);
	}
	print_plugin_keys(out);
}

enum { MDOC_WIDTH = 76 };

/* Wrapped, a sentence to a line. The texts of the table hold no escapes and no leading dots. */
static void print_mdoc_text(FILE *out, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column && column + 1 + word > MDOC_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : "", (int)word, text);
		if (text[word - 1] == '.' && text[word]) {
			fputc('\n', out);
			column = 0;
		}
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_mdoc_key(FILE *out, const struct config_key *key)
{
	char text[400];
	bool required = strcmp(key->default_text, "required") == 0;
	fprintf(out, ".It Ic %s\n", key->name);
	print_mdoc_text(out, key->help);
	snprintf(text, sizeof text, "Values: %s.", key->values);
	print_mdoc_text(out, text);
	snprintf(text, sizeof text, "%s%s; %s.", required ? "Required" : "Default: ",
		required                     ? ""
		: is_none(key->default_text) ? "none"
					     : key->default_text,
		key->reloadable ? "taken over by reload" : "not reloadable");
	print_mdoc_text(out, text);
}

void keys_print_mdoc(FILE *out)
{
	const char *section = "";
	const struct config_key *key;
	const struct config_plugin_hint *hint;
	for (size_t i = 0; (key = keys_at(i)); i++) {
		if (strcmp(section, key->section) != 0) {
			if (*section)
				fputs(".El\n", out);
			section = key->section;
			fprintf(out, ".Ss Section %s\n.Bl -tag -width Ds\n", section);
		}
		print_mdoc_key(out, key);
	}
	fputs(".El\n.Ss Peer keys of keying plugins\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; (hint = keys_plugin_at(i)); i++) {
		if (!hint->help)
			continue;
		fprintf(out, ".It Ic %s Pq Keying = %s\n", hint->name, hint->plugin);
		print_mdoc_text(out, hint->help);
	}
	fputs(".El\n", out);
}
