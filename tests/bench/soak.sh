#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Half an hour at full rate with mixed sizes, reloads and rekeys: memory flat, descriptors equal, no queue stuck, and the
# counters of both ends add up to the packet. As root, on a release build:
#
#   DIETVPN_BINARY_DIR=build/release [OFFLOAD=off] tests/bench/soak.sh [SECONDS] [CIPHER]      1800, chacha20-poly1305
#
# Under load: TCP both ways with changing MSS, UDP of 64 to 1400 octets one by one and in bursts (UDP_SEGMENT), pings, IPv4
# and IPv6 inside. Meanwhile reloads, a third peer that comes and goes, new keys for both ends every 20 s, and, with
# offload, the tunnel taken down and up. MEMORY=print does not judge memory (a sanitizer build keeps what was freed).
#
# What the kernel lost between the two sockets it counts in buffers: with offload one of them holds 1 to 64 packets, and
# the sum is judged within these bounds; with OFFLOAD=off it has to be exact.
DIETVPN_BINARY_DIR=${DIETVPN_BINARY_DIR:-$(dirname "$0")/../../build/release}
. "$(dirname "$0")/../netns/lib.sh"
SECONDS_IN_ALL=${1:-1800} CIPHER=${2:-chacha20-poly1305} COMPRESS=link MEMORY=${MEMORY:-judge}
INTERVAL=$((SECONDS_IN_ALL >= 1800 ? 10 : SECONDS_IN_ALL / 180 + 1))
PORT_UDP=7001
for tool in iperf3 ping ss; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done

