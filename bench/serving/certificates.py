"""Certificates that nobody signed, for servers of our own."""

import ssl
import subprocess


def any_certificate():
    """For a server of our own with a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def make_certificate(folder, name="localhost"):
    """Paths of a certificate and of its key, made by openssl."""
    certificate, key = folder / f"{name}.certificate", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}", "-out", certificate, "-keyout", key],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)  # fmt: skip
    return certificate, key
