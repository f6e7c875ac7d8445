/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason to drop a packet: one list for enum, counter name and help. */
#ifndef DIETVPN_BASE_DROP_H
#define DIETVPN_BASE_DROP_H

/* DROP(enumerator, counter name, one-line meaning) */
#define DROP_LIST(DROP) \
	DROP(NONE, "passed", "not dropped: this counts what passed") \
	/* the inner packet, as the TUN gave it or as ESP rebuilt it */ \
	DROP(IP_SHORT, "ip-short", "shorter than its IP header says") \
	DROP(IP_VERSION, "ip-version", "neither IPv4 nor IPv6") \
	DROP(IP_HEADER, "ip-header", "header length, total length or jumbogram not acceptable") \
	DROP(IP_CHAIN, "ip-chain", "more than 8 extension headers or 256 octets of them") \
	DROP(TRANSPORT_SHORT, "transport-short", "too short for its transport header") \
	DROP(TOO_BIG, "too-big", "does not fit the path; the sender was told") \
	DROP(TUN_SEGMENT, "tun-segment", "the TUN gave a super-packet that cannot be cut") \
	/* policy, RFC 4301 */ \
	DROP(NO_POLICY, "no-policy", "no policy protects this packet: discarded") \
	DROP(DISCARD, "discard", "a policy says discard") \
	DROP(NO_PEER, "no-peer", "an address of a template that no peer has yet") \
	DROP(NO_SA, "no-sa", "no SA yet: keying was asked for one") \
	DROP(POLICY_MISMATCH, "policy-mismatch", "decrypted packet does not match its SA") \
	DROP(NO_FIT, "no-fit", "the rule cannot restore it exactly and there is no fallback SA") \
	/* the SA */ \
	DROP(SEQ_WAIT, "seq-wait", "waiting for sequence numbers to be reserved on disk") \
	DROP(SEQ_OVERFLOW, "seq-overflow", "sequence numbers used up: the SA needs a new key") \
	DROP(LIFETIME, "lifetime", "hard lifetime of the SA reached") \
	DROP(SA_STATE, "sa-state", "the SA may not be used in this direction or state") \
	/* the outer packet */ \
	DROP(ESP_SHORT, "esp-short", "too short for ESP header, IV and ICV") \
	DROP(TOO_LONG, "too-long", "longer than any packet that we take") \
	DROP(UNKNOWN_SPI, "unknown-spi", "no SA with this SPI") \
	DROP(ENCAP, "encap", "came over another encapsulation than the SA's") \
	DROP(SEQ_RESTORE, "seq-restore", "sequence number cannot be restored from its low bits") \
	DROP(REPLAY_OLD, "replay-old", "sequence number left of the replay window") \
	DROP(REPLAY_SEEN, "replay", "sequence number already seen") \
	DROP(ICV, "icv", "integrity check failed: forged, damaged, or wrong key") \
	DROP(PADDING, "padding", "padding or pad length wrong behind a good ICV") \
	DROP(NEXT_HEADER, "next-header", "next header is not what the SA carries") \
	DROP(DUMMY, "dummy", "traffic-flow-confidentiality dummy packet") \
	DROP(RESIDUE, "residue", "too short or not decodable for its compression rule") \
	DROP(RULE, "rule", "no rule of the set makes such a packet: compare the rules' digests") \
	DROP(ECN, "ecn", "congestion mark on a packet that cannot carry one (RFC 6040)") \
	DROP(KEEPALIVE, "keepalive", "NAT keepalive (not an error)") \
	/* the machine */ \
	DROP(CRYPTO, "crypto", "the cipher library failed") \
	DROP(NO_ENDPOINT, "no-endpoint", "the peer's address is not known yet") \
	DROP(SEND_QUEUE, "send-queue", "the outer interface's queue was full") \
	DROP(SEND_UNREACHABLE, "send-unreachable", "no route to the peer, or refused locally") \
	DROP(TUN_WRITE, "tun-write", "the TUN device did not take the packet") \
	DROP(NO_BUFFER, "no-buffer", "no packet buffer left")

enum drop {
#define DROP_ENUM(name, text, help) DROP_##name,
	DROP_LIST(DROP_ENUM)
#undef DROP_ENUM
		DROP_COUNT
};

const char *drop_name(enum drop drop); /* the counter's name, as in `dietvpn drops` */
const char *drop_help(enum drop drop); /* one line */

#endif
