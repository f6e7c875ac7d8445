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

int main(int argc, char **argv)
{
	struct options options;
	int code = options_parse(&options, argc, argv, environment, stdout, stderr);

	if (code >= 0)
		return code;
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	return options.clean ? daemon_clean(&options) : daemon_run(&options);
}
