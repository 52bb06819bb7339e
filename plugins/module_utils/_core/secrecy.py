# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in text that others wrote: in which forms they may stand there, and how they are blotted out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""A shorter secret is concealed only where it is a word by itself: blots within other words would tell what it is."""
SHORTEST_NUMBER = 6
BLOT = "********"


def forms(secret: str) -> set[str]:
    """A secret as it is, and as programs and servers repeat it: in a URL, in base64, and in JSON."""
    encoded = secret.encode("utf-8", errors="surrogatepass")
    in_urls = {quote(encoded, safe=""), quote(encoded), quote_plus(encoded)}
    in_base64 = {base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()}
    return {
        secret,
        *in_urls,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in in_urls),
        *in_base64,
        *(each.rstrip("=") for each in in_base64),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    } - {""}


def hidden(secrets: Iterable[str]) -> set[str]:
    """What Ansible may blot out wherever it stands in a module's answer: the long enough forms of long enough secrets.

    It replaces numbers that are equal, too, and a count of the answer may be equal to a short number.
    """
    long = [each for each in secrets if len(each) >= (SHORTEST_NUMBER if each.isdecimal() else SHORTEST)]
    return {form for each in long for form in forms(each) if len(form) >= SHORTEST}


def blotted(text: str, secrets: Iterable[str], blot: str = BLOT) -> str:
    """``text`` without the secrets in any form: the long ones wherever they stand, the short ones where they are words."""
    found = {form for each in secrets if each for form in forms(each)}
    # The longest first, because one may be a part of another.
    for each in sorted(found, key=len, reverse=True):
        if each in text:
            pattern = re.escape(each) if len(each) >= SHORTEST else rf"(?<!\w){re.escape(each)}(?!\w)"
            text = re.sub(pattern, blot, text)
    return text
