"""An explanation in words for a terminal, and as a document for programs."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain.order import Explanation, Named
from ..explain.signatures import Signature, in_language
from ..language import N_, _, spoken
from ..text.printable import printable
from ..text.width import text_columns, wrap
from .terminal import Style

_SHOWN_FOLLOWERS = 3
_SURE = {
    "high": N_("quite sure"),
    "medium": N_("likely"),
    "low": N_("a guess: this message has several causes"),
}


def render_explanation(
    explanation: Explanation, style: Style, verbosity: int = 0, name: str = "", installed: Sequence[str] = ()
) -> str:
    """The whole explanation: problems with the root cause first, an error nobody knows, and notices in one line.

    `name` of the log that was read; `installed`: what the environment's metadata say of the root, in words.
    """
    root = explanation.root
    blocks = []
    if explanation.unknown and root is None:
        blocks.append(_unknown(explanation.unknown, style))
    for named in explanation.problems:
        text = problem_text(named, style, verbosity)
        blocks.append(text + "".join(map(_indent, installed)) if named is root else text)
    if explanation.unknown and root is not None:
        blocks.append(_last_words(explanation.unknown, root.seen.text, style))
    if not explanation.problems and not explanation.unknown:
        blocks.append(_nothing(explanation.lines, name))
    if explanation.notices:
        names = ", ".join(named.seen.signature.id for named in explanation.notices)
        blocks.append(_("Harmless, and no reason for a failure: {names}", names=names) + "\n")
    return "\n".join(filter(None, blocks))


def problem_text(named: Named, style: Style, verbosity: int = 0) -> str:
    """One problem: what it is, where it was seen, why it happens, what to type, how sure that is."""
    signature = named.seen.signature
    mark, code = ("✗", "31;1") if signature.severity == "fatal" and not named.survived else ("!", "33;1")
    title = f"{signature.rule}  {signature.id}" if signature.rule else signature.id
    text = f"{style.paint(mark, code)} {style.paint(title, '1')}  {_place(named)}\n"
    text += _indent(style.paint(printable(named.seen.text[:300]), "2"))
    if signature.general:
        text += _indent(_("A general kind of failure, not one of the known problems."))
    text += _indent(in_language(signature.cause, spoken()))
    text += _to_do(signature, style)
    if named.survived:
        text += _indent(_("The run went on after this; it is not what ended it."))
    sure = _("{sure} ({evidence}, {date})", sure=_(_SURE[signature.sure]), evidence=signature.evidence,
             date=signature.date)  # fmt: skip
    text += _indent(style.paint(sure, "2"))
    if signature.rule:
        text += _indent(style.paint(_("more: dualano-doctor rule {rule}", rule=signature.rule), "2"))
    if verbosity:
        text += "".join(_indent(source) for source in signature.sources)
    shown = named.followed_by if verbosity else named.followed_by[:_SHOWN_FOLLOWERS]
    for seen in shown:
        line = _("{id}, line {line}: a consequence", id=seen.signature.id, line=seen.line)
        text += f"    ↳ {line}\n"
    return text


def _to_do(signature: Signature, style: Style) -> str:
    """What to do: that `fix` does it, where it does; then what a person can, one line for each way."""
    ways = cures(signature)
    repaired = repairable(signature) and not any("dualano-doctor" in way for way in ways)
    if len(ways) == 1:
        label = _("fix repairs this. By hand: ") if repaired else _("to do: ")
        return _indent(style.paint(label, "2") + ways[0])
    head = _("fix repairs this. By hand, one or more of:") if repaired else _("to do, one or more of:")
    return _indent(style.paint(head, "2")) + "".join(f"  {row}" for way in ways for row in _rows("- " + way))


def cures(signature: Signature) -> Sequence[str]:
    """What to do, in the language spoken."""
    return in_language(signature.cure, spoken())


def repairable(signature: Signature) -> bool:
    """Whether `fix` repairs what the signature's rule finds."""
    from ..rules.registry import RULES

    return any(rule.id == signature.rule and rule.repairable for rule in RULES)


def document(explanation: Explanation, installed: Sequence[str] = ()) -> dict[str, object]:
    """For --json. Causes and cures are in the language spoken; ids are not translated."""
    return {
        "schema": 1,
        "status": explanation.exit_status,
        "root": explanation.root.seen.signature.id if explanation.root else None,
        "problems": [_row(named) for named in explanation.problems],
        "notices": [_row(named) for named in explanation.notices],
        "unknown_error": list(explanation.unknown),
        "installed": list(installed),
        "lines": explanation.lines,
        "bytes": explanation.bytes_read,
    }


def _row(named: Named) -> dict[str, object]:
    seen, signature = named.seen, named.seen.signature
    return {
        "id": signature.id,
        "rule": signature.rule or None,
        "severity": signature.severity,
        "general": signature.general,
        "cause": in_language(signature.cause, spoken()),
        "cure": list(cures(signature)),
        "repairable": repairable(signature),
        "sure": signature.sure,
        "evidence": signature.evidence,
        "versions": signature.versions,
        "sources": list(signature.sources),
        "line": seen.line,
        "text": seen.text,
        "count": seen.count,
        "ranks": list(seen.ranks),
        "survived": named.survived,
        "consequences": [follower.signature.id for follower in named.followed_by],
    }


def _place(named: Named) -> str:
    seen = named.seen
    if seen.ranks:
        return _("line {line}, ranks {ranks}", line=seen.line, ranks=", ".join(seen.ranks))
    return _("line {line}", line=seen.line)


def _unknown(lines: Sequence[str], style: Style) -> str:
    head = _("An error that is not among the known ones; nothing is guessed. The log's last error:")
    return head + "\n" + "".join(_indent(style.paint(printable(line[:500]), "31")) for line in lines)


def _last_words(lines: Sequence[str], shown: str, style: Style) -> str:
    """The last error's own lines, where they say more than the line that is already shown."""
    if list(lines) == [shown]:
        return ""
    head = _("The log's last error:")
    return head + "\n" + "".join(_indent(style.paint(printable(line[:500]), "31")) for line in lines)


def _nothing(lines: int, name: str) -> str:
    if name:
        text = _("{name}: no known problem and no error in it (lines: {lines}).", name=printable(name), lines=lines)
    elif lines == 1:
        return _("No known problem and no error in one line.\n")
    else:
        text = _("No known problem and no error in {lines} lines.", lines=lines)
    return text + "\n"


def _indent(text: str) -> str:
    return "".join(_rows(text))


def _rows(text: str) -> list[str]:
    return [f"    {row}\n" for row in wrap(text, text_columns()) or [""]]
