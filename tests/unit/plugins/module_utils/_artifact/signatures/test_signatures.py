# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures made and verified by the real tools; where one is not here, its tests are skipped."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import PROVIDERS, signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source, fetch, look_up
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

DATA = b"shop" * 100_000
LIMIT = 100_000_000
NOT_GOOD = "Verifying the signature of .*shop-2.0.tar.gz: it is not a good one"


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not here: {', '.join(missing)} (tests/unit/artifacts.sh installs them)")


def run(*command: str, **options: Any) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "shop-2.0.tar.gz"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def verify(artifact: Path, tmp_path: Path) -> Callable[..., None]:
    """Fetch the artifact with its signature verified; nothing but the artifact may be left."""

    def act(**given: Any) -> None:
        target = tmp_path / "target"
        target.mkdir(exist_ok=True)
        source = Source(str(artifact), "unverified", signature=signature(given))
        source.validate()
        look_up(source)
        try:
            fetch(source, target / "got", LIMIT)
            assert (target / "got").read_bytes() == artifact.read_bytes()
        finally:
            (target / "got").unlink(missing_ok=True)
            assert list(target.iterdir()) == []

    return act


# minisign


@pytest.fixture
def minisign(artifact: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Sign the artifact with a new key; the options that verify it."""
    need("minisign")
    keys = iter(range(9))

    def sign(*options: str, comment: str = "shop 2.0") -> dict[str, Any]:
        key = tmp_path / f"key{next(keys)}"
        run("minisign", "-G", "-W", "-p", f"{key}.pub", "-s", str(key))
        run("minisign", "-S", *options, "-s", str(key), "-m", str(artifact), "-t", comment)
        return {"format": "minisign", "key": f"{key}.pub"}

    return sign


def test_a_minisign_signature(minisign: Any, verify: Any) -> None:
    options = minisign()
    verify(**options)
    text = Path(options["key"]).read_text()
    verify(**{**options, "key": text})
    verify(**{**options, "key": text.splitlines()[1]})


@pytest.mark.parametrize("comment", ["shop 2.0", "the shop 2.0 of today", "shop\t2.0"])
def test_a_trusted_comment_binds_name_and_version(minisign: Any, verify: Any, comment: str) -> None:
    verify(**minisign(comment=comment), comment="shop 2.0")


@pytest.mark.parametrize("comment", ["shop 2.0.1", "workshop 2.0", "2.0 shop", "shop 1.0 not 2.0", "shop"])
def test_a_signature_of_another_release_is_refused(minisign: Any, verify: Any, comment: str) -> None:
    with pytest.raises(
        StrataError, match=f"its trusted comment is '{comment}', which does not have 'shop 2.0'"
    ):
        verify(**minisign(comment=comment), comment="shop 2.0")


def test_a_wrong_minisign_key_is_refused(minisign: Any, verify: Any) -> None:
    first = minisign()
    minisign()
    with pytest.raises(StrataError, match=NOT_GOOD):
        verify(**first)


@pytest.mark.parametrize("line", [0, 1, 2, 3])
def test_a_tampered_minisign_signature_is_refused(
    minisign: Any, verify: Any, artifact: Path, line: int
) -> None:
    options = minisign()
    path = Path(f"{artifact}.minisig")
    lines = path.read_text().splitlines()
    lines[line] = (
        lines[line].replace("2.0", "3.0") if line == 2 else lines[line][:40] + "AAAA" + lines[line][44:]
    )
    path.write_text("\n".join(lines) + "\n")
    if line == 0:
        verify(**options)  # the untrusted comment is anybody's
        return
    with pytest.raises(StrataError, match=NOT_GOOD):
        verify(**options, comment=None if line != 2 else "shop 3.0")


def test_a_minisign_signature_that_needs_the_file_in_memory_is_refused(minisign: Any, verify: Any) -> None:
    with pytest.raises(StrataError, match=r"Sign with minisign 0\.10 or newer"):
        verify(**minisign("-l"))


# GPG


class Keyring:
    """A home of gpg that signs."""

    def __init__(self, home: Path, artifact: Path) -> None:
        self._home, self._artifact = home, artifact

    def gpg(self, *arguments: str, **options: Any) -> str:
        home = ("--homedir", str(self._home))
        unattended = ("--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "")
        return run("gpg", *home, *unattended, *arguments, **options)

    def make(self, name: str = "anna", *expiry: str) -> None:
        when = ("--faked-system-time", "20250101T000000") if expiry else ()
        self.gpg(
            *when, "--quick-generate-key", f"{name}@example.com", "ed25519", "sign", *(expiry or ["never"])
        )

    def sign(
        self, *options: str, name: str = "anna", target: str = ".asc", kind: str = "--detach-sign"
    ) -> None:
        output = f"{self._artifact}{target}"
        who = ("--local-user", f"{name}@example.com")
        self.gpg(*options, *who, "--armor", "--output", output, kind, str(self._artifact))

    def key(self, *names: str) -> str:
        return self.gpg("--armor", "--export", *(f"{name}@example.com" for name in names or ["anna"]))


@pytest.fixture
def keyring(artifact: Path) -> Iterator[Keyring]:
    need("gpg", "gpgv")
    # The path of an agent's socket is short.
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    try:
        yield Keyring(home, artifact)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)


def test_a_gpg_signature(keyring: Keyring, verify: Any, artifact: Path, tmp_path: Path) -> None:
    keyring.make()
    keyring.make("bea")
    keyring.sign()
    verify(format="gpg", key=keyring.key())
    verify(format="gpg", key=keyring.key("bea") + "\n" + keyring.key())
    (tmp_path / "armored.asc").write_text(keyring.key())
    verify(format="gpg", key=str(tmp_path / "armored.asc"))
    keyring.gpg("--output", str(tmp_path / "binary.gpg"), "--export")
    verify(format="gpg", key=str(tmp_path / "binary.gpg"))
    keyring.gpg("--output", f"{artifact}.sig", "--dearmor", f"{artifact}.asc")
    verify(format="gpg", key=keyring.key(), url=f"{artifact}.sig")
    if (keyring._home / "pubring.kbx").exists():
        verify(format="gpg", key=str(keyring._home / "pubring.kbx"))


def test_a_gpg_key_that_is_not_in_the_keyring_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make()
    keyring.make("bea")
    keyring.sign()
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*not in the keyring"):
        verify(format="gpg", key=keyring.key("bea"))


def test_a_gpg_signature_of_another_file_is_refused(keyring: Keyring, verify: Any, artifact: Path) -> None:
    keyring.make()
    keyring.sign()
    artifact.write_bytes(DATA + b"!")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*not the one that was signed"):
        verify(format="gpg", key=keyring.key())


def test_an_expired_gpg_key_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make("anna", "2025-02-01")
    keyring.sign("--faked-system-time", "20250115T000000")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*its key has expired"):
        verify(format="gpg", key=keyring.key())


def test_an_expired_gpg_signature_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make("anna", "never")
    keyring.sign("--faked-system-time", "20250115T000000", "--default-sig-expire", "1d")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*it has expired"):
        verify(format="gpg", key=keyring.key())


def test_a_revoked_gpg_key_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make()
    keyring.sign()
    (certificate,) = (keyring._home / "openpgp-revocs.d").glob("*.rev")
    text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
    keyring.gpg("--import", input=text)
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*its key was revoked"):
        verify(format="gpg", key=keyring.key())


@pytest.mark.parametrize("kind", ["--sign", "--clear-sign", "--store"])
def test_a_signed_message_is_no_signature_of_the_file(
    keyring: Keyring, verify: Any, artifact: Path, kind: str
) -> None:
    keyring.make()
    keyring.sign(kind=kind)
    artifact.write_bytes(b"something else")
    with pytest.raises(StrataError, match=r"not a detached signature|not a good one"):
        verify(format="gpg", key=keyring.key())


def test_a_message_in_the_armor_of_a_signature_is_refused(
    keyring: Keyring, verify: Any, artifact: Path
) -> None:
    keyring.make()
    keyring.sign(kind="--sign", target=".msg")
    message = Path(f"{artifact}.msg").read_text()
    keyring.sign()
    Path(f"{artifact}.asc").write_text(message.replace("MESSAGE", "SIGNATURE"))
    artifact.write_bytes(b"something else")
    with pytest.raises(StrataError, match="not a detached signature"):
        verify(format="gpg", key=keyring.key())


# ssh


@pytest.fixture
def ssh(artifact: Path, tmp_path: Path) -> Callable[..., str]:
    """Sign the artifact with a new key of ssh, and return the public one."""
    need("ssh-keygen")
    keys = iter(range(9))

    def sign(namespace: str = "file", kind: str = "ed25519") -> str:
        key = tmp_path / f"ssh{next(keys)}"
        run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "anna@example.com", "-f", str(key))
        Path(f"{artifact}.sig").unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(artifact))
        return Path(f"{key}.pub").read_text()

    return sign


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_an_ssh_signature(ssh: Any, verify: Any, tmp_path: Path, kind: str) -> None:
    key = ssh(kind=kind)
    verify(format="ssh", key=key)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"# who may sign\nbea@example.com {key}anna@example.com {key}")
    verify(format="ssh", key=str(allowed), identity="anna@example.com")
    verify(format="ssh", key=f'*@example.com namespaces="file" {key}', identity="carl@example.com")


@pytest.mark.parametrize(
    "options",
    [
        {"namespace": "shop"},
        {"identity": "bea@example.com"},
        {"key": 'anna@example.com namespaces="git" {key}'},
        {"key": 'anna@example.com valid-before="20200101" {key}'},
        {"key": "anna@example.com {other}"},
    ],
    ids=["another namespace", "another identity", "not for this namespace", "no longer", "another key"],
)
def test_an_ssh_signature_that_is_not_the_one_is_refused(ssh: Any, verify: Any, options: Any) -> None:
    other, key = ssh(), ssh()
    given = {"key": "anna@example.com {key}", "identity": "anna@example.com", **options}
    given["key"] = given["key"].format(key=key, other=other)
    with pytest.raises(StrataError, match=f"{NOT_GOOD} by (anna|bea)@example.com for the namespace"):
        verify(format="ssh", **given)


def test_a_namespace_binds_the_app(ssh: Any, verify: Any) -> None:
    verify(format="ssh", key=ssh("shop@example.com"), namespace="shop@example.com")


def test_an_ssh_signature_of_another_file_is_refused(ssh: Any, verify: Any, artifact: Path) -> None:
    key = ssh()
    artifact.write_bytes(DATA + b"!")
    with pytest.raises(StrataError, match=f"{NOT_GOOD} by the key that is configured"):
        verify(format="ssh", key=key)


# all of them

KEYS = {
    "minisign": "RWQ" + "A" * 53,
    "gpg": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmAA=\n-----END PGP PUBLIC KEY BLOCK-----\n",
    "ssh": "ssh-ed25519 AAAA",
}


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"untrusted comment: x\nRUQ\n", b"-----BEGIN PGP SIGNATURE-----"]
)
@pytest.mark.parametrize("format", ["minisign", "gpg", "ssh"])
def test_what_is_no_signature_is_refused(
    verify: Any, artifact: Path, ssh: Any, minisign: Any, keyring: Keyring, format: str, content: bytes
) -> None:
    keyring.make()
    keys = {"minisign": minisign()["key"], "gpg": keyring.key(), "ssh": ssh()}
    Path(f"{artifact}{PROVIDERS[format].SUFFIX}").write_bytes(content)
    with pytest.raises(StrataError, match=r"Verifying the signature of .*: it is not "):
        verify(format=format, key=keys[format])


@pytest.mark.parametrize("format", ["minisign", "ssh"])
def test_a_missing_signature_is_an_error(verify: Any, artifact: Path, format: str) -> None:
    with pytest.raises(StrataError, match=r"Fetching .*shop-2\.0\.tar\.gz\.\w+: No such file"):
        verify(
            format=format,
            key="RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
            if format == "minisign"
            else KEYS[format],
        )


@pytest.mark.parametrize("format", ["minisign", "gpg", "ssh"])
def test_a_missing_tool_is_named_with_its_package(
    verify: Any,
    artifact: Path,
    ssh: Any,
    minisign: Any,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
) -> None:
    keyring.make()
    keyring.sign()
    keys = {"minisign": minisign()["key"], "gpg": keyring.key(), "ssh": ssh()}
    monkeypatch.setenv("PATH", "/nowhere")
    package = {"minisign": "minisign", "gpg": "gpgv", "ssh": "openssh-client"}[format]
    with pytest.raises(
        StrataError, match=f"on the PATH of this host. Install it .*apt-get install {package}"
    ):
        verify(format=format, key=keys[format])


def test_a_key_that_is_not_there_is_an_error(ssh: Any, verify: Any) -> None:
    ssh()
    with pytest.raises(StrataError, match=r"the key /nowhere\.pub on the host cannot be read: No such file"):
        verify(format="ssh", key="/nowhere.pub")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"format": "pgp", "key": "x"}, "no signature format 'pgp'.*known: gpg, minisign, ssh"),
        ({"format": "ssh", "key": " "}, "key is empty"),
        ({"format": "minisign", "key": "RWx"}, "not a public key of minisign"),
        (
            {"format": "minisign", "key": "untrusted comment: minisign public key"},
            "not a public key of minisign",
        ),
        ({"format": "gpg", "key": "mDMEZ"}, "no public key of OpenPGP"),
        ({"format": "ssh", "key": "nonsense"}, "neither a public key of ssh nor a list"),
        ({"format": "ssh", "key": "anna ssh-ed25519 AAAA"}, "give the identity"),
        ({"format": "ssh", "key": "ssh-ed25519 AAAA", "namespace": ""}, "namespace is empty"),
        ({"format": "ssh", "key": "ssh-ed25519 AAAA", "comment": "shop 2.0"}, "'comment' is unknown"),
        ({"format": "minisign", "key": "/k", "comment": " "}, "must have a word"),
        (
            {"format": "ssh", "key": "/k", "url": "ftp://h/a"},
            "is none of these: an absolute path on the host",
        ),
    ],
)
def test_a_bad_demand_is_seen_before_any_request(given: Any, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Source("http://h/a", "unverified", signature=signature(given)).validate()


SSH = {"format": "ssh", "key": "ssh-ed25519 AAAA"}


def test_the_registry_is_alphabetical() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert all(name == provider.NAME for name, provider in PROVIDERS.items())


def test_a_signature_in_a_registry_must_be_told() -> None:
    with pytest.raises(StrataError, match="give its url"):
        Source("oci://h/a:1", "unverified", signature=signature(SSH)).validate()


def test_the_signature_lies_beside_a_signed_url() -> None:
    asked = signature({"format": "gpg", "key": "/k"})
    source = Source("https://h/a.tar.gz?token=1", "unverified", signature=asked)
    assert source.signature_url == "https://h/a.tar.gz.asc?token=1"
