"""Edges and time: is the label's alpha better than every teacher's, and does smoothing over time cost anything?

On the keyed clip, whose alpha is exact: boundary F and MAD-T (error of the alpha in the truth's unknown band) of every
teacher, of the fused votes, and of the label by way of matting. The halo: the person composited on grey, with the
label's colours and with the picture's own, against the same person keyed and put on grey (mean difference of the band's
pixels, 0-255). On the sequences of the truth folder: dtSSD, flicker and IoU with and without smoothing over time.

All with parameters that never saw what they are measured on, see `labels.py`. The last line is JSON: `keyed`, method to
metrics, and `time`, smoothing `off` and `on` to metrics.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from keyed_clip import keyed_bursts
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import LabelRow
from pipeline.calibration_data import Known, known_bursts
from pipeline.ensemble import Ensemble, link_models
from pipeline.folds import KEYED, cross_fits, fit_for, folds
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.matte_metrics import mad_t, unknown_band
from qa.metrics import as_unit, boundary_f, iou
from qa.video_metrics import dtssd, flicker
from stages.fuse import Evidence, Fuse, FuseConfig
from stages.semantics import keep_people
from stages.strategies import disagreement
from stages.trimap import FOREGROUND, UNKNOWN, trimap_from_votes

ROOT = Path(__file__).resolve().parents[1]
GREY = 128
KNN_EVERY = 8
"""KNN matting is slow: every eighth keyed frame is enough to compare with closed form."""


def main() -> None:
    """Measure, print two tables, and one line of JSON."""
    options = truth_parser(__doc__).parse_args()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    known = known_bursts(options.truth, params.ingest)
    dealt = folds(known)
    keyed = [Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)]
    films = [one for one in known if len(one.burst.frames) > 1]
    names = sorted({fit_for(one, "sets", dealt) for one in (*keyed, *films)})
    fits = cross_fits(known, names, dealt, params, options.cache, jobs=options.jobs, console=console)
    ensemble = Ensemble(params, options.cache)

    def config(one: Known) -> FuseConfig:
        return fits[fit_for(one, "sets", dealt)]

    edges = _mean(_edges(keyed, config(keyed[0]), ensemble, params, console))
    console.print(_table("keyed clip", edges))
    times = {name: _mean(_times(films, config, ensemble, on, console)) for name, on in (("off", False), ("on", True))}
    console.print(_table("smoothing over time", {name: values["label"] for name, values in times.items()}))
    print(json.dumps({"keyed": edges, "time": {name: values["label"] for name, values in times.items()}}))


Figures = dict[str, dict[str, float]]
"""Method to metric to value, of one frame or burst."""


def _edges(
    keyed: Sequence[Known], config: FuseConfig, ensemble: Ensemble, params: Params, console: Console
) -> Iterator[Figures]:
    fuse = Fuse(config)
    fuse.setup()
    on_grey = _on_grey(params)
    with stage_progress("edges", console) as progress:
        for done, one in enumerate(keyed, start=1):
            clip = ensemble.clip(one.burst.frames)
            for index, label in enumerate(fuse.process(clip)):
                evidence, truth = fuse.weigh(clip, index), decode_grey(one.burst.truths[index])
                assert isinstance(evidence, Evidence) and isinstance(label, LabelRow)
                alphas = dict(zip(evidence.teachers, evidence.votes, strict=True))
                alphas["fused votes"] = fuse.probability(evidence)
                alphas["label"] = as_unit(decode_grey(label.alpha))
                if (done + index) % KNN_EVERY == 0:
                    alphas["label by knn"] = _knn(evidence, alphas["fused votes"], config)
                    alphas["label, same frames"] = alphas["label"]
                found = {name: _edge(alpha, truth) for name, alpha in alphas.items()}
                exact = decode_rgb(on_grey[one.burst.frames[index].time_us])
                band = unknown_band(truth)
                for name, colours in (("label", decode_rgb(label.foreground)), ("picture's colours", evidence.image)):
                    composite = _composited(colours, alphas["label"])
                    halo = float(np.abs(composite.astype(int) - exact)[band].mean())
                    found[name] = found.get(name, {}) | {"halo": halo}
                yield found
            progress(done, len(keyed), KEYED)


def _on_grey(params: Params) -> dict[int, bytes]:
    """Time to the keyed person on plain grey, PNG."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grey.png"
        cv2.imwrite(str(path), np.full((480, 640, 3), GREY, np.uint8))
        stored = params.ingest.model_copy(update={"format": "png"})
        return {frame.time_us: frame.image for burst in keyed_bursts(stored, [path]) for frame in burst.frames}


