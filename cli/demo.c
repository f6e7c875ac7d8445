/* SPDX-License-Identifier: Apache-2.0 */
/* demo: hands over to the installed script (packaging/demo), which needs nothing but this package's
 * programs. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int verb_demo(const struct cli *cli)
{
	const char *script = getenv("DIETVPN_DEMO");
	char *args[] = {(char[]){"dietvpn-demo"}, NULL};

	if (cli->argc)
		return cli_fail(CLI_USAGE, "", "demo takes no argument");
	if (!script)
		script = DIETVPN_DATA_DIR "/demo";
	execv(script, args);
	return cli_fail(CLI_FAILED, "in a source tree: sudo ./packaging/quickstart demo", "%s: %s",
		script, strerror(errno));
}
