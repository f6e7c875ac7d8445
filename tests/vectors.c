/* SPDX-License-Identifier: Apache-2.0 */
/* Vector files of tests/vectors/ (their own "description" says what the fields mean). */
#include "vectors.h"

#include "base/wire.h"
#include "ip/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, const char *where)
{
	fprintf(stderr, "vectors: %s: %s\n", what, where);
	exit(1);
}

json_t *vectors_open(const char *file)
{
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	char path[4096];
	json_error_t error;
	json_t *root;

	snprintf(path, sizeof path, "%s/tests/vectors/%s", dir ? dir : ".", file);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail(error.text, path);
	return root;
}

const json_t *vectors_find(const json_t *object, const char *path)
{
	char key[128];

	while (object && *path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof key, "%.*s", (int)len, path);
		if (json_is_array(object))
			object = json_array_get(object, (size_t)strtoul(key, NULL, 10));
		else
			object = json_object_get(object, key);
		path += len + (path[len] == '.');
	}
	return object;
}

const char *vectors_text(const json_t *object, const char *path)
{
	const char *text = json_string_value(vectors_find(object, path));

	if (!text)
		fail("not a string", path);
	return text;
}

long long vectors_number(const json_t *object, const char *path)
{
	const json_t *value = vectors_find(object, path);

	if (!json_is_integer(value))
		fail("not a number", path);
	return json_integer_value(value);
}

bool vectors_bool(const json_t *object, const char *path)
{
	const json_t *value = vectors_find(object, path);

	if (!json_is_boolean(value))
		fail("not a truth value", path);
	return json_is_true(value);
}

static unsigned nibble(char c, const char *path)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	fail("not hexadecimal", path);
}

size_t vectors_hex(const json_t *object, const char *path, uint8_t *out, size_t cap)
{
	const char *text = vectors_text(object, path);
	size_t len = strlen(text);

	if (len % 2 || len / 2 > cap)
		fail("odd or too long", path);
	for (size_t i = 0; i < len / 2; i++)
		out[i] = (uint8_t)(nibble(text[2 * i], path) << 4 | nibble(text[2 * i + 1], path));
	return len / 2;
}

/* The index of the text at path in a list that ends with NULL. */
static uint8_t choice(const json_t *object, const char *path, const char *const *names)
{
	const char *text = vectors_text(object, path);

	for (uint8_t i = 0; names[i]; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	fail(path, text);
}

static struct ip_addr address(const json_t *object, const char *path)
{
	struct ip_addr addr;

	if (ip_addr_parse(vectors_text(object, path), &addr))
		fail("not an address", path);
	return addr;
}

static struct ts selector(const json_t *afrg, const char *side)
{
	char path[64];
	struct ts ts = {.ip_proto = (uint8_t)vectors_number(afrg, "ts_proto")};

	snprintf(path, sizeof path, "ts_ip_%s_start", side);
	ts.addr_start = address(afrg, path);
	snprintf(path, sizeof path, "ts_ip_%s_end", side);
	ts.addr_end = address(afrg, path);
	snprintf(path, sizeof path, "ts_port_%s_start", side);
	ts.port_start = (uint16_t)vectors_number(afrg, path);
	snprintf(path, sizeof path, "ts_port_%s_end", side);
	ts.port_end = (uint16_t)vectors_number(afrg, path);
	return ts;
}

static uint8_t log2_of(long long value)
{
	uint8_t n = 0;

	while (1ll << n < value)
		n++;
	return n;
}

static void attributes(const json_t *afrg, struct diet_attrs *out)
{
	static const char *const dscp[] = {"not_compressed", "lower", "sa", NULL};
	static const char *const ecn[] = {"not_compressed", "lower", NULL};
	static const char *const label[] = {"not_compressed", "lower", "generated", "zero", NULL};
	static const char *const trailer[] = {"Mandatory", "Optional", NULL};
	const json_t *list = vectors_find(afrg, "dscp_list");

	*out = diet_attrs_plain();
	out->iipc = strcmp(vectors_text(afrg, "iipc_profile"), "iipc_diet-esp") == 0;
	out->dscp_cda = choice(afrg, "dscp_cda", dscp);
	out->ecn_cda = choice(afrg, "ecn_cda", ecn);
	out->flow_label_cda = choice(afrg, "flow_label_cda", label);
	out->hop_limit_cda = HOP_LIMIT_LOWER;
	out->esp_trailer = choice(afrg, "esp_trailer", trailer);
	out->alignment = log2_of(vectors_number(afrg, "alignment") / 8);
	out->esp_spi_lsb = (uint8_t)vectors_number(afrg, "esp_spi_lsb");
	out->esp_sn_lsb = (uint8_t)vectors_number(afrg, "esp_sn_lsb");
	for (size_t i = 0; i < json_array_size(list); i++)
		out->dscp_list[out->n_dscp++] =
			(uint8_t)json_integer_value(json_array_get(list, i));
	/* The vectors say 64; a narrow SN allows only half its range. */
	out->window = 64;
	if (out->esp_sn_lsb && out->esp_sn_lsb < 7)
		out->window = 1u << (out->esp_sn_lsb - 1);
}

void vectors_sa(const json_t *vector, struct vectors_sa *out)
{
	const json_t *afrg = vectors_find(vector, "afrg");
	const json_t *tunnel = vectors_find(afrg, "tunnel_ip");
	uint8_t spi[4];

	memset(out, 0, sizeof *out);
	attributes(afrg, &out->attrs);
	out->src = selector(afrg, "src");
	out->dst = selector(afrg, "dst");
	vectors_hex(vector, "sa.spi", spi, sizeof spi);
	out->sequence = (uint64_t)vectors_number(vector, "sa.sn");
	out->sa.mode =
		strcmp(vectors_text(afrg, "ipsec_mode"), "Tunnel") == 0 ? SA_TUNNEL : SA_TRANSPORT;
	out->sa.spi = get_be32(spi);
	out->sa.esn = vectors_bool(vector, "sa.esn");
	out->sa.src = &out->src;
	out->sa.dst = &out->dst;
	out->sa.n_src = 1;
	out->sa.n_dst = 1;
	if (tunnel)
		out->sa.outer_family = address(tunnel, "0").family;
}

size_t vectors_outer(const uint8_t *packet, struct outer *out)
{
	memset(out, 0, sizeof *out);
	if (packet[0] >> 4 == 6) {
		out->traffic_class = (uint8_t)(get_be16(packet) >> 4);
		out->flow_label = get_be32(packet) & 0xfffff;
		out->hop_limit = packet[7];
		out->remote.addr = ip_addr_from(6, packet + 8);
		out->local.addr = ip_addr_from(6, packet + 24);
		return IPV6_HEADER;
	}
	out->traffic_class = packet[1];
	out->flow_label = get_be16(packet + 4);
	out->hop_limit = packet[8];
	out->remote.addr = ip_addr_from(4, packet + 12);
	out->local.addr = ip_addr_from(4, packet + 16);
	return (size_t)(packet[0] & 15) * 4;
}
