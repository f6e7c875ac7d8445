/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of Allow (traffic selectors) and Cipher (IKEv2 transforms) from their text. */
#include "config/value.h"

#include "config/keys.h"
#include "ip/packet.h"

#include <stdio.h>
#include <string.h>

enum { ENTRY_MAX = 96, WORDS_MAX = 4, PORT_MAX = 65535, PROTO_ANY = 0 };

static const char allow_hint[] = "udp PORT [from PORT], tcp, sctp, udplite, icmp, icmp6, any";

/* In place, at blanks; the number of words, or WORDS_MAX + 1. */
static size_t split_words(char *text, char *words[WORDS_MAX])
{
	size_t n = 0;
	for (char *p = text; *p;) {
		if (n == WORDS_MAX)
			return WORDS_MAX + 1;
		words[n++] = p;
		p += strcspn(p, " \t");
		while (*p == ' ' || *p == '\t')
			*p++ = '\0';
	}
	return n;
}

static bool read_ports(char *text, uint16_t *start, uint16_t *end, struct value_error *error)
{
	uint32_t first;
	uint32_t last;
	char *dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	if (!value_uint(text, 1, PORT_MAX, &first, error) ||
		!value_uint(dash ? dash + 1 : text, 1, PORT_MAX, &last, error))
		return value_wrong(error, allow_hint, "has a port outside 1 to 65535");
	if (first > last)
		return value_wrong(error, NULL, "has the port range %u-%u, which is backwards",
			(unsigned)first, (unsigned)last);
	*start = (uint16_t)first;
	*end = (uint16_t)last;
	return true;
}

static bool read_allow(char *entry, struct config_allow *out, struct value_error *error)
{
	static const char *const names[] = {
		"any", "udp", "tcp", "sctp", "udplite", "icmp", "icmp6", NULL};
	static const uint8_t protos[] = {PROTO_ANY, IP_PROTO_UDP, IP_PROTO_TCP, IP_PROTO_SCTP,
		IP_PROTO_UDPLITE, IP_PROTO_ICMP, IP_PROTO_ICMPV6};
	enum { FIRST_WITH_PORTS = 1, LAST_WITH_PORTS = 4 };
	struct config_allow a = {.port_end = PORT_MAX, .from_end = PORT_MAX};
	char *words[WORDS_MAX];
	unsigned which;
	size_t n = split_words(entry, words);
	if (n == 0 || !value_word(words[0], names, &which, error))
		return false;
	a.proto = protos[which];
	if (n > 1 && (which < FIRST_WITH_PORTS || which > LAST_WITH_PORTS))
		return value_wrong(error, allow_hint, "gives %s a port", names[which]);
	size_t next = 1;
	if (next < n && strcmp(words[next], "from") != 0 &&
		!read_ports(words[next++], &a.port_start, &a.port_end, error))
		return false;
	if (next < n && (strcmp(words[next], "from") != 0 || next + 2 != n))
		return value_wrong(
			error, allow_hint, "has words after the port that are not from PORT");
	if (next < n && !read_ports(words[next + 1], &a.from_start, &a.from_end, error))
		return false;
	*out = a;
	return true;
}

static bool same_allow(const struct config_allow *a, const struct config_allow *b)
{
	return a->proto == b->proto && a->port_start == b->port_start &&
	       a->port_end == b->port_end && a->from_start == b->from_start &&
	       a->from_end == b->from_end;
}

bool value_allow(const char *text, struct config_allow out[static CONFIG_ALLOW_MAX], size_t *n,
	struct value_error *error)
{
	struct config_allow list[CONFIG_ALLOW_MAX] = {0};
	char entry[ENTRY_MAX];
	size_t count = 0;
	int more;
	while ((more = value_next(&text, entry, sizeof entry)) > 0) {
		if (count == CONFIG_ALLOW_MAX)
			return value_wrong(error, "use one [Peer] section per service, or any",
				"has more than %d entries", CONFIG_ALLOW_MAX);
		if (!read_allow(entry, &list[count], error))
			return false;
		for (size_t i = 0; i < count; i++)
			if (same_allow(&list[i], &list[count]))
				return value_wrong(error, NULL, "names the same traffic twice");
		count++;
	}
	if (more < 0)
		return value_wrong(error, allow_hint, "has an empty or overlong entry");
	for (size_t i = 0; count > 1 && i < count; i++)
		if (list[i].proto == PROTO_ANY)
			return value_wrong(
				error, "leave out the others", "has any beside other entries");
	memcpy(out, list, count * sizeof *list);
	*n = count;
	return true;
}

