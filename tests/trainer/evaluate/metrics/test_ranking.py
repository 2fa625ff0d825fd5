"""AUROC, AP and F1 against their definitions and against scikit-learn's values, hostile cases included."""

import numpy as np
import pytest

from trainer.evaluate.metrics.ranking import auroc, average_precision, f1_max, f1_steps, rank, thinned

#: Cases whose values scikit-learn 1.9.1 gave (roc_auc_score, average_precision_score, the largest F1 of
#: precision_recall_curve). benchmarks/evaluate/originals.py computes them anew.
GOLDEN = {
    "distinct": ([0, 1, 0, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.7, 0.9], 0.6666666667, 0.6388888889, 0.8571428571),
    "ties": ([0, 1, 0, 1, 1, 0], [0.5, 0.5, 0.5, 0.5, 0.2, 0.2], 0.5, 0.5, 0.6666666667),
    "constant": ([0, 1, 1, 0], [0.0, 0.0, 0.0, 0.0], 0.5, 0.5, 0.6666666667),
    "reversed": ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], 0.0, 0.4166666667, 0.6666666667),
    "whole numbers of 16 bits": ([0, 1, 0, 1], [65535, 65534, 3, 65535], 0.625, 0.5833333333, 0.8),
}


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.uint16])
def test_the_values_of_scikit_learn(name, kind):
    labels, scores, *wanted = GOLDEN[name]
    if (max(scores) > 1) != (kind is np.uint16):
        pytest.skip("not of this kind")
    ranking = rank(np.array(labels), np.array(scores, kind))
    found = (auroc(ranking), average_precision(ranking), f1_max(ranking)[0])
    assert found == pytest.approx(wanted, abs=1e-9)


def by_definition(labels, scores):
    """AUROC by pairs, AP and F1 by every threshold."""
    good, bad = scores[labels == 0].astype(float), scores[labels == 1].astype(float)
    pairs = (bad[:, None] > good[None]).mean() + 0.5 * (bad[:, None] == good[None]).mean()
    area, best, before = 0.0, 0.0, 0.0
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        hits = (called & (labels == 1)).sum()
        precision, recall = hits / called.sum(), hits / (labels == 1).sum()
        area += (recall - before) * precision
        best = max(best, 2 * hits / (called.sum() + (labels == 1).sum()))
        before = recall
    return pairs, area, best


@pytest.mark.parametrize("levels", [2, 7, 1000])
def test_the_definitions(levels):
    draws = np.random.default_rng(levels)
    for _ in range(20):
        labels = draws.integers(0, 2, 60)
        labels[:2] = 0, 1
        scores = (draws.integers(0, levels, 60) / levels).astype(np.float32)
        ranking = rank(labels.reshape(6, 10), scores.reshape(6, 10))
        found = (auroc(ranking), average_precision(ranking), f1_max(ranking)[0])
        assert found == pytest.approx(by_definition(labels, scores), abs=1e-12)


def test_a_class_that_is_missing_has_no_number():
    assert np.isnan(auroc(rank(np.zeros(3), np.arange(3.0))))
    assert np.isnan(average_precision(rank(np.zeros(3), np.arange(3.0))))
    assert np.isnan(f1_max(rank(np.zeros(3), np.arange(3.0)))[0])
    all_bad = rank(np.ones(3), np.arange(3.0))
    assert np.isnan(auroc(all_bad))
    assert (average_precision(all_bad), f1_max(all_bad)[0]) == (1.0, 1.0)


@pytest.mark.parametrize(("labels", "scores"), [([0, 1], [0.5, np.nan]), ([0, 1], [np.inf, 0]), ([0, 1, 1], [0, 1])])
def test_what_cannot_be_ranked_is_refused(labels, scores):
    with pytest.raises(ValueError, match=r"finite|shape"):
        rank(np.array(labels), np.array(scores, float))


def test_f1_over_steps_is_that_of_the_thresholds_one_by_one():
    draws = np.random.default_rng(0)
    labels, scores = draws.random(500) < 0.2, draws.random(500).astype(np.float32).round(2)
    best, steps = 0.0, np.arange(0, 1.001, 0.05)
    for step in steps:
        called = scores > step
        both = (called & labels).sum()
        precision, recall = both / (called.sum() + 1e-8), both / (labels.sum() + 1e-8)
        best = max(best, 2 * precision * recall / (precision + recall + 1e-8))
    assert f1_steps(labels, scores, steps) == pytest.approx(best, abs=1e-12)


def test_a_thinned_curve_keeps_its_ends():
    draws = np.random.default_rng(0)
    ranking = rank(draws.random(5000) < 0.5, draws.random(5000))
    recall, precision, _ = thinned(ranking, 50)
    assert len(recall) <= 50
    assert recall[-1] == 1.0
    assert set(precision) <= set(ranking.precision)
