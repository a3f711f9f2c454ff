#!/usr/bin/env python3
"""Lets a test drive the unmodified Python SDK (atsdk) against a real atServer.

    client.py @alice DIRECTORY_HOST:PORT

The environment says the rest, because that is where the SDK looks: SSL_CERT_FILE is the CA to trust,
HOME holds .atsign/keys/@alice_key.atKeys, which `onboard` writes and the others read.

Each line of standard input is a command, its words separated by tabs, and gets one line in answer: "ok"
and what came of it, or "failed", the class of the exception and what it says. Keys are given in full.

    onboard SECRET_FILE         the SDK's whole onboarding
    put KEY VALUE [TTL_MS]      a commit id
    copy KEY VALUE              put, and the other server may keep a copy for as long as there is a value
    get KEY                     the value
    life KEY                    its time to live in ms, and the seconds from its writing to its end
    delete KEY                  a commit id
    scan REGEX                  keys, whose metadata the SDK could read, too
    notify KEY VALUE            an id
    monitor REGEX               nothing; `next` tells from now on of what the server was ever notified of
    next                        update or delete, from whom, the key, the value as the SDK decrypts it; what tells
                                of a key in common is for the SDK alone
"""

import queue
import sys
import threading
import time

from at_client import AtClient
from at_client.common import AtSign
from at_client.common.keys import Keys
from at_client.connections.address import Address
from at_client.connections.atrootconnection import AtRootConnection
from at_client.connections.atsecondaryconnection import AtSecondaryConnection
from at_client.connections.notification.atevents import AtEventType
from at_client.exception.atexception import AtUnauthenticatedException
from at_client.util.authutil import AuthUtil
from at_client.util.keysutil import KeysUtil
from at_client.util.onboardingutil import OnboardingUtil

PATIENCE = 30  # seconds for a notification


class Driver:
    def __init__(self, sign, directory):
        self.sign, self.directory = AtSign(sign), Address.from_string(directory)
        self.client = None  # from the first command on that needs it
        self.watcher = None  # the one that monitors

    def do(self, command, *args):
        if command == "onboard":
            return self.onboard(*args)
        if self.client is None:
            self.client = AtClient(self.sign, root_address=self.directory)
        return getattr(self, command)(*args)

    def onboard(self, secret_file):
        """CRAM, PKAM key, PKAM on the same connection, public key, secret deleted."""
        with open(secret_file, encoding="ascii") as file:
            secret = file.read().strip()
        address = AtRootConnection.get_instance(self.directory.host, self.directory.port).find_secondary(self.sign)
        connection = AtSecondaryConnection(address)
        connection.connect()
        AuthUtil.authenticate_with_cram(connection, self.sign, secret)
        keys = {}
        OnboardingUtil.generate_pkam_keypair(keys)
        OnboardingUtil.generate_encryption_keypair(keys)
        OnboardingUtil.generate_self_encryption_key(keys)
        OnboardingUtil.store_pkam_public_key(connection, keys)
        AuthUtil.authenticate_with_pkam(connection, self.sign, keys)
        OnboardingUtil.store_public_encryption_key(connection, self.sign.without_prefix, keys)
        OnboardingUtil.delete_cram_key(connection)
        KeysUtil.save_keys(self.sign, keys)
        connection.disconnect()

        late = AtSecondaryConnection(address)
        late.connect()
        try:
            AuthUtil.authenticate_with_cram(late, self.sign, secret)
        except AtUnauthenticatedException:
            return []
        finally:
            late.disconnect()
        raise AssertionError("the secret is good for a second time")

    def put(self, key, value, ttl="0"):
        return [self.client.put(Keys.from_string(key).set_time_to_live(int(ttl)), value)]

    def copy(self, key, value):
        return [self.client.put(Keys.from_string(key).cache(3600, True), value)]

    def get(self, key):
        return [self.client.get(Keys.from_string(key))]

    def life(self, key):
        key = Keys.from_string(key)
        self.client.get(key)
        lasts = key.metadata.expires_at - key.metadata.updated_at
        return [key.metadata.ttl, round(lasts.total_seconds())]

    def delete(self, key):
        return [self.client.delete(Keys.from_string(key))]

    def scan(self, regex):
        return sorted(map(str, self.client.get_at_keys(regex, fetch_metadata=True)))

    def notify(self, key, value):
        return [self.client.notify(Keys.from_string(key), value)]

    def monitor(self, regex):
        self.watcher = AtClient(self.sign, root_address=self.directory, queue=queue.Queue())
        threading.Thread(target=self.watcher.start_monitor, args=(regex,), daemon=True).start()
        return []

    def next(self):
        late = time.monotonic() + PATIENCE
        while True:
            event = self.watcher.queue.get(timeout=max(0, late - time.monotonic()))
            data = event.event_data
            if event.event_type == AtEventType.SHARED_KEY_NOTIFICATION:
                self.watcher.handle_event(self.watcher.queue, event)  # which keeps the key
            elif event.event_type == AtEventType.UPDATE_NOTIFICATION and data["value"]:
                self.watcher.handle_event(self.watcher.queue, event)  # which queues it decrypted
            elif event.event_type in (AtEventType.UPDATE_NOTIFICATION, AtEventType.DELETE_NOTIFICATION):
                return [data["operation"], data["from"], data["key"], ""]
            elif event.event_type == AtEventType.DECRYPTED_UPDATE_NOTIFICATION:
                return [data["operation"], data["from"], data["key"], data["decryptedValue"]]
            elif event.event_type == AtEventType.MONITOR_EXCEPTION:
                raise AssertionError(str(data))


def main():
    answers, sys.stdout = sys.stdout, sys.stderr  # where the SDK talks
    driver = Driver(*sys.argv[1:])
    for line in sys.stdin:
        try:
            words = ["ok", *driver.do(*line.rstrip("\n").split("\t"))]
        except Exception as e:  # pylint: disable=broad-except
            words = ["failed", type(e).__name__, str(e).replace("\n", " ")]
        print(*words, sep="\t", file=answers, flush=True)


if __name__ == "__main__":
    main()
