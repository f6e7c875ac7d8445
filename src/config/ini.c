/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI text into rows. inih reads the lines of keys; headings are read here, because inih cuts long
 * ones silently and goes on in the previous section after a broken one.
 */
#include "config/ini.h"

#include "codec/guard.h"

#include <ini.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = INI_LINE_MAX + 24 };

struct reader {
	struct ini *ini;
	struct config_errors *errors;
	uint32_t file, line;
	const char *at, *end;
	size_t heading; /* row of the current heading plus 1; 0: none yet */
	int error;
};

static const char *place(const struct reader *r, char *out, size_t cap)
{
	snprintf(out, cap, "%s:%u", r->ini->files[r->file], (unsigned)r->line);
	return out;
}

#define refuse(r, hint, ...) \
	do { \
		char at_[96]; \
		config_errors_add((r)->errors, place(r, at_, sizeof at_), hint, __VA_ARGS__); \
		(r)->error = -EINVAL; \
	} while (0)

static char *join(const char *a, size_t a_len, const char *b, size_t b_len)
{
	char *block = malloc(a_len + b_len + 2);
	if (!block)
		return NULL;
	memcpy(block, a, a_len);
	block[a_len] = '\0';
	memcpy(block + a_len + 1, b, b_len);
	block[a_len + 1 + b_len] = '\0';
	return block;
}

static struct ini_row *add_row(struct reader *r)
{
	struct ini *ini = r->ini;
	if (ini->n_rows == INI_ROWS_MAX) {
		refuse(r, NULL, "more than %d lines in all files", INI_ROWS_MAX);
		return NULL;
	}
	/* A power of two is full: make room for as many again. */
	if ((ini->n_rows & (ini->n_rows - 1)) == 0) {
		size_t cap = ini->n_rows ? 2 * ini->n_rows : 1;
		struct ini_row *rows = realloc(ini->rows, cap * sizeof *rows);
		if (!rows) {
			r->error = -ENOMEM;
			return NULL;
		}
		ini->rows = rows;
	}
	struct ini_row *row = &ini->rows[ini->n_rows++];
	*row = (struct ini_row){.file = r->file, .line = r->line};
	return row;
}

static void add_heading(struct reader *r, const char *section, size_t section_len, const char *name,
	size_t name_len)
{
	struct ini_row *row = add_row(r);
	if (!row)
		return;
	row->section = join(section, section_len, name, name_len);
	if (!row->section) {
		r->ini->n_rows--;
		r->error = -ENOMEM;
		return;
	}
	row->name = row->section + section_len + 1;
	r->heading = r->ini->n_rows;
}

/* 0 returned stops inih. */
static int on_key(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	(void)section;
	if (r->heading == 0) {
		refuse(r, "begin with [Interface]", "key \"%.40s\" stands before any section", key);
		return 0;
	}
	struct ini_row *row = add_row(r);
	if (!row)
		return 0;
	row->section = r->ini->rows[r->heading - 1].section;
	row->name = r->ini->rows[r->heading - 1].name;
	row->key = join(key, strlen(key), value, strlen(value));
	if (!row->key) {
		r->ini->n_rows--;
		r->error = -ENOMEM;
		return 0;
	}
	row->value = row->key + strlen(key) + 1;
	return 1;
}

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static bool is_rest_empty(const char *p)
{
	const char *rest = skip_space(p);
	return *rest == '\0' || ((*rest == '#' || *rest == ';') && rest > p);
}

static bool is_name_ok(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(" \t\"[]/\\#;", name[i]))
			return false;
	return len > 0;
}

static void broken_heading(struct reader *r)
{
	refuse(r, "[Interface], [Peer \"NAME\"] or [Group \"NAME\"]", "malformed section heading");
}

/* [Word] or [Word "name"], then nothing or a comment. */
static void read_heading(struct reader *r, const char *line)
{
	const char *word = skip_space(line + 1);
	size_t word_len = strcspn(word, " \t\"[]#;");
	const char *p = skip_space(word + word_len);
	const char *name = "";
	size_t name_len = 0;
	if (word_len == 0) {
		broken_heading(r);
		return;
	}
	if (*p == '"') {
		name = p + 1;
		name_len = strcspn(name, "\"");
		if (name[name_len] != '"') {
			broken_heading(r);
			return;
		}
		if (name_len > INI_NAME_MAX || !is_name_ok(name, name_len)) {
			refuse(r, "no blanks, quotes, brackets, slashes, # or ;",
				"a name has 1 to %d characters", INI_NAME_MAX);
			return;
		}
		p = skip_space(name + name_len + 1);
	}
	if (*p != ']' || !is_rest_empty(p + 1)) {
		broken_heading(r);
		return;
	}
	add_heading(r, word, word_len, name, name_len);
}

