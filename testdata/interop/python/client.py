#!/usr/bin/env python3
"""Drives the unmodified Python SDK (atsdk) against a real atServer.

    client.py onboard  --atsign @alice --directory HOST:PORT --secret-file FILE
    client.py records  --atsign @alice --directory HOST:PORT
    client.py put      --atsign @alice --directory HOST:PORT self|public NAME VALUE
    client.py check    --atsign @alice --directory HOST:PORT self|public NAME VALUE

The environment says the rest, because that is where the SDK looks: SSL_CERT_FILE is the CA to trust,
HOME holds .atsign/keys/@alice_key.atKeys, which `onboard` writes and the others read.

Prints one line per step that held. The first that does not ends the run with exit status 1 and says
what differed.
"""

import argparse
import os
import sys

from at_client import AtClient
from at_client.common import AtSign
from at_client.common.keys import PublicKey, SelfKey
from at_client.connections.address import Address
from at_client.connections.atrootconnection import AtRootConnection
from at_client.connections.atsecondaryconnection import AtSecondaryConnection
from at_client.exception.atexception import AtKeyNotFoundException, AtUnauthenticatedException
from at_client.util.authutil import AuthUtil
from at_client.util.keysutil import KeysUtil
from at_client.util.onboardingutil import OnboardingUtil

NAMESPACE = "interop"
KINDS = {"self": SelfKey, "public": PublicKey}


class Differs(Exception):
    """A step did not give what it should."""


def step(name, got, want):
    if got != want:
        raise Differs(f"{name}: got {short(got)}, want {short(want)}")
    print(f"python: {name}: ok", flush=True)


def short(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def refused(name, error, call):
    """The step holds if call raises error."""
    try:
        got = call()
    except error:
        step(name, error.__name__, error.__name__)
    else:
        raise Differs(f"{name}: got {short(got)}, want {error.__name__}")


def key(sign, kind, name):
    return KINDS[kind](name, sign).set_namespace(NAMESPACE)


def onboard(sign, directory, secret):
    """The SDK's own onboarding: CRAM, PKAM key, PKAM on the same connection, public key, secret deleted."""
    address = AtRootConnection.get_instance(directory.host, directory.port).find_secondary(sign)
    print(f"python: the directory names {address}: ok", flush=True)
    connection = AtSecondaryConnection(address)
    connection.connect()

    AuthUtil.authenticate_with_cram(connection, sign, secret)
    print("python: cram: ok", flush=True)
    keys = {}
    OnboardingUtil.generate_pkam_keypair(keys)
    OnboardingUtil.generate_encryption_keypair(keys)
    OnboardingUtil.generate_self_encryption_key(keys)
    OnboardingUtil.store_pkam_public_key(connection, keys)
    AuthUtil.authenticate_with_pkam(connection, sign, keys)
    print("python: pkam on the connection that did cram: ok", flush=True)
    OnboardingUtil.store_public_encryption_key(connection, sign.without_prefix, keys)
    OnboardingUtil.delete_cram_key(connection)
    KeysUtil.save_keys(sign, keys)
    connection.disconnect()

    again = AtSecondaryConnection(address)
    again.connect()
    AuthUtil.authenticate_with_pkam(again, sign, KeysUtil.load_keys(sign))
    print("python: pkam on a new connection: ok", flush=True)
    stored = again.execute_command(f"llookup:public:publickey{sign}").get_raw_data_response()
    step("the public key that others look up", stored, keys[KeysUtil.encryption_public_key_name])
    again.disconnect()

    late = AtSecondaryConnection(address)
    late.connect()
    refused("the secret is spent", AtUnauthenticatedException,
            lambda: AuthUtil.authenticate_with_cram(late, sign, secret))
    late.disconnect()


def records(client, sign):
    """Put, get, scan and delete of self and public keys, each value checked."""
    values = {
        ("self", "note"): "first line, with 'quotes', a : and a @",
        ("self", "unicode"): "Grüße, 日本語, 🛠",
        ("self", "large"): "0123456789abcdef" * 2048,
        ("public", "card"): "anyone may read this",
    }
    for (kind, name), value in values.items():
        step(f"put {kind} {name} answers a commit id", client.put(key(sign, kind, name), value).isdigit(), True)
        step(f"get {kind} {name}", client.get(key(sign, kind, name)), value)

    client.put(key(sign, "self", "note"), "second")
    step("get self note after a second put", client.get(key(sign, "self", "note")), "second")

    brief = key(sign, "self", "brief").set_time_to_live(3_600_000)
    client.put(brief, "for an hour")
    fetched = key(sign, "self", "brief")
    step("get self brief", client.get(fetched), "for an hour")
    step("its time to live", fetched.metadata.ttl, 3_600_000)
    lifetime = fetched.metadata.expires_at - fetched.metadata.updated_at
    step("its end, an hour after the write", round(lifetime.total_seconds()), 3600)

    names = [*values, ("self", "brief")]
    want = sorted(str(key(sign, kind, name)) for kind, name in names)
    found = client.get_at_keys(rf"\.{NAMESPACE}@", fetch_metadata=True)
    step("scan with a pattern", sorted(map(str, found)), want)
    step("the metadata of each", all(found_key.metadata.created_at for found_key in found), True)
    everything = {str(k) for k in client.get_at_keys("", fetch_metadata=False)}
    step("scan of everything holds the public key", f"public:publickey{sign}" in everything, True)

    for kind, name in names:
        step(f"delete {kind} {name} answers a commit id", client.delete(key(sign, kind, name)).isdigit(), True)
        refused(f"get {kind} {name} after its delete", AtKeyNotFoundException,
                lambda: client.get(key(sign, kind, name)))
    step("scan after the deletes", client.get_at_keys(rf"\.{NAMESPACE}@", fetch_metadata=False), [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("onboard", "records", "put", "check"):
        sub = commands.add_parser(command)
        sub.add_argument("--atsign", required=True)
        sub.add_argument("--directory", required=True, type=Address.from_string)
        if command == "onboard":
            sub.add_argument("--secret-file", required=True)
        if command in ("put", "check"):
            sub.add_argument("kind", choices=KINDS)
            sub.add_argument("name")
            sub.add_argument("value")
    args = parser.parse_args()
    if "SSL_CERT_FILE" not in os.environ:
        parser.error("SSL_CERT_FILE must name the CA to trust")

    sign = AtSign(args.atsign)
    if args.command == "onboard":
        with open(args.secret_file, encoding="ascii") as file:
            onboard(sign, args.directory, file.read().strip())
        return
    client = AtClient(sign, root_address=args.directory)
    print("python: pkam with the key file: ok", flush=True)
    if args.command == "records":
        records(client, sign)
    elif args.command == "put":
        step(f"put {args.kind} {args.name}", client.put(key(sign, args.kind, args.name), args.value).isdigit(), True)
    else:
        step(f"get {args.kind} {args.name}", client.get(key(sign, args.kind, args.name)), args.value)


if __name__ == "__main__":
    try:
        main()
    except Differs as differs:
        sys.exit(f"python: FAILED: {differs}")
