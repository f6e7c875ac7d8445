/* SPDX-License-Identifier: Apache-2.0 */
/* Names and meanings of the drop reasons, out of the one list in drop.h. */
#include "base/drop.h"

#include <stddef.h>

struct row {
	const char *name, *help;
};

static const struct row rows[DROP_COUNT] = {
#define DROP_ROW(id, text, meaning) [DROP_##id] = {text, meaning},
	DROP_LIST(DROP_ROW)
#undef DROP_ROW
};

static const struct row *row_of(enum drop drop)
{
	static const struct row unknown = {"unknown", "not a drop reason of this version"};

	return (size_t)drop < DROP_COUNT ? &rows[drop] : &unknown;
}

const char *drop_name(enum drop drop)
{
	return row_of(drop)->name;
}

const char *drop_help(enum drop drop)
{
	return row_of(drop)->help;
}
