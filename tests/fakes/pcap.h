/* SPDX-License-Identifier: Apache-2.0 */
/* Reads captures of others for tests: the IP packets of a classic pcap or pcapng file. */
#ifndef DIETVPN_TESTS_PCAP_H
#define DIETVPN_TESTS_PCAP_H

#include <stddef.h>
#include <stdint.h>

/* One packet, from its IP header on; as many octets as were captured. */
typedef void pcap_packet(void *arg, const uint8_t *data, size_t len);

struct pcap_count {
	unsigned frames; /* whole ones; a file may be cut in the midst of its last */
	unsigned ip;     /* handed over */
};

/* 0, -errno of opening, -EBADMSG: not a capture file. */
int pcap_each(const char *path, pcap_packet *fn, void *arg, struct pcap_count *count);

/* All of a file in malloc'd memory of exactly its length, or NULL. */
uint8_t *pcap_read_file(const char *path, size_t *len);

#endif
