#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What IKEv2 costs: processor time and memory per handshake with its child SA, octets of the four messages, and what honest
# devices see while others flood the gateway. strongSwan is measured beside, in the same way. Prints key=value lines and
# judges nothing. As root, on a release build:
#
#   DIETVPN_BINARY_DIR=build/release tests/bench/ike.sh [cost|bytes|flood]... [diet|swan]...
#
#   a 192.0.2.1, N devices in one daemon --- 192.0.2.2 b, the gateway, 198.18.0.2 --- 198.18.0.1 f, the flood
#
# Device i is 10.64.x.y inside and 10.65.x.y its gateway, PSK, X25519, ChaCha20-Poly1305. cpu_ms_* is the time of all threads
# of a daemon per handshake; kB_* private memory per device that came with its SAs. N, RATE, FLOOD_S and KINDS
# (of floods) may be set.
DIETVPN_BINARY_DIR=${DIETVPN_BINARY_DIR:-$(dirname "$0")/../../build/release}
. "$(dirname "$0")/../interop/lib.sh"
HANDSHAKES=$(dirname "$0")/../interop/handshakes.py
N=${N:-1000} RATE=${RATE:-200} FLOOD_S=${FLOOD_S:-8} HONEST_RATE=20
whats=() ends=()
for word; do case $word in diet | swan) ends+=("$word") ;; *) whats+=("$word") ;; esac; done
[ ${#whats[@]} -gt 0 ] || whats=(cost bytes flood)
[ ${#ends[@]} -gt 0 ] || ends=(diet swan)

# --- the ends ---------------------------------------------------------------------------------------------------------
inner_of() { echo "10.$1.$(($2 / 256)).$(($2 % 256))"; }
name_of() { if [ -n "${SHORT:-}" ]; then echo "$1"; elif [ "$1" = a ]; then echo "dev-$2"; else echo "gw-$2"; fi; }
diet_conf() { # HOST N PEER-LINES: host a plays the devices
	local i far=64 near=65 role=responder other=a
	[ "$1" = b ] || { far=65 near=64 role=initiator other=b; }
	rm -rf "${W:?}/$1"
	mkdir -p "$W/$1/etc/keys" "$W/$1/state" "$W/$1/run"
	printf 'one secret for all devices' >"$W/$1/etc/keys/psk"
	chmod 600 "$W/$1/etc/keys/psk"
	{
		printf '[Interface]\nName = diet0\nRole = %s\nId = gw\nAddress = 10.%d.255.254/16\nPsk = keys/psk\n' $role $near
		for i in $(seq "$2"); do
			printf '[Peer "%s"]\nKeying = ikev2\nAddress = %s\nLocal = %s/32\nCipher = chacha20-poly1305\nCompress = off\n%b\n' \
				"$(name_of $other "$i")" "$(inner_of $far "$i")" "$(inner_of $near "$i")" "${3:-}"
			# two peers of one daemon do not have one identity, so the gateway has one for each device
			printf 'Id = %s\n' "$(name_of "$1" "$i")"
			[ "$1" = b ] || printf 'Endpoint = 192.0.2.2\nRetransmission = lossy\n'
		done
	} >"$W/$1/etc/home.conf"
	chown -R "$USERNAME_FOR_DAEMON" "$W/$1"
}
swan_conf() { # HOST N
	local i d=$W/$1/swan
	mkdir -p "$d"
	{
		echo 'connections {'
		if [ "$1" = b ]; then
			swan_connection gw gw '%any' '%any' 10.65.0.0/16 10.64.0.0/16
		else
			for i in $(seq "$2"); do
				swan_connection "$i" "dev-$i" gw 192.0.2.2 "$(inner_of 64 "$i")/32" "$(inner_of 65 "$i")/32"
			done
		fi
		printf '}\nsecrets { ike {\nsecret = "one secret for all devices"\n} }\n'
	} >"$d/swanctl.conf"
	# kernel-libipsec wants an address of its own in each network
	for i in $(seq "$2"); do
		echo "addr replace $(inner_of $([ "$1" = b ] && echo 65 || echo 64) "$i")/32 dev lo"
	done | ip -n "$P-$1" -batch -
}
swan_connection() { # NAME ID PEER REMOTE LOCAL_TS REMOTE_TS
	printf 'c-%s {\nversion = 2\nremote_addrs = %s\nproposals = chacha20poly1305-prfsha256-x25519\nmobike = no\nlocal {\nauth = psk\nid = %s\n}
		remote {\nauth = psk\nid = %s\n}\nchildren { net-%s {\nlocal_ts = %s\nremote_ts = %s\nesp_proposals = chacha20poly1305\n} }\n}\n' \
		"$1" "$4" "$2" "$3" "$1" "$5" "$6"
}
# start HOST END N: a gateway or a host of N devices
start() {
	if [ "$2" = swan ]; then
		swan_conf "$1" "$3"
		SWAN_LOG=-1 swan_up "$1" "retransmit_timeout = 0.5
			retransmit_base = 1.3
			retransmit_limit = 2
			retransmit_tries = 12
			${SWAN:-}" && swan_load "$1"
	else
		diet_conf "$1" "$3" "${PEER:-}"
		daemon "$1"
	fi || { bad "$1 does not start"; tail -n 5 "$W/$1.log" 2>/dev/null; exit 1; }
}
stop() { if [ "$2" = swan ]; then swan_end KILL "$1"; else daemon_kill "$1"; fi; ip -n "$P-$1" link del diet0 2>/dev/null; ip -n "$P-$1" link del ipsec0 2>/dev/null; }
pid_of() { if [ "$2" = swan ]; then swan_pid "$1"; else daemon_pid "$1"; fi; }
held() { # HOST END: child SA pairs there
	if [ "$2" = swan ]; then swan "$1" --list-sas --raw | grep -o state=INSTALLED | wc -l
	else dietvpn "$1" sa | grep -oE '(dev|gw)-[0-9]+' | sort -u | wc -l; fi
}
# all threads' time in microseconds, and private memory in kB
cpu_us() { cat "/proc/$(pid_of "$1" "$2")"/task/*/schedstat | awk '{s += $1} END {printf "%.0f\n", s / 1000}'; }
memory() { awk '/^Private_/ {p += $2} END {print p}' "/proc/$(pid_of "$1" "$2")/smaps_rollup"; }
per() { awk -v v="$1" -v n="$2" -v scale="$3" 'BEGIN {printf "%.3f", (n > 0 ? v / n / scale : 0)}'; }
# begin END N RATE: every device of host a begins
begin() {
	if [ "$1" = swan ]; then
		seq "$2" | xargs -P 4 -I{} env STRONGSWAN_CONF="$W/a/swan/strongswan.conf" SWANCTL_DIR="$W/a/swan" nice $SWANCTL \
			--initiate --uri "unix://$W/a/swan/vici" --child "net-{}" --timeout 8 >/dev/null 2>&1
	else
		on a "$HANDSHAKES" knock "$2" --rate "$3"
	fi
}
# finish_all END N: every device of host a says goodbye
finish_all() {
	if [ "$1" = swan ]; then
		seq "$2" | xargs -P 4 -I{} env STRONGSWAN_CONF="$W/a/swan/strongswan.conf" SWANCTL_DIR="$W/a/swan" nice $SWANCTL \
			--terminate --uri "unix://$W/a/swan/vici" --ike "c-{}" --timeout 8 >/dev/null 2>&1
	else
		dietvpn a down home >/dev/null
	fi
	sleep 1
}

# --- what is measured -------------------------------------------------------------------------------------------------
cost() { # END
	local end=$1 a0 b0 a1 b1 b2 ma mb n
	SWAN="cookie_threshold = 0
		block_threshold = 0"
	start b "$end" "$N"
	start a "$end" "$N"
	sleep 1
	a0=$(cpu_us a "$end") b0=$(cpu_us b "$end") ma=$(memory a "$end") mb=$(memory b "$end")
	begin "$end" "$N" "$RATE"
	sleep 1
	a1=$(cpu_us a "$end") b1=$(cpu_us b "$end")
	ma=$(($(memory a "$end") - ma)) mb=$(($(memory b "$end") - mb))
	n=$(held b "$end")
	b2=$(cpu_us b "$end")
	finish_all "$end" "$N"
	b2=$(($(cpu_us b "$end") - b2))
	echo "bench=ike what=cost end=$end devices=$N held=$n cpu_ms_initiator=$(per $((a1 - a0)) "$n" 1000)" \
		"cpu_ms_responder=$(per $((b1 - b0)) "$n" 1000) cpu_ms_responder_delete=$(per $b2 "$n" 1000) left=$(held b "$end") kB_initiator=$(per $ma "$n" 1) kB_responder=$(per $mb "$n" 1)"
	stop a "$end"
	stop b "$end"
}
bytes() { # END
	local end=$1 kind
	for kind in usual smallest; do
		if [ "$end" = diet ] && [ $kind = smallest ]; then SHORT=1 PEER='Encap = raw\nNatDetection = no\nExchange = x25519\nPrf = sha256\n'; else SHORT='' PEER=''; fi
		[ "$end" = swan ] && [ $kind = smallest ] && continue
		start b "$end" 1
		start a "$end" 1
		capture a out0 bytes udp
		begin "$end" 1 10
		sleep 1
		capture_stop bytes
		echo "bench=ike what=bytes end=$end proposal=$kind $("$HANDSHAKES" sizes "$W/bytes.pcap")"
		stop a "$end"
		stop b "$end"
	done
	SHORT='' PEER=''
}
# flooded END NAME RATE FLOOD-OPTIONS...: honest devices of dietvpnd, or of strongSwan where there is no plugin
flooded() {
	local end=$1 name=$2 rate=$3 n=$((HONEST_RATE * FLOOD_S)) b0 b1 m0 sent devices=diet
	shift 3
	[ -e "$B/keying/ikev2.so" ] || devices=swan
	SWAN=
	start b "$end" "$n"
	start a $devices "$n"
	sleep 0.5
	# the far end of a veth works in the time of who sends: where nobody reads the answers they go at its door
	case " $* " in *' -k '* | *' -C '*) ;; *) deaf ;; esac
	capture a out0 honest udp
	b0=$(cpu_us b "$end") m0=$(memory b "$end")
	echo '{}' >"$W/flood.out"
	[ "$rate" = 0 ] || background flood f "$TOOLS/ikeflood" -d 198.18.0.2 -S 10.202.0.0/16 -r "$rate" -t $((FLOOD_S + 2)) "$@"
	sleep 1
	begin $devices "$n" $HONEST_RATE
	wait_for $((FLOOD_S + 6)) grep -qE '^\{' "$W/flood.out"
	[ "$rate" = 0 ] || background_stop flood
	b1=$(cpu_us b "$end")
	sleep 2
	capture_stop honest
	sent=$(field "$W/flood.out" sent)
	echo "bench=ike what=flood end=$end devices=$devices kind=$name rate=$rate sent=${sent:-0} amplification=$(field "$W/flood.out" amplification)" \
		"cookies_echoed=$(field "$W/flood.out" cookies_echoed) cpu_us_per_packet=$(per $((b1 - b0)) "${sent:-0}" 1)" \
		"memory_growth_kB=$(($(memory b "$end") - m0)) held=$(held b "$end")" \
		"$("$HANDSHAKES" times "$W/honest.pcap" --by-spi --limit 8 --expect "$n")"
	on f nft delete table inet deaf 2>/dev/null
	stop a $devices
	stop b "$end"
}
deaf() {
	on f nft -f - <<-NFT
		table inet deaf {
			chain in {
				type filter hook prerouting priority raw
				udp sport 500 drop
			}
		}
	NFT
}
flood() { # END
	local one
	for one in "none 0" "init 30000" "auth 5000 -m auth" "garbage 5000 -m garbage,short,badver,noprop,badgrp -k" "botnet 2000 -C 100" "botnet 5000 -C 100"; do
		case " ${KINDS:-${one%% *}} " in *" ${one%% *} "*) flooded "$1" $one ;; esac
	done
}

# --- run --------------------------------------------------------------------------------------------------------------
net_pair
namespace f
ip -n "$P-f" link add out0 type veth peer name flood0 netns "$P-b"
ip -n "$P-f" addr add 198.18.0.1/24 dev out0
ip -n "$P-b" addr add 198.18.0.2/24 dev flood0
ip -n "$P-f" link set out0 up
ip -n "$P-b" link set flood0 up
ip -n "$P-b" route add 10.202.0.0/16 via 198.18.0.1
# the sources are the flood's own: answers arrive, and no port is called unreachable
on f ip route add local 10.202.0.0/16 dev lo
on f nft -f - <<-NFT
	table inet quiet {
		chain out {
			type filter hook output priority 0
			meta l4proto { icmp, ipv6-icmp } drop
		}
	}
NFT
on a ip route add local 10.64.0.0/16 dev lo
echo "bench=ike cpus=$(nproc) load=$(cut -d' ' -f1 /proc/loadavg)"
for what in "${whats[@]}"; do
	for end in "${ends[@]}"; do
		if [ "$end" = swan ] && [ ! -x $CHARON ]; then echo "skipped: strongSwan is missing"; continue; fi
		if [ "$end" = diet ] && [ ! -e "$B/keying/ikev2.so" ]; then echo "skipped: the plugin ikev2 is not built"; continue; fi
		$what "$end"
	done
done
[ "$fails" = 0 ]
