# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web application of a few lines that reports its own health beside its page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import psycopg2
from vigil.health.web import Health

health = Health("shop")


@health.check("orders", interval=5, timeout=2)
def orders() -> str:
    """The database takes and gives back an order."""
    with psycopg2.connect(dbname="shop", connect_timeout=2) as link, link.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, what text NOT NULL)")
        cursor.execute("SELECT count(*) FROM orders")
        return f"{cursor.fetchone()[0]} orders"


def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application itself: one page."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<!doctype html><title>Shop</title><h1>Shop</h1><p>Open for orders.</p>\n"]


application = health.wsgi(page)
