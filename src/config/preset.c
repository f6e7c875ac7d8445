/* SPDX-License-Identifier: Apache-2.0 */
/* The value of Compress: a preset of diet/, or a rule file's profile and rules (diet-esp.md 12.2).
 */
#include "config/preset.h"

#include "config/keys.h"
#include "config/rules_file.h"
#include "config/rules_kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FULL = 32, NAME_LEN_MAX = 40 };

static const char *const presets[] = {"off", "safe", "iot", "link"};
static const char *const group_presets[] = {"g1", "g2", "g3"};

void preset_fit_window(struct diet_attrs *attrs)
{
	if (attrs->esp_sn_lsb == 0 || attrs->esp_sn_lsb >= FULL)
		return;
	uint32_t most = UINT32_C(1) << (attrs->esp_sn_lsb - 1);
	if (attrs->window > most)
		attrs->window = most;
}

/* The whole file into out; its length, or a negative errno. */
static long read_file(const char *folder, const char *name, uint8_t out[static TREE_SIZE_MAX + 1])
{
	char path[CONFIG_PATH_MAX + NAME_LEN_MAX + 32];
	snprintf(path, sizeof path, "%s/%s.cbor", folder, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return -errno;
	size_t len = fread(out, 1, TREE_SIZE_MAX + 1, f);
	long result = ferror(f) ? -EIO : len > TREE_SIZE_MAX ? -EFBIG : (long)len;
	fclose(f);
	return result;
}

static long find_file(const struct config *config, const char *name, uint8_t *out)
{
	char own[CONFIG_PATH_MAX + 16];
	long len = read_file(config_path(config, "rules", own, sizeof own), name, out);
	return len == -ENOENT ? read_file(PRESET_DIR, name, out) : len;
}

/* The profile of this name in the file, else its only one; and its rule set. */
static int take_content(struct config *config, const char *name, const struct rules_file *file,
	struct diet_attrs *out, struct tree_error *wrong)
{
	int err = rules_file_find(file, name, out, wrong);
	if (err == -ENOENT)
		err = rules_file_find(file, "", out, wrong);
	if (!err && file->context)
		err = rules_kept_add(config, name, file, out, wrong);
	return err;
}

static bool take_file(struct config *config, const char *name, struct slice cbor,
	struct diet_attrs *out, struct value_error *error)
{
	struct tree_error wrong = {.text = "memory is used up"};
	struct rules_file file;
	int err = rules_file_open(cbor, &file, &wrong);
	if (!err) {
		err = take_content(config, name, &file, out, &wrong);
		rules_file_close(&file);
	}
	if (err)
		return value_wrong(error, "see `dietvpn rules check`",
			"names %s.cbor, where %.40s%s%.90s", name, wrong.at,
			wrong.at[0] ? ": " : "", wrong.text);
	return true;
}

static bool load_file(
	struct config *config, const char *name, struct diet_attrs *out, struct value_error *error)
{
	char hint[96] = "off, safe, iot, link, or a rule file in /etc/dietvpn/rules";
	uint8_t *data = malloc(TREE_SIZE_MAX + 1);
	long len = data ? find_file(config, name, data) : -ENOMEM;
	bool ok =
		len >= 0 && take_file(config, name, (struct slice){data, (size_t)len}, out, error);
	free(data);
	if (len >= 0)
		return ok;
	const char *nearest = keys_nearest(name, presets, sizeof presets / sizeof *presets);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	if (len == -ENOENT)
		return value_wrong(error, hint, "is neither a preset nor a rule file");
	return value_wrong(error, NULL, "names %s.cbor, which cannot be read: %.30s", name,
		strerror((int)-len));
}

/* A file with a rule set is read for the first peer that names it. */
static bool find_or_load(struct config *config, const char *name, struct config_peer *peer,
	struct value_error *error)
{
	peer->rules = rules_kept_find(config, name);
	if (!peer->rules && !load_file(config, name, &peer->attrs, error))
		return false;
	peer->rules = rules_kept_find(config, name);
	if (peer->rules)
		peer->attrs = peer->rules->attrs;
	return true;
}

bool preset_load(struct config *config, const char *name, struct config_peer *peer,
	struct value_error *error)
{
	peer->attrs = diet_attrs_plain();
	for (size_t i = 0; i < sizeof group_presets / sizeof *group_presets; i++)
		if (strcmp(name, group_presets[i]) == 0)
			return value_wrong(
				error, "off, safe, iot or link", "is a preset of groups");
	if (strlen(name) > NAME_LEN_MAX ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
			strlen(name))
		return value_wrong(error, "off, safe, iot, link, or the NAME of rules/NAME.cbor",
			"must be the name of a preset or of a rule file");
	strcpy(peer->compress, name);
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		if (strcmp(name, presets[i]) == 0 && diet_attrs_preset(name, &peer->attrs))
			return true;
	return find_or_load(config, name, peer, error);
}
