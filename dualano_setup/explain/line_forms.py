"""What a single line of any program's log is: an exception, a success, a frame of a traceback, an aside. Pure."""

from __future__ import annotations

import re
from typing import Literal, cast

from .clean import rank_of

Level = Literal["quiet", "warning", "error", ""]
_CAPTURED = re.compile(r"lines? of output\]|Complete output(?: \(|$)|^\s*\[(?:stderr|stdout)\]$|Complete output from command")
_END_OF_CAPTURED = re.compile(r"\[end of output\]|^\s*-{20,}$")
_FRAME = re.compile(r'^\s*File "(?:[^"]+)", line \d+')
_CHAIN = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause of the following exception)"
)
_AFTER_FRAMES = re.compile(r"^(?:\w+\.)*([A-Za-z_]\w*)(?:: .*|:|)$")
_LONE = re.compile(
    r"^(?:[A-Z]+:[\w.]+:|[\w.-]+: )?(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure|Fault|Expired|Timeout|NotFound"
    r"|Exceeded|Missing|Iteration|Refused|Denied|Failed|Died|Disconnected|Violation|Mismatch|Required|Found))(?::(?: |$)|$)"
    r"|^(?:[a-z_]\w*\.)+([A-Z]\w*): |^(gaierror|KeyboardInterrupt|BadZipFile|IncompleteRead)\b"
)
_LEVEL = re.compile(
    r"\b(?:(?P<quiet>INFO|DEBUG|TRACE|NOTICE|(?:info|debug|notice)(?=\]|:|\s\|))|(?P<error>ERROR|CRITICAL|FATAL|error:|Error:|fatal:)"
    r"|(?P<warning>WARN(?:ING)?\b|[Ww]arn(?:ing)?(?=\]?:| {2})|\w{1,40}Warning(?=: )))"
)
_NO_ACCOUNT = re.compile(
    r"\.\.\. ?(?:ok|skipped|expected failure|passed|done|yes|no|found|not found)\b|\b(?:PASSED|SKIPPED|XFAIL|XPASS|xfail(?:ed)?)\b|^E   |^>   "
    r"|^ok \d|^--- PASS|^\s*✓|^\s*√|^checking |^-- (?:Looking|Check|Performing|Found|Detecting|The )|^PASS\b|^[#+] |^\+{1,3} |^\$ "
    r"|^(?:test_|tests?/|testing/)\S+ |^[ \d]+% ?\||^\[ *\d+(?:%|/\d+)\]|^\[ +OK +\]|^\[ RUN "
    r"|(?i:\b(?:ignored|ignoring|non-fatal|nonfatal|not fatal|harmless|as expected|expected (?:error|failure|exception)|recovered|handled|"
    r"retrying|will retry|retry in|attempt \d|trying again|skipping|skipped|falling back|fall back|fallback|continuing|caught)\b)"
)
_GOOD = re.compile(
    r"(?i)\bsuccess(?:ful|fully)?\b|\bsucceeded\b|\b(?<![1-9] )all (?:\d+ )?(?:tests?|checks?) (?:have )?passed|^OK(?: \(.*\))?$|^all done"
    r"|\b\d+ passed\b|test result: ok|^(?:all )?(?:done|finished|complete|completed)\b[.! ]*(?:in .*|\(.*\))?$|\bexit(?:ed)?(?: with)?(?: code| status)?:? 0\b"
    r"|\b(?:training|run|job|build|evaluation|export|processing|script|program|pipeline|download|installation|work) (?:is |has )?(?:been )?(?:complete|completed|finished|done|ended well)\b"
    r"|^saved?\b|\bsaved (?:to|in|as|model|checkpoint)|\b(?:model|checkpoint|results?|report|weights|output|file) (?:was |were )?(?:saved|written)"
    r"|\bwrote \d|\bwritten to\b|no broken requirements|would make no changes|^up to date|^(?:added|installed|audited) \d+ packages?"
    r"|\[100%\] (?:built|linking)|^built target|^finished `?(?:dev|release|test|bench)|\bfinished (?:without|with 0|with no)\b"
    r"|\b0 (?:errors?|failures?|failed)\b|^passed\b|^tests? passed|\b100% tests passed|^\[ *passed *\]|already satisfied|no errors?\b|^ok\b"
    r"|\bcontinu(?:e|es|ing|ed)\b|\bfall(?:ing|s)? ?back\b|\bfallback\b|\bretry(?:ing)?\b|\brecover(?:ed|ing)\b|\bresum(?:ed|ing)\b"
    r"|\bskipp(?:ed|ing)\b|\bignor(?:ed|ing)\b|\bhandled\b|\bcaught\b|\bas expected\b|\bgoing on\b|\bgoes on\b|\busing (?:the )?defaults?\b|\binstead\b|\banyway\b|\bdisabled\b"
    r"|\breconnected\b|\bworking again\b|\bprocessed \d|\btotal (?:time|runtime)\b|^copying |^creating |^running |^adding |^removing |^writing "
)
_NOT_GOOD = re.compile(
    r"(?i)\b(?:un|not |without |no |in)success|\b[1-9]\d* (?:failed|errors?|failing|failures?)\b|\bfail(?:ed|ure)s?\b|\berror\b(?!s\b)|not (?:complete|finish|saved)"
    r"|\bcould not\b|\bcannot\b|\bunable\b|could not be|no such|\bto continue\b|\bcannot be ignored|\babort|interrupted"
)
_TRIVIAL = re.compile(
    r"^(?:\[notice\]|note:|hint:|help:|for more|for details|to update|see |please |try |warning|wandb: |goroutine |exit status|##\[|npm |make|srun: "
    r"|slurmstepd: |[=\-*~#_.^+| ]+$|\[w|\[i|cleaning up|clean up|post job|real\b|user\b|sys\b|\$ |end of |exiting|job (?:ended|finished) at|\d[\d:. -]*$|at "
    r"|caused by|root cause|traceback|previous line repeated|the above exception|during handling|time +:|host +:|rank +:|exitcode +:|error_file|"
    r"failures:|other failures|first_failed|to enable|set |if you|you can|you may|consider|check |make sure|run |use |did you|available|valid|more info|documentation|"
    r"terminating|sending|stopping|shutting|killing|closing|waiting|disconnect|compile with|for debugging|cuda kernel errors|a complete log|this |these |it |the )"
    r"|^[)\]}>'\",;|│╰├└]+|^\S+:\d+: (?:note|user)|leaked semaphore|resource_tracker|^\d+ \|| \^+~*$",
    re.IGNORECASE,
)
_BEGINS_ANEW = re.compile(r"^(?:Traceback|\$ |Steps:|During handling|The above exception|\[notice\])")
_CODE = re.compile(r"^(?:raise|return|assert|if|elif|else|with|for|while|def|class|try|except|self\.|await|yield|from|import|@|\w+ = |\w+\.\w+\(|\w+\()")


