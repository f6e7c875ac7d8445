/* SPDX-License-Identifier: Apache-2.0 */
/* dietvpnd: options, then daemon_run(). */
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/options.h"

#include <stdlib.h>

static const char *environment(const char *name)
{
	return getenv(name);
}

/*
 * One worker for the state store and one for name resolution, of which libuv lets at most half of
 * them wait for a name server: a slow one does not stop the reservation of sequence numbers.
 */
static void limit_workers(void)
{
	setenv("UV_THREADPOOL_SIZE", "2", 0);
}

int main(int argc, char **argv)
{
	struct options options;
	int code = options_parse(&options, argc, argv, environment, stdout, stderr);

	if (code >= 0)
		return code;
	limit_workers();
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	return options.clean ? daemon_clean(&options) : daemon_run(&options);
}
