#!/bin/sh
# Two versions of a package whose script starts its unit at once, as vendors' packages do; a signed repository of them; a key of a stranger.
set -eu
export DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/gnupg
apt-get -q update
apt-get -q -y install --no-install-recommends apt-utils dpkg-dev gnupg >/dev/null
mkdir -p /srv/apt/pool "$GNUPGHOME"
chmod 0700 "$GNUPGHOME"

for version in 1.0.0 2.0.0; do
  root=$(mktemp -d)
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/etc/vigil-demo"
  cat > "$root/DEBIAN/control" <<END
Package: vigil-demo
Version: $version-1
Architecture: all
Maintainer: The lab <lab@example.invalid>
Description: a service that starts by itself
END
  cat > "$root/DEBIAN/postinst" <<'END'
#!/bin/sh
systemctl daemon-reload
systemctl enable vigil-demo.service >/dev/null 2>&1 || true
systemctl restart vigil-demo.service || true
END
  cat > "$root/DEBIAN/prerm" <<'END'
#!/bin/sh
[ "$1" != remove ] || systemctl stop vigil-demo.service || true
END
  echo /etc/vigil-demo/demo.conf > "$root/DEBIAN/conffiles"
  echo "version = $version" > "$root/etc/vigil-demo/demo.conf"
  cat > "$root/usr/bin/vigil-demo" <<'END'
#!/bin/sh
trap 'rm -f /run/vigil-demo-runs; exit 0' TERM
touch /run/vigil-demo-runs
while :; do sleep 1 & wait $!; done
END
  cat > "$root/usr/lib/systemd/system/vigil-demo.service" <<'END'
[Service]
ExecStart=/usr/bin/vigil-demo
[Install]
WantedBy=multi-user.target
END
  chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/usr/bin/vigil-demo" "$root"
  dpkg-deb --build --root-owner-group "$root" "/srv/apt/pool/vigil-demo_$version-1_all.deb" >/dev/null
done

cd /srv/apt
for name in lab stranger; do
  gpg --batch --quiet --passphrase '' --quick-gen-key "$name <$name@example.invalid>" ed25519 sign never
  gpg --batch --armor --export "$name@example.invalid" > "$name.asc"
done
mkdir -p dists/stable/main/binary-amd64
dpkg-scanpackages --multiversion pool 2>/dev/null > dists/stable/main/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main \
  -o APT::FTPArchive::Release::Architectures=amd64 release dists/stable > Release
gpg --batch --quiet --local-user lab@example.invalid --clearsign --output dists/stable/InRelease Release
systemd-run --quiet --unit=repository python3 -m http.server 8081 --directory /srv
gpg --batch --with-colons --fingerprint lab@example.invalid | awk -F: '$1 == "fpr" { print $10; exit }' > fingerprint