def _edge(alpha: NDArray[np.float32], truth: Grey) -> dict[str, float]:
    return {"bf": boundary_f(alpha, truth), "mad_t": mad_t(alpha, truth), "iou": iou(alpha, truth)}


def _composited(colours: Image, alpha: NDArray[np.float32]) -> Image:
    share = alpha[..., None]
    return np.asarray(np.rint(share * colours + (1 - share) * GREY), np.uint8)


def _knn(evidence: Evidence, probability: NDArray[np.float32], config: FuseConfig) -> NDArray[np.float32]:
    """The frame matted by KNN instead of closed form, pulled towards the votes as much."""
    from pymatting import knn_laplacian
    from scipy.sparse import diags
    from scipy.sparse.linalg import spsolve

    probability = keep_people(probability, evidence.boxes, margin=config.box_margin)
    trimap = trimap_from_votes(probability, disagreement(evidence.votes, evidence.weights), config.trimap)
    unknown = (trimap == UNKNOWN).ravel()
    alpha = np.where(trimap == UNKNOWN, probability, trimap == FOREGROUND).astype(np.float64).ravel()
    laplacian = knn_laplacian(evidence.image / 255.0).tocsr()
    free, known = np.flatnonzero(unknown), np.flatnonzero(~unknown)
    rows = laplacian[free]
    system = rows[:, free] + config.matting.prior_weight * diags(np.ones(len(free)))
    right = config.matting.prior_weight * alpha[free] - rows[:, known] @ alpha[known]
    alpha[free] = spsolve(system.tocsc(), right)
    return np.clip(alpha, 0, 1).astype(np.float32).reshape(trimap.shape)


def _times(
    films: Sequence[Known],
    config: Callable[[Known], FuseConfig],
    ensemble: Ensemble,
    enabled: bool,
    console: Console,
) -> Iterator[Figures]:
    with stage_progress(f"smoothing {'on' if enabled else 'off'}", console) as progress:
        for done, one in enumerate(films, start=1):
            chosen = config(one)
            chosen = chosen.model_copy(update={"temporal": chosen.temporal.model_copy(update={"enabled": enabled})})
            fuse = Fuse(chosen)
            labels = [label for label in fuse.process(ensemble.clip(one.burst.frames)) if isinstance(label, LabelRow)]
            alphas = [decode_grey(label.alpha) for label in labels]
            size = alphas[0].shape[1::-1]
            truths = [cv2.resize(decode_grey(truth), size, interpolation=cv2.INTER_AREA) for truth in one.burst.truths]
            pictures = [decode_rgb(frame.image) for frame in one.burst.frames]
            images = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
            yield {
                "label": {
                    "dtssd": dtssd(alphas, truths),
                    "flicker": 1000 * flicker(alphas, images),
                    "iou": float(np.mean([iou(*pair) for pair in zip(alphas, truths, strict=True)])),
                    "bf": float(np.mean([boundary_f(*pair) for pair in zip(alphas, truths, strict=True)])),
                }
            }
            progress(done, len(films), one.group)


def _mean(frames: Iterator[Figures]) -> Figures:
    """Means over the frames that have a figure."""
    values: dict[str, dict[str, list[float]]] = {}
    for figures in frames:
        for method, metrics in figures.items():
            for metric, value in metrics.items():
                values.setdefault(method, {}).setdefault(metric, []).append(value)
    return {
        method: {metric: round(float(np.mean(found)), 4) for metric, found in metrics.items()}
        for method, metrics in values.items()
    }


def _table(title: str, figures: Mapping[str, Mapping[str, float]]) -> Table:
    metrics = list(dict.fromkeys(metric for values in figures.values() for metric in values))
    table = Table("method", *metrics, title=title)
    for method, values in figures.items():
        table.add_row(method, *(f"{values[metric]:.4f}" if metric in values else "" for metric in metrics))
    return table


if __name__ == "__main__":
    main()
