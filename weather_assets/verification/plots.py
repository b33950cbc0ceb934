"""Pictures of a verdict: reliability diagram, ROC curves, score comparison.

Belongs here: PNG bytes drawn from numbers that others computed. Does not belong here: any file, any
decision, or the figure itself (`foundation.figures`).

Everything is laid out for 700 pixels of width, the column of a web page.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from weather_assets.foundation.figures import new_figure, png_of
from weather_assets.verification.baselines import (
    BASE_RATE,
    CLIMATOLOGY,
    GRADIENT_BOOSTING,
    LOGISTIC_REGRESSION,
    PERSISTENCE,
)
from weather_assets.verification.metrics import (
    Calibration,
    decompose_brier,
    tables_by_threshold,
)
from weather_assets.verification.samples import FloatArray, WeatherRows
from weather_assets.verification.significance import Interval
from weather_assets.verification.verdict import CANDIDATE, CHAMPION, Verdict

RELIABILITY = "reliability"
ROC = "roc"
SCORE_COMPARISON = "score_comparison"

ROC_THRESHOLDS = 400
"""Points per ROC curve: finer than the 560 pixels of the axes can show apart."""
HISTOGRAM_BINS = 20
CURVES = (CANDIDATE, CHAMPION, LOGISTIC_REGRESSION, GRADIENT_BOOSTING, PERSISTENCE, CLIMATOLOGY)

COLOURS: Mapping[str, str] = {
    CANDIDATE: "#0072B2",
    CHAMPION: "#D55E00",
    GRADIENT_BOOSTING: "#009E73",
    LOGISTIC_REGRESSION: "#CC79A7",
    PERSISTENCE: "#E69F00",
    CLIMATOLOGY: "#56B4E9",
    BASE_RATE: "#7F7F7F",
}
"""One colour per forecast in every picture; told apart by colour-blind readers too.

