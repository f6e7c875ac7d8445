/* SPDX-License-Identifier: Apache-2.0
 * udpprobe - sends datagrams to DST PORT from a connected socket and says what came back:
 * "answered", "refused" (port unreachable), "silent" or the error. Exit status 0 only for an
 * answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *to;
	int fd;

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to)) {
		fprintf(stderr, "usage: udpprobe DST PORT\n");
		return 2;
	}
	fd = socket(to->ai_family, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen)) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	for (int i = 0; i < 8; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char answer[2048];

		if (send(fd, "probe", 5, 0) < 0 && errno != EAGAIN) {
			printf("%s\n", errno == ECONNREFUSED ? "refused" : strerror(errno));
			return 1;
		}
		poll(&p, 1, 250);
		if (recv(fd, answer, sizeof answer, MSG_DONTWAIT) >= 0) {
			printf("answered\n");
			return 0;
		}
		if (errno == ECONNREFUSED) {
			printf("refused\n");
			return 1;
		}
	}
	freeaddrinfo(to);
	close(fd);
	printf("silent\n");
	return 1;
}
