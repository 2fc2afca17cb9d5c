# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``elasticsearch``: colour, nodes, blocks that stop writing, room on the disks, and what waits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..access import ACCESS, access, refuse_access, wrong_url
from ..clients.net import Deadline
from ..clients.net import words as words_of
from ..clients.secret import read_secret
from ..database import LATENCY
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, WARN, CannotTell, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import BYTES, SECONDS, number, words

_OPTIONS = (
    Option("url", "str", "Address of the cluster, http or https.", default="http://127.0.0.1:9200"),
    Option("api_key_file", "path", "File whose first line is an API key in base64; in place of a user."),
    *ACCESS,
    LATENCY,
    Option("yellow", "str", "What a yellow cluster is: replicas are missing, no data is.", default=WARN, choices=(PASS, WARN, FAIL)),
    Option("nodes", "limits", "Nodes in the cluster; the fewer the worse.", worse="below", default=Limits()),
    Option("unassigned", "limits", "Shards that are on no node.", default=Limits()),
    Option("pending", "limits", "Changes of the cluster's state that wait for the master.", default=Limits(100.0)),
    Option("pending_age", "limits", "How long the oldest of them has waited.", unit=SECONDS, default=Limits(60.0)),
    Option("disk", "bool", "Compare the disk of each node with the cluster's own watermarks: low and high warn, flood stage fails.",
           default=True),
    Option("blocks", "bool", "No index may be read-only because its disk was full, and the cluster not at all.", default=True),
)
_HEALTH = "/_cluster/health?master_timeout={wait}ms"
_BLOCKS = "/_cluster/state/blocks?filter_path=blocks&master_timeout={wait}ms"
_DISKS = "/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.fs.total&timeout={wait}ms"
_SETTINGS = "/_cluster/settings?include_defaults=true&filter_path=*.cluster.routing.allocation.disk&master_timeout={wait}ms"
# The settings with their defaults cost both sides more than all the rest, and seldom change.
_KEEP = 60.0
_LIMIT = 16 * 1024 * 1024
_ACCOUNT = "Set username and password_file, or api_key_file, of an account with the cluster privilege monitor."
_SEE = "See its log: journalctl -u elasticsearch -n 50, and /var/log/elasticsearch."
# Index block 12 is read_only_allow_delete, which the flood stage sets; 5, 7, 8 and 9 are set by people and lifecycle policies.
_FLOODED = "12"
_STAGES = ("low", "high", "flood_stage")
_DEFAULTS = {"low": "85%", "high": "90%", "flood_stage": "95%"}


def observe(options: Options, look: Look) -> Observation:
    """Ask for health, then for blocks and disks."""
    from ..clients.http import NoAnswer

    deadline = Deadline(look.system.monotonic, look.timeout)
    ask = _asker(options, look, deadline)
    try:
        values = read_health(ask(_HEALTH))
        values["latency"] = deadline.spent()
        if options["blocks"]:
            values["blocks"] = read_blocks(ask(_BLOCKS))
        if options["disk"]:
            settings = look.shared.get(f"elasticsearch settings {options['url']}", _KEEP, lambda: ask(_SETTINGS))
            values["disks"] = read_disks(ask(_DISKS), settings)
        return Observation(values)
    except NoAnswer as error:
        return Observation({"error": str(error)})
    except OSError as error:
        return Observation({"error": words_of(error)})


def _asker(options: Options, look: Look, deadline: Deadline) -> Callable[[str], Any]:
    """Return a function that asks for a path. Elasticsearch may wait half of what is left for a master or a node, so that it can say so."""
    from ..clients import http

    headers, files = access(options, look)
    if options["api_key_file"]:
        headers = {"Authorization": f"ApiKey {read_secret(look.system, options['api_key_file'], 'the file of the API key')}"}

    def ask(path: str) -> Any:
        url = options["url"].rstrip("/") + path.format(wait=max(1, int(deadline.left() * 500)))
        reply = http.ask(http.Request(url, headers=headers, limit=_LIMIT, tls=files), deadline, look.shared)
        problem = trouble(path.split("?", 1)[0], reply.status, reply.body)
        if problem:
            raise http.NoAnswer(problem)
        return json.loads(reply.body)

    return ask


