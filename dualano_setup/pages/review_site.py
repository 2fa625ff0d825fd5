"""The page on which a person goes through generated pairs, and what it asks for."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError, WorkError
from ..facts.project.image_header import read_image
from ..language import _
from ..system.files import read_whole
from .pairs import IMAGE, MANIFEST, MASK, PART, Pair, reason_in_words, summary
from .pictures import Album
from .render import page
from .review import Painted, Review
from .run import real_images
from .server import JSON, Answer
from .source import Source

_KINDS = {"image": IMAGE, "part": PART, "mask": MASK}
_MAX_PICTURE = 64 << 20
_ALLOW = {"img-src": "'self' data:", "connect-src": "'self'"}


class ReviewSite:
    """Reviews the pairs of one run."""

    def __init__(self, source: Source) -> None:
        """Raises UsageError where the run has no pairs."""
        generated = source.generated
        if generated is None:
            raise UsageError(
                _(
                    "{name} has no generated pairs to review ({manifest} is not there); `dualano-doctor generate` "
                    "makes some",
                    name=source.name,
                    manifest=MANIFEST,
                )
            )
        self.source, self.review, self.key = source, Review(generated), secrets.token_urlsafe(18)
        self._lock = threading.Lock()

    def get(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """The page, the pairs as JSON, or a picture of a pair."""
        del query
        if path == "":
            real = real_images(self.source.output, Album())
            text = page("review.html", ("review.js",), _ALLOW, name=self.source.name, key=self.key, real=real)
            return Answer(text.encode("utf-8", "replace"))
        if path == "pairs":
            return _json(self._told())
        kind, __, rest = path.partition("/")
        index, __, which = rest.partition("/")
        if kind != "picture" or which not in _KINDS or not index.isdecimal():
            return None
        return self._picture(int(index), _KINDS[which])

    def post(self, path: str, query: Mapping[str, str], body: bytes) -> Answer | None:
        """Decides, paints or takes back; answers with the pairs as they are then, or says why not."""
        try:
            with self._lock:
                changed = self._do(path, query, body)
        except (WorkError, OSError) as error:
            return _json({"refused": str(error)})
        except (ValueError, KeyError):
            return None
        return _json({**self._told(), "changed": changed})

    def _do(self, path: str, query: Mapping[str, str], body: bytes) -> int | None:
        """The pair that was changed. Raises ValueError for what nobody can ask."""
        if path == "undo":
            return self.review.undo()
        index = int(query.get("index", ""))
        if path == "decide":
            if query.get("verdict") not in ("accepted", "rejected"):
                raise ValueError
            self.review.decide(index, query["verdict"])
        elif path == "mask":
            self.review.paint(index, Painted(int(query["width"]), int(query["height"]), body))
        else:
            raise ValueError
        return index

    def _told(self) -> dict[str, Any]:
        pairs = self.review.pairs()
        told = summary(pairs)
        counts = {"total": told.total, "accepted": told.accepted, "reviewed": told.reviewed}
        return {"pairs": [self._row(pair) for pair in pairs], **counts, "undo": self.review.decisions()}

    def _row(self, pair: Pair) -> dict[str, Any]:
        measures = [[name, f"{value:.3g}"] for name, value in pair.measures]
        return {
            "index": pair.index,
            "name": pair.stem,
            "verdict": pair.verdict,
            "accepted": pair.accepted,
            "reasons": [reason_in_words(reason) for reason in pair.reasons],
            "quality": pair.quality,
            "mask": str(pair.review.get("mask") or ""),
            "has_mask": pair.files(self.review.folder)[MASK].is_file(),
            "measures": measures,
        }

    def _picture(self, index: int, kind: str) -> Answer | None:
        pair = next((one for one in self.review.pairs() if one.index == index), None)
        path = pair.files(self.review.folder)[kind] if pair else None
        if path is None or read_image(path).error:
            return None
        try:
            data = read_whole(path, _MAX_PICTURE)
        except OSError:
            return None
        kinds = {b"\x89P": "png", b"\xff\xd8": "jpeg", b"RI": "webp"}
        return Answer(data, f"image/{kinds.get(data[:2], 'png')}")


def _json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), JSON)
