/* SPDX-License-Identifier: Apache-2.0 */
/* Names to endpoints: literals, failures, cancelled look-ups. */
#include "io/resolve.h"

#include "ip/addr.h"

#include <criterion/criterion.h>

#include <string.h>
#include <uv.h>

struct answer {
	unsigned calls;
	int error;
	struct ip_endpoint endpoint;
	char host[64];
};

static void done(void *owner, const char *host, int error, const struct ip_endpoint *endpoint)
{
	struct answer *answer = owner;

	cr_assert_eq(error == 0, endpoint != NULL);
	answer->calls++;
	answer->error = error;
	if (endpoint != NULL)
		answer->endpoint = *endpoint;
	strncpy(answer->host, host, sizeof(answer->host) - 1);
}

Test(resolve, literals_and_failures)
{
	static const struct {
		const char *host, *addr; /* addr NULL: no answer */
	} rows[] = {{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"192.0.2.300", NULL},
		{"no-such-host.invalid", NULL}, {"", NULL}};
	uv_loop_t loop;

	uv_loop_init(&loop);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = {0};
		struct ip_addr addr;

		if (resolve_start(&loop, rows[i].host, 4500, done, &answer) == NULL) {
			cr_assert(rows[i].addr == NULL, "%s", rows[i].host);
			continue;
		}
		uv_run(&loop, UV_RUN_DEFAULT);
		cr_assert_eq(answer.calls, 1);
		cr_assert_str_eq(answer.host, rows[i].host);
		cr_assert_eq(answer.error == 0, rows[i].addr != NULL, "%s", rows[i].host);
		if (rows[i].addr == NULL)
			continue;
		ip_addr_parse(rows[i].addr, &addr);
		cr_assert(ip_addr_equal(&answer.endpoint.addr, &addr));
		cr_assert_eq(answer.endpoint.port, 4500);
	}
	cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(resolve, a_cancelled_one_is_silent)
{
	struct answer answer = {0};
	uv_loop_t loop;

	uv_loop_init(&loop);
	for (int i = 0; i < 8; i++)
		resolve_cancel(resolve_start(&loop, "127.0.0.1", 1, done, &answer));
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(answer.calls, 0);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
