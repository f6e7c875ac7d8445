/* SPDX-License-Identifier: Apache-2.0 */
/* Simple values of configuration keys: words, numbers, durations, texts, addresses. */
#include "config/value.h"

#include "config/keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY_MAX = 96, PORT_MAX = 65535 };

static const char digits[] = "0123456789";
static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool value_wrong(struct value_error *error, const char *hint, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(error->text, sizeof error->text, fmt, args);
	va_end(args);
	snprintf(error->hint, sizeof error->hint, "%s", hint ? hint : "");
	return false;
}

int value_next(const char **list, char *out, size_t cap)
{
	const char *p = *list;
	if (!p)
		return 0;
	size_t len = strcspn(p, ",");
	*list = p[len] ? p + len + 1 : NULL;
	while (len && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	while (len && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	if (len == 0 || len >= cap)
		return -1;
	memcpy(out, p, len);
	out[len] = '\0';
	return 1;
}

bool value_word(
	const char *text, const char *const *words, unsigned *out, struct value_error *error)
{
	char hint[96] = "";
	char list[80] = "";
	size_t n = 0;
	for (; words[n]; n++) {
		size_t used = strlen(list);
		if (strcmp(text, words[n]) == 0) {
			*out = (unsigned)n;
			return true;
		}
		snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", words[n]);
	}
	const char *nearest = keys_nearest(text, words, n);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	return value_wrong(error, hint, "must be one of %s", list);
}

bool value_bool(const char *text, bool *out, struct value_error *error)
{
	bool yes = strcmp(text, "yes") == 0;
	if (!yes && strcmp(text, "no") != 0)
		return value_wrong(error, NULL, "must be yes or no");
	*out = yes;
	return true;
}

/* Decimal digits only, *used of them; false where none or above 2^32-1. */
static bool read_number(const char *text, uint32_t *out, size_t *used)
{
	uint64_t value = 0;
	*used = strspn(text, digits);
	if (*used == 0 || *used > 10)
		return false;
	for (size_t i = 0; i < *used; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	*out = (uint32_t)value;
	return value <= UINT32_MAX;
}

bool value_uint(
	const char *text, uint32_t min, uint32_t max, uint32_t *out, struct value_error *error)
{
	uint32_t value;
	size_t used;
	if (!read_number(text, &value, &used) || text[used] || value < min || value > max)
		return value_wrong(error, NULL, "must be a number from %u to %u", (unsigned)min,
			(unsigned)max);
	*out = value;
	return true;
}

bool value_duration(const char *text, uint64_t *out_ms, struct value_error *error)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
	static const uint64_t years_10 = UINT64_C(3650) * 86400000;
	uint32_t value;
	size_t used;
	if (read_number(text, &value, &used))
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strcmp(text + used, units[i].unit) == 0 &&
				value <= years_10 / units[i].ms) {
				*out_ms = value * units[i].ms;
				return true;
			}
	return value_wrong(error, "a number and its unit, for example 30s, 10min or 1h",
		"must be a duration of at most 10 years");
}

bool value_text(const char *text, char *out, size_t cap, struct value_error *error)
{
	if (strlen(text) >= cap)
		return value_wrong(error, NULL, "must have at most %zu characters", cap - 1);
	strcpy(out, text);
	return true;
}

bool value_prefixes(
	const char *text, struct ip_prefix *out, size_t cap, size_t *n, struct value_error *error)
{
	struct ip_prefix list[CONFIG_ROUTES_MAX];
	char entry[ENTRY_MAX];
	size_t count = 0;
	int more;
	while ((more = value_next(&text, entry, sizeof entry)) > 0) {
		if (count == cap)
			return value_wrong(error, NULL, "has more than %zu entries", cap);
		if (ip_prefix_parse(entry, &list[count]) != 0)
			return value_wrong(error, "an address, optionally /length, by comma",
				"holds \"%.48s\", which is no prefix", entry);
		for (size_t i = 0; i < count; i++)
			if (ip_addr_equal(&list[i].addr, &list[count].addr) &&
				list[i].len == list[count].len)
				return value_wrong(error, NULL, "holds %.48s twice", entry);
		count++;
	}
	if (more < 0)
		return value_wrong(error, "an address, optionally /length, by comma",
			"has an empty or overlong entry");
	memcpy(out, list, count * sizeof *list);
	*n = count;
	return true;
}

/* An all-numeric last label is a mistyped address, not a name. */
static bool is_host_name(const char *host)
{
	bool numeric = true;
	for (const char *label = host; *label;) {
		size_t len = strspn(label, alnum);
		while (label[len] && strchr("-_", label[len]))
			len += 1 + strspn(label + len + 1, alnum);
		if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
			return false;
		numeric = strspn(label, digits) == len;
		label += len;
		if (*label == '.')
			label++;
		else if (*label)
			return false;
	}
	return !numeric;
}

static bool endpoint_name(const char *text, char *host, size_t cap, struct ip_endpoint *endpoint,
	struct value_error *error)
{
	static const char hint[] = "HOST, HOST:PORT, ADDRESS, or [ADDRESS6]:PORT";
	char name[256];
	uint32_t port = 0;
	size_t len = strcspn(text, ":");
	if (len >= sizeof name || len >= cap)
		return value_wrong(error, hint, "is too long");
	memcpy(name, text, len);
	name[len] = '\0';
	if (text[len] && !value_uint(text + len + 1, 1, PORT_MAX, &port, error))
		return value_wrong(error, hint, "is neither an address nor a host name");
	if (!is_host_name(name))
		return value_wrong(error, hint, "is neither an address nor a host name");
	strcpy(host, name);
	*endpoint = (struct ip_endpoint){.port = (uint16_t)port};
	return true;
}

bool value_endpoint(const char *text, char *host, size_t host_cap, struct ip_endpoint *endpoint,
	struct value_error *error)
{
	struct ip_endpoint e;
	if (ip_endpoint_parse(text, &e) != 0)
		return endpoint_name(text, host, host_cap, endpoint, error);
	if (ip_addr_is_any(&e.addr) || ip_addr_is_multicast(&e.addr))
		return value_wrong(error, NULL, "is not the address of one host");
	if (ip_addr_is_link_local(&e.addr))
		return value_wrong(error, "use a global or unique local address",
			"is link-local, which needs an interface to be reached");
	ip_addr_print(&e.addr, host, host_cap);
	*endpoint = e;
	return true;
}

bool value_identity(const char *text, char *out, size_t cap, struct value_error *error)
{
	static const char hint[] = "FQDN, user@host, or 0x and an even number of hex digits";
	size_t len = strlen(text);
	if (strncmp(text, "0x", 2) == 0) {
		if (len < 4 || len % 2 || strspn(text + 2, "0123456789abcdefABCDEF") != len - 2)
			return value_wrong(error, hint, "is not a hexadecimal identity");
		return value_text(text, out, cap, error);
	}
	const char *at = strchr(text, '@');
	if (at == text || (at && (!at[1] || strchr(at + 1, '@'))) || strpbrk(text, " \t,/\"'"))
		return value_wrong(error, hint, "is not an identity");
	return value_text(text, out, cap, error);
}
