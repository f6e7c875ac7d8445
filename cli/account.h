/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of one packet, field by field: where its bits are in ESP of RFC 4303, where in
 * Diet-ESP, and why; behind the outer IP header.
 */
#ifndef DIETVPN_CLI_ACCOUNT_H
#define DIETVPN_CLI_ACCOUNT_H

#include "diet/context.h"
#include "ip/packet.h"
#include "schc/explain.h"
#include "schc/set.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct aead_suite;

enum {
	ACCOUNT_ROWS = SCHC_RULE_FIELDS + 16,
	ACCOUNT_FIELD = 32,
	ACCOUNT_VALUE = 80,
	ACCOUNT_WHY = 96,
};

/* The parts that the byte map and the picture tell apart; each has its letter. */
enum account_part {
	ACCOUNT_SPI,
	ACCOUNT_SEQUENCE,
	ACCOUNT_IV,
	ACCOUNT_RULE_ID,
	ACCOUNT_IP,
	ACCOUNT_TRANSPORT,
	ACCOUNT_COAP,
	ACCOUNT_DATA,
	ACCOUNT_PADDING,
	ACCOUNT_TRAILER,
	ACCOUNT_ICV,
	ACCOUNT_PARTS
};

struct account_row {
	char field[ACCOUNT_FIELD], value[ACCOUNT_VALUE], why[ACCOUNT_WHY];
	enum account_part part;
	uint32_t before_at, before; /* bits */
	uint32_t after_at, after;
	bool failed; /* the rule does not take the packet because of this field */
};

struct account {
	unsigned n;
	struct account_row row[ACCOUNT_ROWS];
	uint32_t before, after; /* bits in all, whole octets */
	uint32_t residue;       /* bits of RuleID and fields */
	uint32_t inner;         /* octets of the packet */
};

/* What the account is about; all borrowed. */
struct account_input {
	const struct diet_context *context; /* of the sender */
	const struct aead_suite *suite;
	const struct ip_packet *ip;
	const struct schc_rule *rule;         /* NULL: no rule applies */
	const struct schc_explained *explain; /* of it; NULL: the packet travels whole */
	const struct schc_end *end;
};

void account_make(const struct account_input *in, struct account *out);
/* The fields of a rule that does not take the packet, up to the first that fails. */
void account_failed(const struct account_input *in, struct account *out);

char account_letter(enum account_part part);
const char *account_part_name(enum account_part part);

/* account_text.c: "ip hop limit"; what the packet has there; why it is sent or not. */
const char *account_field_name(enum schc_fid fid, char *out, size_t cap);
const char *account_value(const struct ip_packet *ip, const struct schc_field_desc *desc,
	const struct schc_explained_field *field, char *out, size_t cap);
/* One value of a target as account_value prints the packet's. */
const char *account_target(const struct schc_rule *rule, const struct schc_field_desc *desc,
	unsigned i, char *out, size_t cap);
const char *account_why(const struct account_input *in, const struct schc_field_desc *desc,
	const struct schc_explained_field *field, char *out, size_t cap);

/* account_print.c: in 80 columns. */
void account_print(const struct account *account, FILE *out);
void account_print_map(const struct account *account, FILE *out);
json_t *account_json(const struct account *account);

/* account_svg.c: two strips of cells joined by lines; title is any text. 0 or -errno. */
int account_svg(const struct account *account, const char *title, FILE *out);

#endif
