#!/usr/bin/python3
"""Writes formats.txt: our own sealed formats, made from docs/spec/keys.md and store.md alone.

A second implementation beside the C code (hmac, hashlib and libsodium through ctypes), so that the
documents, the code and old files keep agreeing. usage: formats.py >formats.txt
"""
import base64
import ctypes
import hashlib
import hmac
import struct

sodium = ctypes.CDLL("libsodium.so.23")
assert sodium.sodium_init() >= 0


def hkdf(key, label, length=32):
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, label.encode() + b"\x01", hashlib.sha256).digest()[:length]


def xc(key, aad, plain, nonce):
    out = ctypes.create_string_buffer(len(plain) + 16)
    aad_len = ctypes.c_ulonglong(len(aad))
    rc = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, None, plain, ctypes.c_ulonglong(len(plain)), aad, aad_len, None, nonce, key)
    assert rc == 0
    return nonce + out.raw


def wrapped(master, aad, plain, nonce):
    key = hkdf(master, "paulyops/v1/master-wrap")
    return b"\x01" + hkdf(master, "paulyops/v1/master-id", 8) + xc(key, aad, plain, nonce)


def place(label, tenant, epoch, *parts):
    head = label.encode() + b"\0" + struct.pack(">QI", tenant, epoch)
    return head + b"".join(struct.pack(">H", len(p)) + p for p in parts)


def code_text(code):
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    check = hashlib.sha256(b"paulyops/v1/recovery-code" + code).digest()
    bits = "".join(f"{b:08b}" for b in code) + "".join(f"{b:08b}" for b in check)[:19]
    chars = [alphabet[int(bits[i:i + 5], 2)] for i in range(0, 275, 5)]
    return "-".join("".join(chars[i:i + 5]) for i in range(0, 55, 5))


def fill(start, length):
    return bytes((start + i) % 256 for i in range(length))


def main():
    master, old_master, seed = fill(1, 32), fill(101, 32), fill(33, 32)
    data_key, code = fill(65, 32), fill(200, 32)
    tenant, epoch = 1, 1
    state = struct.pack("<Bqqq", 1, 1000, 2000, 3000) + hkdf(master, "paulyops/v1/master-id", 8)
    state += b"\x01" + hkdf(old_master, "paulyops/v1/master-id", 8) + old_master
    state += struct.pack("<qq", 1000, 2000)
    data_aad = b"paulyops/v1/data-key" + struct.pack(">QI", tenant, epoch)
    recovery = xc(hkdf(code, "paulyops/v1/recovery"), b"paulyops/v1/recovery", master + state,
                  fill(9, 24))
    row = struct.pack(">Q", 7)
    cell_key = hkdf(data_key, "paulyops/v1/cell-key")

    def cell(table, column, row, value):
        aad = place("paulyops/v1/cell", tenant, epoch, table, column, row)
        return b"\x01\x01" + xc(cell_key, aad, value, fill(5, 24))

    token_input = place("paulyops/v1/token", tenant, epoch, b"user", b"email", b"a@example.org")
    token = hmac.new(hkdf(data_key, "paulyops/v1/token-key"), token_input, hashlib.sha256).digest()
    print("# source: docs/spec/keys.md and store.md through formats.py, which is not the C code")
    records = {
        "keys": {
            "master": master,
            "seed": seed,
            "ledger_file": wrapped(master, b"paulyops/v1/ledger-key",
                                   seed + struct.pack("<q", 1234), fill(2, 24)),
            "keyring_file": wrapped(master, b"paulyops/v1/keyring", state, fill(3, 24)),
            "data_key": data_key,
            "wrapped": wrapped(master, data_aad, data_key, fill(4, 24)),
            "wrapped_old": wrapped(old_master, data_aad, data_key, fill(4, 24)),
        },
        "recovery": {
            "code": code_text(code).encode(),
            "text": b"paulyops-recovery-v1 " + base64.b64encode(recovery) + b"\n",
        },
        "cells": {
            "tenant_name": cell(b"tenant", b"name", struct.pack(">Q", 1), b"Example"),
            "value": cell(b"register", b"value", row, b"2026-12-31"),
            "author": cell(b"register", b"author", row, b"os:1000"),
            "token": token[:16],
        },
    }
    for name, fields in records.items():
        print(f"\nname {name}")
        for key, value in fields.items():
            print(key, value.hex())


main()
