#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rough handling: storms of reloads, of down and up and of connections, kill -9 in the middle of them, the device deleted, the
# wire and its address gone, the peer away, the wall clock set, the state folder removed, no descriptors left. The daemon
# does not crash, leaks nothing in the clear, uses no nonce twice and does not spin.
#
# `up` opens the TUN device after privileges are dropped: on a machine where only root may, the daemon stays root here.
[ "$(stat -c %a /dev/net/tun 2>/dev/null)" = 666 ] || USERNAME_FOR_DAEMON=root
. "$(dirname "$0")/lib.sh"
net_pair
ip -n "$P-a" route add default via 192.0.2.2
ip -n "$P-a" -6 route add default via 2001:db8::2
DST=fd00:d1e7::2
alive() { kill -0 "$(daemon_pid a)" 2>/dev/null && dietvpn a sa >/dev/null; }
works() { # TEXT
	check "$1: the daemon answers" alive
	check "$1: ping" wait_for 8 on a ping -c 1 -W 1 "$DST"
}
ticks() { awk '{print $14 + $15}' "/proc/$(daemon_pid a)/stat"; }
calm() { # TEXT: less than a third of a processor, beside the stream; a daemon that is gone is not calm
	local before after
	before=$(ticks 2>/dev/null)
	sleep 1
	after=$(ticks 2>/dev/null)
	if [ -z "$before" ] || [ -z "$after" ]; then bad "$1: the daemon is gone"; return; fi
	if [ $((after - before)) -lt 33 ]; then ok "$1: $((after - before)) % of a processor"; else bad "$1: $((after - before)) % of a processor"; fi
}
tunnel || finish
capture b out0 wire
background stream a "$TOOLS/udpseq" send "$DST" 7000 300 600 64
works "at the start"

echo "== SIGHUP, 300 times"
for i in $(seq 300); do kill -HUP "$(daemon_pid a)"; done
works "after the storm"
calm "after the storm"

echo "== 1,000 connections, and some that say nothing, half a frame or nonsense"
cat >"$W/connect.py" <<-'PY'
	import socket, sys
	path = sys.argv[1]
	held = []
	for i in range(1000):
	    s = socket.socket(socket.AF_UNIX)
	    s.settimeout(2)
	    try:
	        s.connect(path)
	        s.send([b"", b"\0\0", b"\0\0\1\0\xa1", b"\xff\xff\xff\xff", b"\0\0\0\3abc"][i % 5] or b"")
	    except OSError:
	        pass
	    held.append(s)
	    if i % 3 == 0:
	        held.pop(0).close()
PY
if command -v python3 >/dev/null; then
	background connect a python3 "$W/connect.py" "$W/a/run/control.sock"
	wait "$(cat "$W/bg-connect.pid")"
	works "after the connections"
	calm "after the connections"
else
	echo "     not tried: no python3"
fi

echo "== down and up, 20 times"
# what `down` takes away on purpose is kept in by the test itself: the capture is about what the daemon lets out
ip -n "$P-a" -6 route add unreachable "$DST/128" metric 4100000000
for i in $(seq 20); do
	dietvpn a down home >"$W/out" 2>&1 || { bad "down $i"; cat "$W/out"; }
	dietvpn a up home >"$W/out" 2>&1 || { bad "up $i"; cat "$W/out"; }
done
works "after the storm"

echo "== kill -9 in the middle of down, up and start"
for i in 1 2 3 4 5 6; do
	{ dietvpn a down home; dietvpn a up home; } >/dev/null 2>&1 &
	storm=$!
	sleep 0.0$((RANDOM % 8 + 1))
	daemon_kill a
	wait $storm
	NOWAIT=1 daemon a
	sleep 0.0$((RANDOM % 8 + 1))
	daemon_kill a
	daemon a || bad "does not start again"
done
dietvpn a up home >/dev/null 2>&1
works "after the kills"
ip -n "$P-a" -6 route del unreachable "$DST/128" metric 4100000000

echo "== the device deleted"
ip -n "$P-a" link del diet0
sleep 0.3
check "the daemon answers" alive
calm "without its device"
dietvpn a status >"$W/status" 2>&1
has "status says what to do" 'TUN device is gone; .*up' "$W/status"
check "up again, under the guards that still stand" dietvpn a up home
refuse "and once only" dietvpn a up home
works "with a new device"

echo "== the wire down and up, its address gone and back, the peer away"
ip -n "$P-a" link set out0 down
calm "with the wire down"
ip -n "$P-a" link set out0 up
ip -n "$P-a" addr add 2001:db8::1/64 dev out0 nodad 2>/dev/null
ip -n "$P-a" route replace default via 192.0.2.2
ip -n "$P-a" -6 route replace default via 2001:db8::2
works "wire up"
ip -n "$P-a" addr del 192.0.2.1/24 dev out0
calm "without an address"
ip -n "$P-a" addr add 192.0.2.1/24 dev out0
ip -n "$P-a" route replace default via 192.0.2.2
works "address back"
daemon_stop b
calm "while the peer's port is closed"
daemon b || bad "b does not start"
works "peer back"
ip -n "$P-a" route add unreachable 192.0.2.2/32
calm "while the peer cannot be reached"
ip -n "$P-a" route del unreachable 192.0.2.2/32
works "way back"

echo "== the state folder removed under the daemon"
rm -rf "$W/a/state"
check "the daemon answers" alive
calm "without its folder"
daemon_stop a
install -d -m 0700 -o "$USERNAME_FOR_DAEMON" "$W/a/state"
daemon a || bad "does not start"
refuse "the next life does not send with numbers that nobody knows" on a ping -c 2 -i 0.2 -W 1 "$DST"
daemon_stop a
capture_stop wire
background_stop stream
same "inner packets in the clear on the wire" 0 "$(packets wire 'udp port 7000 or net fd00:d1e7::/64')"
at_least "ESP packets there" 1000 "$(packets wire 'udp port 4500')"

echo "== 24 descriptors: fewer than it needs; 28: enough, until clients that say nothing hold them"
tunnel_down
keys "$(key_octets "$CIPHER")"
conf a; conf b; own
NOFILE=24 daemon a
check "with 24: the daemon answers" alive
refuse "with 24: keys without a record send nothing" on a ping -c 1 -W 1 "$DST"
calm "with 24"
check "with 24: the daemon still answers" alive
daemon_stop a
tunnel_down
NOFILE=28 tunnel || finish
works "with 28"
if command -v python3 >/dev/null; then
	cat >"$W/hold.py" <<-'PY'
		import socket, sys, time
		held = []
		for i in range(60):
		    for path in sys.argv[1:]:
		        s = socket.socket(socket.AF_UNIX)
		        s.setblocking(False)
		        try:
		            s.connect(path)
		        except OSError:
		            pass
		        held.append(s)
		time.sleep(4)
	PY
	background hold a python3 "$W/hold.py" "$W/a/run/control.sock" "$W/a/run/status.sock"
	sleep 0.5
	kill -HUP "$(daemon_pid a)"
	calm "with all of them held"
	check "the tunnel goes on" on a ping -c 3 -i 0.1 -W 1 "$DST"
	wait "$(cat "$W/bg-hold.pid")"
	works "after the clients went"
fi
nonces_unique
finish
