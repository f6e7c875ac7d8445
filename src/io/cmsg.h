/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages of outer sockets: source address, hop limit, traffic class, flow label (RFC
 * 3542, ip(7), ipv6(7)) and segment size (udp(7)); what "lower" reads and writes, diet-esp-07.
 */
#ifndef DIETVPN_IO_CMSG_H
#define DIETVPN_IO_CMSG_H

#include <stddef.h>
#include <stdint.h>

struct msghdr;
struct outer;

enum {
	CMSG_SEND_SIZE = 128,    /* packet info, hop limit, class of either family; segment */
	CMSG_RECEIVE_SIZE = 192, /* the same, and the flow label */
	CMSG_ERROR_SIZE = 512,   /* the same and an extended error */
};

/*
 * Writes what outer asks for into msg's control space (CMSG_SEND_SIZE octets, already set) and cuts
 * msg_controllen to what was used: our source where outer->local.addr is known, hop limit and
 * traffic class where not 0; where segment is not 0, that the kernel cuts the message into
 * datagrams of so many octets (UDP_SEGMENT).
 */
void cmsg_write(struct msghdr *msg, const struct outer *outer, uint16_t segment);
/*
 * Reads destination address, hop limit, traffic class and flow label of what was received. Returns
 * the octets of each datagram but the last that the kernel joined in this message (UDP_GRO); 0: it
 * is one datagram.
 */
size_t cmsg_read(struct msghdr *msg, struct outer *outer);
/* The MTU that a message of the error queue reports; 0: it reports something else. */
uint32_t cmsg_read_mtu(struct msghdr *msg);

#endif
