/* SPDX-License-Identifier: Apache-2.0 */
/* The 24 packets of diet-esp-draft07.json in both directions, and the size table of section 11. */
#include "diet/context.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "schc/rule.h"
#include "base/buf.h"
#include "base/wire.h"
#include "vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ROOM = 512, VECTORS = 24 };

static const char *name_of(const json_t *vector)
{
	return vectors_text(vector, "name");
}

static struct buf *load(const json_t *vector, const char *path)
{
	uint8_t octets[ROOM];
	struct buf *pkt = buf_alloc(ROOM);

	cr_assert_not_null(pkt);
	cr_assert_eq(buf_set(pkt, octets, vectors_hex(vector, path, octets, sizeof octets)), 0);
	return pkt;
}

static void expect_octets(const json_t *vector, const char *path, const struct buf *pkt)
{
	uint8_t octets[ROOM];
	size_t len = vectors_hex(vector, path, octets, sizeof octets);

	cr_assert_eq(
		pkt->len, len, "%s %s: %zu octets, not %zu", name_of(vector), path, pkt->len, len);
	cr_assert(memcmp(pkt->data, octets, len) == 0, "%s %s differs", name_of(vector), path);
}

static const char *action_text(const struct schc_field_desc *desc)
{
	if (desc->cda == SCHC_CDA_LOWER || desc->cda == SCHC_CDA_GENERATED)
		return "compute";
	return schc_cda_name(desc->cda);
}

static void hex_of(const uint8_t *octets, unsigned digits, char *out)
{
	unsigned skip = digits % 2;

	for (unsigned i = 0; i < digits; i++)
		out[i] =
			"0123456789abcdef"[octets[(i + skip) / 2] >> ((i + skip) % 2 ? 0 : 4) & 15];
	out[digits] = 0;
}

static void expect_target(const json_t *row, const struct schc_rule *rule,
	const struct schc_field_desc *desc, const char *where)
{
	const json_t *tv = vectors_find(row, "tv");
	char text[64];

	if (json_is_array(tv)) {
		cr_assert_eq(json_array_size(tv), desc->mapping_n, "%s", where);
		for (unsigned i = 0; i < desc->mapping_n; i++) {
			hex_of(&rule->mapping[desc->mapping_first + i], 2, text);
			cr_assert_str_eq(
				json_string_value(json_array_get(tv, i)), text, "%s", where);
		}
	} else if (json_is_string(tv) && desc->fid != SCHC_ESP_SN) {
		hex_of(desc->tv, (desc->fl + 3u) / 4, text);
		cr_assert_str_eq(json_string_value(tv), text, "%s", where);
	}
}

static void expect_rule(const json_t *rows, const struct schc_rule *rule, const char *name)
{
	cr_assert_eq(json_array_size(rows), rule->n, "%s: %u fields", name, rule->n);
	for (unsigned i = 0; i < rule->n; i++) {
		const json_t *row = json_array_get(rows, i);
		const struct schc_field_desc *desc = &rule->field[i];
		char where[128];

		snprintf(where, sizeof where, "%s %s", name, schc_field(desc->fid)->name);
		cr_assert_str_eq(
			vectors_text(row, "fid"), schc_field(desc->fid)->name, "%s", where);
		cr_assert_eq(vectors_number(row, "fl"), desc->fl, "%s", where);
		cr_assert_str_eq(vectors_text(row, "mo"), schc_mo_name(desc->mo), "%s", where);
		cr_assert_str_eq(vectors_text(row, "cda"), action_text(desc), "%s", where);
		cr_assert_eq(
			vectors_number(row, "sent_bits"), schc_field_sent_bits(desc), "%s", where);
		if (desc->mo == SCHC_MO_MSB)
			cr_assert_eq(vectors_number(row, "mo_val"), desc->msb, "%s", where);
		expect_target(row, rule, desc, where);
	}
}

