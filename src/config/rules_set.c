/* SPDX-License-Identifier: Apache-2.0 */
/* YANG data of ietf-schc -> SCHC rules, RFC 9363 and diet-esp.md 12. */
#include "config/rules_set.h"

#include "config/sid.h"
#include "config/yang.h"
#include "base/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_PATH  "/" YANG_ROOT "/rule"
#define ENTRY_PATH RULE_PATH "/entry"

enum { BITS_OCTETS = 2 }; /* of an argument of MSB */

static const struct {
	const char *name;
	uint8_t fid;
} fields[] = {
	{"fid-ipv6-version", SCHC_IPV6_VER},
	{"fid-ipv6-trafficclass", SCHC_IPV6_TC},
	{"fid-ipv6-trafficclass-ds", SCHC_IPV6_DSCP},
	{"fid-ipv6-trafficclass-ecn", SCHC_IPV6_ECN},
	{"fid-ipv6-flowlabel", SCHC_IPV6_FL},
	{"fid-ipv6-payload-length", SCHC_IPV6_LEN},
	{"fid-ipv6-nextheader", SCHC_IPV6_NXT},
	{"fid-ipv6-hoplimit", SCHC_IPV6_HOP_LMT},
	{"fid-ipv6-devprefix", SCHC_IPV6_DEVPREFIX},
	{"fid-ipv6-deviid", SCHC_IPV6_DEVIID},
	{"fid-ipv6-appprefix", SCHC_IPV6_APPPREFIX},
	{"fid-ipv6-appiid", SCHC_IPV6_APPIID},
	{"fid-ipv4-version", SCHC_IPV4_VER},
	{"fid-ipv4-ihl", SCHC_IPV4_IHL},
	{"fid-ipv4-dscp", SCHC_IPV4_DSCP},
	{"fid-ipv4-ecn", SCHC_IPV4_ECN},
	{"fid-ipv4-total-length", SCHC_IPV4_TLEN},
	{"fid-ipv4-identification", SCHC_IPV4_ID},
	{"fid-ipv4-flags", SCHC_IPV4_FLAGS},
	{"fid-ipv4-fragment-offset", SCHC_IPV4_FRAGOFF},
	{"fid-ipv4-ttl", SCHC_IPV4_TTL},
	{"fid-ipv4-protocol", SCHC_IPV4_PROTO},
	{"fid-ipv4-checksum", SCHC_IPV4_CKSUM},
	{"fid-ipv4-dev-address", SCHC_IPV4_DEV},
	{"fid-ipv4-app-address", SCHC_IPV4_APP},
	{"fid-udp-dev-port", SCHC_UDP_DEVPORT},
	{"fid-udp-app-port", SCHC_UDP_APPPORT},
	{"fid-udp-length", SCHC_UDP_LEN},
	{"fid-udp-checksum", SCHC_UDP_CKSUM},
	{"fid-udplite-dev-port", SCHC_UDPLITE_DEVPORT},
	{"fid-udplite-app-port", SCHC_UDPLITE_APPPORT},
	{"fid-udplite-coverage", SCHC_UDPLITE_COV},
	{"fid-udplite-checksum", SCHC_UDPLITE_CKSUM},
	{"fid-tcp-dev-port", SCHC_TCP_DEVPORT},
	{"fid-tcp-app-port", SCHC_TCP_APPPORT},
	{"fid-tcp-sequence", SCHC_TCP_SEQ},
	{"fid-tcp-acknowledgment", SCHC_TCP_ACK},
	{"fid-tcp-data-offset", SCHC_TCP_DOFF},
	{"fid-tcp-flags", SCHC_TCP_RSVFLAGS},
	{"fid-tcp-window", SCHC_TCP_WIN},
	{"fid-tcp-checksum", SCHC_TCP_CKSUM},
	{"fid-tcp-urgent-pointer", SCHC_TCP_URG},
	{"fid-sctp-dev-port", SCHC_SCTP_DEVPORT},
	{"fid-sctp-app-port", SCHC_SCTP_APPPORT},
	{"fid-sctp-verification-tag", SCHC_SCTP_VTAG},
	{"fid-sctp-checksum", SCHC_SCTP_CKSUM},
	{"fid-icmpv6-type", SCHC_ICMPV6_TYPE},
	{"fid-icmpv6-code", SCHC_ICMPV6_CODE},
	{"fid-icmpv6-checksum", SCHC_ICMPV6_CKSUM},
	{"fid-icmpv6-identifier", SCHC_ICMPV6_IDENT},
	{"fid-icmpv6-sequence", SCHC_ICMPV6_SEQNO},
	{"fid-icmp-type", SCHC_ICMP_TYPE},
	{"fid-icmp-code", SCHC_ICMP_CODE},
	{"fid-icmp-checksum", SCHC_ICMP_CKSUM},
	{"fid-icmp-identifier", SCHC_ICMP_IDENT},
	{"fid-icmp-sequence", SCHC_ICMP_SEQNO},
	{"fid-coap-version", SCHC_COAP_VER},
	{"fid-coap-type", SCHC_COAP_TYPE},
	{"fid-coap-tkl", SCHC_COAP_TKL},
	{"fid-coap-code", SCHC_COAP_CODE},
	{"fid-coap-mid", SCHC_COAP_MID},
	{"fid-coap-token", SCHC_COAP_TOKEN},
	{"fid-coap-option-if-match", SCHC_COAP_IF_MATCH},
	{"fid-coap-option-uri-host", SCHC_COAP_URI_HOST},
	{"fid-coap-option-etag", SCHC_COAP_ETAG},
	{"fid-coap-option-if-none-match", SCHC_COAP_IF_NONE_MATCH},
	{"fid-coap-option-observe", SCHC_COAP_OBSERVE},
	{"fid-coap-option-uri-port", SCHC_COAP_URI_PORT},
	{"fid-coap-option-location-path", SCHC_COAP_LOCATION_PATH},
	{"fid-coap-option-oscore", SCHC_COAP_OSCORE},
	{"fid-coap-option-oscore-flags", SCHC_COAP_OSCORE_FLAGS},
	{"fid-coap-option-oscore-piv", SCHC_COAP_OSCORE_PIV},
	{"fid-coap-option-oscore-kidctx", SCHC_COAP_OSCORE_KIDCTX},
	{"fid-coap-option-oscore-kid", SCHC_COAP_OSCORE_KID},
	{"fid-coap-option-uri-path", SCHC_COAP_URI_PATH},
	{"fid-coap-option-content-format", SCHC_COAP_CONTENT_FORMAT},
	{"fid-coap-option-max-age", SCHC_COAP_MAX_AGE},
	{"fid-coap-option-uri-query", SCHC_COAP_URI_QUERY},
	{"fid-coap-option-hop-limit", SCHC_COAP_HOP_LIMIT},
	{"fid-coap-option-accept", SCHC_COAP_ACCEPT},
	{"fid-coap-option-location-query", SCHC_COAP_LOCATION_QUERY},
	{"fid-coap-option-block2", SCHC_COAP_BLOCK2},
	{"fid-coap-option-block1", SCHC_COAP_BLOCK1},
	{"fid-coap-option-size2", SCHC_COAP_SIZE2},
	{"fid-coap-option-proxy-uri", SCHC_COAP_PROXY_URI},
	{"fid-coap-option-proxy-scheme", SCHC_COAP_PROXY_SCHEME},
	{"fid-coap-option-size1", SCHC_COAP_SIZE1},
	{"fid-coap-option-echo", SCHC_COAP_ECHO},
	{"fid-coap-option-no-response", SCHC_COAP_NO_RESPONSE},
	{"fid-coap-option-request-tag", SCHC_COAP_REQUEST_TAG},
};

