#!/usr/bin/env bash
# Brings what the tests use beside Go: real mail servers, clients and network tools, from Debian's archive.
#
# As root on Debian it installs what is missing, and starts none of it. Exim and OpenSMTPD cannot be installed beside
# Postfix, so they are unpacked into a cache folder, where internal/lab/realserver finds them. Anyone else is told
# what is missing, and which tests will be skipped.
set -euo pipefail

# package:program that shows it is there (nothing after the colon: ask dpkg)
wanted=(
	postfix:postfix libsasl2-modules: sasl2-bin:saslpasswd2 swaks:swaks libnet-ssleay-perl: msmtp:msmtp curl:curl openssl:openssl python3:python3
	nodejs:node npm:npm
	iproute2:ip nftables:nft ethtool:ethtool procps:sysctl util-linux:unshare netcat-openbsd:nc traceroute:traceroute
	tcpdump:tcpdump tshark:tshark dnsmasq:dnsmasq unbound:unbound haproxy:haproxy stunnel4:stunnel4 sslsplit:sslsplit
)
unpacked=(exim4-daemon-light exim4-base opensmtpd)
servers=${XDG_CACHE_HOME:-$HOME/.cache}/smtptriage/servers
PATH=$PATH:/usr/sbin:/sbin

say() { echo "setup: $*"; }

has() { # has PACKAGE PROGRAM
	if [ -n "$2" ]; then command -v "$2" >/dev/null; else dpkg -s "$1" >/dev/null 2>&1; fi
}

missing=()
for entry in "${wanted[@]}"; do
	has "${entry%%:*}" "${entry#*:}" || missing+=("${entry%%:*}")
done
servers_missing=
for program in exim4 smtpd; do
	[ -x "$servers/usr/sbin/$program" ] || servers_missing=1
done

if [ ${#missing[@]} = 0 ] && [ -z "$servers_missing" ]; then
	say 'everything is there'
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	[ ${#missing[@]} = 0 ] || say "missing: ${missing[*]}"
	[ -z "$servers_missing" ] || say "missing: Exim and OpenSMTPD in $servers"
	say 'tests that need these are skipped; run this as root on Debian to have them'
	exit 0
fi

export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
cleanup() {
	rm -rf "$work"
	if [ -n "${our_policy:-}" ]; then rm -f /usr/sbin/policy-rc.d; fi
}
trap cleanup EXIT

# Services that packages bring would take ports on this machine: packages ask policy-rc.d first, and 101 forbids it.
if [ ! -e /usr/sbin/policy-rc.d ]; then
	our_policy=1
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
fi

# Package lists may be absent (container images) or stale (the mirror dropped that version): refresh once, try again.
updated=
apt_retry() {
	if apt-get "$@" >"$work/apt.log" 2>&1; then return; fi
	if [ -z "$updated" ]; then
		updated=1
		say 'apt-get update'
		apt-get update -q >"$work/apt.log" 2>&1 || true
		if apt-get "$@" >"$work/apt.log" 2>&1; then return; fi
	fi
	cat "$work/apt.log" >&2
	say "apt-get $* failed"
	return 1
}
install() { apt_retry install -qy --no-install-recommends "$@"; }

if [ ${#missing[@]} != 0 ]; then
	say "installing ${missing[*]}"
	if command -v debconf-set-selections >/dev/null; then
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
		echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections
	fi
	install "${missing[@]}"
fi

if [ -n "$servers_missing" ]; then
	say "unpacking ${unpacked[*]} into $servers"
	(cd "$work" && apt_retry download "${unpacked[@]}")
	# Their shared libraries conflict with nothing and are installed as usual.
	mapfile -t libraries < <(apt-cache depends "${unpacked[@]}" | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }' | sort -u)
	install "${libraries[@]}"
	mkdir -p "$servers"
	chmod 755 "$servers"
	for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$servers"; done
fi
say 'done'
