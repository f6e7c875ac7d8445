# SPDX-License-Identifier: Apache-2.0
# strongSwan as the other end, over the hosts and daemons of ../netns/lib.sh: dietvpnd is host a, strongSwan host b.
#
#   net_pair:  a 192.0.2.1 ---------------------------------------- 192.0.2.2 b
#   behind_nat: inside 10.77.0.2 -- 10.77.0.1 [n masquerades] 192.0.2.254 -- 192.0.2.x outside
#
# Inside the tunnel a is 10.9.0.1 and b 10.9.0.2, whose addresses are on its loopback. strongSwan's ESP runs in user
# space (kernel-libipsec), so the kernel needs no IPsec. In the control strongSwan is host a, too.
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"
CHARON=/usr/sbin/charon-systemd
SWANCTL=/usr/sbin/swanctl

skip() { echo "skipped: $*"; exit 77; }
swan_needed() {
	local plugin tool
	[ -x $CHARON ] || skip "strongSwan is missing (charon-systemd)"
	[ -x $SWANCTL ] || skip "strongSwan's swanctl is missing (strongswan-swanctl)"
	for plugin in kernel-libipsec chapoly ccm gcm curve25519 kdf vici; do
		[ -e /usr/lib/ipsec/plugins/libstrongswan-$plugin.so ] ||
			skip "strongSwan's plugin $plugin is missing (libcharon-extra-plugins, libstrongswan-extra-plugins)"
	done
	for tool in openssl nsenter iperf3 ping nft; do command -v $tool >/dev/null || skip "no $tool"; done
}

declare -A OUT=([a]=192.0.2.1 [b]=192.0.2.2) IN4=([a]=10.9.0.1 [b]=10.9.0.2) IN6=([a]=fd00:d1e7::1 [b]=fd00:d1e7::2)
declare -A ID=([a]=left.test [b]=right.test) OTHER=([a]=b [b]=a)
NAT_INSIDE= # the side behind the NAT

# behind_nat SIDE: that side is inside, the other sees 192.0.2.254.
behind_nat() {
	local in=$1 out=${OTHER[$1]}
	NAT_INSIDE=$in
	net_nat "$in" "${OUT[$out]}"
	OUT[$in]=10.77.0.2
	on n nft -f - <<-NFT || skip "this kernel cannot masquerade"
		table ip nat {
			chain out {
				type nat hook postrouting priority 100
				oifname "out0" masquerade random
			}
		}
	NFT
}

# raw_keys KIND: a key pair per side and a stranger's, as PEM; PKCS#8 and SubjectPublicKeyInfo.
raw_keys() {
	local name how="-algorithm ed25519"
	case $1 in rsa*) how="-algorithm rsa -pkeyopt rsa_keygen_bits:${1#rsa}" ;; esac
	for name in "$1-a" "$1-b" stranger; do
		[ -s "$W/$name.pem" ] && continue
		openssl genpkey $how -out "$W/$name.pem" 2>/dev/null
		openssl pkey -in "$W/$name.pem" -pubout -out "$W/$name.pub"
	done
}

# swan_up SIDE [LINES]: charon with its own socket and log; LINES go into its section of strongswan.conf.
# nsenter and not ip netns exec: no private mount namespace.
swan_up() {
	local side=$1 d=$W/$1/swan
	mkdir -p "$d/private" "$d/pubkey"
	chmod 700 "$d"
	cat >"$d/strongswan.conf" <<-CONF
	charon-systemd {
		load_modular = no
		load = random nonce aes sha1 sha2 hmac kdf gcm ccm chapoly curve25519 openssl gmp mgf1 pkcs1 pkcs8 pem pubkey constraints kernel-libipsec kernel-netlink socket-default vici updown
		install_virtual_ip = yes
		retransmit_tries = 3
		retransmit_timeout = 1.0
		retransmit_base = 1.5
		delete_rekeyed_delay = 1
		filelog {
			log {
				path = $d/charon.log
				time_format = %T
				flush_line = yes
				default = ${SWAN_LOG:-1}
				ike = ${SWAN_LOG:-2}
				knl = ${SWAN_LOG:-1}
			}
		}
		plugins {
			vici {
				socket = unix://$d/vici
			}
			kernel-libipsec {
				load = yes
			}
		}
		${2:-}
	}
	swanctl {
		load = random pem pkcs1 pkcs8 pubkey openssl
	}
	CONF
	STRONGSWAN_CONF=$d/strongswan.conf SWANCTL_DIR=$d \
		nsenter --net="/run/netns/$P-$side" $CHARON </dev/null >"$d/stdout" 2>&1 &
	echo $! >"$W/swan-$side.pid"
	wait_for 10 test -S "$d/vici" || { bad "strongSwan does not start"; cat "$d/stdout" "$d/charon.log"; return 1; }
}
swan_pid() { cat "$W/swan-$1.pid"; }
swan_end() { # SIGNAL SIDE
	kill "-$1" "$(swan_pid "$2")" 2>/dev/null
	wait "$(swan_pid "$2")" 2>/dev/null
	rm -f "$W/swan-$2.pid" "$W/$2/swan/vici"
}
# swan SIDE --COMMAND...: swanctl against that charon
swan() {
	local side=$1 d=$W/$1/swan
	shift
	STRONGSWAN_CONF=$d/strongswan.conf SWANCTL_DIR=$d $SWANCTL "$1" --uri "unix://$d/vici" "${@:2}"
}
swan_load() { swan "$1" --load-all --file "$W/$1/swan/swanctl.conf" >"$W/load-$1" 2>&1 || { bad "strongSwan refuses its configuration"; cat "$W/load-$1"; return 1; }; }
swan_sas() { swan "$1" --list-sas --raw >"$W/sas-$1" 2>&1; }
# swan_sa SIDE WORD...: the SA list holds every word, such as encr-alg=AES_CCM_8
swan_sa() {
	local side=$1 word
	shift
	swan_sas "$side"
	for word; do grep -qF -- "$word" "$W/sas-$side" || { echo "no $word in: $(cat "$W/sas-$side")"; return 1; }; done
}
swan_log() { cat "$W/$1/swan/charon.log"; }
# octets or packets that strongSwan counted: swan_count SIDE packets-in
swan_count() { swan_sas "$1"; grep -oE "\b$2=[0-9]+" "$W/sas-$1" | awk -F= '{s += $2} END {print s + 0}'; }
