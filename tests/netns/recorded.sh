# SPDX-License-Identifier: Apache-2.0
# What programs send, recorded between two hosts without a tunnel: what rules would have to compress.
#
#   dev fd00:d1e7::7 --- e0 ----- e0 --- fd00:d1e7::1 app
#
# Sourced after lib.sh by the tests of rules.
D=$B/bin/dietvpn
S=$(cd "$(dirname "$0")/../.." && pwd)
DEV=fd00:d1e7::7 APP=fd00:d1e7::1

recorded_pair() {
	ip netns add $P-dev && ip netns add $P-app
	ip -n $P-dev link add e0 type veth peer name e0 netns $P-app
	local end
	for end in dev:$DEV app:$APP; do
		ip -n $P-${end%%:*} addr add ${end#*:}/64 dev e0 nodad
		ip -n $P-${end%%:*} link set e0 up
		ip -n $P-${end%%:*} link set lo up
		# What the rules compare is the packet as it would enter the tunnel, checksums made.
		ip netns exec $P-${end%%:*} ethtool -K e0 tx off >/dev/null 2>&1
	done
	sleep 0.3
}

# record NAME FILTER COMMAND...: what the command sends and gets, as NAME.pcap
record() {
	local name=$1 filter=$2
	shift 2
	ip netns exec $P-dev tcpdump --immediate-mode -i e0 -U -w "$W/$name.pcap" "$filter" 2>"$W/$name.err" &
	local dump=$!
	wait_for 5 grep -q "listening on" "$W/$name.err"
	on dev "$@" >"$W/$name.out" 2>&1
	sleep 0.3
	kill $dump
	wait $dump 2>/dev/null
}

# libcoap's programs, under the names that Debian gives them; false: not installed
coap_programs() {
	server=$(command -v coap-server-notls || command -v coap-server)
	client=$(command -v coap-client-notls || command -v coap-client)
	[ -n "$server" ] && [ -n "$client" ]
}

# coap_server: libcoap's, to which a PUT adds resources
coap_server() {
	ip netns exec $P-app "$server" -A $APP -d 10 >"$W/server.log" 2>&1 &
	echo $! >"$W/server.pid"
	wait_for 5 on dev "$client" -B 1 -m get "coap://[$APP]/time"
}
