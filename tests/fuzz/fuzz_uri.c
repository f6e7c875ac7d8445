/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as enrolment URI and as typed code; what is accepted survives a round trip. */
#include "cli/code.h"
#include "cli/uri.h"

#include "fuzz/must.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Nothing that would mean something else in a configuration file. */
static void plain(const char *text)
{
	must(*text && !strpbrk(text, " \t\r\n\"#;=*\\"));
}

static void check_uri(const char *text, size_t len)
{
	struct enrolment e, again;
	char why[URI_WHY] = "", out[URI_MAX];
	int err = uri_parse(text, len, &e, why);

	if (err) {
		must(err == -EINVAL && why[0]);
		return;
	}
	plain(e.tunnel);
	plain(e.endpoint);
	plain(e.id);
	plain(e.gateway_id);
	must(!strchr(e.tunnel, '/') && e.tunnel[0] != '.');
	must(uri_print(&e, out) == 0 && uri_parse(out, strlen(out), &again, why) == 0);
	must(memcmp(&e, &again, sizeof e) == 0);
}

static void check_code(const char *text)
{
	uint8_t key[CODE_KEY_LEN], again[CODE_KEY_LEN];
	char why[CODE_WHY] = "", out[CODE_TEXT];
	int err = code_parse(text, key, why);

	if (err) {
		must(err == -EINVAL && why[0]);
		return;
	}
	code_print(key, out);
	must(code_parse(out, again, why) == 0 && memcmp(key, again, sizeof key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char text[4096];

	if (len >= sizeof text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	check_uri(text, len);
	check_code(text);
	return 0;
}
