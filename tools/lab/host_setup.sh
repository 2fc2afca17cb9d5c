#!/bin/sh
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs as root inside a host that has just started; safe to run again. Settings come in the environment (see host.py).
# The last line of its output is: <state of systemd> <the host's public key>.
set -eu

umask 077
mkdir -p /root/.ssh
printf '%s\n' "$LAB_AUTHORIZED_KEY" >/root/.ssh/authorized_keys
umask 022

if [ -d /etc/apt/apt.conf.d ]; then
  if [ -n "$LAB_PROXY" ]; then
    printf 'Acquire::http::Proxy::%s "%s";\n' "$LAB_PROXY_HOST" "$LAB_PROXY" >/etc/apt/apt.conf.d/02lab-proxy
  else
    rm -f /etc/apt/apt.conf.d/02lab-proxy
  fi
  if [ -e /lab/apt-lists/stamp ] && [ ! -e /var/lib/apt/lists/stamp ]; then
    cp -r --preserve=timestamps,mode /lab/apt-lists/. /var/lib/apt/lists/
  fi
fi

if [ -e /lab/ca.crt ] && ! grep -q '^# lab' /etc/ssl/certs/ca-certificates.crt; then
  { echo '# lab'; cat /lab/ca.crt; } >>/etc/ssl/certs/ca-certificates.crt
  for name in SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE; do
    echo "$name=/etc/ssl/certs/ca-certificates.crt" >>/etc/environment
  done
fi

tries=0
while :; do
  state=$(systemctl is-system-running 2>/dev/null || true)
  case "$state" in running | degraded) break ;; esac
  tries=$((tries + 1))
  [ "$tries" -lt "$LAB_TRIES" ] || { echo "systemd is '$state', expected running"; systemctl list-jobs; exit 1; }
  sleep 0.1
done
[ "$state" = running ] || systemctl --no-legend --plain list-units --failed

if [ -e /lab/mirror_server.py ]; then
  cat >/etc/systemd/system/lab-mirror.service <<'EOF'
[Unit]
Description=Upstream programs of the lab over HTTP
[Service]
ExecStart=/usr/bin/python3 /lab/mirror_server.py --root /lab/programs --port 8080
Restart=on-failure
DynamicUser=yes
[Install]
WantedBy=multi-user.target
EOF
  systemctl enable --quiet --now lab-mirror.service
fi

tries=0
until ss -Hltn 'sport = :22' | grep -q .; do
  tries=$((tries + 1))
  [ "$tries" -lt "$LAB_TRIES" ] || { echo "sshd does not listen on port 22"; systemctl status ssh sshd --no-pager; exit 1; }
  sleep 0.1
done
echo "$state $(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)"