# --- configuration: epoch is the number of the keys in use
epoch=0
new_keys() {
	local octets name side
	octets=$(key_octets "$CIPHER")
	for name in a-to-b-4 b-to-a-4 a-to-b-6 b-to-a-6; do
		head -c "$octets" /dev/urandom | base64 -w0 >"$W/new"
		for side in a b; do
			mkdir -p "$W/$side/etc/keys" "$W/$side/etc/home.d" "$W/$side/state" "$W/$side/run"
			install -m 0600 "$W/new" "$W/$side/etc/keys/$name-$epoch.key"
			rm -f "$W/$side/etc/keys/$name-$((epoch - 2)).key"
		done
	done
}
conf_peer() { # ME OTHER MINE THEIRS FAMILY PREFIX: compression needs one family a peer
	cat <<-CONF
		[Peer "$2$5"]
		Keying   = manual
		Endpoint = 192.0.2.$4
		Address  = $6$4
		Local    = $6$3
		Cipher   = $CIPHER
		Compress = $COMPRESS
		OutSpi   = $(printf '0x%d%d%06x' "$3" "$5" $((epoch * 2 + $5 / 6 + 0x1100)))
		OutKey   = keys/$1-to-$2-$5-$epoch.key
		InSpi    = $(printf '0x%d%d%06x' "$4" "$5" $((epoch * 2 + $5 / 6 + 0x1100)))
		InKey    = keys/$2-to-$1-$5-$epoch.key
	CONF
}
conf_soak() { # ME OTHER MINE THEIRS
	{
		cat <<-CONF
			[Interface]
			Name     = diet0
			Address  = fd00:d1e7::$3/64, 10.9.0.$3/24
			Offload  = $OFFLOAD
		CONF
		conf_peer "$@" 6 fd00:d1e7::
		conf_peer "$@" 4 10.9.0.
	} >"$W/$1/etc/home.conf.new"
	mv "$W/$1/etc/home.conf.new" "$W/$1/etc/home.conf"
}
next_keys() { epoch=$((epoch + 1)); new_keys; conf_soak a b 1 2; conf_soak b a 2 1; own; }
fresh_keys() {
	local of
	for of in "a b4" "a b6" "b a4" "b a6"; do
		dietvpn ${of% *} sa fresh-key ${of#* } >"$W/out" 2>&1 || bad "fresh-key on ${of% *}: $(tail -n 1 "$W/out")"
	done
}
reload() { dietvpn "$1" reload >"$W/out" 2>&1 || bad "reload on $1: $(tail -n 1 "$W/out")"; }
rekey() { next_keys; reload a; reload b; fresh_keys; }
third_peer() { # SIDE MINE: comes, or goes when it is there; its keys are declared once
	local file=$W/$1/etc/home.d/c.conf key
	if [ -f "$file" ]; then rm "$file"; reload "$1"; return; fi
	cat >"$file" <<-CONF
		[Peer "c"]
		Keying   = manual
		Endpoint = 192.0.2.99
		Address  = fd00:d1e7::c
		Local    = fd00:d1e7::$2
		Cipher   = $CIPHER
		Compress = $COMPRESS
		OutSpi   = 0x71424344
		OutKey   = keys/c-out.key
		InSpi    = 0x71525354
		InKey    = keys/c-in.key
	CONF
	if [ ! -f "$W/$1/etc/keys/c-in.key" ]; then
		for key in c-out c-in; do
			head -c "$(key_octets "$CIPHER")" /dev/urandom | base64 -w0 >"$W/new"
			install -m 0600 "$W/new" "$W/$1/etc/keys/$key.key"
		done
		own; reload "$1"
		dietvpn "$1" sa fresh-key c >/dev/null 2>&1 || bad "fresh-key of c on $1"
		return
	fi
	own; reload "$1"
}
down_up() { dietvpn "$1" down home >/dev/null 2>&1 || bad "down on $1"; dietvpn "$1" up home >"$W/out" 2>&1 || bad "up on $1: $(tail -n 1 "$W/out")"; }

# --- load
going() { [ ! -f "$W/stop" ]; }
tcp_load() { # FROM TO ADDRESS PORT [IPERF_ARGUMENT...]: again and again, each time with another MSS
	local from=$1 to=$2 address=$3 port=$4 mss=1340
	shift 4
	while going; do
		timeout 40 ip netns exec "$P-$to" iperf3 -s -1 -p "$port" >/dev/null 2>&1 &
		sleep 0.3
		timeout 35 ip netns exec "$P-$from" iperf3 -c "$address" -p "$port" -t 15 -M $mss "$@" >"$W/tcp-$port" 2>&1
		awk '/receiver/ && !/SUM/ {n++; for (i = 1; i <= NF; i++) if ($i ~ /bits\/sec/) print $(i - 1), $i} END {if (!n) print "none"}' \
			"$W/tcp-$port" >>"$W/tcp.rates"
		mss=$(((mss * 7 + 311) % 1240 + 100))
		kill $! 2>/dev/null
		wait $! 2>/dev/null
	done
}
udp_load() { # FROM ADDRESS PPS MIN MAX [burst N]
	local from=$1 address=$2
	shift 2
	while going; do
		ip netns exec "$P-$from" "$TOOLS/udpload" send "$address" $PORT_UDP "$1" 10 "$2" "$3" ${4:+"$4" "$5"} >>"$W/udp.$from" 2>&1
		sleep 0.1
	done
}
start_load() {
	local side n
	for side in a b; do
		background "sink-$side" $side "$TOOLS/udpload" sink $PORT_UDP
		if [ $side = a ]; then n=2; else n=1; fi
		background "ping4-$side" $side ping -q -i 0.02 -s 200 10.9.0.$n
		background "ping6-$side" $side ping -q -i 0.02 -s 1200 fd00:d1e7::$n
		udp_load $side fd00:d1e7::$n 8000 64 1400 &
		udp_load $side 10.9.0.$n 4000 64 64 &
		udp_load $side fd00:d1e7::$n 8000 64 1300 burst 40 &
		udp_load $side 10.9.0.$n 4000 200 1300 burst 24 &
	done
	tcp_load a b fd00:d1e7::2 5201 -P 2 &
	tcp_load b a 10.9.0.1 5202 -P 2 &
	tcp_load a b 10.9.0.2 5203 --bidir &
}
# Everything in the two namespaces that is no daemon of ours.
stop_load() {
	local side pid
	touch "$W/stop"
	for side in a b; do
		for pid in $(ip netns pids "$P-$side"); do
			[ "$pid" = "$(daemon_pid $side)" ] || kill -TERM "$pid" 2>/dev/null
		done
	done
	sleep 1
	for side in a b; do
		for pid in $(ip netns pids "$P-$side"); do
			[ "$pid" = "$(daemon_pid $side)" ] || kill -KILL "$pid" 2>/dev/null
		done
	done
	rm -f "$W"/bg-*.pid
}

# --- what is counted
descriptors() { find "/proc/$(daemon_pid "$1")/fd" -mindepth 1 | wc -l; }
ticks() { awk '{print $14 + $15}' "/proc/$(daemon_pid "$1")/stat"; }
# private and resident kB, and of the private ones those of the heap: the rest are buffers, touched when first needed
memory() {
	awk '/^[0-9a-f]+-/ {heap = $NF == "[heap]"} /^Private_/ {p += $2; if (heap) h += $2} /^Rss/ {r += $2} END {print p, r, h + 0}' \
		"/proc/$(daemon_pid "$1")/smaps"
}
# "name count" lines of one daemon: every reason, and taken and received
counters() {
	dietvpn "$1" --json drops | grep -oE '"(name|count|taken|received)": *"?[a-z0-9-]+' | tr -d '": ' | awk '
		sub(/^taken/, "taken ") || sub(/^received/, "received ") {print; next}
		sub(/^name/, "") {name = $0} sub(/^count/, "") {count = $0} name != "" && count != "" {print name, count; name = count = ""}'
}
link_counter() { ip netns exec "$P-$1" cat "/sys/class/net/$2/statistics/$3" 2>/dev/null || echo 0; }
# What the kernel of SIDE lost of what the other end sent: by the socket, by the wire, by IP
lost_by_kernel() { # FROM TO
	local sockets ip
	sockets=$(on "$2" cat /proc/net/udp | awk '$2 ~ /:1194$/ {n += $NF} END {print n + 0}') # 4500
	ip=$(for side in "$1 OutDiscards" "$2 InDiscards" "$2 ReasmFails"; do
		on "${side% *}" awk -v name="${side#* }" '/^Ip:/ && !split_done {n = split($0, head); split_done = 1; next}
			/^Ip:/ {for (i = 2; i <= n; i++) if (head[i] == name) print $i}' /proc/net/snmp
	done | awk '{s += $1} END {print s + 0}')
	echo "sockets $sockets wire $(($(link_counter "$1" out0 tx_dropped) + $(link_counter "$2" out0 rx_dropped))) ip $ip"
}
snapshot() { # NAME: of both ends
	local side
	for side in a b; do
		counters $side >"$W/$1.$side"
		echo "tun-tx $(link_counter $side diet0 tx_packets)" >>"$W/$1.$side"
	done
	lost_by_kernel a b >"$W/$1.a-to-b"
	lost_by_kernel b a >"$W/$1.b-to-a"
}
is_quiet() { snapshot now0; sleep 0.7; snapshot now1; cmp -s "$W/now0.a" "$W/now1.a" && cmp -s "$W/now0.b" "$W/now1.b"; }
quiet() { wait_for 20 is_quiet || bad "the ends do not fall silent: $(diff "$W/now0.a" "$W/now1.a" "$W"/now?.b 2>/dev/null | head -n 4)"; }
# since SIDE NAME: how much the counter grew from snapshot start to snapshot end
since() { awk -v n="$2" 'FNR == 1 {file++} $1 == n {v[file] = $2} END {print v[2] - v[1]}' "$W/start.$1" "$W/end.$1"; }
sum_since() { local side=$1 name s=0; shift; for name in "$@"; do s=$((s + $(since "$side" "$name"))); done; echo $s; }

OUT_ONLY="too-big no-policy discard no-sa no-fit seq-wait seq-overflow no-endpoint send-queue send-unreachable tun-segment"
BEFORE="keepalive too-long" # ended before they were counted as received
# Of these one cannot say in which direction it was: none may come up.
EITHER="ip-short ip-version ip-header ip-chain transport-short lifetime sa-state crypto no-buffer"
reasons() { awk '$1 != "taken" && $1 != "received" && $1 != "tun-tx" {print $1}' "$W/end.$1"; }
sent() { echo $(($(since "$1" taken) - $(sum_since "$1" $OUT_ONLY))); }
balance_inside() {
	local in all
	in=$(($(since "$1" taken) + $(since "$1" received) + $(sum_since "$1" $BEFORE)))
	all=$(sum_since "$1" $(reasons "$1"))
	same "$1: taken and received = passed and dropped" "$in" "$all"
	same "$1: drops of which the direction is not known" 0 "$(sum_since "$1" $EITHER)"
	[ "$OFFLOAD" = off ] && same "$1: taken = what the kernel says that the TUN gave" "$(since "$1" tun-tx)" "$(since "$1" taken)"
	for name in $(reasons "$1"); do echo "$name $(since "$1" "$name")"; done | awk -v side="$1" '$2 != 0 {printf "     %s: %s %s\n", side, $1, $2}'
}
balance_wire() { # FROM TO
	local lost kernel detail
	lost=$(($(sent "$1") - $(since "$2" received) - $(sum_since "$2" $BEFORE)))
	kernel=$(awk 'FNR == 1 {f++} {n = $2 + $4 + $6; v[f] = n} END {print v[2] - v[1]}' "$W/start.$1-to-$2" "$W/end.$1-to-$2")
	detail="sent $(sent "$1"), received $(since "$2" received), missing $lost, the kernel counts $kernel buffers lost"
	if [ "$OFFLOAD" = off ] || [ "$kernel" = 0 ]; then
		same "$1 to $2: $detail; packets lost" "$kernel" "$lost"
	elif [ "$lost" -ge "$kernel" ] && [ "$lost" -le $((kernel * 64)) ]; then
		ok "$1 to $2: $detail"
	else
		bad "$1 to $2: $detail"
	fi
}

sample() {
	local side
	for side in a b; do
		echo "$elapsed $(memory $side) $(descriptors $side) $(ticks $side) $(counters $side | awk '$1 ~ /^(taken|received|passed)$/ {printf "%s ", $2}')" \
			>>"$W/samples.$side"
		tail -n 1 "$W/samples.$side" | sed "s/^/     $side t private_kb rss_kb heap_kb fds ticks taken received passed: /"
	done
}
median_of() { # SIDE FIELD FROM TO: of the samples between two moments
	awk -v f="$2" -v from="$3" -v to="$4" '$1 >= from && $1 <= to {print $f}' "$W/samples.$1" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)] + 0}'
}
judge_memory() {
	local early late allowed field
	early=$(median_of "$1" 2 $((SECONDS_IN_ALL / 10)) $((SECONDS_IN_ALL / 5)))
	late=$(median_of "$1" 2 $((SECONDS_IN_ALL * 9 / 10)) $((SECONDS_IN_ALL * 2)))
	allowed=$((early * 3 / 100 > 200 ? early * 3 / 100 : 200))
	for field in 2:private 4:heap 3:resident; do
		printf '     %s: %s kB after a tenth %s, at the end %s\n' "$1" "${field#*:}" \
			"$(median_of "$1" "${field%:*}" $((SECONDS_IN_ALL / 10)) $((SECONDS_IN_ALL / 5)))" \
			"$(median_of "$1" "${field%:*}" $((SECONDS_IN_ALL * 9 / 10)) $((SECONDS_IN_ALL * 2)))"
	done
	[ "$MEMORY" = judge ] || return 0
	if [ $((late - early)) -le $allowed ]; then ok "$1: memory is flat"; else bad "$1: memory grew by $((late - early)) kB, $allowed allowed"; fi
}

