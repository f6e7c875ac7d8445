#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dietvpnd and strongSwan: the cases of cases.conf.
#
#   ikev2.sh CASE... [initiator|responder|control]...   dietvpnd's role; control is strongSwan at both ends
#   ikev2.sh all [ROLE...]                              every case, one line each
#   ikev2.sh list                                       every case with what it shows
#
# Each role is a process of its own: 0 passed, 1 failed, 77 all skipped.
here=$(cd "$(dirname "$0")" && pwd)
cases=() roles=()
for word; do case $word in initiator | responder | control) roles+=("$word") ;; *) cases+=("$word") ;; esac; done
[ ${#roles[@]} -gt 0 ] || roles=(initiator responder)
about() { awk -F' *= *' '/^\[/ {name = substr($0, 2, length($0) - 2)} $1 == "about" {printf "%-18s %s\n", name, $2}' "$here/cases.conf"; }
# each CASE and ROLE in turn; the output of those that fail only, where QUIET is set
each() {
	local case role out result passed=77
	for case in "${cases[@]}"; do
		for role in "${roles[@]}"; do
			if [ -n "${QUIET:-}" ]; then out=$("$0" "$case" "$role" 2>&1); else "$0" "$case" "$role"; fi
			result=$?
			case $result in 0) [ $passed = 1 ] || passed=0 ;; 77) ;; *) passed=1 ;; esac
			[ -n "${QUIET:-}" ] || continue
			case $result in
			0) echo "ok   $case $role" ;;
			77) echo "     $case $role $(echo "$out" | grep -m 1 skipped)" ;;
			*) echo "FAIL $case $role"; echo "$out" | grep -v '^ok' | sed 's/^/     | /' ;;
			esac
		done
	done
	exit $passed
}
case "${cases[*]}" in
'') echo "usage: ikev2.sh CASE...|all|list [ROLE...]" >&2; exit 2 ;;
list) about; exit ;;
all) mapfile -t cases < <(about | cut -d' ' -f1); QUIET=1 each ;;
*' '*) each ;;
esac
[ ${#roles[@]} = 1 ] || each
. "$here/lib.sh"
CASE=${cases[0]} ROLE=${roles[0]}
swan_needed

# --- the stanza -------------------------------------------------------------------------------------------------------
declare -A C
stanza() {
	local line key value in=
	while IFS= read -r line; do
		case $line in
		"[$CASE]") in=1 ;;
		"["*) in= ;;
		'' | '#'*) ;;
		*)
			[ "$in" ] || continue
			key=${line%%=*} value=${line#*=}
			key=${key%"${key##*[! ]}"} value=${value#"${value%%[! ]*}"}
			C[$key]+=${C[$key]:+$'\n'}$value ;;
		esac
	done <"$here/cases.conf"
	[ ${#C[@]} -gt 0 ] || { echo "no case $CASE in cases.conf"; exit 2; }
}
# In the control b plays strongSwan's part against an initiator, a the part against a responder.
as_role() { if [ "$ROLE" != control ]; then echo "$ROLE"; elif [ "${1:-b}" = a ]; then echo responder; else echo initiator; fi; }
# one KEY [SIDE]: its value, that of the role first; all KEY [SIDE]: the lines of both
one() { local k=$1@$(as_role "${2:-b}"); if [ -v "C[$k]" ]; then echo "${C[$k]}"; else echo "${C[$1]:-}"; fi; }
all() { local k=$1@$(as_role "${2:-b}"); printf '%s\n' "${C[$1]:-}" "${C[$k]:-}" | sed '/^$/d'; }
first() { local value; for value; do [ -n "$value" ] && { echo "$value"; return; }; done; }
WRONG= # set while dietvpn's end is to be refused
wrong() { [ -z "$WRONG" ] || one "wrong.$1"; }
# mine KIND SIDE, theirs KIND SIDE: the names of key pairs, a stranger's where that is to be refused
mine() { if [ "$2" = a ] && [ -n "$(wrong own-key)" ]; then echo stranger; else echo "$1-$2"; fi; }
theirs() { if [ "$2" = a ] && [ -n "$(wrong peer-key)" ]; then echo stranger; else echo "$1-${OTHER[$2]}"; fi; }

# inner networks as SIDE sees those of WHOSE
nets() {
	local key=ts.$2 own=
	if [ "$1" = b ]; then own=$(one "swan.$key"); else own=$(wrong "$key"); [ "$ROLE" != control ] || own=$(first "$own" "$(one "mirror.$key")"); fi
	first "$own" "$(one "$key")" "${IN4[$2]}/32"
}
# what stands on SIDE's own interface
inner() { case $(one "addresses.$1") in none) ;; *) echo "${IN4[$1]}/32" $(one "addresses.$1") ;; esac; }
bracketed() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }
remote_outer() { if [ "$NAT_INSIDE" = "${OTHER[$1]}" ]; then echo %any; else echo "${OUT[${OTHER[$1]}]}"; fi; }

