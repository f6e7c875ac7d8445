/* SPDX-License-Identifier: Apache-2.0 */
/* What a device needs to know of its gateway, as a QR code carries it: DV1:home?h=..&i=..&k=..&g=..
 */
#ifndef DIETVPN_CLI_URI_H
#define DIETVPN_CLI_URI_H

#include "config/config.h"
#include "crypto/enrol.h"
#include "ip/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	URI_MAX = 640, /* with its final NUL */
	URI_WHY = 160,
	URI_HOST_MAX = 254,
	URI_PRESET_MAX = 16,
};

/* Names, identities and the preset are free of all that means something in a configuration file. */
struct enrolment {
	char tunnel[CONFIG_NAME_MAX];
	char endpoint[URI_HOST_MAX + 8];  /* host, or host:port, as Endpoint takes it */
	char id[CONFIG_NAME_MAX];         /* the device's identity */
	char gateway_id[CONFIG_NAME_MAX]; /* "gw." and the tunnel's name, unless r= says more */
	uint8_t psk[ENROL_PSK_LEN];
	struct ip_prefix gateway;      /* its inner address, and the length of the pool's prefix */
	bool ask;                      /* the device asks for its inner address (Address = auto) */
	struct ip_addr address;        /* else this is it */
	char compress[URI_PRESET_MAX]; /* "safe" unless c= says otherwise */
};

/* Letters, digits, '.', '_', '-', the first no sign; CONFIG_NAME_MAX - 1 at most. */
bool uri_name_ok(const char *name);
/* The same and one '@' between two of them: an identity that is a peer's name as well. */
bool uri_id_ok(const char *id);
/* host or host:port: a name, an IPv4 address, or an IPv6 address, in brackets before a port. */
bool uri_endpoint_ok(const char *endpoint);
/* off, safe, iot or link. */
bool uri_preset_ok(const char *preset);
/* Its inner address, or "auto". Returns out. */
const char *uri_print_address(const struct enrolment *e, char out[IP_ADDR_TEXT]);
/* The address that a device has where nothing says otherwise; errors of enrol_address. */
int uri_derive_address(const struct enrolment *e, struct ip_addr *out);

/*
 *     DV1:home?h=gw.example.net:4500&i=sensor-07&k=<22 of base64url>&g=fd00:1::/64
 *
 * tunnel, then parameters in any order, each once: h endpoint, i identity, k key, g the gateway's
 * inner address and the length of the prefix that devices get theirs from (host bits that are all
 * zero: its first host), and only where they are not the rule a the device's inner address or
 * "auto", r the
 * gateway's identity, c the preset of Compress. A parameter whose name begins with "x-" is passed
 * over, others are refused. What is not a letter, a digit or one of -._~:@/[], is written %XX.
 */

/* 0, or -EINVAL: *e is wiped and why says in one sentence what is wrong, never quoting a value. */
int uri_parse(const char *text, size_t len, struct enrolment *e, char why[URI_WHY]);
/* The caller wipes out. 0, or -EINVAL: a field is not what uri_parse would take. */
int uri_print(const struct enrolment *e, char out[URI_MAX]);

#endif
