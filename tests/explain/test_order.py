"""The root cause stands first."""

from __future__ import annotations

from dualano_setup.explain.read import explain_bytes

NMS = "Traceback (most recent call last):\nRuntimeError: operator torchvision::nms does not exist\n"
HIDDEN = "Could not import module 'PreTrainedModel'. Are this object's requirements defined correctly?"
LAMENT = "subprocess.CalledProcessError: Command '['python', 't.py']' returned non-zero exit status 1.\n"
OOM = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB\n"
XFORMERS = "WARNING[XFORMERS]: xFormers can't load C++/CUDA extensions. xFormers was built for:\n"


def explained(text):
    return explain_bytes(text.encode())


def bar(step, loss="0.1"):
    return f"Steps: 1%|# | {step}/500 [00:01<03:00, 1.25s/it, loss={loss}, lr=2e-5]\r"


def ids(explanation):
    return [named.seen.signature.id for named in explanation.problems]


def test_consequences_are_folded_under_their_cause():
    log = NMS + f"Traceback (most recent call last):\nModuleNotFoundError: {HIDDEN}\n"
    explanation = explained(log + "Traceback (most recent call last):\n" + LAMENT)
    assert ids(explanation) == ["torchvision-nms"]
    folded = [seen.signature.id for seen in explanation.problems[0].followed_by]
    assert sorted(folded) == ["torchrun-wrapper", "transformers-hides-the-cause"]
    assert not explanation.notices


def test_an_error_stands_before_an_earlier_warning():
    explanation = explained(XFORMERS + bar(1) + "\n" + OOM)
    assert ids(explanation) == ["cuda-oom", "xformers-cannot-load"]
    assert explanation.exit_status == 0


def test_what_a_run_survived_is_not_its_end():
    other = "Traceback (most recent call last):\nValueError: images do not match\n"
    explanation = explained(bar(3) + "\n" + OOM + bar(4) + bar(5) + "\n" + other)
    assert ids(explanation) == ["object-mask-size", "cuda-oom"]
    assert [named.survived for named in explanation.problems] == [False, True]


def test_an_unknown_end_is_not_blamed_on_what_was_survived():
    log = bar(3) + "\n" + OOM + bar(4) + "\nTraceback (most recent call last):\nFooError: never seen\n"
    explanation = explained(log)
    assert ids(explanation) == ["uncaught-exception", "cuda-oom"]
    assert explanation.unknown[-1] == "FooError: never seen"
    assert explanation.exit_status == 1


def test_a_bar_redrawn_at_the_end_is_no_progress():
    explanation = explained(bar(3) + "\n" + OOM + bar(3))
    assert not explanation.problems[0].survived


def test_the_launchers_lament_alone_is_no_cause():
    explanation = explained("Traceback (most recent call last):\n" + LAMENT)
    assert ids(explanation) == ["launched-process-failed"]
    assert not explanation.notices
    assert explanation.exit_status == 1


def test_several_ranks_are_one_problem():
    text = "".join(f"[rank{rank}]: RuntimeError: CUDA error: invalid device ordinal\n" for rank in (1, 0, 1))
    (named,) = explained(text).problems
    assert (named.seen.count, named.seen.ranks, named.seen.line) == (3, ("1", "0"), 1)