/* Identities with one number of the engine's each. */
struct word {
	const char *name;
	uint8_t value;
};

static const struct word directions[] = {
	{"di-bidirectional", SCHC_DI_BI},
	{"di-up", SCHC_DI_UP},
	{"di-down", SCHC_DI_DOWN},
	{NULL, 0},
};

static const struct word operators[] = {
	{"mo-equal", SCHC_MO_EQUAL},
	{"mo-ignore", SCHC_MO_IGNORE},
	{"mo-msb", SCHC_MO_MSB},
	{"mo-match-mapping", SCHC_MO_MATCH_MAPPING},
	{NULL, 0},
};

static const struct word actions[] = {
	{"cda-not-sent", SCHC_CDA_NOT_SENT},
	{"cda-value-sent", SCHC_CDA_VALUE_SENT},
	{"cda-mapping-sent", SCHC_CDA_MAPPING_SENT},
	{"cda-lsb", SCHC_CDA_LSB},
	{"cda-compute", SCHC_CDA_COMPUTE},
	{"cda-deviid", SCHC_CDA_DEVIID},
	{"cda-appiid", SCHC_CDA_APPIID},
	{"cda-lower", SCHC_CDA_LOWER},
	{"cda-generated", SCHC_CDA_GENERATED},
	{NULL, 0},
};

