/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses on libuv's work queue; the system's order decides (RFC 6724), its first answer
 * counts. */
#include "io/resolve.h"

#include "ip/addr.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

struct resolve {
	uv_getaddrinfo_t request;
	resolve_done *done; /* NULL: cancelled */
	void *owner;
	uint16_t port;
	char host[];
};

static int first_endpoint(const struct addrinfo *list, uint16_t port, struct ip_endpoint *out)
{
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		if (ip_endpoint_from_sockaddr(ai->ai_addr, out) == 0) {
			out->port = port;
			return 0;
		}
	}
	return UV_EAI_NODATA;
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolve *resolve = request->data;
	struct ip_endpoint endpoint;
	int err = status != 0 ? status : first_endpoint(list, resolve->port, &endpoint);

	uv_freeaddrinfo(list);
	if (resolve->done != NULL)
		resolve->done(resolve->owner, resolve->host, err, err == 0 ? &endpoint : NULL);
	free(resolve);
}

struct resolve *resolve_start(
	uv_loop_t *loop, const char *host, uint16_t port, resolve_done *done, void *owner)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	size_t len = strlen(host) + 1;
	struct resolve *resolve = calloc(1, sizeof(*resolve) + len);

	if (resolve == NULL)
		return NULL;
	memcpy(resolve->host, host, len);
	resolve->request.data = resolve;
	resolve->done = done;
	resolve->owner = owner;
	resolve->port = port;
	/* A name that libuv refuses at once (too long for IDNA) would have no callback. */
	if (uv_getaddrinfo(loop, &resolve->request, on_answer, host, NULL, &hints) != 0) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
	/* A look-up that already runs ends later and finds nobody waiting. */
	resolve->done = NULL;
	uv_cancel((uv_req_t *)&resolve->request);
}
