/* SPDX-License-Identifier: Apache-2.0 */
/* Receives datagrams that the kernel has joined (UDP_GRO, udp(7)) and takes them apart again; each
 * is classified on its own, RFC 3948 2. */
#include "io/transport_socket.h"

#include "base/buf.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	MESSAGES = 32,
	MESSAGE_MAX = 65536,
	WANT_MIN = 4,
};

struct outer_gro {
	struct mmsghdr msgs[MESSAGES];
	struct iovec iov[MESSAGES];
	union outer_sockaddr addrs[MESSAGES];
	_Alignas(struct cmsghdr) uint8_t control[MESSAGES][CMSG_RECEIVE_SIZE];
	size_t want;   /* messages offered: grows with the traffic */
	uint8_t *room; /* MESSAGE_MAX octets for each, touched when the kernel first writes there */
};

static void offer(struct outer_gro *gro, size_t i)
{
	gro->iov[i] = (struct iovec){gro->room + i * MESSAGE_MAX, MESSAGE_MAX};
	gro->msgs[i].msg_hdr = (struct msghdr){
		.msg_name = &gro->addrs[i],
		.msg_namelen = sizeof(gro->addrs[i]),
		.msg_iov = &gro->iov[i],
		.msg_iovlen = 1,
		.msg_control = gro->control[i],
		.msg_controllen = sizeof(gro->control[i]),
	};
}

static struct outer_gro *gro_new(void)
{
	struct outer_gro *gro = calloc(1, sizeof(*gro));
	void *room;

	if (gro == NULL)
		return NULL;
	room = mmap(NULL, (size_t)MESSAGES * MESSAGE_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED) {
		free(gro);
		return NULL;
	}
	/* Else the first small packet might make 2 MiB resident. */
	(void)madvise(room, (size_t)MESSAGES * MESSAGE_MAX, MADV_NOHUGEPAGE);
	gro->room = room;
	gro->want = WANT_MIN;
	for (size_t i = 0; i < MESSAGES; i++)
		offer(gro, i);
	return gro;
}

static void gro_free(struct outer_gro *gro)
{
	munmap(gro->room, (size_t)MESSAGES * MESSAGE_MAX);
	free(gro);
}

static int ask(struct transport *t, int on)
{
	for (unsigned i = OUTER_NAT * 2; i < OUTER_NAT * 2 + 2; i++) {
		int fd = t->sockets[i].fd;

		if (fd >= 0 && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) < 0)
			return -errno;
	}
	return 0;
}

int outer_gro_start(struct transport *t)
{
	int err;

	if (t->gro != NULL)
		return 0;
	t->gro = gro_new();
	if (t->gro == NULL)
		return -ENOMEM;
	err = ask(t, 1);
	if (err != 0)
		outer_gro_stop(t);
	return err;
}

void outer_gro_stop(struct transport *t)
{
	if (t->gro == NULL)
		return;
	(void)ask(t, 0);
	gro_free(t->gro);
	t->gro = NULL;
}

/* A buffer of the pool; those of the packets so far come back when they are handed over. */
static struct buf *get(struct transport *t)
{
	struct buf *pkt = buf_pool_get(t->params.pool);

	if (pkt != NULL || t->receive_batch.n == 0)
		return pkt;
	outer_hand_over(t);
	return buf_pool_get(t->params.pool);
}

static void take_esp(struct outer_socket *s, struct slice datagram, const struct outer *outer)
{
	struct transport *t = s->transport;
	struct buf *pkt = get(t);

	if (pkt == NULL) {
		outer_drop(t, DROP_NO_BUFFER);
		return;
	}
	if (datagram.len > buf_tailroom(pkt) - BUF_TAILROOM) {
		buf_pool_put(t->params.pool, pkt);
		outer_drop(t, DROP_TOO_LONG);
		return;
	}
	memcpy(buf_put(pkt, datagram.len), datagram.data, datagram.len);
	outer_add(s, pkt, outer);
}

/* The datagrams of one message, of segment octets each, the last perhaps shorter. */
static void split(
	struct outer_socket *s, struct slice message, size_t segment, const struct outer *outer)
{
	struct transport *t = s->transport;
	size_t n = (message.len + segment - 1) / segment;

	/* A flow's packets stay together: they leave together on the other side. */
	if (t->receive_batch.n + n > BATCH_MAX)
		outer_hand_over(t);
	t->counts.received_packets += n;
	for (size_t at = 0; at < message.len; at += segment) {
		size_t left = message.len - at;
		struct slice datagram = {message.data + at, left < segment ? left : segment};

		if (!outer_is_esp(s, datagram, outer))
			continue;
		if (t->receive_batch.n == BATCH_MAX)
			outer_hand_over(t);
		take_esp(s, datagram, outer);
	}
}

static void take_message(struct outer_socket *s, size_t i)
{
	struct mmsghdr *msg = &s->transport->gro->msgs[i];
	struct slice message = {s->transport->gro->iov[i].iov_base, msg->msg_len};
	struct outer outer;
	size_t segment;

	if (message.len == 0 || !outer_read(s, &msg->msg_hdr, &outer, &segment))
		return;
	split(s, message, segment != 0 ? segment : message.len, &outer);
}

void outer_gro_receive(struct outer_socket *s)
{
	struct transport *t = s->transport;
	struct outer_gro *gro = t->gro;
	/* Errors here are of earlier sends; the error queue has them, the datagrams are behind. */
	int got = recvmmsg(s->fd, gro->msgs, (unsigned)gro->want, MSG_DONTWAIT, NULL);

	if (got <= 0)
		return;
	for (size_t i = 0; i < (size_t)got; i++) {
		take_message(s, i);
		offer(gro, i);
	}
	t->counts.received_messages += (size_t)got;
	if ((size_t)got == gro->want && gro->want < MESSAGES)
		gro->want *= 2;
}