static const struct word natures[] = {
	{"nature-compression", SCHC_COMPRESSION},
	{"nature-no-compression", SCHC_NO_COMPRESSION},
	{NULL, 0},
};

static const struct word lengths[] = {
	{"fl-variable", SCHC_FL_VARIABLE},
	{"fl-token-length", SCHC_FL_TKL},
	{NULL, 0},
};

/* What is being read: NULL or one sentence comes back, and at says where. */
struct reader {
	unsigned rule, entry;
	bool in_entry;
	const char *field; /* identity of the entry's field, or NULL */
};

const char *rules_field_name(enum schc_fid fid)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].fid == fid)
			return fields[i].name;
	return NULL;
}

static const char *name_of(const struct word *words, uint8_t value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return NULL;
}

struct rules_names rules_names(const struct schc_field_desc *desc)
{
	return (struct rules_names){.field = rules_field_name(desc->fid),
		.direction = name_of(directions, desc->di),
		.mo = name_of(operators, desc->mo),
		.cda = name_of(actions, desc->cda),
		.length = name_of(lengths, desc->fl)};
}

/* The member of a map that yang_check accepted; NULL: absent. */
static tree_node member(tree_node map, const char *path, const char *name)
{
	char child[YANG_PATH_MAX];
	snprintf(child, sizeof child, "%s/%s", path, name);
	return tree_get_int(map, (int64_t)(sid_data(child) - sid_data(path)));
}

static const char *identity(tree_node node)
{
	uint64_t number;
	const struct sid *sid = tree_uint(node, UINT64_MAX, &number) ? sid_find(number) : NULL;
	return sid ? sid->identifier : "";
}

static bool find_word(const struct word *words, const char *name, uint8_t *out)
{
	for (; words->name; words++)
		if (strcmp(words->name, name) == 0) {
			*out = words->value;
			return true;
		}
	return false;
}

/* Value i of a list; its index has to be i. */
static const char *list_value(tree_node list, size_t i, const uint8_t **data, size_t *len)
{
	tree_node entry = tree_at(list, i);
	const char *path = ENTRY_PATH "/target-value"; /* the others have the same deltas */
	uint64_t index = 0;
	tree_uint(member(entry, path, "index"), UINT64_MAX, &index);
	if (index != i)
		return "the indexes of a list are 0, 1, 2 ... in order";
	return tree_bytes(member(entry, path, "value"), data, len) ? NULL : "a value is missing";
}

static const char *read_length(
	const struct schc_field *field, tree_node node, struct schc_field_desc *desc)
{
	uint64_t number;
	uint64_t tag;
	if (tree_kind(node) == TREE_TAG)
		return find_word(lengths, identity(tree_tagged(node, &tag)), &desc->fl)
			       ? NULL
			       : "this kind of field-length is not known";
	if (!tree_uint(node, UINT8_MAX, &number) || number >= SCHC_FL_TKL)
		return "field-length is at most 253 bits";
	if (field->width && number != field->width)
		return "field-length is not the width of the field";
	desc->fl = (uint8_t)number;
	return NULL;
}

static const char *read_argument(tree_node entry, struct schc_field_desc *desc)
{
	tree_node list = member(entry, ENTRY_PATH, "matching-operator-value");
	const uint8_t *data;
	size_t len;
	if (desc->mo != SCHC_MO_MSB)
		return list ? "only mo-msb has a matching-operator-value" : NULL;
	if (tree_count(list) != 1)
		return "mo-msb needs one matching-operator-value";
	const char *text = list_value(list, 0, &data, &len);
	if (text)
		return text;
	if (len < 1 || len > BITS_OCTETS)
		return "the length of mo-msb is a number of 1 or 2 octets";
	desc->msb = (uint16_t)(len == 1 ? data[0] : data[0] << 8 | data[1]);
	return NULL;
}

