/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the kernel's ways to handle several datagrams at once are in use: UDP_SEGMENT and
 * UDP_GRO, udp(7). */
#include "io/transport_socket.h"

#include <netinet/udp.h>

/* A kernel that knows the option takes 0, which changes nothing for messages without it. */
static bool can_segment(const struct transport *t)
{
	const int none = 0;
	bool any = false;

	for (unsigned i = OUTER_NAT * 2; i < OUTER_NAT * 2 + 2; i++) {
		int fd = t->sockets[i].fd;

		if (fd < 0)
			continue;
		if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &none, sizeof(none)) < 0)
			return false;
		any = true;
	}
	return any;
}

void transport_set_offload(struct transport *t, unsigned wanted)
{
	t->gso = (wanted & TRANSPORT_GSO) && can_segment(t);
	/* Refused: the datagrams come singly, as transport_offload tells. */
	if (wanted & TRANSPORT_GRO)
		(void)outer_gro_start(t);
	else
		outer_gro_stop(t);
}

unsigned transport_offload(const struct transport *t)
{
	return (t->gso ? TRANSPORT_GSO : 0) | (t->gro != NULL ? TRANSPORT_GRO : 0);
}
