"""The XMP packet that holds the receipt of a picture, and marks the picture as made by AI (IPTC, XMP part 1)."""

import base64
import re
from dataclasses import dataclass
from typing import Final, Self
from xml.sax.saxutils import escape, unescape

from domain.receipts.receipt import AI_MADE

NAMESPACE: Final = "urn:exemplar:receipt#"
_START: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="" xmlns:exemplar="{NAMESPACE}"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
)
_MARK: Final = f"<Iptc4xmpExt:DigitalSourceType>{AI_MADE}</Iptc4xmpExt:DigitalSourceType>"
_END: Final = '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
_FORM: Final = re.compile(
    rf"{re.escape(_START)}({re.escape(_MARK)})?<exemplar:head>([A-Za-z0-9+/=]*)</exemplar:head>"
    rf"<exemplar:receipt>([^<>]*)</exemplar:receipt>{re.escape(_END)}"
)


@dataclass(frozen=True, slots=True)
class Packet:
    """The receipt as text, whether the picture is marked, and the first bytes of a file that embedding changes."""

    receipt: str
    marked: bool
    head: bytes = b""

    def encode(self) -> bytes:
        mark = _MARK if self.marked else ""
        head = f"<exemplar:head>{base64.b64encode(self.head).decode()}</exemplar:head>"
        return f"{_START}{mark}{head}<exemplar:receipt>{escape(self.receipt)}</exemplar:receipt>{_END}".encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self | None:
        """Read a packet; None for one that `encode` has not written, byte by byte."""
        try:
            found = _FORM.fullmatch(encoded.decode())
            if found is None:
                return None
            packet = cls(unescape(found[3]), found[1] is not None, base64.b64decode(found[2], validate=True))
        except ValueError:
            return None
        return packet if packet.encode() == encoded else None
