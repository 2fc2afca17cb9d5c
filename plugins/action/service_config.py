# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a set of files on the controller and hand it to the host in one call."""

from __future__ import annotations

import fnmatch
import os
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.text.converters import to_bytes
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import encode
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.spec import parse
from ansible_collections.vigil.monitoring.plugins.modules.service_config import ARGUMENT_SPEC
from ansible_collections.vigil.monitoring.plugins.plugin_utils.verifying import begin, judge

_FILE = ("mode", "owner", "group", "secret", "on_change")


class ActionModule(ActionBase):
    """The controller's half: options checked, files rendered, one module call."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the module's result. Bad input fails before the host is asked."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        verifying = begin(self, variables)
        data = self.prepared(self._task.args, variables)
        arguments = {"name": data["name"], "payload": encode(data)}
        result = dict(self._execute_module("vigil.monitoring.service_config", module_args=arguments, task_vars=variables))
        return judge(result, verifying, f"The set {arguments['name']}")

    def prepared(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the checked options with every file rendered. Bad input fails here, before the host is asked."""
        options = _checked(args)
        try:
            data = self._data(options, variables)
            parse(data)
        except InvalidInput as error:
            raise AnsibleActionFail(str(error)) from error
        return data

    def _data(self, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        present = options["state"] == "present"
        files = [self._file(item, variables) for item in options["files"]] if present else []
        trees = [item for tree in options["trees"] for item in self._tree(tree)] if present else []
        rest = {key: plain(value) for key, value in options.items() if key not in ("files", "trees", "payload")}
        for key in ("ready", "proof", "validate"):
            rest[key] = rest[key] if present else None
        return {**rest, "files": files + trees}

    def _file(self, item: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        given = [key for key in ("content", "template", "src") if item.get(key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise InvalidInput(f"files: {item['dest']} gives {found} of content, template and src; exactly one was expected.")
        make = {"content": self._content, "template": self._rendered, "src": self._read}[given[0]]
        kept = {key: plain(item[key]) for key in ("dest", "validate_only", *_FILE)}
        return {**kept, "content": make(item, variables)}

    def _content(self, item: dict[str, Any], _variables: dict[str, Any]) -> bytes:
        content = plain(item["content"])
        if not isinstance(content, str):
            raise InvalidInput(
                f"files: the content of {item['dest']} is {type(content).__name__}, text was expected."
                " Turn data into text with a filter such as to_nice_yaml or to_nice_json, or use a template."
            )
        return to_bytes(content)

    def _rendered(self, item: dict[str, Any], variables: dict[str, Any]) -> bytes:
        path = self._found("templates", item["template"], item["dest"])
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        try:
            text = lookup.run([path], variables=variables, template_vars=item["template_vars"])[0]
        except AnsibleError as error:
            raise AnsibleActionFail(f"The template {item['template']} for {item['dest']} cannot be rendered: {error}") from error
        if not isinstance(text, str):
            raise InvalidInput(f"files: the template {item['template']} gave {type(text).__name__}, text was expected.")
        return to_bytes(text)

    def _read(self, item: dict[str, Any], _variables: dict[str, Any]) -> bytes:
        return self._bytes(self._found("files", item["src"], item["dest"]))

    def _tree(self, tree: dict[str, Any]) -> list[dict[str, Any]]:
        root = self._found("files", tree["src"], tree["dest"])
        if not os.path.isdir(root):
            raise InvalidInput(f"trees: {tree['src']} is no folder on the controller.")
        shared = {key: plain(tree[key]) for key in _FILE}
        base = plain(tree["dest"]).rstrip("/")
        names = _walk(root, tree["exclude"])
        return [{**shared, "dest": f"{base}/{name}", "content": self._bytes(os.path.join(root, name))} for name in names]

    def _found(self, folder: str, name: str, dest: str) -> str:
        try:
            return str(self._find_needle(folder, name))
        except AnsibleError as error:
            raise AnsibleActionFail(f"{name}, the source of {dest}, was not found on the controller: {error}") from error

    def _bytes(self, path: str) -> bytes:
        with open(self._loader.get_real_file(path, decrypt=True), "rb") as handle:
            return handle.read()


def _checked(args: dict[str, Any]) -> dict[str, Any]:
    """Check the options against the module's argument spec and return them in their types, defaults filled in."""
    checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(dict(args))
    words = [f"Unknown option {error.msg}" if isinstance(error, UnsupportedError) else error.msg for error in checked.errors.errors]
    if args.get("payload"):
        words.append("payload is not for tasks; give the files as files and trees.")
    if words:
        raise AnsibleActionFail(" ".join(words))
    return dict(checked.validated_parameters)


def _walk(root: str, exclude: list[str]) -> list[str]:
    """Return the files below a folder, relative to it and sorted, less those whose name matches a pattern."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _left_out(name, exclude))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names) if not _left_out(name, exclude)]
    return sorted(found)


def _left_out(name: str, exclude: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)
