#!/bin/sh
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs as root inside an image: makes any Debian or Red Hat like system a host that Ansible reaches over SSH.
set -eu

if ! command -v sshd >/dev/null || [ ! -e /sbin/init ] || ! command -v python3 >/dev/null; then
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -qy install --no-install-recommends "$@"
    apt-get clean
  elif command -v dnf >/dev/null; then
    dnf -qy install systemd openssh-server python3 iproute procps-ng sudo ca-certificates
  else
    echo "this image has no systemd, sshd and python3, and neither apt-get nor dnf to install them" >&2
    exit 1
  fi
fi

# A service manager that starts nothing but what a host needs: timers that take apt's lock would disturb every test.
systemctl set-default multi-user.target
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \
  nvmf-autoconnect.service console-getty.service getty.target systemd-udevd.service systemd-logind.service

# Every host has a key of its own, made on its first start.
rm -f /etc/ssh/ssh_host_*
unit=ssh
[ -e /lib/systemd/system/sshd.service ] && [ ! -e /lib/systemd/system/ssh.service ] && unit=sshd
mkdir -p "/etc/systemd/system/$unit.service.d" /root/.ssh /run/sshd
cat >"/etc/systemd/system/$unit.service.d/lab.conf" <<'EOF'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -s /etc/ssh/ssh_host_ed25519_key || ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key'
EOF
mkdir -p /etc/ssh/sshd_config.d
printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'UseDNS no' 'MaxSessions 50' 'MaxStartups 100:30:200' >/etc/ssh/sshd_config.d/00-lab.conf
systemctl enable "$unit.service"
chmod 700 /root/.ssh
rm -f /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
