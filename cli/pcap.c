/* SPDX-License-Identifier: Apache-2.0 */
/* Reads IP packets from classic pcap and from pcapng (draft-ietf-opsawg-pcapng section 4). */
#include "cli/pcap.h"

#include <errno.h>
#include <string.h>

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_COOKED = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_COOKED_2 = 276,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	COOKED_HEADER = 16,
	COOKED_2_HEADER = 20,
	LOOP_HEADER = 4,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	SKIP_MAX = 1 << 24,
};

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in either byte order */
	BLOCK_HEAD = 8,             /* type and length */
	BLOCK_ENDS = 12,            /* and the length once more behind */
	SECTION_MAGIC = 0x1a2b3c4d,
	PACKET_FIXED = 20, /* interface, time, two lengths */
};

static uint32_t read32(const struct pcap *pcap, const uint8_t *p)
{
	if (pcap->swapped)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool read_all(const struct pcap *pcap, void *out, size_t len)
{
	return fread(out, 1, len, pcap->file) == len;
}

static bool skip(const struct pcap *pcap, uint32_t len)
{
	return len <= SKIP_MAX && fseek(pcap->file, (long)len, SEEK_CUR) == 0;
}

static int open_classic(struct pcap *pcap, const uint8_t *magic)
{
	static const uint8_t little[4] = {0xd4, 0xc3, 0xb2, 0xa1};
	static const uint8_t big[4] = {0xa1, 0xb2, 0xc3, 0xd4};
	uint8_t rest[FILE_HEADER - 4];

	if ((memcmp(magic, little, 4) != 0 && memcmp(magic, big, 4) != 0) ||
		!read_all(pcap, rest, sizeof rest))
		return -EPROTO;
	pcap->swapped = memcmp(magic, big, 4) == 0;
	pcap->link[0] = read32(pcap, rest + sizeof rest - 4) & 0xffff;
	pcap->n_links = 1;
	return 0;
}

int pcap_open_stream(struct pcap *pcap, FILE *file)
{
	static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
	uint8_t magic[4];
	int error = 0;

	pcap->file = file;
	pcap->ng = false;
	pcap->swapped = false;
	pcap->n_links = 0;
	if (!read_all(pcap, magic, sizeof magic))
		error = -EPROTO;
	else if (memcmp(magic, section, 4) == 0)
		pcap->ng = true;
	else
		error = open_classic(pcap, magic);
	if (pcap->ng)
		rewind(pcap->file);
	if (error)
		pcap_close(pcap);
	return error;
}

int pcap_open(struct pcap *pcap, const char *path)
{
	FILE *file = fopen(path, "rb");

	return file ? pcap_open_stream(pcap, file) : -errno;
}

void pcap_close(struct pcap *pcap)
{
	fclose(pcap->file);
}

static bool is_ip(const uint8_t *type)
{
	unsigned value = (unsigned)(type[0] << 8 | type[1]);

	return value == TYPE_IPV4 || value == TYPE_IPV6;
}

static long ethernet_header(const uint8_t *p, size_t len)
{
	size_t at = ETHERNET_HEADER;

	while (len >= at + VLAN_TAG) {
		unsigned type = (unsigned)(p[at - 2] << 8 | p[at - 1]);

		if (type != TYPE_VLAN && type != TYPE_QINQ)
			break;
		at += VLAN_TAG;
	}
	return len >= at && is_ip(p + at - 2) ? (long)at : -1;
}

/* Octets of link header before the IP packet, -1: not IP. */
static long link_header(uint32_t link, const uint8_t *p, size_t len)
{
	switch (link) {
	case LINK_RAW_BSD:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return 0;
	case LINK_NULL:
	case LINK_LOOP:
		return len > LOOP_HEADER && (p[LOOP_HEADER] >> 4 == 4 || p[LOOP_HEADER] >> 4 == 6)
			       ? LOOP_HEADER
			       : -1;
	case LINK_ETHERNET:
		return ethernet_header(p, len);
	case LINK_COOKED:
		return len >= COOKED_HEADER && is_ip(p + COOKED_HEADER - 2) ? COOKED_HEADER : -1;
	case LINK_COOKED_2:
		return len >= COOKED_2_HEADER && is_ip(p) ? COOKED_2_HEADER : -1;
	default:
		return -1;
	}
}

/* The IP packet in a frame; 0: none. */
static long take(uint32_t link, const uint8_t *frame, size_t len, const uint8_t **ip)
{
	long skip = link_header(link, frame, len);

	if (skip < 0 || (long)len <= skip)
		return 0;
	*ip = frame + skip;
	return (long)len - skip;
}

static long next_classic(struct pcap *pcap, const uint8_t **ip)
{
	uint8_t header[RECORD_HEADER];

	while (read_all(pcap, header, sizeof header)) {
		uint32_t len = read32(pcap, header + 8);
		long n;

		if (len > PCAP_PACKET_MAX && skip(pcap, len))
			continue; /* longer than IP's length field can say */
		if (len > PCAP_PACKET_MAX || !read_all(pcap, pcap->data, len))
			return -EPROTO;
		n = take(pcap->link[0], pcap->data, len, ip);
		if (n)
			return n;
	}
	return 0;
}

/* A section begins: its byte order, and interfaces are counted anew. */
static bool open_section(struct pcap *pcap, const uint8_t *head)
{
	uint8_t magic[4];

	if (!read_all(pcap, magic, sizeof magic))
		return false;
	pcap->swapped = false;
	pcap->swapped = read32(pcap, magic) != SECTION_MAGIC;
	pcap->n_links = 0;
	uint32_t len = read32(pcap, head + 4);
	return read32(pcap, magic) == SECTION_MAGIC && len >= BLOCK_ENDS + sizeof magic &&
	       len % 4 == 0 && fseek(pcap->file, (long)len - BLOCK_HEAD - 4, SEEK_CUR) == 0;
}

/* The packet of a block of len octets in data; 0: none. */
static long take_block(struct pcap *pcap, uint32_t type, uint32_t len, const uint8_t **ip)
{
	const uint8_t *p = pcap->data;
	uint32_t interface = 0;
	uint32_t head = type == BLOCK_PACKET ? PACKET_FIXED : 4;
	uint32_t captured;

	if (type == BLOCK_INTERFACE && len >= 8 && pcap->n_links < PCAP_INTERFACES)
		pcap->link[pcap->n_links++] =
			pcap->swapped ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
	if ((type != BLOCK_PACKET && type != BLOCK_SIMPLE) || len < head)
		return 0;
	captured = read32(pcap, type == BLOCK_PACKET ? p + 12 : p);
	if (type == BLOCK_PACKET)
		interface = read32(pcap, p);
	else if (captured > len - head)
		captured = len - head;
	if (interface >= pcap->n_links || captured > len - head)
		return 0;
	return take(pcap->link[interface], p + head, captured, ip);
}

static long next_ng(struct pcap *pcap, const uint8_t **ip)
{
	uint8_t head[BLOCK_HEAD];

	while (read_all(pcap, head, sizeof head)) {
		uint32_t type = read32(pcap, head);
		uint32_t len = read32(pcap, head + 4);
		uint8_t again[4];
		long n;

		if (type == BLOCK_SECTION) {
			if (!open_section(pcap, head))
				return -EPROTO;
			continue;
		}
		if (len % 4 == 0 && len > sizeof pcap->data && skip(pcap, len - BLOCK_HEAD))
			continue;
		if (len < BLOCK_ENDS || len % 4 || len - BLOCK_ENDS > sizeof pcap->data ||
			!read_all(pcap, pcap->data, len - BLOCK_ENDS) ||
			!read_all(pcap, again, sizeof again))
			return -EPROTO;
		n = take_block(pcap, type, len - BLOCK_ENDS, ip);
		if (n)
			return n;
	}
	return 0;
}

long pcap_next(struct pcap *pcap, const uint8_t **ip)
{
	return pcap->ng ? next_ng(pcap, ip) : next_classic(pcap, ip);
}