Test(diet_vectors, rules)
{
	json_t *root = vectors_open("diet-esp-draft07.json");
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		struct vectors_sa sa;
		struct schc_rule rule;

		vectors_sa(vector, &sa);
		cr_assert_eq(diet_iipc_rule(&sa.attrs, &sa.sa, &rule), 0, "%s", name_of(vector));
		cr_assert_null(schc_rule_check(&rule, NULL));
		if (sa.attrs.iipc)
			expect_rule(vectors_find(vector, "iipc.rule"), &rule, name_of(vector));
		else
			cr_assert_eq(rule.n, 0);
		cr_assert_eq(diet_eec_rule(&sa.attrs, &sa.sa, &rule), 0, "%s", name_of(vector));
		expect_rule(vectors_find(vector, "eec.rule"), &rule, name_of(vector));
	}
	cr_assert_eq(i, VECTORS);
	json_decref(root);
}

/* The IIPC output is residue, pad bits and payload; the first two are also given bit by bit. */
static void expect_residue(
	const json_t *vector, const struct diet_context *context, const struct buf *pkt)
{
	const char *bits;
	unsigned n = context->plan->residue_bits;

	if (!context->iipc)
		return;
	bits = vectors_text(vector, "iipc.residue_bits");
	cr_assert_eq(strlen(bits), n, "%s", name_of(vector));
	cr_assert_eq(vectors_number(vector, "iipc.residue_nbits"), n);
	cr_assert_eq(vectors_number(vector, "iipc.pad_bits"), context->plan->residue_len * 8 - n);
	for (unsigned i = 0; i < context->plan->residue_len * 8u; i++)
		cr_assert_eq(pkt->data[i / 8] >> (7 - i % 8) & 1, i < n ? bits[i] - '0' : 0,
			"%s bit %u", name_of(vector), i);
}

/* The fields that "lower" moved out: those of the outer packet as it was sent. */
static void expect_outer(
	const json_t *vector, const struct vectors_sa *sa, const struct outer *outer)
{
	uint8_t packet[ROOM];
	struct outer sent;

	if (sa->sa.mode == SA_TRANSPORT || !sa->attrs.iipc)
		return;
	vectors_hex(vector, "outer_packet", packet, sizeof packet);
	vectors_outer(packet, &sent);
	cr_assert_eq(outer->hop_limit, sent.hop_limit, "%s", name_of(vector));
	cr_assert_eq(outer->traffic_class, sent.traffic_class, "%s", name_of(vector));
	cr_assert_eq(outer->flow_label, sent.flow_label, "%s", name_of(vector));
}