static const char *read_values(
	struct schc_rule *rule, tree_node entry, struct schc_field_desc *desc)
{
	tree_node list = member(entry, ENTRY_PATH, "target-value");
	size_t n = tree_count(list);
	if (desc->mo == SCHC_MO_IGNORE)
		return NULL; /* RFC 9363 allows a target value here; nothing looks at it */
	if (n == 0)
		return "this operator needs a target-value";
	if (desc->mo != SCHC_MO_MATCH_MAPPING && n != 1)
		return "this operator has one target-value";
	for (size_t i = 0; i < n; i++) {
		const uint8_t *data;
		size_t len;
		const char *text = list_value(list, i, &data, &len);
		if (text)
			return text;
		if (!schc_rule_add_value(rule, desc, data, len))
			return "a target-value is longer than the field, or the rule is full";
	}
	return NULL;
}

/* RFC 9363 knows compute only; of what is not in the packet the outer header tells. */
static void resolve_compute(const struct schc_field *field, struct schc_field_desc *desc)
{
	bool outer = field->source == SCHC_FROM_OUTER || field->source == SCHC_FROM_OUTER_OR_ANY;
	if (desc->cda == SCHC_CDA_COMPUTE && outer)
		desc->cda = SCHC_CDA_LOWER;
}

static const char *find_field(struct reader *reader, tree_node entry, enum schc_fid *fid)
{
	reader->field = identity(member(entry, ENTRY_PATH, "field-id"));
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, reader->field) == 0) {
			*fid = fields[i].fid;
			return NULL;
		}
	return "this field is not compressed by dietvpn";
}

static const char *read_entry(struct reader *reader, struct schc_rule *rule, tree_node entry)
{
	enum schc_fid fid = SCHC_FIDS;
	uint64_t position = 0;
	const char *text = find_field(reader, entry, &fid);
	if (text)
		return text;
	struct schc_field_desc *desc = schc_rule_append(rule, fid);
	if (!desc)
		return "too many entries";
	tree_uint(member(entry, ENTRY_PATH, "field-position"), UINT8_MAX, &position);
	desc->fp = (uint8_t)position;
	if (!find_word(directions, identity(member(entry, ENTRY_PATH, "direction-indicator")),
		    &desc->di) ||
		!find_word(operators, identity(member(entry, ENTRY_PATH, "matching-operator")),
			&desc->mo) ||
		!find_word(actions, identity(member(entry, ENTRY_PATH, "comp-decomp-action")),
			&desc->cda))
		return "its direction, operator or action is not known to dietvpn";
	if (member(entry, ENTRY_PATH, "comp-decomp-action-value"))
		return "no action has a comp-decomp-action-value";
	resolve_compute(schc_field(fid), desc);
	text = read_length(schc_field(fid), member(entry, ENTRY_PATH, "field-length"), desc);
	if (!text)
		text = read_argument(entry, desc);
	return text ? text : read_values(rule, entry, desc);
}

static const char *read_id(tree_node node, struct schc_rule *rule)
{
	uint64_t value = 0;
	uint64_t bits = 0;
	tree_uint(member(node, RULE_PATH, "rule-id-value"), UINT32_MAX, &value);
	tree_uint(member(node, RULE_PATH, "rule-id-length"), UINT8_MAX, &bits);
	if (bits > SCHC_RULE_ID_BITS)
		return "rule-id-length is at most 8 bits";
	if (value >> bits)
		return "rule-id-value is wider than rule-id-length";
	rule->id = (uint8_t)value;
	rule->id_bits = (uint8_t)bits;
	return NULL;
}