Source: Okabe & Ito (2008), Color Universal Design."""

GREY = "#7F7F7F"


def draw_verdict(
    verdict: Verdict, probability: Mapping[str, FloatArray], test: WeatherRows
) -> dict[str, bytes]:
    """Returns every picture of a verdict as PNG bytes: `reliability`, `roc`, `score_comparison`.

    Args:
        verdict: the verdict.
        probability: by name of the forecast, [N] valid probabilities of the test rows; with
            `candidate`.
        test: the test rows, N >= 1.
    """
    return {
        RELIABILITY: draw_reliability(probability[CANDIDATE], test.observed_N, verdict.event),
        ROC: draw_roc(probability, test.observed_N, verdict.event, _areas(verdict)),
        SCORE_COMPARISON: draw_score_comparison(verdict),
    }


def draw_reliability(probability_N: FloatArray, observed_N: FloatArray, event: str) -> bytes:
    """Returns the CORP reliability diagram of one forecast, with the histogram of its values.

    Args:
        probability_N: [N] probability of the event, in [0, 1], N >= 1.
        observed_N: [N] 1.0 where it happened, else 0.0.
        event: the event in words.
    """
    calibration = decompose_brier(probability_N, observed_N)
    figure = new_figure(7.2)
    grid = figure.add_gridspec(2, 1, height_ratios=(4, 1))
    curve, histogram = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    _draw_calibration(curve, calibration, float(observed_N.mean()))
    curve.set_title(f"Reliability of the candidate on the test rows: {event}")
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    histogram.hist(probability_N, bins=edges.tolist(), color=COLOURS[CANDIDATE], edgecolor="white")
    # Most hours are dry, so rows per bin span orders of magnitude.
    histogram.set_yscale("log")
    histogram.set(xlim=(-0.02, 1.02), xlabel="forecast probability (1)", ylabel="rows")
    histogram.set_ylim(bottom=0.8)
    figure.align_ylabels()
    return png_of(figure)


def _draw_calibration(axes: Axes, calibration: Calibration, frequency: float) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="perfectly reliable")
    axes.axhline(frequency, color=GREY, linewidth=1, linestyle=":", label="event frequency")
    axes.plot(
        calibration.forecast_U,
        calibration.observed_U,
        color=COLOURS[CANDIDATE],
        linewidth=2,
        marker=".",
        markersize=4,
        label="candidate, isotonic (CORP)",
    )
    axes.text(
        0.98,
        0.12,
        f"miscalibration {calibration.miscalibration:.5f}\n"
        f"discrimination {calibration.discrimination:.5f}\n"
        f"uncertainty {calibration.uncertainty:.5f}",
        transform=axes.transAxes,
        horizontalalignment="right",
        family="monospace",
        bbox={"facecolor": "white", "edgecolor": "none"},
    )
    axes.set(
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        xlabel="forecast probability (1)",
        ylabel="observed event frequency (1)",
    )
    axes.legend(loc="upper left", frameon=False)


def draw_roc(
    probability: Mapping[str, FloatArray],
    observed_N: FloatArray,
    event: str,
    area: Mapping[str, float],
) -> bytes:
    """Returns the ROC curves of all forecasts that tell rows apart.

    Args:
        probability: by name of the forecast, [N] probability of the event, in [0, 1].
        observed_N: [N] 1.0 where it happened, else 0.0.
        event: the event in words.
        area: by name of the forecast, area under its curve, where it is defined.
    """
    figure = new_figure(6.8)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="no discrimination")
    for name in CURVES:
        # Without an area there is no curve; a constant forecast has none worth drawing.
        if name in area and np.ptp(probability[name]) > 0.0:
            false_T, detected_T = roc_points(probability[name], observed_N)
            axes.plot(
                false_T,
                detected_T,
                color=COLOURS[name],
                linewidth=2.5 if name == CANDIDATE else 1.5,
                zorder=3 if name == CANDIDATE else 2,
                label=f"{_label(name)}, area {area[name]:.3f}",
            )
    axes.set_title(f"ROC on the test rows: {event}")
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        xlabel="probability of false detection (1)",
        ylabel="probability of detection (1)",
    )
    axes.legend(loc="lower right", frameon=False)
    return png_of(figure)


def roc_points(probability_N: FloatArray, observed_N: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns points of a ROC curve, from always to never warning.

    Args:
        probability_N: [N] probability of the event, in [0, 1].
        observed_N: [N] 1.0 where it happened, else 0.0; both occur.

    Returns:
        Probability of false detection and probability of detection, [T] each.
    """
    # Quantiles of the events' probabilities: where the curve is steep, it gets its points.
    events_N, others_N = probability_N[observed_N > 0.0], probability_N[observed_N == 0.0]
    shares = np.linspace(0.0, 1.0, ROC_THRESHOLDS // 2)
    thresholds = np.unique(
        np.concatenate(
            [[0.0, np.inf], np.quantile(events_N, shares), np.quantile(others_N, shares)]
        )
    )
    tables: Any = tables_by_threshold(probability_N, observed_N, thresholds)
    rates = tables.probability_of_false_detection(), tables.probability_of_detection()
    false_T, detected_T = (np.asarray(rate.to_numpy(), dtype=np.float64) for rate in rates)
    return false_T, detected_T


def _areas(verdict: Verdict) -> dict[str, float]:
    return {
        name: scores.roc_auc
        for name, scores in verdict.scores.items()
        if scores.roc_auc is not None
    }


def draw_score_comparison(verdict: Verdict) -> bytes:
    """Returns the Brier skill scores of all forecasts, and the candidate's lead on each of them.

    The intervals on the left overlap although the differences are clear, because all forecasts
    find the same days easy; the paired intervals on the right are those that decide.

    Args:
        verdict: a verdict with scores.
    """
    order = (CANDIDATE, CHAMPION, GRADIENT_BOOSTING, LOGISTIC_REGRESSION, PERSISTENCE, CLIMATOLOGY)
    names = [name for name in order if name in verdict.scores][::-1]
    figure = new_figure(1.9 + 0.5 * len(names))
    skill, lead = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for position, name in enumerate(names):
        value = verdict.scores[name].brier_skill_score
        _draw_interval(skill, position, name, value, verdict.skill_intervals.get(name))
    _draw_leads(lead, names, verdict)
    skill.set_yticks(range(len(names)), [_label(name) for name in names])
    skill.set_ylim(-0.6, len(names) - 0.3)
    skill.set_xlabel("Brier skill score (1)\nagainst the training base rate")
    lead.set_xlabel("candidate's lead in skill (1)\npaired; dashed: margin")
    rows, level = verdict.rows["test"], verdict.criteria.superiority_confidence
    figure.suptitle(
        f"Skill on {rows['rows']} test rows with {rows['events']} events: {verdict.event}\n"
        f"bars: {level:.0%} intervals, bootstrap of {rows['blocks']} blocks "
        f"({_label(verdict.block_kind.value)})",
        fontsize="medium",
    )
    for axes in (skill, lead):
        axes.axvline(0.0, color=GREY, linewidth=1, zorder=0)
        axes.margins(x=0.12)
    return png_of(figure)


def _draw_leads(axes: Axes, names: list[str], verdict: Verdict) -> None:
    # Skill is 1 - Brier score / scale, so a difference of Brier scores is one of skill by -scale.
    scale = verdict.scores[BASE_RATE].brier_score
    for comparison in verdict.comparisons:
        if comparison.reference in names:
            ratio = comparison.brier_score
            lead = replace(
                ratio,
                estimate=-ratio.estimate / scale,
                lower=-ratio.upper / scale,
                upper=-ratio.lower / scale,
            )
            position = names.index(comparison.reference)
            _draw_interval(axes, position, comparison.reference, lead.estimate, lead)
    axes.axvline(-verdict.criteria.margin, color=GREY, linewidth=1, linestyle="--", zorder=0)


def _draw_interval(
    axes: Axes, position: int, name: str, value: float | None, interval: Interval | None
) -> None:
    if value is None:
        return
    axes.plot([value], [position], color=COLOURS[name], marker="o", markersize=8)
    if interval is not None:
        bounds = [interval.lower, interval.upper]
        axes.plot(bounds, [position, position], color=COLOURS[name], linewidth=3)
    axes.annotate(
        # Adding zero turns -0.0 into 0.0.
        f"{round(value, 3) + 0.0:+.3f}",
        (value, position),
        textcoords="offset points",
        xytext=(0, 9),
        horizontalalignment="center",
    )


def _label(name: str) -> str:
    return name.replace("_", " ")