static void compress(const json_t *vector, const struct vectors_sa *sa,
	const struct diet_context *context, struct buf *pkt)
{
	struct outer outer = {0};
	struct ip_packet ip;
	size_t len;

	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert(iipc_fits(context, &ip), "%s does not fit", name_of(vector));
	len = iipc_compressed_len(context, &ip);
	if (sa->sa.mode == SA_TRANSPORT)
		buf_pull(pkt, ip.hdr_len);
	cr_assert_eq(iipc_compress(context, &ip, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, len, "%s: iipc_compressed_len", name_of(vector));
	expect_outer(vector, sa, &outer);
}

static void expect_trailer(const json_t *vector, const struct diet_context *context, size_t len)
{
	size_t trailer = ctec_trailer_len(context, len);
	bool pad_length = vectors_bool(vector, "ctec.trailer_on_wire.pad_length_present");
	bool next_header = vectors_bool(vector, "ctec.trailer_on_wire.next_header_present");

	cr_assert_eq(context->pad_length_sent, pad_length, "%s", name_of(vector));
	cr_assert_eq(context->next_header_sent, next_header, "%s", name_of(vector));
	cr_assert_eq((long long)(trailer - pad_length - next_header),
		vectors_number(vector, "ctec.trailer_on_wire.padding"), "%s", name_of(vector));
}

static void outbound(const json_t *vector)
{
	struct buf *pkt = load(vector, "inner_packet");
	struct diet_context context;
	struct vectors_sa sa;

	vectors_sa(vector, &sa);
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	compress(vector, &sa, &context, pkt);
	expect_octets(vector, "iipc.out_ruleid_elided", pkt);
	expect_residue(vector, &context, pkt);
	expect_trailer(vector, &context, pkt->len);
	cr_assert_eq(ctec_add_trailer(&context,
			     (uint8_t)vectors_number(vector, "ctec.next_header_value"), pkt),
		DROP_NONE);
	expect_octets(vector, "ctec.plaintext", pkt);
	buf_reset(pkt);
	cr_assert_eq(eec_compress(&context, sa.sequence, pkt), DROP_NONE);
	expect_octets(vector, "eec.header_bytes", pkt);
	buf_free(pkt);
	diet_context_fini(&context);
}

static void outbound_rule_id(const json_t *vector)
{
	struct buf *pkt = load(vector, "inner_packet");
	struct diet_context context;
	struct vectors_sa sa;

	vectors_sa(vector, &sa);
	sa.attrs.rule_id = true;
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	compress(vector, &sa, &context, pkt);
	expect_octets(vector,
		sa.attrs.iipc ? "iipc.out_ruleid_present_0x01" : "iipc.out_ruleid_elided", pkt);
	buf_free(pkt);
	diet_context_fini(&context);
}

Test(diet_vectors, outbound)
{
	json_t *root = vectors_open("diet-esp-draft07.json");
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		outbound(vector);
		outbound_rule_id(vector);
	}
	cr_assert_eq(i, VECTORS);
	json_decref(root);
}

/* What the receiver of rx_outer_packet has in its hands before decryption: EEC's inverse. */
static void inbound_header(const json_t *vector, const struct diet_context *context,
	const struct vectors_sa *sa, struct outer *outer)
{
	struct buf *pkt = load(vector, "rx_outer_packet");
	uint64_t sequence = 0;
	uint32_t lsb = 0;

	cr_assert_not_null(buf_pull(pkt, vectors_outer(pkt->data, outer)));
	expect_octets(vector, "final_esp", pkt);
	cr_assert_eq(eec_parse(context, pkt, &lsb), DROP_NONE);
	cr_assert(eec_restore_sequence(
		lsb, context->sn_bits, sa->sequence - 1, 64, sa->sa.esn, &sequence));
	cr_assert_eq(sequence, sa->sequence, "%s: sequence %llu", name_of(vector),
		(unsigned long long)sequence);
	buf_free(pkt);
}

/* The generated flow label is not on the wire: it has to be some value other than 0. */
static void expect_decapsulated(const json_t *vector, const struct vectors_sa *sa, struct buf *pkt)
{
	uint8_t expected[ROOM];
	size_t len = vectors_hex(vector, "decapsulated_packet", expected, sizeof expected);
	size_t from = 0;

	if (sa->sa.mode == SA_TRANSPORT)
		from = len - pkt->len;
	if (sa->attrs.flow_label_cda == FLOW_LABEL_GENERATED) {
		cr_assert_neq(get_be32(pkt->data) & 0xfffff, 0);
		put_be32(expected,
			(get_be32(expected) & 0xfff00000) | (get_be32(pkt->data) & 0xfffff));
	}
	cr_assert_eq(pkt->len, len - from, "%s", name_of(vector));
	cr_assert(memcmp(pkt->data, expected + from, pkt->len) == 0, "%s: decapsulated differs",
		name_of(vector));
}

