# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's own check: a function that returns or raises, read as a kind of check."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..kind import Kind, Look, Options
from ..model import FAIL, PASS, WARN, CannotTell, Finding, Observation
from ..thresholds import demand

NAME = "function"
# Python's words for "this code is wrong": the check is broken then, and nobody knows about what it checks.
DEFECTS = (NameError, AttributeError, TypeError, ImportError, SyntaxError, NotImplementedError)


class Warn(Exception):
    """Raise it in a check to warn, in words for a person; ``advice`` is what to do next."""

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.advice = advice


class Fail(Exception):
    """Raise it in a check to fail, in words for a person; ``advice`` is what to do next."""

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.advice = advice


def kind_of(function: Callable[[], Any], after: Callable[[], Any] | None = None) -> Kind:
    """Return the kind that calls ``function``; ``after`` is called in the same thread when it has ended, however it ended.

    Returned None or True passes, a text passes with these words, False fails. ``Warn`` and ``Fail`` do what they say. Any other exception
    fails, for it is how the database, the queue and the library that the function asks tell that they do not work. The check is unknown
    where it tells nothing of them: ``CannotTell``, a defect of the code (NameError, TypeError and the like), any other return value.
    """
    def observe(options: Options, look: Look) -> Observation:
        try:
            return Observation(_seen(function, look.timeout))
        finally:
            if after is not None:
                after()

    return Kind(NAME, "A function of the application.", (), observe, decide, example="")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Return the finding for what the function returned or raised."""
    good, state, advice = bool(values["good"]), str(values.get("state", FAIL)), str(values.get("advice", ""))
    observed = str(values.get("observed", PASS if good else state))
    return [demand("result", good, observed, "no failure", str(values["words"]), advice=advice, state=state)]


def _seen(function: Callable[[], Any], timeout: float) -> dict[str, Any]:
    """Call the function. Raises CannotTell where what it did says nothing about the application."""
    where = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
    try:
        return _returned(_result(function, timeout), where)
    except (Fail, Warn) as error:
        state = WARN if isinstance(error, Warn) else FAIL
        return {"good": False, "state": state, "words": str(error) or f"{where} says {state}", "advice": error.advice or f"See {where}."}
    except CannotTell:
        raise
    except DEFECTS as error:
        raise CannotTell(f"the check itself is broken: {_words(error)}", f"Correct {where}.")
    except Exception as error:
        advice = f"It was raised in {where}; call that by hand to see where it comes from."
        return {"good": False, "observed": type(error).__name__, "words": _words(error), "advice": advice}
    except BaseException as error:  # SystemExit, a cancelled task, gevent's Timeout: they would end the worker and tell nobody
        raise CannotTell(f"the check was ended from within: {_words(error)}", f"Correct {where}.")


def _result(function: Callable[[], Any], timeout: float) -> Any:
    """What the function returns; an asynchronous one runs in a loop of its own, in this thread."""
    result = function()
    return asyncio.run(_within(result, timeout)) if inspect.isawaitable(result) else result


async def _within(awaitable: Awaitable[Any], seconds: float) -> Any:
    task = asyncio.ensure_future(awaitable)
    done, _pending = await asyncio.wait({task}, timeout=seconds)
    if not done:
        raise CannotTell(f"the check did not end within {seconds:g} s and was cancelled", "Raise its timeout, or see what makes it hang.")
    return task.result()


def _returned(value: Any, where: str) -> dict[str, Any]:
    if value is None or value is True:
        return {"good": True, "words": "the check passed"}
    if value is False:
        return {"good": False, "observed": "False", "words": "the check returned False", "advice": f"See {where}."}
    if isinstance(value, str):
        return {"good": True, "words": value or "the check passed"}
    expected = "expected None, True, False or a sentence; to warn or fail, raise Warn or Fail"
    raise CannotTell(f"the check returned {type(value).__name__}, {expected}", f"Correct {where}.")


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