# --- the run
net_pair
next_keys
: >>"$W/seal.log"; chmod 666 "$W/seal.log"
daemon a || { bad "a does not start"; finish; }
daemon b || { bad "b does not start"; finish; }
fresh_keys
for address in fd00:d1e7::2 10.9.0.2; do check "ping $address" wait_for 5 on a ping -c 1 -W 1 $address; done
quiet
fds_a=$(descriptors a) fds_b=$(descriptors b)
snapshot start
echo "bench=soak seconds=$SECONDS_IN_ALL cipher=$CIPHER offload=$OFFLOAD cpus=$(nproc) load=$(cut -d' ' -f1 /proc/loadavg)"
started=$(date +%s)
start_load
rekeys=0 reloads=0 downs=0 next_sample=0
for ((turn = 1; ; turn++)); do
	sleep 1
	elapsed=$(($(date +%s) - started))
	[ $elapsed -lt "$SECONDS_IN_ALL" ] || break
	if [ $elapsed -ge $next_sample ]; then sample; next_sample=$((next_sample + INTERVAL)); fi
	case $((turn % 20)) in
	3 | 11) third_peer a 1; reloads=$((reloads + 1)) ;;
	7 | 15) third_peer b 2; reloads=$((reloads + 1)) ;;
	5) reload a; reload b; kill -HUP "$(daemon_pid a)" "$(daemon_pid b)"; reloads=$((reloads + 4)) ;;
	18) rekey; rekeys=$((rekeys + 1)) ;;
	esac
	if [ "$OFFLOAD" != off ] && [ $((turn % 150)) = 100 ]; then down_up $([ $((downs % 2)) = 0 ] && echo a || echo b); downs=$((downs + 1)); fi