static void inbound(const json_t *vector, bool rule_id)
{
	struct diet_context context;
	struct vectors_sa sa;
	struct outer outer;
	struct buf *pkt;
	uint8_t next_header = 255;

	vectors_sa(vector, &sa);
	sa.attrs.rule_id = rule_id;
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	inbound_header(vector, &context, &sa, &outer);
	if (rule_id) {
		pkt = load(vector, "iipc.out_ruleid_present_0x01");
		next_header = (uint8_t)vectors_number(vector, "ctec.next_header_value");
	} else {
		pkt = load(vector, "ctec.plaintext");
		cr_assert_eq(ctec_remove_trailer(&context, pkt, &next_header), DROP_NONE);
		cr_assert_eq(next_header, vectors_number(vector, "ctec.next_header_value"));
		expect_octets(vector, "iipc.out_ruleid_elided", pkt);
	}
	cr_assert_eq(iipc_decompress(&context, next_header, pkt, &outer), DROP_NONE, "%s",
		name_of(vector));
	expect_decapsulated(vector, &sa, pkt);
	buf_free(pkt);
	diet_context_fini(&context);
}

Test(diet_vectors, inbound)
{
	json_t *root = vectors_open("diet-esp-draft07.json");
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		inbound(vector, false);
		if (vectors_find(vector, "iipc.out_ruleid_present_0x01"))
			inbound(vector, true);
	}
	cr_assert_eq(i, VECTORS);
	json_decref(root);
}

/* Every outer field under lower changes the restored packet: nothing else is left to take it from.
 */
Test(diet_vectors, changed_outer_fields_arrive_inside)
{
	json_t *root = vectors_open("diet-esp-draft07.json");
	const json_t *vector = vectors_find(root, "vectors.0");
	struct diet_context context;
	struct vectors_sa sa;
	struct outer outer;
	struct buf *pkt = load(vector, "ctec.plaintext");

	vectors_sa(vector, &sa);
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	inbound_header(vector, &context, &sa, &outer);
	outer.hop_limit = 9;
	outer.traffic_class = 0xbb;
	outer.flow_label = 0xabcde;
	cr_assert_eq(iipc_decompress(&context, IP_PROTO_IPV6, pkt, &outer), DROP_NONE);
	cr_assert_eq(get_be32(pkt->data), 0x6bbabcde);
	cr_assert_eq(pkt->data[7], 9);
	buf_free(pkt);
	diet_context_fini(&context);
	json_decref(root);
}

static const json_t *find_vector(const json_t *root, const char *name)
{
	const json_t *list = vectors_find(root, "vectors");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(name_of(json_array_get(list, i)), name) == 0)
			return json_array_get(list, i);
	cr_assert_fail("no vector %s", name);
	return NULL;
}

/* ESP octets behind the outer header: shortened header, explicit IV, plaintext, ICV. */
static size_t diet_size(const json_t *vector, size_t spi_bits, size_t sn_bits, size_t *payload)
{
	uint8_t iv[16];
	struct buf *pkt = load(vector, "inner_packet");
	struct diet_context context;
	struct vectors_sa sa;
	size_t len;

	vectors_sa(vector, &sa);
	sa.attrs.esp_spi_lsb = (uint8_t)spi_bits;
	sa.attrs.esp_sn_lsb = (uint8_t)sn_bits;
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	*payload = pkt->len;
	if (sa.attrs.iipc)
		*payload -= (size_t)vectors_number(vector, "iipc.payload_offset_in_inner");
	compress(vector, &sa, &context, pkt);
	len = pkt->len + ctec_trailer_len(&context, pkt->len) + context.header_len;
	len += vectors_hex(vector, "crypto.iv_on_wire", iv, sizeof iv);
	len += (size_t)vectors_number(vector, "crypto.icv_len");
	buf_free(pkt);
	diet_context_fini(&context);
	return len;
}

static size_t own_size(const json_t *vector, size_t *payload)
{
	return diet_size(vector, (size_t)vectors_number(vector, "afrg.esp_spi_lsb"),
		(size_t)vectors_number(vector, "afrg.esp_sn_lsb"), payload);
}

