#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Segmentation and coalescing change nothing: what host s sends comes out at host d octet by octet and in order per flow.
#
#   s in0 --- lan0 a diet0 === tunnel === diet0 b lan0 --- in0 d       10.71.0.0/24, fd00:71::/64 behind a
#                                                                    10.72.0.0/24, fd00:72::/64 behind b
# b's way to d has all offloads off: there one sees what the next hop of a super-packet sees.
. "$(dirname "$0")/lib.sh"
SEED=${SEED:-1}
net_pair
namespace s
namespace d
wire() { # HOST INNER_NET END
	local net=$2
	ip -n "$P-$1" link add lan0 type veth peer name in0 netns "$P-$3"
	ip -n "$P-$1" link set lan0 address 02:00:00:00:0a:01
	ip -n "$P-$3" link set in0 address 02:00:00:00:0a:02
	for end in "$1 lan0" "$3 in0"; do ip -n "$P-${end% *}" link set "${end#* }" up; done
	ip -n "$P-$1" addr add "10.$net.0.254/24" dev lan0
	ip -n "$P-$1" addr add "fd00:$net::fe/64" dev lan0 nodad
	ip -n "$P-$3" addr add "10.$net.0.100/24" dev in0
	ip -n "$P-$3" addr add "fd00:$net::100/64" dev in0 nodad
	ip -n "$P-$3" route add default via "10.$net.0.254"
	ip -n "$P-$3" -6 route add default via "fd00:$net::fe"
	for host in 1 2 3 4 100; do
		ip -n "$P-$1" neigh add "10.$net.0.$host" lladdr 02:00:00:00:0a:02 dev lan0
		ip -n "$P-$1" neigh add "fd00:$net::$host" lladdr 02:00:00:00:0a:02 dev lan0
	done
	on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0
}
wire a 71 s
wire b 72 d
# offloads HOST DEVICE on|off: whether the stack hands this device super-packets
offloads() { on "$1" ethtool -K "$2" tso "$3" gso "$3" tx-udp-segmentation "$3" tx "$3" gro off >/dev/null 2>&1; }
offloads b lan0 off
# gather on|off: whether a's kernel makes super-packets of what s sends
gather() {
	on a ethtool -K lan0 gro "$1" rx-udp-gro-forwarding "$1" >/dev/null 2>&1
	on a sh -c "echo $([ "$1" = on ] && echo 2000000 || echo 0) >/sys/class/net/lan0/gro_flush_timeout"
}
# A rule compresses one family: VERSIONS is then one of them. Without compression the tunnel carries both.
VERSIONS='4 6'
nets() { case $VERSIONS in 4) echo "10.$1.0.0/24" ;; 6) echo "fd00:$1::/64" ;; *) echo "10.$1.0.0/24, fd00:$1::/64" ;; esac; }
own_inner() { if [ "$INNER" = 4 ]; then echo "10.9.0.$1"; else echo "fd00:d1e7::$1"; fi; }
host() { if [ "$1" = 4 ]; then echo "10.$2.0.100"; else echo "fd00:$2::100"; fi; } # VERSION NET
# open ENCAP COMPRESS OFFLOAD_A OFFLOAD_B
open() {
	ENCAP=$1 COMPRESS=$2 INNER=6
	[ "$VERSIONS" = 4 ] && INNER=4
	echo "== $ENCAP, $COMPRESS, IPv${VERSIONS/ / and IPv}, offload $3 at a, $4 at b${5:+, $5}"
	: >>"$W/seal.log"; chmod 666 "$W/seal.log"
	# With eight bits of the sequence number its reservations are short, and a burst beyond them is cut.
	local more=
	[ "$COMPRESS" = iot ] && more='EspSnLsb = 24'
	keys "$(key_octets "$CIPHER")"
	OFFLOAD=$3 EXTRA="Routes = $(nets 72)
		Local = $(nets 71), $(own_inner 1)
		$more" conf a
	OFFLOAD=$4 EXTRA="Routes = $(nets 71)
		Local = $(nets 72), $(own_inner 2)
		$more" conf b
	own
	daemon a || { bad "a does not start"; return 1; }
	daemon b || { bad "b does not start"; return 1; }
	dietvpn a sa fresh-key b >/dev/null; dietvpn b sa fresh-key a >/dev/null
	for v in $VERSIONS; do check "ping" wait_for 5 on s ping -c 1 -W 1 "$(host "$v" 72)"; done
	mtu=$(settled_mtu a)
	tolerate=
	[ "$COMPRESS" = off ] || tolerate=-e
	[ "$COMPRESS" = iot ] && tolerate='-e -k id -k label'
	if [ "$COMPRESS" != off ]; then # the first packet that does not fit sets up the fallback SA
		for v in $VERSIONS; do "$TOOLS/pktcompare" -n "$P" -v "$v" -m "$mtu" -e -w 8 -x IPv >"$W/warm"; done
	fi
	wanted_a=$3 wanted_b=$4 least=30
	# Identifications made anew do not count up: nothing of IPv4 can be joined.
	if [ "$COMPRESS $VERSIONS" = "iot 4" ]; then least=0; fi
}
# compare TITLE ARGUMENT...: supers_in and supers_out are set
compare() {
	local title=$1
	shift
	supers_in=0 supers_out=0
	for v in $VERSIONS; do
		"$TOOLS/pktcompare" -n "$P" -v $v -m "$mtu" -s "$SEED" $tolerate "$@" >"$W/compare"
		[ $? -lt 2 ] || bad "$title: pktcompare cannot work"
		fails=$((fails + $(grep -c ^FAIL "$W/compare")))
		if [ -n "${VERBOSE:-}" ]; then sed 's/^/     /' "$W/compare"; else grep -A 16 ^FAIL "$W/compare" | grep -v '^ok'; fi
		ok "$title: IPv$v, $(grep -c ^ok "$W/compare") kinds, $(awk '/ as sent/ {for (i = 1; i < NF; i++) if ($(i + 1) == "of" && $(i + 3) == "as") n += $i} END {print n + 0}' "$W/compare") packets as sent"
		supers_in=$((supers_in + $(field "$W/compare" supers_in)))
		supers_out=$((supers_out + $(field "$W/compare" supers_out)))
	done
}
# That the offload under test took part, or did not.
took_part() { # WHICH auto|off NUMBER MINIMUM
	if [ "$2" = auto ]; then at_least "super-packets $1 the tunnel" "$4" "$3"; else same "super-packets $1 the tunnel" 0 "$3"; fi
}
pids() { echo "-a $(daemon_pid a) -b $(daemon_pid b)"; }
packets_alone() {
	gather off
	compare "packets" $(pids)
	same "super-packets into the tunnel" 0 "$supers_in"
	took_part "out of" "$wanted_b" "$supers_out" $least
}
packets_gathered() {
	gather on
	compare "packets that a's kernel gathered" -t $(pids)
	gather off
	took_part into "$wanted_a" "$supers_in" 20
	took_part "out of" "$wanted_b" "$supers_out" $least
}
packets_crafted() {
	compare "crafted super-packets" -g $(pids)
	took_part into "$wanted_a" "$supers_in" 20
}
packets_flowing() { compare "packets as they flow"; }


