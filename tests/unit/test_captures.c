/* SPDX-License-Identifier: Apache-2.0 */
/* The packet view on captures and fuzz seeds of others: no crash, and a verdict for each. */
#include "ip/packet.h"

#include "fakes/ip_build.h"
#include "fakes/pcap.h"
#include "ip/checksum.h"
#include "fakes/data_main.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>

/* What became of the packets of others. */
struct verdicts {
	unsigned drops[DROP_COUNT];
	unsigned checksum_ok, checksum_wrong, packets;
};

static void check_view(const struct ip_packet *ip)
{
	cr_assert(ip->version == 4 || ip->version == 6);
	cr_assert_leq(ip->hdr_len, ip->len);
	cr_assert_leq(ip->hdr_len, ip->version == 4 ? 60 : 40 + 256);
	cr_assert(!ip->has_ports || (ip->first && ip->len - ip->hdr_len >= 8));
	cr_assert(ip->first || ip->fragment);
}

static void judge(void *arg, const uint8_t *data, size_t len)
{
	struct verdicts *v = arg;
	struct buf *pkt = exact_buf(data, len);
	struct ip_packet ip;
	enum drop drop = ip_packet_parse(&ip, pkt);

	v->packets++;
	v->drops[drop]++;
	if (!drop) {
		check_view(&ip);
		cr_assert_arr_eq(ip.data, data, ip.len);
		if (!ip.fragment)
			++*(checksum_transport_ok(&ip) ? &v->checksum_ok : &v->checksum_wrong);
	}
	buf_free(pkt);
}

static void print_verdicts(const char *what, const struct verdicts *v)
{
	fprintf(stderr, "%s: %u packets; transport checksum right %u, wrong %u\n", what, v->packets,
		v->checksum_ok, v->checksum_wrong);
	for (int i = 0; i < DROP_COUNT; i++)
		if (v->drops[i])
			fprintf(stderr, "  %-16s %u\n", drop_name((enum drop)i), v->drops[i]);
}

static DIR *open_in(const char *name, char *path, size_t cap)
{
	DIR *dir;

	snprintf(path, cap, "%s/%s", getenv("DIETVPN_DATA_DIR"), name);
	dir = opendir(path);
	cr_assert_not_null(dir, "%s", path);
	return dir;
}

Test(captures, seeds_of_others)
{
	struct verdicts v = {0};
	struct dirent *entry;
	char folder[512];
	char path[1024];
	DIR *dir = open_in("seeds/inner-ip", folder, sizeof folder);

	while ((entry = readdir(dir))) {
		uint8_t *data;
		size_t len;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		data = pcap_read_file(path, &len);
		cr_assert_not_null(data, "%s", path);
		judge(&v, data, len);
		for (size_t cut = 0; cut < len; cut += 1 + cut / 64)
			judge(&(struct verdicts){0}, data, cut);
		free(data);
	}
	closedir(dir);
	print_verdicts("seeds/inner-ip", &v);
	cr_assert_eq(v.packets, 695);
	cr_assert_gt(v.drops[DROP_NONE], 500);
}

Test(captures, captures_of_others)
{
	struct verdicts v = {0};
	unsigned files = 0;
	unsigned frames = 0;
	struct dirent *entry;
	char folder[512];
	char path[1024];
	DIR *dir = open_in("captures/inner-ip", folder, sizeof folder);

	while ((entry = readdir(dir))) {
		struct pcap_count count;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		cr_assert_eq(pcap_each(path, judge, &v, &count), 0, "%s", path);
		files++;
		frames += count.frames;
	}
	closedir(dir);
	fprintf(stderr, "captures: %u files, %u frames\n", files, frames);
	print_verdicts("captures/inner-ip", &v);
	cr_assert_eq(files, 58);
	cr_assert_gt(v.packets, 100);
}

Test(captures, captures_by_name)
{
	/* What each was made to show. */
	static const struct {
		const char *name;
		enum drop drop;
	} rows[] = {
		{"ipv6-too-long-jumbo.pcap", DROP_IP_HEADER},
		{"ipv6_missing_jumbo_payload_option.pcap", DROP_IP_HEADER},
		{"bigtcp-ipv6-hbh.pcap", DROP_IP_HEADER},
		{"ipv4_invalid_length.pcap", DROP_IP_SHORT},
		{"ipv4_tcp_http_xml_tso.pcap", DROP_IP_HEADER},
		{"LINKTYPE_IPV4_invalid.pcap", DROP_NONE},
		{"icmpv6-rfc7112.pcap", DROP_NONE},
	};
	char path[1024];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct verdicts v = {0};
		struct pcap_count count;

		snprintf(path, sizeof path, "%s/captures/inner-ip/%s", getenv("DIETVPN_DATA_DIR"),
			rows[i].name);
		cr_assert_eq(pcap_each(path, judge, &v, &count), 0, "%s", path);
		print_verdicts(rows[i].name, &v);
		cr_assert_gt(v.drops[rows[i].drop], 0, "%s", rows[i].name);
	}
}

/* Criterion's workers look main up by name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	return data_main(argc, argv, "DIETVPN_DATA_DIR",
		"captures: DIETVPN_DATA_DIR is not set: 58 captures, 695 seeds not run");
}
