"""Certificates that nobody signed, for servers of our own."""

import subprocess


def make_certificate(folder, name="localhost"):
    """Paths of a certificate and of its key, made by openssl."""
    certificate, key = folder / f"{name}.certificate", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}", "-out", certificate, "-keyout", key],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)  # fmt: skip
    return certificate, key
