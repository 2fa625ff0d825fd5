"""IS, FID, KID and IC-LPIPS against their definitions."""

import itertools

import numpy as np
import pytest

from trainer.evaluate.metrics.features import frechet_distance, ic_lpips, inception_score, kernel_distance, kid


def test_inception_score_of_sure_and_unsure_predictions():
    sure = np.repeat(np.eye(10) * 100, 20, axis=0)
    draws = np.random.RandomState(2020).permutation(200)  # each split has its share of classes, as it falls
    parts = [
        np.unique(np.repeat(np.arange(10), 20)[draws][at : at + 20], return_counts=True)[1] for at in range(0, 200, 20)
    ]
    wanted = np.mean([np.exp(-sum(n / 20 * np.log(n / 20) for n in part)) for part in parts])
    assert inception_score(sure)[0] == pytest.approx(wanted)
    assert inception_score(np.zeros((200, 10)))[0] == pytest.approx(1.0)
    assert np.isnan(inception_score(sure[:5])[0])


@pytest.mark.parametrize(("n", "m", "width"), [(40, 50, 4), (12, 9, 30), (2, 3, 5)])
def test_frechet_distance_is_that_of_the_matrix_root(n, m, width):
    draws = np.random.default_rng(0)
    one, other = draws.normal(size=(n, width)), draws.normal(0.3, 1.5, (m, width))
    covariances = [np.cov(rows, rowvar=False) for rows in (one, other)]
    root = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).astype(complex)).real.sum()
    wanted = ((one.mean(0) - other.mean(0)) ** 2).sum() + sum(map(np.trace, covariances)) - 2 * root
    assert frechet_distance(one, other) == pytest.approx(wanted, abs=1e-5)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert np.isnan(frechet_distance(one[:1], other))


def test_kernel_distance_is_that_of_all_pairs():
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(6, 5)), draws.normal(size=(8, 5))

    def kernel(a, b):
        return (a @ b / 5 + 1) ** 3

    inner = [np.mean([kernel(a, b) for a, b in itertools.permutations(rows, 2)]) for rows in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(sum(inner) - 2 * across)


def test_kid_draws_as_many_as_there_are():
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(6, 5)), draws.normal(size=(30, 5))
    assert kid(x, x, 1000, 3, np.random.RandomState(0))[0] == pytest.approx(kernel_distance(x, x))
    assert np.isfinite(kid(x, y, 1000, 3, np.random.RandomState(0))[0])
    assert np.isnan(kid(x[:1], y, 10, 3, np.random.RandomState(0))[0])


def test_ic_lpips_by_hand():
    places = np.array([0.0, 1.0, 3.0, 10.0, 20.0, 20.0])  # pictures on a line; reals at 0, 9, 50
    to_reals = np.abs(places[:, None] - np.array([0.0, 9.0, 50.0])[None])

    def within(chosen):
        return np.abs(places[chosen][:, None] - places[chosen][None])

    found = ic_lpips(to_reals, within)
    assert found.sizes == (3, 3, 0)
    assert found.value == pytest.approx((2 + 20 / 3) / 2)  # mean of (1, 3, 2) and of (10, 10, 0)
    zeros = ic_lpips(to_reals, within, most=2, chosen="first", empty="zero")
    assert zeros.compared == (2, 2, 0)
    assert zeros.value == pytest.approx((1 + 10 + 0) / 3)
    assert zeros.without_empty == pytest.approx((1 + 10) / 2)


def test_ties_and_single_pictures_as_each_script_has_them():
    tie = np.zeros((2, 2))
    assert ic_lpips(tie, lambda chosen: np.ones((2, 2))).sizes == (0, 2)
    assert ic_lpips(tie, lambda chosen: np.ones((2, 2)), empty="zero", chosen="first").sizes == (2, 0)
    alone = ic_lpips(np.zeros((1, 1)), lambda chosen: np.ones((1, 1)))
    assert np.isnan(alone.value)
    assert ic_lpips(np.zeros((1, 1)), lambda chosen: np.ones((1, 1)), empty="zero").value == 0.0


def test_clusters_are_shuffled_before_they_are_cut():
    to_reals, seen = np.zeros((9, 1)), []
    ic_lpips(
        to_reals, lambda chosen: seen.append(chosen) or np.ones((2, 2)), most=2, shuffle=lambda rows: rows.reverse()
    )
    assert seen == [[8, 7]]