def trouble(path: str, status: int, body: bytes) -> str:
    """Return in words what a failing cluster answered (429, 5xx), empty where the answer is good.

    Raises CannotTell where the account is not let in, or the answer is none of Elasticsearch's.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    said = f"{path} answered {status}{_reason(answer)}"
    if status in (401, 403):
        raise CannotTell(f"{said}: the account of the check is not let in", _ACCOUNT)
    if status == 429 or status >= 500:
        return said
    if status != 200 or not isinstance(answer, dict):
        raise CannotTell(f"{said}, expected 200 and JSON", "Is this Elasticsearch 7.16 or newer? See url.")
    return ""


def _reason(answer: Any) -> str:
    """Return " (type: reason)" of an error of Elasticsearch, or nothing."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return ""
    return f" ({': '.join(str(error[key]) for key in ('type', 'reason') if error.get(key))})"[:300]


def read_health(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this kind looks at of /_cluster/health."""
    return {
        "cluster": str(answer.get("cluster_name", "")), "status": str(answer["status"]), "nodes": int(answer["number_of_nodes"]),
        "unassigned": int(answer["unassigned_shards"]), "pending": int(answer["number_of_pending_tasks"]),
        "pending_age": float(answer["task_max_waiting_in_queue_millis"]) / 1000,
    }


def read_blocks(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the blocks of the whole cluster in words, and the first and the number of the indices that the flood stage closed."""
    blocks = answer.get("blocks", {})
    indices = sorted(name for name, each in blocks.get("indices", {}).items() if _FLOODED in each)
    titles = [str(each.get("description", key)) for key, each in blocks.get("global", {}).items()]
    return {"cluster": titles[:10], "indices": indices[:10], "count": len(indices)}


def read_disks(nodes: Mapping[str, Any], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each node's disk: name, total, free, and the free bytes at which each stage begins."""
    disk: dict[str, Any] = {}
    for layer in ("defaults", "persistent", "transient"):
        found = settings.get(layer, {}).get("cluster", {}).get("routing", {}).get("allocation", {}).get("disk", {})
        disk = {**disk, **found, "watermark": {**disk.get("watermark", {}), **found.get("watermark", {})}}
    if str(disk.get("threshold_enabled", "true")) != "true":
        return []
    disks = []
    for node in nodes.get("nodes", {}).values():
        total = node.get("fs", {}).get("total", {})
        if total.get("total_in_bytes"):
            size = int(total["total_in_bytes"])
            stages = {stage: reserve(disk["watermark"], stage, size) for stage in _STAGES}
            disks.append({"name": str(node.get("name", "")), "total": size, "free": int(total["available_in_bytes"]), **stages})
    return disks


def reserve(watermark: Mapping[str, Any], stage: str, total: int) -> float:
    """Return the free bytes below which a stage begins: a share of the disk, which a head room may bound, or bytes."""
    inner = watermark.get(stage)
    text = str((inner.get("value") if isinstance(inner, Mapping) else inner) or watermark.get(f"{stage}.value") or _DEFAULTS[stage])
    room = inner.get("max_headroom") if isinstance(inner, Mapping) else watermark.get(f"{stage}.max_headroom")
    if text.endswith("%") or re.fullmatch(r"0?\.\d+|1\.0", text):
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        free = total * (1 - share)
        return free if room in (None, "-1") else min(free, _bytes(str(room)))
    return _bytes(text)


def _bytes(text: str) -> float:
    """Read a size as Elasticsearch writes it: 100gb is 100 GiB."""
    return number(re.sub(r"([kmgt])b$", lambda unit: f"{unit[1].upper()}iB", text.lower()).replace("b", "B"), BYTES)


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Reached, whole, writable, and with room?"""
    if "error" in values:
        sentence = f"{options['url']}: {values['error']}"
        return [demand("connected", False, values["error"], "an answer", sentence, advice=_SEE)]
    name = f"time to an answer of {options['url']}"
    findings = [judge("latency", values["latency"], options["latency"], SECONDS, name=name, advice=_SEE), _colour(options, values)]
    explain = "See why: GET /_cluster/allocation/explain; GET /_cat/shards?v&h=index,shard,prirep,state,unassigned.reason"
    for what, name, unit, advice in (
        ("nodes", "number of nodes", "", "See who is there: GET /_cat/nodes?v; then the log of the one that is not."),
        ("unassigned", "number of shards on no node", "", explain),
        ("pending", "number of changes that wait for the master", "", "See: GET /_cluster/pending_tasks; GET /_nodes/hot_threads"),
        ("pending_age", "age of the oldest change that waits for the master", SECONDS, "See: GET /_cluster/pending_tasks"),
    ):
        findings.append(judge(what, values[what], options[what], unit, name=name, advice=advice))
    return findings + _blocks(values) + _disk(values)


def _colour(options: Options, values: Mapping[str, Any]) -> Finding:
    status = values["status"]
    state = {"green": PASS, "yellow": options["yellow"]}.get(status, FAIL)
    missing = f", {values['unassigned']} shards are on no node" if status != "green" else ""
    sentence = f"the cluster {values['cluster']} is {status}{missing}"
    expected = "green or yellow" if options["yellow"] == PASS else "green"
    advice = "See why: GET /_cluster/allocation/explain"
    return demand("health", state == PASS, status, expected, sentence, advice=advice, state=state)


def _blocks(values: Mapping[str, Any]) -> list[Finding]:
    blocks = values.get("blocks")
    if blocks is None:
        return []
    findings, names = [], ", ".join(blocks["indices"][:3]) + (", ..." if blocks["count"] > 3 else "")
    if blocks["cluster"]:
        sentence, advice = f"the cluster is blocked: {', '.join(blocks['cluster'])}", f"See: GET /_cluster/settings. {_SEE}"
        findings.append(demand("cluster_blocks", False, len(blocks["cluster"]), "no block", sentence, advice=advice))
    sentence = f"{blocks['count']} indices are read-only because a disk was full" + (f": {names}" if names else "")
    advice = ('Make room: the block goes by itself below the high watermark. By hand: PUT INDEX/_settings '
              '{"index.blocks.read_only_allow_delete": null}')
    return [*findings, demand("blocks", not blocks["count"], blocks["count"], "none", sentence, advice=advice)]


def _disk(values: Mapping[str, Any]) -> list[Finding]:
    """The node that is deepest in a stage, else the one with the smallest share that is free."""
    if not values.get("disks"):
        return []
    disk = min(values["disks"], key=lambda one: (one["free"] - one["flood_stage"]) / one["total"])
    stage = next((stage for stage in reversed(_STAGES) if disk["free"] < disk[stage]), "")
    room = f"the disk of node {disk['name']} has {words(disk['free'], BYTES)} of {words(disk['total'], BYTES)} free"
    below = f", below its {stage.replace('_', ' ')} watermark ({words(disk[stage], BYTES)})" if stage else ""
    expected = f"{words(disk['low'], BYTES)} free or more"
    advice = "Make room: delete old indices, add a node; see GET /_cat/allocation?v"
    state = FAIL if stage == "flood_stage" else WARN
    return [Finding("disk", state if stage else PASS, disk["free"], expected, room + below, BYTES, advice if stage else "")]


def refuse(options: Options) -> str | None:
    """Refuse an address that is none, or that holds a secret, and options that contradict each other."""
    wrong = wrong_url(options["url"])
    if wrong or "?" in options["url"]:
        return f"url: {wrong or 'a question mark was found, expected an address such as https://host:9200'}."
    if options["api_key_file"] and (options["username"] or options["token_file"]):
        return "api_key_file is given beside another way to say who asks: take one."
    return refuse_access(options)


KIND = Kind(
    name="elasticsearch",
    text="""\
Elasticsearch 7.16 or newer: the cluster's colour, its nodes, indices that became read-only because a disk was full, the disk of each
node against the cluster's watermarks, shards on no node, and changes that wait for the master. It takes an account that may do no
more than look, with the cluster privilege monitor:

    POST /_security/role/vigil       {"cluster": ["monitor"]}
    POST /_security/user/vigil       {"password": "...", "roles": ["vigil"]}
    POST /_security/api_key          {"name": "vigil", "role_descriptors": {"vigil": {"cluster": ["monitor"]}}}

One of the last two; of an API key the field "encoded" goes into api_key_file. One check a cluster is enough; on every node it also
finds the node that does not answer.""",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: search
  kind: elasticsearch
  url: https://127.0.0.1:9200
  ca: /etc/elasticsearch/certs/http_ca.crt
  username: vigil
  password_file: /etc/vigil/elasticsearch.password
  nodes: {warn: 2, fail: 1}
""",
)