static bool is_text_ok(struct reader *r, const char *line, size_t len)
{
	if (len > INI_LINE_MAX) {
		refuse(r, NULL, "line longer than %d characters", INI_LINE_MAX);
		return false;
	}
	if (guard_utf8((const uint8_t *)line, len) != len) {
		refuse(r, NULL, "text is not UTF-8");
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f) {
			refuse(r, NULL, "control character 0x%02x", (unsigned)line[i]);
			return false;
		}
	return true;
}

/* Next line without its end into out; false: there is none, or it is refused. */
static bool next_line(struct reader *r, char out[static BUFFER])
{
	if (r->at == r->end || r->error)
		return false;
	const char *line = r->at;
	const char *nl = memchr(line, '\n', (size_t)(r->end - line));
	size_t len = (size_t)((nl ? nl : r->end) - line);
	r->at = nl ? nl + 1 : r->end;
	r->line++;
	if (r->line == 1 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		len -= 3;
	}
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (!is_text_ok(r, line, len))
		return false;
	memcpy(out, line, len);
	out[len] = '\0';
	return true;
}

/* inih's fgets. A heading becomes an empty line: inih has not to know of it. */
static char *on_read(char *out, int cap, void *user)
{
	struct reader *r = user;
	char line[BUFFER];
	if (cap < BUFFER || !next_line(r, line))
		return NULL;
	if (*skip_space(line) == '[') {
		read_heading(r, skip_space(line));
		line[0] = '\0';
	}
	if (r->error)
		return NULL;
	snprintf(out, (size_t)cap, "%s\n", line);
	return out;
}

/* These are variables of the library as Debian builds it; its defaults cut and join silently. */
static void set_up_library(void)
{
	ini_inline_comment_prefixes = "#;";
	ini_start_comment_prefixes = "#;";
	ini_allow_inline_comments = true;
	ini_allow_multiline = false;
	ini_allow_no_value = false;
	ini_allow_bom = false;
	ini_max_line = BUFFER;
	ini_stop_on_first_error = true;
}

static int add_file(struct ini *ini, const char *name)
{
	char **files = realloc(ini->files, (ini->n_files + 1) * sizeof *files);
	if (!files)
		return -ENOMEM;
	ini->files = files;
	files[ini->n_files] = join(name, strlen(name), "", 0);
	if (!files[ini->n_files])
		return -ENOMEM;
	ini->n_files++;
	return 0;
}

int ini_add_text(const char *name, const char *text, size_t len, struct ini *ini,
	struct config_errors *errors)
{
	int err = add_file(ini, name);
	if (err) {
		config_errors_add(errors, name, NULL, "not enough memory");
		return err;
	}
	struct reader r = {.ini = ini, .errors = errors, .file = (uint32_t)(ini->n_files - 1)};
	r.at = text;
	r.end = text + len;
	if (len > INI_FILE_MAX) {
		config_errors_add(errors, name, NULL, "longer than %d octets", INI_FILE_MAX);
		return -EFBIG;
	}
	set_up_library();
	int stopped = ini_parse_stream(on_read, &r, on_key, &r);
	if (r.error == -ENOMEM || stopped == -2)
		config_errors_add(errors, name, NULL, "not enough memory");
	else if (stopped && !r.error)
		refuse(&r, "Key = value, [Section] or # comment", "malformed line");
	return stopped == -2 ? -ENOMEM : r.error;
}

int ini_read_text(const char *name, const char *text, size_t len, struct ini *ini,
	struct config_errors *errors)
{
	*ini = (struct ini){0};
	return ini_add_text(name, text, len, ini, errors);
}

void ini_fini(struct ini *ini)
{
	for (size_t i = 0; i < ini->n_rows; i++)
		free(ini->rows[i].key ? ini->rows[i].key : ini->rows[i].section);
	for (size_t i = 0; i < ini->n_files; i++)
		free(ini->files[i]);
	free(ini->rows);
	free(ini->files);
	*ini = (struct ini){0};
}

const char *ini_at(const struct ini *ini, uint32_t row, char *out, size_t cap)
{
	if (row >= ini->n_rows)
		snprintf(out, cap, "%s", ini->n_files ? ini->files[0] : "");
	else
		snprintf(out, cap, "%s:%u", ini->files[ini->rows[row].file],
			(unsigned)ini->rows[row].line);
	return out;
}