static const struct cipher_name {
	const char *name;
	enum encr encr;
} ciphers[] = {
	{"chacha20-poly1305-iiv", ENCR_CHACHA20_POLY1305_IIV},
	{"chacha20-poly1305", ENCR_CHACHA20_POLY1305},
	{"aes-gcm-16-iiv", ENCR_AES_GCM_16_IIV},
	{"aes-gcm-16", ENCR_AES_GCM_16},
	{"aes-gcm-12", ENCR_AES_GCM_12},
	{"aes-gcm-8", ENCR_AES_GCM_8},
	{"aes-ccm-8-iiv", ENCR_AES_CCM_8_IIV},
	{"aes-ccm-8", ENCR_AES_CCM_8},
	{"aes-ccm-12", ENCR_AES_CCM_12},
	{"aes-ccm-16", ENCR_AES_CCM_16},
};

enum { N_CIPHERS = sizeof ciphers / sizeof *ciphers, AES_BITS = 128, CHACHA_BITS = 256 };

static struct config_cipher cipher_row(size_t i)
{
	bool aes = strncmp(ciphers[i].name, "aes", 3) == 0;
	return (struct config_cipher){ciphers[i].encr, aes ? AES_BITS : CHACHA_BITS};
}

size_t value_default_ciphers(struct config_cipher out[static CONFIG_CIPHERS_MAX])
{
	for (size_t i = 0; i < N_CIPHERS; i++)
		out[i] = cipher_row(i);
	return N_CIPHERS;
}

static bool read_cipher(const char *entry, struct config_cipher *out, struct value_error *error)
{
	const char *names[N_CIPHERS];
	char plain[ENTRY_MAX + 8];
	char hint[96] = "see Cipher in dietvpn.conf(5)";
	bool wide = strncmp(entry, "aes256-", 7) == 0;
	snprintf(plain, sizeof plain, "%s%s", wide ? "aes-" : "", wide ? entry + 7 : entry);
	for (size_t i = 0; i < N_CIPHERS; i++) {
		names[i] = ciphers[i].name;
		if (strcmp(plain, ciphers[i].name) != 0)
			continue;
		*out = cipher_row(i);
		if (wide)
			out->key_bits = 2 * AES_BITS;
		return true;
	}
	const char *nearest = keys_nearest(plain, names, N_CIPHERS);
	if (nearest)
		snprintf(hint, sizeof hint, "did you mean %s?", nearest);
	return value_wrong(error, hint, "holds \"%.40s\", which is no cipher", entry);
}

bool value_ciphers(const char *text, struct config_cipher out[static CONFIG_CIPHERS_MAX], size_t *n,
	struct value_error *error)
{
	struct config_cipher list[CONFIG_CIPHERS_MAX];
	char entry[ENTRY_MAX];
	size_t count = 0;
	int more;
	while ((more = value_next(&text, entry, sizeof entry)) > 0) {
		if (count == CONFIG_CIPHERS_MAX)
			return value_wrong(
				error, NULL, "has more than %d entries", CONFIG_CIPHERS_MAX);
		if (!read_cipher(entry, &list[count], error))
			return false;
		for (size_t i = 0; i < count; i++)
			if (list[i].encr == list[count].encr &&
				list[i].key_bits == list[count].key_bits)
				return value_wrong(error, NULL, "holds %.40s twice", entry);
		count++;
	}
	if (more < 0)
		return value_wrong(error, NULL, "has an empty or overlong entry");
	memcpy(out, list, count * sizeof *list);
	*n = count;
	return true;
}
