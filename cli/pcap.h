/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads IP packets from a recording: classic pcap, or pcapng (draft-ietf-opsawg-pcapng); link types
 * Ethernet (with VLAN tags), raw IP, Linux cooked, loopback.
 */
#ifndef DIETVPN_CLI_PCAP_H
#define DIETVPN_CLI_PCAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PCAP_PACKET_MAX = 65535, PCAP_INTERFACES = 32, PCAP_BLOCK_MAX = PCAP_PACKET_MAX + 4096 };

struct pcap {
	FILE *file;
	bool swapped; /* the file's byte order is not ours */
	bool ng;
	uint32_t n_links; /* classic: 1 */
	uint32_t link[PCAP_INTERFACES];
	uint8_t data[PCAP_BLOCK_MAX];
};

int pcap_open(struct pcap *pcap, const char *path); /* 0, -errno, -EPROTO: not a recording */
/* The same of a stream that can seek; it is pcap's from then on, and closed on error. */
int pcap_open_stream(struct pcap *pcap, FILE *file);
void pcap_close(struct pcap *pcap);
/* Length of the next IP packet, *ip points into pcap; 0 at the end; -EPROTO: damaged. Other frames
 * are skipped. */
long pcap_next(struct pcap *pcap, const uint8_t **ip);

#endif
