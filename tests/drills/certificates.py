"""A certificate authority of a drill's own, and what it and others vouch for."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def context(self, folder: Path) -> ssl.SSLContext:
        """For a server that shows this certificate."""
        path = folder / f"{self.certificate.serial_number}.pem"
        path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self.certificate.public_bytes(serialization.Encoding.PEM)
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    def written(self, path: Path) -> Path:
        """The certificate alone, for whoever trusts it."""
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def authority() -> Certified:
    """Whom the product is told to trust."""
    return _certified("Drill authority", None, None, is_authority=True)


def vouched(by: Certified | None, host: str = "localhost", age_days: int = 0) -> Certified:
    """A certificate for `host`, valid for a day, made `age_days` ago; by itself without `by`."""
    return _certified(host, host, by, age_days=age_days)


def _certified(
    name: str,
    host: str | None,
    by: Certified | None,
    *,
    is_authority: bool = False,
    age_days: int = 0,
) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime.now(datetime.UTC) - DAY * (age_days + 0.5)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if host:
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.99"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Certified(builder.sign(by.key if by else key, hashes.SHA256()), key)
