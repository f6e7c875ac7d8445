/* SPDX-License-Identifier: Apache-2.0 */
/* One packet's octets before and after: RFC 4303 section 2, draft-ietf-ipsecme-diet-esp-07. */
#include "cli/account.h"

#include "crypto/aead.h"
#include "diet/ctec.h"
#include "schc/coap.h"
#include "schc/set_packet.h"

#include <string.h>

enum {
	SPI_BITS = 32,
	SN_BITS = 32,
	IV_BITS = 64, /* explicit, of every AEAD of ESP */
	ESP_ALIGN = 4,
	TRAILER = 2,
};

/* How far both sides are written. */
struct ledger {
	const struct account_input *in;
	struct account *out;
	uint32_t packet_at; /* bit of the inner packet's first octet, before */
	uint32_t header_to; /* bits of the inner packet that rows speak of so far */
};

char account_letter(enum account_part part)
{
	return "SNIrvuodptc"[part];
}

const char *account_part_name(enum account_part part)
{
	static const char *const names[] = {"spi", "sequence", "iv", "rule id", "ip", "transport",
		"coap", "data", "padding", "trailer", "icv"};

	return names[part];
}

/* A row that lies behind the last one on both sides; the caller fills in texts. */
static struct account_row *add(
	struct ledger *ledger, enum account_part part, uint32_t before, uint32_t after)
{
	struct account *out = ledger->out;
	struct account_row *row = &out->row[out->n < ACCOUNT_ROWS - 1 ? out->n++ : out->n];

	*row = (struct account_row){.part = part,
		.before_at = out->before,
		.before = before,
		.after_at = out->after,
		.after = after};
	out->before += before;
	out->after += after;
	return row;
}

static struct account_row *add_text(struct ledger *ledger, enum account_part part,
	const char *field, const char *value, const char *why)
{
	struct account_row *row = add(ledger, part, 0, 0);

	snprintf(row->field, sizeof row->field, "%s", field);
	snprintf(row->value, sizeof row->value, "%s", value);
	snprintf(row->why, sizeof row->why, "%s", why);
	return row;
}

static void set_bits(
	struct ledger *ledger, struct account_row *row, uint32_t before, uint32_t after)
{
	row->before = before;
	row->after = after;
	ledger->out->before += before;
	ledger->out->after += after;
}

static void lsb_why(struct account_row *row, unsigned bits, unsigned width, const char *rest)
{
	if (bits == width)
		snprintf(row->why, sizeof row->why, "sent whole");
	else if (bits)
		snprintf(row->why, sizeof row->why, "low %u bits; %s", bits, rest);
	else
		snprintf(row->why, sizeof row->why, "not sent: %s", rest);
}

static void add_esp_header(struct ledger *ledger)
{
	const struct diet_context *context = ledger->in->context;
	const struct aead_suite *suite = ledger->in->suite;
	struct account_row *row = add_text(ledger, ACCOUNT_SPI, "esp spi", "the SA's", "");

	set_bits(ledger, row, SPI_BITS, context->spi_bits);
	lsb_why(row, context->spi_bits, SPI_BITS, "the receiver chose them");
	row = add_text(ledger, ACCOUNT_SEQUENCE, "esp sequence", "next number", "");
	set_bits(ledger, row, SN_BITS, context->sn_bits);
	lsb_why(row, context->sn_bits, SN_BITS, "window tells the rest");
	row = add_text(ledger, ACCOUNT_IV, "esp iv", "= sequence",
		suite->iv_len ? "the cipher needs it whole" : "implicit IV (RFC 8750)");
	set_bits(ledger, row, IV_BITS, suite->iv_len * 8u);
}

static enum account_part part_of(const struct schc_field_desc *desc)
{
	unsigned layer = schc_field(desc->fid)->layer;

	if (layer == SCHC_IPV6 || layer == SCHC_IPV4)
		return ACCOUNT_IP;
	return layer == SCHC_COAP ? ACCOUNT_COAP : ACCOUNT_TRANSPORT;
}

static void add_field(struct ledger *ledger, const struct schc_explained_field *field)
{
	const struct account_input *in = ledger->in;
	const struct schc_field_desc *desc = &in->rule->field[field->desc];
	bool option = schc_field(desc->fid)->option != 0;
	uint32_t at = field->present ? field->at : ledger->header_to;
	struct account_row *row = add(ledger, part_of(desc), 0, field->sent_bits);

	/* An option's own head, delta and length, goes with it. */
	if (option && field->present)
		at = ledger->header_to;
	row->before_at = ledger->packet_at + at;
	row->before = field->present ? field->at + field->bits - at : 0;
	if (field->present && field->at + field->bits > ledger->header_to)
		ledger->header_to = field->at + field->bits;
	account_field_name(desc->fid, row->field, sizeof row->field);
	account_value(in->ip, desc, field, row->value, sizeof row->value);
	row->failed = !field->matches;
	if (row->failed)
		snprintf(row->why, sizeof row->why, "%s", field->why);
	else
		account_why(in, desc, field, row->why, sizeof row->why);
}

/* Bits that only the compressed packet has. */
static void add_bits(
	struct ledger *ledger, uint32_t bits, const char *field, const char *value, const char *why)
{
	if (bits)
		set_bits(ledger, add_text(ledger, ACCOUNT_RULE_ID, field, value, why), 0, bits);
}

static void add_rule_id(struct ledger *ledger, uint32_t bits, const char *value, const char *why)
{
	add_bits(ledger, bits, "rule id", value, why);
}

