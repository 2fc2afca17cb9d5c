# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the load generators, as they were recorded."""

from __future__ import annotations

import pytest

from tests.bench.load import Load, LoadError, parse_ab, parse_wrk

WRK = """Running 5s test @ http://127.0.0.1:9890/health/ready
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.96ms    6.48ms  55.93ms   89.14%
    Req/Sec    14.75k     3.86k   23.69k    74.00%
  Latency Distribution
     50%  550.00us
     75%    6.69ms
     90%   11.85ms
     99%    1.20s
  74430 requests in 5.09s, 14.55MB read
  Socket errors: connect 0, read 295, write 0, timeout 2
  Non-2xx or 3xx responses: 74430
Requests/sec:  14629.14
Transfer/sec:      2.86MB
"""
AB = """Complete requests:      5112
Failed requests:        3
   (Connect: 0, Receive: 0, Length: 3, Exceptions: 0)
Non-2xx responses:      7
Requests per second:    1704.12 [#/sec] (mean)
Time per request:       9.389 [ms] (mean)

Percentage of the requests served within a certain time (ms)
  50%      8
  99%     51
 100%    204 (longest request)
"""


def test_wrk() -> None:
    assert parse_wrk(WRK) == Load(14629.14, pytest.approx(0.00055), 1.2, 297, 74430)
    clean = "\n".join(line for line in WRK.splitlines() if "errors" not in line and "Non-2xx" not in line)
    assert (parse_wrk(clean).errors, parse_wrk(clean).refused) == (0, 0)


def test_ab() -> None:
    assert parse_ab(AB) == Load(1704.12, 0.008, 0.051, 3, 7)


def test_words_that_are_none() -> None:
    with pytest.raises(LoadError, match="was not found in"):
        parse_wrk("unable to connect")
