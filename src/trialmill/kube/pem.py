"""Certificates in PEM files: what is between the marks, as Go reads it. Anything else in a file is a comment."""

import base64
import binascii
import hashlib
import re
from typing import Final

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificates_in(pem: bytes) -> list[bytes]:
    """The certificates as DER; what is no base64 is left out."""
    found = []
    for body in _CERTIFICATE.findall(pem):
        try:
            found.append(base64.b64decode(b"".join(body.split()), validate=True))
        except binascii.Error:
            continue
    return [der for der in found if der]


def digest_of(pem: bytes) -> str:
    """The same for the same certificates, in whatever order and with whatever words between them; empty for none."""
    found = sorted(set(certificates_in(pem)))
    return hashlib.sha256(b"".join(found)).hexdigest() if found else ""
