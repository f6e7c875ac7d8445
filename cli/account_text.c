/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an account: fields, values and reasons as people read them. */
#include "cli/account.h"

#include "cli/fields.h"
#include "ip/addr.h"

#include <ctype.h>
#include <string.h>

enum { NUMBER_BITS = 32, IID_BITS = 64, OCTETS_SHOWN = 16, COAP_VALUE_SHOWN = 64 };

static const char *layer_name(unsigned layer)
{
	static const char *const names[SCHC_LAYERS] = {
		"ip", "ip", "udp", "udplite", "tcp", "sctp", "esp", "icmp", "icmp", "coap"};

	return names[layer];
}

/* Words for the abbreviations of RFC 8724's tables; the rest is its own word. */
static const char *word_of(const char *name)
{
	static const char *const words[][2] = {
		{"VER", "version"},
		{"FL", "flow label"},
		{"TC", "traffic class"},
		{"LEN", "length"},
		{"TLEN", "length"},
		{"NXT", "next header"},
		{"PROTO", "protocol"},
		{"HOP_LMT", "hop limit"},
		{"SRC", "source"},
		{"DST", "destination"},
		{"FRAGOFF", "offset"},
		{"CKSUM", "checksum"},
		{"SPORT", "source port"},
		{"DPORT", "dest. port"},
		{"DEVPORT", "dev port"},
		{"APPPORT", "app port"},
		{"DEVPREFIX", "dev prefix"},
		{"APPPREFIX", "app prefix"},
		{"DEVIID", "dev iid"},
		{"APPIID", "app iid"},
		{"COV", "coverage"},
		{"SEQ", "sequence"},
		{"SEQNO", "sequence"},
		{"IDENT", "identifier"},
		{"DOFF", "data offset"},
		{"RSVFLAGS", "flags"},
		{"WIN", "window"},
		{"URG", "urgent"},
		{"VTAG", "tag"},
		{"MID", "message id"},
		{"TKL", "token len"},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i][0], name) == 0)
			return words[i][1];
	return NULL;
}

/* Of the names of RFC 8824's options: "URI_PATH" is uri-path. */
static char to_word(char c)
{
	if (c == '_')
		return '-';
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return c;
}

const char *account_field_name(enum schc_fid fid, char *out, size_t cap)
{
	const char *name = strchr(schc_field(fid)->name, '.') + 1;
	const char *word = word_of(name);
	int n = snprintf(out, cap, "%s %s", layer_name(schc_field(fid)->layer), word ? word : name);

	for (int i = 0; !word && i < n && (size_t)i < cap; i++)
		out[i] = to_word(out[i]);
	return out;
}

static bool is_text(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isprint(data[i]) || data[i] == '"' || data[i] == '\\')
			return false;
	return len > 0;
}

static const char *hex(const uint8_t *data, size_t len, char *out, size_t cap)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < len && used + 5 < cap; i++)
		used += (size_t)snprintf(
			out + used, cap - used, i == OCTETS_SHOWN ? ".." : "%02x", data[i]);
	return out;
}

static const char *address(
	uint8_t family, const uint8_t *bytes, const char *suffix, char *out, size_t cap)
{
	struct ip_addr addr = ip_addr_from(family, bytes);
	size_t len;

	ip_addr_print(&addr, out, cap);
	len = strlen(out);
	snprintf(out + len, cap - len, "%s", suffix);
	return out;
}

static bool is_hexadecimal(unsigned fid)
{
	return fid == SCHC_IPV6_FL || fid == SCHC_IPV4_ID || fid == SCHC_TCP_RSVFLAGS ||
	       fid == SCHC_COAP_MID || fid == SCHC_COAP_TOKEN ||
	       (schc_field(fid)->width == 16 && schc_field(fid)->source == SCHC_FROM_PACKET &&
		       strstr(schc_field(fid)->name, "CKSUM"));
}

static const char *print_number(
	unsigned fid, const uint8_t *data, size_t len, char *out, size_t cap)
{
	unsigned long number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | data[i];
	if (fid == SCHC_COAP_CODE)
		snprintf(out, cap, "%lu.%02lu", number >> 5, number & 31);
	else
		snprintf(out, cap, "%lu", number);
	return out;
}

