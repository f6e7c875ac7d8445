/* SPDX-License-Identifier: Apache-2.0 */
/* Names of endpoints to addresses, asynchronously (uv_getaddrinfo). */
#ifndef DIETVPN_IO_RESOLVE_H
#define DIETVPN_IO_RESOLVE_H

#include "dietvpn/types.h"

#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;
struct resolve;

/* error 0 and an endpoint, or negative errno (libuv's). */
typedef void resolve_done(
	void *owner, const char *host, int error, const struct ip_endpoint *endpoint);

/* Starts one look-up; NULL without memory or where the name cannot even be asked for. Ends by done,
 * after which the handle is gone, or by cancel; the memory goes when the loop has seen its end. */
struct resolve *resolve_start(
	uv_loop_t *loop, const char *host, uint16_t port, resolve_done *done, void *owner);
void resolve_cancel(struct resolve *resolve);

#endif
