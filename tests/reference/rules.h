/* SPDX-License-Identifier: Apache-2.0 */
/* Rules written as tables, for tests. */
#ifndef DIETVPN_TESTS_RULES_H
#define DIETVPN_TESTS_RULES_H

#include "schc/set.h"

#include <stddef.h>

/*
 * One descriptor: identifier, FP, direction, operator (and its bits), action, and its values, comma
 * between them, in hex or behind "=" as text; and its length.
 */
struct rule_row {
	enum schc_fid fid;
	unsigned fp;
	enum schc_di di;
	enum schc_mo mo;
	unsigned msb;
	enum schc_cda cda;
	const char *values;
	unsigned fl; /* 0: that of the field, variable of an option */
};

/* Appends the rows that end with one whose fp is 99; aborts where there is no room. */
void rule_rows(struct schc_rule *rule, const struct rule_row *rows);

#define RULE_BI SCHC_DI_BI
#define RULE_UP SCHC_DI_UP
#define RULE_DW SCHC_DI_DOWN
/* The usual pairs of operator and action. */
#define RULE_IS(fid, di, value) \
	{ \
		fid, 1, di, SCHC_MO_EQUAL, 0, SCHC_CDA_NOT_SENT, value, 0 \
	}
#define RULE_ANY(fid, di) \
	{ \
		fid, 1, di, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0 \
	}
#define RULE_OF(fid, di, values) \
	{ \
		fid, 1, di, SCHC_MO_MATCH_MAPPING, 0, SCHC_CDA_MAPPING_SENT, values, 0 \
	}
#define RULE_MSB(fid, di, bits, value) \
	{ \
		fid, 1, di, SCHC_MO_MSB, bits, SCHC_CDA_LSB, value, 0 \
	}
#define RULE_BY(fid, di, action) \
	{ \
		fid, 1, di, SCHC_MO_IGNORE, 0, action, NULL, 0 \
	}
#define RULE_MSB_OF(fid, di, bits, value, fl) \
	{ \
		fid, 1, di, SCHC_MO_MSB, bits, SCHC_CDA_LSB, value, fl \
	}
#define RULE_END \
	{ \
		.fp = 99 \
	}

#endif