/* RFC 4303: SPI, SN, IV, packet, padding to 4 octets with Pad Length and Next Header, ICV. */
static size_t plain_size(const json_t *vector)
{
	uint8_t iv[16];
	struct buf *pkt = load(vector, "inner_packet");
	struct diet_attrs attrs = diet_attrs_plain();
	struct diet_context context;
	struct vectors_sa sa;
	size_t len;

	vectors_sa(vector, &sa);
	if (sa.sa.mode == SA_TRANSPORT)
		buf_pull(pkt, pkt->data[0] >> 4 == 6 ? 40 : 20);
	cr_assert_eq(diet_context_init(&context, &attrs, &sa.sa), 0);
	len = pkt->len + ctec_trailer_len(&context, pkt->len) + context.header_len;
	len += vectors_hex(vector, "crypto.iv_on_wire", iv, sizeof iv);
	len += (size_t)vectors_number(vector, "crypto.icv_len");
	buf_free(pkt);
	diet_context_fini(&context);
	return len;
}

Test(diet_vectors, sizes)
{
	json_t *root = vectors_open("diet-esp-draft07.json");
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		size_t payload;
		size_t diet = own_size(vector, &payload);
		size_t plain = plain_size(vector);

		cr_assert_eq((long long)diet, vectors_number(vector, "sizes.diet_esp"), "%s: %zu",
			name_of(vector), diet);
		cr_assert_eq((long long)plain,
			vectors_number(vector, "sizes.standard_esp_same_transform"),
			"%s: plain %zu", name_of(vector), plain);
		cr_assert_eq((long long)plain - (long long)diet,
			vectors_number(vector, "sizes.saved"), "%s", name_of(vector));
	}
	json_decref(root);
}

static void expect_saved(const json_t *root, const char *name, size_t saved)
{
	const json_t *vector = find_vector(root, name);
	size_t payload;

	cr_assert_eq(plain_size(vector) - own_size(vector, &payload), saved, "%s", name);
}

static void expect_residue_bits(const json_t *root, const char *name, unsigned bits)
{
	struct diet_context context;
	struct vectors_sa sa;

	vectors_sa(find_vector(root, name), &sa);
	cr_assert_eq(diet_context_init(&context, &sa.attrs, &sa.sa), 0);
	cr_assert_eq(context.plan->residue_bits, bits, "%s: %u", name, context.plan->residue_bits);
	diet_context_fini(&context);
}

Test(diet_vectors, size_table)
{
	static const struct {
		uint8_t spi, sn, overhead;
	} rows[] = {{0, 0, 8}, {8, 8, 10}, {8, 16, 11}, {16, 16, 12}, {32, 32, 16}};
	json_t *root = vectors_open("diet-esp-draft07.json");
	const json_t *ccm8 = find_vector(root, "v6udp-iot-single-0-0");
	const json_t *chacha = find_vector(root, "v6udp-chacha");
	size_t payload;
	size_t len;

	expect_saved(root, "size-iot-udp-61", 61);             /* row 1 */
	expect_saved(root, "size-iot-udp-61-explicit-iv", 61); /* row 1 */
	expect_saved(root, "size-vpn66-32", 32);               /* row 4 */
	expect_residue_bits(root, "v6udp-table1", 152);        /* row 8 */
	expect_residue_bits(root, "v6udp-table2", 3);          /* row 9 */
	expect_residue_bits(root, "v6udp-table4", 6);          /* row 9 */
	/* Row 10 and the line below the table; 16-octet ICVs cost 8 more. */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		len = diet_size(ccm8, rows[i].spi, rows[i].sn, &payload);
		cr_assert_eq(len - payload, rows[i].overhead, "%u/%u: %zu", rows[i].spi, rows[i].sn,
			len - payload);
		len = diet_size(chacha, rows[i].spi, rows[i].sn, &payload);
		cr_assert_eq(len - payload, rows[i].overhead + 8u);
	}
	json_decref(root);
}
