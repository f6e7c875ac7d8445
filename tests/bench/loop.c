/* SPDX-License-Identifier: Apache-2.0 */
/* The plain forwarding loop: a TUN to UDP and back in one thread with nothing but an AEAD between.
 * No policy, no SA, no replay window, no rules: what a tunnel over the same interfaces is measured
 * against. IPv4 inside and outside.
 *
 *   loop simple|gso none|chacha|gcm TUN LOCAL REMOTE
 *
 * simple: one read and one send per packet. gso: super-packets both ways (virtio header, TSO, USO,
 * UDP_SEGMENT, UDP_GRO). The keys are zero: nothing here is secret. */
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4 /* headers before Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum { PORT = 5000, READS = 32, RX_MESSAGES = 16, RX_OCTETS = 65536, SOCKET_OCTETS = 4 << 20 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

struct loop {
	int tun, sock;
	struct cipher cipher;
	struct tx tx;
	struct run run;
	uint8_t from_tun[LOOP_TUN_OCTETS];
	uint8_t rx[RX_MESSAGES][RX_OCTETS];
};

static void die(const char *what)
{
	fprintf(stderr, "loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int tun_open(const char *name, bool gso)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	const unsigned tso = TUN_F_CSUM | TUN_F_TSO4;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (gso)
		request.ifr_flags |= IFF_VNET_HDR;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("TUN");
	/* Linux takes USO for both versions or for none. */
	if (gso && ioctl(fd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6) &&
		ioctl(fd, TUNSETOFFLOAD, tso))
		die("TUNSETOFFLOAD");
	return fd;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		fprintf(stderr, "loop: %s is no IPv4 address\n", text);
		exit(2);
	}
	return a;
}

static int udp_open(const char *local, const char *remote, bool gso)
{
	const struct sockaddr_in here = address(local), there = address(remote);
	const int on = 1, octets = SOCKET_OCTETS;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets));
	if (gso && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		die("UDP_GRO");
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) ||
		connect(fd, (const struct sockaddr *)&there, sizeof(there)))
		die("UDP");
	return fd;
}

static void simple_outbound(struct loop *l)
{
	uint8_t *packet = l->from_tun + LOOP_HEAD;
	for (int i = 0; i < READS; i++) {
		ssize_t n = read(l->tun, packet, LOOP_PACKET_OCTETS);
		if (n <= 0)
			return;
		const uint8_t *sealed = packet - l->cipher.head;
		size_t octets = cipher_seal(&l->cipher, packet - l->cipher.head, (size_t)n);
		if (send(l->sock, sealed, octets, 0) < 0 && errno == EBADF)
			die("send");
	}
}

static void simple_inbound(struct loop *l)
{
	for (int i = 0; i < READS; i++) {
		ssize_t n = recv(l->sock, l->rx[0], RX_OCTETS, 0);
		size_t octets = n > 0 ? (size_t)n : 0;
		if (n <= 0)
			return;
		const uint8_t *packet = cipher_open(&l->cipher, l->rx[0], &octets);
		if (packet && write(l->tun, packet, octets) < 0 && errno == EBADF)
			die("write");
	}
}

static void gso_outbound(struct loop *l)
{
	for (int i = 0; i < READS; i++) {
		ssize_t n = read(l->tun, l->from_tun, sizeof(l->from_tun));
		if (n <= 0)
			break;
		segment(&l->tx, &l->cipher, l->from_tun, (size_t)n);
	}
	tx_flush(&l->tx);
}

/* Length of each datagram of a message: the kernel's word, or the whole. */
static size_t gro_size(struct msghdr *head, size_t octets)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
		int size = 0;
		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		if (size > 0 && (size_t)size < octets)
			return (size_t)size;
	}
	return octets;
}

static void take_message(struct loop *l, uint8_t *octets, size_t n, size_t size)
{
	for (size_t at = 0; at < n; at += size) {
		size_t left = n - at < size ? n - at : size;
		uint8_t *packet = cipher_open(&l->cipher, octets + at, &left);
		if (packet)
			run_join(&l->run, packet, left);
	}
}

static void gso_inbound(struct loop *l)
{
	struct mmsghdr head[RX_MESSAGES] = {0};
	struct iovec part[RX_MESSAGES];
	_Alignas(struct cmsghdr) uint8_t control[RX_MESSAGES][CMSG_SPACE(sizeof(int))];
	for (size_t i = 0; i < RX_MESSAGES; i++) {
		part[i] = (struct iovec){l->rx[i], RX_OCTETS};
		head[i].msg_hdr.msg_iov = &part[i];
		head[i].msg_hdr.msg_iovlen = 1;
		head[i].msg_hdr.msg_control = control[i];
		head[i].msg_hdr.msg_controllen = sizeof(control[i]);
	}
	int n = recvmmsg(l->sock, head, RX_MESSAGES, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take_message(
			l, l->rx[i], head[i].msg_len, gro_size(&head[i].msg_hdr, head[i].msg_len));
	run_flush(&l->run);
}

static void forward(struct loop *l, bool gso)
{
	struct pollfd ready[] = {{l->tun, POLLIN, 0}, {l->sock, POLLIN, 0}};
	while (!stopped) {
		if (poll(ready, 2, -1) <= 0)
			continue;
		if (ready[0].revents)
			(gso ? gso_outbound : simple_outbound)(l);
		if (ready[1].revents)
			(gso ? gso_inbound : simple_inbound)(l);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct loop *l = calloc(1, sizeof(*l));
	if (argc != 6 || !l || !cipher_init(&l->cipher, argv[2])) {
		fputs("usage: loop simple|gso none|chacha|gcm TUN LOCAL REMOTE\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	const bool gso = !strcmp(argv[1], "gso");
	l->tun = l->run.tun = tun_open(argv[3], gso);
	l->sock = l->tx.sock = udp_open(argv[4], argv[5], gso);
	forward(l, gso);
	close(l->tun);
	close(l->sock);
	cipher_end(&l->cipher);
	free(l);
	return 0;
}
