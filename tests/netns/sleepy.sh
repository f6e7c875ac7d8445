#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device that wakes, sends and sleeps, behind a NAT:  a 10.77.0.2 --- 10.77.0.1 [n: masquerade] 192.0.2.254 --- 192.0.2.2 b
# It goes on under its SAs with another address and port and no message of IKE; or it ends them and starts over. The gateway
# does not ask after it nor rekey. What each wake costs is counted at the device.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
for tool in tcpdump nft python3; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done
net_nat
remap() { # PORTS: what was mapped before is forgotten
	nat "$1"
	ip -n "$P-n" link set out0 down; ip -n "$P-n" link set out0 up
}
ends() { # SLEEPY: the lines of the gateway about the device
	local side name other inner theirs
	for side in a b; do
		mkdir -p "$W/$side/etc/keys" "$W/$side/state" "$W/$side/run"
		install -m 0600 "$W/psk.key" "$W/$side/etc/keys/psk"
		if [ $side = a ]; then name=s7 other=gw inner=7 theirs=1; else name=gw other=s7 inner=1 theirs=7; fi
		cat >"$W/$side/etc/home.conf" <<-CONF
			[Interface]
			Name     = diet0
			Address  = fd00:d1e7::$inner/64
			Id       = $name
			[Peer "$other"]
			Keying   = ikev2
			Role     = $([ $side = a ] && echo initiator || echo responder)
			Address  = fd00:d1e7::$theirs
			Allow    = udp 5683 from 5683
			Cipher   = chacha20-poly1305-iiv, chacha20-poly1305
			Exchange = x25519
			Prf      = sha256
			Compress = iot
			Fallback = no
			Psk      = keys/psk
			$([ $side = a ] && printf 'Endpoint = 192.0.2.2\nLiveness = 1h\nRetransmission = lossy' || echo "$1")
		CONF
	done
	own
}
post() { on a python3 "$here/pairs.py" post fd00:d1e7::7 fd00:d1e7::1 "$@"; }
# wake NAME STEP...: what the steps cost at the device: "IKE messages, octets of UDP payload; others, octets"
wake() {
	local name=$1 step
	shift
	capture a out0 "$name" "udp port 500 or udp port 4500"
	for step; do $step || bad "$name: $step"; done
	capture_stop "$name"
	python3 "$here/pairs.py" cost "$W/$name.pcap" >"$W/$name.cost"
	echo "     $name: IKE messages, octets, ESP packets, octets: $(cat "$W/$name.cost")"
}
cost() { cut -d' ' -f"$2" "$W/$1.cost"; }
asleep() { kill -STOP "$(daemon_pid a)"; sleep "$1"; }
elsewhere() { ip -n "$P-a" addr del "10.77.0.$1/24" dev out0; ip -n "$P-a" addr add "10.77.0.$2/24" dev out0; ip -n "$P-a" route replace default via 10.77.0.1; }
awake() { kill -CONT "$(daemon_pid a)"; }
spis() { dietvpn b sa | awk '$3 == "s7" {print $1}' | sort | paste -sd' '; }
from_b() { packets "$1" "udp and src host 192.0.2.2"; }
asked() { capture b out0 "$1" "udp and src host 192.0.2.2"; asleep "$2"; capture_stop "$1"; awake; }

: >"$W/seal.log"; chmod 666 "$W/seal.log"
head -c 32 /dev/urandom | base64 -w0 >"$W/psk.key"
remap 20000-20999
ends "Sleepy   = yes"
daemon a && daemon b || finish
background sink b python3 "$here/pairs.py" sink
wait_for 5 grep -q listening "$W/sink.out"

echo "== the first time"
wake first post
same "IKE messages" 4 "$(cost first 1)"
same "ESP packets: POST and its answer" 2 "$(cost first 3)"
first=$(spis)
echo "== it sleeps, and nothing is sent to it"
asked silence 2
same "packets of the gateway while it slept" 0 "$(from_b silence)"
echo "== asleep, it gets another address and the NAT another port"
asleep 1; elsewhere 2 3; remap 30000-30999
wake again awake post
same "IKE messages" 0 "$(cost again 1)"
same "ESP packets" 2 "$(cost again 3)"
same "the same SAs" "$first" "$(spis)"
dietvpn b --json status >"$W/status"
has "the gateway has followed" '192\.0\.2\.254:30[0-9]{3}' "$W/status"
echo "== and the gateway has something for it while it is awake"
check "it is reached" on b timeout 3 python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.sendto(b"x", ("fd00:d1e7::7", 5683))'
rekey() { dietvpn a sa rekey gw >/dev/null; sleep 0.2; }
echo "== it has run out of the SA itself: rekeys come from the device only"
wake rekeyed "rekey" post
same "IKE messages: CREATE_CHILD_SA and D" 4 "$(cost rekeyed 1)"
echo "== it ends with D and starts over"
parted() { dietvpn a sa terminate gw >/dev/null; wait_for 3 eval '[ -z "$(spis)" ]'; }
wake parting post parted
same "IKE messages: D and its answer" 2 "$(cost parting 1)"
asleep 1; elsewhere 3 4; remap 20000-20999
wake over awake post
same "IKE messages" 4 "$(cost over 1)"
second=$(spis)
[ "$second" != "$first" ] && ok "other SAs" || bad "the SAs are the old ones"
echo "== the gateway is killed: the device notices what it sends in vain, and starts over"
daemon_kill b; daemon b
check "it is heard again" wait_for 25 post 1
same "no other rekey or question of the gateway, in all" 0 "$(dietvpn b why s7 2>/dev/null | grep -c 'INFORMATIONAL to\|CREATE_CHILD_SA to')"
echo "== without Sleepy the gateway asks"
sed -i 's/^Sleepy .*/Liveness = 2s/' "$W/b/etc/home.conf"
dietvpn b reload >/dev/null
check "it is heard again" wait_for 25 post 1
asked impatient 7
at_least "questions while it slept" 1 "$(from_b impatient)"
nonces_unique
finish
