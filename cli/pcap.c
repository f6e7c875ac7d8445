/* SPDX-License-Identifier: Apache-2.0 */
/* Reads IP packets from a classic pcap file (link types Ethernet, raw IP). */
#include "cli/pcap.h"

#include <errno.h>
#include <string.h>

enum {
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW = 101,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	ETHERNET_HEADER = 14
};

static uint32_t read32(const struct pcap *pcap, const uint8_t *p)
{
	if (pcap->swapped)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

int pcap_open(struct pcap *pcap, const char *path)
{
	static const uint8_t little[4] = {0xd4, 0xc3, 0xb2, 0xa1};
	static const uint8_t big[4] = {0xa1, 0xb2, 0xc3, 0xd4};
	uint8_t header[FILE_HEADER];

	pcap->file = fopen(path, "rb");
	if (!pcap->file)
		return -errno;
	if (fread(header, 1, sizeof header, pcap->file) != sizeof header ||
		(memcmp(header, little, 4) != 0 && memcmp(header, big, 4) != 0)) {
		pcap_close(pcap);
		return -EPROTO;
	}
	pcap->swapped = memcmp(header, big, 4) == 0;
	pcap->link = read32(pcap, header + 20) & 0xffff;
	return 0;
}

void pcap_close(struct pcap *pcap)
{
	fclose(pcap->file);
}

/* Octets of link header before the IP packet, -1: not IP. */
static long link_header(const struct pcap *pcap, size_t len)
{
	const uint8_t *p = pcap->data;

	switch (pcap->link) {
	case LINK_RAW_BSD:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return 0;
	case LINK_ETHERNET:
		if (len < ETHERNET_HEADER ||
			((p[12] << 8 | p[13]) != 0x0800 && (p[12] << 8 | p[13]) != 0x86dd))
			return -1;
		return ETHERNET_HEADER;
	default:
		return -1;
	}
}

long pcap_next(struct pcap *pcap, const uint8_t **ip)
{
	uint8_t header[RECORD_HEADER];

	while (fread(header, 1, sizeof header, pcap->file) == sizeof header) {
		uint32_t len = read32(pcap, header + 8);
		long skip;

		if (len > PCAP_PACKET_MAX || fread(pcap->data, 1, len, pcap->file) != len)
			return -EPROTO;
		skip = link_header(pcap, len);
		if (skip < 0 || (long)len <= skip)
			continue;
		*ip = pcap->data + skip;
		return (long)len - skip;
	}
	return 0;
}
