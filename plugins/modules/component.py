# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: component
short_description: Install or remove one component from a package, a vendor's repository or an archive
version_added: 0.1.0
author:
  - The Vigil team (@vigil-monitoring)
description:
  - Makes the program, the system user and the folders of one component present, in one remote call. Configuration and the
    running service are left to M(vigil.monitoring.service_config).
  - A run with nothing to do makes no network request and runs at most one read-only query of the package database.
  - While a package is installed or upgraded its unit is masked at run time, and a newly installed one is left disabled, so that
    nothing listens with the package's own defaults before its configuration is in place. A running unit goes on with the old program
    until it is restarted.
  - Archives are unpacked to C(/opt/vigil/<name>/<version>) and reached through the link C(/opt/vigil/<name>/current). Going back to a
    version that is still there needs no download. A program that is missing or was altered is noticed and repaired.
options:
  spec:
    description: What the component is.
    type: dict
    required: true
    suboptions:
      name:
        description: Name of the component. Its folders and its record are named after it.
        type: str
        required: true
      source:
        description: Where it comes from.
        type: str
        choices: [package, repository, archive]
        default: package
      version:
        description:
          - The version, never V(latest). Required for V(archive).
          - For packages, the full version of the package or the upstream version (V(2.53.3) fits C(2.53.3+ds1-2)). It counts for the
            first package of the list. Empty means that any installed version will do.
        type: str
        default: ''
      packages:
        description:
          - Names of the packages, each V(name) or V(name=version). The first one carries the program.
          - Either a list, or a table of lists by C(distribution-version), C(distribution-major), C(distribution), C(family-major)
            or C(family) (V(debian) or V(redhat)). The most specific entry counts, and an empty list says that there is none.
        type: raw
      shared_packages:
        description: Whether the packages are libraries that others may use as well. They are installed, and never upgraded nor removed.
        type: bool
        default: false
      repository:
        description: The vendor's repository, for the source V(repository).
        type: dict
        suboptions:
          apt:
            description: The repository for Debian and its family.
            type: dict
            suboptions:
              url:
                description:
                  - Address. It may hold C({distribution}), C({distribution_version}), C({major}), C({codename}), C({arch}), C({machine}),
                    C({version}).
                type: str
                required: true
              suites:
                description: Suites, with the same placeholders but C({version}). One that ends with a slash is a flat repository.
                type: list
                elements: str
                default: [stable]
              components:
                description: Components of the suites.
                type: list
                elements: str
                default: [main]
          yum:
            description: The repository for Red Hat and its family.
            type: dict
            suboptions:
              url:
                description: Address (C(baseurl)), with the same placeholders. C($releasever) and C($basearch) are left to dnf.
                type: str
                required: true
              repo_gpgcheck:
                description: Whether the repository's own metadata is signed and checked. Packages are always checked.
                type: bool
                default: false
          key:
            description: The public key that signs. Give O(spec.repository.key.url) or O(spec.repository.key.content).
            type: dict
            required: true
            suboptions:
              url:
                description: Address of the key. It needs O(spec.repository.key.sha256) or O(spec.repository.key.fingerprints) beside it.
                type: str
              content:
                description: The armored key itself.
                type: str
              sha256:
                description: sha256 of the key's file.
                type: str
              fingerprints:
                description: Fingerprints of all primary keys that the file may hold.
                type: list
                elements: str
      archive:
        description: The archive, for the source V(archive).
        type: dict
        suboptions:
          url:
            description:
              - Address of a tar, a zip or a bare program. It may hold C({version}), C({os}), C({arch}) (as V(amd64), V(arm64)),
                C({machine}) (as V(x86_64), V(aarch64)).
              - A C(file://) address is read where the download is made.
            type: str
            required: true
          checksums:
            description: sha256 by architecture (V(amd64), V(arm64)), with or without the prefix V(sha256:). Each host verifies its own.
            type: dict
          checksums_url:
            description:
              - Address of a C(sha256sums.txt), with the same placeholders, used where O(spec.archive.checksums) lacks the architecture.
            type: str
          strip:
            description: How many leading folders of the archive to leave out.
            type: int
            default: 1
      programs:
        description:
          - Paths of programs inside the archive. Each gets a link in O(spec.install_dir). For packages, names of programs to return.
        type: list
        elements: str
        default: []
      install_dir:
        description: Folder of the links to an archive's programs.
        type: path
        default: /usr/local/bin
      unit:
        description: The systemd unit of the component.
        type: str
        default: ''
      user:
        description: System user, made where it is missing. It cannot log in.
        type: str
        default: ''
      group:
        description: System group, made where it is missing. The default is the name of the user.
        type: str
        default: ''
      home:
        description: Home of the user. It is not created.
        type: path
        default: /nonexistent
      directories:
        description: Folders of the component.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Absolute path, of the component alone.
            type: path
            required: true
          owner:
            description: Owner.
            type: str
            default: root
          group:
            description: Group.
            type: str
            default: root
          mode:
            description: Mode, three or four octal digits in quotes.
            type: str
            default: '0755'
          data:
            description: Whether it holds data, which is removed only with O(purge).
            type: bool
            default: false
      config_dir:
        description: Folder of the configuration. It is removed with the component unless another component uses it. It is not created.
        type: path
        default: ''
  state:
    description:
      - V(present) installs and keeps what is there. V(latest) also upgrades packages without a O(spec.version), and refreshes the
        package lists to know (not in check mode). V(absent) removes program, unit, user, group and configuration, each only where this
        component made it or alone uses it.
    type: str
    choices: [present, latest, absent]
    default: present
  purge:
    description: Whether V(absent) also removes folders marked as data, and the data that packages remove when they are purged.
    type: bool
    default: false
  keep:
    description: How many former versions of an archive are kept beside the current one.
    type: int
    default: 2
  via:
    description: Who downloads. V(controller) downloads once for all hosts, verifies, and hands the file to each host, which verifies again.
    type: str
    choices: [host, controller]
    default: host
  mirror_url:
    description:
      - Where archives, checksums, repositories and keys come from instead of their own servers. V(https://mirror/x) reads
        C(https://github.com/a/b) from C(https://mirror/x/github.com/a/b), the tree that C(wget -x) makes.
      - With C({host}) or C({path}) in it they are filled where they stand and nothing is appended, as V(https://manager/github-remote/{path}).
    type: str
    default: ''
  headers:
    description: HTTP headers of downloads, as C(Authorization). They follow a redirect only to the same server.
    type: dict
    default: {}
  tries:
    description: How often each download is tried.
    type: int
    default: 4
  timeout:
    description: Seconds that a server may be silent.
    type: int
    default: 30
  lock_timeout:
    description: Seconds to wait for another run on the same component, and for another package manager.
    type: int
    default: 120
  archive_path:
    description: The archive on the host, set by the action plugin.
    type: path
    default: ''
  archive_sha256:
    description: sha256 that the controller read from O(spec.archive.checksums_url), set by the action plugin.
    type: str
    default: ''
  key_content:
    description: The repository's key in base64, set by the action plugin.
    type: str
    default: ''
attributes:
  check_mode:
    description: Reports the plan and changes nothing. What only the network knows is not verified.
    support: full
  diff_mode:
    description: The plan in words.
    support: full
"""

EXAMPLES = r"""
- name: Node exporter from the distribution
  vigil.monitoring.component:
    spec:
      name: node_exporter
      packages:
        debian: [prometheus-node-exporter]
      unit: prometheus-node-exporter.service

- name: Node exporter from its makers
  vigil.monitoring.component:
    spec:
      name: node_exporter
      source: archive
      version: 1.12.1
      archive:
        url: https://github.com/prometheus/node_exporter/releases/download/v{version}/node_exporter-{version}.{os}-{arch}.tar.gz
        checksums_url: https://github.com/prometheus/node_exporter/releases/download/v{version}/sha256sums.txt
      programs: [node_exporter]
      unit: node_exporter.service
      user: node_exporter
    mirror_url: https://mirror.example.com/files
"""

RETURN = r"""
plan:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: dict
  sample: [{kind: switch, reason: "/opt/vigil/node_exporter/current is 1.11.0, 1.12.1 is asked for"}]
kept:
  description: Sentences about what V(absent) leaves on purpose.
  returned: always
  type: list
  elements: str
program_changed:
  description: Whether the program was installed, upgraded or switched, so that its service must be restarted.
  returned: always
  type: bool
source:
  description: The install source.
  returned: always
  type: str
version:
  description: The version that is installed now. Empty where none is.
  returned: always
  type: str
programs:
  description: Path of each program by its name.
  returned: always
  type: dict
program:
  description: Path of the first program.
  returned: always
  type: str
unit:
  description: The systemd unit.
  returned: always
  type: str
platform:
  description: Distribution, version, major, codename, family, machine, arch and name of the host.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.run import run

APT = {"url": {"type": "str", "required": True}, "suites": {"type": "list", "elements": "str", "default": ["stable"]},
       "components": {"type": "list", "elements": "str", "default": ["main"]}}
YUM = {"url": {"type": "str", "required": True}, "repo_gpgcheck": {"type": "bool", "default": False}}
KEY = {"url": {"type": "str"}, "content": {"type": "str"}, "sha256": {"type": "str"},
       "fingerprints": {"type": "list", "elements": "str"}}
REPOSITORY = {"apt": {"type": "dict", "options": APT}, "yum": {"type": "dict", "options": YUM},
              "key": {"type": "dict", "required": True, "no_log": False, "options": KEY}}
ARCHIVE = {"url": {"type": "str", "required": True}, "checksums": {"type": "dict"}, "checksums_url": {"type": "str"},
           "strip": {"type": "int", "default": 1}}
DIRECTORY = {"path": {"type": "path", "required": True}, "owner": {"type": "str", "default": "root"},
             "group": {"type": "str", "default": "root"},
             "mode": {"type": "str", "default": "0755"}, "data": {"type": "bool", "default": False}}
SPEC = {
    "name": {"type": "str", "required": True},
    "source": {"type": "str", "choices": ["package", "repository", "archive"], "default": "package"},
    "version": {"type": "str", "default": ""},
    "packages": {"type": "raw"},
    "repository": {"type": "dict", "options": REPOSITORY},
    "archive": {"type": "dict", "options": ARCHIVE},
    "programs": {"type": "list", "elements": "str", "default": []},
    "install_dir": {"type": "path", "default": "/usr/local/bin"},
    "unit": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "group": {"type": "str", "default": ""},
    "home": {"type": "path", "default": "/nonexistent"},
    "directories": {"type": "list", "elements": "dict", "default": [], "options": DIRECTORY},
    "config_dir": {"type": "path", "default": ""},
    "shared_packages": {"type": "bool", "default": False},
}


ARGUMENT_SPEC = {
    "spec": {"type": "dict", "required": True, "options": SPEC},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "purge": {"type": "bool", "default": False},
    "keep": {"type": "int", "default": 2},
    "via": {"type": "str", "choices": ["host", "controller"], "default": "host"},
    "mirror_url": {"type": "str", "default": ""},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "tries": {"type": "int", "default": 4},
    "timeout": {"type": "int", "default": 30},
    "lock_timeout": {"type": "int", "default": 120},
    "archive_path": {"type": "path", "default": ""},
    "archive_sha256": {"type": "str", "default": ""},
    "key_content": {"type": "str", "default": "", "no_log": False},
}


def main() -> None:
    """Hand the options to the package and return its result."""
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
