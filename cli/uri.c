/* SPDX-License-Identifier: Apache-2.0 */
/* What a device needs to know of its gateway, as a QR code carries it: DV1:home?h=..&i=..&k=..&g=..
 */
#include "cli/uri.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_CHARACTERS = 22, /* of base64url without padding */
	VALUE_MAX = 300,
	PARAMETER_NAME_MAX = 16,
};

static const char scheme[] = "DV1:";
static const char default_preset[] = "safe";

__attribute__((format(printf, 2, 3))) static int wrong(char why[URI_WHY], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, URI_WHY, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* The locale has no say in what is a letter. */
static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool only(const char *text, const char *signs)
{
	while (*text && (is_alnum(*text) || strchr(signs, *text)))
		text++;
	return !*text;
}

bool uri_name_ok(const char *name)
{
	return is_alnum(*name) && strlen(name) < CONFIG_NAME_MAX && only(name, "._-");
}

/* "0x..." would be a KEY_ID, in which upper and lower case are one. */
bool uri_id_ok(const char *id)
{
	const char *at = strchr(id, '@');

	return is_alnum(*id) && strlen(id) < CONFIG_NAME_MAX && only(id, "._-@") &&
	       strncmp(id, "0x", 2) != 0 && (!at || (at[1] && !strchr(at + 1, '@')));
}

static bool port_ok(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 5 && text[0] != '0' && strspn(text, "0123456789") == len &&
	       strtoul(text, NULL, 10) <= UINT16_MAX;
}

bool uri_endpoint_ok(const char *endpoint)
{
	const char *colon = strrchr(endpoint, ':');
	size_t host = colon ? (size_t)(colon - endpoint) : strlen(endpoint);
	struct ip_endpoint literal;

	if (strchr(endpoint, '[') || (colon && strchr(endpoint, ':') != colon))
		return strlen(endpoint) < IP_ENDPOINT_TEXT &&
		       ip_endpoint_parse(endpoint, &literal) == 0;
	return is_alnum(*endpoint) && host < URI_HOST_MAX && only(endpoint, ".-:") &&
	       (!colon || port_ok(colon + 1));
}

bool uri_preset_ok(const char *preset)
{
	static const char *const presets[] = {"off", "safe", "iot", "link"};

	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
		if (strcmp(preset, presets[i]) == 0)
			return true;
	return false;
}

const char *uri_print_address(const struct enrolment *e, char out[IP_ADDR_TEXT])
{
	if (!e->ask)
		return ip_addr_print(&e->address, out, IP_ADDR_TEXT);
	strcpy(out, "auto");
	return out;
}

int uri_derive_address(const struct enrolment *e, struct ip_addr *out)
{
	struct enrol_pool pool = {e->gateway.addr, e->gateway.len, e->gateway.addr};
	struct slice id = {(const uint8_t *)e->id, strlen(e->id)};

	return enrol_address(&pool, id, 0, out);
}

/* With two host bits and more, the subnet's own address stands for its first host. */
static bool has_first_host(const struct ip_prefix *p)
{
	return ip_addr_len(&p->addr) * 8 >= p->len + (size_t)2;
}

static struct ip_addr first_host(const struct ip_prefix *p)
{
	struct ip_addr a = ip_prefix_network(p);

	a.bytes[ip_addr_len(&a) - 1] |= 1;
	return a;
}

static bool set_text(char *out, size_t cap, const char *text, bool fits)
{
	if (!fits || strlen(text) >= cap)
		return false;
	strcpy(out, text);
	return true;
}

static bool set_endpoint(struct enrolment *e, const char *text)
{
	return set_text(e->endpoint, sizeof e->endpoint, text, uri_endpoint_ok(text));
}

static bool set_id(struct enrolment *e, const char *text)
{
	return set_text(e->id, sizeof e->id, text, uri_id_ok(text));
}

static bool set_gateway_id(struct enrolment *e, const char *text)
{
	return set_text(e->gateway_id, sizeof e->gateway_id, text, uri_id_ok(text));
}

static bool set_preset(struct enrolment *e, const char *text)
{
	return set_text(e->compress, sizeof e->compress, text, uri_preset_ok(text));
}

static bool set_address(struct enrolment *e, const char *text)
{
	e->ask = strcmp(text, "auto") == 0;
	if (e->ask)
		return true;
	return ip_addr_parse(text, &e->address) == 0 && !ip_addr_is_any(&e->address) &&
	       !ip_addr_is_multicast(&e->address);
}

static bool set_gateway(struct enrolment *e, const char *text)
{
	struct ip_addr network;

	if (!strchr(text, '/') || ip_prefix_parse(text, &e->gateway))
		return false;
	network = ip_prefix_network(&e->gateway);
	if (has_first_host(&e->gateway) && ip_addr_equal(&network, &e->gateway.addr))
		e->gateway.addr = first_host(&e->gateway);
	return !ip_addr_is_any(&e->gateway.addr) && !ip_addr_is_multicast(&e->gateway.addr);
}

static bool set_key(struct enrolment *e, const char *text)
{
	char base64[KEY_CHARACTERS + 3];
	size_t len = 0;
	bool ok = strlen(text) == KEY_CHARACTERS && only(text, "-_");

	if (!ok)
		return false;
	snprintf(base64, sizeof base64, "%s==", text);
	for (char *c = base64; *c; c++)
		*c = (char)(*c == '-' ? '+' : *c == '_' ? '/' : *c);
	ok = !secret_from_base64(base64, KEY_CHARACTERS + 2, e->psk, sizeof e->psk, &len) &&
	     len == sizeof e->psk;
	secret_wipe(base64, sizeof base64);
	return ok;
}

static const struct parameter {
	char name[PARAMETER_NAME_MAX];
	bool (*set)(struct enrolment *e, const char *text);
	bool required;
	const char *expected;
} parameters[] = {
	{"h", set_endpoint, true, "a host, or host:port"},
	{"i", set_id, true, "an identity of letters, digits and . _ - @, 40 at most"},
	{"k", set_key, true, "22 characters of base64url"},
	{"g", set_gateway, true, "an inner address with the length of its prefix"},
	{"a", set_address, false, "an inner address, or auto"},
	{"r", set_gateway_id, false, "an identity of letters, digits and . _ - @, 40 at most"},
	{"c", set_preset, false, "off, safe, iot or link"},
};
enum { N_PARAMETERS = sizeof parameters / sizeof parameters[0] };

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static const char unescaped[] = "-._~:@/[],";

/* One part of the text, up to its end, as plain printable ASCII. */
static bool decode(const char *text, size_t len, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			if (c <= ' ' || c >= 0x7f)
				return false;
			i += 2;
		} else if (!is_alnum(c) && !(c && strchr(unescaped, c))) {
			return false;
		}
		if (n + 1 >= cap)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static int set_parameter(
	struct enrolment *e, size_t which, const char *text, size_t len, char why[URI_WHY])
{
	const struct parameter *p = &parameters[which];
	char value[VALUE_MAX];
	bool ok = decode(text, len, value, sizeof value) && p->set(e, value);

	secret_wipe(value, sizeof value);
	return ok ? 0 : wrong(why, "parameter %s is not %s", p->name, p->expected);
}

/* "name=value" of len octets; seen: a bit for each of the table's. */
static int read_parameter(
	struct enrolment *e, const char *text, size_t len, unsigned *seen, char why[URI_WHY])
{
	const char *equals = memchr(text, '=', len);
	size_t name = equals ? (size_t)(equals - text) : 0;

	if (!equals || name == 0)
		return wrong(why, "a parameter is not name=value");
	if (name > 2 && memcmp(text, "x-", 2) == 0)
		return 0;
	for (size_t i = 0; i < N_PARAMETERS; i++) {
		if (strlen(parameters[i].name) != name ||
			memcmp(parameters[i].name, text, name) != 0)
			continue;
		if (*seen & 1u << i)
			return wrong(why, "parameter %s comes twice", parameters[i].name);
		*seen |= 1u << i;
		return set_parameter(e, i, equals + 1, len - name - 1, why);
	}
	if (name == 1 && is_alnum(*text))
		return wrong(why,
			"parameter %c is unknown: a newer dietvpn may have made this code", *text);
	return wrong(why, "a parameter with a name of %zu characters is unknown", name);
}

static int read_parameters(struct enrolment *e, const char *text, size_t len, char why[URI_WHY])
{
	unsigned seen = 0;

	for (size_t at = 0; at <= len;) {
		const char *end = memchr(text + at, '&', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		int err = read_parameter(e, text + at, n, &seen, why);

		if (err)
			return err;
		at += n + 1;
	}
	for (size_t i = 0; i < N_PARAMETERS; i++)
		if (parameters[i].required && !(seen & 1u << i))
			return wrong(why, "parameter %s is missing: it is %s", parameters[i].name,
				parameters[i].expected);
	return 0;
}

/* What was left out, and what must fit together. */
static int complete(struct enrolment *e, char why[URI_WHY])
{
	if (!e->gateway_id[0] && snprintf(e->gateway_id, sizeof e->gateway_id, "gw.%s",
					 e->tunnel) >= (int)sizeof e->gateway_id)
		return wrong(why, "the tunnel's name is too long for an identity: r is missing");
	if (!e->compress[0])
		strcpy(e->compress, default_preset);
	if (strcmp(e->id, e->gateway_id) == 0)
		return wrong(why, "device and gateway have the same identity");
	if (e->ask)
		return 0;
	if (e->address.family == 0 && uri_derive_address(e, &e->address))
		return wrong(why, "the prefix of g has no room for a device");
	if (e->address.family != e->gateway.addr.family)
		return wrong(why, "a and g are not of the same IP version");
	if (ip_addr_equal(&e->address, &e->gateway.addr))
		return wrong(why, "device and gateway have the same inner address");
	return 0;
}

static int parse(const char *text, size_t len, struct enrolment *e, char why[URI_WHY])
{
	const size_t head = sizeof scheme - 1;
	const char *question;
	int err;

	if (len <= head || memcmp(text, scheme, head) != 0)
		return wrong(why, "it does not begin with %s", scheme);
	if (len >= URI_MAX)
		return wrong(why, "it has more than %d characters", URI_MAX - 1);
	question = memchr(text, '?', len);
	if (!question ||
		!decode(text + head, (size_t)(question - text) - head, e->tunnel,
			sizeof e->tunnel) ||
		!uri_name_ok(e->tunnel))
		return wrong(why, "%s is not followed by the name of a tunnel and '?'", scheme);
	err = read_parameters(e, question + 1, len - (size_t)(question - text) - 1, why);
	return err ? err : complete(e, why);
}

int uri_parse(const char *text, size_t len, struct enrolment *e, char why[URI_WHY])
{
	int err;

	memset(e, 0, sizeof *e);
	err = parse(text, len, e, why);
	if (err)
		secret_wipe(e, sizeof *e);
	return err;
}

/* A text that grows; full: it did not fit. */
struct out {
	char *text;
	size_t len;
	bool full;
};

static void put_char(struct out *o, char c)
{
	o->full = o->full || o->len + 1 >= URI_MAX;
	if (!o->full)
		o->text[o->len++] = c;
}

static void put(struct out *o, const char *head, const char *value)
{
	for (; *head; head++)
		put_char(o, *head);
	for (; *value; value++) {
		char escape[4];

		if (is_alnum(*value) || strchr(unescaped, *value)) {
			put_char(o, *value);
			continue;
		}
		snprintf(escape, sizeof escape, "%%%02X", (unsigned char)*value);
		for (const char *c = escape; *c; c++)
			put_char(o, *c);
	}
}

static void put_key(struct out *o, const uint8_t psk[ENROL_PSK_LEN])
{
	char base64[SECRET_BASE64_LEN(ENROL_PSK_LEN)];

	secret_to_base64(psk, ENROL_PSK_LEN, base64);
	base64[KEY_CHARACTERS] = '\0';
	for (char *c = base64; *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	put(o, "&k=", base64);
	secret_wipe(base64, sizeof base64);
}

static void put_gateway(struct out *o, const struct enrolment *e)
{
	struct ip_prefix shown = e->gateway;
	struct ip_addr first = first_host(&shown);
	char text[IP_PREFIX_TEXT];

	if (has_first_host(&shown) && ip_addr_equal(&first, &shown.addr))
		shown.addr = ip_prefix_network(&shown);
	put(o, "&g=", ip_prefix_print(&shown, text, sizeof text));
}

static void put_exceptions(struct out *o, const struct enrolment *e)
{
	char text[IP_ADDR_TEXT], rule[CONFIG_NAME_MAX + 4];
	struct ip_addr derived = {0};

	if (e->ask)
		put(o, "&a=", "auto");
	else if (uri_derive_address(e, &derived) || !ip_addr_equal(&derived, &e->address))
		put(o, "&a=", ip_addr_print(&e->address, text, sizeof text));
	snprintf(rule, sizeof rule, "gw.%s", e->tunnel);
	if (strcmp(rule, e->gateway_id) != 0)
		put(o, "&r=", e->gateway_id);
	if (strcmp(e->compress, default_preset) != 0)
		put(o, "&c=", e->compress);
}

int uri_print(const struct enrolment *e, char out[URI_MAX])
{
	struct out o = {.text = out};
	struct enrolment again;
	char why[URI_WHY];
	int err;

	put(&o, scheme, e->tunnel);
	put(&o, "?h=", e->endpoint);
	put(&o, "&i=", e->id);
	put_key(&o, e->psk);
	put_gateway(&o, e);
	put_exceptions(&o, e);
	out[o.len] = '\0';
	err = o.full ? -EINVAL : uri_parse(out, o.len, &again, why);
	secret_wipe(&again, sizeof again);
	if (err)
		secret_wipe(out, URI_MAX);
	return err;
}