# --- strongSwan's end -------------------------------------------------------------------------------------------------
swan_conf() {
	local me=$1 you=${OTHER[$1]} d=$W/$1/swan auth ike esp psk ppk=
	auth=$(first "$(one auth)" psk)
	ike=$(first "$(one ike "$me")" chacha20poly1305-prfsha256-x25519)
	esp=$(first "$(one esp "$me")" chacha20poly1305)
	psk="one secret for both ends"
	if [ "$me" = a ]; then
		ike=$(first "$(wrong ike)" "$(one mirror.ike)" "$ike")
		esp=$(first "$(wrong esp)" "$(one mirror.esp)" "$esp")
		psk=$(first "$(wrong psk)" "$psk")
	fi
	mkdir -p "$d/private" "$d/pubkey"
	local mine="auth = psk" yours="auth = psk"
	if [ "$auth" != psk ]; then
		raw_keys "$auth"
		cp "$W/$(mine "$auth" "$me").pem" "$d/private/own.pem"
		cp "$W/$(mine "$auth" "$me").pub" "$d/pubkey/own.pub"
		cp "$W/$(theirs "$auth" "$me").pub" "$d/pubkey/peer.pub"
		mine=$'auth = pubkey\npubkeys = own.pub' yours=$'auth = pubkey\npubkeys = peer.pub'
	fi
	case $(all conn "$me") in *ppk_id*) ppk="ppk-shelf {
		id = shelf
		secret = \"post-quantum secret of 32 octets\"
	}" ;; esac
	cat >"$d/swanctl.conf" <<-CONF
	connections {
		home {
			version = 2
			local_addrs = ${OUT[$me]}
			remote_addrs = $(remote_outer "$me")
			proposals = $ike
			mobike = no
			send_certreq = no
			$(all conn "$me")
			local {
				id = ${ID[$me]}
				$mine
				$(all local "$me")
			}
			remote {
				id = ${ID[$you]}
				$yours
				$(all remote "$me")
			}
			children {
				net {
					local_ts = $(nets "$me" "$me")
					remote_ts = $(nets "$me" "$you")
					esp_proposals = $esp
					$(all child "$me")
				}
			}
		}
	}
	secrets {
		ike-home {
			id-l = ${ID[a]}
			id-r = ${ID[b]}
			secret = "$psk"
		}
		$ppk
	}
	$(case $(all conn "$me") in *pools*) printf 'pools {\n\tinner {\n\t\t%s\n\t}\n' "$(all pool "$me")" ;; esac)
	$(case $(all conn "$me") in *inner6*) printf '\tinner6 {\n\t\t%s\n\t}\n' "$(all pool6 "$me")" ;; esac)
	$(case $(all conn "$me") in *pools*) echo "}" ;; esac)
	CONF
}

