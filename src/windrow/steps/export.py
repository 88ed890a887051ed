"""Write a trained model as ONNX, after it has forecast as the model itself does."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """Add this step's options."""
    parser.add_argument("--settings", required=True, help="settings of the stage, or an experiment file")
    parser.add_argument("--shards", required=True, type=Path, help="directory of the shards")
    parser.add_argument("--model", required=True, type=Path, help="the trained model")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as there are cores")
    parser.add_argument("--output", required=True, type=Path, help="the network (ONNX)")
    parser.add_argument("--report", required=True, type=Path, help="difference and latency (output, JSON)")


def run(args: argparse.Namespace) -> None:
    """Export, compare, write both."""
    import numpy as np
    import torch

    from windrow import cuts, stages
    from windrow.files import write_json
    from windrow.shards.reader import ShardReader
    from windrow.training.data import valid_windows
    from windrow.training.export import SAMPLES, export_onnx
    from windrow.training.trained import load_trained

    settings = cuts.read_settings(stages.Export, args.settings, stage="export")
    if args.threads:
        torch.set_num_threads(args.threads)
    reader = ShardReader(args.shards, settings.layout)
    firsts = valid_windows(reader, settings.test, settings.sequences, name="test")
    chosen = firsts[np.linspace(0, len(firsts) - 1, min(SAMPLES, len(firsts))).round().astype(int)]
    trained = load_trained(args.model, device=torch.device("cpu"), graphs=args.shards.parent / "graphs")
    found = export_onnx(trained, reader, chosen, args.output)
    write_json(args.report, found.content())
    print(
        f"{args.output}: opset {found.opset}, differs by {found.difference:.1e} of the spread on "
        f"{found.samples} windows; "
        f"{found.onnx_ms:.1f} ms a forecast, PyTorch {found.torch_ms:.1f} ms"
    )