static const char *print_value(
	unsigned fid, const uint8_t *data, uint32_t bits, char *out, size_t cap)
{
	const struct schc_field *field = schc_field(fid);
	size_t len = (bits + 7) / 8;
	uint8_t whole[16] = {0};

	if (field->layer == SCHC_IPV6 && bits == IID_BITS) {
		bool prefix = field->bit % 128 == IID_BITS;

		memcpy(whole + (prefix ? 0 : 8), data, 8);
		return address(6, whole, prefix ? "/64" : "", out, cap);
	}
	if (field->layer == SCHC_IPV6 && bits == 128)
		return address(6, data, "", out, cap);
	if (field->layer == SCHC_IPV4 && bits == 32)
		return address(4, data, "", out, cap);
	if (!field->width && is_text(data, len)) {
		snprintf(out, cap, "\"%.*s\"", (int)len, (const char *)data);
		return out;
	}
	if (!len)
		return "empty";
	if (!field->width || is_hexadecimal(fid) || bits > NUMBER_BITS)
		return hex(data, len, out, cap);
	return print_number(fid, data, len, out, cap);
}

const char *account_value(const struct ip_packet *ip, const struct schc_field_desc *desc,
	const struct schc_explained_field *field, char *out, size_t cap)
{
	uint8_t data[COAP_VALUE_SHOWN];
	uint32_t bits = field->bits < sizeof data * 8 ? field->bits : (uint32_t)sizeof data * 8;
	const char *text = "absent";

	if (field->present && field->at + bits <= ip->len * 8) {
		fields_take(ip->data, field->at, bits, data);
		text = print_value(desc->fid, data, bits, out, cap);
	}
	if (text != out)
		snprintf(out, cap, "%s", text);
	return out;
}

const char *account_target(const struct schc_rule *rule, const struct schc_field_desc *desc,
	unsigned i, char *out, size_t cap)
{
	size_t len;
	const uint8_t *data = schc_rule_value(rule, desc, i, &len);
	uint32_t bits = desc->fl >= SCHC_FL_TKL ? (uint32_t)len * 8 : desc->fl;
	const char *text = print_value(desc->fid, data, bits, out, cap);

	if (text != out)
		snprintf(out, cap, "%s", text);
	return out;
}

static bool is_address(const struct schc_field_desc *desc)
{
	const struct schc_field *field = schc_field(desc->fid);

	return (field->layer == SCHC_IPV6 && field->bit >= 64) ||
	       (field->layer == SCHC_IPV4 && field->bit >= 96);
}

/* MSB of a derived rule comes from the selectors. */
static const char *why_msb(
	const struct account_input *in, const struct schc_field_desc *desc, char *out, size_t cap)
{
	bool all = desc->fl == desc->msb;
	unsigned left = desc->fl < SCHC_FL_TKL ? (unsigned)desc->fl - desc->msb : 0;

	if (in->context->by_set && left)
		snprintf(out, cap, "low %u bits; the rest is the rule's", left);
	else if (in->context->by_set)
		snprintf(out, cap, "begins as the rule says");
	else if (!desc->msb)
		snprintf(out, cap, "the selectors allow any");
	else if (all)
		snprintf(out, cap, "selector is one %s", is_address(desc) ? "address" : "port");
	else
		snprintf(out, cap, "low %u bits; selector has rest", left);
	return out;
}

static const char *why_equal(const struct account_input *in, const struct schc_field_desc *desc)
{
	if (in->context->by_set)
		return "always this, says the rule";
	switch (desc->fid) {
	case SCHC_IPV6_VER:
	case SCHC_IPV4_VER:
		return "one family per SA";
	case SCHC_IPV6_NXT:
	case SCHC_IPV4_PROTO:
		return "selector has one protocol";
	case SCHC_IPV6_FL:
	case SCHC_IPV4_ID:
		return "zero, says the profile";
	default:
		return "always this, says the profile";
	}
}

static const char *why_computed(const struct schc_field_desc *desc)
{
	return strstr(schc_field(desc->fid)->name, "CKSUM") ? "computed (was correct)" : "computed";
}

const char *account_why(const struct account_input *in, const struct schc_field_desc *desc,
	const struct schc_explained_field *field, char *out, size_t cap)
{
	const char *text = "sent as it is";

	switch (desc->cda) {
	case SCHC_CDA_NOT_SENT:
		text = why_equal(in, desc);
		break;
	case SCHC_CDA_MAPPING_SENT:
		snprintf(out, cap, "one of %u that the rule lists", (unsigned)desc->mapping_n);
		return out;
	case SCHC_CDA_LSB:
		return why_msb(in, desc, out, cap);
	case SCHC_CDA_COMPUTE:
		text = why_computed(desc);
		break;
	case SCHC_CDA_LOWER:
		text = "copied from outer header";
		break;
	case SCHC_CDA_GENERATED:
		text = "the receiver chooses one";
		break;
	case SCHC_CDA_DEVIID:
	case SCHC_CDA_APPIID:
		text = "the SA's only address";
		break;
	default:
		if (!field->present)
			text = "its size says that it is absent";
		else if (desc->fl == SCHC_FL_VARIABLE)
			text = "sent with its length";
		break;
	}
	snprintf(out, cap, "%s", text);
	return out;
}
