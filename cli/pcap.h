/* SPDX-License-Identifier: Apache-2.0 */
/* Reads IP packets from a classic pcap file (link types Ethernet, raw IP). */
#ifndef DIETVPN_CLI_PCAP_H
#define DIETVPN_CLI_PCAP_H

#include <stdint.h>
#include <stdio.h>

enum { PCAP_PACKET_MAX = 65535 };

struct pcap {
	FILE *file;
	int swapped; /* the file's byte order is not ours */
	uint32_t link;
	uint8_t data[PCAP_PACKET_MAX];
};

int pcap_open(struct pcap *pcap, const char *path); /* 0, -errno, -EPROTO: not a pcap */
void pcap_close(struct pcap *pcap);
/* Length of the next IP packet, *ip points into pcap; 0 at the end; -EPROTO: damaged. Other frames
 * are skipped. */
long pcap_next(struct pcap *pcap, const uint8_t **ip);

#endif