/* The RuleID of one octet that the attribute rule_id gives a derived rule. */
static void add_own_rule_id(struct ledger *ledger)
{
	const struct account_input *in = ledger->in;
	char value[16];

	if (!in->context->by_set) {
		add_rule_id(ledger, in->context->rule_id * 8u, "1", "the derived rule");
		return;
	}
	snprintf(value, sizeof value, "%u of %u bit", (unsigned)in->rule->id,
		(unsigned)in->rule->id_bits);
	add_rule_id(ledger, in->rule->id_bits, value, "which rule it was");
}

static void add_fields(struct ledger *ledger, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add_field(ledger, &ledger->in->explain->field[i]);
}

static void fill_octet(struct ledger *ledger)
{
	uint32_t pad = -ledger->out->after % 8u;

	ledger->out->residue = 0;
	for (unsigned i = 0; i < ledger->out->n; i++)
		if (ledger->out->row[i].part >= ACCOUNT_RULE_ID)
			ledger->out->residue += ledger->out->row[i].after;
	if (pad)
		add_bits(ledger, pad, "residue padding", "0", "up to a whole octet");
}

/* The packet under the rule: header, marker, what is behind. */
static void add_compressed(struct ledger *ledger)
{
	const struct account_input *in = ledger->in;
	uint32_t header = in->explain->header_bits;
	struct account_row *row;

	add_own_rule_id(ledger);
	add_fields(ledger, in->explain->n);
	if (ledger->header_to < header) {
		row = add_text(
			ledger, ACCOUNT_COAP, "coap marker", "ff", "there when there is a payload");
		row->before_at = ledger->packet_at + ledger->header_to;
		row->before = header - ledger->header_to;
	}
	ledger->out->before = ledger->packet_at + header;
	fill_octet(ledger);
}

static void add_whole(struct ledger *ledger)
{
	const struct account_input *in = ledger->in;
	uint32_t l4 = (uint32_t)in->ip->hdr_len * 8;
	const char *why = in->context->iipc ? "no rule takes the packet" : "nothing is compressed";

	if (in->context->by_set)
		add_rule_id(ledger, (uint32_t)schc_set_none_len(in->context->by->set) * 8, "none",
			"says that no rule took it");
	else
		add_rule_id(ledger, in->context->rule_id * 8u, "0", "says that no rule took it");
	set_bits(ledger,
		add_text(ledger, ACCOUNT_IP, in->ip->version == 6 ? "ipv6 header" : "ipv4 header",
			"", why),
		l4, l4);
	ledger->header_to = l4;
	ledger->out->residue = 0;
}

static void add_data(struct ledger *ledger)
{
	uint32_t bits = (uint32_t)ledger->in->ip->len * 8 + ledger->packet_at - ledger->out->before;
	char value[32];

	snprintf(value, sizeof value, "%u octets", bits / 8);
	if (bits)
		set_bits(ledger, add_text(ledger, ACCOUNT_DATA, "data", value, "never compressed"),
			bits, bits);
}

static uint32_t plain_padding(size_t len)
{
	return (uint32_t)(-(len + TRAILER) % ESP_ALIGN);
}

static void add_trailer(struct ledger *ledger)
{
	const struct diet_context *context = ledger->in->context;
	uint32_t ends = ((uint32_t)context->pad_length_sent + context->next_header_sent) * 8;
	uint32_t head = (uint32_t)(context->header_len + ledger->in->suite->iv_len);
	uint32_t inner = ledger->out->after / 8 - head;
	uint32_t pad = (uint32_t)ctec_trailer_len(context, inner) * 8 - ends;
	struct account_row *row = add_text(ledger, ACCOUNT_PADDING, "esp padding", "", "");

	set_bits(ledger, row, plain_padding(ledger->in->ip->len) * 8, pad);
	snprintf(row->why, sizeof row->why, "align %u bits%s", context->align * 8u,
		context->align == ESP_ALIGN ? "" : " instead of 32");
	row = add_text(ledger, ACCOUNT_TRAILER, "esp trailer", "",
		ends == TRAILER * 8 ? "both sent"
		: ends              ? "next header known from the SA"
				    : "nothing to pad, header known");
	set_bits(ledger, row, TRAILER * 8, ends);
	row = add_text(ledger, ACCOUNT_ICV, "icv", "", "never compressed");
	set_bits(ledger, row, ledger->in->suite->icv_len * 8u, ledger->in->suite->icv_len * 8u);
}

static void drop_empty(struct account *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < out->n; i++)
		if (out->row[i].before || out->row[i].after || out->row[i].part == ACCOUNT_COAP ||
			out->row[i].failed)
			out->row[n++] = out->row[i];
	out->n = n;
}

void account_make(const struct account_input *in, struct account *out)
{
	struct ledger ledger = {.in = in, .out = out};

	memset(out, 0, sizeof *out);
	out->inner = (uint32_t)in->ip->len;
	add_esp_header(&ledger);
	ledger.packet_at = out->before;
	if (in->explain)
		add_compressed(&ledger);
	else
		add_whole(&ledger);
	add_data(&ledger);
	add_trailer(&ledger);
	drop_empty(out);
}

void account_failed(const struct account_input *in, struct account *out)
{
	struct ledger ledger = {.in = in, .out = out};
	unsigned n = in->explain->failed + 1;

	memset(out, 0, sizeof *out);
	out->inner = (uint32_t)in->ip->len;
	add_fields(&ledger, n < in->explain->n ? n : in->explain->n);
}