# What applications see. stream TITLE ARGUMENT...
stream() {
	local title=$1
	shift
	if "$TOOLS/gsostream" "$@" >"$W/stream"; then ok "$title: $(field "$W/stream" octets) octets"; else bad "$title"; sed 's/^/     | /' "$W/stream"; fi
}
streams() {
	local from=$P-s to=$P-d net=72
	for there in "s to d" "d to s"; do
		for v in $VERSIONS; do
			stream "IPv$v, $there: TCP" tcp "$from" "$to" "$(host "$v" $net)" 7100 0 20000000
			for mss in 100 537 1001; do stream "IPv$v, $there: TCP, segments up to $mss" tcp "$from" "$to" "$(host "$v" $net)" 7100 $mss 2000000; done
			for size in 1 3 101 1001 1331; do stream "IPv$v, $there: UDP_SEGMENT of $size" gso "$from" "$to" "$(host "$v" $net)" 7101 $size 1200; done
			stream "IPv$v, $there: bursts of datagrams up to 1200" burst "$from" "$to" "$(host "$v" $net)" 7102 1200 1200
		done
		from=$P-d to=$P-s net=71
	done
}
# Congestion marks inside and outside, and the answers to them: as many arrive as were sent.
both_ends() {
	local fin='(ip and tcp[13] & 1 != 0) or (ip6 and ip6[53] & 1 != 0)'
	[ "$(packets "$1" "src port 7103 and ($fin)")" -ge 1 ] && [ "$(packets "$1" "dst port 7103 and ($fin)")" -ge 1 ]
}
marks() { # TITLE inside|outside DESTINATION
	local title=$1 where=$2 dst=$3
	on a nft -f - <<-NFT 2>"$W/out" || { echo "     not tried: nft cannot mark: $(head -1 "$W/out")"; return; }
		table inet marks {
			chain inside { type filter hook forward priority 0; iifname "lan0" meta l4proto tcp ip ecn ect0 numgen inc mod 16 == 3 ip ecn set ce
				iifname "lan0" meta l4proto tcp ip6 ecn ect0 numgen inc mod 16 == 3 ip6 ecn set ce; }
			chain outside { type filter hook postrouting priority 0; }
		}
	NFT
	if [ "$where" = outside ]; then
		on a nft flush chain inet marks inside
		on a nft add rule inet marks outside oifname out0 udp dport 4500 ip ecn ect0 numgen inc mod 16 == 3 ip ecn set ce
	fi
	for side in s d; do
		rm -f "$W/ecn-$side.pcap" "$W/tcpdump-ecn-$side.out"
		background "tcpdump-ecn-$side" $side tcpdump --immediate-mode -B 65536 -i in0 -U -s 120 -w "$W/ecn-$side.pcap" 'tcp port 7103'
		wait_for 5 grep -q listening "$W/tcpdump-ecn-$side.out"
	done
	stream "$title: TCP" calm "$P-s" "$P-d" "$dst" 7103 0 8000000
	at_least "$title: segments that d saw marked" 1 "$(field "$W/stream" marked)"
	for side in s d; do
		check "$title: the capture at $side has the end" wait_for 20 both_ends ecn-$side
		capture_stop ecn-$side
	done
	same "$title: packets that the captures lost" "0 0" "$(for side in s d; do grep -oE '[0-9]+ packets? dropped' "$W/tcpdump-ecn-$side.out" | cut -d" " -f1; done | xargs)"
	local cwr='dst port 7103 and ((ip and tcp[13] & 0xc2 == 0x80) or (ip6 and ip6[53] & 0xc2 == 0x80))'
	local ece='src port 7103 and ((ip and tcp[13] & 0x42 == 0x40) or (ip6 and ip6[53] & 0x42 == 0x40))'
	at_least "$title: CWR from s" 1 "$(packets ecn-s "$cwr")"
	same "$title: CWR at d" "$(packets ecn-s "$cwr")" "$(packets ecn-d "$cwr")"
	same "$title: ECE at s" "$(packets ecn-d "$ece")" "$(packets ecn-s "$ece")"
	on a nft delete table inet marks
}
ecn() {
	for side in s d; do on $side sysctl -qw net.ipv4.tcp_ecn=1; done
	marks "marks inside, IPv4" inside 10.72.0.100
	marks "marks inside, IPv6" inside fd00:72::100
	marks "marks outside, IPv4" outside 10.72.0.100
	marks "marks outside, IPv6" outside fd00:72::100
}
all() {
	packets_alone
	packets_gathered
	packets_crafted
	packets_flowing
	streams
}
underlay() { for side in a b; do offloads $side out0 "$1"; done; }

# ONLY= names parts: pair ends raw rules underlay
part() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
each_version() { for VERSIONS in 4 6; do open "${@:1:4}" "${6:-}" && ${5}; tunnel_down; done; }
three() { packets_alone; packets_gathered; packets_crafted; }
below() { packets_gathered; packets_crafted; streams; }

CIPHER=aes-gcm-16
if part pair; then open udp off auto auto && { all; ecn; }; tunnel_down; fi
if part ends; then
	for ends in "auto off" "off auto" "off off"; do open udp off $ends && three; tunnel_down; done
fi
if part raw; then
	open raw off auto auto && all; tunnel_down
	CIPHER=chacha20-poly1305-iiv
	each_version raw iot auto auto three
fi
if part rules; then
	for rule in link safe iot; do each_version udp $rule auto auto three; done
fi
if part underlay; then
	underlay off
	each_version udp link auto auto below "the underlay's offloads off"
fi
nonces_unique
finish
