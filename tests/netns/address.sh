#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our own inner address changes, within its subnet: by reload and by a restart. The device has the new one only, the
# route is there and names it, and traffic goes on; an IPv4 subnet's first address takes the others along when it goes.
. "$(dirname "$0")/lib.sh"
net_pair

inner() { if [ "$INNER" = 4 ]; then echo "10.9.0.$1"; else echo "fd00:d1e7::$1"; fi; }
has_only() { # last digits
	same "a's addresses" "$(inner "$1")/" "$(on a ip -o addr show dev diet0 scope global | grep -oE 'inet6? [^ ]*/' | cut -d' ' -f2 | xargs)"
	check "the route names it" on a sh -c "ip -$INNER route show proto 215 | grep -v unreachable | grep 'src $(inner "$1") '"
}
renumber() { # last digits
	sed -i "s|^Address  = $(inner '[0-9]*')/|Address  = $(inner "$1")/|" "$W/a/etc/home.conf"
	sed -i "s|^Address  = $(inner '[0-9]*')\$|Address  = $(inner "$1")|" "$W/b/etc/home.conf"
}

for INNER in 4 6; do
	tunnel || finish
	check "ping" wait_for 5 on a ping -c 1 -W 1 "$(inner 2)"
	for n in 77 1; do
		echo "== IPv$INNER, reload with address $n"
		renumber $n
		check "reload of a" dietvpn a reload
		check "reload of b" dietvpn b reload
		has_only $n
		check "ping at once" on a ping -c 1 -W 1 "$(inner 2)"
	done
	echo "== IPv$INNER, restart with address 78"
	daemon_stop a
	renumber 78
	daemon a
	check "reload of b" dietvpn b reload
	has_only 78
	check "ping" wait_for 5 on a ping -c 1 -W 1 "$(inner 2)"
	tunnel_down
done
nonces_unique
finish
