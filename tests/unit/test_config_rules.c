/* SPDX-License-Identifier: Apache-2.0 */
/* Compress = a file with a rule set: who is Dev, which digest, one copy for all peers, what is
 * refused. */
#include "config/config.h"
#include "config/rules_kept.h"
#include "config/rules_set.h"
#include "diet/shared.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IFACE  "[Interface]\nAddress = fd00:d1e7::1/64\nRole = both\n"
#define MANUAL "[Peer \"b\"]\nKeying = manual\nAddress = fd00:d1e7::2\nCompress = icmpv6\n"
#define IKE    "[Peer \"b\"]\nKeying = ikev2\nAddress = fd00:d1e7::2\nCompress = icmpv6\n"
#define DIGEST "RulesDigest = " ICMPV6 "\n"
#define ICMPV6 "DIGEST__" /* replaced by the file's own */

static char folder[64];
static char own[RULES_DIGEST_TEXT];
static struct config_errors errors;

static size_t copy(const char *name, size_t most)
{
	const char *dir = getenv("DIETVPN_SOURCE_DIR");
	char path[4096];
	char data[65536];
	FILE *f;
	size_t len;

	snprintf(path, sizeof path, "%s/conf/rules/%s.cbor", dir ? dir : ".", name);
	f = fopen(path, "rb");
	cr_assert(f, "%s", path);
	len = fread(data, 1, most < sizeof data ? most : sizeof data, f);
	fclose(f);
	snprintf(path, sizeof path, "%s/rules/%s.cbor", folder, name);
	f = fopen(path, "wb");
	cr_assert_eq(fwrite(data, 1, len, f), len);
	fclose(f);
	return len;
}

static int load(const char *text, struct config *out)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/t.conf", folder);
	f = fopen(path, "w");
	for (const char *p = text; *p; p++) {
		if (strncmp(p, ICMPV6, 8) == 0) {
			fputs(own, f);
			p += 7;
		} else {
			fputc(*p, f);
		}
	}
	fclose(f);
	memset(&errors, 0, sizeof errors);
	return config_load(path, out, &errors);
}