static const char *read_rule(struct reader *reader, tree_node node, struct schc_rule *rule)
{
	tree_node entries = member(node, RULE_PATH, "entry");
	const char *text = read_id(node, rule);
	reader->in_entry = false;
	if (text)
		return text;
	if (!find_word(natures, identity(member(node, RULE_PATH, "rule-nature")), &rule->nature))
		return "fragmentation is not done by dietvpn";
	if (rule->nature == SCHC_NO_COMPRESSION && entries)
		return "a rule of nature-no-compression has no entry";
	if (rule->nature == SCHC_COMPRESSION && !entries)
		return "a rule of nature-compression needs an entry";
	reader->in_entry = true;
	for (size_t i = 0; i < tree_count(entries); i++) {
		reader->entry = (unsigned)i;
		text = read_entry(reader, rule, tree_at(entries, i));
		if (text)
			return text;
	}
	return NULL;
}

/* rule[2].entry[5], and the field there. */
static int wrong(struct tree_error *error, const struct reader *reader, const char *text)
{
	if (!error)
		return -EINVAL;
	int n = snprintf(error->at, sizeof error->at, YANG_ROOT ".rule[%u]", reader->rule);
	if (reader->in_entry && n > 0 && (size_t)n < sizeof error->at)
		snprintf(error->at + n, sizeof error->at - (size_t)n, ".entry[%u]", reader->entry);
	if (reader->in_entry && reader->field)
		snprintf(error->text, sizeof error->text, "%.40s: %s", reader->field, text);
	else
		snprintf(error->text, sizeof error->text, "%s", text);
	return -EINVAL;
}

static int check_set(const struct schc_rule_set *set, struct tree_error *error)
{
	struct schc_fault fault;
	if (schc_set_check(set, &fault))
		return 0;
	if (fault.rule >= set->n) {
		if (error) {
			snprintf(error->at, sizeof error->at, YANG_ROOT);
			snprintf(error->text, sizeof error->text, "%s", fault.text);
		}
		return -EINVAL;
	}
	const struct schc_rule *rule = &set->rule[fault.rule];
	struct reader reader = {.rule = fault.rule, .entry = fault.field};
	reader.in_entry = fault.field < rule->n;
	if (reader.in_entry)
		reader.field = rules_field_name(rule->field[fault.field].fid);
	return wrong(error, &reader, fault.text);
}

static int digest(tree_node context, uint8_t out[static HASH_SHA256_LEN])
{
	struct tree_writer w;
	tree_writer_init(&w);
	tree_put_node(&w, context);
	int err = w.error;
	if (!err)
		hash_sha256((struct slice){w.data, w.len}, out);
	tree_writer_fini(&w);
	return err;
}

uint32_t rules_set_digest(const struct rules_set *set)
{
	return get_be32(set->digest);
}

const char *rules_digest_print(uint32_t digest, char out[static RULES_DIGEST_TEXT])
{
	snprintf(out, RULES_DIGEST_TEXT, "%08x", (unsigned)digest);
	return out;
}

static uint32_t read_version(tree_node schc)
{
	uint64_t version = 0;
	tree_uint(member(schc, "/" YANG_ROOT, YANG_VERSION), UINT32_MAX, &version);
	return (uint32_t)version;
}

int rules_set_read(tree_node context, struct rules_set *out, struct tree_error *error)
{
	tree_node schc = tree_get_int(context, (int64_t)sid_data("/" YANG_ROOT));
	tree_node list = member(schc, "/" YANG_ROOT, "rule");
	size_t n = tree_count(list);
	struct reader reader = {.rule = SCHC_SET_RULES};
	if (n > SCHC_SET_RULES)
		return wrong(error, &reader, "a set has at most 64 rules");
	struct schc_rule *rules = calloc(n ? n : 1, sizeof *rules);
	if (!rules)
		return -ENOMEM;
	int err = 0;
	for (size_t i = 0; i < n && !err; i++) {
		reader = (struct reader){.rule = (unsigned)i};
		const char *text = read_rule(&reader, tree_at(list, i), &rules[i]);
		if (text)
			err = wrong(error, &reader, text);
	}
	struct rules_set set = {.set = {.rule = rules, .n = (unsigned)n},
		.rules = rules,
		.version = read_version(schc)};
	if (!err)
		err = check_set(&set.set, error);
	if (!err)
		err = digest(context, set.digest);
	if (err)
		free(rules);
	else
		*out = set;
	return err;
}

void rules_set_free(struct rules_set *set)
{
	free(set->rules);
	*set = (struct rules_set){0};
}
