# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of check. A kind is one file, one import and one line here: the module packer ships only what is imported by name."""

from __future__ import annotations

from ..kind import Kind
from . import (
    clock,
    command,
    disk,
    dns,
    docker,
    elasticsearch,
    file,
    gpu,
    http,
    icmp,
    load,
    log,
    memory,
    mysql,
    port,
    postgresql,
    pressure,
    process,
    promql,
    redis,
    systemd,
    tcp,
    tls,
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        clock.KIND,
        command.KIND,
        disk.KIND,
        dns.KIND,
        docker.KIND,
        elasticsearch.KIND,
        file.KIND,
        gpu.KIND,
        http.KIND,
        icmp.KIND,
        load.KIND,
        log.KIND,
        memory.KIND,
        mysql.KIND,
        port.KIND,
        postgresql.KIND,
        pressure.KIND,
        process.KIND,
        promql.KIND,
        redis.KIND,
        systemd.KIND,
        tcp.KIND,
        tls.KIND,
    )
}