done
sample
stop_load
quiet
snapshot end
echo "     $rekeys rekeys, $reloads further reloads, $downs times down and up"
echo "     TCP streams of 15 s: $(grep -c bits "$W/tcp.rates") ended, $(grep -c none "$W/tcp.rates") broken off; lowest and highest rate: $(awk '/bits/ {m = $1 * ($2 ~ /^G/ ? 1000 : $2 ~ /^K/ ? 0.001 : 1); print m}' "$W/tcp.rates" | sort -n | sed -n '1p;$p' | tr '\n' ' ')Mbit/s"
for side in a b; do
	echo "     $side: CPU $(awk -v hz="$(getconf CLK_TCK)" -v s="$SECONDS_IN_ALL" 'NR == 1 {t = $6} END {printf "%.2f", ($6 - t) / hz / s}' "$W/samples.$side") of a processor"
	judge_memory $side
	balance_inside $side
done
same "descriptors of a" "$fds_a" "$(descriptors a)"
same "descriptors of b" "$fds_b" "$(descriptors b)"
balance_wire a b
balance_wire b a
for address in fd00:d1e7::2 10.9.0.2; do check "a pings $address at once" on a ping -c 3 -i 0.1 -W 1 $address; done
for address in fd00:d1e7::1 10.9.0.1; do check "b pings $address at once" on b ping -c 3 -i 0.1 -W 1 $address; done
for side in a b; do same "octets in the socket queues of $side" 0 "$(on $side ss -Huan sport = :4500 | awk '{n += $2 + $3} END {print n + 0}')"; done
at_least "packets that a sent" $((SECONDS_IN_ALL * 1000)) "$(sent a)"
at_least "packets that b sent" $((SECONDS_IN_ALL * 1000)) "$(sent b)"
[ -s "$W/seal.log" ] && nonces_unique
finish