static void begin(void)
{
	char path[96];
	struct config config;

	strcpy(folder, "/tmp/dietvpn-rules-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/rules", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
	copy("icmpv6", SIZE_MAX);
	copy("iot", SIZE_MAX);
	cr_assert_eq(load(IFACE IKE "Device = here\n", &config), 0, "%s", errors.list[0].text);
	rules_digest_print(config.peers[0].attrs.rules_digest, own);
	config_fini(&config);
}

static void end(void)
{
	char command[96];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(config_rules, .init = begin, .fini = end);

Test(config_rules, who_is_dev)
{
	static const struct {
		const char *conf;
		bool device;
	} rows[] = {
		{IFACE MANUAL DIGEST "Device = here\n", true},
		{IFACE MANUAL DIGEST "Device = peer\n", false},
		{IFACE IKE "Endpoint = 192.0.2.1\nRole = initiator\n", true},
		{IFACE IKE "Role = responder\n", false},
		{IFACE IKE "Endpoint = 192.0.2.1\nRole = initiator\nDevice = peer\n", false},
		{IFACE IKE DIGEST "Device = here\nRole = responder\n", true},
		{"[Interface]\nAddress = fd00:d1e7::1/64\nRole = initiator\n" IKE
		 "Endpoint = 192.0.2.1\n",
			true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config c;

		cr_assert_eq(load(rows[i].conf, &c), 0, "%s", errors.list[0].text);
		const struct diet_attrs *a = &c.peers[0].attrs;
		cr_assert_eq(a->device, rows[i].device, "row %zu", i);
		cr_assert(a->rules && a->shared && a->rules_named && a->iipc && a->rule_id);
		cr_assert_eq(a->rules->n, 1);
		cr_assert_eq(a->esp_spi_lsb, 8);
		cr_assert_str_eq(c.peers[0].rules->name, "icmpv6");
		config_fini(&c);
	}
}

/* A hundred peers, one set; an SA of each holds the same block, also when the file is closed. */
Test(config_rules, peers_share_one_set)
{
	enum { PEERS = 100 };
	static char text[PEERS * 160];
	static struct diet_context context[PEERS];
	size_t n = (size_t)snprintf(text, sizeof text, "%s", IFACE);
	struct config c;

	for (int i = 0; i < PEERS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
			"[Peer \"p%d\"]\nAddress = fd00:d1e7::1:%x\nCompress = icmpv6\nDevice = "
			"peer\n",
			i, i);
	cr_assert_eq(load(text, &c), 0, "%s", errors.list[0].text);
	cr_assert_eq(c.n_rules, 1);
	for (int i = 0; i < PEERS; i++) {
		const struct config_peer *p = &c.peers[i];
		struct diet_sa sa = {.spi = 256,
			.out = true,
			.src = p->ts_local,
			.dst = p->ts_remote,
			.n_src = p->n_ts_local,
			.n_dst = p->n_ts_remote};

		cr_assert_eq(p->attrs.rules, c.peers[0].attrs.rules);
		cr_assert_eq(diet_context_init(&context[i], &p->attrs, &sa), 0);
	}
	config_fini(&c);
	/* The preset asks for devIID: each peer's is another. */
	cr_assert_neq(context[0].by->block, context[1].by->block);
	cr_assert_eq(context[0].by->block->users, 1);
	for (int i = 0; i < PEERS; i++)
		diet_context_fini(&context[i]);
}

Test(config_rules, what_is_wrong_is_said)
{
	static const struct {
		const char *conf, *text, *hint;
	} rows[] = {
		{IFACE IKE,
			"[Peer \"b\"]: rules of icmpv6, and neither Device nor Role says who is "
			"Dev",
			"Device = here where this end is the rules' Dev, at the other end peer"},
		{IFACE IKE "Device = both\n", "Device in [Peer \"b\"] must be one of here, peer",
			""},
		{IFACE MANUAL "Device = here\n",
			"[Peer \"b\"]: rules of icmpv6 with manual keys need RulesDigest",
			"RulesDigest = " ICMPV6 ", if `dietvpn rules list` of the peer says so"},
		{IFACE MANUAL "Device = here\nRulesDigest = 01234567\n",
			"RulesDigest in [Peer \"b\"] is 01234567, but the rules of icmpv6 have "
			"" ICMPV6,
			"the same file at both ends, then its digest here"},
		{IFACE MANUAL "Device = here\nRulesDigest = 1234567\n",
			"RulesDigest in [Peer \"b\"] must be 8 hexadecimal digits",
			"as `dietvpn rules list` prints RULES-DIGEST"},
		{IFACE IKE "Device = here\nHopLimitCda = lower\n",
			"[Peer \"b\"] has HopLimitCda but Compress = icmpv6 has rules that say it",
			"leave it out"},
		{IFACE "[Peer \"b\"]\nAddress = fd00:d1e7::2\nCompress = iot\nDevice = here\n",
			"[Peer \"b\"] has Device but Compress = iot has no rule set",
			"leave it out"},
		{IFACE IKE "Device = here\nRoutes = fd00:b::/64\n",
			"[Peer \"b\"]: a rule of icmpv6 asks for the IID of an end that is several "
			"addresses",
			"give it one Address and no Routes, or send the identifier"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[224];
		char hint[96];
		const char *at;
		struct config c;

		snprintf(text, sizeof text, "%s", rows[i].text);
		snprintf(hint, sizeof hint, "%s", rows[i].hint);
		if ((at = strstr(text, ICMPV6)))
			memcpy(text + (at - text), own, 8);
		if ((at = strstr(hint, ICMPV6)))
			memcpy(hint + (at - hint), own, 8);
		cr_assert_eq(load(rows[i].conf, &c), -EINVAL, "row %zu", i);
		cr_expect_str_eq(errors.list[0].text, text);
		cr_expect_str_eq(errors.list[0].hint, hint);
		cr_expect_eq(errors.n, 1, "row %zu: %zu", i, errors.n);
	}
}

/* However much of the file is there. */
Test(config_rules, a_file_cut_short)
{
	size_t all = copy("icmpv6", SIZE_MAX);
	struct config c;

	for (size_t len = 0; len < all; len += 7) {
		copy("icmpv6", len);
		cr_assert_eq(load(IFACE IKE "Device = here\n", &c), -EINVAL, "%zu", len);
		cr_assert(strstr(errors.list[0].text, "names icmpv6.cbor, where"), "%s",
			errors.list[0].text);
	}
}
