#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# N devices begin at once towards one gateway, over a link that loses, repeats and reorders datagrams by seed:
#
#   device i 10.50.i.2 --- 10.50.i.1 [m routes] 192.0.2.1 --- [k: netimpair] --- 192.0.2.2 b, the gateway
#
#   lossy.sh                              the short test: every handshake at no loss, few fail at much
#   lossy.sh N WORD... [-- WORD...]...    N devices; the words are netimpair's (loss=30 dup=5 reorder=10); -- begins a series
#
# A run is good when both ends have the child SA within 15 s of the first datagram. Environment: PROFILE=lossy|normal is
# dietvpn's Retransmission, END=swan puts strongSwan at both ends (SWAN="retransmit_timeout = 0.5 ..." for its timers),
# SEED. Prints one line key=value per series.
. "$(dirname "$0")/lib.sh"
END=${END:-diet} PROFILE=${PROFILE:-lossy} SEED=${SEED:-7} LIMIT=15
[ "$END" = swan ] && swan_needed
[ "$END" = swan ] || [ -e "$B/keying/ikev2.so" ] || skip "the plugin ikev2 is not built"
command -v tcpdump >/dev/null || skip "no tcpdump"

net_fleet() { # N
	local i
	for i in m k b; do namespace $i; done
	on k sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n "$P-m" link add gw0 type veth peer name ka netns "$P-k"
	ip -n "$P-b" link add out0 type veth peer name kb netns "$P-k"
	for i in ka kb; do ip -n "$P-k" link set $i up; done
	ip -n "$P-m" addr add 192.0.2.1/24 dev gw0
	ip -n "$P-m" link set gw0 up
	ip -n "$P-b" addr add 192.0.2.2/24 dev out0
	ip -n "$P-b" link set out0 up
	ip -n "$P-b" route add default via 192.0.2.1
	on m sysctl -qw net.ipv4.ip_forward=1
	for i in $(seq "$1"); do
		ip netns add "$P-d$i"
		ip -n "$P-m" link add "d$i" type veth peer name out0 netns "$P-d$i"
		ip -n "$P-m" addr add "10.50.$i.1/24" dev "d$i"
		ip -n "$P-m" link set "d$i" up
		ip -n "$P-d$i" link set lo up
		ip -n "$P-d$i" addr add "10.50.$i.2/24" dev out0
		ip -n "$P-d$i" link set out0 up
		ip -n "$P-d$i" route add default via "10.50.$i.1"
	done
}

diet_folder() { # HOST IDENTITY ADDRESS ROLE: its folders and [Interface]
	mkdir -p "$W/$1/etc/keys" "$W/$1/state" "$W/$1/run"
	printf 'one secret for all devices' >"$W/$1/etc/keys/psk"
	chmod 600 "$W/$1/etc/keys/psk"
	printf '[Interface]\nName = diet0\nRole = %s\nId = %s\nAddress = %s/32\nPsk = keys/psk\n' "$4" "$2" "$3" >"$W/$1/etc/home.conf"
}
diet_peer() { # HOST NAME ADDRESS LOCAL LINES
	printf '[Peer "%s"]\nKeying = ikev2\nAddress = %s\nLocal = %s/32\nCipher = chacha20-poly1305\nCompress = off\n%b\n' \
		"$2" "$3" "$4" "$5" >>"$W/$1/etc/home.conf"
}
diet_fleet() { # N
	local i
	diet_folder b gw 10.65.0.254 responder
	for i in $(seq "$1"); do
		diet_peer b "dev-$i" "10.64.0.$i" "10.65.0.$i" ""
		diet_folder "d$i" "dev-$i" "10.64.0.$i" initiator
		diet_peer "d$i" gw "10.65.0.$i" "10.64.0.$i" "Endpoint = 192.0.2.2\nStart = boot\nRetransmission = $PROFILE"
	done
	chown -R "$USERNAME_FOR_DAEMON" "$W"/b "$W"/d*/
}
swan_end_conf() { # HOST IDENTITY REMOTE LOCAL_TS REMOTE_TS LINES
	mkdir -p "$W/$1/swan"
	cat >"$W/$1/swan/swanctl.conf" <<-CONF
		connections { home {
			version = 2
			remote_addrs = $3
			proposals = chacha20poly1305-prfsha256-x25519
			mobike = no
			local {
				auth = psk
				id = $2
			}
			remote {
				auth = psk
				id = %any
			}
			children { net {
				local_ts = $4
				remote_ts = $5
				esp_proposals = chacha20poly1305
				$6
			} }
		} }
		secrets { ike {
			secret = "one secret for all devices"
		} }
	CONF
}
swan_fleet() { # N
	local i
	swan_end_conf b gw %any 10.65.0.0/16 10.64.0.0/16 ""
	for i in $(seq "$1"); do
		# kernel-libipsec wants an address of its own in each network
		ip -n "$P-b" addr replace "10.65.0.$i/32" dev lo
		ip -n "$P-d$i" addr replace "10.64.0.$i/32" dev lo
		swan_end_conf "d$i" "dev-$i" 192.0.2.2 "10.64.0.$i/32" "10.65.0.$i/32" "start_action = start"
	done
}
swan_start() { SWAN_LOG=${SWAN_LOG:--1} swan_up "$1" "${SWAN:-}" && swan_load "$1"; }

