/* SPDX-License-Identifier: Apache-2.0 */
/* What `rules learn` knows when it is done, for people and for programs. */
#ifndef DIETVPN_CLI_LEARN_PRINT_H
#define DIETVPN_CLI_LEARN_PRINT_H

#include "cli/learn.h"
#include "cli/rules_subject.h"

#include <jansson.h>

struct buf;

struct learn_work {
	const struct cli *cli;
	struct subject subject; /* ends only */
	struct learn *learn;
	struct learn_rules rules;
	struct buf *pkt;
	struct trial *trial, *versus;
	struct subject other; /* --versus */
	unsigned long long held, before, after, versus_after, taken, lost, regenerated;
};

void learn_print(const struct learn_work *work); /* to standard output */
json_t *learn_result_json(const struct learn_work *work);

#endif