# --- dietvpn's end ----------------------------------------------------------------------------------------------------
diet_conf() {
	local d=$W/a/etc auth peers
	mkdir -p "$d/keys" "$W/a/state" "$W/a/run"
	auth=$(first "$(one auth)" psk)
	printf '%s' "$(first "$(wrong psk)" "one secret for both ends")" >"$d/keys/psk"
	printf '%s' "post-quantum secret of 32 octets" >"$d/keys/ppk"
	if [ "$auth" != psk ]; then
		raw_keys "$auth"
		cp "$W/$(mine "$auth" a).pem" "$d/keys/own.pem"
		cp "$W/$(theirs "$auth" a).pub" "$d/keys/peer.pub"
	fi
	chmod 600 "$d"/keys/*
	peers=$(nets a b)
	cat >"$d/home.conf" <<-CONF
	[Interface]
	Name     = diet0
	Address  = $(first "$(inner a | sed 's/ /, /g')" auto)
	Id       = ${ID[a]}
	$(all interface)
	[Peer "right"]
	Keying   = ikev2
	Role     = $ROLE
	PeerId   = ${ID[b]}
	$([ "$ROLE" = responder ] || echo "Endpoint = $(bracketed "${OUT[b]}")")
	$(if [ -n "$(one addressed)" ]; then echo "Address = $peers"; else echo "Address = ${peers%%,*}"; fi)
	$([ "$peers" = "${peers#*,}" ] || [ -n "$(one addressed)" ] || echo "Routes = ${peers#*,}")
	$([ -z "$(inner a)" ] || echo "Local = $(nets a a)")
	Cipher   = $(first "$(wrong cipher)" "$(one cipher)" chacha20-poly1305)
	Compress = $(first "$(one compress)" off)
	$(if [ "$auth" = psk ]; then echo "Psk = keys/psk"; else printf 'Key = keys/own.pem\nPeerKey = keys/peer.pub\n'; fi)
	$(all peer)
	CONF
	chown -R "$USERNAME_FOR_DAEMON" "$W/a"
}

# --- up and down ------------------------------------------------------------------------------------------------------
inner_addresses() { # SIDE: strongSwan's are on the loopback
	local address
	for address in $(inner "$1"); do ip -n "$P-$1" addr replace "$address" dev lo nodad 2>/dev/null; done
}
network() {
	if [ "$(one net)" = nat ]; then
		if [ "$ROLE" = responder ]; then behind_nat b; else behind_nat a; fi
	else
		net_pair
		[ "$(one net)" != pair6 ] || OUT=([a]=2001:db8::1 [b]=2001:db8::2)
	fi
	inner_addresses b
	[ "$ROLE" != control ] || inner_addresses a
}
start_b() { swan_up b "$(all charon b)" && swan_conf b && swan_load b; }
start_a() {
	if [ "$ROLE" = control ]; then swan_up a "$(all charon a)" && swan_conf a && swan_load a; else diet_conf; daemon a; fi
}
stop_a() { if [ "$ROLE" = control ]; then swan_end TERM a; else daemon_stop a; fi; }
far_ping() { local far; far=$(nets a b); on a ping -c 1 -W 1 "${far%%/*}"; }
begin() {
	case $ROLE in
	initiator) wait_for "${1:-15}" far_ping ;;
	responder) swan b --initiate --child net --timeout "${1:-15}" ;;
	control) swan a --initiate --child net --timeout "${1:-15}" ;;
	esac
}
tcp() { wait_for 3 on a iperf3 -c "${IN4[b]}" -n "${TCP_OCTETS:-2M}" "$@"; }
crosses() {
	check "ping a to b" on a ping -c 3 -i 0.05 -W 2 "${IN4[b]}"
	check "ping b to a" on b ping -c 3 -i 0.05 -W 2 "${IN4[a]}"
	[ -n "${SERVING:-}" ] || background iperf b iperf3 -s
	SERVING=1
	check "TCP a to b" tcp
	check "TCP b to a" tcp -R
	check "strongSwan: child installed, tunnel mode" swan_sa b state=ESTABLISHED state=INSTALLED mode=TUNNEL
	[ "$ROLE" = control ] || check "dietvpn: the SAs and their counters" diet_sas
}
diet_sas() { dietvpn a sa >"$W/sas-a" && grep -q right "$W/sas-a"; }

# --- steps ------------------------------------------------------------------------------------------------------------
step_suite() { check "the IKE SA has $*" swan_sa b "encr-alg=$1" "dh-group=$2"; }
step_child() { check "the child has $1" swan_sa b "child-sas {" "encr-alg=$1"; }
step_ping() { check "ping $1" on a ping -c 2 -i 0.05 -W 2 "$1"; }
step_swan-log() { local side=$1; shift; check "strongSwan on $side: $*" grep -qE -- "$*" "$W/$side/swan/charon.log"; }
# the address that dietvpn was given, for packets to the other end
given() { dietvpn a --json status | tr -d ' \n' | grep -qF "$1" && ip -n "$P-a" -o route get "$2" | grep -qE "dev diet0 .*src $1 "; }
step_given() { [ "$ROLE" = control ] || check "dietvpn uses $1" given "$1" "$2"; }
step_pings-back() { check "ping $1 from the other end" on b ping -c 2 -i 0.05 -W 2 "$1"; }
step_half-open() { on a "$TOOLS/ikeflood" -d "${OUT[b]}" -S "${OUT[a]}/32" -n 3 -r 100 >/dev/null || bad "ikeflood"; }
step_behind-nat() {
	local outside=${OTHER[$NAT_INSIDE]}
	if [ "$outside" = a ] && [ "$ROLE" != control ]; then
		dietvpn a --json status >"$W/status"
		has "dietvpn sees the NAT's address" '192\.0\.2\.254:[0-9]+' "$W/status"
	else
		check "strongSwan sees the NAT's address" swan_sa "$outside" remote-host=192.0.2.254 nat-remote=yes
	fi
}
step_fragmented() {
	check "strongSwan sent fragments" grep -q "splitting IKE message" "$W/b/swan/charon.log"
	check "strongSwan got fragments" grep -qE "received fragment #1 of" "$W/b/swan/charon.log"
}
step_stays() { # SECONDS: strongSwan's questions are answered
	sleep "$1"
	# in the control the questions of a spare b some of its own
	at_least "strongSwan's liveness checks" $([ "$ROLE" = control ] && echo 1 || echo 2) "$(swan_log b | grep -c 'sending DPD request')"
	check "the SA is the first one" swan_sa b uniqueid=1 state=ESTABLISHED
	check "ping after that" on a ping -c 2 -i 0.05 -W 2 "${IN4[b]}"
}
# both ends say delete, each is followed by a new SA
no_child() { swan_sas b; ! grep -q state=INSTALLED "$W/sas-b"; }
no_ike_sa() { swan_sas b; ! grep -q uniqueid "$W/sas-b"; }
no_diet_sa() { ! dietvpn a sa | grep -q right; }
step_terminate() {
	check "strongSwan deletes the IKE SA" swan b --terminate --ike home --timeout 5
	if [ "$ROLE" = control ]; then return; fi
	check "dietvpn has none" wait_for 3 no_diet_sa
	check "and again" begin
	check "dietvpn deletes the child" dietvpn a sa delete right
	check "strongSwan has none" wait_for 3 no_child
	check "and again" begin
	check "dietvpn deletes the IKE SA" dietvpn a sa terminate right
	check "strongSwan has none" wait_for 3 no_ike_sa
	check "and again" begin
	check "ping" far_ping
}
# rekey child|ike N here|there: N times from one side under 200 pings per second, none lost
rekey_a() { if [ "$ROLE" = control ]; then swan_rekey a "$1"; else dietvpn a sa rekey $([ "$1" = ike ] && echo --ike) right; fi; }
swan_rekey() { if [ "$2" = child ]; then swan "$1" --rekey --child net; else swan "$1" --rekey --ike home; fi; }
step_rekey() {
	local what=$1 n=$2 side=$3 i before after count line
	line='inbound CHILD_SA net\{[0-9]+\} established'
	[ "$what" = child ] || line='IKE_SA home\[[0-9]+\] (rekeyed between|established between)'
	before=$(swan_log b | grep -cE "$line")
	count=$((n * 500 / 5 + 100))
	background pings b ping -q -i 0.005 -c $count -W 2 "${IN4[a]}"
	sleep 0.1
	for i in $(seq "$n"); do
		if [ "$side" = there ]; then check "strongSwan rekeys: $i" swan_rekey b "$what"; else check "dietvpn rekeys: $i" rekey_a "$what"; fi
		sleep 0.4
	done
	wait_for $((count / 100 + 50)) grep -q transmitted "$W/pings.out" || bad "ping does not end"
	background_stop pings
	after=$(swan_log b | grep -cE "$line")
	has "no ping lost" "^$count packets transmitted, $count received" "$W/pings.out"
	same "rekeyed" "$n" $((after - before))
	sleep 1.2
	same "children left" 1 "$(swan_sas b; grep -o 'state=INSTALLED' "$W/sas-b" | wc -l)"
	check "TCP after that" tcp
}
# a child rekey that strongSwan refuses, N times: no pair stays that nobody uses, no ping is lost
step_rekey-refused() {
	local i
	background pings b ping -q -i 0.01 -c $(($1 * 300)) -W 2 "${IN4[a]}"
	for i in $(seq "$1"); do
		check "dietvpn asks: $i" rekey_a child
		sleep 1
	done
	wait_for 60 grep -q transmitted "$W/pings.out"
	background_stop pings
	has "no ping lost" "^$(($1 * 300)) packets transmitted, $(($1 * 300)) received" "$W/pings.out"
	wait_for 10 one_child
	same "children of strongSwan" 1 "$(swan_sas b; grep -o 'state=INSTALLED' "$W/sas-b" | wc -l)"
}
one_child() { swan_sas b; [ "$(grep -o 'state=INSTALLED' "$W/sas-b" | wc -l)" = 1 ]; }
# strongSwan is killed and comes back; exactly one SA afterwards
step_reborn() {
	swan_end KILL b
	ip -n "$P-b" link del ipsec0 2>/dev/null
	start_b || return
	case $ROLE in
	initiator) check "dietvpn finds out and begins anew" begin 30 ;;
	*) check "strongSwan begins anew" swan b --initiate --child net --timeout 10 ;;
	esac
	check "ping" wait_for 5 far_ping
	# as initiator the old pair stays for a minute, in case that only messages were lost
	[ "$ROLE" != responder ] || same "SAs of dietvpn, in and out" 2 "$(dietvpn a sa | grep -c right)"
}

# --- one role of one case ---------------------------------------------------------------------------------------------
refused() {
	WRONG=1
	start_a || return
	if begin 4 >"$W/begin" 2>&1; then bad "$CASE is accepted"; else ok "$CASE is refused"; fi
	if [ "$ROLE" != control ]; then
		has "dietvpn's log says why" "$(one says)" "$W/a.log"
		[ -z "$(one why)" ] || { dietvpn a why --ladder right >"$W/why" 2>&1; has "dietvpn why says why" "$(one why)" "$W/why"; }
		[ -z "$(one row)" ] || has "the row that differs" "$(one row)" "$W/why"
		[ -z "$(one fix)" ] || has "the smallest fix" "$(one fix)" "$W/why"
		has "its messages" '\|-+ (IKE_SA_INIT|IKE_AUTH), [0-9]+ octets -+>\|' "$W/why"
		same "lines of more than 80 columns" 0 "$(grep -cE '^.{81,}' "$W/why")"
		[ -z "${SHOW:-}" ] || cat "$W/why"
	fi
	stop_a
	WRONG=
	same "strongSwan's process" "$(swan_pid b)" "$(pgrep -P $$ charon-systemd | grep -x "$(swan_pid b)")"
}
stanza
echo "== $CASE, $ROLE: $(one about)"
roles=$(first "${C[roles]:-}" "initiator responder control")
case " $roles " in *" $ROLE "*) ;; *) skip "$CASE has no role $ROLE" ;; esac
if [ "$ROLE" != control ]; then
	[ -z "$(one missing)" ] || skip "$CASE, $ROLE: $(one missing)"
	[ -e "$B/keying/ikev2.so" ] || skip "the plugin ikev2 is not built"
fi
: >"$W/seal.log"; chmod 666 "$W/seal.log"
network
start_b || finish
case $CASE in wrong-* | no-*) refused ;; esac
start_a || { bad "host a does not start"; finish; }
[ -z "$(one before)" ] || step_$(one before)
check "the tunnel stands" begin
crosses
while read -r step words; do
	[ -z "$step" ] || "step_$step" $words
done <<<"$(all check)"
background_stop iperf
stop_a
[ "$ROLE" = control ] || nonces_unique
[ "$fails" = 0 ] || { echo "--- log of strongSwan"; tail -n 40 "$W/b/swan/charon.log"; }
finish