begin_all() {
	local i
	for i in $(seq "$1"); do
		if [ "$END" = swan ]; then swan_start "d$i"; else NOWAIT=1 daemon "d$i"; fi
	done
}
end_all() { local i; for i in b $(seq -f d%.0f "$1"); do if [ "$END" = swan ]; then swan_end KILL "$i"; else daemon_kill "$i"; fi; done; }
installed() { # HOST PATTERN: SAs there
	if [ "$END" = swan ]; then swan "$1" --list-sas --raw 2>/dev/null | grep -o 'state=INSTALLED' | wc -l
	else dietvpn "$1" sa 2>/dev/null | grep -oE "$2" | sort -u | wc -l; fi
}
everywhere() { # N: both ends have them all
	local i
	[ "$(installed b 'dev-[0-9]+')" = "$1" ] || return 1
	for i in $(seq "$1"); do [ "$(installed "d$i" gw)" -gt 0 ] || return 1; done
}

# series N WORD...: one fleet over one link
series() {
	local n=$1 i both=0 result
	shift
	background impair k "$TOOLS/netimpair" -a ka -b kb -s "$SEED" match=udp "$@"
	[ "$END" = swan ] && swan_fleet "$n" || diet_fleet "$n"
	if [ "$END" = swan ]; then swan_start b; else daemon b; fi || { bad "the gateway does not start"; return 1; }
	capture m gw0 ours udp
	capture b out0 far udp
	begin_all "$n"
	wait_for $((LIMIT + 2)) everywhere "$n"
	for i in $(seq "$n"); do [ "$(installed "d$i" gw)" = 0 ] || both=$((both + 1)); done
	capture_stop ours
	capture_stop far
	end_all "$n"
	background_stop impair
	result=$("$(dirname "$0")/handshakes.py" times "$W/ours.pcap" "$W/far.pcap" --limit $LIMIT --expect "$n")
	share=$(echo "$result" | grep -oE 'in_time=[0-9]+' | grep -oE '[0-9]+')
	[ "$both" -ge "$share" ] || bad "$share responses arrived, but only $both devices have an SA"
	echo "lossy end=$END profile=$PROFILE words=$(echo "$@" | tr ' ' ,) seed=$SEED installed=$both $result"
}
if [ $# -gt 0 ]; then
	n=$1 words=()
	shift
	net_fleet "$n"
	for word in "$@" --; do
		if [ "$word" = -- ]; then series "$n" "${words[@]}"; words=(); SEED=$((SEED + 1)); else words+=("$word"); fi
	done
	[ "$fails" = 0 ]
	exit
fi
: >"$W/seal.log"; chmod 666 "$W/seal.log"
net_fleet 16
# at most one in 10,000 honest runs of the test falls below (two round trips, 0.5 s * 1.3 up to 2 s)
for least in 16:loss=0 16:loss=10,dup=10,reorder=20 15:loss=30 9:loss=50; do
	series 16 $(echo "${least#*:}" | tr , ' ')
	at_least "handshakes within $LIMIT s of 16, ${least#*:}" "${least%%:*}" "$share"
done
[ "$END" = swan ] || nonces_unique
finish