def level(line: str) -> Level:
    """What a logger says of the line's weight, "" where none does. Of two words the first holds."""
    found = _LEVEL.search(line[:120])
    return cast(Level, found.lastgroup) if found else ""


def exception_name(text: str, *, after_frames: bool) -> str:
    """The class that a line names as raised, without its module, or "". Behind frames of a traceback any name is one."""
    found = (after_frames and _AFTER_FRAMES.match(text)) or _LONE.match(text)
    return next((group for group in found.groups() if group), "") if found else ""


def is_of_no_account(text: str) -> bool:
    """Whether a line that may hold an error's words tells of a test, a check or an error that was dealt with."""
    return _NO_ACCOUNT.search(text) is not None


def is_good(text: str) -> bool:
    """Whether a line says that the work succeeded or went on."""
    return _GOOD.search(text) is not None and _NOT_GOOD.search(text) is None


def is_trivial(raw: str, text: str) -> bool:
    """Whether a line may follow a failure without meaning that the program went on: asides, advice, frames, launchers."""
    unranked = raw[raw.find("]: ") + 3 :] if rank_of(raw) else raw
    return unranked[:1].isspace() or _TRIVIAL.search(text) is not None


def begins_anew(text: str) -> bool:
    """Whether a line no longer belongs to the message above it."""
    return _BEGINS_ANEW.match(text) is not None


class Traceback:
    """Follows tracebacks from line to line."""

    def __init__(self) -> None:
        self._inside = False
        self._code = False
        self.place = ""

    def step(self, raw: str, text: str) -> Literal["frame", "last", "chain", ""]:
        """What the next line is: part of the frames, a traceback's last line, between two of a chain, or none of it."""
        if _CHAIN.match(text):
            self._inside = False
            return "chain"
        if text.startswith(("Traceback (most recent call last)", "Exception Group Traceback")):
            self._inside, self.place = True, ""
            return "frame"
        if _FRAME.match(text):
            self._inside, self._code, self.place = True, True, text
            return "frame"
        if not self._inside:
            return "frame" if _is_indented(raw) and _CODE.match(text) else ""
        if _is_indented(raw) and (self._code or text.startswith(("^", "~", "[Previous line", "..."))):
            self._code = False
            return "frame"
        if _is_indented(raw) and not _LONE.match(text):
            return "frame"
        self._inside = False
        return "last" if _AFTER_FRAMES.match(text) else ""


class Captured:
    """Follows what an installer captured of a build: it happened in the build's surroundings, not in the environment."""

    def __init__(self) -> None:
        self._inside = False

    def holds(self, raw: str) -> bool:
        """Whether the next line stands in captured output."""
        if _CAPTURED.search(raw):
            self._inside = True
            return True
        if self._inside and (_END_OF_CAPTURED.search(raw) or (raw.strip() and not _is_indented(raw))):
            self._inside = False
        return self._inside


def _is_indented(raw: str) -> bool:
    unranked = raw[raw.find("]: ") + 3 :] if rank_of(raw) else raw
    return unranked[:1] in (" ", "\t", "│", "|")
