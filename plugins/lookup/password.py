# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that Vigil made, from the store on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: password
short_description: A password that Vigil made, from the store on the controller
version_added: 0.1.0
description:
  - Returns the password of a user of a service from C(passwords.yml) in the folder of secrets, and makes it on first use.
  - Two runs, or two hosts of a run, that ask at once get the same one. Nothing is logged; use it only where the task hides its secrets.
options:
  _terms:
    description: The service and the user with a slash between them.
    type: list
    elements: str
    required: true
  dir:
    description: The folder of secrets, an absolute path on the controller.
    type: str
    required: true
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
users:
  admin: "{{ lookup('vigil.monitoring.password', 'prometheus/admin', dir=vigil_secrets_dir) }}"
"""

RETURN = r"""
_raw:
  description: The passwords, one a term.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.store import Store
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.users.book import password


class LookupModule(LookupBase):
    """What ansible loads."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """Return one password a term."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            store = Store(plain(self.get_option("dir")))
            return [password(store, *_user(plain(term))) for term in terms]
        except VigilError as error:
            raise AnsibleError(str(error)) from None


def _user(term: Any) -> tuple[str, str]:
    scope, slash, user = str(term).partition("/")
    if not (scope and slash and user):
        raise VigilError(f"{term!r} is expected to be a service and a user with a slash between them, as in prometheus/admin.")
    return scope, user
