/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb gets: the global options; and the exit statuses of dietvpn(1). */
#ifndef DIETVPN_CLI_CLI_H
#define DIETVPN_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3, /* LSB: program is not running */
	CLI_NOT_PERMITTED = 4,
	CLI_CONFIG = 5,
	CLI_NO = 6, /* the answer is "no" or "down" */
};

struct cli {
	const char *socket; /* NULL: the default of the verb */
	const char *dir;    /* configuration folder */
	const char *plugin_dir;
	const char *cipher;
	bool json, cbor, quiet, verbose, colour, manual_pair, bare, diag, ike, ladder, follow;
	const char *output; /* NULL: the default of the verb */
	const char *against, *profile, *dev, *app;
	const char *peer, *hex, *svg, *versus;
	long timeout_s, spi_bits, sn_bits, packet;
	/* of init, enroll, adopt and keygen */
	const char *tunnel, *endpoint, *gateway, *as, *network, *address;
	const char *csv, *labels, *fingerprint, *reset;
	bool qr, reveal, first, force, pem, label;
	long seconds;
	int argc; /* what is left behind the verb */
	char **argv;
};

/* "error: ..." and, unless hint is "", "hint: ..." on stderr; returns status. */
int cli_fail(int status, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

typedef int cli_verb(const struct cli *cli);

cli_verb verb_status, verb_show, verb_sa, verb_drops, verb_log,
	verb_why;    /* status.c, log.c, why.c */
cli_verb verb_peers; /* peers.c */
cli_verb verb_check, verb_up, verb_down, verb_reload, verb_reference, verb_mdoc; /* conf.c */
cli_verb verb_genkey, verb_pubkey, verb_genpsk, verb_keygen;                     /* key.c */
cli_verb verb_init, verb_enroll, verb_revoke, verb_adopt; /* init.c, enroll.c, adopt.c */
cli_verb verb_rules;                                      /* rules.c */
cli_verb verb_demo, verb_bytes;                           /* demo.c */

#endif
